//! The undo log that makes a transaction all or nothing.
//!
//! ```text
//!   word 0: bytes in use │ old bytes │ footer │ old bytes │ footer │ …
//!                                      └ {place, length} of the bytes before it
//!
//!   save     append old bytes and footer, THEN raise word 0; only now overwrite in place
//!   commit   word 0 := 0: one store, and everything since the last commit is permanent
//!   attach   word 0 > 0: put the old bytes back, newest first, then word 0 := 0
//! ```
//!
//! A process that dies between any two stores leaves either word 0 raised (the transaction is
//! undone) or 0 (it is done). Undoing may itself be cut short: it starts over, and ends the same.
//! Saving a place twice is harmless: the older bytes are put back last.
//!
//! The log has a capacity. [`Journal::room`] lets batches end early; a transaction that overruns it
//! is a bug of ours and panics.

use crate::device::Device;
use crate::dma::{DmaMemory, order_stores};
use std::cell::Cell;
use std::rc::Rc;
use zerocopy::{FromBytes, Immutable, IntoBytes};

/// Bytes before the first entry: word 0, alone in its cache line.
pub(crate) const HEADER_BYTES: usize = 64;
/// Kept free for the ring indices, which change at the commit.
const SET_ASIDE_BYTES: usize = 256;
/// Places are counted in units of this many bytes, so that 32 bits reach 16 GiB.
const PLACE_UNIT: usize = 4;

#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable)]
#[repr(C, align(8))]
struct Footer {
    place: u32,
    bytes: u32,
}

/// The log does not make sense, so what it guards cannot be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JournalError {
    /// More bytes in use than there are.
    #[error("the journal claims {found} bytes in use, it has {capacity}")]
    Length {
        /// Bytes that it claims.
        found: u64,
        /// Bytes that it has.
        capacity: usize,
    },
    /// An entry that cannot have been written.
    #[error("the journal's entry that ends at {at} restores {bytes} bytes at {place}: impossible")]
    Entry {
        /// Where the entry ends.
        at: usize,
        /// Where its bytes belong.
        place: usize,
        /// How many they are.
        bytes: usize,
    },
}

/// The undo log of an [`crate::table::Arena`].
pub(crate) struct Journal<D> {
    log: DmaMemory,
    capacity: usize,
    used: Cell<usize>,
    device: Rc<D>,
}

const fn entry_bytes(value_bytes: usize) -> usize {
    value_bytes.next_multiple_of(8) + size_of::<Footer>()
}

impl<D: Device> Journal<D> {
    /// The journal kept in `log`, after undoing in `arena` what was not committed.
    pub(crate) fn attach(device: Rc<D>, log: DmaMemory, arena: &DmaMemory) -> Result<Self, JournalError> {
        let capacity = log.bytes() - HEADER_BYTES;
        let journal = Self { log, capacity, used: Cell::new(0), device };
        let found: u64 = journal.log.load(0);
        let used = usize::try_from(found).ok().filter(|used| *used <= capacity && used.is_multiple_of(8));
        let used = used.ok_or(JournalError::Length { found, capacity })?;
        // First see that all entries make sense, so that nonsense changes nothing.
        journal.walk(used, arena, |_, _, _| {})?;
        journal.walk(used, arena, |from, place, bytes| {
            arena.copy_from(place, &journal.log, from, bytes);
            journal.device.step();
        })?;
        journal.commit();
        Ok(journal)
    }

    /// Calls `entry(offset in the log, place in the arena, bytes)` for each entry, newest first.
    fn walk(&self, used: usize, arena: &DmaMemory, entry: impl Fn(usize, usize, usize)) -> Result<(), JournalError> {
        let mut end = used;
        while end > 0 {
            let wrong = |place, bytes| JournalError::Entry { at: end, place, bytes };
            let footer_at = end.checked_sub(size_of::<Footer>()).ok_or(wrong(0, 0))?;
            let footer: Footer = self.log.load(HEADER_BYTES + footer_at);
            let (place, bytes) = (footer.place as usize * PLACE_UNIT, footer.bytes as usize);
            let start = end.checked_sub(entry_bytes(bytes)).ok_or(wrong(place, bytes))?;
            if place.checked_add(bytes).is_none_or(|past| past > arena.bytes()) {
                return Err(wrong(place, bytes));
            }
            entry(HEADER_BYTES + start, place, bytes);
            end = start;
        }
        Ok(())
    }

    /// Remembers `old`, the value at `place` of the arena, so that it may be overwritten.
    #[inline(always)]
    pub(crate) fn save<T: IntoBytes + Immutable + Copy>(&self, place: usize, old: T) {
        const { assert!(size_of::<T>().is_multiple_of(PLACE_UNIT)) };
        let used = self.used.get();
        let after = used + entry_bytes(size_of::<T>());
        assert!(after <= self.capacity, "a transaction outgrew the journal");
        let footer = Footer { place: (place / PLACE_UNIT) as u32, bytes: size_of::<T>() as u32 };
        self.log.store_own_pair(HEADER_BYTES + used, old, footer);
        order_stores();
        self.device.step();
        self.log.store_own(0, after as u64);
        order_stores();
        self.used.set(after);
        self.device.step();
    }

    /// Makes everything since the last commit permanent.
    #[inline]
    pub(crate) fn commit(&self) {
        order_stores();
        self.log.store(0, 0_u64);
        order_stores();
        self.used.set(0);
        self.device.step();
    }

    /// How many more changes of values of `value_bytes` bytes the open transaction can take.
    #[inline]
    pub(crate) fn room(&self, value_bytes: usize) -> usize {
        (self.capacity - self.used.get()).saturating_sub(SET_ASIDE_BYTES) / entry_bytes(value_bytes)
    }

    pub(crate) fn device(&self) -> &Rc<D> {
        &self.device
    }
}
