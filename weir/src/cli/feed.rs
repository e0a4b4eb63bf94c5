//! Captures into a replay: read, cut to a part of time, paced, and brought to its end.

use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::{Duration, Instant};

use firmware_abi::time::SECOND_NS;
use sim::capture::{CaptureError, Merged};
use sim::frames::FrameBatch;

use super::measure::MeasureArgs;
use super::{Failure, When};
use crate::body::Body;
use crate::config::Config;
use crate::output::{Output, OutputError};
use crate::progress::Progress;
use crate::replay::Replay;
use crate::stats::Run;

/// Frames read at a time.
const READ_FRAMES: usize = 1024;
/// How far out of order the frames of a capture may be, for `--to` to end the reading.
const DISORDER_NS: u64 = 10 * SECOND_NS;
/// The longest that a paced replay sleeps before it lets the NIC's time pass.
const NAP: Duration = Duration::from_millis(50);

/// Opens captures; `-` is standard input, once.
pub(super) fn open(files: &[PathBuf]) -> Result<Merged, Failure> {
    let stdin = files.iter().filter(|file| *file == Path::new("-")).count();
    if stdin > 1 {
        return Err(Failure::Usage("found `-` more than once, expected standard input to be read once".to_owned()));
    }
    Ok(Merged::open(files)?)
}

/// The frames of captures that lie in a part of time.
pub(super) struct Reader {
    captures: Merged,
    from: Option<When>,
    to: Option<When>,
    first_ns: Option<u64>,
    read: FrameBatch,
    picked: FrameBatch,
    over: bool,
}

impl Reader {
    /// Of the part that `measure` says.
    pub(super) fn new(captures: Merged, measure: &MeasureArgs) -> Self {
        Self {
            captures,
            from: measure.from,
            to: measure.to,
            first_ns: None,
            read: FrameBatch::new(),
            picked: FrameBatch::new(),
            over: false,
        }
    }

    /// Puts the next frames, which may be none, in the place of a batch; false at the end.
    #[cfg(feature = "pci")]
    pub(super) fn read_into(&mut self, batch: &mut FrameBatch) -> Result<bool, CaptureError> {
        let is_part = self.from.is_some() || self.to.is_some();
        let more = self.next()?.is_some();
        if more {
            std::mem::swap(batch, if is_part { &mut self.picked } else { &mut self.read });
        }
        Ok(more)
    }

    /// The next frames, which may be none of a part that does not count; `None` at the end.
    fn next(&mut self) -> Result<Option<&FrameBatch>, CaptureError> {
        self.read.clear();
        if self.over || self.captures.read_into(&mut self.read, READ_FRAMES)? == 0 {
            return Ok(None);
        }
        if self.from.is_none() && self.to.is_none() {
            return Ok(Some(&self.read));
        }
        let first_ns = *self.first_ns.get_or_insert(self.read.get(0).map_or(0, |frame| frame.time_ns));
        let from_ns = self.from.map_or(0, |when| when.unix_ns(first_ns));
        let to_ns = self.to.map_or(u64::MAX, |when| when.unix_ns(first_ns));
        self.picked.clear();
        for frame in self.read.iter() {
            if (from_ns..to_ns).contains(&frame.time_ns) {
                self.picked.push(frame.time_ns, frame.wire_length, frame.bytes);
            }
            self.over |= frame.time_ns >= to_ns.saturating_add(DISORDER_NS);
        }
        Ok(Some(&self.picked))
    }
}

/// What came of the captures.
pub(super) struct Fed {
    /// The records' sink, with all windows in it.
    pub(super) output: Output,
    /// What there is to say of the replay; nothing if there was no frame.
    pub(super) run: Option<Run>,
    /// Why the captures ended early, if they did.
    pub(super) damage: Option<CaptureError>,
    /// The captures are another process's, and ended early.
    pub(super) cut: bool,
}

