//! What kind of packet a rule speaks of: protocol and ports.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::error::ParsePolicyError;

/// A setting that may be written as a number or as text.
#[derive(Deserialize)]
#[serde(untagged, expecting = "expected a number or text")]
enum NumberOrText {
    Number(i64),
    Text(String),
}

impl fmt::Display for NumberOrText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Text(text) => f.write_str(text),
        }
    }
}

/// Digits only: a sign, which `parse` alone would take, is refused.
fn decimal<N: FromStr>(text: &str) -> Option<N> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

/// Which IP protocols a rule matches. Written as `any`, `tcp`, `udp`, `icmp`, `icmpv6` or the
/// IANA number, which means exactly what the name does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "NumberOrText", into = "String")]
pub enum Protocol {
    /// Every protocol.
    Any,
    /// The protocol of this IANA number.
    Number(u8),
}

impl Protocol {
    /// ICMP for IPv4, protocol 1.
    pub const ICMP: Self = Self::Number(1);
    /// TCP, protocol 6.
    pub const TCP: Self = Self::Number(6);
    /// UDP, protocol 17.
    pub const UDP: Self = Self::Number(17);
    /// ICMPv6, protocol 58.
    pub const ICMPV6: Self = Self::Number(58);
    /// SCTP, protocol 132.
    pub const SCTP: Self = Self::Number(132);

    /// Whether a rule for this protocol may name ports: TCP, UDP and SCTP, whose ports the NIC
    /// parses.
    #[must_use]
    pub fn has_ports(self) -> bool {
        matches!(self, Self::TCP | Self::UDP | Self::SCTP)
    }

    /// Whether a rule for this protocol may name an ICMP type or code.
    #[must_use]
    pub fn is_icmp(self) -> bool {
        matches!(self, Self::ICMP | Self::ICMPV6)
    }
}

impl FromStr for Protocol {
    type Err = ParsePolicyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "any" => Ok(Self::Any),
            "tcp" => Ok(Self::TCP),
            "udp" => Ok(Self::UDP),
            "icmp" => Ok(Self::ICMP),
            "icmpv6" => Ok(Self::ICMPV6),
            number => decimal(number).map(Self::Number).ok_or_else(|| ParsePolicyError {
                found: number.to_owned(),
                expected: "a protocol: any, tcp, udp, icmp, icmpv6 or a number 0 to 255",
            }),
        }
    }
}

impl TryFrom<NumberOrText> for Protocol {
    type Error = ParsePolicyError;

    fn try_from(value: NumberOrText) -> Result<Self, Self::Error> {
        value.to_string().parse()
    }
}

impl From<Protocol> for String {
    fn from(protocol: Protocol) -> Self {
        protocol.to_string()
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Any => f.write_str("any"),
            Self::TCP => f.write_str("tcp"),
            Self::UDP => f.write_str("udp"),
            Self::ICMP => f.write_str("icmp"),
            Self::ICMPV6 => f.write_str("icmpv6"),
            Self::Number(number) => number.fmt(f),
        }
    }
}

/// Ports from `first` to `last`, both included. Written as `any`, `80` or `8000-8080`.
///
/// `0-65535` and `any` are the same range, and match packets of protocols without ports too.
/// An inverted range is kept as written, for [`Policy::new`](super::Policy::new) to refuse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "NumberOrText", into = "String")]
pub struct PortRange {
    /// The lowest port of the range.
    pub first: u16,
    /// The highest port of the range.
    pub last: u16,
}

impl PortRange {
    /// Every port, and the absence of ports.
    pub const ANY: Self = Self { first: 0, last: u16::MAX };

    /// The range of one port.
    #[must_use]
    pub const fn single(port: u16) -> Self {
        Self { first: port, last: port }
    }

    /// Whether the port lies in the range.
    #[must_use]
    pub const fn contains(self, port: u16) -> bool {
        self.first <= port && port <= self.last
    }

    /// Whether `first` lies above `last`.
    #[must_use]
    pub const fn is_inverted(self) -> bool {
        self.first > self.last
    }
}

impl Default for PortRange {
    fn default() -> Self {
        Self::ANY
    }
}

impl FromStr for PortRange {
    type Err = ParsePolicyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "any" {
            return Ok(Self::ANY);
        }
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        match (decimal(first), decimal(last)) {
            (Some(first), Some(last)) => Ok(Self { first, last }),
            _ => Err(ParsePolicyError {
                found: text.to_owned(),
                expected: "ports: any, a port 0 to 65535, or a range like 8000-8080",
            }),
        }
    }
}

impl TryFrom<NumberOrText> for PortRange {
    type Error = ParsePolicyError;

    fn try_from(value: NumberOrText) -> Result<Self, Self::Error> {
        value.to_string().parse()
    }
}

impl From<PortRange> for String {
    fn from(ports: PortRange) -> Self {
        ports.to_string()
    }
}

impl fmt::Display for PortRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::ANY {
            f.write_str("any")
        } else if self.first == self.last {
            self.first.fmt(f)
        } else {
            write!(f, "{}-{}", self.first, self.last)
        }
    }
}
