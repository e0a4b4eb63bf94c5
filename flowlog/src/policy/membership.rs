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

/// A fixed set of addresses, IPv4 and IPv6 apart.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AddressSet {
    v4: Box<[u32]>,
    v6: Box<[u128]>,
}

impl AddressSet {
    /// Whether the address is in the set. Logarithmic, allocation-free.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        match address {
            IpAddr::V4(address) => self.v4.binary_search(&address.to_bits()).is_ok(),
            IpAddr::V6(address) => self.v6.binary_search(&address.to_bits()).is_ok(),
        }
    }

    /// How many addresses there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.v4.len() + self.v6.len()
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
        v4.sort_unstable();
        v4.dedup();
        v6.sort_unstable();
        v6.dedup();
        Self {
            v4: v4.into_boxed_slice(),
            v6: v6.into_boxed_slice(),
        }
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
