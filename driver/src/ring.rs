//! One ring, as the host sees it.
//!
//! ```text
//!   the host fills (command, inject)          the NIC fills (completion, record, punt)
//!
//!     nic ···▶ committed ───▶ next              committed ───▶ next ···▶ nic
//!     │        └ doorbell     └ open             └ doorbell     └ open   └ phase bits, or register
//!     └ learnt from completions,                     transaction
//!       else from the register
//! ```
//!
//! - Indices run freely through 32 bits. `next` moves within a transaction; at its commit it goes
//!   to the persistent `committed` with everything else, and only then to the NIC's register. So a
//!   crash before the commit forgets entries written or read since, and one after it repeats the
//!   doorbell, which is the same absolute index.
//! - Entries are believed when their phase bit is the lap's. What they say is not: lengths and
//!   indices are checked here, and a NIC that lies is a [`RingFault`], never a panic.
//! - On a restart `next` starts at `committed`.

use crate::device::Device;
use crate::dma::DmaMemory;
use crate::regio::RegIo;
use firmware_abi::ring::{PHASE_BIT, RingId, phase};
use serde::{Deserialize, Serialize};
use std::rc::Rc;
use zerocopy::{FromBytes, Immutable, IntoBytes};

/// A ring has no room for what was to be put into it. Nothing was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no room in the {ring:?} ring")]
pub struct NoRoom {
    /// The full ring.
    pub ring: RingId,
}

/// The NIC broke a rule of a ring: the ring cannot be read on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RingFault {
    /// The NIC's index is not between the bounds that the host's indices set.
    #[error("{ring:?} ring: the NIC's index is {found}, expected {low} to {high}")]
    Index {
        /// The ring.
        ring: RingId,
        /// What the register says.
        found: u32,
        /// The least that is possible.
        low: u32,
        /// The most that is possible.
        high: u32,
    },
    /// An entry that the NIC's index covers has the phase of the lap before.
    #[error("{ring:?} ring: entry {index} has the wrong phase")]
    Phase {
        /// The ring.
        ring: RingId,
        /// The entry.
        index: u32,
    },
    /// A frame is longer than a frame can be, or than what the NIC says it wrote.
    #[error("{ring:?} ring: entry {index} holds a frame of {found} bytes, at most {most} are possible")]
    FrameLength {
        /// The ring.
        ring: RingId,
        /// The entry.
        index: u32,
        /// Its length, bytes.
        found: usize,
        /// The most that is possible, bytes.
        most: usize,
    },
}

/// The state of a ring, for dumps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RingState {
    /// The ring.
    #[serde(with = "crate::dump::RingName")]
    pub ring: RingId,
    /// Its entries, as a power of two.
    pub size_log2: u32,
    /// The host's index, as committed.
    pub host_index: u32,
    /// The NIC's index, as its register says.
    pub nic_index: u32,
    /// Entries that found no room.
    pub drops: u32,
    /// Most entries that were in it at once.
    pub high_water: u32,
    /// How often the host's index was written to the NIC, since attach.
    pub doorbells: u64,
    /// How often the NIC's index was read from its register, since attach; that of this look is not
    /// among them.
    pub register_reads: u64,
}

pub(crate) struct Ring<D: Device> {
    pub(crate) id: RingId,
    pub(crate) memory: DmaMemory,
    pub(crate) size_log2: u32,
    /// The host's index, with the open transaction.
    pub(crate) next: u32,
    /// The host's index as last committed.
    pub(crate) committed: u32,
    /// The NIC's index as last learnt.
    nic: u32,
    /// The NIC's register was read in this transaction.
    refreshed: bool,
    doorbells: u64,
    register_reads: u64,
    pub(crate) device: Rc<D>,
}

impl<D: Device> Ring<D> {
    /// A ring in `memory`, whose host's index stands at `committed`.
    pub(crate) fn new(device: Rc<D>, id: RingId, memory: DmaMemory, size_log2: u32, committed: u32) -> Self {
        assert!(memory.bytes() == id.entry_bytes() << size_log2, "a ring's memory holds its entries");
        // A ring that the host fills is full until the NIC's index has been learnt.
        let nic = if id.host_produces() { committed.wrapping_sub(1 << size_log2) } else { committed };
        let (next, refreshed, doorbells, register_reads) = (committed, false, 0, 0);
        Self { id, memory, size_log2, next, committed, nic, refreshed, doorbells, register_reads, device }
    }

    #[inline(always)]
    pub(crate) const fn entries(&self) -> u32 {
        1 << self.size_log2
    }

    /// Where entry `index` starts in the memory, if `T` is a whole entry.
    #[inline(always)]
    const fn at_entry<T>(&self, index: u32) -> usize {
        debug_assert!(size_of::<T>() == self.id.entry_bytes(), "a whole entry");
        (index & (self.entries() - 1)) as usize * size_of::<T>()
    }

