//! The names of fields, and the list of them that a user chooses.

use super::word::{excerpt, words};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

words! {
    /// A field of a record. The first 14, in this order, are the default format.
    pub enum Field, "field" {
        /// The version token.
        Version = "version",
        /// The account that owns the ENI.
        AccountId = "account-id",
        /// The ENI.
        InterfaceId = "interface-id",
        /// The packet's source address.
        SrcAddr = "srcaddr",
        /// The packet's destination address.
        DstAddr = "dstaddr",
        /// Source port.
        SrcPort = "srcport",
        /// Destination port.
        DstPort = "dstport",
        /// IANA protocol number.
        Protocol = "protocol",
        /// Packets in the window.
        Packets = "packets",
        /// Layer-3 bytes in the window.
        Bytes = "bytes",
        /// Start, Unix seconds.
        Start = "start",
        /// End, Unix seconds.
        End = "end",
        /// ACCEPT or REJECT.
        Action = "action",
        /// OK, NODATA or SKIPDATA.
        LogStatus = "log-status",
        /// The ENI's VPC.
        VpcId = "vpc-id",
        /// The ENI's subnet.
        SubnetId = "subnet-id",
        /// The ENI's instance.
        InstanceId = "instance-id",
        /// The OR of TCP flags, by AWS's rule.
        TcpFlags = "tcp-flags",
        /// IPv4 or IPv6.
        Type = "type",
        /// The same as `srcaddr`.
        PktSrcAddr = "pkt-srcaddr",
        /// The same as `dstaddr`.
        PktDstAddr = "pkt-dstaddr",
        /// The ENI's region.
        Region = "region",
        /// ingress or egress.
        FlowDirection = "flow-direction",
        /// The way that egress traffic takes: not known.
        TrafficPath = "traffic-path",
        /// The layer that refused.
        RejectReason = "reject-reason",
        /// The layer whose rule decided.
        Layer = "x-layer",
        /// The rule that decided.
        RuleId = "x-rule-id",
        /// The state of the rules when it decided.
        PolicyEpoch = "x-policy-epoch",
        /// The first packet, Unix nanoseconds.
        FirstNs = "x-first-ns",
        /// The last packet, Unix nanoseconds.
        LastNs = "x-last-ns",
        /// Why the record ends.
        EndReason = "x-end-reason",
        /// ICMP type·256 + code.
        IcmpTypeCode = "x-icmp-type-code",
        /// Community ID v1.
        CommunityId = "x-community-id",
        /// Why records were skipped.
        SkipReason = "x-skip-reason",
        /// Packets that were skipped.
        SkippedPackets = "x-skipped-packets",
        /// Bytes that were skipped.
        SkippedBytes = "x-skipped-bytes",
        /// The window's start, Unix nanoseconds.
        WindowStartNs = "x-window-start-ns",
        /// The window's end, Unix nanoseconds.
        WindowEndNs = "x-window-end-ns",
        /// The record's number among those of its ENI and window.
        Sequence = "x-sequence",
    }
}

/// What a field's value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FieldKind {
    /// A number up to 2^64 - 1.
    Number,
    /// An IPv4 or IPv6 address.
    Address,
    /// Printable ASCII without spaces.
    Text,
}

impl Field {
    /// How many fields the default format has.
    pub const DEFAULT_COUNT: usize = 14;

    /// What its value is, if the record has it.
    #[must_use]
    pub const fn kind(self) -> FieldKind {
        match self {
            Self::SrcPort
            | Self::DstPort
            | Self::Protocol
            | Self::Packets
            | Self::Bytes
            | Self::Start
            | Self::End
            | Self::TcpFlags
            | Self::RuleId
            | Self::PolicyEpoch
            | Self::FirstNs
            | Self::LastNs
            | Self::IcmpTypeCode
            | Self::SkippedPackets
            | Self::SkippedBytes
            | Self::WindowStartNs
            | Self::WindowEndNs
            | Self::Sequence
            | Self::TrafficPath => FieldKind::Number,
            Self::SrcAddr | Self::DstAddr | Self::PktSrcAddr | Self::PktDstAddr => FieldKind::Address,
            _ => FieldKind::Text,
        }
    }
}

/// The fields that a user chose, in their order: at least one, none of them twice.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct FieldList(Vec<Field>);

/// A field list that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadFieldList {
    /// It has no fields.
    #[error("a field list needs at least one field")]
    Empty,
    /// It names a field that does not exist.
    #[error("field {number}, `{found}`, does not exist; there are: {}", known_fields())]
    Unknown {
        /// Its place in the list, from 1.
        number: usize,
        /// Its name, cut after 64 bytes.
        found: String,
    },
    /// It names a field twice.
    #[error("field {number}, `{field}`, is in the list already as field {first}")]
    Duplicate {
        /// The field.
        field: Field,
        /// Its second place in the list, from 1.
        number: usize,
        /// Its first place.
        first: usize,
    },
}

fn known_fields() -> String {
    Field::ALL.iter().map(|field| field.as_str()).collect::<Vec<_>>().join(", ")
}

impl FieldList {
    /// From fields.
    ///
    /// # Errors
    ///
    /// If there are none, or one of them is there twice.
    pub fn new(fields: impl IntoIterator<Item = Field>) -> Result<Self, BadFieldList> {
        let mut list = Vec::new();
        for field in fields {
            if let Some(first) = list.iter().position(|each| *each == field) {
                return Err(BadFieldList::Duplicate { field, number: list.len() + 1, first: first + 1 });
            }
            list.push(field);
        }
        if list.is_empty() { Err(BadFieldList::Empty) } else { Ok(Self(list)) }
    }

    /// The 14 fields of the default format.
    #[must_use]
    pub fn default_format() -> Self {
        Self(Field::ALL[..Field::DEFAULT_COUNT].to_vec())
    }

    /// Every field there is.
    #[must_use]
    pub fn all() -> Self {
        Self(Field::ALL.to_vec())
    }

    /// The fields, in order.
    #[must_use]
    pub fn fields(&self) -> &[Field] {
        &self.0
    }

    /// Appends the header line: the names, with single spaces between them.
    pub fn write_header(&self, out: &mut Vec<u8>) {
        for (at, field) in self.0.iter().enumerate() {
            if at > 0 {
                out.push(b' ');
            }
            out.extend_from_slice(field.as_str().as_bytes());
        }
        out.push(b'\n');
    }
}

impl FromStr for FieldList {
    type Err = BadFieldList;

    /// Names, with commas or white space or both between them; a header line is one.
    fn from_str(text: &str) -> Result<Self, BadFieldList> {
        let names = text.split(|c: char| c == ',' || c.is_ascii_whitespace()).filter(|name| !name.is_empty());
        let fields: Result<Vec<_>, _> = names
            .enumerate()
            .map(|(at, name)| {
                let unknown = || BadFieldList::Unknown { number: at + 1, found: excerpt(name.as_bytes()) };
                Field::from_word(name.as_bytes()).ok_or_else(unknown)
            })
            .collect();
        Self::new(fields?)
    }
}

impl fmt::Display for FieldList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, field) in self.0.iter().enumerate() {
            let separator = if at > 0 { "," } else { "" };
            write!(f, "{separator}{field}")?;
        }
        Ok(())
    }
}

impl TryFrom<String> for FieldList {
    type Error = BadFieldList;

    fn try_from(text: String) -> Result<Self, BadFieldList> {
        text.parse()
    }
}

impl From<FieldList> for String {
    fn from(list: FieldList) -> Self {
        list.to_string()
    }
}
