//! A host without a plan: it answers punts at random, fills slots at random, and now and then forgets to come.
//!
//! ```text
//!   punt ─▶ insert with any action, update, delete ─▶ command ring
//!        └▶ retry, forward, drop, nothing ──────────▶ inject ring
//! ```

use crate::hostile::{Hostile, HostileFrame};
use crate::probe::{Probe, START_NS};
use driver::device::Device;
use driver::dma::DmaMemory;
use driver::regio::RegIo;
use firmware_abi::descriptor::{Command, Completion, FlowRecord, Opcode};
use firmware_abi::frame::{Disposition, FrameHeader, PuntReason};
use firmware_abi::hash::{buckets, first_slot, h3};
use firmware_abi::key::FlowKey;
use firmware_abi::limits::{EniFlags, EniLimits};
use firmware_abi::registers::{COUNTERS, offset};
use firmware_abi::ring::{FRAME_HEADER_BYTES, FRAME_SLOT_BYTES, RingId, frame_slots};
use sim::card::{Card, Frame, Parameters};
use sim::faults::Numbers;
use std::convert::Infallible;
use std::rc::Rc;
use zerocopy::IntoBytes;

/// Flows that the host remembers, to be changed again.
const REMEMBERED: usize = 64;
/// Outside all memory.
pub const UNMAPPED: u64 = 0x7000_0000_0000;

/// The host.
pub struct Host {
    /// What it works with.
    pub probe: Probe,
    /// What it decides by.
    pub numbers: Numbers,
    /// Looks at the ledger after every frame: slow, but it finds the frame that made a difference.
    pub careful: bool,
    /// Of a thousand interrupts, how many it sleeps through.
    pub sleepy_permille: u64,
    parameters: Parameters,
    remembered: Vec<(FlowKey, u32)>,
    bitmap: DmaMemory,
    now_ns: u64,
}

impl Host {
    /// On a card of these sizes that was powered on, with `enis` ENIs that run.
    ///
    /// # Panics
    /// When it cannot be set up.
    #[must_use]
    pub fn new(card: Rc<Card>, parameters: Parameters, log2: [u32; 5], enis: u16, seed: u64) -> Self {
        let mut probe = Probe::on(card, log2).set_up();
        for vport in 1..enis {
            probe.set_eni(vport, EniLimits::default());
            probe.settle();
        }
        let bitmap = probe.device.dma("bitmap", 1 << 20).expect("memory");
        let now_ns = probe.card.now_ns().max(START_NS);
        let numbers = Numbers::new(seed ^ 0x686f_7374);
        Self {
            probe,
            numbers,
            careful: false,
            sleepy_permille: 100,
            parameters,
            remembered: Vec::new(),
            bitmap,
            now_ns,
        }
    }

    /// Sends frames; comes when it is interrupted, mostly.
    pub fn offer(&mut self, frames: &[HostileFrame]) {
        let mut ready = Vec::with_capacity(frames.len());
        for frame in frames {
            self.now_ns += frame.after_ns;
            let HostileFrame { wire_length, bytes, vport, direction, .. } = frame;
            let (wire_length, vport, direction) = (*wire_length, *vport, *direction);
            ready.push(Frame { time_ns: self.now_ns, wire_length, bytes, vport, direction });
        }
        let card = Rc::clone(&self.probe.card);
        let done: Result<(), Infallible> = card.offer(&ready, || {
            if !self.numbers.happens(self.sleepy_permille) {
                self.serve();
            }
            Ok(())
        });
        done.unwrap_or_else(|never| match never {});
    }

    /// Sends `count` frames of a source, some at a time, at the edge of a window now and then.
    pub fn play(&mut self, source: &mut Hostile, count: u64) {
        let mut left = count;
        while left > 0 {
            let batch = left.min(1 + self.numbers.below(256));
            let mut frames: Vec<HostileFrame> = (0..batch).map(|_| source.frame()).collect();
            if self.numbers.happens(20) {
                // One frame before, at, or behind the end of the window, and the others close by.
                let end_ns = (self.now_ns / 1_000_000_000 + 1) * 1_000_000_000;
                frames[0].after_ns = end_ns - self.now_ns - 1 + self.numbers.below(3);
            }
            if self.careful {
                frames.chunks(1).for_each(|one| self.offer_and_look(one));
            } else {
                self.offer(&frames);
            }
            left -= batch;
            if self.numbers.happens(50) {
                self.mischief();
            }
        }
    }

    fn offer_and_look(&mut self, one: &[HostileFrame]) {
        self.offer(one);
        println!("{:?}", one[0]);
        self.look_at_ledger(u32::from(one[0].vport) | (one[0].direction as u32) << 31);
    }

