//! Replay: a capture through the simulated NIC, records out. The capture's own clock is the NIC's.
//!
//! ```text
//!   rule changes, gaps, windows: Replay ─▶ Bench ─┬─ Local: a card of this process, frames pushed by the caller
//!                                                 └─ of another process: see `bench`
//! ```

use crate::assembly::{self, Assembly, assemble};
use crate::bench::{Bench, Local, Settled, Staged};
use crate::body::{Body, BodyError};
use crate::config::{Config, TimedPolicy};
use crate::meter::{Meter, MeterError, Sink};
use driver::device::Device;
use driver::stage::StageError;
use firmware_abi::time::SECOND_NS;
use flowlog::policy::{Policy, PolicyError, PolicyErrors};
use sim::card::{Card, SimDevice};
use sim::frames::FrameBatch;
use std::collections::VecDeque;
use std::rc::Rc;

pub use sim::playback::BATCH;

/// Empty windows in a row that are written one by one; a longer gap of the capture is one window.
const EMPTY_WINDOWS_MAX: u64 = 1_000;
/// How long after a window's end its publication may take, ns of the NIC's time.
const SETTLE_NS: u64 = 10 * SECOND_NS;

/// Why a replay ended early.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError<S: std::error::Error + 'static> {
    /// The meter cannot go on.
    #[error(transparent)]
    Meter(#[from] MeterError<S>),
    /// The rules do not fit the ENIs.
    #[error("the rules cannot be compiled")]
    Policy(#[from] PolicyError),
    /// A change of rules cannot be made.
    #[error("a policy change cannot be made")]
    PolicyChange(#[from] PolicyErrors),
    /// There is no such NIC.
    #[error(transparent)]
    Body(#[from] BodyError),
    /// The NIC of another process cannot be moved.
    #[error(transparent)]
    Stage(#[from] StageError),
    /// Model and RTL, in lockstep, did not do the same.
    #[error("{0}")]
    Diverged(String),
    /// Publication did not come to its end.
    #[error("a window was not published within {} s of its end", SETTLE_NS / SECOND_NS)]
    Unpublished,
}

/// What happened besides the records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReplayCounts {
    /// Frames given to the NIC.
    pub frames: u64,
    /// Frames that crossed no configured ENI.
    pub unclaimed: u64,
    /// Gaps of the capture that were made one window each.
    pub gaps: u64,
}

/// A replay under way.
pub struct Replay<S: Sink, B: Bench = Local> {
    bench: B,
    meter: Meter<B::Device>,
    sink: S,
    config: Rc<Config>,
    changes: VecDeque<TimedPolicy>,
    epoch: u32,
    window_ns: u64,
    gaps: u64,
}

impl<S: Sink> Replay<S> {
    /// Powers the NIC `body` on for `config` at `start_ns`, the time of the first frame. `sink` is made for
    /// the streams that there are.
    ///
    /// # Errors
    /// When the NIC cannot be set up so.
    pub fn start(
        config: Rc<Config>,
        body: &Body,
        start_ns: u64,
        sink: impl FnOnce(&Assembly) -> S,
    ) -> Result<Self, ReplayError<S::Error>> {
        let assembly = assemble(&config, start_ns)?;
        let bench = Local::new(&config, body, &assembly)?;
        Self::on(bench, config, assembly, start_ns, sink)
    }

    /// Gives the NIC so many frames at a time, at least 1. What comes of them is the same.
    pub fn set_batch(&mut self, frames: usize) {
        self.bench.playback_mut().set_batch(frames);
    }

    /// Sends frames, oldest first.
    ///
    /// # Errors
    /// When the meter cannot go on.
    pub fn frames(&mut self, batch: &FrameBatch) -> Result<(), ReplayError<S::Error>> {
        let mut ready = Vec::new();
        let mut next = 0;
        while let Some(frame) = batch.get(next) {
            self.change_rules(frame.time_ns)?;
            self.cross_gap(frame.time_ns)?;
            let until_ns = self.until_ns();
            let (meter, sink) = (&mut self.meter, &mut self.sink);
            let host = |now_ns| meter.poll(now_ns, sink).map_err(ReplayError::from);
            next = self.bench.playback_mut().send(batch, next, until_ns, &mut ready, host)?;
            self.agree()?;
        }
        Ok(())
    }

    /// What happened so far.
    #[must_use]
    pub fn counts(&self) -> ReplayCounts {
        let (frames, unclaimed) = self.bench.frames();
        ReplayCounts { frames, unclaimed, gaps: self.gaps }
    }

    /// Lets the last window end and publishes it.
    ///
    /// # Errors
    /// When the meter cannot go on.
    pub fn finish(mut self) -> Result<Finished<S>, ReplayError<S::Error>> {
        self.end()?;
        let counts = self.counts();
        let card = Rc::clone(self.bench.card());
        Ok(Finished { card, meter: self.meter, sink: self.sink, counts })
    }
}

impl<S: Sink, B: Bench> Replay<S, B> {
    /// A replay of `assembly`, which `config` describes, on a NIC that is there, from `start_ns` on.
    ///
    /// # Errors
    /// When the NIC cannot be set up so.
    pub fn on(
        bench: B,
        config: Rc<Config>,
        assembly: Assembly,
        start_ns: u64,
        sink: impl FnOnce(&Assembly) -> S,
    ) -> Result<Self, ReplayError<S::Error>> {
        let changes = config.policy_timeline(start_ns)?.into();
        let sink = sink(&assembly);
        let window_ns = u64::from(assembly.meter.window_seconds) * SECOND_NS;
        let (meter, _) = Meter::attach(bench.device(), &assembly.meter, assembly.enis, assembly.subscriptions)?;
        Ok(Self { bench, meter, sink, config, changes, epoch: 1, window_ns, gaps: 0 })
    }

    /// Up to when, by the time of now, frames may be sent without a look at anything else.
    fn until_ns(&self) -> u64 {
        let change_ns = self.changes.front().map_or(u64::MAX, |change| change.from_ns);
        let gap_ns = self.bench.now_ns().saturating_add(EMPTY_WINDOWS_MAX * self.window_ns);
        change_ns.min(gap_ns.saturating_add(1))
    }

    /// Whether model and RTL, if the card has both, have done the same so far.
    fn agree(&self) -> Result<(), ReplayError<S::Error>> {
        self.bench.divergence().map_or(Ok(()), |difference| Err(ReplayError::Diverged(difference)))
    }

    fn change_rules(&mut self, now_ns: u64) -> Result<(), ReplayError<S::Error>> {
        while self.changes.front().is_some_and(|change| change.from_ns <= now_ns) {
            let Some(change) = self.changes.pop_front() else { break };
            self.advance(change.from_ns)?;
            self.apply(&change.policy, change.from_ns)?;
        }
        Ok(())
    }

    fn apply(&mut self, policy: &Policy, at_ns: u64) -> Result<(), ReplayError<S::Error>> {
        self.epoch += 1;
        let policies = assembly::policies(&self.config.catalogue, policy, self.epoch)?;
        for (vport, policy) in policies.into_iter().enumerate() {
            self.meter.set_policy(vport, policy, at_ns.max(self.bench.now_ns()), &mut self.sink)?;
        }
        Ok(())
    }

    fn advance(&mut self, until_ns: u64) -> Result<(), ReplayError<S::Error>> {
        let (meter, sink) = (&mut self.meter, &mut self.sink);
        let host = |now_ns| meter.poll(now_ns, sink).map_err(ReplayError::from);
        self.bench.advance(until_ns, host)?;
        self.agree()
    }

    /// Lets time pass in which no frame comes. For a replay at the pace of a clock; not for a
    /// stretch that [`Self::is_gap`].
    ///
    /// # Errors
    /// When the meter cannot go on.
    pub fn pass(&mut self, until_ns: u64) -> Result<(), ReplayError<S::Error>> {
        self.change_rules(until_ns)?;
        self.advance(until_ns)
    }

    /// Whether the stretch from now to `time_ns`, if it has no frame, is made one window.
    #[must_use]
    pub fn is_gap(&self, time_ns: u64) -> bool {
        time_ns > self.end_of_window_ns().saturating_add(EMPTY_WINDOWS_MAX * self.window_ns)
    }

    fn end_of_window_ns(&self) -> u64 {
        (self.bench.now_ns() / self.window_ns + 1) * self.window_ns
    }

    /// A long stretch without a frame is one window, so that it costs a line and not a million.
    fn cross_gap(&mut self, time_ns: u64) -> Result<(), ReplayError<S::Error>> {
        if !self.is_gap(time_ns) {
            return Ok(());
        }
        self.advance(self.end_of_window_ns())?;
        self.bench.sleep(time_ns - time_ns % self.window_ns)?;
        self.gaps += 1;
        Ok(())
    }

    /// Lets the last window end and publishes it.
    fn end(&mut self) -> Result<(), ReplayError<S::Error>> {
        let last_ns = self.bench.now_ns();
        self.change_rules(last_ns)?;
        let end_ns = (last_ns / self.window_ns + 1) * self.window_ns;
        self.advance(end_ns)?;
        let mut now_ns = end_ns;
        while self.meter.open_since_ns() < end_ns {
            now_ns += SECOND_NS / 1000;
            if now_ns > end_ns + SETTLE_NS {
                return Err(ReplayError::Unpublished);
            }
            self.advance(now_ns)?;
            self.meter.poll(now_ns, &mut self.sink)?;
        }
        self.agree()
    }

    /// The meter, to look at.
    #[must_use]
    pub fn meter(&self) -> &Meter<B::Device> {
        &self.meter
    }

    /// Where the records went so far.
    #[must_use]
    pub fn sink(&self) -> &S {
        &self.sink
    }

    /// Where the records go.
    pub fn sink_mut(&mut self) -> &mut S {
        &mut self.sink
    }
}

impl<S: Sink, D: Device + 'static> Replay<S, Staged<D>> {
    /// Has the NIC send all frames of its own source.
    ///
    /// # Errors
    /// When the meter cannot go on, or the NIC cannot be moved.
    pub fn run(&mut self) -> Result<(), ReplayError<S::Error>> {
        while let Some(next_ns) = self.bench.next_ns()? {
            self.change_rules(next_ns)?;
            self.cross_gap(next_ns)?;
            let until_ns = self.until_ns();
            let (meter, sink) = (&mut self.meter, &mut self.sink);
            self.bench.run(until_ns, |now_ns| meter.poll(now_ns, sink).map_err(ReplayError::from))?;
        }
        Ok(())
    }

    /// Lets the last window end and publishes it.
    ///
    /// # Errors
    /// When the meter cannot go on.
    pub fn finish_staged(mut self) -> Result<FinishedElsewhere<S, D>, ReplayError<S::Error>> {
        self.end()?;
        let (frames, unclaimed) = self.bench.frames();
        let counts = ReplayCounts { frames, unclaimed, gaps: self.gaps };
        Ok(FinishedElsewhere { meter: self.meter, sink: self.sink, counts })
    }
}

/// A replay on a NIC elsewhere that came to its end.
pub struct FinishedElsewhere<S, D: Device + 'static> {
    /// The NIC's meter.
    pub meter: Meter<Settled<D>>,
    /// Where the records went.
    pub sink: S,
    /// What happened.
    pub counts: ReplayCounts,
}

/// A replay that came to its end.
pub struct Finished<S> {
    /// The NIC.
    pub card: Rc<Card>,
    /// Its meter.
    pub meter: Meter<SimDevice>,
    /// Where the records went.
    pub sink: S,
    /// What happened.
    pub counts: ReplayCounts,
}
