//! The driver as the meter uses it.
//!
//! ```text
//!   loop {
//!       records, completions, punts      read from the rings
//!       insert / update / remove         shadow and command together
//!       inject                           frame by frame
//!       commit                           one store makes it all true, then the doorbells
//!   }
//! ```
//!
//! Doorbells are rung at a commit only, at most one a ring. Nothing here waits: what has no room is
//! an outcome, and the caller commits and comes back.

use crate::attach::{self, AttachError, Attached, Config, Parts};
use crate::commands::{Answer, CommandEvent, Commands, Fence};
use crate::device::{Device, DeviceError};
use crate::dma::DmaMemory;
use crate::dump::{self, DeviceFaults, Dump, SlotValue};
use crate::frames::{FrameRings, InjectError, Punt};
use crate::offload::Fill;
use crate::regio::RegIo;
use crate::ring::{NoRoom, Ring, RingFault, RingState};
use crate::slots::{Cookie, MOVES_MAX, Placement, Slot, SlotCounters, Slots, VPORTS};
use crate::table::{Arena, Table};
use crate::verify::{Expectation, ReadBack, Verification, VerifyError};
use crate::window::{self, CounterValue, LedgerImage, WindowState};
use firmware_abi::descriptor::{FlowRecord, Opcode, RecordKind, Status};
use firmware_abi::frame::Disposition;
use firmware_abi::key::{Direction, FlowKey};
use firmware_abi::limits::{EniFlags, EniLimits};
use firmware_abi::registers::{Errors, Features, RingFaults, Sizes, WindowClose};
use firmware_abi::ring::RingId;
use std::os::fd::OwnedFd;
use std::rc::Rc;

/// Shadow changes that an insert with all its moves makes.
const INSERT_CHANGES: usize = 1 + 2 * MOVES_MAX;
/// Commands that it takes.
const INSERT_COMMANDS: u32 = 1 + 2 * MOVES_MAX as u32;
/// Slots are asked about in multiples of this many.
const ACTIVITY_SLOTS: u32 = 512;

/// What became of a wish to insert a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offload {
    /// The flow has a slot; residents were moved as the placement says.
    Placed(Placement),
    /// No place within two moves.
    Full,
    /// The ENI has all the slots that it may have.
    OverQuota,
    /// The command ring is full, or the transaction: commit, and try again later.
    NoRoom,
}

/// What became of a wish to remove a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Removal {
    /// The NIC is told; [`CommandEvent::Removed`] will come, after the record of what was counted.
    Asked(Cookie),
    /// The slot holds no flow that could be removed.
    NotThere,
    /// The command ring is full, or the transaction: commit, and try again later.
    NoRoom,
}

/// The host's side of one NIC. Of one thread: its handles cannot be sent.
pub struct Driver<D: Device> {
    device: Rc<D>,
    arena: Arena<D>,
    indices: Table<u32, D>,
    slots: Slots<D>,
    commands: Commands<D>,
    records: Ring<D>,
    frames: FrameRings<D>,
    activity: [DmaMemory; 2],
    read_back: Option<ReadBack>,
    sizes: Sizes,
    faults: DeviceFaults,
}

impl<D: Device> Driver<D> {
    /// The driver of `device`, and how the NIC was found.
    ///
    /// # Errors
    /// When the NIC is not one, speaks another version, refuses its rings, or the state that an
    /// earlier process left is of another kind.
    pub fn attach(device: Rc<D>, config: &Config) -> Result<(Self, Attached), AttachError> {
        let (parts, attached) = attach::attach(&device, config)?;
        let Parts { state, rings, sizes } = parts;
        let [command, completion, records, punt, inject] = rings;
        let slots_log2 = state.slots.slots_log2();
        let bitmap_bytes = (1_usize << slots_log2).max(ACTIVITY_SLOTS as usize) / 8;
        let activity = [device.dma("activity-ingress", bitmap_bytes)?, device.dma("activity-egress", bitmap_bytes)?];
        let read_back = (attached == Attached::Resumed).then(|| ReadBack::new(2 << slots_log2, config.polls_max));
        let driver = Self {
            device,
            arena: state.arena,
            indices: state.indices,
            slots: state.slots,
            commands: Commands::new(command, completion),
            records,
            frames: FrameRings { punt, inject },
            activity,
            read_back,
            sizes,
            faults: DeviceFaults::default(),
        };
        Ok((driver, attached))
    }

    /// The state that outlives the process, for the caller's own tables.
    #[must_use]
    pub const fn arena(&self) -> &Arena<D> {
        &self.arena
    }

