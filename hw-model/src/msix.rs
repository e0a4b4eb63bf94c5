//! MSI-X: masking, and the moderation timer that lets the host sleep through a burst.

use crate::dma::Bus;
use crate::timing::constants::INTERRUPT_MODERATION_NS;

/// The vectors of the device, at most 32.
#[derive(Clone, Copy, Debug)]
pub struct Msix {
    /// Vectors held back by the host.
    pub mask: u32,
    /// Vectors that were raised while masked.
    pub pending: u32,
    waiting: u32,
    /// When what waits is raised; [`NEVER`] if nothing does.
    due_ns: u64,
}

/// A time that does not come.
const NEVER: u64 = u64::MAX;

impl Default for Msix {
    fn default() -> Self {
        Self { mask: 0, pending: 0, waiting: 0, due_ns: NEVER }
    }
}

impl Msix {
    /// The NIC has put something into a ring of `vector`: the timer starts, unless it runs.
    #[inline]
    pub fn post(&mut self, vector: u8, now_ns: u64) {
        self.waiting |= 1 << (vector & 31);
        if self.due_ns == NEVER {
            self.due_ns = now_ns + INTERRUPT_MODERATION_NS;
        }
    }

    /// As [`Self::post`], for what should not wait: the end of a window, a ring half full.
    #[inline]
    pub fn post_now(&mut self, vector: u8, now_ns: u64) {
        self.waiting |= 1 << (vector & 31);
        self.due_ns = self.due_ns.min(now_ns);
    }

    /// When the next interrupt is to be raised; `u64::MAX` if none is.
    #[must_use]
    #[inline]
    pub fn due_ns(&self) -> u64 {
        self.due_ns
    }

    /// Raises what is waiting.
    pub fn fire(&mut self, bus: &mut impl Bus) {
        self.due_ns = NEVER;
        let waiting = std::mem::take(&mut self.waiting);
        self.pending |= waiting & self.mask;
        for vector in 0..32u8 {
            if waiting & !self.mask & (1 << vector) != 0 {
                bus.interrupt(vector);
            }
        }
    }

    /// The host sets the mask; what is pending and no longer masked is raised.
    pub fn set_mask(&mut self, mask: u32, bus: &mut impl Bus) {
        self.mask = mask;
        let raised = self.pending & !mask;
        self.pending &= mask;
        for vector in 0..32u8 {
            if raised & (1 << vector) != 0 {
                bus.interrupt(vector);
            }
        }
    }
}
