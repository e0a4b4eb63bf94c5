//! Delivery: windows from the spool to their directories, on a thread of its own, as slow as the disk is.

use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::nic::now_ns;
use crate::output::OutputError;
use crate::output::archive::Archive;
use crate::output::manifest::Line;
use crate::output::retention::Keep;
use crate::output::spool::{self, Spool};
use crate::stats::Sum;

/// How long it waits for a window before it looks by itself, and after a failure before it tries again.
const LOOK: Duration = Duration::from_secs(1);
/// How long it tries on when the daemon ends; what is left waits for the next one.
const LAST: Duration = Duration::from_secs(5);
/// Windows that are remembered.
const REMEMBERED: usize = 256;

/// A window that is on disk.
#[derive(Clone, Debug, Serialize)]
pub struct Published {
    /// Its number in the directory.
    pub window: u64,
    /// Its start, RFC 3339.
    pub start: String,
    /// Its end.
    pub end: String,
    /// The directory.
    pub directory: PathBuf,
    /// Records of flows, NODATA and SKIPDATA.
    pub records: u64,
    /// What crossed, all ENIs.
    pub offered: Sum,
    /// What was accepted.
    pub accepted: Sum,
    /// What was rejected.
    pub rejected: Sum,
    /// What was explicitly skipped.
    pub skipped: Sum,
    /// Packets of the largest residual: 0, or something is wrong.
    pub residual: i128,
    /// Whether its records were left out, for want of room in the spool.
    pub left_out: bool,
    /// Whether the NIC was brought up at its start.
    pub brought_up: bool,
    /// From its end to when it was on disk, ms.
    pub published_after_ms: u64,
}

impl Published {
    fn new(directory: PathBuf, line: &Line, left_out: bool) -> Self {
        let sum = |of: fn(&crate::stats::SideJson) -> Sum| {
            line.conservation.iter().map(of).fold(Sum::default(), |sum, side| Sum {
                packets: sum.packets + side.packets,
                bytes: sum.bytes + side.bytes,
            })
        };
        let residuals = line.conservation.iter().flat_map(|side| [side.residual.packets, side.residual.bytes]);
        Self {
            window: line.window,
            start: line.start.clone(),
            end: line.end.clone(),
            directory,
            records: line.streams.iter().flat_map(|stream| &stream.files).map(|file| file.records).sum(),
            offered: sum(|side| side.offered),
            accepted: sum(|side| side.accepted),
            rejected: sum(|side| side.rejected),
            skipped: sum(|side| side.skipped),
            residual: residuals.max_by_key(|residual| residual.unsigned_abs()).unwrap_or_default(),
            left_out,
            brought_up: line.brought_up,
            published_after_ms: now_ns().saturating_sub(line.end_ns) / 1_000_000,
        }
    }
}

/// What delivery has done, for whoever asks.
#[derive(Debug, Default)]
pub struct Delivered {
    windows: Mutex<VecDeque<Published>>,
    count: AtomicU64,
    records: AtomicU64,
    failures: AtomicU64,
    bytes: AtomicU64,
    failure: Mutex<Option<String>>,
    ends: AtomicBool,
}

impl Delivered {
    /// The last windows, the oldest first.
    #[must_use]
    pub fn windows(&self) -> Vec<Published> {
        self.windows.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    /// Windows and records brought to disk, and times that it failed.
    #[must_use]
    pub fn counts(&self) -> (u64, u64, u64) {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        (read(&self.count), read(&self.records), read(&self.failures))
    }

    /// Bytes of the files in all directories that were written to.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Why the oldest window does not get on, if it does not.
    #[must_use]
    pub fn failure(&self) -> Option<String> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Delivers what is there, and then no more.
    pub fn end(&self, spool: &Spool) {
        self.ends.store(true, Ordering::Relaxed);
        spool.ring();
    }

    fn add(&self, published: Published) {
        self.count.fetch_add(1, Ordering::Relaxed);
        self.records.fetch_add(published.records, Ordering::Relaxed);
        let mut windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        if windows.len() == REMEMBERED {
            windows.pop_front();
        }
        windows.push_back(published);
    }

    /// Whether that is news.
    fn set_failure(&self, failure: Option<String>) -> bool {
        self.failures.fetch_add(failure.is_some().into(), Ordering::Relaxed);
        let mut known = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        let is_news = *known != failure;
        *known = failure;
        is_news
    }
}

/// What delivery has to say while it works.
#[derive(Clone, Debug)]
pub enum News {
    /// A window is on disk.
    Published(Published),
    /// The oldest window does not get on, and why; or it does again.
    Stuck(Option<String>),
}

/// Starts the thread.
///
/// # Errors
/// When there is none.
pub fn start(
    spool: Arc<Spool>,
    delivered: Arc<Delivered>,
    keep: Keep,
    tell: impl FnMut(News) + Send + 'static,
) -> std::io::Result<JoinHandle<()>> {
    let mut delivery = Delivery { spool, delivered, keep, archives: BTreeMap::new(), tell: Box::new(tell) };
    std::thread::Builder::new().name("delivery".to_owned()).spawn(move || delivery.run())
}

struct Delivery {
    spool: Arc<Spool>,
    delivered: Arc<Delivered>,
    keep: Keep,
    archives: BTreeMap<PathBuf, Archive>,
    tell: Box<dyn FnMut(News) + Send>,
}

impl Delivery {
    fn run(&mut self) {
        let mut last = None;
        loop {
            self.spool.wait(LOOK);
            let ends = self.delivered.ends.load(Ordering::Relaxed);
            let failure = self.bring_all().err().map(|error| error.to_string());
            let is_stuck = failure.is_some();
            if self.delivered.set_failure(failure.clone()) {
                (self.tell)(News::Stuck(failure));
            }
            let begin = *last.get_or_insert_with(Instant::now);
            if !ends {
                last = None;
            } else if !is_stuck || begin.elapsed() > LAST {
                return;
            }
            if is_stuck {
                // Not at every ring: the disk is what it waits for.
                std::thread::sleep(LOOK);
            }
        }
    }

    /// Brings all that waits, in order.
    fn bring_all(&mut self) -> Result<(), OutputError> {
        for (_, path) in self.spool.waiting()? {
            let waiting = spool::read(&path)?;
            let target = &waiting.target;
            if !self.archives.contains_key(target) {
                std::fs::create_dir_all(target).map_err(OutputError::file("create the directory", target))?;
                self.archives.insert(target.clone(), Archive::open(target, self.keep)?);
            }
            let Some(archive) = self.archives.get_mut(target) else { continue };
            let taken = archive.take(&path, &waiting);
            if taken.is_err() {
                // What is there by now is to be seen anew.
                self.archives.remove(target);
            }
            let line = taken?;
            self.spool.remove(&path, &waiting)?;
            if let Some(line) = line {
                let published = Published::new(waiting.target, &line, waiting.left_out);
                self.delivered.add(published.clone());
                (self.tell)(News::Published(published));
            }
        }
        self.archives.values_mut().try_for_each(Archive::remove_old)?;
        self.delivered.bytes.store(self.archives.values().map(Archive::bytes).sum(), Ordering::Relaxed);
        Ok(())
    }
}
