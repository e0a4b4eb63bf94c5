//! A flow's tally in a window: the smallest that says it all, since there are millions.

use firmware_abi::time::TICK_NS;
use zerocopy::{FromBytes, Immutable, IntoBytes};

/// What a flow counted in a window. Times are ticks of 50 µs since 1970, modulo 2^32.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct Tally {
    /// Packets in the low 48 bits, OR of TCP flags in the bits above 55; 0 is an empty tally.
    pub(crate) packets_flags: u64,
    pub(crate) bytes: u64,
    pub(crate) first: u32,
    pub(crate) last: u32,
}

const PACKETS_MASK: u64 = (1 << 48) - 1;

/// The wrapping tick of a time.
pub(crate) fn tick_of(time_ns: u64) -> u32 {
    (time_ns / TICK_NS) as u32
}

/// The time of a wrapping tick that is near `near_ns`.
#[inline]
pub(crate) fn time_of(tick: u32, near_ns: u64) -> u64 {
    let near = near_ns / TICK_NS;
    let distance = i64::from(tick.wrapping_sub(near as u32) as i32);
    // A number of ticks is far from the end of its 64 bits.
    (near as i64 + distance).max(0) as u64 * TICK_NS
}

impl Tally {
    /// Packets.
    #[must_use]
    pub const fn packets(&self) -> u64 {
        self.packets_flags & PACKETS_MASK
    }

    /// Layer-3 bytes.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.packets_flags == 0
    }

    pub(crate) fn add(&mut self, packets: u64, bytes: u64, flags: u8, first: u32, last: u32) {
        if self.is_empty() {
            (self.first, self.last) = (first, last);
        }
        self.packets_flags = (self.packets_flags + packets) | u64::from(flags) << 56;
        self.bytes += bytes;
        if (first.wrapping_sub(self.first) as i32) < 0 {
            self.first = first;
        }
        if (last.wrapping_sub(self.last) as i32) > 0 {
            self.last = last;
        }
    }
}
