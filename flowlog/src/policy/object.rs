//! The objects that hold rules, and the checked policy they form.

use serde::{Deserialize, Serialize};

use super::Direction;
use super::GROUPS_PER_ENI_MAX;
use super::address::{AclId, GroupId};
use super::error::{Place, PolicyError, PolicyErrorKind, PolicyErrors};
use super::rule::Rule;
use super::tracking::{Timeouts, TrackedFlows};
use super::validate::validate;

/// A security group: stateful, attached to ENIs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SecurityGroup {
    /// The group's identifier.
    pub id: GroupId,
    /// Rules for packets to the guest.
    #[serde(default)]
    pub ingress: Vec<Rule>,
    /// Rules for packets from the guest.
    #[serde(default)]
    pub egress: Vec<Rule>,
}

impl SecurityGroup {
    /// The rules of one direction, as written.
    #[must_use]
    pub fn rules(&self, direction: Direction) -> &[Rule] {
        match direction {
            Direction::Ingress => &self.ingress,
            Direction::Egress => &self.egress,
        }
    }
}

/// A network ACL: stateless, attached to subnets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetworkAcl {
    /// The ACL's identifier.
    pub id: AclId,
    /// Rules for packets into the subnet.
    #[serde(default)]
    pub ingress: Vec<Rule>,
    /// Rules for packets out of the subnet.
    #[serde(default)]
    pub egress: Vec<Rule>,
}

impl NetworkAcl {
    /// The rules of one direction, as written.
    #[must_use]
    pub fn rules(&self, direction: Direction) -> &[Rule] {
        match direction {
            Direction::Ingress => &self.ingress,
            Direction::Egress => &self.egress,
        }
    }
}

/// A policy as it is written down, unchecked.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PolicyObjects {
    /// What a rule change does to connections already accepted.
    pub tracked_flows: TrackedFlows,
    /// How long an idle connection is remembered.
    pub timeouts: Timeouts,
    /// The security groups.
    pub security_groups: Vec<SecurityGroup>,
    /// The network ACLs.
    pub network_acls: Vec<NetworkAcl>,
}

/// A policy whose objects were checked. Immutable: a change makes a new one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    objects: PolicyObjects,
    allow_all: bool,
}

impl Policy {
    /// Checks the objects. On failure every fault is reported, not only the first.
    pub fn new(objects: PolicyObjects) -> Result<Self, PolicyErrors> {
        let faults = validate(&objects);
        if faults.is_empty() { Ok(Self { objects, allow_all: false }) } else { Err(PolicyErrors(faults)) }
    }

    /// The policy in force when none is configured: both layers let everything pass, whatever is
    /// attached. Not to be confused with a policy of no objects, which denies by default.
    #[must_use]
    pub fn allow_all() -> Self {
        Self { objects: PolicyObjects::default(), allow_all: true }
    }

    /// Whether this is [`Policy::allow_all`].
    #[must_use]
    pub fn is_allow_all(&self) -> bool {
        self.allow_all
    }

    /// The objects, as written.
    #[must_use]
    pub fn objects(&self) -> &PolicyObjects {
        &self.objects
    }

    /// What a rule change does to connections already accepted.
    #[must_use]
    pub fn tracked_flows(&self) -> TrackedFlows {
        self.objects.tracked_flows
    }

    /// How long an idle connection is remembered.
    #[must_use]
    pub fn timeouts(&self) -> &Timeouts {
        &self.objects.timeouts
    }

    /// The security group of this id.
    #[must_use]
    pub fn security_group(&self, id: &GroupId) -> Option<&SecurityGroup> {
        self.objects.security_groups.iter().find(|group| group.id == *id)
    }

    /// The network ACL of this id.
    #[must_use]
    pub fn network_acl(&self, id: &AclId) -> Option<&NetworkAcl> {
        self.objects.network_acls.iter().find(|acl| acl.id == *id)
    }

    /// The groups of an ENI, in the order of their attachment.
    pub(crate) fn attached_groups(&self, ids: &[GroupId]) -> Result<Vec<&SecurityGroup>, PolicyError> {
        let refuse = |kind| PolicyError { place: Place::Attachments, kind };
        if ids.len() > GROUPS_PER_ENI_MAX {
            return Err(refuse(PolicyErrorKind::TooMany {
                what: "security groups",
                found: ids.len(),
                limit: GROUPS_PER_ENI_MAX,
            }));
        }
        ids.iter()
            .enumerate()
            .map(|(index, id)| {
                if ids.iter().take(index).any(|earlier| earlier == id) {
                    let found = id.clone();
                    return Err(refuse(PolicyErrorKind::DuplicateAttachment { found }));
                }
                self.security_group(id).ok_or_else(|| refuse(PolicyErrorKind::UnknownGroup { found: id.clone() }))
            })
            .collect()
    }
}
