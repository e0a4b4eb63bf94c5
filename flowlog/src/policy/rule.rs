//! One rule of a security group or a network ACL.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::address::Peer;
use super::protocol::{PortRange, Protocol};

/// What a rule does with the packets it matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RuleAction {
    /// The layer lets the packet pass.
    Allow,
    /// The layer refuses the packet.
    Deny,
}

/// The number of a rule, unique in its list (one direction of one group or ACL).
///
/// Ids from [`RuleId::RESERVED_FIRST`] up belong to the engine and are refused in a
/// configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RuleId(pub u32);

impl RuleId {
    /// The first id that a configuration may not use.
    pub const RESERVED_FIRST: Self = Self(4_000_000_000);
    /// No ingress rule of the ENI's security groups matched.
    pub const GROUP_INGRESS_DEFAULT_DENY: Self = Self(4_000_000_001);
    /// No egress rule of the ENI's security groups matched.
    pub const GROUP_EGRESS_DEFAULT_DENY: Self = Self(4_000_000_002);
    /// No ingress rule of the subnet's network ACL matched.
    pub const ACL_INGRESS_DEFAULT_DENY: Self = Self(4_000_000_003);
    /// No egress rule of the subnet's network ACL matched.
    pub const ACL_EGRESS_DEFAULT_DENY: Self = Self(4_000_000_004);
    /// The security group allowed the packet for the connection it belongs to.
    pub const TRACKED: Self = Self(4_000_000_010);
    /// The one rule of [`Policy::allow_all`](super::Policy::allow_all).
    pub const ALLOW_ALL: Self = Self(4_000_000_020);

    /// Whether the engine keeps this id for itself.
    #[must_use]
    pub const fn is_reserved(self) -> bool {
        self.0 >= Self::RESERVED_FIRST.0
    }

    /// What a reserved id stands for, in words.
    #[must_use]
    pub const fn meaning(self) -> Option<&'static str> {
        match self {
            Self::GROUP_INGRESS_DEFAULT_DENY => Some("implicit deny of the security groups, ingress"),
            Self::GROUP_EGRESS_DEFAULT_DENY => Some("implicit deny of the security groups, egress"),
            Self::ACL_INGRESS_DEFAULT_DENY => Some("implicit deny of the network ACL, ingress"),
            Self::ACL_EGRESS_DEFAULT_DENY => Some("implicit deny of the network ACL, egress"),
            Self::TRACKED => Some("allowed by the tracked connection"),
            Self::ALLOW_ALL => Some("no policy configured: everything is allowed"),
            _ => None,
        }
    }
}

impl fmt::Display for RuleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// One rule. All conditions must hold for it to match.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// The rule's number, unique in its list.
    pub id: RuleId,
    /// Lower numbers are matched first; ties keep the order of appearance.
    pub priority: u16,
    /// What happens to matching packets.
    pub action: RuleAction,
    /// The IP protocol.
    pub protocol: Protocol,
    /// The destination ports; only for protocols with ports.
    #[serde(default, skip_serializing_if = "is_any_port")]
    pub ports: PortRange,
    /// The source ports; only in network ACLs, and only for protocols with ports.
    #[serde(default, skip_serializing_if = "is_any_port")]
    pub source_ports: PortRange,
    /// The ICMP or ICMPv6 type; only for those protocols.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub icmp_type: Option<u8>,
    /// The ICMP or ICMPv6 code; only for those protocols. Without a type: this code of any type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub icmp_code: Option<u8>,
    /// The far side: the source of an ingress rule, the destination of an egress rule.
    pub peer: Peer,
}

fn is_any_port(ports: &PortRange) -> bool {
    *ports == PortRange::ANY
}
