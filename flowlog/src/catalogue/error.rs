//! Why a catalogue refuses an object.

use std::net::IpAddr;

use super::flow_log::{Destination, FlowLogError, Scope};
use super::id::{FlowLogId, InstanceId, Mac, SubnetId, VpcId};
use super::model::{ModelError, ModelName};
use crate::policy::Cidr;
use crate::record::EniId;

/// Why a catalogue refuses an object.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CatalogueError {
    /// An id that is in use.
    #[error("found a second {kind} {id}, expected ids unique")]
    Duplicate {
        /// What both are.
        kind: Kind,
        /// Their id.
        id: String,
    },
    /// A reference to what the catalogue does not have.
    #[error("found {found}, expected the id of a known {kind}")]
    Unknown {
        /// What it should name.
        kind: Kind,
        /// The reference.
        found: String,
    },
    /// A VPC or subnet without addresses.
    #[error("found no CIDR, expected at least one")]
    NoCidr,
    /// A CIDR with bits set past its prefix.
    #[error("found {found} with host bits set, expected {expected}")]
    HostBits {
        /// The CIDR as written.
        found: Cidr,
        /// The block that it lies in.
        expected: Cidr,
    },
    /// A subnet outside its VPC.
    #[error("found {found}, expected a part of {vpc}: {}", list(expected))]
    CidrOutsideVpc {
        /// The subnet's block.
        found: Cidr,
        /// The VPC.
        vpc: VpcId,
        /// The VPC's blocks.
        expected: Vec<Cidr>,
    },
    /// A subnet on the addresses of another of its VPC.
    #[error("found {found}, which overlaps {other_cidr} of {other}")]
    SubnetOverlap {
        /// The subnet's block.
        found: Cidr,
        /// The other subnet.
        other: SubnetId,
        /// The other's block.
        other_cidr: Cidr,
    },
    /// An ENI without an address, and not promiscuous.
    #[error("found no address, expected at least one, or promiscuous = true")]
    NoAddress,
    /// An address outside the subnet.
    #[error("found address {found}, expected one in {subnet}: {}", list(expected))]
    AddressOutsideSubnet {
        /// The address.
        found: IpAddr,
        /// The subnet.
        subnet: SubnetId,
        /// The subnet's blocks.
        expected: Vec<Cidr>,
    },
    /// An address that another ENI has.
    #[error("found address {found}, which is {other}'s already")]
    AddressTaken {
        /// The address.
        found: IpAddr,
        /// Whose it is; maybe the same ENI.
        other: EniId,
    },
    /// A MAC address that another ENI has.
    #[error("found MAC {found}, which is {other}'s already")]
    MacTaken {
        /// The address.
        found: Mac,
        /// Whose it is.
        other: EniId,
    },
    /// A second promiscuous ENI.
    #[error("found a second promiscuous ENI, expected only {other}")]
    PromiscuousTaken {
        /// The first one.
        other: EniId,
    },
    /// More ENIs on an instance than its model allows.
    #[error("found {found} ENIs on {instance}, expected at most {limit}: it is of model {model}")]
    InstanceEnis {
        /// The instance.
        instance: InstanceId,
        /// Its model.
        model: ModelName,
        /// How many ENIs there would be.
        found: usize,
        /// How many there may be.
        limit: usize,
    },
    /// More addresses on an ENI than the instance's model allows.
    #[error("found {found} {family} addresses, expected at most {limit}: {instance} is of model {model}")]
    EniAddresses {
        /// The instance.
        instance: InstanceId,
        /// Its model.
        model: ModelName,
        /// `IPv4` or `IPv6`.
        family: &'static str,
        /// How many addresses there are.
        found: usize,
        /// How many there may be.
        limit: usize,
    },
    /// The model is unknown, or one on which flow logs are not supported.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The flow log itself is not one that may be.
    #[error(transparent)]
    FlowLog(#[from] FlowLogError),
    /// A second flow log of one ENI and destination.
    #[error(
        "found destination {destination} for {scope}, expected one flow log per ENI and \
         destination: {other} on {other_scope} writes there already"
    )]
    FlowLogConflict {
        /// The destination of both.
        destination: Destination,
        /// The scope of the refused one.
        scope: Scope,
        /// The other.
        other: FlowLogId,
        /// The scope of the other.
        other_scope: Scope,
    },
    /// More objects of a kind than a catalogue may hold.
    #[error("found more than {limit} {kind}s, expected at most that many")]
    TooMany {
        /// What there are too many of.
        kind: Kind,
        /// How many there may be.
        limit: usize,
    },
}

/// What kind of object it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// An [`Account`](super::Account).
    Account,
    /// A [`Vpc`](super::Vpc).
    Vpc,
    /// A [`Subnet`](super::Subnet).
    Subnet,
    /// An [`Instance`](super::Instance).
    Instance,
    /// An [`Eni`](super::Eni).
    Eni,
    /// A [`FlowLog`](super::FlowLog).
    FlowLog,
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Account => "account",
            Self::Vpc => "VPC",
            Self::Subnet => "subnet",
            Self::Instance => "instance",
            Self::Eni => "ENI",
            Self::FlowLog => "flow log",
        })
    }
}

fn list(cidrs: &[Cidr]) -> String {
    let words: Vec<String> = cidrs.iter().map(Cidr::to_string).collect();
    words.join(", ")
}
