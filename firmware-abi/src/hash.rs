//! The two H3 hashes of a flow key.
//!
//! H3 (Carter and Wegman, 1979) is any linear map over GF(2): each bit of the hash is the parity of
//! some of the key's bits. In the RTL that is an XOR tree a bit. In software a matrix product is
//! slow, so the matrix is one that shifts and XORs make: six instructions for 64 bits of key. The
//! RTL's masks come from [`mask`].
//!
//! The shifts, and the two rounds after the last word, were searched for: of all triples from 3 to
//! 39 they spread families of neighbouring keys (ports, addresses, ENIs) best, better than matrices
//! drawn at random.

/// Rounds: one a word of the key, and two to mix in the last.
const ROUNDS: usize = 7;

/// 64 bits of hash: the low half places a flow in the lower half of the slots, the high half in the
/// upper. `identity` is [`crate::key::FlowKey::identity`].
#[must_use]
#[inline]
pub const fn h3(identity: &[u64; 5]) -> u64 {
    let mut hash = 0;
    let mut round = 0;
    while round < ROUNDS {
        if round < identity.len() {
            hash ^= identity[round];
        }
        hash ^= hash << 12;
        hash ^= hash >> 15;
        hash ^= hash << 20;
        round += 1;
    }
    hash
}

/// [`h3`] of four keys, lane by lane.
#[must_use]
#[inline]
pub fn h3_lanes(identities: &[[u64; 5]; 4]) -> [u64; 4] {
    let mut hashes = [0; 4];
    for round in 0..ROUNDS {
        if round < 5 {
            for (hash, identity) in hashes.iter_mut().zip(identities) {
                *hash ^= identity[round];
            }
        }
        hashes = hashes.map(|hash: u64| hash ^ hash << 12);
        hashes = hashes.map(|hash| hash ^ hash >> 15);
        hashes = hashes.map(|hash| hash ^ hash << 20);
    }
    hashes
}

/// The key bits whose parity is hash bit `bit` (0 to 63), as five words.
#[must_use]
pub const fn mask(bit: u32) -> [u64; 5] {
    let mut masks = [0; 5];
    let mut input = 0;
    while input < 320 {
        let mut key = [0; 5];
        key[input / 64] = 1 << (input % 64);
        if h3(&key) >> bit & 1 == 1 {
            masks[input / 64] |= 1 << (input % 64);
        }
        input += 1;
    }
    masks
}

/// Slots in one bucket.
pub const WAYS: u32 = 8;

/// The two buckets of a flow in a table of `2^slots_log2` slots a direction (7 to 24).
///
/// Bucket `b` of half `h` holds the slots `(h << (slots_log2 - 1)) + b * 8` and the seven after it.
#[must_use]
#[inline]
pub const fn buckets(hash: u64, slots_log2: u32) -> [u32; 2] {
    let bits = slots_log2 - 4;
    // The top bits of each half are the best mixed ones.
    [(hash as u32) >> (32 - bits), ((hash >> 32) as u32) >> (32 - bits)]
}

/// The first slot of bucket `bucket` in half `half` (0 or 1).
#[must_use]
#[inline]
pub const fn first_slot(half: u32, bucket: u32, slots_log2: u32) -> u32 {
    (half << (slots_log2 - 1)) + bucket * WAYS
}
