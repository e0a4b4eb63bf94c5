//! What the security group remembers of a connection: its state, and for how long.
//!
//! The table of connections lives elsewhere; these are the pure functions it asks. No clock: a
//! state tells its time-out in seconds, the caller compares.
//!
//! ```text
//!  TCP   SYN ─▶ opening ── ACK of one side ─▶ half open ── ACK of the other ─▶ established
//!                  ▲                                                              │ FIN or RST,
//!                  └──────────── SYN of the original side ─── closing ◀───────────┘ from any state
//!  UDP   first packet ─▶ single ── reply ─▶ answered ── original speaks again ─▶ stream
//!  else  other
//! ```

use serde::{Deserialize, Serialize};

use super::protocol::Protocol;

/// What a rule change does to the connections that were accepted before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TrackedFlows {
    /// They stay accepted by the security group until they end or time out.
    #[default]
    Keep,
    /// The security group's present rules judge them again.
    Reevaluate,
}

/// How long an idle connection is remembered, in seconds, by its state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Timeouts {
    /// TCP, established.
    pub tcp_established_seconds: u32,
    /// TCP, any other state.
    pub tcp_other_seconds: u32,
    /// UDP, one direction only or a single request with its answer.
    pub udp_seconds: u32,
    /// UDP, longer conversations.
    pub udp_stream_seconds: u32,
    /// Every other protocol.
    pub other_seconds: u32,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            tcp_established_seconds: 432_000,
            tcp_other_seconds: 600,
            udp_seconds: 30,
            udp_stream_seconds: 180,
            other_seconds: 600,
        }
    }
}

/// A time-out outside its bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("found {field} = {found}, expected 1 to {}", Timeouts::MAX_SECONDS)]
pub struct TimeoutsError {
    /// The field in question.
    pub field: &'static str,
    /// Its value.
    pub found: u32,
}

impl Timeouts {
    /// The longest time-out that may be set: ten days.
    pub const MAX_SECONDS: u32 = 864_000;

    /// Checks that every time-out lies between 1 and [`Timeouts::MAX_SECONDS`].
    pub fn validate(&self) -> Result<(), TimeoutsError> {
        [
            ("tcp_established_seconds", self.tcp_established_seconds),
            ("tcp_other_seconds", self.tcp_other_seconds),
            ("udp_seconds", self.udp_seconds),
            ("udp_stream_seconds", self.udp_stream_seconds),
            ("other_seconds", self.other_seconds),
        ]
        .into_iter()
        .find(|(_, seconds)| !(1..=Self::MAX_SECONDS).contains(seconds))
        .map_or(Ok(()), |(field, found)| Err(TimeoutsError { field, found }))
    }
}

const TCP: Protocol = Protocol::TCP;
const FIN: u8 = 1;
const SYN: u8 = 2;
const RST: u8 = 4;
const ACK: u8 = 16;

/// The state of one tracked connection. The original side is the one that sent the first packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum ConnectionState {
    /// TCP: no acknowledgement seen yet.
    TcpSynSent = 0,
    /// TCP: only the original side has acknowledged.
    TcpOriginalAcked = 1,
    /// TCP: only the replying side has acknowledged.
    TcpReplyAcked = 2,
    /// TCP: both sides have acknowledged.
    TcpEstablished = 3,
    /// TCP: a FIN or RST was seen.
    TcpClosing = 4,
    /// UDP: only the original side has spoken.
    UdpSingle = 5,
    /// UDP: a request and its answer.
    UdpAnswered = 6,
    /// UDP: the original side spoke again after an answer.
    UdpStream = 7,
    /// Every other protocol, ICMP too.
    Other = 8,
}

impl ConnectionState {
    /// The state after the first packet. A TCP connection need not begin with a SYN: after a
    /// restart of the host it is picked up in its middle.
    #[must_use]
    pub const fn first(protocol: u8, tcp_flags: u8) -> Self {
        match Protocol::Number(protocol) {
            TCP => Self::TcpSynSent.advance_tcp(tcp_flags, false),
            Protocol::UDP => Self::UdpSingle,
            _ => Self::Other,
        }
    }

