//! A few guests at work, without end: what a server with tenants on it sees.
//!
//! ```text
//!   web      clients far away open connections, ask, get pages, close
//!   names    every guest asks a resolver of the network
//!   watch    a monitor pings every guest
//!   backup   one guest sends all that it can, all the time
//!   scan     one host outside tries port after port, guest after guest
//!   lost     one guest tries a database on another, again and again, and is never answered: a group that is wrong
//! ```
//!
//! Each is a talk that says what it sends now and when it goes on; the next in time speaks. The same seed gives the same frames.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::identity::{Addresses, Identity, Protocol, host_ipv4, host_ipv6, host_mac};
use super::packet::{ACK, FIN, PSH, Packet, SYN, Transport, Way};
use super::random::{Random, below};
use crate::frames::FrameBatch;

/// How many guests there are: [`host_ipv4`] and [`host_mac`] of the numbers below this.
pub const GUESTS: u32 = 5;
/// The guest that serves pages, by IPv4 and IPv6, on port 443.
pub const WEB: u32 = 0;
/// The guest that is not answered by the database.
pub const APP: u32 = 1;
/// The guest with the database, on port 5432.
pub const DATABASE: u32 = 2;
/// The guest that sends its backup.
pub const BACKUP: u32 = 3;

/// The resolver of the network, UDP port 53.
pub const RESOLVER: [u8; 4] = [10, 0, 0, 2];
/// The monitor that pings.
pub const MONITOR: [u8; 4] = [10, 0, 0, 5];
/// Where the backup goes, TCP port 873.
pub const STORE: [u8; 4] = [10, 8, 0, 9];
/// Who scans.
pub const SCANNER: [u8; 4] = [203, 0, 113, 66];

const MS: u64 = 1_000_000;
/// Bytes of a full TCP segment.
const SEGMENT: u32 = 1448;
/// Bytes of a frame that are kept: all headers.
const SNAP: u32 = 96;

/// What a talk is about.
#[derive(Clone, Copy, Debug)]
enum About {
    /// Opens connections to the web guest.
    Visitors,
    /// A connection with so many segments of a page.
    Page {
        segments: u32,
    },
    /// Asks for names.
    Names,
    /// An answer of the resolver is due.
    Name,
    /// Pings.
    Watch,
    /// A pong is due.
    Pong,
    Backup,
    Scan,
    Lost,
}

#[derive(Clone, Copy, Debug)]
struct Talk {
    about: About,
    identity: Identity,
    step: u32,
    sent: [u32; 2],
}

/// What is due, by time and then by the order in which it was said to be.
struct Due {
    at: Reverse<(u64, u64)>,
    talk: Talk,
}

impl PartialEq for Due {
    fn eq(&self, other: &Self) -> bool {
        self.at == other.at
    }
}

impl Eq for Due {}

impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Due {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.at.cmp(&other.at)
    }
}

/// The guests.
pub struct Guests {
    random: Random,
    due: BinaryHeap<Due>,
    order: u64,
}

