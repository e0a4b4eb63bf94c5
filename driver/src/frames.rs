//! Frames that the NIC hands over for judgement, and their way back.
//!
//! ```text
//!   punt ring    │ header · frame │ frame, continued │ header · frame │ …     slots of 2 KiB
//!                     │ verdict
//!   inject ring  │ header'· frame │ …
//! ```
//!
//! - A frame takes the slots that its length needs, and wraps with the ring. Only its first slot has
//!   a header: the bytes of a continuation can look like one on the next lap. So the phase bit
//!   alone proves nothing here. It says "nothing new" for free; "something new" is confirmed by
//!   reading the NIC's producer register, once for all that is waiting.
//! - Frames stay in the punt ring until the commit that consumes them, and are copied from ring to
//!   ring, so a crash in between finds them where they were.

use crate::device::Device;
use crate::ring::{NoRoom, Ring, RingFault};
use firmware_abi::frame::{Disposition, FrameHeader};
use firmware_abi::ring::{FRAME_BYTES_MAX, FRAME_HEADER_BYTES, FRAME_SLOT_BYTES, RingId, frame_slots};

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

pub(crate) struct FrameRings<D: Device> {
    pub(crate) punt: Ring<D>,
    pub(crate) inject: Ring<D>,
}

/// Where byte `byte` of the frame at `index` lies, and how many follow it before the ring's end.
#[inline]
fn span<D: Device>(ring: &Ring<D>, index: u32, byte: usize) -> (usize, usize) {
    let ring_bytes = FRAME_SLOT_BYTES << ring.size_log2;
    let at = (ring.at(index) + FRAME_HEADER_BYTES + byte) & (ring_bytes - 1);
    (at, ring_bytes - at)
}

impl<D: Device> FrameRings<D> {
    /// Appends the punts that wait, `most` at most.
    pub(crate) fn punts(&mut self, punts: &mut Vec<Punt>, most: usize) -> Result<usize, RingFault> {
        let mut count = 0;
        while count < most {
            if self.punt.known_waiting() == 0 {
                if !self.punt.is_written(self.punt.next, FRAME_HEADER_BYTES) {
                    break;
                }
                self.punt.refresh()?;
                if self.punt.known_waiting() == 0 {
                    break;
                }
            }
            punts.push(self.take_punt()?);
            count += 1;
        }
        Ok(count)
    }

    /// The next punt, which the NIC says is there.
    fn take_punt(&mut self) -> Result<Punt, RingFault> {
        let (ring, index) = (RingId::Punt, self.punt.next);
        if !self.punt.is_written(index, FRAME_HEADER_BYTES) {
            return Err(RingFault::Phase { ring, index });
        }
        let punt = Punt { header: self.punt.entry(index), index };
        let waiting = self.punt.known_waiting();
        let found = punt.held_bytes();
        let most = FRAME_BYTES_MAX.min(waiting as usize * FRAME_SLOT_BYTES - FRAME_HEADER_BYTES);
        if found > most {
            return Err(RingFault::FrameLength { ring, index, found, most });
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
        let (at, before_end) = span(&self.punt, punt.index, from);
        let (head, tail) = to[..bytes].split_at_mut(bytes.min(before_end));
        self.punt.memory.copy_out(at, head);
        self.punt.memory.copy_out(0, tail);
        bytes
    }

    /// Copies the frame to the inject ring.
    pub(crate) fn inject(&mut self, punt: &Punt, disposition: Disposition) -> Result<(), InjectError> {
        self.assert_held(punt);
        let slots = punt.slots();
        if !self.inject.reserve(slots)? {
            return Err(NoRoom { ring: RingId::Inject }.into());
        }
        let index = self.inject.next;
        let mut header = punt.header;
        header.tail.set_code(disposition as u8);
        header.tail.set_phase(self.inject.next_phase());
        let held = punt.held_bytes();
        let mut copied = 0;
        while copied < held {
            let (from, from_bytes) = span(&self.punt, punt.index, copied);
            let (to, to_bytes) = span(&self.inject, index, copied);
            let bytes = (held - copied).min(from_bytes).min(to_bytes);
            self.inject.memory.copy_from(to, &self.punt.memory, from, bytes);
            copied += bytes;
        }
        self.inject.device.step();
        self.inject.memory.store(self.inject.at(index), header);
        self.inject.next = index.wrapping_add(slots);
        self.inject.device.step();
        Ok(())
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