    /// Whether the entry at `offset`, which is `index`'s and opens with a `T`, bears the phase of its lap.
    #[inline(always)]
    pub(crate) fn has_phase<T>(&self, offset: usize, index: u32) -> bool {
        let last_dword = self.memory.load_acquire(offset + size_of::<T>() - 4);
        (last_dword & PHASE_BIT != 0) == phase(index, self.size_log2)
    }

    /// The next entry, if the NIC has written it. `T` is a whole entry.
    #[inline(always)]
    pub(crate) fn take<T: FromBytes + Copy>(&mut self) -> Option<T> {
        let offset = self.at_entry::<T>(self.next);
        if !self.has_phase::<T>(offset, self.next) {
            return None;
        }
        self.next = self.next.wrapping_add(1);
        Some(self.memory.load(offset))
    }

    /// Appends the entries that the NIC has written, `most` at most, up to and with the first that
    /// `is_last`. `T` is a whole entry.
    #[inline]
    pub(crate) fn take_all<T: FromBytes + Copy>(
        &mut self,
        entries: &mut Vec<T>,
        most: usize,
        is_last: impl Fn(&T) -> bool,
    ) {
        entries.reserve(most.min(self.entries() as usize));
        let mut index = self.next;
        for _ in 0..most {
            let offset = self.at_entry::<T>(index);
            if !self.has_phase::<T>(offset, index) {
                break;
            }
            index = index.wrapping_add(1);
            let entry = self.memory.load(offset);
            entries.push(entry);
            if is_last(&entry) {
                break;
            }
        }
        self.next = index;
    }

    /// Puts an entry behind those of the open transaction; there must be room.
    #[inline(always)]
    pub(crate) fn push<T: IntoBytes + Immutable + Copy>(&mut self, entry: T) {
        debug_assert!(self.room() > 0, "room was checked");
        self.memory.store(self.at_entry::<T>(self.next), entry);
        self.next = self.next.wrapping_add(1);
        self.device.step();
    }

    /// The phase of the entry that is pushed next.
    #[inline(always)]
    pub(crate) const fn next_phase(&self) -> bool {
        phase(self.next, self.size_log2)
    }

    /// Entries that can be pushed, as far as is known.
    #[inline(always)]
    pub(crate) const fn room(&self) -> u32 {
        self.entries() - self.next.wrapping_sub(self.nic)
    }

    /// Whether `entries` more can be pushed; reads the NIC's register once a transaction at most.
    #[inline]
    pub(crate) fn reserve(&mut self, entries: u32) -> Result<bool, RingFault> {
        if self.room() >= entries {
            return Ok(true);
        }
        if self.refreshed {
            return Ok(false);
        }
        self.refreshed = true;
        self.refresh()?;
        Ok(self.room() >= entries)
    }

    /// The NIC's index as last learnt.
    pub(crate) const fn known_nic_index(&self) -> u32 {
        self.nic
    }

    /// Reads the NIC's register.
    #[cold]
    pub(crate) fn refresh(&mut self) -> Result<(), RingFault> {
        self.register_reads += 1;
        self.learn(self.device.io().ring(self.id).nic_index())
    }

    /// Takes `found` for the NIC's index, if it can be.
    pub(crate) fn learn(&mut self, found: u32) -> Result<(), RingFault> {
        let low = self.nic;
        let high = if self.id.host_produces() { self.committed } else { self.committed.wrapping_add(self.entries()) };
        if found.wrapping_sub(low) > high.wrapping_sub(low) {
            return Err(RingFault::Index { ring: self.id, found, low, high });
        }
        self.nic = found;
        Ok(())
    }

    /// Whether the NIC has consumed all that was committed (one register read).
    pub(crate) fn is_idle(&mut self) -> Result<bool, RingFault> {
        self.refresh()?;
        Ok(self.nic == self.committed && self.next == self.committed)
    }

    /// Notes that `next` is committed; returns whether the doorbell is due.
    #[inline]
    pub(crate) fn commit(&mut self) -> bool {
        self.refreshed = false;
        let due = self.next != self.committed;
        self.committed = self.next;
        due
    }

    /// Tells the NIC the committed index.
    #[inline]
    pub(crate) fn doorbell(&mut self) {
        self.doorbells += 1;
        self.device.io().ring(self.id).set_host_index(self.committed);
        self.device.step();
    }

    pub(crate) fn state(&self) -> RingState {
        let registers = self.device.io().ring(self.id);
        RingState {
            ring: self.id,
            size_log2: self.size_log2,
            host_index: self.committed,
            nic_index: registers.nic_index(),
            drops: registers.drops(),
            high_water: registers.high_water(),
            doorbells: self.doorbells,
            register_reads: self.register_reads,
        }
    }
}
