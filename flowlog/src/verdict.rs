//! The verdict: the one place where a packet is accepted or rejected.
//!
//! ```text
//!   ingress   wire ─▶ network ACL ─▶ security groups ─▶ guest
//!   egress   guest ─▶ security groups ─▶ network ACL ─▶ wire
//! ```
//!
//! * The **network ACL** is stateless: it checks every packet by the rules of its direction,
//!   replies too. A subnet without an ACL has no such layer.
//! * The **security groups** are stateful: a reply to an accepted flow passes whatever the rules
//!   of its direction say, and so does a flow accepted before, unless `tracked_flows` is
//!   `reevaluate`.
//! * A REJECT names the first layer that refused and its rule. An ACCEPT names the last layer
//!   consulted and its allowing rule: the groups on ingress; the ACL on egress, or the groups
//!   where there is no ACL.
//!
//! An [`EniPolicy`] is what [`Policy::compile`] makes of the rules for one ENI: immutable, rules
//! in the order of matching, group references resolved to address sets. A change of rules,
//! attachments or membership is a new one with a new epoch.

use std::net::IpAddr;

use crate::policy::compiled::{RuleList, RuleTest};
use crate::policy::{
    AclId, Attachments, GroupId, ListId, Membership, Place, Policy, PolicyError, PolicyErrorKind, RuleAction,
};

pub use crate::record::{Action, Layer};

pub use crate::policy::{ConnectionState, Direction, RuleId, Timeouts, TrackedFlows, icmp_request_of_reply};

/// What a verdict needs to know of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Packet {
    /// Which way it crosses the ENI.
    pub direction: Direction,
    /// The packet's source address.
    pub src: IpAddr,
    /// The packet's destination address.
    pub dst: IpAddr,
    /// The IANA protocol number.
    pub protocol: u8,
    /// The source port; for a later fragment that of the first one, 0 where there is none.
    pub src_port: u16,
    /// The destination port; for a later fragment that of the first one, 0 where there is none.
    pub dst_port: u16,
    /// ICMP type and code, in this order. Without them a rule that names either does not match.
    pub icmp: Option<(u8, u8)>,
}

impl Packet {
    /// The far side: the source on ingress, the destination on egress.
    #[must_use]
    pub const fn peer(&self) -> IpAddr {
        match self.direction {
            Direction::Ingress => self.src,
            Direction::Egress => self.dst,
        }
    }
}

/// What the connection table knows of a packet's flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Track {
    /// Nothing: the rules decide.
    New,
    /// The packet answers a flow that the security groups accept: see [`EniPolicy::reply_track`].
    ReplyOfAccepted,
    /// The packet belongs to a flow accepted before, in the direction of its first packet.
    Tracked,
}

/// The outcome, with the layer and the rule that made it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Verdict {
    /// Accepted or rejected.
    pub action: Action,
    /// The first layer that refused, or the last one consulted.
    pub layer: Layer,
    /// The rule of that layer, or a reserved id for what is no written rule.
    pub rule: RuleId,
}

/// One layer's answer, as [`EniPolicy::explain`] tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The layer.
    pub layer: Layer,
    /// What it said.
    pub action: RuleAction,
    /// The rule that said so.
    pub rule: RuleId,
    /// The group or ACL that holds the rule; none when the rule is a reserved one.
    pub list: Option<ListId>,
}

/// A verdict and the way to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// The same verdict as [`EniPolicy::judge`] gives.
    pub verdict: Verdict,
    /// The layers consulted, in their order.
    pub steps: Vec<Step>,
}

/// One layer's answer, and which of the ENI's groups gave it when a written rule did.
#[derive(Clone, Copy)]
struct Answer {
    action: RuleAction,
    rule: RuleId,
    group: Option<u8>,
}

impl Answer {
    fn of_match(found: Option<&RuleTest>, default_deny: RuleId) -> Self {
        match found {
            Some(rule) => {
                Self { action: rule.action, rule: rule.id, group: (!rule.id.is_reserved()).then_some(rule.group) }
            }
            None => Self { action: RuleAction::Deny, rule: default_deny, group: None },
        }
    }
}

/// The compiled policy of one ENI. Immutable.
#[derive(Debug)]
pub struct EniPolicy {
    epoch: u32,
    tracked_flows: TrackedFlows,
    groups: RuleList,
    group_ids: Box<[GroupId]>,
    acl: Option<(AclId, RuleList)>,
    allows_all: bool,
}

impl Policy {
    /// Makes the policy of one ENI from what is attached to it, the members of the groups its
    /// rules refer to, and the number that tells this version from others.
    ///
    /// Attached groups and the ACL must exist in this policy; under [`Policy::allow_all`] they
    /// are not looked at.
    pub fn compile(
        &self,
        attachments: &Attachments,
        membership: &Membership,
        epoch: u32,
    ) -> Result<EniPolicy, PolicyError> {
        if self.is_allow_all() {
            return Ok(EniPolicy::allow_all(epoch));
        }
        let groups = self.attached_groups(&attachments.security_groups)?;
        let acl = match &attachments.network_acl {
            None => None,
            Some(id) => {
                let acl = self.network_acl(id).ok_or_else(|| PolicyError {
                    place: Place::Attachments,
                    kind: PolicyErrorKind::UnknownAcl { found: id.clone() },
                })?;
                let rules = RuleList::new(|direction| vec![acl.rules(direction)], membership);
                Some((id.clone(), rules))
            }
        };
        Ok(EniPolicy {
            epoch,
            tracked_flows: self.tracked_flows(),
            groups: RuleList::new(|direction| groups.iter().map(|group| group.rules(direction)).collect(), membership),
            group_ids: attachments.security_groups.clone().into_boxed_slice(),
            acl,
            allows_all: false,
        })
    }
}