impl Guests {
    /// The guests, from time 1 ns on.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let mut guests = Self { random: Random::new(seed), due: BinaryHeap::new(), order: 0 };
        for about in [About::Visitors, About::Names, About::Watch, About::Backup, About::Scan, About::Lost] {
            let identity = guests.first_identity(about);
            guests.at(1, Talk { about, identity, step: 0, sent: [0; 2] });
        }
        guests
    }

    /// Appends the next `count` frames.
    pub fn read_into(&mut self, batch: &mut FrameBatch, count: usize) {
        let end = batch.len() + count;
        while batch.len() < end {
            let Some(Due { at: Reverse((now_ns, _)), talk }) = self.due.pop() else { return };
            self.go_on(now_ns, talk, batch);
        }
    }

    fn at(&mut self, time_ns: u64, talk: Talk) {
        self.order += 1;
        self.due.push(Due { at: Reverse((time_ns, self.order)), talk });
    }

    fn below(&mut self, limit: u32) -> u32 {
        below(limit, self.random.next() as u32)
    }

    /// A time around `mean_ns`, 0 to twice as much.
    fn around(&mut self, mean_ns: u64) -> u64 {
        ((u128::from(self.random.next()) * u128::from(2 * mean_ns)) >> 64) as u64
    }

    fn ephemeral(&mut self) -> u16 {
        32_768 + self.below(28_000) as u16
    }

    /// A guest and who is outside.
    fn between(&mut self, protocol: Protocol, outside: ([u8; 4], u16), guest: (u32, u16)) -> Identity {
        Identity {
            protocol,
            addresses: Addresses::V4(outside.0, host_ipv4(guest.0).octets()),
            host_mac: host_mac(guest.0),
            client_port: outside.1,
            host_port: guest.1,
            vlan: None,
            bits: self.random.next(),
        }
    }

    fn first_identity(&mut self, about: About) -> Identity {
        let port = self.ephemeral();
        match about {
            About::Backup => self.between(Protocol::Tcp, (STORE, 873), (BACKUP, port)),
            About::Scan => self.between(Protocol::Tcp, (SCANNER, 54_321), (WEB, 1)),
            _ => self.between(Protocol::Tcp, (host_ipv4(DATABASE).octets(), 5432), (APP, port)),
        }
    }

    /// A visitor from afar, one of four by IPv6.
    fn visitor(&mut self) -> Identity {
        let (bits, port) = (self.random.next(), self.ephemeral());
        let [a, b, six, ..] = bits.to_le_bytes();
        let mut identity = self.between(Protocol::Tcp, ([198, 51, 100, a], port), (WEB, 443));
        if six % 4 == 0 {
            let from = [0x20, 0x01, 0x0d, 0xb8, 0xbe, 0xef, 0, b, 0, 0, 0, 0, 0, 0, 0, a];
            identity.addresses = Addresses::V6(from, host_ipv6(WEB).octets());
        }
        identity
    }

    fn go_on(&mut self, now_ns: u64, mut talk: Talk, batch: &mut FrameBatch) {
        match talk.about {
            About::Visitors => {
                let segments = 2 + self.below(8) * self.below(12);
                let identity = self.visitor();
                self.at(now_ns + 1, Talk { about: About::Page { segments }, identity, step: 0, sent: [0; 2] });
                let wait_ns = self.around(25 * MS);
                self.at(now_ns + wait_ns, talk);
            }
            About::Page { segments } => self.page(now_ns, talk, segments, batch),
            About::Names => {
                let (guest, port) = (self.below(GUESTS), self.ephemeral());
                talk.identity = self.between(Protocol::Udp, (RESOLVER, 53), (guest, port));
                self.ask(now_ns, talk, About::Name, 17 * MS, batch);
            }
            About::Name => self.answer(now_ns, talk, Way::ToHost, Transport::Udp, batch),
            About::Watch => {
                talk.identity = self.between(Protocol::Icmp, (MONITOR, 0), (talk.step % GUESTS, 0));
                self.ask(now_ns, talk, About::Pong, 200 * MS, batch);
            }
            About::Pong => self.answer(now_ns, talk, Way::FromHost, Transport::Echo { sequence: 0 }, batch),
            About::Backup => self.backup(now_ns, talk, batch),
            About::Scan => {
                // A guest's ports, then the next guest's.
                let (guest, port) = (talk.step / 1024 % GUESTS, talk.step % 1024 + 1);
                talk.identity = self.between(Protocol::Tcp, (SCANNER, 54_321), (guest, port as u16));
                self.tcp(now_ns, &mut talk, (Way::ToHost, SYN, 0), batch);
                let wait_ns = self.around(10 * MS);
                self.at(now_ns + wait_ns, talk);
            }
            About::Lost => {
                // Tries again after 1, 2 and 4 s, then from another port.
                self.tcp(now_ns, &mut talk, (Way::FromHost, SYN, 0), batch);
                talk.sent = [0; 2];
                let tries = talk.step % 4;
                if tries == 0 {
                    talk.identity.host_port = self.ephemeral();
                }
                self.at(now_ns + ((500 * MS) << tries), talk);
            }
        }
    }

    /// A connection's next packet: opened, asked, a page in segments of which every second is acknowledged, closed.
    fn page(&mut self, now_ns: u64, mut talk: Talk, segments: u32, batch: &mut FrameBatch) {
        let last = 4 + segments + segments / 2;
        let turn = match talk.step {
            0 => (Way::ToHost, SYN, 0),
            1 => (Way::FromHost, SYN | ACK, 0),
            2 => (Way::ToHost, ACK, 0),
            3 => (Way::ToHost, PSH | ACK, 380),
            step if step < last && (step - 4) % 3 == 2 => (Way::ToHost, ACK, 0),
            step if step < last => (Way::FromHost, ACK, SEGMENT),
            step if step == last => (Way::FromHost, FIN | ACK, 0),
            step if step == last + 1 => (Way::ToHost, FIN | ACK, 0),
            _ => (Way::FromHost, ACK, 0),
        };
        let is_over = talk.step == last + 2;
        self.tcp(now_ns, &mut talk, turn, batch);
        if !is_over {
            let wait_ns = MS / 10 + self.around(3 * MS);
            self.at(now_ns + wait_ns, talk);
        }
    }

    /// Five full segments together, and one acknowledgement.
    fn backup(&mut self, now_ns: u64, mut talk: Talk, batch: &mut FrameBatch) {
        let turn = if talk.step % 6 == 5 { (Way::ToHost, ACK, 0) } else { (Way::FromHost, ACK, SEGMENT) };
        self.tcp(now_ns, &mut talk, turn, batch);
        let wait_ns = if talk.step.is_multiple_of(6) { self.around(MS) } else { 12_000 };
        self.at(now_ns + wait_ns, talk);
    }

    /// A datagram, and when its answer is due; the next one after about `apart_ns`.
    fn ask(&mut self, now_ns: u64, mut talk: Talk, answer: About, apart_ns: u64, batch: &mut FrameBatch) {
        let (way, transport, payload_length) = match answer {
            About::Pong => (Way::ToHost, Transport::Echo { sequence: 0 }, 56),
            _ => (Way::FromHost, Transport::Udp, 30 + self.below(20)),
        };
        write(now_ns, &Packet { identity: &talk.identity, way, transport, payload_length }, batch);
        let answer_ns = MS + self.around(8 * MS);
        self.at(now_ns + answer_ns, Talk { about: answer, ..talk });
        talk.step = talk.step.wrapping_add(1);
        let wait_ns = self.around(apart_ns);
        self.at(now_ns + wait_ns, talk);
    }

    fn answer(&mut self, now_ns: u64, talk: Talk, way: Way, transport: Transport, batch: &mut FrameBatch) {
        let payload_length = if matches!(transport, Transport::Udp) { 60 + self.below(200) } else { 56 };
        write(now_ns, &Packet { identity: &talk.identity, way, transport, payload_length }, batch);
    }

    /// A TCP packet: which way, flags, bytes of payload.
    fn tcp(&mut self, now_ns: u64, talk: &mut Talk, turn: (Way, u8, u32), batch: &mut FrameBatch) {
        let (way, flags, payload_length) = turn;
        let (own, other) = if way == Way::ToHost { (0, 1) } else { (1, 0) };
        let starts = [talk.identity.bits as u32, (talk.identity.bits >> 32) as u32];
        let transport = Transport::Tcp {
            flags,
            sequence: starts[own].wrapping_add(talk.sent[own]),
            acknowledged: if flags & ACK == 0 { 0 } else { starts[other].wrapping_add(talk.sent[other]) },
        };
        let counted = payload_length + u32::from(flags & (SYN | FIN) != 0);
        talk.sent[own] = talk.sent[own].wrapping_add(counted);
        write(now_ns, &Packet { identity: &talk.identity, way, transport, payload_length }, batch);
        talk.step = talk.step.wrapping_add(1);
    }
}

