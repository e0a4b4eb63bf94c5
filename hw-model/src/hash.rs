//! The hash stage: a key's identity, its 64 hash bits, its tag.
//!
//! The matrix is the contract's ([`firmware_abi::hash`]); this stage only carries the results.

use firmware_abi::{hash, key::FlowKey};

/// Keys that are hashed at once: the frames that are parsed ahead.
pub const LANES: usize = 64;

/// What the lookup needs of a key.
#[derive(Clone, Copy, Debug, Default)]
pub struct Hashed {
    /// The compared bits.
    pub identity: [u64; 5],
    /// Both hashes.
    pub hash: u64,
}

impl Hashed {
    /// Hashes `key`.
    #[inline]
    #[must_use]
    pub fn of(key: &FlowKey) -> Self {
        let identity = key.identity();
        Self { identity, hash: hash::h3(&identity) }
    }

    /// A byte of hash that does not choose the bucket; never 0.
    #[inline]
    #[must_use]
    pub fn tag(&self) -> u8 {
        // The low bits of each half are the bucket's last choice, and tables are far below 2^28 slots.
        (self.hash as u8 ^ (self.hash >> 32) as u8).max(1)
    }
}

/// The words of many keys, like beside like: the rounds are shifts and XORs, which a processor does
/// in lanes.
#[derive(Clone, Debug)]
pub struct Lanes {
    words: [[u64; LANES]; 5],
    hashes: [u64; LANES],
}

impl Default for Lanes {
    fn default() -> Self {
        Self { words: [[0; LANES]; 5], hashes: [0; LANES] }
    }
}

impl Lanes {
    /// Puts a key's identity into a lane, counted modulo their number.
    #[inline]
    pub fn set(&mut self, lane: usize, identity: &[u64; 5]) {
        for (words, word) in self.words.iter_mut().zip(identity) {
            words[lane % LANES] = *word;
        }
    }

    /// The hashes of the first `count` lanes.
    #[inline]
    pub fn hashes(&mut self, count: usize) -> &[u64] {
        for (lane, hash) in self.hashes.iter_mut().enumerate().take(count) {
            *hash = hash::h3(&self.words.each_ref().map(|words| words[lane]));
        }
        &self.hashes[..count.min(LANES)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_in_lanes_hash_as_each_alone() {
        let mut lanes = Lanes::default();
        for count in [1, 3, 4, 29, LANES] {
            let keys: Vec<FlowKey> = (0..count as u64)
                .map(|seed| {
                    let words = [1, 2, 3, 4, 5].map(|word| (seed * word + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
                    FlowKey::from_words(words)
                })
                .collect();
            for (lane, key) in keys.iter().enumerate() {
                lanes.set(lane, &key.identity());
            }
            let alone: Vec<u64> = keys.iter().map(|key| Hashed::of(key).hash).collect();
            assert_eq!(lanes.hashes(count), alone);
        }
    }
}
