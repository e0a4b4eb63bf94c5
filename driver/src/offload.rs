//! When a flow deserves a slot, and when it has lost it.
//!
//! ```text
//!   punt of a flow ─▶ n-th packet? table below high water? ─▶ slot, or the slow path
//!   activity bitmap ─▶ untouched k reads in a row? ─────────▶ candidate to remove
//! ```
//!
//! Pure decisions: no clock, no memory of their own but the ages. Ages are not kept across a
//! restart: flows are then young again, and stay a little longer than they need to.

/// When flows are given slots and lose them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OffloadPolicy {
    /// The packet of a flow with which it gets its slot. 1 offloads every flow at once; from 2 on a
    /// scan of single packets never fills the table.
    pub packet_threshold: u8,
    /// A slot that saw no packet for this long may be taken away.
    pub idle_seconds: u32,
    /// Per mille of the table from which on flows must have twice the packets to get a slot.
    pub high_water_permille: u16,
}

impl Default for OffloadPolicy {
    fn default() -> Self {
        Self { packet_threshold: 2, idle_seconds: 60, high_water_permille: 950 }
    }
}

/// How full a table is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fill {
    /// Slots in use.
    pub occupied: u32,
    /// Slots that there are.
    pub slots: u32,
}

impl Fill {
    fn permille(self) -> u64 {
        u64::from(self.occupied) * 1000 / u64::from(self.slots.max(1))
    }
}

impl OffloadPolicy {
    /// Whether a flow gets a slot with its packet number `packets` (from 1 on).
    #[must_use]
    #[inline]
    pub fn deserves_slot(&self, packets: u64, fill: Fill) -> bool {
        let threshold = u64::from(self.packet_threshold.max(1));
        let crowded = fill.permille() >= u64::from(self.high_water_permille);
        packets >= if crowded { 2 * threshold } else { threshold }
    }

    /// Reads of the bitmap, `interval_seconds` apart, after which an untouched slot is idle.
    #[must_use]
    pub fn idle_reads(&self, interval_seconds: u32) -> u8 {
        let reads = self.idle_seconds.div_ceil(interval_seconds.max(1)).max(1);
        u8::try_from(reads).unwrap_or(u8::MAX)
    }
}

/// For how many reads in a row each slot of one direction was untouched.
#[derive(Clone, Debug)]
pub struct IdleAges {
    ages: Vec<u8>,
}

impl IdleAges {
    /// Ages of `slots` slots, all 0.
    #[must_use]
    pub fn new(slots: usize) -> Self {
        Self { ages: vec![0; slots] }
    }

    /// Takes in 64 slots' activity bits from slot `first` on; calls `idle(slot)` for each that was
    /// untouched for the `idle_reads`-th time in a row, or more often.
    #[inline]
    pub fn read(&mut self, first: u32, touched: u64, idle_reads: u8, mut idle: impl FnMut(u32)) {
        let first_index = first as usize;
        let Some(ages) = self.ages.get_mut(first_index..first_index + 64) else { return };
        for ((slot, bit), age) in (first..).zip(0..64).zip(ages) {
            *age = if touched >> bit & 1 == 1 { 0 } else { age.saturating_add(1) };
            if *age >= idle_reads {
                idle(slot);
            }
        }
    }

    /// Notes that `slot` has a new flow.
    #[inline]
    pub fn renew(&mut self, slot: u32) {
        if let Some(age) = self.ages.get_mut(slot as usize) {
            *age = 0;
        }
    }
}