    /// The device.
    #[must_use]
    pub const fn device(&self) -> &Rc<D> {
        &self.device
    }

    /// What the NIC holds.
    #[must_use]
    pub const fn sizes(&self) -> Sizes {
        self.sizes
    }

    /// What the NIC can do.
    #[must_use]
    pub fn features(&self) -> Features {
        Features(self.device.io().read(|r| &r.features))
    }

    /// Ends the transaction: all that was read, changed and written since the last commit becomes
    /// permanent together, then the NIC is told.
    pub fn commit(&mut self) {
        let rings = [
            &mut self.commands.ring,
            &mut self.frames.inject,
            &mut self.records,
            &mut self.commands.completions,
            &mut self.frames.punt,
        ];
        for ring in &rings {
            if ring.next != ring.committed {
                self.indices.replace(ring.id as usize, ring.committed, ring.next);
            }
        }
        self.arena.commit();
        // Commands go first: a frame that is injected to be looked up again finds its slot.
        for ring in rings {
            if ring.commit() {
                ring.doorbell();
            }
        }
    }

    fn count<T>(&mut self, result: Result<T, RingFault>) -> Result<T, RingFault> {
        self.faults.rings += u64::from(result.is_err());
        result
    }
}

/// Records.
impl<D: Device> Driver<D> {
    /// Appends the records that wait, `most` at most; returns how many.
    ///
    /// They are raw: [`FlowRecord::tail`] has the kind, and a record of an unknown kind is the
    /// caller's to count. Answers to the read-back after a re-attach are kept out.
    #[inline]
    pub fn records(&mut self, records: &mut Vec<FlowRecord>, most: usize) -> usize {
        let start = records.len();
        let first = self.records.next;
        records.reserve(most.min(self.records.entries() as usize));
        while records.len() - start < most {
            let Some(record) = self.records.take() else { break };
            records.push(record);
        }
        if let Some(read_back) = &mut self.read_back {
            for (index, record) in (0..).zip(&records[start..]) {
                if record.tail.kind_bits() == RecordKind::Slot as u8 {
                    read_back.record(first.wrapping_add(index), record);
                }
            }
            let mut index = 0;
            records.retain(|record| {
                index += 1;
                index <= start || record.tail.kind_bits() != RecordKind::Slot as u8
            });
        }
        records.len() - start
    }

    /// The index of the next record: the sequence number of a record is its index.
    #[must_use]
    pub const fn record_index(&self) -> u32 {
        self.records.next
    }
}

/// Frames.
impl<D: Device> Driver<D> {
    /// Appends the punts that wait, `most` at most; returns how many. The frames stay in the ring
    /// until the commit.
    ///
    /// # Errors
    /// When the NIC broke a rule of the ring, which then cannot be read on. Punts before the bad one
    /// were appended.
    pub fn punts(&mut self, punts: &mut Vec<Punt>, most: usize) -> Result<usize, RingFault> {
        let result = self.frames.punts(punts, most);
        self.count(result)
    }

    /// Takes back `punt` and all that came after it: they will be found again.
    ///
    /// # Panics
    /// When it was not read in this transaction.
    pub fn put_back(&mut self, punt: &Punt) {
        self.frames.put_back(punt);
    }

    /// The index of the next punt. All punts before it have been taken.
    #[must_use]
    pub const fn punt_index(&self) -> u32 {
        self.frames.punt.next
    }

    /// Fills `to` with the bytes of a punted frame from byte `from` on; returns how many there were.
    ///
    /// # Panics
    /// When the punt was not read in this transaction.
    pub fn copy_frame(&self, punt: &Punt, from: usize, to: &mut [u8]) -> usize {
        self.frames.copy_frame(punt, from, to)
    }

    /// Gives a punted frame back to the NIC.
    ///
    /// # Errors
    /// When the inject ring is full: the punt is then to be put back before the commit, and comes
    /// again. Or when the NIC broke a rule of the ring.
    ///
    /// # Panics
    /// When the punt was not read in this transaction.
    pub fn inject(&mut self, punt: &Punt, disposition: Disposition) -> Result<(), InjectError> {
        let result = self.frames.inject(punt, disposition);
        self.faults.rings += u64::from(matches!(result, Err(InjectError::Fault(_))));
        result
    }

    /// Whether the NIC has taken all frames that were injected: what it punts again because of them
    /// is then in the punt ring. One register read.
    ///
    /// # Errors
    /// When the NIC broke a rule of the ring.
    pub fn inject_is_idle(&mut self) -> Result<bool, RingFault> {
        let result = self.frames.inject.is_idle();
        self.count(result)
    }