    fn look_at_ledger(&self, select: u32) {
        let io = self.probe.device.io();
        io.store(offset::ENI_SELECT, select);
        for at in (0..192).step_by(4) {
            io.load(offset::LEDGER_PACKETS + at);
        }
    }

    /// Lets time pass.
    pub fn advance(&mut self, by_ns: u64) {
        self.now_ns += by_ns;
        let (card, until_ns) = (Rc::clone(&self.probe.card), self.now_ns);
        let done: Result<(), Infallible> = card.advance(until_ns, || {
            self.serve();
            Ok(())
        });
        done.unwrap_or_else(|never| match never {});
    }

    /// Takes everything there is, and answers it somehow.
    pub fn serve(&mut self) {
        let probe = &mut self.probe;
        while probe.take::<Completion>(RingId::Completion).is_some() {}
        while probe.take::<FlowRecord>(RingId::Record).is_some() {}
        probe.doorbell(RingId::Completion);
        probe.doorbell(RingId::Record);
        loop {
            let at = self.probe.next[RingId::Punt as usize];
            let Some(header) = self.probe.take_punt() else { break };
            let slots = frame_slots(header.length.held() as usize);
            self.probe.next[RingId::Punt as usize] = at.wrapping_add(slots);
            self.answer(&header, at);
            if self.numbers.happens(100) {
                self.probe.doorbell(RingId::Punt);
            }
        }
        for id in [RingId::Command, RingId::Inject, RingId::Punt] {
            self.probe.doorbell(id);
        }
    }

    fn answer(&mut self, header: &FrameHeader, at: u32) {
        let reason = PuntReason::from_bits(header.tail.code());
        let choice = self.numbers.below(16);
        if reason == Some(PuntReason::Miss) && choice < 10 {
            self.insert(header.key);
        }
        let disposition = match choice {
            0..=8 => Disposition::Retry,
            9..=12 => Disposition::Forward,
            13 => Disposition::Drop,
            _ => return,
        };
        if reason == Some(PuntReason::Mirror) && choice > 0 {
            return;
        }
        self.inject(header, at, disposition);
    }

    /// Entries that a ring of the host's has room for.
    fn room(&self, id: RingId) -> u32 {
        let used = self.probe.next[id as usize].wrapping_sub(self.probe.device.io().ring(id).consumer());
        (1_u32 << self.probe.log2[id as usize]).saturating_sub(used)
    }

    fn inject(&mut self, header: &FrameHeader, at: u32, disposition: Disposition) {
        let slots = frame_slots(header.length.held() as usize);
        if self.room(RingId::Inject) < slots {
            return;
        }
        for slot in 0..slots {
            let mask = (1 << self.probe.log2[RingId::Punt as usize]) - 1;
            let from = (at.wrapping_add(slot) & mask) as usize * FRAME_SLOT_BYTES;
            let to = self.probe.at(RingId::Inject);
            let mut bytes = vec![0; FRAME_SLOT_BYTES - FRAME_HEADER_BYTES];
            self.probe.rings[RingId::Punt as usize].copy_out(from + FRAME_HEADER_BYTES, &mut bytes);
            self.probe.rings[RingId::Inject as usize].copy_in(to + FRAME_HEADER_BYTES, &bytes);
            let mut tail = header.tail;
            tail.set_code(disposition as u8);
            self.probe.put(RingId::Inject, FrameHeader { tail, ..*header });
        }
        if self.numbers.happens(250) {
            self.probe.doorbell(RingId::Inject);
        }
    }

    /// Puts a command into its ring, if there is room.
    pub fn command(&mut self, opcode: u8, mut command: Command) {
        if self.room(RingId::Command) == 0 {
            return;
        }
        command.tail.set_opcode_bits(opcode);
        command.tail.set_complete(self.numbers.happens(300));
        command.sequence = self.numbers.next_bits() as u32;
        self.probe.put(RingId::Command, command);
        if self.numbers.happens(250) {
            self.probe.doorbell(RingId::Command);
        }
    }

    /// A slot that could hold a key.
    fn slot(&mut self, key: &FlowKey) -> u32 {
        let half = self.numbers.below(2) as u32;
        let both = buckets(h3(&key.identity()), self.parameters.slots_log2);
        first_slot(half, both[half as usize], self.parameters.slots_log2) + self.numbers.below(8) as u32
    }

    fn any_action(&mut self, mut key: FlowKey) -> FlowKey {
        let action = if self.numbers.happens(600) { 0 } else { self.numbers.below(4) as u8 };
        key.port.set_action_bits(action);
        key
    }

