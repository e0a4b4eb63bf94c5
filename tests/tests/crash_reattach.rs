//! A driver that dies at any instruction loses nothing and repeats nothing.

use flowlog::policy::Timeouts;
use weir_tests::rig::{Deaths, Rig, run};
use weir_tests::scenario::Scenario;

/// Deaths of a run.
const DEATHS: u64 = 120;

/// The run without deaths, checked by itself.
fn calm(scenario: &Scenario) -> Rig {
    let rig = run(scenario, Deaths::default());
    println!("calm:  {}: {:?}", rig.place(), rig.tally);
    rig.archive.check();
    rig
}

/// The same with deaths all along, checked by itself.
fn rough(scenario: &Scenario, calm: &Rig, deaths: Deaths) -> Rig {
    let rig = run(scenario, Deaths { most: DEATHS, steps_apart: calm.steps() / DEATHS, ..deaths });
    println!("rough: {}: {:?}, {} repeated", rig.place(), rig.tally, rig.archive.repeated());
    assert!(rig.tally.deaths >= 100, "{}: too few", rig.place());
    assert!(rig.tally.deaths_in_attach > 5, "{}: too few while attaching", rig.place());
    rig.archive.check();
    assert_eq!(rig.archive.windows(), calm.archive.windows(), "{}: windows", rig.place());
    rig
}

/// Every packet is in the same window, flow and action.
#[track_caller]
fn assert_same_sums(rough: &Rig, calm: &Rig) {
    let (found, expected) = (rough.archive.sums(), calm.archive.sums());
    for (key, sum) in &expected {
        assert_eq!(found.get(key), Some(sum), "{}: {key:x?}", rough.place());
    }
    assert_eq!(found.len(), expected.len(), "{}: records that nobody expected", rough.place());
    assert_eq!(rough.archive.statuses(), calm.archive.statuses(), "{}: NODATA and SKIPDATA", rough.place());
}

#[test]
fn a_meter_that_dies_a_hundred_times_counts_every_packet_once_where_it_belongs() {
    let (mut moves, mut full, mut repeated) = (0, 0, 0);
    for seed in 1..=8 {
        let scenario = Scenario::narrow(seed);
        let calm = calm(&scenario);
        let rough = rough(&scenario, &calm, Deaths::default());
        assert_same_sums(&rough, &calm);
        moves += rough.tally.moves;
        full += rough.tally.no_slot;
        repeated += rough.archive.repeated();
    }
    assert!(moves > 0 && full > 0 && repeated > 0, "{moves} moves, {full} without a slot, {repeated} repeated");
}

#[test]
fn with_room_for_all_the_records_are_the_same_to_the_last_byte() {
    for seed in 11..=14 {
        let scenario = Scenario::roomy(seed);
        let calm = calm(&scenario);
        let rough = rough(&scenario, &calm, Deaths::default());
        let (found, expected) = (rough.archive.said(), calm.archive.said());
        for (found, expected) in found.iter().zip(&expected) {
            assert_eq!(found, expected, "{}", rough.place());
        }
        assert_eq!(found.len(), expected.len(), "{}", rough.place());
    }
}

#[test]
fn while_no_meter_is_there_the_nic_goes_on_and_nothing_is_lost() {
    for seed in 21..=26 {
        let mut scenario = Scenario::narrow(seed);
        scenario.meter.rings.punt_log2 = 13;
        let wide = seed % 2 == 0;
        scenario.meter.rings.record_log2 = if wide { 12 } else { 6 };
        scenario.frames_per_change = Some(3_000);
        let calm = calm(&scenario);
        let deaths = Deaths { absence_ns_max: 2_500_000_000, lost_interrupts_permille: 200, ..Deaths::default() };
        let rough = run(&scenario, Deaths { most: DEATHS, steps_apart: calm.steps() / DEATHS, ..deaths });
        println!("rough: {}: {:?}", rough.place(), rough.tally);
        rough.archive.check();
        assert_eq!(rough.archive.total(|proof| proof.equation.skipped.packets), 0, "{}", rough.place());
        if wide {
            assert_same_sums(&rough, &calm);
        } else {
            // A drain that waits for the host defers the next window: the cuts are elsewhere.
            assert_eq!(rough.archive.sums_of_all(), calm.archive.sums_of_all(), "{}", rough.place());
        }
    }
}

#[test]
fn security_groups_that_judge_connections_again_close_the_equations_too() {
    for seed in 31..=34 {
        let scenario = Scenario { stateful: true, ..Scenario::narrow(seed) };
        let calm = calm(&scenario);
        rough(&scenario, &calm, Deaths::default());
    }
}

#[test]
fn idle_slots_are_taken_away_and_flows_forgotten_between_deaths() {
    let mut expired = 0;
    for seed in 41..=44 {
        let mut scenario = Scenario::narrow(seed);
        scenario.meter.window_seconds = 5;
        scenario.meter.offload.idle_seconds = 1;
        // Many connections against a limit that is never reached: the search for flows that are over is pressing.
        scenario.meter.connections_max = vec![1_000_000; 4];
        scenario.meter.slow_path.timeouts = Timeouts {
            tcp_established_seconds: 7,
            tcp_other_seconds: 3,
            udp_seconds: 2,
            udp_stream_seconds: 3,
            other_seconds: 2,
        };
        scenario.traffic.packets_per_second = 150;
        scenario.traffic.flows = 3_000;
        let calm = calm(&scenario);
        let rough = rough(&scenario, &calm, Deaths::default());
        assert_same_sums(&rough, &calm);
        expired += rough.tally.expired;
    }
    assert!(expired > 0, "no flow was forgotten");
}

#[test]
fn a_flow_table_that_is_full_skips_what_it_cannot_record_and_says_so() {
    for seed in 51..=53 {
        let mut scenario = Scenario::narrow(seed);
        scenario.meter.flows = 300;
        let calm = calm(&scenario);
        let rough = rough(&scenario, &calm, Deaths::default());
        for rig in [&calm, &rough] {
            let skipped = rig.archive.total(|proof| proof.equation.skipped.packets);
            assert!(skipped > 0, "{}", rig.place());
            assert_eq!(rig.archive.total(|proof| proof.limits.skipped_flow_table), skipped, "{}", rig.place());
            let says = rig.archive.statuses().values().filter(|status| status.contains("TableFull")).count();
            assert!(says > 0, "{}: {:?}", rig.place(), rig.archive.statuses());
        }
    }
}

#[test]
fn the_same_seed_dies_the_same_deaths_and_gives_the_same_trace() {
    let scenario = Scenario::narrow(61);
    let deaths = Deaths { most: DEATHS, steps_apart: 800, absence_ns_max: 300_000_000, ..Deaths::default() };
    let (one, other) = (run(&scenario, deaths), run(&scenario, deaths));
    assert_eq!((one.tally, one.steps()), (other.tally, other.steps()));
    assert!(one.archive.trace() == other.archive.trace(), "the traces differ");
}

#[test]
fn one_death_at_any_step_of_a_short_run_changes_nothing() {
    let scenario = Scenario::short(71);
    let calm = calm(&scenario);
    // Every step is too many for one run of the tests; the stride is prime, so all kinds are met.
    for step in (0..calm.steps()).step_by(13) {
        let rough = run(&scenario, Deaths { only_at: Some(step), ..Deaths::default() });
        assert_eq!(rough.tally.deaths, 1, "step {step}");
        rough.archive.check();
        assert_same_sums(&rough, &calm);
    }
}