/// How a replay is fed.
pub(super) struct Feed<'a> {
    /// The captures.
    pub(super) captures: Merged,
    /// What counts of them.
    pub(super) measure: &'a MeasureArgs,
    /// How many times faster than the captures' clock; as fast as possible without.
    pub(super) speed: Option<f64>,
    /// Where progress shows.
    pub(super) progress: Progress,
    /// The NIC.
    pub(super) body: Body,
}

impl Feed<'_> {
    /// Replays the captures to their end, or to where they are damaged.
    pub(super) fn run(mut self, config: Config, output: Output) -> Result<Fed, Failure> {
        let config = Rc::new(config);
        let mut reader = Reader::new(self.captures, self.measure);
        let mut idle = Some(output);
        let mut replay: Option<Replay<Output>> = None;
        let mut pace = self.speed.map(Pace::new);
        let damage = loop {
            let frames = match reader.next() {
                Ok(Some(frames)) => frames,
                Ok(None) => break None,
                Err(damage) => break Some(damage),
            };
            if let (None, Some(first)) = (&replay, frames.get(0))
                && let Some(output) = idle.take()
            {
                replay = Some(Replay::start(Rc::clone(&config), &self.body, first.time_ns, |_| output)?);
            }
            if let Some(replay) = &mut replay {
                let sent = match &mut pace {
                    Some(pace) => pace.send(replay, frames),
                    None => replay.frames(frames).map_err(Failure::from),
                };
                sent.inspect_err(|_| drop(replay.sink_mut().flush()))?;
            }
            self.progress.at(reader.captures.position());
        };
        let fed = match (replay, idle) {
            (Some(replay), _) => {
                let finished = replay.finish()?;
                let run = Run {
                    counts: finished.counts,
                    statistics: finished.meter.statistics(),
                    faults: finished.meter.faults(),
                    report: finished.card.report(),
                };
                Fed { output: finished.sink, run: Some(run), damage, cut: false }
            }
            (None, Some(output)) => Fed { output, run: None, damage, cut: false },
            (None, None) => return Err(Failure::Output(OutputError::Closed)),
        };
        self.progress.done();
        Ok(fed)
    }
}

/// The pace of a clock: so many times that of the captures.
struct Pace {
    speed: f64,
    origin: Option<(Instant, u64)>,
    due: FrameBatch,
}

impl Pace {
    fn new(speed: f64) -> Self {
        Self { speed, origin: None, due: FrameBatch::new() }
    }

    /// The captures' time now.
    fn now_ns(&self, origin: (Instant, u64)) -> u64 {
        let elapsed_ns = origin.0.elapsed().as_nanos() as f64 * self.speed;
        origin.1.saturating_add(elapsed_ns as u64)
    }

    /// Sends frames when they are due. What is sent in between changes nothing of the records.
    fn send(&mut self, replay: &mut Replay<Output>, frames: &FrameBatch) -> Result<(), Failure> {
        let Some(first) = frames.get(0) else { return Ok(()) };
        let origin = *self.origin.get_or_insert_with(|| (Instant::now(), first.time_ns));
        self.due.clear();
        let mut now_ns = self.now_ns(origin);
        for frame in frames.iter() {
            if frame.time_ns > now_ns {
                replay.frames(&self.due)?;
                self.due.clear();
                now_ns = self.wait(replay, origin, frame.time_ns)?;
            }
            self.due.push(frame.time_ns, frame.wire_length, frame.bytes);
        }
        Ok(replay.frames(&self.due)?)
    }

    /// Lets time pass until a frame is due, the NIC's as well, so that windows are published in time.
    fn wait(&self, replay: &mut Replay<Output>, origin: (Instant, u64), until_ns: u64) -> Result<u64, Failure> {
        let passes = !replay.is_gap(until_ns);
        loop {
            let now_ns = self.now_ns(origin);
            if now_ns >= until_ns {
                return Ok(now_ns);
            }
            if passes {
                replay.pass(now_ns)?;
            }
            let left = Duration::from_nanos(((until_ns - now_ns) as f64 / self.speed).min(1e12) as u64);
            std::thread::sleep(left.clamp(Duration::from_micros(50), NAP));
        }
    }
}
