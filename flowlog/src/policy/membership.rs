//! Who carries which group: the attachments of an ENI, and the addresses behind each group.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::address::{AclId, GroupId};

/// What is attached to one ENI and to its subnet.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Attachments {
    /// The ENI's security groups, in the order that settles ties of priority. None: the
    /// security-group layer denies everything.
    pub security_groups: Vec<GroupId>,
    /// The network ACL of the ENI's subnet. None: the ACL layer allows everything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network_acl: Option<AclId>,
}

/// A fixed set of numbers: open addressing, at most half full, so that a look-up ends after a
/// probe or two. Built from sorted numbers, hence equal sets are laid out alike.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct NumberSet<N> {
    slots: Box<[Option<N>]>,
    len: usize,
}

impl<N: Copy + Ord + Into<u128>> NumberSet<N> {
    fn new(mut numbers: Vec<N>) -> Self {
        numbers.sort_unstable();
        numbers.dedup();
        let mut set =
            Self { slots: vec![None; numbers.len().saturating_mul(2).next_power_of_two()].into(), len: numbers.len() };
        for number in &numbers {
            let free = set.probe(*number).find(|at| set.at(*at).is_none());
            if let Some(slot) = free.and_then(|at| set.slots.get_mut(at)) {
                *slot = Some(*number);
            }
        }
        set
    }

    fn contains(&self, number: N) -> bool {
        self.probe(number).map_while(|at| self.at(at)).any(|found| found == number)
    }

    fn at(&self, slot: usize) -> Option<N> {
        self.slots.get(slot).copied().flatten()
    }

    /// Every slot, from the number's own one on.
    fn probe(&self, number: N) -> impl Iterator<Item = usize> + use<N> {
        /// 2^64 divided by the golden ratio: neighbouring addresses land far apart.
        const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;
        let number: u128 = number.into();
        let (high, low) = ((number >> 64) as u64, number as u64);
        let hash = (high.wrapping_mul(SPREAD).rotate_left(32) ^ low).wrapping_mul(SPREAD);
        let mask = self.slots.len().wrapping_sub(1);
        let home = (hash >> 32) as usize;
        (0..self.slots.len()).map(move |step| home.wrapping_add(step) & mask)
    }
}

/// A fixed set of addresses, IPv4 and IPv6 apart.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AddressSet {
    v4: NumberSet<u32>,
    v6: NumberSet<u128>,
}

impl AddressSet {
    /// Whether the address is in the set. Allocation-free.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        match address {
            IpAddr::V4(address) => self.v4.contains(address.to_bits()),
            IpAddr::V6(address) => self.v6.contains(address.to_bits()),
        }
    }

    /// How many addresses there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.v4.len + self.v6.len
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl FromIterator<IpAddr> for AddressSet {
    fn from_iter<I: IntoIterator<Item = IpAddr>>(addresses: I) -> Self {
        let mut v4 = Vec::new();
        let mut v6 = Vec::new();
        for address in addresses {
            match address {
                IpAddr::V4(address) => v4.push(address.to_bits()),
                IpAddr::V6(address) => v6.push(address.to_bits()),
            }
        }
        Self { v4: NumberSet::new(v4), v6: NumberSet::new(v6) }
    }
}

/// For each security group, the addresses of the ENIs that have it attached at one moment.
///
/// Collected from (group, address) pairs. Policies compiled from one membership share its sets.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Membership {
    groups: BTreeMap<GroupId, Arc<AddressSet>>,
}

impl Membership {
    /// The addresses of a group: the empty set when no ENI has it attached.
    #[must_use]
    pub fn of(&self, group: &GroupId) -> Arc<AddressSet> {
        self.groups.get(group).cloned().unwrap_or_default()
    }
}

impl FromIterator<(GroupId, IpAddr)> for Membership {
    fn from_iter<I: IntoIterator<Item = (GroupId, IpAddr)>>(members: I) -> Self {
        let mut lists: BTreeMap<GroupId, Vec<IpAddr>> = BTreeMap::new();
        for (group, address) in members {
            lists.entry(group).or_default().push(address);
        }
        Self {
            groups: lists
                .into_iter()
                .map(|(group, addresses)| (group, Arc::new(addresses.into_iter().collect())))
                .collect(),
        }
    }
}
