//! From the written groups and ACLs to the policy, and its changes over time.

use std::ops::Range;

use flowlog::policy::{
    AclId, Direction, GroupId, ListId, NetworkAcl, Place, Policy, PolicyErrorKind, PolicyErrors, PolicyObjects, Rule,
    RuleId, SecurityGroup,
};
use toml::Spanned;

use super::document::Document;
use super::duration::{Nanoseconds, NumberOrText};
use super::error::{ConfigError, Problem};
use super::raw::{RawChange, Root};
use super::settings::Settings;

/// Below this a number is taken for an offset without its unit: it was the year 1973.
const UNIX_SECONDS_MIN: i64 = 100_000_000;
const SECOND_NS: u64 = 1_000_000_000;

/// When a policy changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ChangeTime {
    /// So long after the first packet.
    AfterFirstPacket(Nanoseconds),
    /// At this Unix time.
    Unix(Nanoseconds),
}

impl ChangeTime {
    /// The Unix time, given that of the first packet; both in nanoseconds.
    #[must_use]
    pub const fn unix_ns(self, first_packet_ns: u64) -> u64 {
        match self {
            Self::AfterFirstPacket(offset) => first_packet_ns.saturating_add(offset.0),
            Self::Unix(time) => time.0,
        }
    }
}

/// A change of the rules of one group or ACL. Directions that are none keep their rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyChange {
    /// When.
    pub at: ChangeTime,
    /// Whose rules.
    pub list: ListId,
    /// The new rules for packets to the guest.
    pub ingress: Option<Vec<Rule>>,
    /// The new rules for packets from the guest.
    pub egress: Option<Vec<Rule>>,
}

impl PolicyChange {
    /// The policy after this change.
    pub fn apply(&self, policy: &Policy) -> Result<Policy, PolicyErrors> {
        let mut objects = policy.objects().clone();
        let lists = match &self.list {
            ListId::SecurityGroup(id) => {
                let mut groups = objects.security_groups.iter_mut();
                groups.find(|group| group.id == *id).map(|group| (&mut group.ingress, &mut group.egress))
            }
            ListId::NetworkAcl(id) => {
                let mut acls = objects.network_acls.iter_mut();
                acls.find(|acl| acl.id == *id).map(|acl| (&mut acl.ingress, &mut acl.egress))
            }
        };
        if let Some((ingress, egress)) = lists {
            if let Some(rules) = &self.ingress {
                ingress.clone_from(rules);
            }
            if let Some(rules) = &self.egress {
                egress.clone_from(rules);
            }
        }
        Policy::new(objects)
    }
}

/// A policy and when it comes into force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimedPolicy {
    /// Its first instant, Unix ns.
    pub from_ns: u64,
    /// The policy.
    pub policy: Policy,
}

/// What follows `initial`, in the order of time; changes of one instant in the order of the file.
pub fn timeline(
    initial: &Policy,
    changes: &[PolicyChange],
    first_packet_ns: u64,
) -> Result<Vec<TimedPolicy>, PolicyErrors> {
    let mut ordered: Vec<&PolicyChange> = changes.iter().collect();
    ordered.sort_by_key(|change| change.at.unix_ns(first_packet_ns));
    let mut timed: Vec<TimedPolicy> = Vec::with_capacity(ordered.len());
    for change in ordered {
        let before = timed.last().map_or(initial, |last| &last.policy);
        let policy = change.apply(before)?;
        let from_ns = change.at.unix_ns(first_packet_ns);
        timed.push(TimedPolicy { from_ns, policy });
    }
    Ok(timed)
}

fn rules(written: &[Spanned<Rule>]) -> Vec<Rule> {
    written.iter().map(|rule| rule.get_ref().clone()).collect()
}

/// A written list of rules, to find what an error is about.
struct Written<'a> {
    list: ListId,
    id: Range<usize>,
    ingress: &'a [Spanned<Rule>],
    egress: &'a [Spanned<Rule>],
}

impl Written<'_> {
    fn rules(&self, direction: Direction) -> &[Spanned<Rule>] {
        match direction {
            Direction::Ingress => self.ingress,
            Direction::Egress => self.egress,
        }
    }

    fn rule(&self, direction: Direction, id: RuleId, nth: usize) -> Option<Range<usize>> {
        let mut equal = self.rules(direction).iter().filter(|r| r.get_ref().id == id);
        equal.nth(nth).map(Spanned::span)
    }
}