    /// Whether all punts that the NIC has written are taken and committed. One register read.
    ///
    /// # Errors
    /// When the NIC broke a rule of the ring.
    pub fn punt_is_idle(&mut self) -> Result<bool, RingFault> {
        let result = self.frames.punt.is_idle();
        self.count(result)
    }
}

/// Flows.
impl<D: Device> Driver<D> {
    /// Asks the cache for what an insert will look at.
    #[inline(always)]
    pub fn prefetch_buckets(&self, direction: Direction, buckets: [u32; 2]) {
        self.slots.prefetch(direction, buckets);
    }

    /// Gives the flow `key` (with its action) a slot. `key_of` gives key and action of any flow that
    /// has a slot, in case it has to move; after a move its slot is another.
    ///
    /// # Errors
    /// When the NIC broke a rule of the command ring.
    #[inline]
    pub fn insert(
        &mut self,
        key: FlowKey,
        cookie: Cookie,
        buckets: [u32; 2],
        key_of: impl Fn(Cookie) -> Option<FlowKey>,
    ) -> Result<Offload, RingFault> {
        let (direction, vport) = (key.port.direction(), key.port.vport());
        if !self.slots.is_within_quota(direction, vport) {
            return Ok(Offload::OverQuota);
        }
        if !self.has_room(INSERT_COMMANDS, INSERT_CHANGES)? {
            return Ok(Offload::NoRoom);
        }
        let Some(placement) = self.slots.plan(direction, buckets) else { return Ok(Offload::Full) };
        if !placement.moves.is_empty() && !self.make_moves(direction, &placement, key_of) {
            return Ok(Offload::Full);
        }
        self.slots.occupy(direction, placement.slot, cookie, buckets, vport);
        self.commands.insert(placement.slot, key, cookie);
        Ok(Offload::Placed(placement))
    }

    /// Makes the moves, if the keys of all who move are known.
    #[cold]
    fn make_moves(&mut self, direction: Direction, placement: &Placement, key_of: impl Fn(Cookie) -> Option<FlowKey>) -> bool {
        if placement.moves.iter().any(|step| key_of(step.cookie).is_none()) {
            return false;
        }
        for step in placement.moves.iter() {
            let Some(key) = key_of(step.cookie) else { return false };
            self.slots.shift(direction, step);
            self.commands.insert(step.to, key, step.cookie);
            self.commands.delete(step.from, key, step.cookie);
        }
        true
    }

    #[inline]
    fn has_room(&mut self, commands: u32, changes: usize) -> Result<bool, RingFault> {
        if self.arena.room::<u64>() < changes {
            return Ok(false);
        }
        let result = self.commands.ring.reserve(commands);
        self.count(result)
    }

    /// Gives the flow in `slot` the action in `key` and the number `cookie`; what it had counted comes
    /// as a record with the old ones.
    ///
    /// # Errors
    /// [`NoRoom`] when the command ring or the transaction is full: commit, and try again later.
    pub fn update(&mut self, slot: Slot, key: FlowKey, cookie: Cookie) -> Result<(), NoRoom> {
        self.reserve_commands(1)?;
        self.slots.rename(key.port.direction(), slot, cookie);
        self.commands.update(slot, key, cookie);
        Ok(())
    }

    /// Removes the flow `key` from `slot`; what it had counted comes as a record.
    ///
    /// # Errors
    /// When the NIC broke a rule of the command ring.
    pub fn remove(&mut self, slot: Slot, key: FlowKey) -> Result<Removal, RingFault> {
        if !self.has_room(1, 1)? {
            return Ok(Removal::NoRoom);
        }
        let Some(cookie) = self.slots.leave(key.port.direction(), slot) else { return Ok(Removal::NotThere) };
        self.commands.delete(slot, key, cookie);
        Ok(Removal::Asked(cookie))
    }

    /// Configures an ENI, and the slot quota that placement keeps to. The NIC is told one slot more:
    /// a flow that moves holds two for a moment.
    ///
    /// # Errors
    /// [`NoRoom`] when the command ring is full: commit, and try again later.
    pub fn set_eni(&mut self, vport: u16, mut limits: EniLimits, flags: EniFlags) -> Result<(), NoRoom> {
        self.reserve_commands(1)?;
        self.set_quota(vport, limits.slot_quota);
        if limits.slot_quota != 0 {
            limits.slot_quota = limits.slot_quota.saturating_add(1);
        }
        self.commands.set_eni(vport, limits, flags);
        Ok(())
    }

    /// Sets the quota that placement keeps to, after a re-attach; 0 means none.
    pub fn set_quota(&mut self, vport: u16, slot_quota: u32) {
        self.slots.set_quota(vport, if slot_quota == 0 { u32::MAX } else { slot_quota });
    }

