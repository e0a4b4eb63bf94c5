//! The tally of one engine: two banks of counters, a slot's number for an address.
//!
//! The open bank counts, the closed one drains. Which bank a packet belongs to was stamped by the
//! parser. In the RTL the memory is a read-modify-write pipeline with forwarding (`weir_rmw`); here
//! it is an addition. Two bitmaps a bank and an engine say what was touched: one for the drain, so
//! that empty slots cost the model nothing, one for READ_ACTIVITY.

use crate::memory::Memory;
use crate::prefetch::prefetch;
use zerocopy::{FromBytes, Immutable, IntoBytes};

/// What a slot counted in one window.
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable)]
#[repr(C, align(32))]
pub struct Counter {
    /// Packets, 40 bits.
    pub packets: u64,
    /// Layer-3 bytes in the low 48 bits, OR of TCP flags in the top 8.
    pub bytes_flags: u64,
    /// Tick of the first packet.
    pub first_tick: u32,
    /// Tick of the last packet.
    pub last_tick: u32,
    /// To half a cache line.
    reserved: u64,
}

const BYTES_MASK: u64 = (1 << 48) - 1;
const PACKETS_MASK: u64 = (1 << 40) - 1;

impl Counter {
    /// Layer-3 bytes.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes_flags & BYTES_MASK
    }

    /// OR of the TCP flags.
    #[must_use]
    pub fn tcp_flags(&self) -> u8 {
        (self.bytes_flags >> 56) as u8
    }
}

/// The counters of one engine.
#[derive(Debug)]
pub struct Tally {
    banks: [Memory<Counter>; 2],
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
        if let Some(counter) = self.banks[bank & 1].get(slot as usize) {
            prefetch(counter);
        }
    }

    /// Counts one packet.
    #[inline]
    pub fn add(&mut self, bank: usize, slot: u32, bytes: u32, tcp_flags: u8, tick: u32) {
        let (word, bit) = (slot as usize / 64, 1 << (slot % 64));
        let Some(counter) = self.banks[bank & 1].get_mut(slot as usize) else { return };
        if counter.packets == 0 {
            counter.first_tick = tick;
            counter.last_tick = tick;
            self.touched[bank & 1][word] |= bit;
        }
        // A retried packet may be older than one that hit while the host was thinking.
        counter.first_tick = counter.first_tick.min(tick);
        counter.last_tick = counter.last_tick.max(tick);
        counter.packets = (counter.packets + 1) & PACKETS_MASK;
        let flags = (counter.bytes_flags >> 56 | u64::from(tcp_flags)) << 56;
        counter.bytes_flags = flags | ((counter.bytes_flags + u64::from(bytes)) & BYTES_MASK);
        self.activity[word] |= bit;
    }

    /// Notes a packet of a slot that is not counted.
    #[inline]
    pub fn touch(&mut self, slot: u32) {
        if let Some(word) = self.activity.get_mut(slot as usize / 64) {
            *word |= 1 << (slot % 64);
        }
    }

    /// What a slot has counted, leaving it.
    #[must_use]
    pub fn peek(&self, bank: usize, slot: u32) -> Counter {
        self.banks[bank & 1].get(slot as usize).copied().unwrap_or_default()
    }

    /// What a slot has counted, clearing it.
    pub fn take(&mut self, bank: usize, slot: u32) -> Counter {
        let bank = bank & 1;
        self.touched[bank][slot as usize / 64] &= !(1 << (slot % 64));
        self.banks[bank].get_mut(slot as usize).map(std::mem::take).unwrap_or_default()
    }

    /// The first touched slot of a bank at or after `from`.
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