impl EniPolicy {
    /// Everything is accepted: what every ENI gets under [`Policy::allow_all`].
    #[must_use]
    pub fn allow_all(epoch: u32) -> Self {
        Self {
            epoch,
            tracked_flows: TrackedFlows::Keep,
            groups: RuleList::allow_all(),
            group_ids: Box::default(),
            acl: None,
            allows_all: true,
        }
    }

    /// The number of this version of the ENI's policy.
    #[must_use]
    pub fn epoch(&self) -> u32 {
        self.epoch
    }

    /// What a rule change does to connections already accepted.
    #[must_use]
    pub fn tracked_flows(&self) -> TrackedFlows {
        self.tracked_flows
    }

    /// The verdict on every packet, whatever it is and belongs to, if there is such a one.
    #[must_use]
    #[inline]
    pub fn unconditional(&self) -> Option<Verdict> {
        self.allows_all.then_some(Verdict {
            action: Action::Accept,
            layer: Layer::SecurityGroup,
            rule: RuleId::ALLOW_ALL,
        })
    }

    /// Accepts or rejects a packet. Allocation-free.
    #[must_use]
    pub fn judge(&self, packet: &Packet, track: Track) -> Verdict {
        self.consult(packet, track, |_, _| ())
    }

    /// The verdict of [`EniPolicy::judge`] with every layer's answer on the way to it.
    #[must_use]
    pub fn explain(&self, packet: &Packet, track: Track) -> Explanation {
        let mut steps = Vec::with_capacity(2);
        let verdict = self.consult(packet, track, |layer, answer| {
            steps.push(Step { layer, action: answer.action, rule: answer.rule, list: self.list_of(layer, answer) });
        });
        Explanation { verdict, steps }
    }

    /// What a reply counts as, given the first packet of the accepted flow that it answers.
    ///
    /// Under `keep` the security groups' memory suffices. Under `reevaluate` the reply is excused
    /// only while the security groups still allow the original packet by their present rules;
    /// otherwise it is [`Track::New`]. The ACL is not asked: it has no say in what the security
    /// groups remember, and judges the reply by itself.
    #[must_use]
    pub fn reply_track(&self, original: &Packet) -> Track {
        let is_remembered = match self.tracked_flows {
            TrackedFlows::Keep => true,
            TrackedFlows::Reevaluate => self.ask_rules(original).action == RuleAction::Allow,
        };
        if is_remembered { Track::ReplyOfAccepted } else { Track::New }
    }

    fn consult<F>(&self, packet: &Packet, track: Track, mut heard: F) -> Verdict
    where
        F: FnMut(Layer, Answer),
    {
        let mut verdict_of = |layer, answer: Answer| {
            heard(layer, answer);
            Verdict {
                action: match answer.action {
                    RuleAction::Allow => Action::Accept,
                    RuleAction::Deny => Action::Reject,
                },
                layer,
                rule: answer.rule,
            }
        };
        match packet.direction {
            Direction::Ingress => {
                if let Some(answer) = self.ask_acl(packet) {
                    let verdict = verdict_of(Layer::NetworkAcl, answer);
                    if verdict.action == Action::Reject {
                        return verdict;
                    }
                }
                verdict_of(Layer::SecurityGroup, self.ask_groups(packet, track))
            }
            Direction::Egress => {
                let verdict = verdict_of(Layer::SecurityGroup, self.ask_groups(packet, track));
                if verdict.action == Action::Reject {
                    return verdict;
                }
                match self.ask_acl(packet) {
                    Some(answer) => verdict_of(Layer::NetworkAcl, answer),
                    None => verdict,
                }
            }
        }
    }

    fn ask_groups(&self, packet: &Packet, track: Track) -> Answer {
        match (track, self.tracked_flows) {
            (Track::New, _) | (Track::Tracked, TrackedFlows::Reevaluate) => self.ask_rules(packet),
            (Track::ReplyOfAccepted, _) | (Track::Tracked, TrackedFlows::Keep) => {
                Answer { action: RuleAction::Allow, rule: RuleId::TRACKED, group: None }
            }
        }
    }

    fn ask_rules(&self, packet: &Packet) -> Answer {
        let default_deny = match packet.direction {
            Direction::Ingress => RuleId::GROUP_INGRESS_DEFAULT_DENY,
            Direction::Egress => RuleId::GROUP_EGRESS_DEFAULT_DENY,
        };
        Answer::of_match(self.groups.first_match(packet), default_deny)
    }

    fn ask_acl(&self, packet: &Packet) -> Option<Answer> {
        let default_deny = match packet.direction {
            Direction::Ingress => RuleId::ACL_INGRESS_DEFAULT_DENY,
            Direction::Egress => RuleId::ACL_EGRESS_DEFAULT_DENY,
        };
        self.acl.as_ref().map(|(_, rules)| Answer::of_match(rules.first_match(packet), default_deny))
    }

    fn list_of(&self, layer: Layer, answer: Answer) -> Option<ListId> {
        let group = usize::from(answer.group?);
        match layer {
            Layer::SecurityGroup => self.group_ids.get(group).cloned().map(ListId::SecurityGroup),
            Layer::NetworkAcl => self.acl.as_ref().map(|(id, _)| ListId::NetworkAcl(id.clone())),
        }
    }
}