    /// Asks for the activity bits of a table: [`CommandEvent::ActivityRead`] will come.
    ///
    /// # Errors
    /// [`NoRoom`] when the command ring is full: commit, and try again later.
    pub fn request_activity(&mut self, direction: Direction) -> Result<(), NoRoom> {
        self.reserve_commands(1)?;
        let slots = (1 << self.slots.slots_log2()).max(ACTIVITY_SLOTS);
        self.commands.read_activity(direction, slots, self.activity[direction.index()].iova().0);
        Ok(())
    }

    /// The activity bits that were read last: bit *b* of word *w* is slot 64·*w* + *b*.
    pub fn activity(&self, direction: Direction) -> impl Iterator<Item = u64> + '_ {
        let bitmap = &self.activity[direction.index()];
        (0..bitmap.bytes()).step_by(8).map(|offset| bitmap.load(offset))
    }

    /// Asks to be told when all commands so far have taken effect: [`CommandEvent::Fenced`].
    ///
    /// # Errors
    /// [`NoRoom`] when the command ring is full: commit, and try again later.
    pub fn fence(&mut self) -> Result<Fence, NoRoom> {
        self.reserve_commands(1)?;
        Ok(self.commands.fence())
    }

    fn reserve_commands(&mut self, commands: u32) -> Result<(), NoRoom> {
        match self.has_room(commands, INSERT_CHANGES) {
            Ok(true) => Ok(()),
            Ok(false) | Err(_) => Err(NoRoom { ring: RingId::Command }),
        }
    }

    /// How full a table is.
    #[must_use]
    #[inline]
    pub fn fill(&self, direction: Direction) -> Fill {
        let counters = self.slots.counters(direction);
        Fill { occupied: counters.occupied + counters.leaving, slots: 1 << self.slots.slots_log2() }
    }

    /// The counters of a table.
    #[must_use]
    pub fn slot_counters(&self, direction: Direction) -> SlotCounters {
        self.slots.counters(direction)
    }

    /// Slots that the flows of a virtual port hold, in both directions.
    #[must_use]
    pub fn slots_used_by(&self, vport: u16) -> u32 {
        self.slots.used_by(vport)
    }
}

/// Answers.
impl<D: Device> Driver<D> {
    /// Takes in the completions that wait, `most` at most, and tells `event` what they mean; returns
    /// how many there were.
    pub fn completions(&mut self, most: usize, mut event: impl FnMut(CommandEvent)) -> usize {
        let mut count = 0;
        while count < most && self.arena.room::<u64>() > 0 {
            let Some(completion) = self.commands.completion() else { break };
            count += 1;
            match Answer::of(completion).filter(|answer| self.is_possible(answer)) {
                Some(answer) => {
                    self.commands.learn(&answer);
                    self.take_in(&answer, &mut event);
                }
                None => self.faults.completions += 1,
            }
        }
        count
    }

    /// Whether the answer is about a slot or port that there is.
    fn is_possible(&self, answer: &Answer) -> bool {
        let limit_log2 = if answer.opcode == Opcode::SetEni { VPORTS.ilog2() } else { self.slots.slots_log2() };
        answer.slot.0 >> limit_log2 == 0
    }

    fn take_in(&mut self, answer: &Answer, event: &mut impl FnMut(CommandEvent)) {
        let Answer { opcode, status, direction, slot, cookie, .. } = *answer;
        if opcode == Opcode::ReadSlot {
            if let Some(read_back) = &mut self.read_back {
                read_back.completed(answer);
            }
            return;
        }
        if status != Status::Ok {
            match (opcode, status) {
                (Opcode::Insert, _) => self.slots.refused(direction, slot, Cookie(cookie)),
                (Opcode::Delete, Status::SlotEmpty) => self.slots.left(direction, slot, Cookie(cookie)),
                _ => {}
            }
            return event(CommandEvent::Failed { opcode, status, direction, slot, cookie: Cookie(cookie) });
        }
        match opcode {
            Opcode::Delete => {
                self.slots.left(direction, slot, Cookie(cookie));
                event(CommandEvent::Removed { direction, slot, cookie: Cookie(cookie) });
            }
            Opcode::ReadActivity => event(CommandEvent::ActivityRead { direction }),
            Opcode::SetEni => event(CommandEvent::EniSet { vport: slot.0 as u16 }),
            Opcode::Fence => self.fenced(Fence(cookie), event),
            Opcode::Nop | Opcode::Insert | Opcode::Update | Opcode::ReadSlot => {}
        }
    }