impl Document<'_> {
    /// The policy in force at the start. A file without groups and ACLs allows everything.
    pub(super) fn policy(&self, root: &Root, settings: &Settings) -> Result<Policy, ConfigError> {
        if root.security_group.is_empty() && root.network_acl.is_empty() {
            return Ok(Policy::allow_all());
        }
        let objects = PolicyObjects {
            tracked_flows: settings.tracked_flows,
            timeouts: settings.timeouts,
            security_groups: root
                .security_group
                .iter()
                .map(|raw| SecurityGroup {
                    id: raw.id.get_ref().clone(),
                    ingress: rules(&raw.ingress),
                    egress: rules(&raw.egress),
                })
                .collect(),
            network_acls: root
                .network_acl
                .iter()
                .map(|raw| NetworkAcl {
                    id: raw.id.get_ref().clone(),
                    ingress: rules(&raw.ingress),
                    egress: rules(&raw.egress),
                })
                .collect(),
        };
        let groups = root.security_group.iter().map(|raw| Written {
            list: ListId::SecurityGroup(raw.id.get_ref().clone()),
            id: raw.id.span(),
            ingress: &raw.ingress,
            egress: &raw.egress,
        });
        let acls = root.network_acl.iter().map(|raw| Written {
            list: ListId::NetworkAcl(raw.id.get_ref().clone()),
            id: raw.id.span(),
            ingress: &raw.ingress,
            egress: &raw.egress,
        });
        let written: Vec<Written<'_>> = groups.chain(acls).collect();
        Policy::new(objects).map_err(|errors| self.policy_error(errors, &written))
    }

    /// The first of the errors, at its place.
    fn policy_error(&self, errors: PolicyErrors, written: &[Written<'_>]) -> ConfigError {
        let Some(error) = errors.0.into_iter().next() else {
            return self.error(&(0..0), Problem::Toml("found an unsound policy".to_owned()));
        };
        let list_at = |list: &ListId, nth| written.iter().filter(|w| w.list == *list).nth(nth);
        match (error.place, error.kind) {
            (Place::List(list), PolicyErrorKind::DuplicateList) => {
                let (kind, id) = match &list {
                    ListId::SecurityGroup(id) => ("security group", id.to_string()),
                    ListId::NetworkAcl(id) => ("network ACL", id.to_string()),
                };
                let at = list_at(&list, 1).map_or(0..0, |list| list.id.clone());
                let first = list_at(&list, 0).map(|list| list.id.clone());
                self.error_beside(&at, first.as_ref(), Problem::DuplicateList { kind, id })
            }
            (Place::Rule(list, direction, id), kind) => {
                let is_second = matches!(kind, PolicyErrorKind::DuplicateRule { .. });
                let list = list_at(&list, 0);
                let find = |nth| list.and_then(|list| list.rule(direction, id, nth));
                let first = find(0).filter(|_| is_second);
                let at = find(usize::from(is_second)).unwrap_or(0..0);
                self.error_beside(&at, first.as_ref(), kind)
            }
            (Place::List(list) | Place::Direction(list, _), kind) => {
                let at = list_at(&list, 0).map_or(0..0, |list| list.id.clone());
                self.error(&at, kind)
            }
            (Place::Policy | Place::Attachments, kind) => self.error(&(0..0), kind),
        }
    }

    /// The changes, each checked against the policy that they begin with.
    pub(super) fn policy_changes(&self, root: &Root, policy: &Policy) -> Result<Vec<PolicyChange>, ConfigError> {
        let changes = root.policy_change.iter();
        changes.map(|raw| self.policy_change(raw, policy)).collect()
    }

    fn policy_change(&self, raw: &Spanned<RawChange>, policy: &Policy) -> Result<PolicyChange, ConfigError> {
        let (span, raw) = (raw.span(), raw.get_ref());
        let (list, id) = match (&raw.security_group, &raw.network_acl) {
            (Some(group), None) => (self.known_group(group, policy)?, group.span()),
            (None, Some(acl)) => (self.known_acl(acl, policy)?, acl.span()),
            (None, None) => {
                let found = "neither";
                return Err(self.error(&span, Problem::ChangeTarget { found }));
            }
            (Some(_), Some(acl)) => {
                let found = "both";
                return Err(self.error(&acl.span(), Problem::ChangeTarget { found }));
            }
        };
        if raw.ingress.is_none() && raw.egress.is_none() {
            return Err(self.error(&id, Problem::EmptyChange));
        }
        let change = PolicyChange {
            at: self.change_time(&raw.at)?,
            list: list.clone(),
            ingress: raw.ingress.as_deref().map(rules),
            egress: raw.egress.as_deref().map(rules),
        };
        let written = Written {
            list,
            id,
            ingress: raw.ingress.as_deref().unwrap_or_default(),
            egress: raw.egress.as_deref().unwrap_or_default(),
        };
        change.apply(policy).map_err(|errors| self.policy_error(errors, &[written]))?;
        Ok(change)
    }

    fn known_group(&self, id: &Spanned<GroupId>, policy: &Policy) -> Result<ListId, ConfigError> {
        let found = id.get_ref().clone();
        match policy.security_group(&found) {
            Some(_) => Ok(ListId::SecurityGroup(found)),
            None => Err(self.error(&id.span(), Problem::UnknownGroup { found })),
        }
    }

    fn known_acl(&self, id: &Spanned<AclId>, policy: &Policy) -> Result<ListId, ConfigError> {
        let found = id.get_ref().clone();
        match policy.network_acl(&found) {
            Some(_) => Ok(ListId::NetworkAcl(found)),
            None => Err(self.error(&id.span(), Problem::UnknownAcl { found })),
        }
    }

    fn change_time(&self, at: &Spanned<NumberOrText>) -> Result<ChangeTime, ConfigError> {
        match at.get_ref() {
            NumberOrText::Text(text) => text
                .parse()
                .map(ChangeTime::AfterFirstPacket)
                .map_err(|problem| self.error(&at.span(), Problem::Duration(problem))),
            NumberOrText::Number(found) => u64::try_from(*found)
                .ok()
                .filter(|_| *found >= UNIX_SECONDS_MIN)
                .and_then(|seconds| seconds.checked_mul(SECOND_NS))
                .map(|ns| ChangeTime::Unix(Nanoseconds(ns)))
                .ok_or_else(|| self.error(&at.span(), Problem::ChangeTime { found: *found })),
        }
    }
}