    /// The state after more packets of one side.
    ///
    /// `tcp_flags` may be the OR over all packets of a side since the last call, as the NIC
    /// reports it. Then a FIN or RST outweighs a SYN and an ACK beside it, because the short
    /// time-out is the safe error, and a caller that has both sides at hand passes the original
    /// side first. A state that does not belong to the protocol starts over.
    #[must_use]
    pub const fn advance(self, protocol: u8, tcp_flags: u8, is_reply: bool) -> Self {
        match (Protocol::Number(protocol), self) {
            (
                TCP,
                Self::TcpSynSent
                | Self::TcpOriginalAcked
                | Self::TcpReplyAcked
                | Self::TcpEstablished
                | Self::TcpClosing,
            ) => self.advance_tcp(tcp_flags, is_reply),
            (Protocol::UDP, Self::UdpSingle) if is_reply => Self::UdpAnswered,
            (Protocol::UDP, Self::UdpAnswered) if !is_reply => Self::UdpStream,
            (Protocol::UDP, Self::UdpSingle | Self::UdpAnswered | Self::UdpStream) => self,
            _ => Self::first(protocol, tcp_flags),
        }
    }

    const fn advance_tcp(self, tcp_flags: u8, is_reply: bool) -> Self {
        if tcp_flags & (FIN | RST) != 0 {
            return Self::TcpClosing;
        }
        let state = match self {
            Self::TcpClosing if tcp_flags & SYN != 0 && !is_reply => Self::TcpSynSent,
            state => state,
        };
        if tcp_flags & ACK == 0 {
            return state;
        }
        match (state, is_reply) {
            (Self::TcpSynSent, false) => Self::TcpOriginalAcked,
            (Self::TcpSynSent, true) => Self::TcpReplyAcked,
            (Self::TcpOriginalAcked, true) | (Self::TcpReplyAcked, false) => Self::TcpEstablished,
            (state, _) => state,
        }
    }

    /// How long a connection in this state may be idle before it is forgotten.
    #[must_use]
    pub const fn timeout_seconds(self, timeouts: &Timeouts) -> u32 {
        match self {
            Self::TcpEstablished => timeouts.tcp_established_seconds,
            Self::TcpSynSent | Self::TcpOriginalAcked | Self::TcpReplyAcked | Self::TcpClosing => {
                timeouts.tcp_other_seconds
            }
            Self::UdpSingle | Self::UdpAnswered => timeouts.udp_seconds,
            Self::UdpStream => timeouts.udp_stream_seconds,
            Self::Other => timeouts.other_seconds,
        }
    }
}

/// The byte is no [`ConnectionState`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("found connection state {found}, expected 0 to 8")]
pub struct UnknownConnectionState {
    /// The byte.
    pub found: u8,
}

impl TryFrom<u8> for ConnectionState {
    type Error = UnknownConnectionState;

    fn try_from(byte: u8) -> Result<Self, Self::Error> {
        [
            Self::TcpSynSent,
            Self::TcpOriginalAcked,
            Self::TcpReplyAcked,
            Self::TcpEstablished,
            Self::TcpClosing,
            Self::UdpSingle,
            Self::UdpAnswered,
            Self::UdpStream,
            Self::Other,
        ]
        .into_iter()
        .find(|state| *state as u8 == byte)
        .ok_or(UnknownConnectionState { found: byte })
    }
}

/// The type of the request that an ICMP or ICMPv6 message of this type answers, if it is an
/// answer. The connection is then the one of that request type with the same identifier and the
/// two addresses exchanged.
///
/// Answers are: echo reply, timestamp reply, information reply, address mask reply, and the echo
/// reply of ICMPv6. All other messages are judged by the rules as new ones: also **errors** about
/// a tracked flow (unreachable, time exceeded, packet too big), which carry no identifier and may
/// come from any router, and neighbour discovery.
#[must_use]
pub const fn icmp_request_of_reply(protocol: u8, icmp_type: u8) -> Option<u8> {
    match (Protocol::Number(protocol), icmp_type) {
        (Protocol::ICMP, 0) => Some(8),
        (Protocol::ICMP, 14) => Some(13),
        (Protocol::ICMP, 16) => Some(15),
        (Protocol::ICMP, 18) => Some(17),
        (Protocol::ICMPV6, 129) => Some(128),
        _ => None,
    }
}
