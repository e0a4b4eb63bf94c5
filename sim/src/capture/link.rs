//! Link types: how a captured packet becomes the Ethernet frame that a NIC would have seen.
//!
//! Ethernet passes as it is. Any other type loses its own header and gets an Ethernet header with
//! these addresses, where *sender* is the sender's address if the capture has one of 6 bytes:
//!
//! | captured as | source | destination |
//! |---|---|---|
//! | raw IP, loopback | [`PEER_MAC`] | [`HOST_MAC`] |
//! | cooked, to this host | sender or [`PEER_MAC`] | [`HOST_MAC`] |
//! | cooked, broadcast | sender or [`PEER_MAC`] | `ff:ff:ff:ff:ff:ff` |
//! | cooked, multicast | sender or [`PEER_MAC`] | [`GROUP_MAC`] |
//! | cooked, to somebody else | sender or [`PEER_MAC`] | [`OTHER_MAC`] |
//! | cooked, sent by this host | sender or [`HOST_MAC`] | [`PEER_MAC`] |
//!
//! A packet too short for its own header becomes a frame of the two addresses and no type, which
//! a NIC counts as malformed: it is not lost and not guessed at.

use crate::frames::FrameBatch;

/// Stands for the capturing host.
pub const HOST_MAC: [u8; 6] = [0x02, 0, 0, 0, 0, 0x01];
/// Stands for whoever the capturing host talks to.
pub const PEER_MAC: [u8; 6] = [0x02, 0, 0, 0, 0, 0x02];
/// Stands for a third host that a captured packet was for.
pub const OTHER_MAC: [u8; 6] = [0x02, 0, 0, 0, 0, 0x03];
/// Stands for a multicast group.
pub const GROUP_MAC: [u8; 6] = [0x03, 0, 0, 0, 0, 0x01];

const BROADCAST_MAC: [u8; 6] = [0xff; 6];
const ETHERNET_HEADER_LENGTH: u32 = 14;
const ETHERTYPE_IPV4: u16 = 0x0800;
const ETHERTYPE_IPV6: u16 = 0x86dd;
/// The type set aside for local experiments: a packet that is known not to be IP.
const ETHERTYPE_NOT_IP: u16 = 0x88b5;

/// A link type that can be turned into Ethernet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkType {
    /// Ethernet (1).
    Ethernet,
    /// The BSD loopback header (0, 108): a 4-byte address family, then the packet.
    Loopback,
    /// An IP packet, of which version its first four bits tell (12, 14, 101).
    RawIp,
    /// An IPv4 packet (228).
    Ipv4,
    /// An IPv6 packet (229).
    Ipv6,
    /// Linux "cooked" capture, version 1 (113).
    LinuxCooked,
    /// Linux "cooked" capture, version 2 (276).
    LinuxCooked2,
}

impl LinkType {
    /// The supported link types in words.
    pub const SUPPORTED: &'static str = "Ethernet (1), loopback (0, 108), raw IP (12, 14, 101, 228, 229), \
         Linux cooked (113) and cooked v2 (276)";

    /// The link type of a number of the registry, or `None` if it cannot be turned into Ethernet.
    #[must_use]
    pub fn from_number(number: u16) -> Option<Self> {
        Some(match number {
            0 | 108 => Self::Loopback,
            1 => Self::Ethernet,
            12 | 14 | 101 => Self::RawIp,
            113 => Self::LinuxCooked,
            228 => Self::Ipv4,
            229 => Self::Ipv6,
            276 => Self::LinuxCooked2,
            _ => return None,
        })
    }

    /// Appends a packet of this link type to the batch, as an Ethernet frame. `fcs_length` is the
    /// number of bytes of frame check sequence at the end of the packet on the wire.
    pub(crate) fn append(self, batch: &mut FrameBatch, time_ns: u64, wire_length: u32, fcs_length: u32, bytes: &[u8]) {
        let (wire_length, bytes) = without_fcs(wire_length, fcs_length, bytes);
        if self == Self::Ethernet {
            return batch.push(time_ns, wire_length, bytes);
        }
        let split = match self {
            Self::Loopback => split_loopback(bytes),
            Self::LinuxCooked => split_cooked(bytes, wire_length),
            Self::LinuxCooked2 => split_cooked2(bytes, wire_length),
            Self::Ipv4 => Some(from_peer(ETHERTYPE_IPV4, bytes)),
            Self::Ipv6 => Some(from_peer(ETHERTYPE_IPV6, bytes)),
            Self::RawIp | Self::Ethernet => Some(from_peer(ethertype_by_version(bytes), bytes)),
        };
        let Some(split) = split else {
            return batch.push_with(time_ns, ETHERNET_HEADER_LENGTH, |data| {
                data.extend_from_slice(&HOST_MAC);
                data.extend_from_slice(&PEER_MAC);
            });
        };
        let removed = bytes.len() - split.payload.len();
        let wire_length = wire_length.saturating_sub(removed as u32).saturating_add(ETHERNET_HEADER_LENGTH);
        batch.push_with(time_ns, wire_length, |data| {
            data.extend_from_slice(&split.destination);
            data.extend_from_slice(&split.source);
            data.extend_from_slice(&split.ethertype.to_be_bytes());
            data.extend_from_slice(split.payload);
        });
    }
}

