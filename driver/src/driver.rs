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

mod answers;
mod flows;
mod health;

pub use flows::{Offload, Removal};

use crate::attach::{self, AttachError, Attached, Config, Parts};
use crate::commands::Commands;
use crate::device::Device;
use crate::dma::DmaMemory;
use crate::dump::DeviceFaults;
use crate::frames::{FrameRings, InjectError, Punt};
use crate::regio::RegIo;
use crate::ring::{Ring, RingFault};
use crate::slots::Slots;
use crate::table::{Arena, Table};
use crate::verify::ReadBack;
use firmware_abi::descriptor::{FlowRecord, RecordKind};
use firmware_abi::frame::Disposition;
use firmware_abi::registers::{Features, Sizes};
use flows::ACTIVITY_SLOTS;
use std::rc::Rc;

/// The host's side of one NIC. Of one thread: its handles cannot be sent.
pub struct Driver<D: Device> {
    device: Rc<D>,
    arena: Rc<Arena<D>>,
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
            arena: Rc::new(state.arena),
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
    pub const fn arena(&self) -> &Rc<Arena<D>> {
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
    /// Appends the records that wait, `most` at most; returns how many. The end of a window is the
    /// last of its batch, so that the caller can finish that window first.
    ///
    /// They are raw: [`FlowRecord::tail`] has the kind, and a record of an unknown kind is the
    /// caller's to count. Answers to the read-back after a re-attach are kept out.
    #[inline]
    pub fn records(&mut self, records: &mut Vec<FlowRecord>, most: usize) -> usize {
        self.records_until(records, most, |record| record.tail.kind_bits() == RecordKind::WindowEnd as u8)
    }

    /// As [`Self::records`], but only what EXTRACT and READ_SLOT wrote: stops before the next drain.
    /// Commands that wait for room in the ring go on, while a window that has ended is not yet done.
    pub fn extracted_records(&mut self, records: &mut Vec<FlowRecord>, most: usize) -> usize {
        const EXTRACTED: [u8; 2] = [RecordKind::Evicted as u8, RecordKind::Slot as u8];
        let is_of_drain = |record: &FlowRecord| !EXTRACTED.contains(&record.tail.kind_bits());
        let count = self.records_until(records, most, is_of_drain);
        if count == 0 || !records.last().is_some_and(is_of_drain) {
            return count;
        }
        records.pop();
        self.records.next = self.records.next.wrapping_sub(1);
        count - 1
    }

    #[inline]
    fn records_until(
        &mut self,
        records: &mut Vec<FlowRecord>,
        most: usize,
        is_last: impl Fn(&FlowRecord) -> bool,
    ) -> usize {
        let start = records.len();
        let first = self.records.next;
        self.records.take_all(records, most, is_last);
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

    /// Whether a punted frame can be given back now: to be asked before anything is counted for it.
    ///
    /// # Errors
    /// When the NIC broke a rule of the ring.
    #[inline]
    pub fn can_inject(&mut self, punt: &Punt) -> Result<bool, RingFault> {
        let result = self.frames.can_inject(punt);
        self.count(result)
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

    /// The index behind the last frame that was injected and committed.
    #[must_use]
    pub const fn inject_index(&self) -> u32 {
        self.frames.inject.committed
    }

    /// Whether the NIC has taken the frames that were injected before `index`. One register read.
    ///
    /// # Errors
    /// When the NIC broke a rule of the ring.
    pub fn has_taken_injects(&mut self, index: u32) -> Result<bool, RingFault> {
        let result = self.frames.inject.refresh();
        self.count(result)?;
        Ok(self.frames.inject.known_nic_index().wrapping_sub(index) <= u32::MAX / 2)
    }

    /// The index behind the last punt that the NIC has written. One register read.
    ///
    /// # Errors
    /// When the NIC broke a rule of the ring.
    pub fn punt_producer(&mut self) -> Result<u32, RingFault> {
        let result = self.frames.punt.refresh();
        self.count(result)?;
        Ok(self.frames.punt.known_nic_index())
    }
}
