//! Frames that no parser likes: seeded, every length, every kind of header, broken in every way.

use crate::packets::{ARP, IPV4, IPV6, Packet, QINQ, VLAN, ethernet, icmp, sctp, tcp, udp};
use firmware_abi::key::{Direction, protocol};
use sim::faults::Numbers;

/// The shortest and the longest whole frame.
const LENGTHS: std::ops::RangeInclusive<usize> = 60..=9_216;

/// A frame and the way that it takes.
#[derive(Clone, Debug)]
pub struct HostileFrame {
    /// Time since the last, ns.
    pub after_ns: u64,
    /// Length on the wire.
    pub wire_length: u32,
    /// What there is of it.
    pub bytes: Vec<u8>,
    /// The ENI.
    pub vport: u16,
    /// The way.
    pub direction: Direction,
}

/// A source of frames without end.
#[derive(Debug)]
pub struct Hostile {
    numbers: Numbers,
    flows: u64,
    vports: u16,
    length: usize,
    last: HostileFrame,
}

impl Hostile {
    /// `flows` flows over `vports` ENIs.
    #[must_use]
    pub fn new(seed: u64, flows: u64, vports: u16) -> Self {
        let last =
            HostileFrame { after_ns: 0, wire_length: 60, bytes: vec![0; 60], vport: 0, direction: Direction::Ingress };
        Self { numbers: Numbers::new(seed), flows, vports, length: *LENGTHS.start(), last }
    }

    /// The next frame.
    pub fn frame(&mut self) -> HostileFrame {
        let after_ns = self.pause();
        // The same slot back to back.
        let again = self.numbers.happens(250);
        if !again {
            self.last = match self.numbers.below(16) {
                0 => self.whole(),
                1..=7 => self.flow(),
                8..=9 => self.headers(),
                10..=12 => self.broken(),
                13 => self.garbage(),
                _ => self.piece(),
            };
        }
        HostileFrame { after_ns, ..self.last.clone() }
    }

    /// Mostly line rate, in runs; now and then longer than any time-out of the NIC.
    fn pause(&mut self) -> u64 {
        match self.numbers.below(1000) {
            0 => self.numbers.below(400_000_000),
            1..=20 => self.numbers.below(40_000),
            21..=400 => 0,
            _ => self.numbers.below(400),
        }
    }

    fn below(&mut self, limit: u64) -> usize {
        self.numbers.below(limit) as usize
    }