/// Takes the frame check sequence off a packet: its length on the wire and what of it is captured.
pub(super) fn without_fcs(wire_length: u32, fcs_length: u32, bytes: &[u8]) -> (u32, &[u8]) {
    // A capture program that knows less than it captured is corrected before the cut, not after:
    // otherwise the FCS would stay.
    let captured = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    let wire_length = wire_length.max(captured).saturating_sub(fcs_length);
    let kept = bytes.get(..wire_length as usize).unwrap_or(bytes);
    (wire_length, kept)
}

/// A packet taken apart, ready to be put behind an Ethernet header.
struct Split<'a> {
    destination: [u8; 6],
    source: [u8; 6],
    ethertype: u16,
    payload: &'a [u8],
}

fn from_peer(ethertype: u16, payload: &[u8]) -> Split<'_> {
    Split { destination: HOST_MAC, source: PEER_MAC, ethertype, payload }
}

/// A packet that is neither IPv4 nor IPv6 is announced as IPv4, so that the NIC calls it malformed
/// and not merely something else than IP.
fn ethertype_by_version(packet: &[u8]) -> u16 {
    match packet.first().map(|byte| byte >> 4) {
        Some(6) => ETHERTYPE_IPV6,
        _ => ETHERTYPE_IPV4,
    }
}

fn split_loopback(bytes: &[u8]) -> Option<Split<'_>> {
    let (family, payload) = bytes.split_first_chunk::<4>()?;
    // The family is in the capturing host's order, which need not be the file's. Families are
    // small numbers, so the order that gives the smaller number is the right one.
    let family = u32::from_le_bytes(*family).min(u32::from_be_bytes(*family));
    let ethertype = match family {
        2 => ETHERTYPE_IPV4,
        // Linux; NetBSD and OpenBSD; FreeBSD; macOS.
        10 | 24 | 28 | 30 => ETHERTYPE_IPV6,
        _ => ETHERTYPE_NOT_IP,
    };
    Some(from_peer(ethertype, payload))
}

fn split_cooked(bytes: &[u8], wire_length: u32) -> Option<Split<'_>> {
    let (header, payload) = bytes.split_first_chunk::<16>()?;
    let [type_high, type_low, _, _, length_high, length_low, a0, a1, a2, a3, a4, a5, _, _, protocol_high, protocol_low] =
        *header;
    let cooked = Cooked {
        packet_type: u16::from_be_bytes([type_high, type_low]),
        address_length: u16::from_be_bytes([length_high, length_low]),
        address: [a0, a1, a2, a3, a4, a5],
        protocol: u16::from_be_bytes([protocol_high, protocol_low]),
        payload_wire_length: wire_length.saturating_sub(16),
    };
    Some(cooked.split(payload))
}

fn split_cooked2(bytes: &[u8], wire_length: u32) -> Option<Split<'_>> {
    let (header, payload) = bytes.split_first_chunk::<20>()?;
    let [
        protocol_high,
        protocol_low,
        _,
        _,
        _,
        _,
        _,
        _,
        _,
        _,
        packet_type,
        address_length,
        a0,
        a1,
        a2,
        a3,
        a4,
        a5,
        _,
        _,
    ] = *header;
    let cooked = Cooked {
        packet_type: u16::from(packet_type),
        address_length: u16::from(address_length),
        address: [a0, a1, a2, a3, a4, a5],
        protocol: u16::from_be_bytes([protocol_high, protocol_low]),
        payload_wire_length: wire_length.saturating_sub(20),
    };
    Some(cooked.split(payload))
}

/// What both versions of the Linux cooked header tell.
struct Cooked {
    packet_type: u16,
    address_length: u16,
    address: [u8; 6],
    protocol: u16,
    payload_wire_length: u32,
}

impl Cooked {
    fn split<'a>(&self, payload: &'a [u8]) -> Split<'a> {
        const BROADCAST: u16 = 1;
        const MULTICAST: u16 = 2;
        const OTHER_HOST: u16 = 3;
        const OUTGOING: u16 = 4;
        let sender = (self.address_length == 6).then_some(self.address);
        let (unnamed, destination) = match self.packet_type {
            BROADCAST => (PEER_MAC, BROADCAST_MAC),
            MULTICAST => (PEER_MAC, GROUP_MAC),
            OTHER_HOST => (PEER_MAC, OTHER_MAC),
            OUTGOING => (HOST_MAC, PEER_MAC),
            _ => (PEER_MAC, HOST_MAC),
        };
        Split { destination, source: sender.unwrap_or(unnamed), ethertype: self.ethertype(), payload }
    }

    /// Numbers below 0x0600 are the kernel's own: 1 and 4 say that the frame had a length instead
    /// of a type, the others are no Ethernet at all.
    fn ethertype(&self) -> u16 {
        match self.protocol {
            1 | 4 => u16::try_from(self.payload_wire_length).map_or(0x05dc, |n| n.min(0x05dc)),
            0..0x0600 => ETHERTYPE_NOT_IP,
            ethertype => ethertype,
        }
    }
}
