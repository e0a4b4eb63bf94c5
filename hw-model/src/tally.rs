//! The tally of one engine: two banks of counters, a slot's number for an address.
//!
//! The open bank counts, the closed one drains. Which bank a packet belongs to was stamped by the
//! parser. In the RTL the memory is a read-modify-write pipeline with forwarding (`weir_rmw`); here
//! it is an addition. Two bitmaps a bank and an engine say what was touched: one for the drain, so
//! that empty slots cost the model nothing, one for READ_ACTIVITY.

use crate::memory::Memory;
use crate::prefetch::prefetch;
use zerocopy::little_endian::{U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// What a slot counted in one window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counter {
    /// Packets, 40 bits.
    pub packets: u64,
    /// Layer-3 bytes, 48 bits.
    pub bytes: u64,
    /// Tick of the first packet.
    pub first_tick: u32,
    /// Tick of the last packet.
    pub last_tick: u32,
    /// OR of the TCP flags.
    pub tcp_flags: u8,
}

const BYTES_MASK: u64 = (1 << 48) - 1;
const PACKETS_MASK: u64 = (1 << 40) - 1;

/// A counter in memory, half a cache line. It counts further than the hardware's bits, which are
/// what is read of it; no window is long enough for the packets to pass theirs.
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct Cell {
    packets: U64,
    bytes: U64,
    first_tick: U32,
    last_tick: U32,
    tcp_flags: u8,
    reserved: [u8; 7],
}

const _: () = assert!(size_of::<Cell>() == 32);

impl Cell {
    fn counter(&self) -> Counter {
        Counter {
            packets: self.packets.get() & PACKETS_MASK,
            bytes: self.bytes.get() & BYTES_MASK,
            first_tick: self.first_tick.get(),
            last_tick: self.last_tick.get(),
            tcp_flags: self.tcp_flags,
        }
    }
}

/// The counters of one engine.
#[derive(Debug)]
pub struct Tally {
    banks: [Memory<Cell>; 2],
    touched: [Vec<u64>; 2],
    activity: Vec<u64>,
}

impl Tally {
    /// Zeroed banks of `2^slots_log2` counters.
    #[must_use]
    pub fn new(slots_log2: u32) -> Self {
        let slots = 1usize << slots_log2;
        let bank = || Memory::zeroed(slots);
        let bitmap = || vec![0; slots / 64];
        Self { banks: [bank(), bank()], touched: [bitmap(), bitmap()], activity: bitmap() }
    }

    /// Asks for a slot's counter.
    #[inline]
    pub fn prefetch(&self, bank: usize, slot: u32) {
        prefetch(&self.banks[bank & 1][slot]);
    }

    /// Counts one packet of a slot that exists.
    #[inline]
    pub fn add(&mut self, bank: usize, slot: u32, bytes: u32, tcp_flags: u8, tick: u32) {
        let cell = &mut self.banks[bank & 1][slot];
        let packets = cell.packets.get();
        if packets == 0 {
            cell.first_tick = tick.into();
            cell.last_tick = tick.into();
            set_bit(&mut self.touched[bank & 1], slot);
        }
        cell.packets = (packets + 1).into();
        cell.bytes = (cell.bytes.get() + u64::from(bytes)).into();
        cell.tcp_flags |= tcp_flags;
        // A retried packet may be older than one that hit while the host was thinking.
        if tick < cell.first_tick.get() {
            cell.first_tick = tick.into();
        }
        if tick > cell.last_tick.get() {
            cell.last_tick = tick.into();
        }
        set_bit(&mut self.activity, slot);
    }

    /// Notes a packet of a slot that is not counted.
    #[inline]
    pub fn touch(&mut self, slot: u32) {
        set_bit(&mut self.activity, slot);
    }

    /// What a slot has counted, leaving it.
    #[must_use]
    pub fn peek(&self, bank: usize, slot: u32) -> Counter {
        self.banks[bank & 1].get(slot).map(Cell::counter).unwrap_or_default()
    }

    /// What a slot that exists has counted, clearing it. That it was touched stays, as a hint.
    pub fn take(&mut self, bank: usize, slot: u32) -> Counter {
        std::mem::take(&mut self.banks[bank & 1][slot]).counter()
    }

    /// The drain is past a slot.
    pub fn pass(&mut self, bank: usize, slot: u32) {
        if let Some(word) = self.touched[bank & 1].get_mut(slot as usize / 64) {
            *word &= !(1 << (slot % 64));
        }
    }

    /// The first touched slot of a bank at or after `from`. It may have counted nothing, after an EXTRACT.
    #[must_use]
    pub fn next_touched(&self, bank: usize, from: u32) -> Option<u32> {
        let touched = &self.touched[bank & 1];
        let mut word = from as usize / 64;
        let mut bits = touched.get(word)? & (u64::MAX << (from % 64));
        while bits == 0 {
            word += 1;
            bits = *touched.get(word)?;
        }
        Some(word as u32 * 64 + bits.trailing_zeros())
    }

    /// Reads and clears 64 slots' activity, starting at `word * 64`.
    pub fn take_activity(&mut self, word: usize) -> u64 {
        self.activity.get_mut(word).map(std::mem::take).unwrap_or(0)
    }
}

/// Sets the bit of a slot.
#[inline]
fn set_bit(bitmap: &mut [u64], slot: u32) {
    if let Some(word) = bitmap.get_mut(slot as usize / 64) {
        *word |= 1 << (slot % 64);
    }
}
