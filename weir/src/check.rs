//! Checks an output directory: the chain of its manifest, its files, and that records and
//! equations say the same.
//!
//! For each line of the manifest: its seal and its predecessor's hash; that windows are gapless; that
//! no equation leaves a residual; of every file the size, the hash and every record; that the sums
//! over the records are those that the line states and, where no filter kept records out, those of the
//! equations. A record of text without `flow-direction` does not say its direction: then both
//! directions are compared together.

mod records;

use std::fs::File;
use std::io::{self, BufRead as _, BufReader};
use std::path::{Path, PathBuf};

use firmware_abi::key::Direction;
use flowlog::conservation::Equation;
use flowlog::record::EniId;

use crate::output::OutputError;
use crate::output::manifest::{self, Line, StreamLine};
use crate::output::retention::Removed;
use crate::stats::{Side, SideJson, Sum, direction_name};
use records::{Known, Tally};

/// What a sound directory holds.
#[derive(Clone, Debug, Default)]
pub struct Checked {
    /// Windows.
    pub windows: u64,
    /// Files.
    pub files: u64,
    /// Records in them.
    pub records: u64,
    /// Times that the NIC was brought up between two windows: what crossed the server meanwhile is in no window.
    pub brought_up: u64,
    /// The equations summed over all windows.
    pub totals: Vec<(EniId, Direction, Side)>,
    /// What retention removed before the first of them.
    pub removed: Option<Removed>,
    /// Hash of the last line of the manifest.
    pub head: String,
}

/// Why a directory is not sound, and where that shows first.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// Something cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// What.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A line is wrong.
    #[error("{}:{line}: {problem}", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
        /// What is wrong with it.
        problem: Box<Problem>,
    },
    /// A file is wrong, but no line of it shows where.
    #[error("{}: {problem}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: Box<Problem>,
    },
}

/// What is wrong.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// The line is none of a manifest.
    #[error("found no line of a manifest: {0}")]
    NotManifest(String),
    /// The line ends too early.
    #[error("found no line feed at its end: the line is not whole")]
    CutShort,
    /// A hash is not that of the bytes.
    #[error("found {what} {found}, expected {expected}")]
    Hash {
        /// Whose.
        what: &'static str,
        /// The hash that there is.
        found: String,
        /// The hash that there should be.
        expected: String,
    },
    /// A number is not what it should be.
    #[error("found {what} {found}, expected {expected}")]
    Number {
        /// Of what.
        what: &'static str,
        /// The number that there is.
        found: u64,
        /// The number that there should be.
        expected: u64,
    },
    /// An equation that does not hold.
    #[error("found a residual of {packets} packets and {bytes} bytes for {eni} {direction}, expected 0 and 0")]
    Residual {
        /// The ENI.
        eni: EniId,
        /// The direction.
        direction: String,
        /// Packets left.
        packets: i128,
        /// Bytes left.
        bytes: i128,
    },
    /// Sums that should be the same.
    #[error(
        "found {} packets and {} bytes of {what} of {eni}, expected {} and {} as {whose}",
        found.packets, found.bytes, expected.packets, expected.bytes
    )]
    Sums {
        /// Of which records.
        what: String,
        /// The ENI.
        eni: EniId,
        /// The sum that there is.
        found: Sum,
        /// The sum that there should be.
        expected: Sum,
        /// Who says so.
        whose: &'static str,
    },
    /// A path that leads elsewhere.
    #[error("found the path `{0}`, expected one inside the directory")]
    Path(String),
    /// A field list that cannot be.
    #[error("{0}")]
    Fields(String),
    /// No record.
    #[error("{0}")]
    Record(String),
}

/// Checks the directory `root`. `head` is the hash of its last line, if it is known from elsewhere.
///
/// # Errors
/// At the first thing that is wrong.
pub fn check_directory(root: &Path, head: Option<&str>) -> Result<Checked, CheckError> {
    let unreadable = |error: OutputError| match error {
        OutputError::File { path, source, .. } => CheckError::Read { path, source },
        error => CheckError::Read { path: root.to_owned(), source: io::Error::other(error) },
    };
    let removed = Removed::read(root).map_err(unreadable)?;
    let mut checked = Checked { removed: removed.clone(), ..Checked::default() };
    checked.head = removed.as_ref().map_or(manifest::NO_PREVIOUS.to_owned(), |removed| removed.head.clone());
    let first = removed.map_or(0, |removed| removed.windows);
    let mut end_ns = None;
    for path in manifest::files(root).map_err(unreadable)? {
        check_segment(root, &path, first, &mut end_ns, &mut checked)?;
    }
    match head {
        Some(expected) if expected != checked.head => Err(CheckError::File {
            path: root.join(manifest::NAME),
            problem: Box::new(Problem::Hash {
                what: "the last line's SHA-256",
                found: checked.head,
                expected: expected.to_owned(),
            }),
        }),
        _ => Ok(checked),
    }
}

