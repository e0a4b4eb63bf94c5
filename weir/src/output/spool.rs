//! The spool: windows that are whole and wait for their way to the disk.
//!
//! ```text
//!   meter ─▶ Directory ─▶ SPOOL/N.part/ENI/WINDOW.log … ─ rename ─▶ SPOOL/N/ ─▶ Archive ─▶ DIR, manifest
//!            the NIC's thread, memory only                            another thread, as slow as the disk
//! ```
//!
//! - It lies in memory that outlives the process, as the driver's state does: a window that the meter has let go
//!   is in it, also when the process is killed a moment later.
//! - A window is in it as a whole or not at all: the rename of its folder decides.
//! - It has a bound. A window that does not fit is left out, and stands there as SKIPDATA with what it held;
//!   for that line there is always room, as far as the spool's file system has any.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::OutputError;
use super::manifest::Line;

/// What says of a folder of the spool what is in it.
const DESCRIPTION: &str = "window.json";
/// How the name of a folder ends that is not whole.
const UNFINISHED: &str = ".part";

/// A window on its way to a directory.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Waiting {
    /// The directory.
    pub target: PathBuf,
    /// Windows of the NIC that were published since it was brought up.
    pub since_bring_up: u64,
    /// Whether its records were left out, for want of room.
    pub left_out: bool,
    /// Bytes of its files.
    pub bytes: u64,
    /// Its line, without its place in the chain.
    pub line: Line,
}

/// The spool.
#[derive(Debug)]
pub struct Spool {
    folder: PathBuf,
    bytes_max: u64,
    bytes: AtomicU64,
    windows: AtomicU64,
    left_out: AtomicU64,
    next: AtomicU64,
    rung: Mutex<bool>,
    bell: Condvar,
}

/// A window that is being put together.
#[derive(Debug)]
pub(super) struct Pending {
    number: u64,
    /// Where its files are.
    pub(super) folder: PathBuf,
}

impl Spool {
    /// The spool in `folder`, which is made if it is not there, with what an earlier process left in it.
    ///
    /// # Errors
    /// When the folder cannot be used.
    pub fn open(folder: &Path, bytes_max: u64) -> Result<Self, OutputError> {
        fs::create_dir_all(folder).map_err(OutputError::file("create the directory", folder))?;
        let spool = Self {
            folder: folder.to_owned(),
            bytes_max,
            bytes: AtomicU64::new(0),
            windows: AtomicU64::new(0),
            left_out: AtomicU64::new(0),
            next: AtomicU64::new(0),
            rung: Mutex::new(true),
            bell: Condvar::new(),
        };
        let entries = fs::read_dir(folder).map_err(OutputError::file("read the directory", folder))?;
        for entry in entries.flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.ends_with(UNFINISHED) {
                fs::remove_dir_all(entry.path()).map_err(OutputError::file("remove", &entry.path()))?;
            }
        }
        for (number, path) in spool.waiting()? {
            spool.next.fetch_max(number + 1, Ordering::Relaxed);
            spool.windows.fetch_add(1, Ordering::Relaxed);
            spool.bytes.fetch_add(read(&path)?.bytes, Ordering::Relaxed);
        }
        Ok(spool)
    }

    /// The same with another bound.
    #[must_use]
    pub fn bounded(self, bytes_max: u64) -> Self {
        Self { bytes_max, ..self }
    }

    /// Bytes of the windows in it.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// The most bytes of records that it takes.
    #[must_use]
    pub const fn bytes_max(&self) -> u64 {
        self.bytes_max
    }

    /// Windows in it, once for each directory that they go to.
    #[must_use]
    pub fn windows(&self) -> u64 {
        self.windows.load(Ordering::Relaxed)
    }

    /// Windows whose records were left out for want of room, since it was opened.
    #[must_use]
    pub fn left_out(&self) -> u64 {
        self.left_out.load(Ordering::Relaxed)
    }

    /// Whether so many bytes more would be too many.
    pub(super) fn is_full(&self, more: u64) -> bool {
        self.bytes() + more > self.bytes_max
    }

    /// Begins a window.
    pub(super) fn begin(&self) -> Result<Pending, OutputError> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let folder = self.folder.join(format!("{number:016}{UNFINISHED}"));
        fs::create_dir(&folder).map_err(OutputError::file("create the directory", &folder))?;
        Ok(Pending { number, folder })
    }

    /// The window is whole.
    pub(super) fn seal(&self, pending: &Pending, waiting: &Waiting) -> Result<(), OutputError> {
        let (path, whole) = (pending.folder.join(DESCRIPTION), self.folder.join(format!("{:016}", pending.number)));
        let text = serde_json::to_vec(waiting).map_err(std::io::Error::other);
        let text = text.map_err(OutputError::file("write", &path))?;
        fs::write(&path, text).map_err(OutputError::file("write", &path))?;
        fs::rename(&pending.folder, &whole).map_err(OutputError::file("create", &whole))?;
        self.bytes.fetch_add(waiting.bytes, Ordering::Relaxed);
        self.windows.fetch_add(1, Ordering::Relaxed);
        self.left_out.fetch_add(waiting.left_out.into(), Ordering::Relaxed);
        self.ring();
        Ok(())
    }

    /// Wakes who waits.
    pub fn ring(&self) {
        *self.rung.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.bell.notify_all();
    }

    /// Waits until there is something new, but not longer than `most`.
    pub fn wait(&self, most: Duration) {
        let rung = self.rung.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.bell.wait_timeout_while(rung, most, |rung| !*rung);
        let (mut rung, _) = waited.unwrap_or_else(PoisonError::into_inner);
        *rung = false;
    }

    /// The windows in it, the oldest first, and where they are.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn waiting(&self) -> Result<Vec<(u64, PathBuf)>, OutputError> {
        let entries = fs::read_dir(&self.folder).map_err(OutputError::file("read the directory", &self.folder))?;
        let number = |entry: &fs::DirEntry| entry.file_name().to_str().and_then(|name| name.parse().ok());
        let mut found: Vec<(u64, PathBuf)> =
            entries.flatten().filter_map(|entry| Some((number(&entry)?, entry.path()))).collect();
        found.sort();
        Ok(found)
    }

    /// A window has come to its end: it is taken out.
    ///
    /// # Errors
    /// When it cannot be.
    pub fn remove(&self, path: &Path, waiting: &Waiting) -> Result<(), OutputError> {
        // In this order, so that what is left of it, if anything, is no window.
        let gone = path.with_extension(&UNFINISHED[1..]);
        fs::rename(path, &gone).map_err(OutputError::file("remove", path))?;
        self.bytes.fetch_sub(waiting.bytes, Ordering::Relaxed);
        self.windows.fetch_sub(1, Ordering::Relaxed);
        fs::remove_dir_all(&gone).map_err(OutputError::file("remove", &gone))
    }
}

/// What a folder of the spool says of itself.
///
/// # Errors
/// When it cannot be read.
pub fn read(folder: &Path) -> Result<Waiting, OutputError> {
    let path = folder.join(DESCRIPTION);
    let text = fs::read(&path).map_err(OutputError::file("read", &path))?;
    serde_json::from_slice(&text).map_err(std::io::Error::from).map_err(OutputError::file("read", &path))
}
