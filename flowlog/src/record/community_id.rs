//! Community ID v1, seed 0: one short name for both directions of a flow, as other monitors
//! (Zeek, Suricata, Wireshark) compute it.
//!
//! `1:` and the Base64 of the SHA-1 of seed, smaller endpoint, larger endpoint, protocol, 0, and
//! both ports. ICMP has message types in place of ports: a request's type is paired with its
//! reply's; a message without a reply keeps its code, and its endpoints are not put in order.

use super::{FlowFacts, Icmp};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use firmware_abi::key::{FlowKey, protocol};
use sha1::{Digest as _, Sha1};

/// A Community ID's text, such as `1:LQU9qZlK+B5F3KDmev6m5PMibrg=`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CommunityId([u8; Self::BYTES]);

impl CommunityId {
    /// The length of its text.
    pub const BYTES: usize = 30;

    /// The identifier of a flow; none for ICMP whose type is not known.
    #[must_use]
    pub fn of(facts: &FlowFacts) -> Option<Self> {
        let key = &facts.key;
        let endpoints = match key.protocol {
            protocol::TCP | protocol::UDP | protocol::SCTP => Endpoints::ordered(key, key.src_port, key.dst_port),
            protocol::ICMP => Endpoints::icmp(key, facts.icmp?, icmp_reply),
            protocol::ICMPV6 => Endpoints::icmp(key, facts.icmp?, icmpv6_reply),
            _ => Endpoints::ordered(key, 0, 0),
        };
        Some(endpoints.digest(key))
    }

    /// Its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

#[derive(Clone, Copy)]
struct Endpoints<'a> {
    first: (&'a [u8; 16], u16),
    second: (&'a [u8; 16], u16),
}

impl<'a> Endpoints<'a> {
    fn ordered(key: &'a FlowKey, src_port: u16, dst_port: u16) -> Self {
        let (src, dst) = ((&key.src, src_port), (&key.dst, dst_port));
        let (first, second) = if src < dst { (src, dst) } else { (dst, src) };
        Self { first, second }
    }

    fn icmp(key: &'a FlowKey, icmp: Icmp, reply: fn(u8) -> Option<u8>) -> Self {
        let kind = u16::from(icmp.kind);
        match reply(icmp.kind) {
            Some(reply) => Self::ordered(key, kind, u16::from(reply)),
            None => Self { first: (&key.src, kind), second: (&key.dst, u16::from(icmp.code)) },
        }
    }

    fn digest(&self, key: &FlowKey) -> CommunityId {
        let has_ports =
            matches!(key.protocol, protocol::TCP | protocol::UDP | protocol::SCTP | protocol::ICMP | protocol::ICMPV6);
        let address_bytes = if key.port.ip6() { 16 } else { 4 };
        let mut sha1 = Sha1::new();
        sha1.update([0, 0]);
        sha1.update(&self.first.0[..address_bytes]);
        sha1.update(&self.second.0[..address_bytes]);
        sha1.update([key.protocol, 0]);
        if has_ports {
            sha1.update(self.first.1.to_be_bytes());
            sha1.update(self.second.1.to_be_bytes());
        }
        let mut text = *b"1:                            ";
        let written = STANDARD.encode_slice(sha1.finalize(), &mut text[2..]);
        assert!(matches!(written, Ok(28)), "20 bytes are 28 of Base64");
        CommunityId(text)
    }
}

/// The type that answers an ICMP type, or that it answers.
fn icmp_reply(kind: u8) -> Option<u8> {
    Some(match kind {
        0 => 8,
        8 => 0,
        9 => 10,
        10 => 9,
        13 => 14,
        14 => 13,
        15 => 16,
        16 => 15,
        17 => 18,
        18 => 17,
        _ => return None,
    })
}

/// The type that answers an ICMPv6 type, or that it answers.
fn icmpv6_reply(kind: u8) -> Option<u8> {
    Some(match kind {
        128 => 129,
        129 => 128,
        130 => 131,
        131 => 130,
        133 => 134,
        134 => 133,
        135 => 136,
        136 => 135,
        139 => 140,
        140 => 139,
        144 => 145,
        145 => 144,
        _ => return None,
    })
}
