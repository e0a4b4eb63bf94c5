//! The reference: rules as plain structs, matched by enumeration.

use std::collections::BTreeMap;
use std::net::IpAddr;

use flowlog::verdict::Track;

#[derive(Clone, Debug)]
pub(crate) enum NaivePeer {
    Everyone,
    Prefix(&'static str, usize),
    CarriersOf(&'static str),
}

#[derive(Clone, Debug)]
pub(crate) struct NaiveRule {
    pub(crate) id: u32,
    pub(crate) priority: u16,
    pub(crate) allows: bool,
    pub(crate) protocol: Option<u8>,
    pub(crate) to_ports: Option<(u16, u16)>,
    pub(crate) from_ports: Option<(u16, u16)>,
    pub(crate) icmp_type: Option<u8>,
    pub(crate) icmp_code: Option<u8>,
    pub(crate) peer: NaivePeer,
}

/// One direction each: index 0 ingress, 1 egress.
pub(crate) type BothWays = [Vec<NaiveRule>; 2];

#[derive(Debug)]
pub(crate) struct World {
    pub(crate) groups: BTreeMap<&'static str, BothWays>,
    pub(crate) acl: Option<BothWays>,
    pub(crate) attached: Vec<&'static str>,
    /// Every ENI: its address and the groups it carries.
    pub(crate) enis: Vec<(&'static str, Vec<&'static str>)>,
    pub(crate) is_reevaluating: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct NaivePacket {
    pub(crate) outward: bool,
    pub(crate) src: &'static str,
    pub(crate) dst: &'static str,
    pub(crate) protocol: u8,
    pub(crate) from_port: u16,
    pub(crate) to_port: u16,
    pub(crate) icmp: Option<(u8, u8)>,
}

/// What the reference says: accepted, "sg" or "acl", and the rule.
pub(crate) type NaiveVerdict = (bool, &'static str, u32);

fn bits(address: &str) -> Vec<bool> {
    let octets = match address.parse::<IpAddr>().unwrap() {
        IpAddr::V4(v4) => v4.octets().to_vec(),
        IpAddr::V6(v6) => v6.octets().to_vec(),
    };
    let mut bits = Vec::new();
    for octet in octets {
        for position in (0..8).rev() {
            bits.push((octet >> position) & 1 == 1);
        }
    }
    bits
}

fn peer_agrees(world: &World, peer: &NaivePeer, address: &str) -> bool {
    match peer {
        NaivePeer::Everyone => true,
        NaivePeer::Prefix(prefix, length) => {
            let (wanted, found) = (bits(prefix), bits(address));
            if wanted.len() != found.len() {
                return false;
            }
            for index in 0..*length {
                if wanted[index] != found[index] {
                    return false;
                }
            }
            true
        }
        NaivePeer::CarriersOf(group) => {
            for (eni, carried) in &world.enis {
                for name in carried {
                    if name == group && *eni == address {
                        return true;
                    }
                }
            }
            false
        }
    }
}

fn port_agrees(range: Option<(u16, u16)>, port: u16) -> bool {
    let Some((low, high)) = range else {
        return true;
    };
    for candidate in low..=high {
        if candidate == port {
            return true;
        }
    }
    false
}

fn rule_agrees(world: &World, rule: &NaiveRule, packet: &NaivePacket) -> bool {
    let peer = if packet.outward { packet.dst } else { packet.src };
    if let Some(protocol) = rule.protocol
        && protocol != packet.protocol
    {
        return false;
    }
    if !port_agrees(rule.to_ports, packet.to_port) {
        return false;
    }
    if !port_agrees(rule.from_ports, packet.from_port) {
        return false;
    }
    if let Some(wanted) = rule.icmp_type {
        match packet.icmp {
            Some((found, _)) if found == wanted => {}
            _ => return false,
        }
    }
    if let Some(wanted) = rule.icmp_code {
        match packet.icmp {
            Some((_, found)) if found == wanted => {}
            _ => return false,
        }
    }
    peer_agrees(world, &rule.peer, peer)
}

/// Takes the smallest (priority, list, position) that is left until one agrees.
fn first_of(world: &World, lists: &[&Vec<NaiveRule>], packet: &NaivePacket) -> Option<(bool, u32)> {
    let mut left = Vec::new();
    for (list_index, list) in lists.iter().enumerate() {
        for (position, rule) in list.iter().enumerate() {
            left.push((rule.priority, list_index, position));
        }
    }
    while !left.is_empty() {
        let mut best = 0;
        for candidate in 1..left.len() {
            if left[candidate] < left[best] {
                best = candidate;
            }
        }
        let (_, list_index, position) = left.remove(best);
        let rule = &lists[list_index][position];
        if rule_agrees(world, rule, packet) {
            return Some((rule.allows, rule.id));
        }
    }
    None
}

pub(crate) fn naive_groups(world: &World, packet: &NaivePacket) -> NaiveVerdict {
    let way = usize::from(packet.outward);
    let lists: Vec<&Vec<NaiveRule>> = world.attached.iter().map(|name| &world.groups[name][way]).collect();
    match first_of(world, &lists, packet) {
        Some((allows, id)) => (allows, "sg", id),
        None if packet.outward => (false, "sg", 4_000_000_002),
        None => (false, "sg", 4_000_000_001),
    }
}

fn naive_acl(world: &World, packet: &NaivePacket) -> Option<NaiveVerdict> {
    let lists = world.acl.as_ref()?;
    let way = usize::from(packet.outward);
    Some(match first_of(world, &[&lists[way]], packet) {
        Some((allows, id)) => (allows, "acl", id),
        None if packet.outward => (false, "acl", 4_000_000_004),
        None => (false, "acl", 4_000_000_003),
    })
}

pub(crate) fn naive_verdict(world: &World, packet: &NaivePacket, track: Track) -> NaiveVerdict {
    let is_excused = match track {
        Track::New => false,
        Track::ReplyOfAccepted => true,
        Track::Tracked => !world.is_reevaluating,
    };
    let groups = if is_excused { (true, "sg", 4_000_000_010) } else { naive_groups(world, packet) };
    let mut asked = vec![groups];
    if let Some(acl) = naive_acl(world, packet) {
        asked.insert(usize::from(packet.outward), acl);
    }
    let first_refusal = asked.iter().find(|(allows, _, _)| !allows);
    *first_refusal.unwrap_or(&asked[asked.len() - 1])
}
