//! Packets, built header by header. Checksums are 0: nothing on their way looks at them.
//!
//! ```text
//!   tcp, udp, sctp, echo ─▶ Packet (addresses, options, extensions, piece of a datagram) ─▶ ethernet
//! ```

use firmware_abi::key::protocol;
use std::net::IpAddr;

/// EtherType of IPv4.
pub const IPV4: u16 = 0x0800;
/// EtherType of IPv6.
pub const IPV6: u16 = 0x86dd;
/// EtherType of ARP.
pub const ARP: u16 = 0x0806;
/// EtherType of an IEEE 802.1Q tag.
pub const VLAN: u16 = 0x8100;
/// EtherType of an IEEE 802.1ad tag.
pub const QINQ: u16 = 0x88a8;

/// Bytes of an Ethernet header without tags.
pub const ETHERNET_BYTES: usize = 14;
/// Bytes of an IPv4 header without options.
pub const IPV4_BYTES: usize = 20;
/// Bytes of an IPv6 header without extensions.
pub const IPV6_BYTES: usize = 40;

/// The extension header of IPv6 that marks a fragment.
const FRAGMENT: u8 = 44;
/// The extension header of IPv6 that authenticates.
const AUTHENTICATION: u8 = 51;

/// TCP's SYN.
pub const SYN: u8 = 0x02;
/// TCP's ACK.
pub const ACK: u8 = 0x10;

/// A frame: addresses, tags of these EtherTypes, EtherType, payload. No padding.
#[must_use]
pub fn ethernet(tags: &[u16], ethertype: u16, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![0x02, 0, 0, 0, 0, 0x01, 0x02, 0, 0, 0, 0, 0x02];
    for (number, tag) in (100_u16..).zip(tags) {
        frame.extend_from_slice(&tag.to_be_bytes());
        frame.extend_from_slice(&number.to_be_bytes());
    }
    frame.extend_from_slice(&ethertype.to_be_bytes());
    frame.extend_from_slice(payload);
    frame
}

