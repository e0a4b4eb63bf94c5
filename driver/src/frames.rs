//! Frames that the NIC hands over for judgement, and their way back.
//!
//! ```text
//!   punt ring    │ header · frame │ frame, continued │ header · frame │ …     slots of 2 KiB
//!                     │ verdict
//!   inject ring  │ header'· frame │ …
//! ```
//!
//! - A frame takes the slots that its length needs, and wraps with the ring. Every slot opens with
//!   the frame's header, so that no byte of a frame lies where a phase bit is looked for. The NIC
//!   publishes the first slot last: if that is there, all are.
//! - Frames stay in the punt ring until the commit that consumes them, and are copied from ring to
//!   ring, so a crash in between finds them where they were.

use crate::device::Device;
use crate::ring::{NoRoom, Ring, RingFault};
use firmware_abi::frame::{Disposition, FrameHeader, FrameTail};
use firmware_abi::ring::{
    FRAME_BYTES_MAX, FRAME_HEADER_BYTES, FRAME_SLOT_BYTES, FRAME_SLOT_DATA_BYTES, RingId, frame_slots,
};

/// A punted frame: a checked copy of its header, and where the frame lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Punt {
    /// The header; `length.held` is the truth about the bytes in the ring.
    pub header: FrameHeader,
    /// Its index in the punt ring, free-running: its sequence number.
    pub index: u32,
}

impl Punt {
    /// Slots of the ring that it takes.
    #[must_use]
    #[inline]
    pub fn slots(&self) -> u32 {
        frame_slots(self.held_bytes())
    }

    /// Bytes of the frame that are in the ring.
    #[must_use]
    #[inline]
    pub fn held_bytes(&self) -> usize {
        self.header.length.held() as usize
    }
}

/// What frames are copied by, bytes; a slot holds a whole number of lines behind its header.
const LINE_BYTES: usize = 64;
const _: () = assert!(FRAME_SLOT_DATA_BYTES.is_multiple_of(LINE_BYTES));

impl<D: Device> Ring<D> {
    /// Where slot `index` of frames starts in the memory.
    #[inline(always)]
    const fn at_frame(&self, index: u32) -> usize {
        debug_assert!(self.id.entry_bytes() == FRAME_SLOT_BYTES, "a ring of frames");
        (index & (self.entries() - 1)) as usize * FRAME_SLOT_BYTES
    }

    /// Whether slot `index` of frames bears the phase of its lap.
    #[inline(always)]
    fn has_frame(&self, index: u32) -> bool {
        self.has_phase::<FrameHeader>(self.at_frame(index), index)
    }
}

pub(crate) struct FrameRings<D: Device> {
    pub(crate) punt: Ring<D>,
    pub(crate) inject: Ring<D>,
}

impl<D: Device> FrameRings<D> {
    /// Appends the punts that wait, `most` at most.
    pub(crate) fn punts(&mut self, punts: &mut Vec<Punt>, most: usize) -> Result<usize, RingFault> {
        let mut count = 0;
        while count < most && self.punt.has_frame(self.punt.next) {
            punts.push(self.take_punt()?);
            count += 1;
        }
        Ok(count)
    }

    /// The next punt, which is there.
    fn take_punt(&mut self) -> Result<Punt, RingFault> {
        let (ring, index) = (RingId::Punt, self.punt.next);
        let punt = Punt { header: self.punt.memory.load(self.punt.at_frame(index)), index };
        let (found, most) = (punt.held_bytes(), FRAME_BYTES_MAX);
        if found > most || punt.slots() > self.punt.entries() {
            return Err(RingFault::FrameLength { ring, index, found, most });
        }
        for slot in 1..punt.slots() {
            let index = index.wrapping_add(slot);
            if !self.punt.has_frame(index) {
                return Err(RingFault::Phase { ring, index });
            }
        }
        self.punt.next = index.wrapping_add(punt.slots());
        Ok(punt)
    }

    /// Takes back `punt` and all after it, so that they are found again.
    pub(crate) fn put_back(&mut self, punt: &Punt) {
        self.assert_held(punt);
        self.punt.next = punt.index;
    }

    fn assert_held(&self, punt: &Punt) {
        let behind = punt.index.wrapping_sub(self.punt.committed);
        assert!(behind < self.punt.next.wrapping_sub(self.punt.committed), "a punt is used before its commit");
    }

    /// Fills `to` with the frame's bytes from `from` on; returns how many there were.
    pub(crate) fn copy_frame(&self, punt: &Punt, from: usize, to: &mut [u8]) -> usize {
        self.assert_held(punt);
        let bytes = to.len().min(punt.held_bytes().saturating_sub(from));
        let mut copied = 0;
        while copied < bytes {
            let (slot, within) = ((from + copied) / FRAME_SLOT_DATA_BYTES, (from + copied) % FRAME_SLOT_DATA_BYTES);
            let part = (bytes - copied).min(FRAME_SLOT_DATA_BYTES - within);
            let at = self.punt.at_frame(punt.index.wrapping_add(slot as u32)) + FRAME_HEADER_BYTES + within;
            self.punt.memory.copy_out(at, &mut to[copied..copied + part]);
            copied += part;
        }
        bytes
    }

    /// Whether the frame can be injected now; reads the NIC's register once a transaction at most.
    #[inline]
    pub(crate) fn can_inject(&mut self, punt: &Punt) -> Result<bool, RingFault> {
        self.inject.reserve(punt.slots())
    }

    /// Copies the frame to the inject ring.
    #[inline]
    pub(crate) fn inject(&mut self, punt: &Punt, disposition: Disposition) -> Result<(), InjectError> {
        self.assert_held(punt);
        if !self.inject.reserve(punt.slots())? {
            return Err(NoRoom { ring: RingId::Inject }.into());
        }
        let mut tail = punt.header.tail;
        tail.set_code(disposition as u8);
        if punt.held_bytes() <= FRAME_SLOT_DATA_BYTES {
            self.inject_slot(punt, 0, punt.held_bytes(), tail);
        } else {
            self.inject_long(punt, tail);
        }
        Ok(())
    }

    #[cold]
    fn inject_long(&mut self, punt: &Punt, tail: FrameTail) {
        let mut left = punt.held_bytes();
        for slot in 0..punt.slots() {
            let bytes = left.min(FRAME_SLOT_DATA_BYTES);
            self.inject_slot(punt, slot, bytes, tail);
            left -= bytes;
        }
    }

    /// Copies `bytes` bytes of slot `slot` of a punt: by whole lines, since what follows a frame in its
    /// slot means nothing.
    #[inline(always)]
    fn inject_slot(&mut self, punt: &Punt, slot: u32, bytes: usize, mut tail: FrameTail) {
        let from = self.punt.at_frame(punt.index.wrapping_add(slot)) + FRAME_HEADER_BYTES;
        let to = self.inject.at_frame(self.inject.next);
        let frame = to + FRAME_HEADER_BYTES;
        self.inject.memory.copy_lines_from(frame, &self.punt.memory, from, bytes.div_ceil(LINE_BYTES));
        tail.set_phase(self.inject.next_phase());
        self.inject.memory.store(to, FrameHeader { tail, ..punt.header });
        self.inject.next = self.inject.next.wrapping_add(1);
        self.inject.device.step();
    }
}

/// Why a frame could not be injected. Nothing was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InjectError {
    /// The inject ring is full: commit, and try again later.
    #[error(transparent)]
    NoRoom(#[from] NoRoom),
    /// The NIC broke a rule of the inject ring.
    #[error(transparent)]
    Fault(#[from] RingFault),
}
