//! The flow key: what makes two packets the same flow for the hardware.

use bitfield::bitfield;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// The two flow engines, and the value of the key's direction bit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Direction {
    /// From the network to the guest.
    Ingress = 0,
    /// From the guest to the network.
    Egress = 1,
}

impl Direction {
    /// Both, in the order of the engines.
    pub const ALL: [Self; 2] = [Self::Ingress, Self::Egress];

    /// The engine's number: 0 or 1.
    #[must_use]
    pub const fn index(self) -> usize {
        self as usize
    }

    /// The direction of the reply.
    #[must_use]
    pub const fn reverse(self) -> Self {
        match self {
            Self::Ingress => Self::Egress,
            Self::Egress => Self::Ingress,
        }
    }
}

/// What the hardware does with a packet that hits a slot: the key's action bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum SlotAction {
    /// Tally and forward.
    Accept = 0,
    /// Tally and drop.
    Reject = 1,
    /// Forward without a tally; the ledger counts it as excluded.
    NoLog = 2,
    /// Tally, forward, and punt a copy.
    AcceptMirror = 3,
}

impl SlotAction {
    /// From the two bits of [`Port`].
    #[must_use]
    pub const fn from_bits(bits: u8) -> Self {
        match bits & 3 {
            0 => Self::Accept,
            1 => Self::Reject,
            2 => Self::NoLog,
            _ => Self::AcceptMirror,
        }
    }
}

bitfield! {
    /// The last 16 bits of a key: where the packet crosses, and what to do with it.
    #[derive(Clone, Copy, Default, PartialEq, Eq, Hash, FromBytes, IntoBytes, Immutable, KnownLayout)]
    #[repr(transparent)]
    pub struct Port(pub u16);
    impl Debug;
    u16;
    /// The virtual port, the hardware's number of an ENI: 0 to 4,095.
    pub vport, set_vport: 11, 0;
    /// Set on the engine from guest to network.
    pub egress, set_egress: 12;
    /// A [`SlotAction`]; not part of what is compared.
    pub u8, action_bits, set_action_bits: 14, 13;
    /// Set if the addresses are IPv6.
    pub ip6, set_ip6: 15;
}

impl Port {
    /// The engine's direction.
    #[must_use]
    pub fn direction(self) -> Direction {
        if self.egress() { Direction::Egress } else { Direction::Ingress }
    }
}

/// A flow key, 40 bytes: the prefix of record, command and frame header alike.
///
/// As a hardware key, ports are 0 but for TCP, UDP and SCTP. `tcp_flags` and the action bits are
/// carried, never compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C, align(8))]
pub struct FlowKey {
    /// Source address, network order; IPv4 in the first four bytes, the rest 0.
    pub src: [u8; 16],
    /// Destination address, as `src`.
    pub dst: [u8; 16],
    /// Source port, a little-endian integer.
    pub src_port: u16,
    /// Destination port, a little-endian integer.
    pub dst_port: u16,
    /// IANA protocol number.
    pub protocol: u8,
    /// TCP flags of the packet, or their OR over the record: the low eight bits of TCP's byte 13.
    pub tcp_flags: u8,
    /// ENI, direction, action, IP version.
    pub port: Port,
}

const _: () = assert!(size_of::<FlowKey>() == 40);
const _: () = assert!(core::mem::offset_of!(FlowKey, port) == 38);

impl FlowKey {
    /// The key as five little-endian words.
    #[must_use]
    #[inline]
    pub fn words(&self) -> [u64; 5] {
        zerocopy::transmute!(*self)
    }

    /// The key made of five words.
    #[must_use]
    #[inline]
    pub fn from_words(words: [u64; 5]) -> Self {
        zerocopy::transmute!(words)
    }

    /// The last of a key's words: all but the addresses.
    #[must_use]
    #[inline]
    pub const fn last_word(src_port: u16, dst_port: u16, protocol: u8, tcp_flags: u8, port: Port) -> u64 {
        let ports = src_port as u64 | (dst_port as u64) << 16;
        ports | (protocol as u64) << 32 | (tcp_flags as u64) << 40 | (port.0 as u64) << 48
    }

    /// What the lookup compares: all but TCP flags and action.
    #[must_use]
    #[inline]
    pub fn identity(&self) -> [u64; 5] {
        let mut words = self.words();
        words[4] &= IDENTITY_MASK;
        words
    }

    /// The key without what is only carried: TCP flags and action 0.
    #[must_use]
    #[inline]
    pub fn plain(&self) -> Self {
        Self::from_words(self.identity())
    }

    /// The key of the packets that answer this one's, on the same ENI.
    #[must_use]
    #[inline]
    pub fn reversed(&self) -> Self {
        // In whole words: a key put together by bytes is slow to read back by words.
        let [src_low, src_high, dst_low, dst_high, rest] = self.words();
        let ports = (rest & 0xffff) << 16 | (rest >> 16 & 0xffff);
        let rest = (rest & !0xffff_ffff | ports) ^ EGRESS_BIT;
        Self::from_words([dst_low, dst_high, src_low, src_high, rest])
    }
}

/// The compared bits of a key's last word: ports, protocol, ENI, direction and IP version.
pub const IDENTITY_MASK: u64 = 0x9fff_00ff_ffff_ffff;
/// The direction in a key's last word.
const EGRESS_BIT: u64 = 1 << 60;

/// IANA numbers of the protocols that the parser treats apart.
pub mod protocol {
    /// ICMP.
    pub const ICMP: u8 = 1;
    /// TCP.
    pub const TCP: u8 = 6;
    /// UDP.
    pub const UDP: u8 = 17;
    /// ICMP for IPv6.
    pub const ICMPV6: u8 = 58;
    /// SCTP.
    pub const SCTP: u8 = 132;
}

/// Whether a UDP packet is DHCP, which is excluded from capture: both ports are DHCP's own, of one IP version.
#[must_use]
#[inline]
pub const fn is_dhcp(src_port: u16, dst_port: u16) -> bool {
    matches!((src_port, dst_port), (67 | 68, 67 | 68) | (546 | 547, 546 | 547))
}
