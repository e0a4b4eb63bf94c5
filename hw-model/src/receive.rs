//! A frame's way through an engine.
//!
//! Frames come in batches only so that the model can ask for memory ahead of use: a batch gives
//! the same result as its frames one by one.

use crate::dma::Bus;
use crate::gate::Outgoing;
use crate::hash::Hashed;
use crate::lookup::Ahead;
use crate::nic::Nic;
use crate::parse::{Class, Parsed, parse_into};
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
        self.staged.clear();
        self.cursor = 0;
        self.staged.resize(frames.len(), Staged::default());
        for (frame, staged) in frames.iter().zip(&mut self.staged) {
            parse_into(&mut staged.parsed, frame.bytes, frame.wire_length, frame.vport, frame.direction);
        }
        let (fours, rest) = self.staged.as_chunks_mut::<4>();
        for four in fours {
            let hashed = Hashed::of_four(four.each_ref().map(|staged| &staged.parsed.key));
            for (staged, hashed) in four.iter_mut().zip(hashed) {
                staged.hashed = hashed;
            }
        }
        for staged in rest {
            staged.hashed = Hashed::of(&staged.parsed.key);
        }
        for (frame, staged) in frames.iter().zip(&self.staged) {
            self.engines[frame.direction.index()].lookup.prefetch_tags(&staged.hashed);
        }
        let bank = self.windows.open_bank();
        for (frame, staged) in frames.iter().zip(&mut self.staged) {
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
        let mut through = true;
        while let (Some(frame), Some(ahead)) = (frames.get(self.cursor), staged.get(self.cursor)) {
            if frame.time_ns >= self.next_event_ns() && !self.advance(frame.time_ns) {
                through = false;
                break;
            }
            self.now_ns = self.now_ns.max(frame.time_ns);
            self.take(frame, ahead);
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
        match parsed.class {
            Class::Flow => {
                let engine = &mut self.engines[frame.direction.index()];
                match engine.lookup.find_ahead(&staged.hashed, staged.ahead) {
                    Some((slot, action)) => self.hit(frame, parsed, slot, action),
                    None => {
                        engine.counters.misses += 1;
                        self.punt(frame, parsed, PuntReason::Miss, Some(&staged.hashed));
                    }
                }
            }
            Class::HostOnly => {
                let fragment = parsed.fragment != crate::parse::Fragment::Whole;
                let reason = if fragment { PuntReason::Fragment } else { PuntReason::Icmp };
                self.punt(frame, parsed, reason, None);
            }
            Class::Excluded | Class::NonIp | Class::Malformed => self.pass(frame, parsed, bank),
        }
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
    fn hit(&mut self, frame: &Frame<'_>, parsed: &Parsed, slot: u32, action: SlotAction) {
        let bank = self.windows.open_bank();
        let tick = self.windows.tick(self.now_ns);
        let engine = &mut self.engines[frame.direction.index()];
        engine.counters.hits += 1;
        let end = match action {
            SlotAction::NoLog => Ledger::Excluded,
            _ => Ledger::Tallied,
        };
        if end == Ledger::Tallied {
            engine.tally.add(bank, slot, parsed.l3_bytes, parsed.key.tcp_flags, tick);
        } else {
            engine.tally.touch(slot);
            engine.counters.excluded += 1;
        }
        if let Some(ledger) = self.enis.ledger(frame.vport, frame.direction, bank) {
            ledger.add(end, parsed.l3_bytes);
        }
        match action {
            SlotAction::Reject => self.engine(frame.direction).counters.rejected += 1,
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
