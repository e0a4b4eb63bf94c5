//! The hash stage: a key's identity, its 64 hash bits, its tag.
//!
//! The matrix is the contract's ([`firmware_abi::hash`]); this stage only carries the results.

use firmware_abi::{hash, key::FlowKey};

/// What the lookup needs of a key.
#[derive(Clone, Copy, Debug, Default)]
pub struct Hashed {
    /// The compared bits.
    pub identity: [u64; 5],
    /// Both hashes.
    pub hash: u64,
    /// 15 bits of hash that do not choose the bucket, and a set top bit: never 0.
    pub tag: u16,
}

impl Hashed {
    /// Hashes `key`.
    #[inline]
    #[must_use]
    pub fn of(key: &FlowKey) -> Self {
        let identity = key.identity();
        Self::with(identity, hash::h3(&identity))
    }

    /// Hashes four keys at once: the rounds are shifts and XORs, which a processor does in lanes.
    #[inline]
    #[must_use]
    pub fn of_four(keys: [&FlowKey; 4]) -> [Self; 4] {
        let identities = keys.map(FlowKey::identity);
        let hashes = hash::h3_lanes(&identities);
        [0, 1, 2, 3].map(|lane| Self::with(identities[lane], hashes[lane]))
    }

    #[inline]
    fn with(identity: [u64; 5], hash: u64) -> Self {
        // The low bits of each half are the bucket's last choice, and tables are far below 2^27 slots.
        let tag = (hash ^ (hash >> 32 << 8)) as u16 | 0x8000;
        Self { identity, hash, tag }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_keys_at_once_hash_as_each_alone() {
        let keys = [3_u64, 5, 7, 11].map(|seed| {
            FlowKey::from_words([1, 2, 3, 4, 5].map(|word: u64| (seed * word).wrapping_mul(0x9e37_79b9_7f4a_7c15)))
        });
        let together = Hashed::of_four([&keys[0], &keys[1], &keys[2], &keys[3]]);
        for (key, hashed) in keys.iter().zip(together) {
            let alone = Hashed::of(key);
            assert_eq!((alone.identity, alone.hash, alone.tag), (hashed.identity, hashed.hash, hashed.tag));
        }
    }
}
