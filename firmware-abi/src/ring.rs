//! The rules of the five rings.
//!
//! - A ring is `2^n` entries at an IOVA aligned to the ring's own size in bytes or to 4,096,
//!   whichever is smaller.
//! - Producer and consumer are free-running 32-bit indices; their difference is what is in the ring.
//!   The host owns one of the two registers, the NIC the other.
//! - Lap *k* of a ring is written with phase bit `!k & 1`: 1 on the first lap, so that zeroed
//!   memory holds no valid entry. The phase is the top bit of the **last** dword of an entry and is
//!   written last.
//! - A NIC that finds no room waits (records, completions) or counts what it could not deliver (punts).
//! - A host's entry with the wrong phase is refused and counted, never executed.

/// Bytes of a command, and of a record.
pub const DESCRIPTOR_BYTES: usize = 64;
/// Bytes of a completion.
pub const COMPLETION_BYTES: usize = 16;
/// Bytes of one slot of the punt and inject rings.
pub const FRAME_SLOT_BYTES: usize = 2048;
/// Bytes of the header that opens every slot of a punted or injected frame.
pub const FRAME_HEADER_BYTES: usize = 64;
/// Bytes of the frame in one slot, behind the header.
pub const FRAME_SLOT_DATA_BYTES: usize = FRAME_SLOT_BYTES - FRAME_HEADER_BYTES;
/// The longest frame that a punt or an inject carries, bytes.
pub const FRAME_BYTES_MAX: usize = 9_216;
/// Fewest and most entries of a ring, as a power of two.
pub const SIZE_LOG2: core::ops::RangeInclusive<u32> = 4..=24;

/// The phase bit in an entry's last dword.
pub const PHASE_BIT: u32 = 1 << 31;

/// The phase that entry `index` is written with, in a ring of `2^size_log2` entries.
#[must_use]
#[inline]
pub const fn phase(index: u32, size_log2: u32) -> bool {
    (index >> size_log2) & 1 == 0
}

/// The slots that a frame with `bytes` bytes takes in the punt or inject ring.
///
/// Each slot opens with the frame's header, its phase bit set for that slot, and holds up to
/// [`FRAME_SLOT_DATA_BYTES`] of the frame. So no byte of a frame ever lies where a phase bit is
/// looked for: a guest cannot forge a header.
#[must_use]
#[inline]
pub const fn frame_slots(bytes: usize) -> u32 {
    if bytes <= FRAME_SLOT_DATA_BYTES { 1 } else { bytes.div_ceil(FRAME_SLOT_DATA_BYTES) as u32 }
}

/// The part of the punt ring that new punts leave free, slots, in a ring of `2^size_log2`: room for
/// retries that come back (a miss, or a window that has closed).
///
/// A host never has more slots of retries in flight, so a retry always finds room and the two rings
/// cannot wait for each other.
#[must_use]
#[inline]
pub const fn retry_reserve(size_log2: u32) -> u32 {
    1 << (size_log2 - 2)
}

/// The rings, in the order of their register blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum RingId {
    /// Host to NIC: [`crate::descriptor::Command`].
    Command = 0,
    /// NIC to host: [`crate::descriptor::Completion`].
    Completion = 1,
    /// NIC to host: [`crate::descriptor::FlowRecord`], ledgers and window ends.
    Record = 2,
    /// NIC to host: frames for the host to judge.
    Punt = 3,
    /// Host to NIC: judged frames.
    Inject = 4,
}

impl RingId {
    /// All five.
    pub const ALL: [Self; 5] = [Self::Command, Self::Completion, Self::Record, Self::Punt, Self::Inject];

    /// Bytes of one entry.
    #[must_use]
    pub const fn entry_bytes(self) -> usize {
        match self {
            Self::Command | Self::Record => DESCRIPTOR_BYTES,
            Self::Completion => COMPLETION_BYTES,
            Self::Punt | Self::Inject => FRAME_SLOT_BYTES,
        }
    }

    /// Whether the host produces and the NIC consumes.
    #[must_use]
    pub const fn host_produces(self) -> bool {
        matches!(self, Self::Command | Self::Inject)
    }
}