    fn insert(&mut self, key: FlowKey) {
        let key = self.any_action(key);
        let slot = self.slot(&key);
        let cookie = self.numbers.next_bits() as u32;
        self.command(Opcode::Insert as u8, Command { key, slot, cookie, ..Command::default() });
        if self.remembered.len() < REMEMBERED {
            self.remembered.push((key, slot));
        } else {
            self.remembered[self.numbers.below(REMEMBERED as u64) as usize] = (key, slot);
        }
    }

    /// Something that nobody asked for.
    pub fn mischief(&mut self) {
        match self.numbers.below(12) {
            0..=5 if !self.remembered.is_empty() => {
                let which = self.numbers.below(self.remembered.len() as u64) as usize;
                let (key, slot) = self.remembered[which];
                let opcode = [Opcode::Update, Opcode::Delete, Opcode::ReadSlot][which % 3];
                let (key, cookie) = (self.any_action(key), self.numbers.next_bits() as u32);
                self.command(opcode as u8, Command { key, slot, cookie, ..Command::default() });
            }
            6 => self.random_command(),
            7 => self.set_eni(),
            8 => self.read_activity(),
            9 => self.command(Opcode::Fence as u8, Command::default()),
            10 => self.look(),
            _ => self.serve(),
        }
        if self.numbers.happens(500) {
            self.probe.doorbell(RingId::Command);
        }
    }

    /// Any command at all.
    pub fn random_command(&mut self) {
        let key = FlowKey::from_words(std::array::from_fn(|_| self.numbers.next_bits()));
        let slots = 1 << self.parameters.slots_log2;
        let slot = match self.numbers.below(3) {
            0 => self.numbers.next_bits() as u32,
            1 => self.numbers.below(slots) as u32,
            _ => self.slot(&key),
        };
        let opcode = if self.numbers.happens(800) { self.numbers.below(9) } else { self.numbers.next_bits() } as u8;
        let cookie = self.numbers.next_bits() as u32;
        // What is read could be written anywhere: only where all or nothing is mapped.
        let arg = UNMAPPED + self.numbers.below(2) * 8;
        self.command(opcode, Command { key, slot, cookie, arg, ..Command::default() });
    }

    /// Other limits, or none, for an ENI.
    pub fn set_eni(&mut self) {
        let numbers = &mut self.numbers;
        let mut any = |limit: u64| if numbers.happens(500) { 0 } else { 1 + numbers.below(limit) as u32 };
        let limits = EniLimits {
            packets_per_second: any(2_000_000),
            packet_burst: 1 + any(200),
            kilobits_per_second: any(4_000_000),
            byte_burst: 1 + any(40_000),
            new_flows_per_second: any(100_000),
            new_flow_burst: 1 + any(40),
            slot_quota: any(500),
            punt_credit: any(40),
            reserved: 0,
        };
        let mut flags = EniFlags(0);
        flags.set_enabled(numbers.happens(950));
        flags.set_bits_summed(numbers.happens(300));
        flags.set_instance(numbers.below(4) as u16);
        let mut key = FlowKey::default();
        key.port.set_vport(numbers.below(8) as u16);
        let mut command = Command { key, cookie: flags.0, ..Command::default() };
        command.as_mut_bytes()[..size_of::<EniLimits>()].copy_from_slice(limits.as_bytes());
        self.command(Opcode::SetEni as u8, command);
    }

    /// Which slots were touched.
    pub fn read_activity(&mut self) {
        let units = (1_u64 << self.parameters.slots_log2).div_ceil(512);
        let first = self.numbers.below(units);
        let count = 1 + self.numbers.below(units - first);
        let mut key = FlowKey::default();
        key.port.set_egress(self.numbers.happens(500));
        let arg = self.bitmap.iova().0 + 8 * self.numbers.below(8);
        let (slot, cookie) = (first as u32 * 512, count as u32 * 512);
        self.command(Opcode::ReadActivity as u8, Command { key, slot, cookie, arg, ..Command::default() });
    }

    /// Reads what there is to read: model and RTL must say the same.
    pub fn look(&mut self) {
        let io = self.probe.device.io();
        io.write(|r| &r.snapshot, 1);
        for counter in COUNTERS {
            io.counter(counter);
        }
        for at in (0..0x1a0).step_by(4) {
            io.load(at);
        }
        let eni = self.numbers.below(8) as u32 | (self.numbers.below(2) as u32) << 31;
        self.look_at_ledger(eni);
        let io = self.probe.device.io();
        let slot = self.numbers.next_bits() as u32 & (0x8000_0000 | ((1 << self.parameters.slots_log2) - 1));
        io.store(offset::SLOT_SELECT, slot);
        for at in (0..64).step_by(4) {
            io.load(offset::SLOT_DATA + at);
        }
    }
}
