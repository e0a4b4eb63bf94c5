//! Writes one frame: Ethernet, a tag if any, IPv4 or IPv6, TCP, UDP or ICMP, then zeros.
//!
//! The payload is all zeros, and zeros add nothing to a checksum. So every checksum is right over
//! the whole frame, also when only its first bytes are kept.

use super::identity::{Addresses, GATEWAY_MAC, Identity};

pub(super) const FIN: u8 = 0x01;
pub(super) const SYN: u8 = 0x02;
pub(super) const PSH: u8 = 0x08;
pub(super) const ACK: u8 = 0x10;

/// Least length of an Ethernet frame without FCS; what is missing is padded.
const FRAME_LENGTH_MIN: u32 = 60;
const ETHERNET_LENGTH: u32 = 14;
const TAG_LENGTH: u32 = 4;

/// Which way a frame goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    ToHost,
    FromHost,
}

/// The header behind IP.
#[derive(Clone, Copy, Debug)]
pub(super) enum Transport {
    Tcp { flags: u8, sequence: u32, acknowledged: u32 },
    Udp,
    Echo { sequence: u16 },
}

impl Transport {
    fn length(self) -> u32 {
        match self {
            Self::Tcp { .. } => 20,
            Self::Udp | Self::Echo { .. } => 8,
        }
    }
}

/// A frame to be written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Packet<'a> {
    pub(super) identity: &'a Identity,
    pub(super) way: Way,
    pub(super) transport: Transport,
    pub(super) payload_length: u32,
}

