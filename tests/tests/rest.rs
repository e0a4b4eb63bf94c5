//! A block of the RTL that rests in simulation would not have moved: beside each NIC runs one in which nobody rests, and
//! all outputs are the same in every cycle.
#![cfg(feature = "rtl")]

use sim::card::{Card, HostBus};
use sim::rtl::{RtlNic, SIZES};
use std::rc::Rc;
use weir_tests::host::Host;
use weir_tests::hostile::Hostile;
use weir_tests::lockstep::seeded;

const FRAMES: u64 = 3_000;

fn run(what: &str, seed: u64, log2: [u32; 5], flows: u64, sleepy_permille: u64) {
    seeded(what, seed, |seed| {
        let card: Rc<Card> = Card::with_nic(Box::new(RtlNic::doubled(HostBus::default(), seed)));
        let mut host = Host::new(card, SIZES, log2, 6, seed);
        host.sleepy_permille = sleepy_permille;
        host.play(&mut Hostile::new(seed, flows, 6), FRAMES);
        host.advance(1_000_000_000);
        host.look();
    });
}

#[test]
fn nobody_would_have_moved_under_a_host_without_a_plan() {
    run("many flows", 1, [8, 8, 10, 9, 9], 1_000, 50);
}

#[test]
fn nobody_would_have_moved_with_small_rings_and_a_sleepy_host() {
    run("small rings", 2, [4, 4, 4, 5, 4], 60, 400);
}