    fn fenced(&mut self, fence: Fence, event: &mut impl FnMut(CommandEvent)) {
        match &mut self.read_back {
            Some(read_back) if read_back.is_waiting_for(fence) => {
                read_back.fenced(self.device.io().ring(RingId::Record).producer());
            }
            _ => event(CommandEvent::Fenced(fence)),
        }
    }

    /// Goes on reading the table back after a re-attach: to be called once a poll, before the
    /// commit, until it is done.
    ///
    /// # Errors
    /// When the NIC's table is not what the host put there, or it does not answer.
    pub fn verify(&mut self) -> Result<Verification, VerifyError> {
        let Some(mut read_back) = self.read_back.take() else { return Ok(Verification::Done) };
        if read_back.needs_fence() {
            if let Ok(fence) = self.fence() {
                read_back.fencing(fence);
            }
        }
        while let Some((direction, slot)) = read_back.next_question() {
            let shadow = self.slots.shadow(direction, slot);
            if shadow.is_leaving() {
                read_back.asked(None);
            } else if self.reserve_commands(1).is_ok() {
                self.commands.read_slot(direction, slot);
                read_back.asked(Some(Expectation { direction, slot, cookie: shadow.cookie() }));
            } else {
                break;
            }
        }
        let progress = read_back.poll();
        if progress != Ok(Verification::Done) {
            self.read_back = Some(read_back);
        }
        progress
    }
}

/// Windows, counters, health.
impl<D: Device> Driver<D> {
    /// Number, start and time of the open window.
    #[must_use]
    pub fn window(&self) -> WindowState {
        WindowState::read(self.device.io())
    }

    /// Sets the length of the windows after the open one, 1 to 600 s.
    pub fn set_window_seconds(&self, seconds: u32) {
        self.device.io().write(|r| &r.window_seconds, seconds);
    }

    /// Ends the open window now.
    pub fn close_window_now(&self) {
        let mut close = WindowClose::default();
        close.set_close(true);
        self.device.io().write(|r| &r.window_close, close.0);
    }

    /// All counters of the hardware, at one instant.
    #[must_use]
    pub fn counters(&self) -> Vec<CounterValue> {
        window::counters(self.device.io())
    }

    /// The open ledger of an ENI and direction.
    #[must_use]
    pub fn ledger(&self, vport: u16, direction: Direction) -> LedgerImage {
        LedgerImage::read(self.device.io(), vport, direction)
    }

    /// What the NIC itself shows of a slot: its flow with the open window's counts, if it holds one.
    #[must_use]
    pub fn slot(&self, direction: Direction, slot: Slot) -> Option<FlowRecord> {
        window::slot(self.device.io(), direction, slot.0)
    }

    /// What went wrong, as the hardware has it, and the rings that it has stopped.
    #[must_use]
    pub fn errors(&self) -> (Errors, RingFaults) {
        let io = self.device.io();
        (Errors(io.read(|r| &r.errors)), RingFaults(io.read(|r| &r.ring_faults)))
    }

    /// What the NIC did that it must not do, since attach.
    #[must_use]
    pub const fn faults(&self) -> DeviceFaults {
        self.faults
    }

    /// An eventfd that becomes readable when the ring `id` has something new.
    ///
    /// # Errors
    /// When the device has no such vector.
    pub fn vector(&self, id: RingId) -> Result<OwnedFd, DeviceError> {
        self.device.vector(attach::vector_of(id, self.sizes).into())
    }

    /// The rings.
    #[must_use]
    pub fn rings(&self) -> [RingState; 5] {
        let commands = &self.commands;
        [&commands.ring, &commands.completions, &self.records, &self.frames.punt, &self.frames.inject].map(Ring::state)
    }

    /// A picture of everything.
    #[must_use]
    pub fn dump(&self) -> Dump {
        let slots = 0..1_u32 << self.slots.slots_log2();
        let slots = Direction::ALL.into_iter().flat_map(|direction| slots.clone().map(move |slot| (direction, Slot(slot))));
        let slots = slots.filter_map(|(direction, slot)| {
            let shadow = self.slots.shadow(direction, slot);
            let (vport, is_leaving) = (shadow.vport(), shadow.is_leaving());
            shadow.cookie().map(|cookie| SlotValue { direction, slot, cookie, vport, is_leaving })
        });
        Dump {
            registers: dump::registers(self.device.io()),
            rings: self.rings().to_vec(),
            tables: Direction::ALL.map(|direction| self.slots.counters(direction)),
            slots: slots.collect(),
            faults: self.faults,
        }
    }
}
