//! The manifest of an output directory: a JSON line per window, each with the hash of the one before.
//!
//! ```text
//!   {"window":0, … ,"previous":"00…00","seal":"<SHA-256 of the line before ,\"seal\">"}\n
//!   {"window":1, … ,"previous":"<SHA-256 of the whole line above, line feed included>","seal": … }\n
//! ```
//!
//! So a change of any line shows in the line itself and in the next one.

use std::fmt::Write as _;
use std::fs::{File, OpenOptions};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Component, Path, PathBuf};

use flowlog::record::{BadFieldList, EniId};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::OutputError;
use super::pack::{Compression, Packing};
use super::part::sync_folder;
use super::retention::Removed;
use super::writer::Format;
use crate::stats::{SideJson, Sum};

/// The manifest's name in its directory.
pub const NAME: &str = "manifest.ndjson";
/// How the names of its earlier segments begin and end.
const SEGMENT: (&str, &str) = ("manifest-", ".ndjson");
/// What the first line has for its predecessor.
pub const NO_PREVIOUS: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// A window's line.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Line {
    /// How many windows came before it.
    pub window: u64,
    /// Whether the NIC was brought up at its start: then it does not go on from the line before.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub brought_up: bool,
    /// Its start, RFC 3339.
    pub start: String,
    /// Its end.
    pub end: String,
    /// Its start, Unix ns.
    pub start_ns: u64,
    /// Its end, Unix ns.
    pub end_ns: u64,
    /// Both equations of every ENI that has a stream here.
    pub conservation: Vec<SideJson>,
    /// What was written.
    pub streams: Vec<StreamLine>,
    /// Hash of the line before.
    pub previous: String,
    /// Hash of this line up to here.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub seal: String,
}

/// What a flow log wrote of an ENI in the window.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StreamLine {
    /// The ENI.
    pub eni: EniId,
    /// The flow log.
    pub flow_log: String,
    /// Text, NDJSON or Parquet.
    pub format: Format,
    /// How its files are compressed.
    #[serde(default, skip_serializing_if = "Compression::is_none")]
    pub compression: Compression,
    /// The fields of a record.
    pub fields: String,
    /// Whether files have a header line.
    pub header: bool,
    /// Whether the flow log's filters may have kept records out.
    pub filtered: bool,
    /// Sums over the records that were written.
    pub written: Written,
    /// The files.
    pub files: Vec<FileLine>,
}

/// Sums over records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Written {
    /// From the network to the guest.
    pub ingress: ByAction,
    /// From the guest to the network.
    pub egress: ByAction,
}

/// Sums by action.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ByAction {
    /// ACCEPT.
    pub accepted: Sum,
    /// REJECT.
    pub rejected: Sum,
}

/// A file.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileLine {
    /// Its path in the directory.
    pub path: String,
    /// Records in it.
    pub records: u64,
    /// Its size.
    pub bytes: u64,
    /// The SHA-256 hash of its bytes.
    pub sha256: String,
}

impl StreamLine {
    /// The form of its files.
    ///
    /// # Errors
    /// When its field list is none.
    pub(crate) fn packing(&self) -> Result<Packing, BadFieldList> {
        Ok(Packing { format: self.format, compression: self.compression, fields: self.fields.parse()? })
    }
}

impl FileLine {
    /// Where it lies below `root`; none if the path leads out of it.
    #[must_use]
    pub fn below(&self, root: &Path) -> Option<PathBuf> {
        let path = Path::new(&self.path);
        let inside = path.components().all(|component| matches!(component, Component::Normal(_)));
        (inside && !self.path.is_empty()).then(|| root.join(path))
    }
}

/// The SHA-256 hash of some bytes, in hexadecimal digits.
#[must_use]
pub fn hash(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Bytes as hexadecimal digits.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// The part of a line that its seal is the hash of, and the seal.
#[must_use]
pub fn split_seal(line: &str) -> Option<(&str, &str)> {
    let (sealed, rest) = line.rsplit_once(",\"seal\":\"")?;
    Some((sealed, rest.strip_suffix("\"}")?))
}

/// The files of the manifest of `root`, in the order of their windows: segments, then the one that is written.
///
/// # Errors
/// When the directory cannot be read.
pub fn files(root: &Path) -> Result<Vec<PathBuf>, OutputError> {
    let failed = |error| OutputError::file("read the directory", root)(error);
    let mut segments = Vec::new();
    for entry in std::fs::read_dir(root).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name();
        let Some(name) = name.to_str() else { continue };
        let number = name.strip_prefix(SEGMENT.0).and_then(|name| name.strip_suffix(SEGMENT.1));
        if let Some(number) = number.and_then(|number| number.parse::<u64>().ok()) {
            segments.push((number, root.join(name)));
        }
    }
    segments.sort_unstable();
    let mut files: Vec<PathBuf> = segments.into_iter().map(|(_, path)| path).collect();
    files.push(root.join(NAME));
    Ok(files)
}

