//! Lookup, tally and token buckets, each by itself, against what they must be.

mod host;

use firmware_abi::hash::{WAYS, buckets, first_slot};
use firmware_abi::key::FlowKey;
use host::Numbers;
use hw_model::eni::TokenBucket;
use hw_model::hash::Hashed;
use hw_model::lookup::Lookup;
use hw_model::tally::Tally;
use std::collections::HashMap;

const SLOTS_LOG2: u32 = 8;

/// One of `kinds` keys.
fn key(numbers: &mut Numbers, kinds: u64) -> FlowKey {
    let number = numbers.below(kinds);
    let mut key = FlowKey { src_port: number as u16, dst_port: 443, protocol: 6, ..FlowKey::default() };
    key.src[..8].copy_from_slice(&(number / 7).to_be_bytes());
    key
}

/// The slots in which a key may lie.
fn slots_of(hashed: &Hashed) -> impl Iterator<Item = u32> {
    let [low, high] = buckets(hashed.hash, SLOTS_LOG2);
    let first = [first_slot(0, low, SLOTS_LOG2), first_slot(1, high, SLOTS_LOG2)];
    first.into_iter().flat_map(|first| first..first + WAYS)
}

#[test]
fn the_lookup_finds_exactly_what_was_programmed() {
    for seed in 1..=20 {
        let mut numbers = Numbers(seed);
        let mut lookup = Lookup::new(SLOTS_LOG2);
        let mut expected: HashMap<[u64; 5], (u32, u32)> = HashMap::new();
        let mut slots = [None; 1 << SLOTS_LOG2];
        for cookie in 0..4_000_u32 {
            let hashed = Hashed::of(&key(&mut numbers, 500));
            // What was found before the change must still lead to the right answer after it.
            let probe = Hashed::of(&key(&mut numbers, 500));
            let ahead = lookup.ahead(&probe);
            let action = cookie as u8 & 3;
            match expected.get(&hashed.identity).copied() {
                Some((slot, _)) if numbers.below(2) == 0 => {
                    lookup.remove(slot);
                    slots[slot as usize] = None;
                    expected.remove(&hashed.identity);
                }
                Some((slot, _)) => {
                    lookup.update(slot, action, cookie);
                    expected.insert(hashed.identity, (slot, cookie));
                }
                None => {
                    if let Some(slot) = slots_of(&hashed).find(|slot| slots[*slot as usize].is_none()) {
                        lookup.insert(slot, &hashed, action, cookie);
                        slots[slot as usize] = Some(hashed.identity);
                        expected.insert(hashed.identity, (slot, cookie));
                    }
                }
            }
            for asked in [&hashed, &probe] {
                let wanted = expected.get(&asked.identity).map(|(slot, cookie)| (*slot, *cookie as u8 & 3));
                let found = lookup.find(asked).map(|(slot, action)| (slot, action as u8));
                assert_eq!(found, wanted, "seed {seed}, step {cookie}");
            }
            assert_eq!(lookup.find_ahead(&probe, ahead), lookup.find(&probe), "seed {seed}, step {cookie}");
        }
        assert_eq!(lookup.occupancy().0 as usize, expected.len(), "seed {seed}");
        assert!(lookup.occupancy().1 > 200, "seed {seed}: the table was nearly full");
    }
}

#[test]
fn a_key_in_two_slots_is_found_in_the_lower_half() {
    let mut lookup = Lookup::new(SLOTS_LOG2);
    let hashed = Hashed::of(&key(&mut Numbers(5), 500));
    let slots: Vec<u32> = slots_of(&hashed).collect();
    lookup.insert(slots[9], &hashed, 0, 1);
    assert_eq!(lookup.find(&hashed).map(|found| found.0), Some(slots[9]));
    lookup.insert(slots[2], &hashed, 1, 2);
    assert_eq!(lookup.find(&hashed).map(|found| found.0), Some(slots[2]));
    lookup.remove(slots[2]);
    assert_eq!(lookup.find(&hashed).map(|found| found.0), Some(slots[9]));
}

#[test]
fn a_counter_has_packets_bytes_flags_and_the_first_and_last_tick_whatever_their_order() {
    let mut tally = Tally::new(7);
    for (bytes, flags, tick) in [(100, 0x02, 50), (40, 0x10, 70), (1500, 0x18, 20), (60, 0x11, 60)] {
        tally.add(0, 77, bytes, flags, tick);
    }
    let counter = tally.peek(0, 77);
    assert_eq!((counter.packets, counter.bytes, counter.tcp_flags), (4, 1_700, 0x1b));
    assert_eq!((counter.first_tick, counter.last_tick), (20, 70));
    assert_eq!(tally.next_touched(0, 0), Some(77));
    assert_eq!(tally.next_touched(0, 78), None);
    assert_eq!(tally.take(0, 77).packets, 4);
    assert_eq!((tally.peek(0, 77).packets, tally.next_touched(0, 0)), (0, Some(77)), "a hint is left of what is taken");
    tally.pass(0, 77);
    assert_eq!(tally.next_touched(0, 0), None, "until the drain is past it");
}

