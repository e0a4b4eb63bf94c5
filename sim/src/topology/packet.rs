//! An IPv4 packet in a frame: its endpoints, and what changes when a device sends it on.

use super::{Hop, Refusal};
use firmware_abi::key::protocol;
use std::net::{Ipv4Addr, SocketAddrV4};

/// Where an IPv4 packet lies in a frame.
#[derive(Clone, Copy, Debug)]
pub(super) struct Packet {
    ip: usize,
    layer4: usize,
    pub(super) protocol: u8,
    fragment: bool,
    pub(super) source: Ipv4Addr,
    pub(super) destination: Ipv4Addr,
}

const ICMP_ECHO_REPLY: u8 = 0;
const ICMP_ECHO_REQUEST: u8 = 8;

impl Packet {
    /// The packet of an Ethernet frame with at most two tags; none if it is not IPv4.
    pub(super) fn find(frame: &[u8]) -> Option<Self> {
        let u16_at = |at: usize| Some(u16::from_be_bytes(*frame.get(at..)?.first_chunk()?));
        let mut at = 12;
        for _ in 0..2 {
            if matches!(u16_at(at)?, 0x8100 | 0x88a8) {
                at += 4;
            }
        }
        let ip = at + 2;
        let header: &[u8; 20] = frame.get(ip..)?.first_chunk()?;
        if u16_at(at)? != 0x0800 || header[0] >> 4 != 4 || header[0] & 15 < 5 {
            return None;
        }
        let address = |at: usize| Ipv4Addr::new(header[at], header[at + 1], header[at + 2], header[at + 3]);
        Some(Self {
            ip,
            layer4: ip + usize::from(header[0] & 15) * 4,
            protocol: header[9],
            fragment: u16_at(ip + 6)? & 0x3fff != 0,
            source: address(12),
            destination: address(16),
        })
    }

    pub(super) fn why_no_endpoints(&self) -> Refusal {
        if self.fragment { Refusal::Fragment } else { Refusal::Protocol }
    }

    /// Where the port of the source and that of the destination lie; both `None` if it has none.
    fn ports_at(&self, frame: &[u8]) -> Option<[Option<usize>; 2]> {
        let at = self.layer4;
        if self.fragment || frame.len() < at + 8 {
            return None;
        }
        match (self.protocol, frame[at]) {
            (protocol::TCP | protocol::UDP, _) => Some([Some(at), Some(at + 2)]),
            (protocol::ICMP, ICMP_ECHO_REQUEST) => Some([Some(at + 4), None]),
            (protocol::ICMP, ICMP_ECHO_REPLY) => Some([None, Some(at + 4)]),
            _ => None,
        }
    }

    /// Source and destination; an echo's identifier is the port of who asked, and the other's is 0.
    pub(super) fn endpoints(&self, frame: &[u8]) -> Option<(SocketAddrV4, SocketAddrV4)> {
        let port = |at: Option<usize>| at.map_or(0, |at| u16::from_be_bytes([frame[at], frame[at + 1]]));
        let [source, destination] = self.ports_at(frame)?.map(port);
        Some((SocketAddrV4::new(self.source, source), SocketAddrV4::new(self.destination, destination)))
    }

    /// Where the checksum of layer 4 lies, if the frame has one, and whether it covers the addresses.
    fn checksum4(&self, frame: &[u8]) -> Option<(usize, bool)> {
        let (at, addresses) = match self.protocol {
            protocol::TCP => (self.layer4 + 16, true),
            protocol::UDP => (self.layer4 + 6, true),
            _ => (self.layer4 + 2, false),
        };
        let checksum: &[u8; 2] = frame.get(at..)?.first_chunk()?;
        let none = self.protocol == protocol::UDP && *checksum == [0, 0];
        (!none).then_some((at, addresses))
    }

    /// Sends the packet on between other endpoints.
    pub(super) fn forward(
        &self,
        frame: &mut [u8],
        hop: &Hop,
        from: SocketAddrV4,
        to: SocketAddrV4,
    ) -> Result<(), Refusal> {
        let hop_limit = frame[self.ip + 8].checked_sub(1).filter(|left| *left > 0).ok_or(Refusal::HopLimit)?;
        let ports = self.ports_at(frame).unwrap_or_default();
        let checksum4 = self.checksum4(frame);
        let over_addresses = checksum4.filter(|(_, addresses)| *addresses).map(|(at, _)| at);
        let ip = Some(self.ip + 10);
        replace(frame, self.ip + 8, [hop_limit, self.protocol], &[ip]);
        for (at, endpoint) in [(self.ip + 12, from), (self.ip + 16, to)] {
            let [a, b, c, d] = endpoint.ip().octets();
            replace(frame, at, [a, b], &[ip, over_addresses]);
            replace(frame, at + 2, [c, d], &[ip, over_addresses]);
        }
        for (at, endpoint) in ports.into_iter().zip([from, to]) {
            if let Some(at) = at {
                replace(frame, at, endpoint.port().to_be_bytes(), &[checksum4.map(|(at, _)| at)]);
            }
        }
        if let Some((at, _)) = checksum4
            && self.protocol == protocol::UDP
            && frame[at..at + 2] == [0, 0]
        {
            // 0 would say that there is none.
            frame[at..at + 2].fill(0xff);
        }
        frame[..6].copy_from_slice(hop.neighbours.get(to.ip()).unwrap_or(&hop.gateway));
        frame[6..12].copy_from_slice(&hop.mac);
        Ok(())
    }
}

/// Replaces a word and updates the checksums over it: RFC 1624, equation 3.
fn replace(frame: &mut [u8], at: usize, word: [u8; 2], checksums: &[Option<usize>]) {
    let u16_at = |frame: &[u8], at: usize| u32::from(u16::from_be_bytes([frame[at], frame[at + 1]]));
    let (old, new) = (u16_at(frame, at), u32::from(u16::from_be_bytes(word)));
    frame[at..at + 2].copy_from_slice(&word);
    for checksum in checksums.iter().flatten() {
        let mut sum = (!u16_at(frame, *checksum) & 0xffff) + (!old & 0xffff) + new;
        sum = (sum & 0xffff) + (sum >> 16);
        sum = (sum & 0xffff) + (sum >> 16);
        frame[*checksum..*checksum + 2].copy_from_slice(&(!sum as u16).to_be_bytes());
    }
}
