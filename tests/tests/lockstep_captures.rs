//! Model and RTL do the same on real traffic, in windows of every length.
#![cfg(feature = "rtl")]

use flowlog::catalogue::WindowSeconds;
use sim::capture::Capture;
use std::path::{Path, PathBuf};
use weir::config::Config;
use weir_tests::lockstep::{SIZES, body};
use weir_tests::replaying::{captures, read_capture, replay_on};

/// The public captures; the shipped one if they are not there.
fn files() -> Vec<PathBuf> {
    let Some(directory) = captures() else {
        println!("no captures: WEIR_CAPTURES says where they are");
        return vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/small.pcap")];
    };
    let entries = std::fs::read_dir(&directory).unwrap_or_else(|error| panic!("{}: {error}", directory.display()));
    let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "pcap" || extension == "pcapng"));
    files.sort();
    assert!(!files.is_empty(), "{} has captures", directory.display());
    files
}

fn with_window(seconds: u64) -> Config {
    let mut config = Config::default_promiscuous();
    config.settings.window = WindowSeconds::new(seconds).expect("a capture window is 1 to 600 s");
    config.settings.nic.slots_log2 = SIZES.slots_log2;
    config
}

fn run_all(seconds: u64) {
    for file in files() {
        let place = format!("{}, windows of {seconds} s", file.display());
        let capture = Capture::open(&file).unwrap_or_else(|error| panic!("{place}: {error}"));
        let (batch, _) = read_capture(capture);
        if batch.is_empty() {
            continue;
        }
        let started = std::time::Instant::now();
        let replayed = replay_on(&body(seconds), with_window(seconds), &batch);
        assert_eq!(replayed.collected.proved(&place).residual(), (0, 0), "{place}");
        println!("{place}: {} frames, {:.1} s", replayed.counts.frames, started.elapsed().as_secs_f64());
    }
}

#[test]
fn all_captures_in_windows_of_a_second() {
    run_all(1);
}

#[test]
fn all_captures_in_windows_of_a_minute() {
    run_all(60);
}

#[test]
fn all_captures_in_windows_of_five_minutes() {
    run_all(300);
}
