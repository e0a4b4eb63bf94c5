//! Replay: a capture through the simulated NIC, records out. The capture's own clock is the NIC's.

use crate::assembly::{self, Assembly, assemble};
use crate::body::{Body, BodyError};
use crate::config::{Config, TimedPolicy};
use crate::meter::{Meter, MeterError, Sink};
use firmware_abi::key::Direction;
use firmware_abi::time::SECOND_NS;
use flowlog::policy::{Policy, PolicyError, PolicyErrors};
use sim::card::{Card, Frame, Parameters, SimDevice};
use sim::frames::FrameBatch;
use sim::wire::Wire;
use std::collections::VecDeque;
use std::rc::Rc;

/// Frames that the NIC gets at a time: as many as it asks memory for ahead.
pub const BATCH: usize = 64;
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
pub struct Replay<S: Sink> {
    card: Rc<Card>,
    meter: Meter<SimDevice>,
    wire: Wire,
    sink: S,
    config: Rc<Config>,
    changes: VecDeque<TimedPolicy>,
    epoch: u32,
    window_ns: u64,
    counts: ReplayCounts,
    hairpin: bool,
    batch: usize,
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
        let changes = config.policy_timeline(start_ns)?.into();
        let parameters = Parameters {
            slots_log2: config.settings.nic.slots_log2,
            enis_log2: assembly.enis.len().next_power_of_two().trailing_zeros(),
        };
        let card = body.card(parameters)?;
        let sink = sink(&assembly);
        let wire = Wire::new(&assembly.taps);
        let window_ns = u64::from(assembly.meter.window_seconds) * SECOND_NS;
        // Only guests of one host can send to each other through it.
        let hairpin = assembly.enis.len() > 1;
        card.keep_sent(hairpin);
        let (meter, _) = Meter::attach(Rc::new(card.device()), &assembly.meter, assembly.enis, assembly.subscriptions)?;
        Ok(Self {
            card,
            meter,
            wire,
            sink,
            config,
            changes,
            epoch: 1,
            window_ns,
            counts: ReplayCounts::default(),
            hairpin,
            batch: BATCH,
        })
    }

    /// Gives the NIC so many frames at a time, at least 1. What comes of them is the same.
    pub fn set_batch(&mut self, frames: usize) {
        self.batch = frames.max(1);
    }

    /// Sends frames, oldest first.
    ///
    /// # Errors
    /// When the meter cannot go on.
    pub fn frames(&mut self, batch: &FrameBatch) -> Result<(), ReplayError<S::Error>> {
        let mut ready = Vec::with_capacity(self.batch.min(batch.len()));
        let mut next = 0;
        while let Some(frame) = batch.get(next) {
            self.change_rules(frame.time_ns)?;
            self.cross_gap(frame.time_ns)?;
            next = self.gather(batch, next, &mut ready);
            self.offer(&ready)?;
            ready.clear();
        }
        Ok(())
    }

    /// Appends what the NIC gets together: frame number `first` and those behind it, until something
    /// else is due. Answers the number of the next.
    fn gather<'a>(&mut self, batch: &'a FrameBatch, first: usize, ready: &mut Vec<Frame<'a>>) -> usize {
        let change_ns = self.changes.front().map_or(u64::MAX, |change| change.from_ns);
        let gap_ns = self.card.now_ns().saturating_add(EMPTY_WINDOWS_MAX * self.window_ns);
        let until_ns = change_ns.min(gap_ns.saturating_add(1));
        let mut next = first;
        let mut frames = batch.before(first, 1, u64::MAX);
        while frames.len() > 0 {
            next += frames.len();
            self.route(frames, ready);
            frames = batch.before(next, self.batch - ready.len(), until_ns);
        }
        next
    }

    /// Appends the frames that cross an ENI.
    fn route<'a>(&mut self, frames: impl ExactSizeIterator<Item = sim::frames::Frame<'a>>, ready: &mut Vec<Frame<'a>>) {
        let (frame_count, ready_before) = (frames.len(), ready.len());
        match self.wire.takes_all() {
            Some(vport) => ready.extend(frames.map(|frame| offered(&frame, vport, Direction::Ingress))),
            None => ready.extend(frames.filter_map(|frame| {
                let route = self.wire.route(&frame);
                let egress = route.egress.map(|vport| offered(&frame, vport, Direction::Egress));
                egress.or_else(|| route.ingress.map(|vport| offered(&frame, vport, Direction::Ingress)))
            })),
        }
        let claimed = ready.len() - ready_before;
        self.counts.frames += claimed as u64;
        self.counts.unclaimed += (frame_count - claimed) as u64;
    }

    fn offer(&mut self, frames: &[Frame<'_>]) -> Result<(), ReplayError<S::Error>> {
        let (card, meter, sink) = (&self.card, &mut self.meter, &mut self.sink);
        card.offer(frames, || meter.poll(card.now_ns(), sink))?;
        if self.hairpin {
            self.deliver()?;
        }
        self.agree()
    }

    /// Whether model and RTL, if the card has both, have done the same so far.
    fn agree(&self) -> Result<(), ReplayError<S::Error>> {
        self.card.divergence().map_or(Ok(()), |difference| Err(ReplayError::Diverged(difference)))
    }

    /// What one guest sent to another of the same host arrives there.
    fn deliver(&mut self) -> Result<(), ReplayError<S::Error>> {
        let sent = self.card.take_sent();
        let mut arriving = Vec::new();
        for frame in sent.iter().filter(|frame| frame.direction == Direction::Egress) {
            let seen =
                sim::frames::Frame { time_ns: frame.time_ns, wire_length: frame.wire_length, bytes: &frame.bytes };
            let Some(vport) = self.wire.route(&seen).ingress.filter(|vport| *vport != frame.vport) else { continue };
            arriving.push(offered(&seen, vport, Direction::Ingress));
        }
        let (card, meter, sink) = (&self.card, &mut self.meter, &mut self.sink);
        card.offer(&arriving, || meter.poll(card.now_ns(), sink))?;
        // Nothing that arrived goes out again.
        self.card.take_sent();
        Ok(())
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
            self.meter.set_policy(vport, policy, at_ns.max(self.card.now_ns()), &mut self.sink)?;
        }
        Ok(())
    }

    fn advance(&mut self, until_ns: u64) -> Result<(), ReplayError<S::Error>> {
        let (card, meter, sink) = (&self.card, &mut self.meter, &mut self.sink);
        card.advance(until_ns, || meter.poll(card.now_ns(), sink))?;
        if self.hairpin {
            self.deliver()?;
        }
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
        (self.card.now_ns() / self.window_ns + 1) * self.window_ns
    }

    /// A long stretch without a frame is one window, so that it costs a line and not a million.
    fn cross_gap(&mut self, time_ns: u64) -> Result<(), ReplayError<S::Error>> {
        if !self.is_gap(time_ns) {
            return Ok(());
        }
        self.advance(self.end_of_window_ns())?;
        self.card.sleep(time_ns - time_ns % self.window_ns);
        self.counts.gaps += 1;
        Ok(())
    }

    /// Lets the last window end and publishes it.
    ///
    /// # Errors
    /// When the meter cannot go on.
    pub fn finish(mut self) -> Result<Finished<S>, ReplayError<S::Error>> {
        let last_ns = self.card.now_ns();
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
        self.agree()?;
        Ok(Finished { card: self.card, meter: self.meter, sink: self.sink, counts: self.counts })
    }

    /// What happened so far.
    #[must_use]
    pub fn counts(&self) -> ReplayCounts {
        self.counts
    }

    /// Where the records go.
    pub fn sink_mut(&mut self) -> &mut S {
        &mut self.sink
    }
}

/// A frame as the NIC gets it.
#[inline(always)]
fn offered<'a>(frame: &sim::frames::Frame<'a>, vport: u16, direction: Direction) -> Frame<'a> {
    Frame { time_ns: frame.time_ns, wire_length: frame.wire_length, bytes: frame.bytes, vport, direction }
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
