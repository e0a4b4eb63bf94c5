//! The model's throughput, latencies and drains are those of the RTL, within 2 %, on every trace of the suite.
#![cfg(feature = "rtl")]

use sim::capture::Capture;
use weir::config::Config;
use weir::timing::{Timing, Trace, captured, generated, run};
use weir_tests::lockstep::{seeded, setting};
use weir_tests::replaying::{captures, read_capture};

/// How far the model may be off, in % of the RTL.
const ERROR_PERCENT_MAX: f64 = 2.0;

/// Runs the traces, and holds every figure to account.
fn hold(traces: &[Trace]) -> Vec<Timing> {
    let mut timings = Vec::new();
    for trace in traces.iter().filter(|trace| !trace.frames.is_empty()) {
        seeded(&trace.name, setting("WEIR_LOCKSTEP_SEED", 1), |seed| {
            let timing = run(trace, seed).unwrap_or_else(|error| panic!("{}: {error}", trace.name));
            assert_eq!(timing.frames, trace.frames.len() as u64, "{}: every frame was timed", trace.name);
            for (what, figure) in timing.figures() {
                let off = figure.error_percent;
                println!("{}: {what} {} of the RTL's {}, {off:.2} %", trace.name, figure.model, figure.rtl);
                assert!(off.abs() <= ERROR_PERCENT_MAX, "{}: {what}: {figure:?}", trace.name);
            }
            timings.push(timing);
        });
    }
    timings
}

#[test]
fn line_rate_in_every_shape_takes_the_model_as_long_as_the_rtl() {
    let timings = hold(&generated());
    let of = |name: &str| timings.iter().find(|timing| timing.trace == name).unwrap_or_else(|| panic!("no {name}"));
    // What the traces are made for does happen in them.
    assert!(of("64 bytes, 1 flow").pipeline.is_some_and(|all| all.count > 30_000), "most frames are forwarded");
    assert!(of("every length, all punted").punts.is_some_and(|all| all.count == 2_910), "every frame is punted");
    let stopped = of("64 bytes, policed");
    assert!(stopped.pipeline.is_none_or(|all| all.count < stopped.frames / 2), "the policer stops frames");
    assert!(timings.iter().all(|timing| timing.drains > 0), "every window is drained");
}

#[test]
fn captures_take_the_model_as_long_as_the_rtl_at_their_own_times_and_at_line_rate() {
    let Some(directory) = captures() else {
        println!("no captures: WEIR_CAPTURES says where they are");
        return;
    };
    let entries = std::fs::read_dir(&directory).unwrap_or_else(|error| panic!("{}: {error}", directory.display()));
    let mut files: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "pcap" || extension == "pcapng"));
    files.sort();
    for file in files {
        let capture = Capture::open(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let (frames, _) = read_capture(capture);
        let name = file.file_name().unwrap_or(file.as_os_str()).to_string_lossy();
        hold(&captured(&name, &Config::default_promiscuous(), &frames));
    }
}
