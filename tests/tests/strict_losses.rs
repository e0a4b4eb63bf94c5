//! What is lost is counted where it is lost, is told with its reason, and closes the equations.

use driver::Driver;
use driver::attach::AttachError;
use firmware_abi::key::Direction;
use firmware_abi::ring::RingId;
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::rc::Rc;
use weir_tests::nic;
use weir_tests::rig::{Deaths, Rig, run};
use weir_tests::scenario::Scenario;

const END: u64 = u64::MAX;

/// Plays half with a host that does not run, and half with one that does.
fn half_asleep(scenario: &Scenario) -> Rig {
    let mut rig = Rig::new(scenario, Deaths::default());
    let (half, all) = (scenario.traffic.packets as usize / 2, scenario.traffic.packets as usize);
    rig.present();
    rig.poll();
    rig.sleep(END);
    rig.play_frames(0..half);
    rig.sleep(0);
    rig.play_frames(half..all);
    rig.finish();
    rig.archive.check();
    rig
}

fn assert_says(rig: &Rig, reason: &str) {
    let statuses = rig.archive.statuses();
    assert!(statuses.values().any(|status| status.contains(reason)), "{reason}: {statuses:?}");
    let others = statuses.values().filter(|status| status.contains("SkipData") && !status.contains(reason));
    assert_eq!(others.count(), 0, "only {reason}: {statuses:?}");
}

fn quiet(seed: u64) -> Scenario {
    Scenario { frames_per_change: None, ..Scenario::narrow(seed) }
}

#[test]
fn a_punt_ring_that_nobody_empties_skips_and_says_ring_full() {
    let mut scenario = quiet(1);
    scenario.meter.rings.punt_log2 = 6;
    let rig = half_asleep(&scenario);
    let skipped = rig.archive.total(|proof| proof.equation.skipped.packets);
    assert!(skipped > 1_000, "{skipped}");
    assert_eq!(rig.archive.total(|proof| proof.limits.skipped_ring), skipped);
    assert_says(&rig, "RingFull");
}

#[test]
fn an_eni_without_punt_credit_starves_only_itself_and_says_so() {
    let mut scenario = quiet(2);
    scenario.meter.rings.punt_log2 = 13;
    scenario.limits.punt_credit = 7;
    let rig = half_asleep(&scenario);
    let skipped = rig.archive.total(|proof| proof.equation.skipped.packets);
    assert!(skipped > 1_000, "{skipped}");
    assert_eq!(rig.archive.total(|proof| proof.limits.skipped_credit), skipped);
    assert_says(&rig, "CreditExhausted");
}

#[test]
fn punt_memory_that_is_taken_away_skips_and_says_dma_fault() {
    let scenario = quiet(3);
    let mut rig = Rig::new(&scenario, Deaths::default());
    let (half, all) = (scenario.traffic.packets as usize / 2, scenario.traffic.packets as usize);
    rig.present();
    rig.play_frames(0..half);
    assert!(rig.card.unmap("ring-punt-8"), "it was there");
    rig.play_frames(half..all);
    rig.finish();
    rig.archive.check();
    let skipped = rig.archive.total(|proof| proof.equation.skipped.packets);
    assert!(skipped > 100, "{skipped}");
    assert_eq!(rig.archive.total(|proof| proof.limits.skipped_dma), skipped);
    assert_says(&rig, "DmaFault");
    // A ring that has stopped is not gone on with in silence.
    let config = driver::Config { rings: scenario.meter.rings, ..driver::Config::default() };
    match Driver::attach(Rc::new(rig.card.device()), &config) {
        Err(AttachError::RingsStopped { faults }) => assert!(faults.punt()),
        Err(AttachError::Arena(_)) => {}
        other => panic!("{:?}", other.map(|(_, attached)| attached)),
    }
}

#[test]
fn a_full_flow_table_of_the_nic_leaves_the_rest_to_the_host() {
    let mut scenario = quiet(4);
    scenario.parameters.slots_log2 = 7;
    scenario.meter.offload.packet_threshold = 1;
    let rig = run(&scenario, Deaths::default());
    rig.archive.check();
    assert!(rig.tally.no_slot > 100 && rig.tally.moves > 0, "{:?}", rig.tally);
    assert_eq!(rig.archive.total(|proof| proof.equation.skipped.packets), 0);
}

#[test]
fn a_slot_quota_keeps_an_eni_in_its_place() {
    let mut scenario = quiet(5);
    scenario.limits.slot_quota = 9;
    let mut rig = Rig::new(&scenario, Deaths::default());
    rig.play();
    rig.archive.check();
    assert!(rig.tally.no_slot > 100 && rig.tally.faults == 0, "{:?}", rig.tally);
}

#[test]
fn retries_that_come_late_are_counted_in_the_window_that_they_crossed() {
    let mut late = 0;
    for seed in 6..10 {
        let mut scenario = quiet(seed);
        scenario.parameters.slots_log2 = 10;
        scenario.meter.rings.punt_log2 = 13;
        scenario.meter.rings.record_log2 = 12;
        let expected = run(&scenario, Deaths::default());
        let mut rig = Rig::new(&scenario, Deaths::default());
        rig.present();
        // The host sleeps over the end of one window, or of several, again and again.
        for part in 0..10 {
            rig.sleep(END);
            let (from, to) = (part * 1_000, part * 1_000 + 250 * (1 + part % 4));
            rig.play_frames(from..to);
            rig.sleep(0);
            rig.play_frames(to..(part + 1) * 1_000);
        }
        late += rig.counter("LATE_RETRIES");
        rig.finish();
        rig.archive.check();
        assert_eq!(rig.archive.total(|proof| proof.equation.skipped.packets), 0);
        assert_eq!(rig.archive.sums(), expected.archive.sums(), "{}", rig.place());
    }
    assert!(late > 0, "no retry was late");
}

#[test]
fn an_eventfd_becomes_readable_at_the_end_of_a_window() {
    let scenario = quiet(7);
    let card = nic::card(scenario.parameters);
    let config = driver::Config { window_seconds: 1, ..driver::Config::default() };
    let (driver, _) = Driver::attach(Rc::new(card.device()), &config).expect("it attaches");
    let mut eventfd = File::from(driver.vector(RingId::Record).expect("there is such a vector"));
    let mut count = [0; 8];
    let none: Result<(), ()> = card.advance(900_000_000, || Ok(()));
    none.expect("nothing fails");
    let _ = eventfd.read(&mut count);
    assert_eq!(eventfd.read(&mut count).expect_err("nothing is new").kind(), ErrorKind::WouldBlock);
    let none: Result<(), ()> = card.advance(1_000_000_000, || Ok(()));
    none.expect("nothing fails");
    assert_eq!(eventfd.read(&mut count).expect("it is readable"), 8);
    assert!(u64::from_ne_bytes(count) > 0);
    let ledger = driver.ledger(0, Direction::Ingress);
    assert_eq!(ledger.packets.counter(0), 0);
}
