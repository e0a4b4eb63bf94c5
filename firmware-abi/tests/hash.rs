//! The flow hash: what software computes is what the RTL's masks say, and it spreads.

mod seeded;

use firmware_abi::hash::{WAYS, buckets, first_slot, h3, mask};
use firmware_abi::key::FlowKey;
use seeded::Seeded;

const SEED: u64 = 0x5745_4952;

#[test]
fn each_bit_is_the_parity_of_the_key_bits_in_its_mask() {
    let masks: Vec<[u64; 5]> = (0..64).map(mask).collect();
    let mut seeded = Seeded(SEED);
    for round in 0..2_000 {
        let words = seeded.next_words();
        let parities = masks.iter().zip(0..).fold(0u64, |hash, (mask, bit)| {
            let ones: u32 = mask.iter().zip(&words).map(|(mask, word)| (mask & word).count_ones()).sum();
            hash | u64::from(ones & 1) << bit
        });
        assert_eq!(h3(&words), parities, "round {round} of seed {SEED:#x}");
    }
}

#[test]
fn the_hash_is_linear() {
    let mut seeded = Seeded(SEED);
    assert_eq!(h3(&[0; 5]), 0);
    for round in 0..2_000 {
        let (one, other) = (seeded.next_words(), seeded.next_words());
        let sum = core::array::from_fn(|word| one[word] ^ other[word]);
        assert_eq!(h3(&sum), h3(&one) ^ h3(&other), "round {round} of seed {SEED:#x}");
    }
}

#[test]
fn every_key_bit_moves_the_bucket_of_both_halves_or_is_told_apart_by_the_hash() {
    for bit in 0..320 {
        let mut words = [0u64; 5];
        words[bit / 64] = 1 << (bit % 64);
        assert_ne!(h3(&words), 0, "bit {bit} reaches the hash");
    }
}

#[test]
fn buckets_lie_within_their_half_of_every_table_size() {
    let mut seeded = Seeded(SEED);
    for slots_log2 in 7..=24 {
        let half_slots = 1u32 << (slots_log2 - 1);
        let hashes = (0..1_000).map(|_| seeded.next_u64()).chain([0, u64::MAX]);
        for hash in hashes {
            for (half, bucket) in (0u32..).zip(buckets(hash, slots_log2)) {
                let first = first_slot(half, bucket, slots_log2);
                assert_eq!(first % WAYS, 0);
                assert!(first >= half * half_slots && first + WAYS <= (half + 1) * half_slots, "{hash:#x}, 2^{slots_log2}");
            }
        }
        let last = buckets(u64::MAX, slots_log2);
        assert_eq!(first_slot(1, last[1], slots_log2) + WAYS, 1 << slots_log2, "the last bucket is used");
    }
}

/// Keys as traffic has them: `clients` neighbouring addresses with `ports` neighbouring ports each, one server.
fn neighbours(clients: u32, ports: u16) -> impl Iterator<Item = FlowKey> {
    (0..clients).flat_map(move |client| {
        (0..ports).map(move |port| {
            let mut key = FlowKey { src_port: 32_768 + port, dst_port: 443, protocol: 6, ..FlowKey::default() };
            key.src[..4].copy_from_slice(&(0x0a00_0000 + client).to_be_bytes());
            key.dst[..4].copy_from_slice(&[192, 0, 2, 1]);
            key
        })
    })
}

#[test]
fn neighbouring_flows_spread_over_the_buckets_about_as_random_ones_would() {
    const SLOTS_LOG2: u32 = 17;
    const BUCKETS: usize = 1 << (SLOTS_LOG2 - 4);
    for (clients, ports) in [(65_536, 1), (1_024, 64), (64, 1_024), (2, 32_767)] {
        let mut counts = vec![[0u32; 2]; BUCKETS];
        let mut pairs = Vec::new();
        for key in neighbours(clients, ports) {
            let [low, high] = buckets(h3(&key.identity()), SLOTS_LOG2);
            counts[low as usize][0] += 1;
            counts[high as usize][1] += 1;
            pairs.push((low, high));
        }
        let mean = pairs.len() as f64 / BUCKETS as f64;
        for half in 0..2 {
            let variance = counts.iter().map(|count| (f64::from(count[half]) - mean).powi(2)).sum::<f64>() / BUCKETS as f64;
            let most = counts.iter().map(|count| count[half]).max();
            // A random function has variance = mean; a linear one is more even on such keys.
            assert!(variance < 1.5 * mean, "{clients} × {ports}, half {half}: variance {variance}, mean {mean}");
            assert!(most < Some(32), "{clients} × {ports}, half {half}: {most:?} in one bucket");
        }
        pairs.sort_unstable();
        let both = pairs.windows(2).filter(|pair| pair[0] == pair[1]).count();
        // Of 65,536 flows, 32 pairs are expected to share both buckets by chance.
        assert!(both < 100, "{clients} × {ports}: {both} flows share both buckets with another");
    }
}
