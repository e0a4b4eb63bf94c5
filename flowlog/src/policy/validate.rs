//! The checks between a policy as written and a policy in force.

use std::collections::BTreeSet;

use super::Direction;
use super::address::{GroupId, Peer};
use super::error::{ListId, Place, PolicyError, PolicyErrorKind};
use super::object::PolicyObjects;
use super::protocol::PortRange;
use super::rule::{Rule, RuleId};
use super::{LISTS_PER_POLICY_MAX, RULES_PER_LIST_MAX};

/// Every fault of a policy, in the order of its text.
pub(super) fn validate(objects: &PolicyObjects) -> Vec<PolicyError> {
    let known: BTreeSet<&GroupId> = objects.security_groups.iter().map(|g| &g.id).collect();
    let mut check = Check { known, faults: Vec::new() };
    check.policy(objects);
    let mut seen = BTreeSet::new();
    for group in &objects.security_groups {
        let list = ListId::SecurityGroup(group.id.clone());
        check.once(&list, seen.insert(&group.id));
        check.rules(&list, Direction::Ingress, &group.ingress);
        check.rules(&list, Direction::Egress, &group.egress);
    }
    let mut seen = BTreeSet::new();
    for acl in &objects.network_acls {
        let list = ListId::NetworkAcl(acl.id.clone());
        check.once(&list, seen.insert(&acl.id));
        check.rules(&list, Direction::Ingress, &acl.ingress);
        check.rules(&list, Direction::Egress, &acl.egress);
    }
    check.faults
}

struct Check<'a> {
    known: BTreeSet<&'a GroupId>,
    faults: Vec<PolicyError>,
}

impl Check<'_> {
    fn fault(&mut self, place: Place, kind: PolicyErrorKind) {
        self.faults.push(PolicyError { place, kind });
    }

    fn policy(&mut self, objects: &PolicyObjects) {
        if let Err(error) = objects.timeouts.validate() {
            self.fault(Place::Policy, error.into());
        }
        for (what, found) in
            [("security groups", objects.security_groups.len()), ("network ACLs", objects.network_acls.len())]
        {
            if found > LISTS_PER_POLICY_MAX {
                let limit = LISTS_PER_POLICY_MAX;
                self.fault(Place::Policy, PolicyErrorKind::TooMany { what, found, limit });
            }
        }
    }

    fn once(&mut self, list: &ListId, is_first: bool) {
        if !is_first {
            self.fault(Place::List(list.clone()), PolicyErrorKind::DuplicateList);
        }
    }

    fn rules(&mut self, list: &ListId, direction: Direction, rules: &[Rule]) {
        if rules.len() > RULES_PER_LIST_MAX {
            self.fault(
                Place::Direction(list.clone(), direction),
                PolicyErrorKind::TooMany { what: "rules", found: rules.len(), limit: RULES_PER_LIST_MAX },
            );
        }
        let mut seen: BTreeSet<RuleId> = BTreeSet::new();
        for rule in rules {
            let place = Place::Rule(list.clone(), direction, rule.id);
            if rule.id.is_reserved() {
                let found = rule.id;
                self.fault(place.clone(), PolicyErrorKind::ReservedRule { found });
            }
            if !seen.insert(rule.id) {
                let found = rule.id;
                self.fault(place.clone(), PolicyErrorKind::DuplicateRule { found });
            }
            if matches!(list, ListId::SecurityGroup(_)) && rule.source_ports != PortRange::ANY {
                let found = rule.source_ports;
                self.fault(place.clone(), PolicyErrorKind::SourcePortsInGroup { found });
            }
            self.ports(&place, rule);
            self.icmp(&place, rule);
            self.peer(&place, rule);
        }
    }

    fn ports(&mut self, place: &Place, rule: &Rule) {
        for ports in [rule.ports, rule.source_ports] {
            if ports.is_inverted() {
                self.fault(place.clone(), PolicyErrorKind::InvertedPorts { found: ports });
            }
            if ports != PortRange::ANY && !rule.protocol.has_ports() {
                let protocol = rule.protocol;
                self.fault(place.clone(), PolicyErrorKind::PortsWithoutPorts { ports, protocol });
            }
        }
    }

    fn icmp(&mut self, place: &Place, rule: &Rule) {
        if rule.protocol.is_icmp() {
            return;
        }
        for (field, value) in [("icmp_type", rule.icmp_type), ("icmp_code", rule.icmp_code)] {
            if let Some(found) = value {
                self.fault(
                    place.clone(),
                    PolicyErrorKind::IcmpOnOtherProtocol { field, found, protocol: rule.protocol },
                );
            }
        }
    }

    fn peer(&mut self, place: &Place, rule: &Rule) {
        match &rule.peer {
            Peer::Any => {}
            Peer::Cidr(cidr) if cidr.has_host_bits() => {
                let (found, expected) = (*cidr, cidr.truncated());
                self.fault(place.clone(), PolicyErrorKind::HostBits { found, expected });
            }
            Peer::Cidr(_) => {}
            Peer::Group(group) if self.known.contains(group) => {}
            Peer::Group(group) => {
                let found = group.clone();
                self.fault(place.clone(), PolicyErrorKind::UnknownGroup { found });
            }
        }
    }
}
