//! A frame's way through an engine.
//!
//! Frames come in batches only so that the model can ask for memory ahead of use: a batch gives
//! the same result as its frames one by one.

use crate::dma::Bus;
use crate::engine::Engine;
use crate::eni::Counts;
use crate::gate::Outgoing;
use crate::hash::{Hashed, LANES, Lanes};
use crate::lookup::Ahead;
use crate::nic::Nic;
use crate::parse::{self, Class, Fragment, Parsed};
use firmware_abi::descriptor::Ledger;
use firmware_abi::frame::{PuntReason, WIRE_BYTES_MAX};
use firmware_abi::key::{Direction, FlowKey, SlotAction};
use firmware_abi::ring::FRAME_BYTES_MAX;

/// A frame on one of the NIC's two inputs.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// When it arrives, Unix ns. A time before the NIC's is taken as the NIC's.
    pub time_ns: u64,
    /// Its length on the wire, bytes without FCS; at most [`WIRE_BYTES_MAX`], what is longer counts as that.
    /// 0: as long as what is known of it.
    pub wire_length: u32,
    /// What is known of its bytes: all of them, or the beginning.
    pub bytes: &'a [u8],
    /// The ENI's number.
    pub vport: u16,
    /// From the network or from the guest.
    pub direction: Direction,
}

impl Frame<'_> {
    /// Its length as the NIC counts it, bytes.
    #[must_use]
    #[inline]
    pub fn wire_bytes(&self) -> u32 {
        if self.wire_length == 0 {
            return self.bytes.len().min(FRAME_BYTES_MAX) as u32;
        }
        self.wire_length.min(WIRE_BYTES_MAX)
    }
}

/// A frame that has been parsed ahead.
#[derive(Clone, Copy, Debug, Default)]
pub struct Staged {
    hashed: Hashed,
    ahead: Ahead,
    /// What the parser found but for the key: see [`Parsed`].
    pub(crate) l3_bytes: u32,
    pub(crate) identification: u32,
    pub(crate) icmp: u32,
    pub(crate) class: Class,
    pub(crate) fragment: Fragment,
    tcp_flags: u8,
}

impl Staged {
    /// Takes what the parser found, and the identity to where it is hashed.
    #[inline(always)]
    fn put(&mut self, parsed: &Parsed, lanes: &mut Lanes, lane: usize) {
        let Parsed { key, l3_bytes, class, fragment, identification, icmp } = *parsed;
        let identity = key.identity();
        lanes.set(lane, &identity);
        self.hashed.identity = identity;
        self.l3_bytes = l3_bytes;
        self.class = class;
        self.fragment = fragment;
        self.identification = identification;
        self.icmp = icmp;
        self.tcp_flags = key.tcp_flags;
    }

    /// The key, of action 0.
    #[inline]
    pub(crate) fn key(&self) -> FlowKey {
        FlowKey { tcp_flags: self.tcp_flags, ..FlowKey::from_words(self.hashed.identity) }
    }

    /// Both hashes of the key.
    #[inline]
    pub(crate) fn hash(&self) -> u64 {
        self.hashed.hash
    }
}

