//! `weir lockstep`: captures through model and RTL, side by side.

use std::path::PathBuf;

use clap::Args;

use super::feed::{self, Fed, Feed};
use super::measure::MeasureArgs;
use super::replay::{TraceArgs, verdict};
use super::{Failure, print};
use crate::body::Body;
use crate::output::{Output, OutputOptions};
use crate::progress::{Progress, Unit};
use crate::stats::several;

const AFTER_HELP: &str = "\
Examples:
  weir lockstep capture.pcap
  weir lockstep --window 1s --seed 7 a.pcap b.pcapng.gz
  weir lockstep --trace waves.vcd --trace-from 1418530010 --trace-to 1418530011 capture.pcap
  weir lockstep --timing                            line rate in every shape: throughput and latency
  weir lockstep --timing --json a.pcap b.pcapng.gz  the same, and each capture, at its times and at line rate

Exit codes: 0 model and RTL do the same, 1 they differ (the first difference is told, both sides decoded),
2 wrong usage or configuration, or a weir without RTL, 3 a capture is damaged, 5 the NIC failed.";

/// Run model and RTL in lockstep.
///
/// Every frame, register access and step of time is given to both. Records, punts, completions, frames
/// that leave, interrupts and registers are compared as they come; the first difference ends the run.
#[derive(Args, Debug)]
#[command(after_help = AFTER_HELP)]
pub(super) struct LockstepArgs {
    /// Captures; - is standard input
    #[arg(required_unless_present = "timing", value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Measures how long both take for generated traces, and for each capture by itself: tables in Markdown, a
    /// cell being "model / RTL (error in %)"
    #[arg(long, conflicts_with_all = ["trace", "from", "to"])]
    timing: bool,
    /// Prints what was measured as one JSON object
    #[arg(long, requires = "timing")]
    json: bool,
    #[command(flatten)]
    measure: MeasureArgs,
    /// Seed of what no reset sets in the RTL
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    #[command(flatten)]
    trace: TraceArgs,
    /// Nothing but errors
    #[arg(long, short)]
    quiet: bool,
}

/// Traces through both, and how long they took.
#[cfg(feature = "rtl")]
fn time(args: &LockstepArgs) -> Result<(), Failure> {
    use crate::timing::{captured, generated, json, run, tables};
    use sim::capture::Capture;
    use sim::frames::FrameBatch;
    let config = args.measure.config()?;
    let mut traces = generated();
    for file in &args.files {
        let mut capture = Capture::open(file)?;
        let mut frames = FrameBatch::new();
        // What is damaged is timed up to there.
        while capture.read_into(&mut frames, 4096).is_ok_and(|count| count > 0) {}
        let name = file.file_name().unwrap_or(file.as_os_str()).to_string_lossy();
        traces.extend(captured(&name, &config, &frames));
    }
    let mut progress =
        Progress::new(Unit::Packets, Some(traces.iter().map(|trace| trace.frames.len() as u64).sum()), args.quiet);
    let mut timings = Vec::new();
    for trace in traces.iter().filter(|trace| !trace.frames.is_empty()) {
        timings.push(run(trace, args.seed)?);
        progress.at(timings.iter().map(|timing| timing.frames).sum());
    }
    progress.done();
    print(if args.json { json(&timings) } else { tables(&timings) }.as_bytes())
}

#[cfg(not(feature = "rtl"))]
fn time(_: &LockstepArgs) -> Result<(), Failure> {
    Err(Failure::from(crate::replay::ReplayError::Body(crate::body::BodyError::NotBuilt)))
}

/// Runs captures through both.
pub(super) fn run(args: &LockstepArgs) -> Result<(), Failure> {
    if args.timing {
        return time(args);
    }
    let config = args.measure.config()?;
    let captures = feed::open(&args.files)?;
    let output = Output::new(&config, &OutputOptions { proofs_only: true, ..OutputOptions::default() })?;
    let progress = Progress::new(Unit::Bytes, captures.size(), args.quiet);
    let body = Body::Lockstep(args.trace.options(args.seed)?);
    let feed = Feed { captures, measure: &args.measure, speed: None, progress, body };
    let Fed { output, run, damage, .. } = feed.run(config, output)?;
    if !args.quiet {
        let frames = run.map_or(0, |run| run.counts.frames);
        let windows = several(output.ledger().windows(), "window");
        let line = format!("{}, {windows}: model and RTL do the same (seed {})\n", several(frames, "frame"), args.seed);
        print(line.as_bytes())?;
    }
    verdict(output.ledger().broken(), damage)
}