#[test]
fn the_banks_count_apart_and_a_tick_of_0_is_a_tick() {
    let mut tally = Tally::new(7);
    tally.add(0, 3, 10, 1, 900);
    tally.add(1, 3, 20, 2, 0);
    tally.add(1, 3, 20, 2, 5);
    let (even, odd) = (tally.peek(0, 3), tally.peek(1, 3));
    assert_eq!((even.packets, even.bytes, even.tcp_flags, even.first_tick, even.last_tick), (1, 10, 1, 900, 900));
    assert_eq!((odd.packets, odd.bytes, odd.tcp_flags, odd.first_tick, odd.last_tick), (2, 40, 2, 0, 5));
    tally.take(0, 3);
    assert_eq!((tally.peek(1, 3).packets, tally.next_touched(1, 0)), (2, Some(3)), "the other bank stays");
}

#[test]
fn bytes_that_pass_48_bits_leave_the_flags_alone() {
    let mut tally = Tally::new(7);
    let packets = 65_538_u64;
    for _ in 0..packets {
        tally.add(0, 0, u32::MAX, 0x12, 1);
    }
    let counter = tally.peek(0, 0);
    assert_eq!((counter.packets, counter.tcp_flags), (packets, 0x12));
    assert_eq!(counter.bytes, packets * u64::from(u32::MAX) % (1 << 48));
}

#[test]
fn activity_is_what_was_touched_since_it_was_last_read_and_counters_stay() {
    let mut tally = Tally::new(7);
    tally.add(0, 5, 10, 0, 0);
    tally.add(1, 64, 10, 0, 0);
    tally.touch(127);
    assert_eq!((tally.take_activity(0), tally.take_activity(1)), (1 << 5, 1 | 1 << 63));
    assert_eq!((tally.take_activity(0), tally.take_activity(1)), (0, 0));
    assert_eq!((tally.peek(0, 5).packets, tally.peek(1, 64).packets, tally.peek(0, 127).packets), (1, 1, 0));
}

#[test]
fn a_token_bucket_gives_exactly_its_burst_and_its_rate() {
    const UNIT: u128 = 1_000_000_000;
    for seed in 1..=300 {
        let mut numbers = Numbers(seed);
        let (rate, burst) = (1 + numbers.below(10_000_000_000), 1 + numbers.below(2_000_000));
        let pause_max = 1 + UNIT as u64 * burst / rate / 20;
        let cost_max = 1 + numbers.below(burst);
        let mut bucket = TokenBucket::new(rate, burst);
        let mut now_ns = host::START_NS;
        // What there is, in units of 10^-9 tokens; and what was taken up to each time.
        let mut level = u128::from(burst) * UNIT;
        let mut taken: Vec<(u64, u128)> = vec![(now_ns, 0)];
        for step in 0..500 {
            let pause = numbers.below(pause_max);
            let cost = (1 + numbers.below(cost_max)).min(burst);
            now_ns += pause;
            level = (level + u128::from(pause) * u128::from(rate)).min(u128::from(burst) * UNIT);
            let expected = level >= u128::from(cost) * UNIT;
            assert_eq!(bucket.has(cost, now_ns), expected, "seed {seed}, step {step}");
            if expected {
                bucket.take(cost);
                level -= u128::from(cost) * UNIT;
                let before = taken.last().map_or(0, |(_, sum)| *sum);
                taken.push((now_ns, before + u128::from(cost)));
            }
        }
        for (index, (from_ns, before)) in taken.iter().enumerate() {
            for (until_ns, sum) in &taken[index..] {
                let most = u128::from(burst) * UNIT + u128::from(until_ns - from_ns) * u128::from(rate);
                assert!(
                    (sum - before) * UNIT <= most,
                    "seed {seed}: more than burst and rate in {from_ns}..{until_ns}"
                );
            }
        }
    }
}

#[test]
fn a_packet_larger_than_the_bucket_takes_all_of_a_full_one() {
    let mut bucket = TokenBucket::new(1_000, 100);
    assert!(bucket.has(500, 0));
    bucket.take(500);
    assert!(!bucket.has(1, 0) && !bucket.has(500, 99_999_999));
    assert!(bucket.has(500, 100_000_000));
}

#[test]
fn a_bucket_whose_time_stands_still_or_goes_back_gives_nothing_new() {
    let mut bucket = TokenBucket::new(1_000_000, 2);
    for _ in 0..2 {
        assert!(bucket.has(1, 5_000));
        bucket.take(1);
    }
    assert!(!bucket.has(1, 5_000) && !bucket.has(1, 4_000) && !bucket.has(1, 5_999));
    assert!(bucket.has(1, 6_000));
}
