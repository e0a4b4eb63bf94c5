//! Rings that the NIC fills: completions, records, punts.
//!
//! A ring writer never overwrites an entry that the host has not given back, and flips the phase
//! once a lap. The phase dword goes out last.

use crate::dma::{Bus, DmaFault};
use firmware_abi::ring::{PHASE_BIT, RingId, phase};

/// One ring, either way: what its registers hold.
#[derive(Clone, Copy, Debug)]
pub struct Ring {
    /// Which.
    pub id: RingId,
    /// IOVA of entry 0.
    pub base: u64,
    /// Entries, as a power of two.
    pub size_log2: u32,
    /// Free-running index of the next entry to write.
    pub producer: u32,
    /// Free-running index of the next entry to read.
    pub consumer: u32,
    /// Set up and running.
    pub enabled: bool,
    /// MSI-X vector.
    pub vector: u8,
    /// Host memory could not be reached: stopped until it is set up again.
    pub faulted: bool,
    /// Frames that found no room.
    pub drops: u32,
    /// Most entries in use.
    pub high_water: u32,
    entry_log2: u32,
}

impl Ring {
    /// A ring that is not set up.
    #[must_use]
    pub fn new(id: RingId) -> Self {
        Self {
            id,
            base: 0,
            size_log2: 0,
            producer: 0,
            consumer: 0,
            enabled: false,
            vector: 0,
            faulted: false,
            drops: 0,
            high_water: 0,
            entry_log2: id.entry_bytes().ilog2(),
        }
    }

    /// Entries in the ring.
    #[must_use]
    #[inline]
    pub fn used(&self) -> u32 {
        self.producer.wrapping_sub(self.consumer)
    }

    /// Entries that can be written; 0 for a ring that does not run.
    #[must_use]
    #[inline]
    pub fn room(&self) -> u32 {
        if self.enabled && !self.faulted { (1 << self.size_log2) - self.used() } else { 0 }
    }

    /// Entries altogether.
    #[must_use]
    #[inline]
    pub fn size(&self) -> u32 {
        1 << self.size_log2
    }

    /// The IOVA of entry `index`.
    #[must_use]
    #[inline]
    pub fn entry(&self, index: u32) -> u64 {
        let place = index & (self.size() - 1);
        self.base + (u64::from(place) << self.entry_log2)
    }

    /// The last dword of an entry written at `index`, with its phase.
    #[inline]
    #[must_use]
    pub fn with_phase(&self, index: u32, dword: u32) -> u32 {
        (dword & !PHASE_BIT) | if phase(index, self.size_log2) { PHASE_BIT } else { 0 }
    }

    /// Writes one entry of `N` bytes. The caller has checked the room.
    #[inline]
    pub fn push<const N: usize>(&mut self, bus: &mut impl Bus, entry: &[u8; N]) -> Result<(), DmaFault> {
        debug_assert!(self.room() > 0 && N == self.id.entry_bytes());
        let mut entry = *entry;
        if let Some(last) = entry.last_chunk_mut() {
            *last = self.with_phase(self.producer, u32::from_le_bytes(*last)).to_le_bytes();
        }
        let written = bus.post(self.entry(self.producer), &entry);
        if written.is_err() {
            self.faulted = true;
            return written;
        }
        self.advance(1);
        Ok(())
    }

    /// Moves the producer over `entries` that were written.
    #[inline]
    pub fn advance(&mut self, entries: u32) {
        self.producer = self.producer.wrapping_add(entries);
        self.high_water = self.high_water.max(self.used());
    }
}
