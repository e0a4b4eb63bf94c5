//! A progress bar on a terminal, for what takes longer than a moment.

use std::io::IsTerminal as _;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// It is not shown before this.
const QUIET: Duration = Duration::from_millis(500);
/// It is drawn at most so often.
const STEP: Duration = Duration::from_millis(100);

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Bytes of captures.
    Bytes,
    /// Packets.
    Packets,
}

/// A bar, or nothing where there is no terminal to draw it on.
#[derive(Debug)]
pub struct Progress {
    bar: Option<ProgressBar>,
    unit: Unit,
    total: Option<u64>,
    started: Instant,
    drawn: Instant,
    wanted: bool,
}

impl Progress {
    /// With a `total` where it is known. Nothing is shown unless standard error is a terminal, nor
    /// while `quiet`.
    #[must_use]
    pub fn new(unit: Unit, total: Option<u64>, quiet: bool) -> Self {
        let wanted = !quiet && std::io::stderr().is_terminal();
        let now = Instant::now();
        Self { bar: None, unit, total, started: now, drawn: now, wanted }
    }

    /// Like [`Self::new`], and nothing is shown where it would stand between records.
    #[must_use]
    pub fn beside_records(unit: Unit, total: Option<u64>, quiet: bool, on_stdout: bool) -> Self {
        Self::new(unit, total, quiet || (on_stdout && std::io::stdout().is_terminal()))
    }

    /// So far so many; cheap enough for every batch.
    pub fn at(&mut self, position: u64) {
        if !self.wanted {
            return;
        }
        let now = Instant::now();
        if now - self.started < QUIET || now - self.drawn < STEP {
            return;
        }
        self.drawn = now;
        let (unit, total, started) = (self.unit, self.total, self.started);
        self.bar.get_or_insert_with(|| bar(unit, total, started)).set_position(position);
    }

    /// Takes the bar away.
    pub fn done(&mut self) {
        self.wanted = false;
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.done();
    }
}

fn bar(unit: Unit, total: Option<u64>, started: Instant) -> ProgressBar {
    let template = match (unit, total) {
        (Unit::Bytes, Some(_)) => "{wide_bar} {percent:>3} %  {bytes}/{total_bytes}  {bytes_per_sec}  {eta} left",
        (Unit::Bytes, None) => "{spinner} {bytes} read  {bytes_per_sec}  {elapsed}",
        (Unit::Packets, _) => "{wide_bar} {percent:>3} %  {human_pos} packets  {per_sec}  {eta} left",
    };
    let bar = ProgressBar::with_draw_target(total, ProgressDrawTarget::stderr_with_hz(10));
    let bar = bar.with_elapsed(started.elapsed());
    // A template that cannot be read leaves the default one.
    bar.set_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar
}
