//! A driver that dies at any instruction loses nothing and repeats nothing.

use weir_tests::rig::{Deaths, Rig, run};
use weir_tests::scenario::Scenario;

const DEATHS: u64 = 130;

fn deaths_of(reference: &Scenario, steps: u64) -> Deaths {
    let _ = reference;
    Deaths { most: DEATHS, steps_apart: steps, ..Deaths::default() }
}

/// The run without deaths, checked by itself.
fn undisturbed(scenario: &Scenario) -> Rig {
    let rig = run(scenario, Deaths::default());
    println!("{}: {:?}", rig.place(), rig.tally);
    rig.archive.check();
    rig
}

#[test]
fn explore() {
    let seeds: u64 = std::env::var("SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(3);
    for seed in 1..=seeds {
        let caught = std::panic::catch_unwind(|| {
            let scenario = Scenario::narrow(seed);
            let calm = undisturbed(&scenario);
            let steps = calm.steps() / DEATHS;
            let rough = run(&scenario, deaths_of(&scenario, steps));
            println!("{}: {:?} {} repeated", rough.place(), rough.tally, rough.archive.repeated());
            rough.archive.check();
            let (x, y) = (rough.archive.sums(), calm.archive.sums());
            for (key, sum) in &x { if y.get(key) != Some(sum) { println!("ROUGHSUM {key:x?} {sum:?} CALM {:?}", y.get(key)); 
              for r in rough.archive.said().iter().filter(|r| r.contains(&format!("src_port: {}, dst_port: {}", key.1[4] as u16, (key.1[4] >> 16) as u16))) { println!("  R {r}"); }
              for r in calm.archive.said().iter().filter(|r| r.contains(&format!("src_port: {}, dst_port: {}", key.1[4] as u16, (key.1[4] >> 16) as u16))) { println!("  C {r}"); }
            } }
            for (key, sum) in &y { if !x.contains_key(key) { println!("CALMSUM only {key:x?} {sum:?}"); } }
            assert!(x == y);
            let (a, b) = (rough.archive.said(), calm.archive.said());
            let (a, b): (std::collections::BTreeSet<_>, std::collections::BTreeSet<_>) =
                (a.into_iter().collect(), b.into_iter().collect());
            println!("seed {seed}: {} differences of {}", a.difference(&b).count(), b.len());
            for (a, b) in a.difference(&b).zip(b.difference(&a)).take(2) {
                println!("ROUGH {a}\nCALM  {b}");
            }
        });
        if caught.is_err() {
            println!("FAILED seed {seed}");
        }
    }
}