fn write(now_ns: u64, packet: &Packet<'_>, batch: &mut FrameBatch) {
    batch.push_with(now_ns, packet.wire_length(), |data| packet.write(SNAP, data));
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn guests_say_the_same_for_the_same_seed_in_order_of_time_and_all_of_them_do() {
        let frames = |seed| {
            let mut batch = FrameBatch::new();
            Guests::new(seed).read_into(&mut batch, 100_000);
            batch
        };
        let (batch, again, other) = (frames(1), frames(1), frames(2));
        assert!(batch.iter().eq(again.iter()));
        assert!(!batch.iter().eq(other.iter()));
        let times: Vec<_> = batch.iter().map(|frame| frame.time_ns).collect();
        assert!(times.is_sorted());
        let senders: BTreeSet<_> = batch.iter().map(|frame| frame.bytes[6..12].to_vec()).collect();
        for guest in 0..GUESTS {
            assert!(senders.contains(host_mac(guest).as_slice()), "guest {guest} is silent");
        }
        // Several megabytes a second, and more than a second of them.
        let bytes: u64 = batch.iter().map(|frame| u64::from(frame.wire_length)).sum();
        let (first, last) = (times[0], times[times.len() - 1]);
        let seconds = (last - first) as f64 / 1e9;
        assert!(seconds > 1.0 && bytes as f64 / seconds > 2e6, "{bytes} bytes in {seconds} s");
    }
}