/// Checks a file of the manifest. Windows below `first` are being removed.
fn check_segment(
    root: &Path,
    path: &Path,
    first: u64,
    end_ns: &mut Option<u64>,
    checked: &mut Checked,
) -> Result<(), CheckError> {
    let read = |source| CheckError::Read { path: path.to_owned(), source };
    let mut lines = BufReader::new(File::open(path).map_err(read)?);
    let (mut text, mut number) = (Vec::new(), 0);
    loop {
        text.clear();
        if lines.read_until(b'\n', &mut text).map_err(read)? == 0 {
            return Ok(());
        }
        number += 1;
        let at = |problem| CheckError::Line { path: path.to_owned(), line: number, problem: Box::new(problem) };
        let line = parse_line(&text).map_err(at)?;
        if line.window < first {
            continue;
        }
        check_hashes(&text, &line, &checked.head).map_err(at)?;
        check_numbers(&line, first + checked.windows, *end_ns).map_err(at)?;
        for stream in &line.streams {
            check_stream(root, &line, stream, &at, checked)?;
        }
        for side in &line.conservation {
            add_total(&mut checked.totals, side);
        }
        checked.windows += 1;
        checked.brought_up += u64::from(line.brought_up);
        checked.head = manifest::hash(&text);
        *end_ns = Some(line.end_ns);
    }
}

fn parse_line(text: &[u8]) -> Result<Line, Problem> {
    let not_manifest = |error: &dyn std::fmt::Display| Problem::NotManifest(error.to_string());
    let text = std::str::from_utf8(text).map_err(|error| not_manifest(&error))?;
    let text = text.strip_suffix('\n').ok_or(Problem::CutShort)?;
    serde_json::from_str(text).map_err(|error| not_manifest(&error))
}

/// Whether a line's hashes are right.
fn check_hashes(text: &[u8], line: &Line, previous: &str) -> Result<(), Problem> {
    let unsealed = || Problem::NotManifest("expected `seal` at its end".to_owned());
    let text = std::str::from_utf8(text).map_err(|_| unsealed())?;
    let (sealed, seal) = manifest::split_seal(text.trim_end_matches('\n')).ok_or_else(unsealed)?;
    let hash = manifest::hash(sealed.as_bytes());
    if hash != seal {
        return Err(Problem::Hash { what: "a line whose SHA-256 is", found: hash, expected: seal.to_owned() });
    }
    if line.previous != previous {
        let (found, expected) = (line.previous.clone(), previous.to_owned());
        return Err(Problem::Hash { what: "as hash of the line before", found, expected });
    }
    Ok(())
}

fn check_numbers(line: &Line, window: u64, end_ns: Option<u64>) -> Result<(), Problem> {
    let same =
        |what, found, expected| if found == expected { Ok(()) } else { Err(Problem::Number { what, found, expected }) };
    same("window", line.window, window)?;
    let goes_on_from = end_ns.filter(|_| !line.brought_up);
    same("start_ns", line.start_ns, goes_on_from.unwrap_or(line.start_ns))?;
    for side in &line.conservation {
        let (packets, bytes) = side.equation().residual();
        if (packets, bytes) != (0, 0) {
            let direction = side.direction.clone();
            return Err(Problem::Residual { eni: side.eni, direction, packets, bytes });
        }
    }
    Ok(())
}

fn check_stream(
    root: &Path,
    line: &Line,
    stream: &StreamLine,
    at: &dyn Fn(Problem) -> CheckError,
    checked: &mut Checked,
) -> Result<(), CheckError> {
    let known = Known::of(stream).map_err(at)?;
    let mut tally = Tally::default();
    for file in &stream.files {
        let path = file.below(root).ok_or_else(|| at(Problem::Path(file.path.clone())))?;
        records::check_file(&path, file, line, stream, &known, &mut tally)?;
        checked.files += 1;
        checked.records += file.records;
    }
    let of_eni = |direction: Direction| {
        let name = direction_name(direction);
        let side = line.conservation.iter().find(|side| side.eni == stream.eni && side.direction == name);
        side.map(SideJson::equation).unwrap_or_default()
    };
    let equations = Direction::ALL.map(of_eni);
    let written = [stream.written.ingress, stream.written.egress].map(|side| [side.accepted, side.rejected]);
    let same = |found, expected, whose| known.compare(stream.eni, found, expected, whose).map_err(at);
    same(tally.sums, written, "the manifest states")?;
    if !stream.filtered {
        let proved = equations.map(|equation: Equation| [equation.accepted.into(), equation.rejected.into()]);
        same(written, proved, "in the equations")?;
    }
    let skipped = equations.iter().fold(0, |sum, equation| sum + equation.skipped.packets);
    known.check_status(&tally, skipped).map_err(at)
}

fn add_total(totals: &mut Vec<(EniId, Direction, Side)>, line: &SideJson) {
    let Some(direction) = Direction::ALL.into_iter().find(|direction| direction_name(*direction) == line.direction)
    else {
        return;
    };
    let known = totals.iter_mut().find(|(eni, of, _)| *eni == line.eni && *of == direction);
    match known {
        Some((_, _, side)) => side.equation.add(&line.equation()),
        None => totals.push((line.eni, direction, Side { equation: line.equation(), ..Side::default() })),
    }
}