impl Packet<'_> {
    /// The frame's length on the wire, without FCS.
    #[inline]
    pub(super) fn wire_length(&self) -> u32 {
        let headers = headers_length(self.identity, self.transport);
        let tag = self.identity.vlan.map_or(0, |_| TAG_LENGTH);
        (headers + self.payload_length).max(FRAME_LENGTH_MIN) + tag
    }

    /// Appends the frame's first bytes, as many as the frame has and `snap_length` allows.
    #[inline]
    pub(super) fn write(&self, snap_length: u32, data: &mut Vec<u8>) {
        let start = data.len();
        let identity = self.identity;
        let (destination, source) = match self.way {
            Way::ToHost => (identity.host_mac, GATEWAY_MAC),
            Way::FromHost => (GATEWAY_MAC, identity.host_mac),
        };
        let ethertype: u16 = match identity.addresses {
            Addresses::V4(..) => 0x0800,
            Addresses::V6(..) => 0x86dd,
        };
        let [d0, d1, d2, d3, d4, d5] = destination;
        let [s0, s1, s2, s3, s4, s5] = source;
        let macs = [d0, d1, d2, d3, d4, d5, s0, s1, s2, s3, s4, s5];
        data.extend_from_slice(&macs);
        if let Some(vlan) = identity.vlan {
            let [high, low] = vlan.to_be_bytes();
            data.extend_from_slice(&[0x81, 0x00, high, low]);
        }
        data.extend_from_slice(&ethertype.to_be_bytes());
        let length = self.transport.length() + self.payload_length;
        let addresses = match identity.addresses {
            Addresses::V4(client, host) => match self.way {
                Way::ToHost => self.write_ipv4(client, host, length, data),
                Way::FromHost => self.write_ipv4(host, client, length, data),
            },
            Addresses::V6(client, host) => match self.way {
                Way::ToHost => self.write_ipv6(client, host, length, data),
                Way::FromHost => self.write_ipv6(host, client, length, data),
            },
        };
        self.write_transport(addresses + u64::from(length), data);
        let kept = self.wire_length().min(snap_length);
        data.resize(start + kept as usize, 0);
    }

    /// Answers the sum of the addresses, for the checksum behind.
    #[inline]
    fn write_ipv4(&self, from: [u8; 4], to: [u8; 4], length: u32, data: &mut Vec<u8>) -> u64 {
        let [l0, l1] = ((length + 20) as u16).to_be_bytes();
        let [i0, i1, ..] = self.identification().to_be_bytes();
        let protocol = self.protocol_number(false);
        let [f0, f1, f2, f3] = from;
        let [t0, t1, t2, t3] = to;
        // Version 4 with 5 words, no fragments allowed, 64 hops.
        let mut header = [0x45, 0, l0, l1, i0, i1, 0x40, 0, 64, protocol, 0, 0, f0, f1, f2, f3, t0, t1, t2, t3];
        [header[10], header[11]] = checksum(sum(&header)).to_be_bytes();
        data.extend_from_slice(&header);
        sum(&from) + sum(&to)
    }

    /// As [`write_ipv4`](Self::write_ipv4).
    #[inline]
    fn write_ipv6(&self, from: [u8; 16], to: [u8; 16], length: u32, data: &mut Vec<u8>) -> u64 {
        let [l0, l1] = (length as u16).to_be_bytes();
        let protocol = self.protocol_number(true);
        data.extend_from_slice(&[0x60, 0, 0, 0, l0, l1, protocol, 64]);
        data.extend_from_slice(&from);
        data.extend_from_slice(&to);
        sum(&from) + sum(&to)
    }

    /// `pseudo` is the sum of addresses and length, the part of the checksum from outside.
    #[inline]
    fn write_transport(&self, pseudo: u64, data: &mut Vec<u8>) {
        let identity = self.identity;
        let ipv6 = matches!(identity.addresses, Addresses::V6(..));
        let pseudo = pseudo + u64::from(self.protocol_number(ipv6));
        let (from, to) = match self.way {
            Way::ToHost => (identity.client_port, identity.host_port),
            Way::FromHost => (identity.host_port, identity.client_port),
        };
        let ([f0, f1], [t0, t1]) = (from.to_be_bytes(), to.to_be_bytes());
        match self.transport {
            Transport::Tcp { flags, sequence, acknowledged } => {
                let [s0, s1, s2, s3] = sequence.to_be_bytes();
                let [a0, a1, a2, a3] = acknowledged.to_be_bytes();
                // 5 words, a window of 65,535.
                let mut header = [f0, f1, t0, t1, s0, s1, s2, s3, a0, a1, a2, a3, 0x50, flags, 0xff, 0xff, 0, 0, 0, 0];
                [header[16], header[17]] = checksum(pseudo + sum(&header)).to_be_bytes();
                data.extend_from_slice(&header);
            }
            Transport::Udp => {
                let [l0, l1] = ((8 + self.payload_length) as u16).to_be_bytes();
                let mut header = [f0, f1, t0, t1, l0, l1, 0, 0];
                // 0 would say that there is no checksum.
                let sum = match checksum(pseudo + sum(&header)) {
                    0 => 0xffff,
                    sum => sum,
                };
                [header[6], header[7]] = sum.to_be_bytes();
                data.extend_from_slice(&header);
            }
            Transport::Echo { sequence } => {
                let kind = match (ipv6, self.way) {
                    (false, Way::ToHost) => 8,
                    (false, Way::FromHost) => 0,
                    (true, Way::ToHost) => 128,
                    (true, Way::FromHost) => 129,
                };
                let [i0, i1, ..] = (identity.bits as u32).to_be_bytes();
                let [s0, s1] = sequence.to_be_bytes();
                let mut header = [kind, 0, 0, 0, i0, i1, s0, s1];
                // ICMP for IPv4 alone leaves the addresses out.
                let pseudo = if ipv6 { pseudo } else { 0 };
                [header[2], header[3]] = checksum(pseudo + sum(&header)).to_be_bytes();
                data.extend_from_slice(&header);
            }
        }
    }

    fn protocol_number(&self, ipv6: bool) -> u8 {
        match self.transport {
            Transport::Tcp { .. } => 6,
            Transport::Udp => 17,
            Transport::Echo { .. } if ipv6 => 58,
            Transport::Echo { .. } => 1,
        }
    }

    /// The IPv4 identification: no packet may be in fragments, so it only has to look alive.
    fn identification(&self) -> u32 {
        match self.transport {
            Transport::Tcp { sequence, .. } => sequence.wrapping_mul(0x9e37_79b9),
            Transport::Udp => self.identity.bits as u32,
            Transport::Echo { sequence } => u32::from(sequence) << 16,
        }
    }
}

/// Bytes of all headers of an untagged frame.
#[inline]
pub(super) fn headers_length(identity: &Identity, transport: Transport) -> u32 {
    let ip = match identity.addresses {
        Addresses::V4(..) => 20,
        Addresses::V6(..) => 40,
    };
    ETHERNET_LENGTH + ip + transport.length()
}

/// The sum of big-endian 32-bit words; `checksum` folds it to 16 bits, where it is the same as
/// that of 16-bit words (RFC 1071, section 2).
#[inline]
fn sum(bytes: &[u8]) -> u64 {
    let (words, _) = bytes.as_chunks::<4>();
    let words = words.iter().map(|word| u64::from(u32::from_be_bytes(*word)));
    words.sum()
}

#[inline]
fn checksum(sum: u64) -> u16 {
    let sum = (sum & 0xffff_ffff) + (sum >> 32);
    let sum = (sum & 0xffff) + (sum >> 16);
    let sum = (sum & 0xffff) + (sum >> 16);
    let sum = (sum & 0xffff) + (sum >> 16);
    !(sum as u16)
}
