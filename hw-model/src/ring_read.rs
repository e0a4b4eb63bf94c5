//! Rings that the host fills: commands and injects.

use crate::dma::{Bus, body_and_last};
use crate::ring_write::Ring;
use firmware_abi::ring::{PHASE_BIT, phase};

/// Why an entry could not be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unreadable {
    /// Host memory could not be reached; the ring stops.
    Dma,
    /// The phase bit is not this lap's: the doorbell ran ahead of the entry.
    Phase,
}

impl Ring {
    /// Reads the first `N` bytes of the entry at the consumer and checks its phase, which is in
    /// their last dword. The consumer stays.
    #[inline]
    pub fn front<const N: usize>(&mut self, bus: &mut impl Bus, entry: &mut [u8; N]) -> Result<(), Unreadable> {
        if bus.read(self.entry(self.consumer), entry).is_err() {
            self.faulted = true;
            return Err(Unreadable::Dma);
        }
        let (_, last) = body_and_last(entry);
        if (last & PHASE_BIT != 0) != phase(self.consumer, self.size_log2) {
            return Err(Unreadable::Phase);
        }
        Ok(())
    }

    /// Gives `entries` back to the host.
    #[inline]
    pub fn release(&mut self, entries: u32) {
        self.consumer = self.consumer.wrapping_add(entries);
    }

    /// Whether the host has submitted something.
    #[inline]
    #[must_use]
    pub fn pending(&self) -> bool {
        self.enabled && !self.faulted && self.used() > 0
    }
}
