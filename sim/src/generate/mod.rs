//! Generates traffic: seeded, deterministic, without any file.
//!
//! ```text
//! Spec ─▶ schedule: open, answer, scan or go on? ─▶ Identity (who) ─▶ Packet (bytes) ─▶ FrameBatch
//!                       Zipf ──────────────┘
//! ```
//!
//! - A connection is opened by its client and answered by its host a few packets later. From then
//!   on Zipf's law chooses among the connections that are open, the earliest being the busiest.
//!   Before all are open, draws of one that is not go evenly to those that are.
//! - New connections and scans are spread evenly over the whole time.
//! - TCP goes through SYN, SYN+ACK, ACK, data and acknowledgements with sequence numbers that fit,
//!   FIN, FIN, ACK, and then opens the same connection again. UDP and ICMP ask and answer in turn.
//! - Frames are of the simple IMIX: 64, 594 and 1,518 bytes at 7:4:1, which without FCS are 60, 590
//!   and 1,514. A tag adds 4. TCP's small frames are acknowledgements without data. A frame whose
//!   headers alone need more than 60 bytes (TCP over IPv6: 74) is as long as they are.
//! - All checksums are right. Payloads are zeros.
//! - Per connection, that is two one-way flows, 12 bytes are kept; per scan none.

pub mod guests;
mod identity;
mod packet;
mod random;
mod spec;
mod zipf;

pub use identity::{GATEWAY_MAC, host_ipv4, host_ipv6, host_mac};
pub use spec::{FLOWS_MAX, HOSTS_MAX, PACKETS_MAX, ProtocolWeights, Spec, SpecError};

use crate::frames::FrameBatch;
use identity::{Identities, Identity, Protocol};
use packet::{ACK, FIN, PSH, Packet, SYN, Transport, Way, headers_length};
use random::{Random, below};
use zipf::Zipf;

/// A source of generated frames.
#[derive(Clone, Debug)]
pub struct Generator {
    identities: Identities,
    zipf: Zipf,
    random: Random,
    clock: Clock,
    snap_length: u32,
    packets_left: u64,
    connections: Vec<Connection>,
    connections_total: u32,
    /// Connections of which both ways have been seen.
    answered: u32,
    scans: u32,
    scans_total: u32,
    /// Packets until the newest connection is answered, if it is not yet.
    answer_in: Option<u32>,
    /// Above 0 when the next flow is due: grows by `flows` with each packet, falls by `packets`
    /// with each flow.
    due: i64,
    due_step: i64,
    due_cost: i64,
}

/// What changes in the course of a connection.
#[derive(Clone, Copy, Debug, Default)]
struct Connection {
    /// Packets since it was opened, or opened again.
    position: u32,
    /// TCP bytes sent by client and host, SYN and FIN counted as one each.
    sent: [u32; 2],
}

/// What the next packet is.
enum Next {
    Connection(u32),
    Scan(u32),
}

impl Generator {
    /// Prepares the traffic.
    ///
    /// # Errors
    ///
    /// A figure of the `Spec` is out of the range that its documentation tells.
    pub fn new(spec: &Spec) -> Result<Self, SpecError> {
        spec.check()?;
        let scans = (f64::from(spec.flows) * spec.scan_share) as u32;
        // Connections take two flows each, so what is left must be even.
        let scans_total = scans + (spec.flows - scans) % 2;
        let connections_total = (spec.flows - scans_total) / 2;
        Ok(Self {
            identities: Identities::new(spec),
            zipf: Zipf::new(connections_total, spec.zipf_exponent),
            random: Random::new(spec.seed),
            clock: Clock::new(spec),
            snap_length: spec.snap_length,
            packets_left: spec.packets,
            connections: Vec::with_capacity(connections_total as usize),
            connections_total,
            answered: 0,
            scans: 0,
            scans_total,
            answer_in: None,
            due: 0,
            due_step: i64::from(spec.flows),
            due_cost: spec.packets.cast_signed(),
        })
    }

    /// Frames that are still to come.
    #[must_use]
    pub fn remaining(&self) -> u64 {
        self.packets_left
    }

    /// Appends up to `max` frames to the batch and answers how many. 0 is the end, if `max` is not.
    pub fn read_into(&mut self, batch: &mut FrameBatch, max: usize) -> usize {
        let count = usize::try_from(self.packets_left).map_or(max, |left| left.min(max));
        for _ in 0..count {
            self.packet(batch);
        }
        self.packets_left -= count as u64;
        count
    }

    fn packet(&mut self, batch: &mut FrameBatch) {
        let bits = self.random.next();
        let time_ns = self.clock.tick(bits as u32);
        match self.next((bits >> 32) as u32) {
            Next::Scan(number) => {
                let identity = self.identities.scan(number);
                let transport = Transport::Tcp { flags: SYN, sequence: identity.bits as u32, acknowledged: 0 };
                let packet = Packet { identity: &identity, way: Way::ToHost, transport, payload_length: 0 };
                self.write(&packet, time_ns, batch);
            }
            Next::Connection(number) => {
                let identity = self.identities.connection(number);
                let connection = &mut self.connections[number as usize];
                let packet = connection.go_on(&identity, (bits >> 32) as u32);
                self.write(&packet, time_ns, batch);
            }
        }
    }

    #[inline]
    fn write(&self, packet: &Packet<'_>, time_ns: u64, batch: &mut FrameBatch) {
        let snap_length = self.snap_length;
        batch.push_with(time_ns, packet.wire_length(), |data| {
            packet.write(snap_length, data);
        });
    }