impl<B: Bus> Nic<B> {
    /// Parses a batch and asks for the memory that its packets will need.
    pub fn begin(&mut self, frames: &[Frame<'_>]) {
        self.cursor = 0;
        for engine in &mut self.engines {
            engine.lookup.look_ahead();
        }
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
            let port = parse::port(frame.vport, frame.direction);
            match parse::plain(frame.bytes, frame.wire_bytes(), port) {
                Some(parsed) => staged.put(&parsed, &mut self.lanes, lane),
                None => staged.put(&parse::parse_any(frame.bytes, frame.wire_bytes(), port), &mut self.lanes, lane),
            }
        }
        let far = self.engines[0].lookup.is_far();
        let hashes = self.lanes.hashes(frames.len());
        for ((frame, staged), hash) in frames.iter().zip(&mut *staged).zip(hashes) {
            staged.hashed.hash = *hash;
            if far {
                self.engines[frame.direction.index()].lookup.prefetch_tags(*hash);
            }
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
        // What the host has yet to be run for is due now.
        let mut boundary_ns = if self.fired { self.now_ns } else { self.boundary_ns() };
        let mut taken = 0;
        let mut through = true;
        for (frame, staged) in frames.get(self.cursor..).unwrap_or_default().iter().zip(ahead) {
            if frame.time_ns >= boundary_ns.min(self.msix.due_ns()) {
                if !self.advance(frame.time_ns) {
                    through = false;
                    break;
                }
                boundary_ns = self.boundary_ns();
            }
            self.now_ns = self.now_ns.max(frame.time_ns);
            self.take(frame, staged);
            taken += 1;
        }
        self.cursor += taken;
        self.staged = staged;
        if through {
            self.fire_if_due();
        }
        through
    }

    /// One frame, at the NIC's time.
    #[inline]
    fn take(&mut self, frame: &Frame<'_>, staged: &Staged) {
        let engine = &mut self.engines[frame.direction.index()];
        engine.counters.frames += 1;
        engine.counters.bytes += u64::from(frame.wire_bytes());
        engine.timing.packet(self.now_ns, frame.wire_bytes());
        let bank = self.windows.open_bank();
        let Some(eni) = self.enis.get_mut(frame.vport).filter(|eni| self.enabled && eni.flags.enabled()) else {
            engine.counters.no_eni += 1;
            return;
        };
        let ledger = &mut eni.ledgers[frame.direction.index()][bank];
        ledger.add(Ledger::Offered, staged.l3_bytes);
        if staged.class != Class::Flow || eni.limited && frame.direction == Direction::Ingress {
            return self.take_special(frame, staged, bank);
        }
        let tick = self.windows.tick_now(self.now_ns);
        let verdict = judge(engine, ledger, staged, bank, tick);
        self.act(frame, staged, bank, verdict);
    }

    /// A frame that may be stopped by the policer, or that no slot can hold.
    #[inline(never)]
    fn take_special(&mut self, frame: &Frame<'_>, staged: &Staged, bank: usize) {
        if frame.direction == Direction::Ingress && !self.police(frame, staged.l3_bytes, bank) {
            return;
        }
        match staged.class {
            Class::Flow => {
                let tick = self.windows.tick_now(self.now_ns);
                let engine = &mut self.engines[frame.direction.index()];
                let Some(ledger) = self.enis.ledger(frame.vport, frame.direction, bank) else { return };
                let verdict = judge(engine, ledger, staged, bank, tick);
                self.act(frame, staged, bank, verdict);
            }
            Class::HostOnly => {
                let fragment = staged.fragment != Fragment::Whole;
                self.punt(frame, staged, if fragment { PuntReason::Fragment } else { PuntReason::Icmp });
            }
            Class::Excluded | Class::NonIp | Class::Malformed => self.pass(frame, staged, bank),
        }
    }

    /// What comes of the lookup: a miss is punted.
    #[inline(always)]
    fn act(&mut self, frame: &Frame<'_>, staged: &Staged, bank: usize, verdict: Option<SlotAction>) {
        let Some(action) = verdict else { return self.punt(frame, staged, PuntReason::Miss) };
        if action == SlotAction::Reject {
            self.engine(frame.direction).counters.rejected += 1;
            return;
        }
        if action == SlotAction::AcceptMirror {
            self.punt(frame, staged, PuntReason::Mirror);
        }
        self.send(frame, staged.l3_bytes, bank);
    }

    /// The ingress policer; false if it stopped the packet.
    fn police(&mut self, frame: &Frame<'_>, l3_bytes: u32, bank: usize) -> bool {
        let Err(limit) = self.enis.admit(frame.vport, Direction::Ingress, l3_bytes, self.now_ns) else {
            return true;
        };
        self.engine(frame.direction).counters.limited += 1;
        if let Some(ledger) = self.enis.ledger(frame.vport, frame.direction, bank) {
            ledger.add(Ledger::Policed, l3_bytes);
            ledger.limit(limit);
        }
        false
    }

    /// A frame that is not captured: counted by kind, and forwarded unless it is broken.
    fn pass(&mut self, frame: &Frame<'_>, staged: &Staged, bank: usize) {
        let counters = &mut self.engine(frame.direction).counters;
        let end = match staged.class {
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
            ledger.add(end, staged.l3_bytes);
        }
        if end != Ledger::Malformed {
            self.send(frame, staged.l3_bytes, bank);
        }
    }

    #[inline(always)]
    fn send(&mut self, frame: &Frame<'_>, l3_bytes: u32, bank: usize) {
        let Frame { vport, direction, .. } = *frame;
        let engine = &mut self.engines[direction.index()];
        if direction == Direction::Egress && self.enis.limited(vport) {
            engine.timing.shape();
        }
        let outgoing = Outgoing { vport, direction, l3_bytes, bank };
        if self.gate.forward(outgoing, self.now_ns, &mut self.enis, &mut engine.counters) && self.gate.keep {
            let held = &frame.bytes[..frame.bytes.len().min(FRAME_BYTES_MAX)];
            self.gate.hold(vport, direction, self.now_ns, frame.wire_bytes(), held);
        }
    }
}

/// Looks a packet up and counts it where it ends. `None` is a miss.
#[inline(always)]
fn judge(engine: &mut Engine, ledger: &mut Counts, staged: &Staged, bank: usize, tick: u32) -> Option<SlotAction> {
    let Some(found) = engine.lookup.find_ahead(&staged.hashed, staged.ahead) else {
        engine.counters.misses += 1;
        return None;
    };
    let end = engine.hit(found, bank, staged.l3_bytes, staged.tcp_flags, tick);
    ledger.add(end, staged.l3_bytes);
    Some(found.1)
}
