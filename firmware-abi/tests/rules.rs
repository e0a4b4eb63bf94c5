//! The rules of rings and of time.

use firmware_abi::ring::{FRAME_BYTES_MAX, RingId, frame_slots, phase};
use firmware_abi::time::{SECOND_NS, TICK_MAX, TICK_NS, WINDOW_SECONDS, tick, tick_base_ns};

const START_NS: u64 = 1_700_000_000 * SECOND_NS + 123_456_789;

#[test]
fn the_tick_base_is_the_whole_second_at_or_before_the_start() {
    assert_eq!(tick_base_ns(START_NS), 1_700_000_000 * SECOND_NS);
    assert_eq!(tick_base_ns(1_700_000_000 * SECOND_NS), 1_700_000_000 * SECOND_NS);
    assert_eq!(tick_base_ns(0), 0);
}

#[test]
fn the_second_of_a_packet_is_exact_to_the_nanosecond_at_every_boundary() {
    let base = tick_base_ns(START_NS);
    let ticks_per_second = (SECOND_NS / TICK_NS) as u32;
    assert_eq!(SECOND_NS % TICK_NS, 0);
    for second in 1..=*WINDOW_SECONDS.end() {
        let boundary = base + u64::from(second) * SECOND_NS;
        assert_eq!(tick(base, boundary), second * ticks_per_second);
        assert_eq!(tick(base, boundary - 1), second * ticks_per_second - 1);
        assert_eq!(tick(base, boundary - 1) / ticks_per_second, second - 1);
    }
}

#[test]
fn a_tick_saturates_at_both_ends_and_the_longest_window_is_far_from_it() {
    let base = tick_base_ns(START_NS);
    assert_eq!(tick(base, base - 1), 0);
    assert_eq!(tick(base, 0), 0);
    assert_eq!(tick(base, base + u64::from(TICK_MAX) * TICK_NS), TICK_MAX);
    assert_eq!(tick(base, base + (u64::from(TICK_MAX) + 1) * TICK_NS), TICK_MAX);
    assert_eq!(tick(0, u64::MAX), TICK_MAX);
    let longest_ns = u64::from(*WINDOW_SECONDS.end()) * SECOND_NS;
    assert!(tick(base, START_NS + longest_ns + 200 * SECOND_NS) < TICK_MAX, "200 s of late rotation fit");
}

#[test]
fn zeroed_memory_holds_no_valid_entry_and_the_phase_turns_with_each_lap() {
    for size_log2 in firmware_abi::ring::SIZE_LOG2 {
        let entries = 1u32 << size_log2;
        assert!(phase(0, size_log2) && phase(entries - 1, size_log2), "the first lap is written with 1");
        assert!(!phase(entries, size_log2) && !phase(2 * entries - 1, size_log2), "the second with 0");
        assert!(phase(2 * entries, size_log2));
        assert!(
            !phase(u32::MAX, size_log2) && phase(u32::MAX.wrapping_add(1), size_log2),
            "the index wraps between two laps"
        );
    }
}

#[test]
fn a_frame_takes_the_slots_that_hold_its_header_and_its_bytes() {
    assert_eq!(frame_slots(0), 1);
    assert_eq!(frame_slots(1_984), 1);
    assert_eq!(frame_slots(1_985), 2);
    assert_eq!(frame_slots(FRAME_BYTES_MAX), 5);
}

#[test]
fn rings_are_numbered_in_order_and_filled_by_one_side() {
    let host: Vec<RingId> = RingId::ALL.into_iter().filter(|id| id.host_produces()).collect();
    assert_eq!(host, [RingId::Command, RingId::Inject]);
    assert_eq!(RingId::ALL.map(|id| id as usize), [0, 1, 2, 3, 4]);
    assert_eq!(RingId::ALL.map(RingId::entry_bytes), [64, 16, 64, 2048, 2048]);
}
