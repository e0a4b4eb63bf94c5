//! Numbers that look random and are the same in every run (splitmix64).

/// The state; start it with a seed.
pub(crate) struct Seeded(pub(crate) u64);

impl Seeded {
    /// The next number.
    pub(crate) fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    /// Five of them: the words of a key.
    pub(crate) fn next_words(&mut self) -> [u64; 5] {
        core::array::from_fn(|_| self.next_u64())
    }
}
