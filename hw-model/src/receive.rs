//! A frame's way through an engine.
//!
//! Frames come in batches only so that the model can ask for memory ahead of use: a batch gives
//! the same result as its frames one by one.

use crate::dma::Bus;
use crate::gate::Outgoing;
use crate::hash::{Hashed, LANES};
use crate::lookup::Ahead;
use crate::nic::Nic;
use crate::parse::{Class, Fragment, Parsed, parse};
use firmware_abi::descriptor::Ledger;
use firmware_abi::frame::PuntReason;
use firmware_abi::key::{Direction, SlotAction};

/// A frame on one of the NIC's two inputs.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// When it arrives, Unix ns. A time before the NIC's is taken as the NIC's.
    pub time_ns: u64,
    /// Its length on the wire, bytes without FCS.
    pub wire_length: u32,
    /// What is known of its bytes: all of them, or the beginning.
    pub bytes: &'a [u8],
    /// The ENI's number.
    pub vport: u16,
    /// From the network or from the guest.
    pub direction: Direction,
}

/// A frame that has been parsed ahead.
#[derive(Clone, Copy, Debug, Default)]
pub struct Staged {
    parsed: Parsed,
    hashed: Hashed,
    ahead: Ahead,
}

impl<B: Bus> Nic<B> {
    /// Parses a batch and asks for the memory that its packets will need.
    pub fn begin(&mut self, frames: &[Frame<'_>]) {
        self.cursor = 0;
        if self.staged.len() < frames.len() {
            self.staged.resize(frames.len(), Staged::default());
        }
        let mut staged = std::mem::take(&mut self.staged);
        for (frames, staged) in frames.chunks(LANES).zip(staged.chunks_mut(LANES)) {
            self.parse_ahead(frames, staged);
        }
        self.staged = staged;
    }

    /// As many frames as are hashed at once.
    fn parse_ahead(&mut self, frames: &[Frame<'_>], staged: &mut [Staged]) {
        for (lane, (frame, staged)) in frames.iter().zip(&mut *staged).enumerate() {
            staged.parsed = parse(frame.bytes, frame.wire_length, frame.vport, frame.direction);
            staged.hashed.identity = staged.parsed.key.identity();
            self.lanes.set(lane, &staged.hashed.identity);
        }
        let hashes = self.lanes.hashes(frames.len());
        for ((frame, staged), hash) in frames.iter().zip(&mut *staged).zip(hashes) {
            staged.hashed.hash = *hash;
            self.engines[frame.direction.index()].lookup.prefetch_tags(*hash);
        }
        let bank = self.windows.open_bank();
        for (frame, staged) in frames.iter().zip(staged) {
            let engine = &self.engines[frame.direction.index()];
            staged.ahead = engine.lookup.ahead(&staged.hashed);
            if let Some(slot) = staged.ahead.slot() {
                engine.tally.prefetch(bank, slot);
            }
        }
    }

    /// Goes on with the batch that [`Self::begin`] was given. False each time an interrupt is
    /// raised on the way: run the host, then call again; true once all frames are through.
    pub fn proceed(&mut self, frames: &[Frame<'_>]) -> bool {
        let staged = std::mem::take(&mut self.staged);
        let ahead = staged.get(self.cursor..).unwrap_or_default();
        let mut through = true;
        for (frame, staged) in frames.get(self.cursor..).unwrap_or_default().iter().zip(ahead) {
            if frame.time_ns >= self.next_event_ns() && !self.advance(frame.time_ns) {
                through = false;
                break;
            }
            self.now_ns = self.now_ns.max(frame.time_ns);
            self.take(frame, staged);
            self.cursor += 1;
        }
        self.staged = staged;
        through
    }

    /// One frame, at the NIC's time.
    #[inline]
    fn take(&mut self, frame: &Frame<'_>, staged: &Staged) {
        let parsed = &staged.parsed;
        let engine = &mut self.engines[frame.direction.index()];
        engine.counters.frames += 1;
        engine.counters.bytes += u64::from(frame.wire_length);
        engine.timing.packet(self.now_ns, frame.wire_length);
        let bank = self.windows.open_bank();
        let Some(eni) = self.enis.get_mut(frame.vport).filter(|eni| self.enabled && eni.flags.enabled()) else {
            engine.counters.no_eni += 1;
            return;
        };
        let ledger = &mut eni.ledgers[frame.direction.index()][bank];
        ledger.add(Ledger::Offered, parsed.l3_bytes);
        if eni.is_limited() && frame.direction == Direction::Ingress && !self.police(frame, parsed, bank) {
            return;
        }
        if parsed.class != Class::Flow {
            return self.take_unlookable(frame, parsed, bank);
        }
        let engine = &mut self.engines[frame.direction.index()];
        match engine.lookup.find_ahead(&staged.hashed, staged.ahead) {
            Some(found) => self.hit(frame, parsed, found, bank),
            None => {
                engine.counters.misses += 1;
                self.punt(frame, parsed, PuntReason::Miss, Some(staged.hashed.hash));
            }
        }
    }

    /// A frame that no slot can hold.
    #[inline(never)]
    fn take_unlookable(&mut self, frame: &Frame<'_>, parsed: &Parsed, bank: usize) {
        if parsed.class != Class::HostOnly {
            return self.pass(frame, parsed, bank);
        }
        let fragment = parsed.fragment != Fragment::Whole;
        let reason = if fragment { PuntReason::Fragment } else { PuntReason::Icmp };
        self.punt(frame, parsed, reason, None);
    }

    /// The ingress policer; false if it stopped the packet.
    #[inline(never)]
    fn police(&mut self, frame: &Frame<'_>, parsed: &Parsed, bank: usize) -> bool {
        let Err(limit) = self.enis.admit(frame.vport, Direction::Ingress, parsed.l3_bytes, self.now_ns) else {
            return true;
        };
        self.engine(frame.direction).counters.limited += 1;
        if let Some(ledger) = self.enis.ledger(frame.vport, frame.direction, bank) {
            ledger.add(Ledger::Policed, parsed.l3_bytes);
            ledger.limit(limit);
        }
        false
    }

    /// A packet that hit a slot.
    #[inline]
    fn hit(&mut self, frame: &Frame<'_>, parsed: &Parsed, found: (u32, SlotAction), bank: usize) {
        let tick = self.windows.tick(self.now_ns);
        let engine = &mut self.engines[frame.direction.index()];
        let end = engine.hit(found, bank, parsed.l3_bytes, parsed.key.tcp_flags, tick);
        if let Some(ledger) = self.enis.ledger(frame.vport, frame.direction, bank) {
            ledger.add(end, parsed.l3_bytes);
        }
        match found.1 {
            SlotAction::Reject => engine.counters.rejected += 1,
            SlotAction::Accept | SlotAction::NoLog => self.send(frame, parsed, bank),
            SlotAction::AcceptMirror => {
                self.punt(frame, parsed, PuntReason::Mirror, None);
                self.send(frame, parsed, bank);
            }
        }
    }

    /// A frame that is not captured: counted by kind, and forwarded unless it is broken.
    fn pass(&mut self, frame: &Frame<'_>, parsed: &Parsed, bank: usize) {
        let counters = &mut self.engine(frame.direction).counters;
        let end = match parsed.class {
            Class::Excluded => {
                counters.excluded += 1;
                Ledger::Excluded
            }
            Class::NonIp => {
                counters.non_ip += 1;
                Ledger::NonIp
            }
            _ => {
                counters.malformed += 1;
                Ledger::Malformed
            }
        };
        if let Some(ledger) = self.enis.ledger(frame.vport, frame.direction, bank) {
            ledger.add(end, parsed.l3_bytes);
        }
        if end != Ledger::Malformed {
            self.send(frame, parsed, bank);
        }
    }

    #[inline]
    fn send(&mut self, frame: &Frame<'_>, parsed: &Parsed, bank: usize) {
        let outgoing = Outgoing {
            vport: frame.vport,
            direction: frame.direction,
            time_ns: self.now_ns,
            wire_length: frame.wire_length,
            l3_bytes: parsed.l3_bytes,
            bytes: frame.bytes,
            bank,
        };
        let engine = &mut self.engines[frame.direction.index()];
        self.gate.forward(&outgoing, self.now_ns, &mut self.enis, &mut engine.counters);
    }
}