    fn one_of<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len() as u64)]
    }

    /// On the way of its flow, whole unless it is cut.
    fn on_its_way(&mut self, bytes: Vec<u8>, flow: u64) -> HostileFrame {
        let vport = match self.numbers.below(200) {
            0 => self.numbers.next_bits() as u16,
            _ => (flow % u64::from(self.vports)) as u16,
        };
        let direction = Direction::ALL[(flow / u64::from(self.vports) % 2) as usize];
        HostileFrame { after_ns: 0, wire_length: bytes.len() as u32, bytes, vport, direction }
    }

    fn number_of_a_flow(&mut self) -> u64 {
        // A few have most of the packets.
        let most = if self.numbers.happens(500) { self.flows.min(8) } else { self.flows };
        self.numbers.below(most)
    }

    /// A sound packet of a flow with `data` bytes behind layer 4.
    fn packet(&mut self, flow: u64, data: usize) -> Packet {
        let (low, port) = (flow & 0xff, 1000 + (flow >> 3) as u16);
        let (src, dst) = match flow % 3 {
            0 => (format!("2001:db8::{low:x}"), "2001:db8:1::1".to_owned()),
            _ => (format!("10.0.{}.{low}", flow >> 8 & 0xff), "192.168.0.1".to_owned()),
        };
        let flags = self.one_of(&[0x02, 0x12, 0x10, 0x18, 0x11, 0x04, 0xff, 0]);
        let (number, payload) = match flow % 16 {
            0..=7 => (protocol::TCP, tcp(port, 80, flags, data)),
            8..=12 => (protocol::UDP, udp(port, 53, data)),
            13 => (protocol::SCTP, sctp(port, 7, data)),
            14 => (47, vec![0; data]),
            _ if flow.is_multiple_of(3) => (protocol::ICMPV6, icmp(128, port, data)),
            _ => (protocol::ICMP, icmp(8, port, data)),
        };
        Packet::new(&src, &dst, number, payload)
    }

    fn flow(&mut self) -> HostileFrame {
        let flow = self.number_of_a_flow();
        let data = self.below(120);
        let mut bytes = self.packet(flow, data).frame();
        bytes.resize(bytes.len().max(*LENGTHS.start()), 0);
        self.on_its_way(bytes, flow)
    }

    /// Every length in turn.
    fn whole(&mut self) -> HostileFrame {
        let flow = self.number_of_a_flow();
        let headers = self.packet(flow, 0).frame().len();
        let mut bytes = self.packet(flow, self.length.saturating_sub(headers)).frame();
        bytes.resize(self.length.max(headers), 0);
        self.length = if self.length < *LENGTHS.end() { self.length + 1 } else { *LENGTHS.start() };
        self.on_its_way(bytes, flow)
    }

    fn tags(&mut self) -> Vec<u16> {
        let count = self.one_of(&[0, 0, 0, 1, 1, 2, 2, 3, 4]);
        (0..count).map(|_| self.one_of(&[VLAN, QINQ, VLAN, QINQ, 0x9100])).collect()
    }

    /// Extension headers, the first of which is `first`; the last says `protocol`.
    fn extensions(&mut self, protocol: u8) -> (u8, Vec<u8>) {
        let mut bytes = Vec::new();
        let mut next = protocol;
        for _ in 0..self.below(7) {
            let kind = self.one_of(&[0, 43, 60, 44, 51, 0, 60, 50, 59, 135]);
            let units = self.below(3) as u8;
            let mut header = match kind {
                44 => vec![next, 0, 0, self.one_of(&[0, 0, 1, 8, 9]), 0, 0, 0, 7],
                51 => vec![0; (usize::from(units) + 2) * 4],
                _ => vec![0; (usize::from(units) + 1) * 8],
            };
            header[0] = next;
            if kind != 44 {
                header[1] = units;
            }
            header.extend_from_slice(&bytes);
            (bytes, next) = (header, kind);
        }
        (next, bytes)
    }

    /// Sound headers in unusual numbers.
    fn headers(&mut self) -> HostileFrame {
        let flow = self.number_of_a_flow();
        let data = self.below(200);
        let packet = self.packet(flow, data);
        let (own, tags) = (packet.ethertype(), self.tags());
        let layer3 = if packet.src.is_ipv4() {
            let words = self.below(11) as u8;
            packet.with_options(words).layer3()
        } else {
            let (first, extensions) = self.extensions(packet.protocol);
            let mut layer3 = packet.layer3();
            layer3[6] = first;
            let payload = (extensions.len() + packet.payload.len()) as u16;
            layer3[4..6].copy_from_slice(&payload.to_be_bytes());
            layer3.splice(40..40, extensions);
            layer3
        };
        let ethertype = self.one_of(&[IPV4, IPV6, ARP, 0x8863]);
        let ethertype = if self.numbers.happens(900) { own } else { ethertype };
        let bytes = ethernet(&tags, ethertype, &layer3);
        self.on_its_way(bytes, flow)
    }

    /// Fragments.
    fn piece(&mut self) -> HostileFrame {
        let flow = self.number_of_a_flow();
        let packet = self.packet(flow, 400);
        let offset = self.below(packet.payload.len() as u64 / 8) * 8;
        let offset = if self.numbers.happens(300) { 0 } else { offset };
        let bytes = 1 + self.below((packet.payload.len() - offset) as u64);
        let identification = self.numbers.below(4) as u16;
        let frame = packet.piece(identification, offset as u16, bytes).frame();
        self.on_its_way(frame, flow)
    }

    /// Headers with some bits the other way, frames cut short, lengths that are wrong.
    fn broken(&mut self) -> HostileFrame {
        let mut frame = match self.numbers.below(4) {
            0 => self.flow(),
            1 => self.piece(),
            _ => self.headers(),
        };
        for _ in 0..self.below(4) {
            let at = 12 + self.below(60);
            if let Some(byte) = frame.bytes.get_mut(at) {
                *byte = match self.numbers.below(3) {
                    0 => self.numbers.next_bits() as u8,
                    1 => *byte ^ 1 << self.numbers.below(8),
                    _ => self.one_of(&[0, 0xff, 0x45, 0x60]),
                };
            }
        }
        if self.numbers.happens(400) {
            let held = self.below(frame.bytes.len() as u64 + 1);
            frame.bytes.truncate(held);
        }
        frame.wire_length = match self.numbers.below(8) {
            0 => frame.bytes.len() as u32,
            1 => self.numbers.below(1 << 18) as u32,
            2 => self.numbers.below(100) as u32,
            _ => frame.wire_length,
        };
        frame
    }

    fn garbage(&mut self) -> HostileFrame {
        let length = self.below(300);
        let mut bytes: Vec<u8> = (0..length).map(|_| self.numbers.next_bits() as u8).collect();
        if length > 14 {
            let ethertype = self.one_of(&[IPV4, IPV6, VLAN, QINQ]);
            bytes[12..14].copy_from_slice(&ethertype.to_be_bytes());
            bytes[14] = self.one_of(&[0x45, 0x60, 0x4f, 0x6f]);
        }
        let flow = self.number_of_a_flow();
        self.on_its_way(bytes, flow)
    }
}
