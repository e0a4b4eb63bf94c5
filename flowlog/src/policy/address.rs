//! Who is on the other side: CIDRs, identifiers of groups and ACLs, and the peer of a rule.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::error::ParsePolicyError;

/// Characters that may follow the prefix of an identifier.
const ID_TAIL_MAX: usize = 32;

fn has_id_form(text: &str, prefix: &str) -> bool {
    text.strip_prefix(prefix).is_some_and(|tail| {
        (1..=ID_TAIL_MAX).contains(&tail.len())
            && tail.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    })
}

macro_rules! prefixed_id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal, $expected:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The identifier as text, prefix included.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = ParsePolicyError;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                if has_id_form(&text, $prefix) {
                    Ok(Self(text))
                } else {
                    Err(ParsePolicyError { found: text, expected: $expected })
                }
            }
        }

        impl FromStr for $name {
            type Err = ParsePolicyError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::try_from(text.to_owned())
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

prefixed_id!(
    /// The identifier of a security group: `sg-` and up to 32 of `a-z`, `0-9`, `-`.
    GroupId,
    "sg-",
    "a security group id: sg- and 1 to 32 of a-z, 0-9, -"
);
prefixed_id!(
    /// The identifier of a network ACL: `acl-` and up to 32 of `a-z`, `0-9`, `-`.
    AclId,
    "acl-",
    "a network ACL id: acl- and 1 to 32 of a-z, 0-9, -"
);

/// A block of IPv4 or IPv6 addresses.
///
/// An IPv4 block never matches an IPv6 address, not even an IPv4-mapped one, and the reverse.
/// A single address is read as a block of one. Host bits are kept as written, for
/// [`Policy::new`](super::Policy::new) to refuse with the corrected block named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Cidr(IpNet);

impl Cidr {
    /// Whether the address lies in this block.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.contains(&address)
    }

    /// The address as written: the first of the block when there are no host bits.
    #[must_use]
    pub fn address(&self) -> IpAddr {
        self.0.addr()
    }

    /// How many leading bits are compared.
    #[must_use]
    pub fn prefix_length(&self) -> u8 {
        self.0.prefix_len()
    }

    /// The same block with its host bits cleared.
    #[must_use]
    pub fn truncated(&self) -> Self {
        Self(self.0.trunc())
    }

    /// Whether bits are set past the prefix.
    #[must_use]
    pub fn has_host_bits(&self) -> bool {
        self.truncated() != *self
    }

    pub(crate) fn net(&self) -> IpNet {
        self.0
    }
}

impl FromStr for Cidr {
    type Err = ParsePolicyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse::<IpNet>().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from)).map(Self).ok_or_else(|| {
            ParsePolicyError {
                found: text.to_owned(),
                expected: "a CIDR like 10.0.0.0/8 or 2001:db8::/32, or an address",
            }
        })
    }
}

impl TryFrom<String> for Cidr {
    type Error = ParsePolicyError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Cidr> for String {
    fn from(cidr: Cidr) -> Self {
        cidr.to_string()
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The far side a rule speaks of: the source of an ingress rule, the destination of an egress
/// rule. Written as `any`, a CIDR or an address, or the id of a security group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Peer {
    /// Every address, IPv4 and IPv6.
    Any,
    /// The addresses of a block.
    Cidr(Cidr),
    /// The addresses of the ENIs which have this security group attached at present.
    Group(GroupId),
}

impl FromStr for Peer {
    type Err = ParsePolicyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "any" {
            Ok(Self::Any)
        } else if text.starts_with("sg-") {
            text.parse().map(Self::Group)
        } else {
            text.parse().map(Self::Cidr).map_err(|error| ParsePolicyError {
                expected: "any, a CIDR like 10.0.0.0/8 or 2001:db8::/32, an address, or sg-…",
                ..error
            })
        }
    }
}

impl TryFrom<String> for Peer {
    type Error = ParsePolicyError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Peer> for String {
    fn from(peer: Peer) -> Self {
        peer.to_string()
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("any"),
            Self::Cidr(cidr) => cidr.fmt(f),
            Self::Group(group) => group.fmt(f),
        }
    }
}
