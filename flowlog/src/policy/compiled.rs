//! Rules made ready for matching: in their order, group references resolved, nothing allocated
//! while a packet is tested.

use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;

use super::Direction;
use super::address::{Cidr, Peer};
use super::membership::{AddressSet, Membership};
use super::protocol::{PortRange, Protocol};
use super::rule::{Rule, RuleAction, RuleId};
use crate::verdict::Packet;

/// The peer of a rule, its group reference resolved.
#[derive(Debug)]
enum PeerTest {
    Any,
    V4 { network: u32, mask: u32 },
    V6 { network: u128, mask: u128 },
    Members(Arc<AddressSet>),
}

impl PeerTest {
    fn of_cidr(cidr: &Cidr) -> Self {
        match cidr.net() {
            IpNet::V4(net) => Self::V4 { network: net.network().to_bits(), mask: net.netmask().to_bits() },
            IpNet::V6(net) => Self::V6 { network: net.network().to_bits(), mask: net.netmask().to_bits() },
        }
    }

    fn matches(&self, address: IpAddr) -> bool {
        match (self, address) {
            (Self::Any, _) => true,
            (Self::V4 { network, mask }, IpAddr::V4(address)) => address.to_bits() & mask == *network,
            (Self::V6 { network, mask }, IpAddr::V6(address)) => address.to_bits() & mask == *network,
            (Self::Members(set), address) => set.contains(address),
            (Self::V4 { .. }, IpAddr::V6(_)) | (Self::V6 { .. }, IpAddr::V4(_)) => false,
        }
    }
}

/// A rule made ready for matching.
#[derive(Debug)]
pub(crate) struct RuleTest {
    peer: PeerTest,
    pub(crate) id: RuleId,
    ports: PortRange,
    source_ports: PortRange,
    protocol: Protocol,
    icmp_type: Option<u8>,
    icmp_code: Option<u8>,
    pub(crate) action: RuleAction,
    /// Position of the rule's group on the ENI; 0 in an ACL.
    pub(crate) group: u8,
}

impl RuleTest {
    const ALLOW_ALL: Self = Self {
        peer: PeerTest::Any,
        id: RuleId::ALLOW_ALL,
        ports: PortRange::ANY,
        source_ports: PortRange::ANY,
        protocol: Protocol::Any,
        icmp_type: None,
        icmp_code: None,
        action: RuleAction::Allow,
        group: 0,
    };

    fn new(rule: &Rule, group: u8, membership: &Membership) -> Self {
        Self {
            peer: match &rule.peer {
                Peer::Any => PeerTest::Any,
                Peer::Cidr(cidr) => PeerTest::of_cidr(cidr),
                Peer::Group(group) => PeerTest::Members(membership.of(group)),
            },
            id: rule.id,
            ports: rule.ports,
            source_ports: rule.source_ports,
            protocol: rule.protocol,
            icmp_type: rule.icmp_type,
            icmp_code: rule.icmp_code,
            action: rule.action,
            group,
        }
    }

    fn matches(&self, packet: &Packet) -> bool {
        let protocol_matches = match self.protocol {
            Protocol::Any => true,
            Protocol::Number(number) => number == packet.protocol,
        };
        protocol_matches
            && self.ports.contains(packet.dst_port)
            && self.source_ports.contains(packet.src_port)
            && self.icmp_type.is_none_or(|wanted| packet.icmp.is_some_and(|(found, _)| found == wanted))
            && self.icmp_code.is_none_or(|wanted| packet.icmp.is_some_and(|(_, found)| found == wanted))
            && self.peer.matches(packet.peer())
    }
}

/// The rules of one layer, in the order of matching.
#[derive(Debug, Default)]
pub(crate) struct RuleList {
    ingress: Box<[RuleTest]>,
    egress: Box<[RuleTest]>,
}

impl RuleList {
    /// One rule per direction that lets everything pass.
    pub(crate) fn allow_all() -> Self {
        Self { ingress: Box::new([RuleTest::ALLOW_ALL]), egress: Box::new([RuleTest::ALLOW_ALL]) }
    }

    /// `sources`, for one direction, in the order that settles ties: the sort by priority is
    /// stable.
    pub(crate) fn new<'a, F>(sources: F, membership: &Membership) -> Self
    where
        F: Fn(Direction) -> Vec<&'a [Rule]>,
    {
        let of_direction = |direction| {
            let mut list: Vec<(u8, &Rule)> = (0u8..)
                .zip(sources(direction))
                .flat_map(|(group, rules)| rules.iter().map(move |rule| (group, rule)))
                .collect();
            list.sort_by_key(|(_, rule)| rule.priority);
            list.into_iter().map(|(group, rule)| RuleTest::new(rule, group, membership)).collect()
        };
        Self { ingress: of_direction(Direction::Ingress), egress: of_direction(Direction::Egress) }
    }

    /// The rule that decides, if any matches.
    pub(crate) fn first_match(&self, packet: &Packet) -> Option<&RuleTest> {
        match packet.direction {
            Direction::Ingress => &self.ingress,
            Direction::Egress => &self.egress,
        }
        .iter()
        .find(|rule| rule.matches(packet))
    }
}
