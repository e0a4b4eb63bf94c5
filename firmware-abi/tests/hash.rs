//! The flow hash: what software computes is what the RTL's masks say, and it spreads.

mod seeded;

use firmware_abi::hash::{WAYS, buckets, first_slot, h3, mask};
use firmware_abi::key::FlowKey;
use seeded::Seeded;
use std::collections::BTreeSet;

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
fn every_key_bit_reaches_the_hash() {
    for bit in 0..320 {
        let mut words = [0u64; 5];
        words[bit / 64] = 1 << (bit % 64);
        assert_ne!(h3(&words), 0, "bit {bit}");
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
                assert!(
                    first >= half * half_slots && first + WAYS <= (half + 1) * half_slots,
                    "{hash:#x}, 2^{slots_log2}"
                );
            }
        }
        let last = buckets(u64::MAX, slots_log2);
        assert_eq!(first_slot(1, last[1], slots_log2) + WAYS, 1 << slots_log2, "the last bucket is used");
    }
}

/// One of 65,536 flows as traffic has them: neighbours in a few fields, alike in the rest.
type Family = fn(u16) -> FlowKey;

fn ip4(src: u32, dst: u32, src_port: u16, dst_port: u16) -> FlowKey {
    let mut key = FlowKey { src_port, dst_port, protocol: 6, ..FlowKey::default() };
    key.src[..4].copy_from_slice(&src.to_be_bytes());
    key.dst[..4].copy_from_slice(&dst.to_be_bytes());
    key
}

fn ip6(src: u16, dst: u16, src_port: u16) -> FlowKey {
    let mut key = FlowKey { src_port, dst_port: 443, protocol: 6, ..FlowKey::default() };
    key.port.set_ip6(true);
    key.src[..4].copy_from_slice(&[0x20, 0x01, 0x0d, 0xb8]);
    key.dst[..4].copy_from_slice(&[0x20, 0x01, 0x0d, 0xb8]);
    key.src[14..].copy_from_slice(&src.to_be_bytes());
    key.dst[14..].copy_from_slice(&dst.to_be_bytes());
    key
}

const FAMILIES: [(&str, Family); 9] = [
    ("one client, every source port", |n| ip4(0x0a00_0001, 0xc000_0201, n, 443)),
    ("a scan of every port", |n| ip4(0x0a00_0001, 0xc000_0201, 40_000, n)),
    ("a network of clients", |n| ip4(0x0a00_0000 + u32::from(n), 0xc000_0201, 40_000, 443)),
    ("a scan of a network", |n| ip4(0xc000_0201, 0x0a00_0000 + u32::from(n), 40_000, 443)),
    ("1,024 clients, 64 ports each", |n| ip4(0x0a00_0000 + u32::from(n >> 6), 0xc000_0201, 32_768 + (n & 63), 443)),
    ("16 clients, 4,096 ports each", |n| ip4(0x0a00_0000 + u32::from(n >> 12), 0xc000_0201, 32_768 + (n & 4_095), 443)),
    ("IPv6, one client, every source port", |n| ip6(1, 2, n)),
    ("IPv6, a network of clients", |n| ip6(n, 2, 40_000)),
    ("IPv6, 256 clients to 256 servers", |n| ip6(n >> 8, n & 255, 40_000)),
];

#[test]
fn neighbouring_flows_spread_over_the_buckets_of_both_halves() {
    const SLOTS_LOG2: u32 = 17;
    const BUCKETS: usize = 1 << (SLOTS_LOG2 - 4);
    const SHARE: u32 = 65_536 / BUCKETS as u32;
    for (name, family) in FAMILIES {
        let mut counts = vec![[0u32; 2]; BUCKETS];
        let mut pairs = BTreeSet::new();
        for number in 0..=u16::MAX {
            let [low, high] = buckets(h3(&family(number).identity()), SLOTS_LOG2);
            counts[low as usize][0] += 1;
            counts[high as usize][1] += 1;
            pairs.insert((low, high));
        }
        for half in 0..2 {
            let most = counts.iter().map(|count| count[half]).max();
            // Of a linear map, all used buckets hold the same, a power of two times the fair share;
            // one in sixteen random maps has twice, one in a thousand four times.
            assert!(most <= Some(2 * SHARE), "{name}, half {half}: {most:?} in one bucket, {SHARE} would be fair");
        }
        assert_eq!(pairs.len(), 65_536, "{name}: some share both buckets");
    }
}
