//! What can be wrong with a policy, and where.

use std::fmt;

use super::Direction;
use super::address::{AclId, Cidr, GroupId};
use super::protocol::{PortRange, Protocol};
use super::rule::RuleId;
use super::tracking::TimeoutsError;

/// A piece of text in a policy that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("found `{found}`, expected {expected}")]
pub struct ParsePolicyError {
    /// The text as it was written.
    pub found: String,
    /// What should have stood there.
    pub expected: &'static str,
}

/// The object that holds a list of rules.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ListId {
    /// A security group.
    SecurityGroup(GroupId),
    /// A network ACL.
    NetworkAcl(AclId),
}

impl fmt::Display for ListId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SecurityGroup(id) => write!(f, "security group {id}"),
            Self::NetworkAcl(id) => write!(f, "network ACL {id}"),
        }
    }
}

/// Where in a policy something is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// The policy as a whole.
    Policy,
    /// The attachments of an ENI.
    Attachments,
    /// A group or ACL as a whole.
    List(ListId),
    /// One direction of a group or ACL.
    Direction(ListId, Direction),
    /// One rule.
    Rule(ListId, Direction, RuleId),
}

fn word(direction: Direction) -> &'static str {
    match direction {
        Direction::Ingress => "ingress",
        Direction::Egress => "egress",
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Policy => f.write_str("policy"),
            Self::Attachments => f.write_str("attachments of the ENI"),
            Self::List(list) => list.fmt(f),
            Self::Direction(list, direction) => write!(f, "{list}, {}", word(*direction)),
            Self::Rule(list, direction, rule) => {
                write!(f, "{list}, {} rule {rule}", word(*direction))
            }
        }
    }
}

/// One thing that is wrong with a policy, and its place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {kind}")]
pub struct PolicyError {
    /// Where it is.
    pub place: Place,
    /// What it is.
    pub kind: PolicyErrorKind,
}

/// What can be wrong with a policy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PolicyErrorKind {
    /// The lowest port of a range lies above its highest.
    #[error("found ports {found}, expected the lower one first: {}-{}", found.last, found.first)]
    InvertedPorts {
        /// The range as written.
        found: PortRange,
    },
    /// Ports on a protocol whose packets have none.
    #[error("found ports {ports} with protocol {protocol}, expected tcp, udp or 132 (sctp), or no ports")]
    PortsWithoutPorts {
        /// The ports as written.
        ports: PortRange,
        /// The protocol of the rule.
        protocol: Protocol,
    },
    /// Source ports in a security group.
    #[error("found source_ports {found}, expected none: only network ACLs match source ports")]
    SourcePortsInGroup {
        /// The source ports as written.
        found: PortRange,
    },
    /// An ICMP type or code on another protocol.
    #[error("found {field} {found} with protocol {protocol}, expected icmp or icmpv6, or none")]
    IcmpOnOtherProtocol {
        /// The field in question, `icmp_type` or `icmp_code`.
        field: &'static str,
        /// Its value.
        found: u8,
        /// The protocol of the rule.
        protocol: Protocol,
    },
    /// A rule id that occurs earlier in the same list.
    #[error("found id {found} for a second time, expected ids unique in their list")]
    DuplicateRule {
        /// The id.
        found: RuleId,
    },
    /// A rule id of the reserved range.
    #[error("found id {found}, expected one below {}: the rest is reserved", RuleId::RESERVED_FIRST)]
    ReservedRule {
        /// The id.
        found: RuleId,
    },
    /// A reference to a security group that the policy does not define.
    #[error("found {found}, expected the id of a security group of this policy")]
    UnknownGroup {
        /// The reference.
        found: GroupId,
    },
    /// A reference to a network ACL that the policy does not define.
    #[error("found {found}, expected the id of a network ACL of this policy")]
    UnknownAcl {
        /// The reference.
        found: AclId,
    },
    /// A CIDR with bits set past its prefix.
    #[error("found {found} with host bits set, expected {expected}")]
    HostBits {
        /// The CIDR as written.
        found: Cidr,
        /// The block that it lies in.
        expected: Cidr,
    },
    /// Two objects of one id.
    #[error("found a second definition, expected one")]
    DuplicateList,
    /// One group attached twice to the same ENI.
    #[error("found {found} attached twice, expected once")]
    DuplicateAttachment {
        /// The group.
        found: GroupId,
    },
    /// A limit that is exceeded.
    #[error("found {found} {what}, expected at most {limit}")]
    TooMany {
        /// What was counted.
        what: &'static str,
        /// How many there are.
        found: usize,
        /// How many there may be.
        limit: usize,
    },
    /// A time-out outside its bounds.
    #[error(transparent)]
    Timeouts(#[from] TimeoutsError),
}

/// Everything that is wrong with a policy, in the order of its text. Never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyErrors(pub Vec<PolicyError>);

impl std::error::Error for PolicyErrors {}

impl fmt::Display for PolicyErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            error.fmt(f)?;
        }
        Ok(())
    }
}
