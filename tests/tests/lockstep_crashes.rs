//! Model and RTL do the same under a meter that dies and comes again.
#![cfg(feature = "rtl")]

use weir_tests::lockstep::{SIZES, card};
use weir_tests::rig::{Deaths, Rig, run};
use weir_tests::scenario::Scenario;

/// Deaths of a run: each attach reads the whole table, register by register.
const DEATHS: u64 = 6;

/// Few packets, and the sizes of the RTL.
fn scenario(seed: u64) -> Scenario {
    let mut scenario = Scenario::narrow(seed);
    scenario.parameters = SIZES;
    scenario.traffic.packets = 3_000;
    scenario
}

/// Runs it on the model without deaths, and on both with them: every packet is where it was.
fn dies(scenario: &Scenario, deaths: Deaths) {
    let calm = run(scenario, Deaths::default());
    let mut rough = Rig::on(
        card(scenario.seed),
        scenario,
        Deaths { most: DEATHS, steps_apart: calm.steps() / (2 * DEATHS), ..deaths },
    );
    rough.play();
    println!("{}: {:?}, {} repeated", rough.place(), rough.tally, rough.archive.repeated());
    assert!(rough.tally.deaths >= DEATHS / 2, "{}: too few deaths", rough.place());
    rough.archive.check();
    assert_eq!(rough.archive.sums_of_all(), calm.archive.sums_of_all(), "{}", rough.place());
}

#[test]
fn a_meter_that_dies_and_attaches_again_under_traffic() {
    dies(&scenario(1), Deaths::default());
}

#[test]
fn a_nic_that_goes_on_while_no_meter_is_there() {
    let mut scenario = scenario(2);
    scenario.meter.rings.punt_log2 = 13;
    dies(&scenario, Deaths { absence_ns_max: 1_500_000_000, lost_interrupts_permille: 200, ..Deaths::default() });
}