    /// Decides what the next packet is. `bits` are used for the delay of an answer and for the
    /// packet's size as well, which are never both asked for.
    fn next(&mut self, bits: u32) -> Next {
        self.due += self.due_step;
        if let Some(left) = self.answer_in {
            if left == 0 || self.due > 0 || self.answered == 0 {
                self.answer_in = None;
                self.due -= self.due_cost;
                self.answered += 1;
                return Next::Connection(self.answered - 1);
            }
            self.answer_in = Some(left - 1);
        } else if self.due > 0 {
            self.due -= self.due_cost;
            return self.open(bits);
        }
        if self.answered == 0 {
            // No connection can go on, because there is none: a scan tries again.
            return Next::Scan(below(self.scans, bits));
        }
        let bits = self.random.next();
        let rank = self.zipf.sample(bits);
        if rank < self.answered {
            return Next::Connection(rank);
        }
        Next::Connection(below(self.answered, bits as u32))
    }

    /// Opens a connection or scans, in turn as their totals demand.
    fn open(&mut self, bits: u32) -> Next {
        let opened = self.connections.len() as u64;
        let scans_in_step =
            u64::from(self.scans) * u64::from(self.connections_total) > opened * u64::from(self.scans_total);
        let all_open = opened == u64::from(self.connections_total);
        if self.scans < self.scans_total && (all_open || !scans_in_step) {
            self.scans += 1;
            return Next::Scan(self.scans - 1);
        }
        self.connections.push(Connection::default());
        self.answer_in = Some(bits & 7);
        Next::Connection(opened as u32)
    }
}

impl Connection {
    /// The connection's next packet.
    #[inline]
    fn go_on<'a>(&mut self, identity: &'a Identity, bits: u32) -> Packet<'a> {
        let size = imix(bits);
        match identity.protocol {
            Protocol::Tcp => self.go_on_with_tcp(identity, size, bits),
            Protocol::Udp => self.take_turns(identity, Transport::Udp, size),
            Protocol::Icmp => {
                let sequence = (self.position / 2) as u16;
                self.take_turns(identity, Transport::Echo { sequence }, size)
            }
        }
    }

    fn take_turns<'a>(&mut self, identity: &'a Identity, transport: Transport, size: u32) -> Packet<'a> {
        let way = match self.position % 2 {
            0 => Way::ToHost,
            _ => Way::FromHost,
        };
        self.position = self.position.wrapping_add(1);
        let payload_length = size.saturating_sub(headers_length(identity, transport));
        Packet { identity, way, transport, payload_length }
    }

    fn go_on_with_tcp<'a>(&mut self, identity: &'a Identity, size: u32, bits: u32) -> Packet<'a> {
        // From 10 to 1,280 packets between SYN and the last ACK.
        let packets = 10 << (identity.bits >> 24 & 7);
        let left = packets - 1 - self.position;
        let (way, flags) = match (self.position, left) {
            (0, _) => (Way::ToHost, SYN),
            (1, _) => (Way::FromHost, SYN | ACK),
            (2, _) | (_, 0) => (Way::ToHost, ACK),
            (_, 2) => (Way::ToHost, FIN | ACK),
            (_, 1) => (Way::FromHost, FIN | ACK),
            _ if bits & 1 == 0 => (Way::ToHost, ACK),
            _ => (Way::FromHost, ACK),
        };
        self.position = if left == 0 { 0 } else { self.position + 1 };
        let (own, other) = match way {
            Way::ToHost => (0, 1),
            Way::FromHost => (1, 0),
        };
        // Each side starts counting at a number of its own.
        let starts = [identity.bits as u32, (identity.bits >> 32) as u32];
        let transport = Transport::Tcp {
            flags,
            sequence: starts[own].wrapping_add(self.sent[own]),
            acknowledged: match flags & ACK {
                0 => 0,
                _ => starts[other].wrapping_add(self.sent[other]),
            },
        };
        let data = size > IMIX_SMALL && (3..packets - 3).contains(&(packets - 1 - left));
        let payload_length = match data {
            true => size.saturating_sub(headers_length(identity, transport)),
            false => 0,
        };
        let counted = payload_length + u32::from(flags & (SYN | FIN) != 0);
        self.sent[own] = self.sent[own].wrapping_add(counted);
        let transport = match transport {
            Transport::Tcp { flags, sequence, acknowledged } if data => {
                Transport::Tcp { flags: flags | PSH, sequence, acknowledged }
            }
            other => other,
        };
        Packet { identity, way, transport, payload_length }
    }
}

const IMIX_SMALL: u32 = 60;

/// A frame length without FCS: 60, 590 or 1,514 at 7:4:1.
#[inline]
fn imix(bits: u32) -> u32 {
    match below(12, bits) {
        0..7 => IMIX_SMALL,
        7..11 => 590,
        _ => 1_514,
    }
}

/// Gives each packet a place in its slot of time.
#[derive(Clone, Debug)]
struct Clock {
    /// Start of the slot, in nanoseconds with 32 bits of fraction.
    slot: u128,
    width: u64,
}

impl Clock {
    fn new(spec: &Spec) -> Self {
        Self { slot: u128::from(spec.start_ns) << 32, width: (1_000_000_000 << 32) / spec.packets_per_second }
    }

    /// A time in the current slot, then the slot after it. The last time there is stays.
    #[inline]
    fn tick(&mut self, bits: u32) -> u64 {
        let jitter = (u128::from(self.width) * u128::from(bits)) >> 32;
        let time = (self.slot + jitter) >> 32;
        self.slot += u128::from(self.width);
        u64::try_from(time).unwrap_or(u64::MAX)
    }
}
