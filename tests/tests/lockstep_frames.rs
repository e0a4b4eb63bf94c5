//! Model and RTL do the same with frames that were made to break a parser, in bursts, under a host without a plan.
//!
//! `WEIR_LOCKSTEP_FRAMES`: how many frames in all. `WEIR_LOCKSTEP_SEED`: the first seed.
#![cfg(feature = "rtl")]

use weir_tests::host::Host;
use weir_tests::hostile::Hostile;
use weir_tests::lockstep::{SIZES, card, seeded, setting};

/// Frames in all of the tests of this file.
const FRAMES: u64 = 1_000_000;
/// Tests that share them.
const SHARES: u64 = 4;
/// Of commands, completions, records, punts, injects.
const WIDE: [u32; 5] = [8, 8, 10, 9, 9];

fn run(what: &str, share: u64, log2: [u32; 5], flows: u64, sleepy_permille: u64) {
    let frames = setting("WEIR_LOCKSTEP_FRAMES", FRAMES) / SHARES;
    seeded(what, setting("WEIR_LOCKSTEP_SEED", 1) + share, |seed| {
        let started = std::time::Instant::now();
        let mut host = Host::new(card(seed), SIZES, log2, 6, seed);
        host.sleepy_permille = sleepy_permille;
        host.careful = setting("WEIR_LOCKSTEP_BURST", 0) == 1;
        host.play(&mut Hostile::new(seed, flows, 6), frames);
        for _ in 0..4 {
            host.advance(1_000_000_000);
        }
        host.look();
        println!("{what}: {frames} frames, {:.1} s", started.elapsed().as_secs_f64());
    });
}

#[test]
fn hostile_frames_of_many_flows() {
    run("many flows", 0, WIDE, 3_000, 50);
}

#[test]
fn hostile_frames_that_hit_the_same_few_slots() {
    run("few slots", 1, WIDE, 12, 50);
}

#[test]
fn hostile_frames_against_small_rings_and_a_sleepy_host() {
    run("small rings", 2, [4, 4, 4, 5, 4], 600, 400);
}

#[test]
fn hostile_frames_of_more_flows_than_there_are_slots() {
    run("full table", 3, WIDE, 40_000, 20);
}
