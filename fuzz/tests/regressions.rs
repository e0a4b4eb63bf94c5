//! What once made a target fail never does again; and the targets do what they are for.

use std::time::Duration;
use weir_fuzz::{Budget, Target, regressions_folder, run, targets};

#[test]
fn every_input_that_once_failed_is_borne() {
    let mut replayed = 0;
    for folder in std::fs::read_dir(regressions_folder()).expect("fuzz/regressions is there").flatten() {
        if !folder.path().is_dir() {
            continue;
        }
        let name = folder.file_name().to_string_lossy().into_owned();
        let target = targets::ALL.iter().find(|target| target.name == name);
        let target = target.unwrap_or_else(|| panic!("fuzz/regressions/{name} is of no target"));
        for file in std::fs::read_dir(folder.path()).expect("a folder").flatten() {
            let input = std::fs::read(file.path()).expect("a file");
            println!("{name}/{}", file.file_name().to_string_lossy());
            (target.read)(&input);
            replayed += 1;
        }
    }
    println!("{replayed} inputs replayed");
}

#[test]
fn every_seed_is_accepted() {
    for Target { name, read, seeds, .. } in targets::ALL {
        let seeds = seeds();
        assert!(!seeds.is_empty(), "{name} has no seed");
        for (number, seed) in seeds.iter().enumerate() {
            assert!(read(seed).accepted, "{name}: seed {number} is refused");
        }
    }
}

#[test]
fn the_same_seed_gives_the_same_inputs_and_another_seed_gives_others() {
    let target = targets::ALL.iter().find(|target| target.name == "record_line").expect("a target");
    let with = |seed| {
        let budget = Budget { seed, time: Duration::from_secs(60), inputs: 2_000 };
        run(target, budget).expect("it bears them")
    };
    assert_eq!(with(7), with(7));
    assert_ne!(with(7).digest, with(8).digest);
}

#[test]
fn a_panic_is_caught_and_its_input_made_shorter() {
    let target = Target {
        name: "planted",
        read: |input| {
            assert!(!input.windows(2).any(|pair| pair == b"ab"), "found ab");
            weir_fuzz::Outcome { accepted: true, kind: 0 }
        },
        seeds: || vec![b"aaaaaaaa".to_vec()],
        words: &["b"],
    };
    let budget = Budget { seed: 1, time: Duration::from_secs(60), inputs: 100_000 };
    let crash = run(&target, budget).expect_err("ab is soon found");
    assert_eq!(crash.input, b"ab");
    assert!(crash.message.starts_with("found ab at "), "{}", crash.message);
}