/// A TCP segment with `data` bytes behind its header of 20.
#[must_use]
pub fn tcp(src_port: u16, dst_port: u16, flags: u8, data: usize) -> Vec<u8> {
    let mut segment = ports(src_port, dst_port);
    segment.extend_from_slice(&[0, 0, 0, 1, 0, 0, 0, 1, 0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
    segment.resize(20 + data, 0);
    segment
}

/// A UDP datagram with `data` bytes behind its header of 8.
#[must_use]
pub fn udp(src_port: u16, dst_port: u16, data: usize) -> Vec<u8> {
    let mut datagram = ports(src_port, dst_port);
    datagram.extend_from_slice(&(8 + data as u16).to_be_bytes());
    datagram.resize(8 + data, 0);
    datagram
}

/// An SCTP packet with `data` bytes behind its header of 12.
#[must_use]
pub fn sctp(src_port: u16, dst_port: u16, data: usize) -> Vec<u8> {
    let mut packet = ports(src_port, dst_port);
    packet.resize(12 + data, 0);
    packet
}

/// An ICMP message with an identifier, and `data` bytes behind its header of 8.
#[must_use]
pub fn icmp(kind: u8, identifier: u16, data: usize) -> Vec<u8> {
    let [high, low] = identifier.to_be_bytes();
    let mut message = vec![kind, 0, 0, 0, high, low, 0, 1];
    message.resize(8 + data, 0);
    message
}

fn ports(src_port: u16, dst_port: u16) -> Vec<u8> {
    let mut ports = src_port.to_be_bytes().to_vec();
    ports.extend_from_slice(&dst_port.to_be_bytes());
    ports
}

/// Which part of a datagram a fragment is.
#[derive(Clone, Copy, Debug)]
pub struct Piece {
    /// What all fragments of the datagram have in common.
    pub identification: u16,
    /// Where the fragment's payload starts: a multiple of 8 bytes.
    pub offset_bytes: u16,
    /// Whether another one follows.
    pub more: bool,
}

/// An IP packet; its version is that of the addresses.
#[derive(Clone, Debug)]
pub struct Packet {
    /// From.
    pub src: IpAddr,
    /// To.
    pub dst: IpAddr,
    /// The IANA number of what is in it.
    pub protocol: u8,
    /// What is in it.
    pub payload: Vec<u8>,
    /// 32-bit words of IPv4 options.
    pub option_words: u8,
    /// Extension headers of IPv6, in order; not the fragment header.
    pub extensions: Vec<u8>,
    /// If it is a fragment, which.
    pub piece: Option<Piece>,
}

impl Packet {
    /// A whole packet without options.
    ///
    /// # Panics
    /// When an address is none.
    #[must_use]
    pub fn new(src: &str, dst: &str, ip_protocol: u8, payload: Vec<u8>) -> Self {
        let address = |text: &str| text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
        let (src, dst) = (address(src), address(dst));
        Self { src, dst, protocol: ip_protocol, payload, option_words: 0, extensions: Vec::new(), piece: None }
    }

    /// A TCP packet.
    #[must_use]
    pub fn tcp(src: &str, dst: &str, (src_port, dst_port): (u16, u16), flags: u8, data: usize) -> Self {
        Self::new(src, dst, protocol::TCP, tcp(src_port, dst_port, flags, data))
    }

    /// A UDP packet.
    #[must_use]
    pub fn udp(src: &str, dst: &str, (src_port, dst_port): (u16, u16), data: usize) -> Self {
        Self::new(src, dst, protocol::UDP, udp(src_port, dst_port, data))
    }

    /// An echo request as `ping` sends it: 84 bytes.
    #[must_use]
    pub fn ping(src: &str, dst: &str) -> Self {
        Self::new(src, dst, protocol::ICMP, icmp(8, 77, 56))
    }

    /// The answer to [`Self::ping`].
    #[must_use]
    pub fn pong(src: &str, dst: &str) -> Self {
        Self::new(src, dst, protocol::ICMP, icmp(0, 77, 56))
    }

    /// With so many words of options.
    #[must_use]
    pub fn with_options(self, option_words: u8) -> Self {
        Self { option_words, ..self }
    }

    /// With these extension headers.
    #[must_use]
    pub fn with_extensions(self, extensions: &[u8]) -> Self {
        Self { extensions: extensions.to_vec(), ..self }
    }

    /// The piece of the datagram from `offset_bytes` on, `bytes` long. All but the last have another
    /// behind them.
    #[must_use]
    pub fn piece(&self, identification: u16, offset_bytes: u16, bytes: usize) -> Self {
        let from = usize::from(offset_bytes);
        let more = from + bytes < self.payload.len();
        let payload = self.payload[from..from + bytes].to_vec();
        Self { payload, piece: Some(Piece { identification, offset_bytes, more }), ..self.clone() }
    }

    /// The packet.
    #[must_use]
    pub fn layer3(&self) -> Vec<u8> {
        match (self.src, self.dst) {
            (IpAddr::V4(src), IpAddr::V4(dst)) => self.ipv4(src.octets(), dst.octets()),
            (IpAddr::V6(src), IpAddr::V6(dst)) => self.ipv6(src.octets(), dst.octets()),
            (src, dst) => panic!("{src} and {dst} are not of one version"),
        }
    }

    fn ipv4(&self, src: [u8; 4], dst: [u8; 4]) -> Vec<u8> {
        let header_bytes = IPV4_BYTES + 4 * usize::from(self.option_words);
        let total = (header_bytes + self.payload.len()) as u16;
        let (identification, fragment) = self
            .piece
            .map_or((1, 0), |piece| (piece.identification, (piece.offset_bytes / 8) | (u16::from(piece.more) << 13)));
        let mut packet = vec![0x45 + self.option_words, 0];
        for word in [total, identification, fragment, u16::from_be_bytes([64, self.protocol]), 0] {
            packet.extend_from_slice(&word.to_be_bytes());
        }
        packet.extend_from_slice(&src);
        packet.extend_from_slice(&dst);
        // No operation, as often as it takes.
        packet.resize(header_bytes, 1);
        packet.extend_from_slice(&self.payload);
        packet
    }

    fn ipv6(&self, src: [u8; 16], dst: [u8; 16]) -> Vec<u8> {
        let mut headers = self.extensions.clone();
        headers.extend(self.piece.map(|_| FRAGMENT));
        let follows = headers.iter().copied().skip(1).chain([self.protocol]);
        let mut behind = Vec::new();
        for (kind, next) in headers.iter().zip(follows) {
            match (*kind, self.piece) {
                (FRAGMENT, Some(piece)) => {
                    behind.extend_from_slice(&[next, 0]);
                    behind.extend_from_slice(&(piece.offset_bytes | u16::from(piece.more)).to_be_bytes());
                    behind.extend_from_slice(&u32::from(piece.identification).to_be_bytes());
                }
                // (2 + 2) words of 4 bytes.
                (AUTHENTICATION, _) => behind.extend_from_slice(&[next, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
                // (0 + 1) units of 8 bytes.
                _ => behind.extend_from_slice(&[next, 0, 1, 4, 0, 0, 0, 0]),
            }
        }
        behind.extend_from_slice(&self.payload);
        let mut packet = vec![0x60, 0, 0, 0];
        packet.extend_from_slice(&(behind.len() as u16).to_be_bytes());
        packet.extend_from_slice(&[headers.first().copied().unwrap_or(self.protocol), 64]);
        packet.extend_from_slice(&src);
        packet.extend_from_slice(&dst);
        packet.extend_from_slice(&behind);
        packet
    }

    /// The EtherType of the packet.
    #[must_use]
    pub fn ethertype(&self) -> u16 {
        if self.src.is_ipv4() { IPV4 } else { IPV6 }
    }

    /// The packet in a frame without tags.
    #[must_use]
    pub fn frame(&self) -> Vec<u8> {
        self.tagged(&[])
    }

    /// The packet in a frame with tags of these EtherTypes.
    #[must_use]
    pub fn tagged(&self, tags: &[u16]) -> Vec<u8> {
        ethernet(tags, self.ethertype(), &self.layer3())
    }
}
