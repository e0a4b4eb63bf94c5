//! The rules a verdict is made of: security groups, network ACLs, and what they may say.
//!
//! ```text
//!   weir.toml ─▶ PolicyObjects ─ Policy::new ─▶ Policy ─ Policy::compile ─▶ EniPolicy ─ judge ─▶ Verdict
//!                 (as written)    (checked)      ▲                          (crate::verdict)
//!                                                └─ Attachments, Membership, epoch
//! ```
//!
//! Everything here is plain data. The objects may hold nonsense (an inverted port range, a CIDR
//! with host bits) because a person wrote them; [`Policy::new`] finds all of it at once and says
//! where it stands. Nothing but a checked [`Policy`] can be compiled.
//!
//! # Order of rules
//!
//! A lower priority number is matched first, and the first rule that matches decides. The rules
//! of all security groups of an ENI form one list in the order *(priority, order of the group on
//! the ENI, order of the rule in its group)*; those of an ACL *(priority, order of the rule)*.
//!
//! # When there are no rules
//!
//! | situation | outcome |
//! |---|---|
//! | no rule of a layer matches | the layer's implicit deny |
//! | an ENI without a security group | the security-group layer's implicit deny |
//! | a subnet without a network ACL | the ACL layer is not consulted: it allows all |
//! | no policy configured at all | [`Policy::allow_all`] |

mod address;
pub(crate) mod compiled;
mod error;
mod membership;
mod object;
mod protocol;
mod rule;
mod tracking;
mod validate;

pub use address::{AclId, Cidr, GroupId, Peer};
pub use error::{ListId, ParsePolicyError, Place, PolicyError, PolicyErrorKind, PolicyErrors};
pub use firmware_abi::key::Direction;
pub use membership::{AddressSet, Attachments, Membership};
pub use object::{NetworkAcl, Policy, PolicyObjects, SecurityGroup};
pub use protocol::{PortRange, Protocol};
pub use rule::{Rule, RuleAction, RuleId};
pub use tracking::{
    ConnectionState, Timeouts, TimeoutsError, TrackedFlows, UnknownConnectionState, icmp_request_of_reply,
};

/// Rules that one direction of one security group or ACL may hold.
pub const RULES_PER_LIST_MAX: usize = 1_000;
/// Security groups that may be attached to one ENI.
pub const GROUPS_PER_ENI_MAX: usize = 16;
/// Security groups, and network ACLs, that one policy may hold of each.
pub const LISTS_PER_POLICY_MAX: usize = 10_000;