/// The whole lines of a file of a manifest, each with its hash; none, if there is no such file.
pub(super) fn read_lines(path: &Path) -> Result<Vec<(Line, String)>, OutputError> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(OutputError::file("open", path)(error)),
    };
    let (mut reader, mut text, mut lines) = (BufReader::new(file), Vec::new(), Vec::new());
    while reader.read_until(b'\n', &mut text).map_err(OutputError::file("read", path))? > 0 && text.ends_with(b"\n") {
        let line = serde_json::from_slice(&text).map_err(std::io::Error::from);
        lines.push((line.map_err(OutputError::file("read a line of", path))?, hash(&text)));
        text.clear();
    }
    Ok(lines)
}

/// A manifest that is being written.
#[derive(Debug)]
pub(super) struct Manifest {
    path: PathBuf,
    file: File,
    bytes: u64,
    previous: String,
}

impl Manifest {
    /// Begins the manifest of `root`; there must be none, and no segment of one.
    pub(super) fn create(root: &Path) -> Result<Self, OutputError> {
        let path = root.join(NAME);
        if let Some(segment) = files(root)?.into_iter().find(|file| *file != path) {
            return Err(OutputError::Occupied { manifest: segment });
        }
        let mut options = OpenOptions::new();
        let file = options.write(true).create_new(true).open(&path).or_else(|error| {
            let in_use = std::fs::metadata(&path).map_or(true, |known| known.len() > 0);
            // An empty one is of a run that published nothing.
            if error.kind() != std::io::ErrorKind::AlreadyExists || in_use {
                return Err(error);
            }
            options.create_new(false).open(&path)
        });
        let file = file.map_err(|source| match source.kind() {
            std::io::ErrorKind::AlreadyExists => OutputError::Occupied { manifest: path.clone() },
            _ => OutputError::File { what: "create", path: path.clone(), source },
        })?;
        Ok(Self { path, file, bytes: 0, previous: NO_PREVIOUS.to_owned() })
    }

    /// The manifest of `root`, made if there is none, and its last line, which may be a segment's. What a process that
    /// died left of a line is taken away: its window was not published.
    pub(super) fn resume(root: &Path) -> Result<(Self, Option<Line>), OutputError> {
        let path = root.join(NAME);
        let failed = |what| OutputError::file(what, &path);
        let mut options = OpenOptions::new();
        let file = options.read(true).append(true).create(true).open(&path).map_err(failed("open"))?;
        let mut reader = BufReader::new(&file);
        let (mut bytes, mut text) = (0, Vec::new());
        while reader.read_until(b'\n', &mut text).map_err(failed("read"))? > 0 && text.ends_with(b"\n") {
            bytes += text.len() as u64;
            text.clear();
        }
        file.set_len(bytes).and_then(|()| file.sync_data()).map_err(failed("write"))?;
        let mut last = None;
        for file in files(root)?.iter().rev() {
            last = read_lines(file)?.pop();
            if last.is_some() {
                break;
            }
        }
        let removed =
            || Ok::<_, OutputError>(Removed::read(root)?.map_or(NO_PREVIOUS.to_owned(), |removed| removed.head));
        let (last, previous) = match last {
            Some((line, hash)) => (Some(line), hash),
            None => (None, removed()?),
        };
        Ok((Self { path, file, bytes, previous }, last))
    }

    /// Ends the segment, whose first window has the number `first`; its path.
    pub(super) fn end_segment(&mut self, first: u64) -> Result<PathBuf, OutputError> {
        let segment = self.path.with_file_name(format!("{}{first:012}{}", SEGMENT.0, SEGMENT.1));
        std::fs::rename(&self.path, &segment).map_err(OutputError::file("create", &segment))?;
        let mut options = OpenOptions::new();
        let file = options.read(true).append(true).create(true).open(&self.path);
        self.file = file.map_err(OutputError::file("open", &self.path))?;
        self.bytes = 0;
        sync_folder(&self.path)?;
        Ok(segment)
    }

    /// Appends a window's line, whole or not at all; the line as it is there.
    pub(super) fn append(&mut self, mut line: Line) -> Result<Line, OutputError> {
        line.previous.clone_from(&self.previous);
        let failed = |error: serde_json::Error| std::io::Error::other(error);
        let mut text = serde_json::to_string(&line).map_err(failed).map_err(OutputError::file("write", &self.path))?;
        text.pop();
        let seal = hash(text.as_bytes());
        text.push_str(",\"seal\":\"");
        text.push_str(&seal);
        text.push_str("\"}\n");
        let written = self.file.write_all(text.as_bytes()).and_then(|()| self.file.sync_data());
        if let Err(source) = written {
            // Half a line would read as damage.
            let _ = self.file.set_len(self.bytes);
            return Err(OutputError::File { what: "write", path: self.path.clone(), source });
        }
        self.bytes += text.len() as u64;
        self.previous = hash(text.as_bytes());
        line.seal = seal;
        Ok(line)
    }
}
