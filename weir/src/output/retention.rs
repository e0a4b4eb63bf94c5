//! What of a directory is removed when it gets too old or too much.
//!
//! The manifest of a directory that lasts is cut into segments: `manifest-000000000000.ndjson` with the windows from
//! number 0 on, and so on, and the one that is written, `manifest.ndjson`. The chain of hashes goes through all of them. A
//! segment ends with its day (UTC), or earlier where there is a bound of bytes. Retention takes whole segments,
//! the oldest first: it writes down where the chain begins from now on (`removed.json`), takes the files away, then the
//! segment. A process that dies in between leaves the rest of it to the next.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::OutputError;
use super::manifest::{self, Line};
use super::part::{sync_folder, temporary};

/// The name of the file that says what was removed.
pub const NAME: &str = "removed.json";
/// A bound of bytes is kept to about this part of it.
const SEGMENTS_PER_BOUND: u64 = 16;
/// A day, ns.
const DAY_NS: u64 = 86_400_000_000_000;

/// How much of a directory is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Keep {
    /// Windows that ended so many nanoseconds before the newest one did may go.
    pub age_ns: Option<u64>,
    /// Files of more bytes may not be there, but for the newest segment's.
    pub bytes: Option<u64>,
}

/// What was removed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Removed {
    /// How many windows: the first one that is there has this number.
    pub windows: u64,
    /// The end of the last one, RFC 3339.
    pub until: String,
    /// The end of the last one, Unix ns.
    pub until_ns: u64,
    /// The hash of its line: the first one that is there names it as its predecessor.
    pub head: String,
}

impl Removed {
    /// What was removed from the directory `root`; none, if nothing.
    ///
    /// # Errors
    /// When the file cannot be read or says something else.
    pub fn read(root: &Path) -> Result<Option<Self>, OutputError> {
        let path = root.join(NAME);
        match fs::read(&path) {
            Ok(text) => {
                let removed = serde_json::from_slice(&text).map_err(std::io::Error::from);
                removed.map(Some).map_err(OutputError::file("read", &path))
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(OutputError::file("read", &path)(error)),
        }
    }

    /// Writes it down, whole or not at all.
    fn write(&self, root: &Path) -> Result<(), OutputError> {
        let path = root.join(NAME);
        let temporary = temporary(&path);
        let written = serde_json::to_vec(self).map_err(std::io::Error::from).and_then(|mut text| {
            text.push(b'\n');
            let mut file = File::create(&temporary)?;
            file.write_all(&text)?;
            file.sync_all()?;
            fs::rename(&temporary, &path)
        });
        written.map_err(OutputError::file("write", &path))?;
        sync_folder(&path)
    }
}

/// A segment that is whole.
#[derive(Clone, Debug)]
struct Segment {
    path: PathBuf,
    end_ns: u64,
    bytes: u64,
}

/// The segments of a directory.
#[derive(Debug)]
pub(super) struct Segments {
    root: PathBuf,
    keep: Keep,
    whole: VecDeque<Segment>,
    current: Option<Current>,
}

/// The segment that is written.
#[derive(Clone, Copy, Debug)]
struct Current {
    /// The number of its first window.
    first: u64,
    /// The start of its first window.
    start_ns: u64,
    /// Bytes of its files.
    bytes: u64,
}

impl Segments {
    /// Those of the directory `root`. What an earlier process was removing is removed.
    pub(super) fn open(root: &Path, keep: Keep) -> Result<Self, OutputError> {
        let removed = Removed::read(root)?;
        let mut segments = Self { root: root.to_owned(), keep, whole: VecDeque::new(), current: None };
        for path in manifest::files(root)? {
            let lines = manifest::read_lines(&path)?;
            let (Some((first, _)), Some((last, _))) = (lines.first(), lines.last()) else { continue };
            if removed.as_ref().is_some_and(|removed| last.window < removed.windows) {
                remove_segment(root, &path)?;
                continue;
            }
            let bytes = lines.iter().map(|(line, _)| bytes_of(line)).sum();
            if path.ends_with(manifest::NAME) {
                segments.current = Some(Current { first: first.window, start_ns: first.start_ns, bytes });
            } else {
                segments.whole.push_back(Segment { path, end_ns: last.end_ns, bytes });
            }
        }
        Ok(segments)
    }

    /// If the segment that is written ends before a window that begins at `start_ns`: the number of its first window.
    pub(super) fn ends_before(&self, start_ns: u64) -> Option<u64> {
        let bound = self.keep.bytes.map_or(u64::MAX, |bytes| bytes / SEGMENTS_PER_BOUND);
        let ends = |current: &Current| current.start_ns / DAY_NS != start_ns / DAY_NS || current.bytes > bound;
        self.current.filter(ends).map(|current| current.first)
    }

    /// The segment that was written is whole, and called `path`; `end_ns` is when its last window ended.
    pub(super) fn end(&mut self, path: PathBuf, end_ns: u64) {
        if let Some(current) = self.current.take() {
            self.whole.push_back(Segment { path, end_ns, bytes: current.bytes });
        }
    }

    /// A window is there.
    pub(super) fn add(&mut self, line: &Line) {
        let begun = Current { first: line.window, start_ns: line.start_ns, bytes: 0 };
        self.current.get_or_insert(begun).bytes += bytes_of(line);
    }

    /// Bytes of all files.
    pub(super) fn bytes(&self) -> u64 {
        self.whole.iter().map(|segment| segment.bytes).sum::<u64>() + self.current.map_or(0, |current| current.bytes)
    }

    /// Removes what is too old or too much when the newest window ends at `now_ns`.
    pub(super) fn remove_old(&mut self, now_ns: u64) -> Result<(), OutputError> {
        let age_ns = self.keep.age_ns.unwrap_or(u64::MAX);
        while let Some(oldest) = self.whole.front() {
            let is_old = now_ns.saturating_sub(oldest.end_ns) > age_ns;
            if !is_old && self.bytes() <= self.keep.bytes.unwrap_or(u64::MAX) {
                break;
            }
            let lines = manifest::read_lines(&oldest.path)?;
            if let Some((last, hash)) = lines.last() {
                let (windows, head) = (last.window + 1, hash.clone());
                Removed { windows, until: last.end.clone(), until_ns: last.end_ns, head }.write(&self.root)?;
            }
            remove_segment(&self.root, &oldest.path)?;
            self.whole.pop_front();
        }
        Ok(())
    }
}

fn bytes_of(line: &Line) -> u64 {
    line.streams.iter().flat_map(|stream| &stream.files).map(|file| file.bytes).sum()
}

/// Removes the files of a segment, the folders that are empty then, and the segment. What is gone already is no error.
fn remove_segment(root: &Path, segment: &Path) -> Result<(), OutputError> {
    let gone = |result: std::io::Result<()>| match result {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        other => other,
    };
    for (line, _) in manifest::read_lines(segment)? {
        for path in line.streams.iter().flat_map(|stream| &stream.files).filter_map(|file| file.below(root)) {
            gone(fs::remove_file(&path)).map_err(OutputError::file("remove", &path))?;
            let folders = path.ancestors().skip(1).take_while(|folder| *folder != root);
            // The first that is not empty is where it ends.
            let _ = folders.map(fs::remove_dir).take_while(Result::is_ok).count();
        }
    }
    gone(fs::remove_file(segment)).map_err(OutputError::file("remove", segment))?;
    sync_folder(segment)
}
