//! A simulated NIC to look at: a capture is replayed up to an instant, and there time stands still.

use std::convert::Infallible;
use std::error::Error;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use driver::device::Device as _;
use driver::dump::{Extent, capture};
use flowlog::catalogue::WindowSeconds;
use flowlog::record::{Entry, WindowBounds};
use flowlog::window::Sealed;
use sim::capture::Merged;
use sim::card::SimIo;
use sim::frames::FrameBatch;

use super::flows::terms;
use super::{DiagError, File, PublishedDump};
use crate::body::Body;
use crate::cli::When;
use crate::config::Config;
use crate::meter::Sink;
use crate::replay::{Replay, ReplayError};
use crate::stats::{Ledger, ledger_json};

/// Frames read at a time.
const READ_FRAMES: usize = 1024;
/// How long after the last frame the host has had its say, ns.
const SETTLE_NS: u64 = 1_000_000;

/// A replay to be looked at.
#[derive(Clone, Debug, Default)]
pub struct SimOptions {
    /// The captures.
    pub captures: Vec<PathBuf>,
    /// Who owns the ENIs and what is allowed; one ENI that takes all without.
    pub config: Option<PathBuf>,
    /// Length of a window, over the configuration's.
    pub window: Option<WindowSeconds>,
    /// Slots of the flow table per direction, as a power of two, over the configuration's.
    pub slots_log2: Option<u32>,
    /// The instant; 1 ms after the last frame without.
    pub at: Option<When>,
}

/// Keeps the proofs of what is published, and none of its records.
struct Proofs(Ledger);

impl Sink for Proofs {
    type Error = Infallible;

    fn entry(&mut self, _: usize, _: &WindowBounds, _: &Entry<'_>) -> Result<(), Infallible> {
        Ok(())
    }

    fn sealed(&mut self, sealed: &Sealed) -> Result<(), Infallible> {
        self.0.add(sealed);
        Ok(())
    }
}

/// A replay that stands still.
pub struct SimRun {
    replay: Replay<Proofs>,
    config: Rc<Config>,
    captures: Merged,
    read: FrameBatch,
    /// Frames of `read` that were sent.
    sent: usize,
    due: FrameBatch,
    now_ns: u64,
}

/// The configuration at `path`, or the one that takes every packet.
///
/// # Errors
/// When it is wrong.
pub(super) fn config(path: Option<&PathBuf>) -> Result<Config, DiagError> {
    path.map_or_else(|| Ok(Config::default_promiscuous()), |path| Ok(Config::load(path)?))
}

fn failed(error: ReplayError<Infallible>) -> DiagError {
    let mut message = error.to_string();
    let mut cause = error.source();
    while let Some(reason) = cause {
        message = format!("{message}: {reason}");
        cause = reason.source();
    }
    DiagError::Simulation(message)
}

impl SimRun {
    /// Replays up to the instant.
    pub(super) fn start(options: &SimOptions) -> Result<Self, DiagError> {
        let mut config = config(options.config.as_ref())?;
        config.settings.window = options.window.unwrap_or(config.settings.window);
        config.settings.nic.slots_log2 = options.slots_log2.unwrap_or(config.settings.nic.slots_log2);
        let config = Rc::new(config);
        let mut captures = Merged::open(&options.captures)?;
        let mut read = FrameBatch::new();
        captures.read_into(&mut read, READ_FRAMES)?;
        let Some(first_ns) = read.get(0).map(|frame| frame.time_ns) else {
            return Err(DiagError::usage("captures without a frame", "a NIC that has seen something"));
        };
        let enis = config.catalogue.enis().iter().map(|eni| eni.id).collect();
        let sink = Proofs(Ledger::new(enis, false));
        let replay = Replay::start(Rc::clone(&config), &Body::Model, first_ns, |_| sink).map_err(failed)?;
        let due = FrameBatch::new();
        let mut run = Self { replay, config, captures, read, sent: 0, due, now_ns: first_ns };
        match options.at {
            Some(at) => run.run_until(at.unix_ns(first_ns))?,
            None => {
                run.feed(u64::MAX)?;
                run.run_until(run.now_ns + SETTLE_NS)?;
            }
        }
        Ok(run)
    }

    /// Sends the frames up to `until_ns`; whether there are more.
    fn feed(&mut self, until_ns: u64) -> Result<bool, DiagError> {
        loop {
            if self.sent == self.read.len() {
                (self.sent, _) = (0, self.read.clear());
                if self.captures.read_into(&mut self.read, READ_FRAMES)? == 0 {
                    return Ok(false);
                }
            }
            self.due.clear();
            while let Some(frame) = self.read.get(self.sent).filter(|frame| frame.time_ns <= until_ns) {
                self.due.push(frame.time_ns, frame.wire_length, frame.bytes);
                self.now_ns = self.now_ns.max(frame.time_ns);
                self.sent += 1;
            }
            self.replay.frames(&self.due).map_err(failed)?;
            if self.sent < self.read.len() {
                return Ok(true);
            }
        }
    }

    fn run_until(&mut self, until_ns: u64) -> Result<(), DiagError> {
        self.feed(until_ns)?;
        if self.replay.is_gap(until_ns) {
            return Err(DiagError::usage("an instant long after the last frame", "one within a thousand windows"));
        }
        self.replay.pass(until_ns).map_err(failed)?;
        self.now_ns = self.now_ns.max(until_ns);
        Ok(())
    }

    /// Lets time pass; false if there are no frames any more.
    pub(super) fn pass(&mut self, time: Duration) -> Result<bool, DiagError> {
        let more = self.sent < self.read.len() || self.feed(self.now_ns)?;
        if more {
            self.run_until(self.now_ns.saturating_add(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)))?;
        }
        Ok(more)
    }

    /// BAR0.
    pub(super) fn io(&self) -> &SimIo {
        self.replay.meter().driver().device().io()
    }

    /// The NIC with its driver and host.
    pub(super) fn take(&self, extent: Extent) -> Result<File, DiagError> {
        // In this process, tables cost little.
        let extent = if extent == Extent::Ledgers { Extent::Everything } else { extent };
        let mut file = File::of(capture(self.io(), extent)?);
        let meter = self.replay.meter();
        file.driver = Some(meter.driver().dump());
        let mut host = meter.picture(self.now_ns);
        let ledger = &self.replay.sink().0;
        host.enis = ledger.enis().to_vec();
        let (sides, _) = ledger_json(ledger);
        host.published = PublishedDump { windows: ledger.windows(), broken: ledger.broken(), sides };
        // Rules that change on the way may have other terms under the same number.
        if self.config.policy_changes.is_empty() {
            for flow in &mut host.flows {
                let direction = flow.direction;
                flow.layers.iter_mut().for_each(|answer| terms::fill(&self.config.policy, direction, answer));
            }
        }
        file.host = Some(host);
        Ok(file)
    }
}
