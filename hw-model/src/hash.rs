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
        let hash = hash::h3(&identity);
        // The low bits of each half are the bucket's last choice, and tables are far below 2^27 slots.
        let tag = (hash ^ (hash >> 32 << 8)) as u16 | 0x8000;
        Self { identity, hash, tag }
    }
}
