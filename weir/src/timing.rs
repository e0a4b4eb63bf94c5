//! Model and RTL in time: the same trace through both, and how far apart their figures are.
//!
//! ```text
//!   frames at their times ─▶ 100 Gb/s wire ─┬─▶ model ─▶ reserved stages ─┐
//!                                           └─▶ RTL ───▶ cycles ──────────┴─▶ Timing: both sides, error in %
//! ```
//!
//! What is measured, and how the arrivals are made alike, is said in `docs/timing.md`.

mod table;
mod traces;

pub use table::{json, tables};
pub use traces::{Trace, captured, generated};

use crate::body::{Body, RtlOptions};
use crate::output::{Output, OutputError, OutputOptions};
use crate::replay::{Replay, ReplayError};
use serde::Serialize;
use sim::lockstep::{Measured, Side, percentile};
use std::rc::Rc;

/// A figure of both sides.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Figure {
    /// The model's.
    pub model: f64,
    /// The RTL's.
    pub rtl: f64,
    /// By how much the model is off, in % of the RTL's.
    pub error_percent: f64,
}

impl Figure {
    fn new(model: f64, rtl: f64) -> Self {
        let error_percent = if model == rtl { 0.0 } else { (model / rtl - 1.0) * 100.0 };
        Self { model, rtl, error_percent }
    }
}

/// Latencies of both sides.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Latencies {
    /// How many.
    pub count: u64,
    /// Half are at or below, ns.
    pub p50_ns: Figure,
    /// 99 % are, ns.
    pub p99_ns: Figure,
    /// 99.9 % are, ns.
    pub p999_ns: Figure,
}

impl Latencies {
    fn new(model_ps: &[u64], rtl_ps: &[u64]) -> Option<Self> {
        let figure = |per_mille| {
            let ns = |values| percentile(values, per_mille).map(|ps| ps as f64 / 1000.0);
            Some(Figure::new(ns(model_ps)?, ns(rtl_ps)?))
        };
        let count = rtl_ps.len() as u64;
        Some(Self { count, p50_ns: figure(500)?, p99_ns: figure(990)?, p999_ns: figure(999)? })
    }
}

/// What came of a trace.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Timing {
    /// The trace.
    pub trace: String,
    /// Frames offered.
    pub frames: u64,
    /// Frames a second while there were any, from the first beat in to the last one out.
    pub frames_per_second: Figure,
    /// From a forwarded frame's last beat in to its first beat out.
    pub pipeline: Option<Latencies>,
    /// From a punted frame's last beat in until host memory has its header.
    pub punts: Option<Latencies>,
    /// Windows drained.
    pub drains: u64,
    /// How long a drain took in the mean, ns.
    pub drain_ns: Option<Figure>,
    /// How long the longest took, ns.
    pub longest_drain_ns: Option<Figure>,
}

impl Timing {
    fn new(trace: &str, measured: &Measured) -> Self {
        let Measured { frames, model, rtl } = measured;
        let rate = |side: &Side| *frames as f64 / (side.busy_ps.max(1) as f64 / 1e12);
        let drains = rtl.drains_ns.len() as u64;
        let mean = |side: &Side| side.drains_ns.iter().sum::<u64>() as f64 / drains as f64;
        let longest = |side: &Side| side.drains_ns.iter().max().copied().unwrap_or(0) as f64;
        Self {
            trace: trace.to_owned(),
            frames: *frames,
            frames_per_second: Figure::new(rate(model), rate(rtl)),
            pipeline: Latencies::new(&model.pipeline_ps, &rtl.pipeline_ps),
            punts: Latencies::new(&model.punts_ps, &rtl.punts_ps),
            drains,
            drain_ns: (drains > 0).then(|| Figure::new(mean(model), mean(rtl))),
            longest_drain_ns: (drains > 0).then(|| Figure::new(longest(model), longest(rtl))),
        }
    }

    /// Every figure, with what it is.
    pub fn figures(&self) -> impl Iterator<Item = (&'static str, Figure)> {
        const PIPELINE: [&str; 3] = ["pipeline p50", "pipeline p99", "pipeline p99.9"];
        const PUNTS: [&str; 3] = ["punts p50", "punts p99", "punts p99.9"];
        let three = |names: [&'static str; 3], latencies: Option<Latencies>| {
            let figures = latencies.map(|all| [all.p50_ns, all.p99_ns, all.p999_ns]);
            figures.into_iter().flat_map(move |figures| names.into_iter().zip(figures))
        };
        let drains = self.drain_ns.map(|figure| ("drain, mean", figure)).into_iter();
        let longest = self.longest_drain_ns.map(|figure| ("drain, longest", figure));
        [("throughput", self.frames_per_second)]
            .into_iter()
            .chain(three(PIPELINE, self.pipeline))
            .chain(three(PUNTS, self.punts))
            .chain(drains)
            .chain(longest)
    }
}

/// Runs a trace through model and RTL. What no reset sets in the RTL starts from `seed`.
///
/// # Errors
/// When the NIC cannot be set up so, or the two differ in what they do.
pub fn run(trace: &Trace, seed: u64) -> Result<Timing, ReplayError<OutputError>> {
    let body = Body::Timed(RtlOptions { seed, trace: None });
    let options = OutputOptions { proofs_only: true, ..OutputOptions::default() };
    let output = Output::new(&trace.config, &options).map_err(crate::meter::MeterError::Sink)?;
    let mut measured = Measured::default();
    if let Some(first) = trace.frames.get(0) {
        let mut replay = Replay::start(Rc::new(trace.config.clone()), &body, first.time_ns, |_| output)?;
        replay.set_batch(usize::MAX);
        replay.frames(&trace.frames)?;
        measured = replay.finish()?.card.measured().unwrap_or_default();
    }
    Ok(Timing::new(&trace.name, &measured))
}
