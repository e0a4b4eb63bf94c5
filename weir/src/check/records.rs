//! Reads the records of a file back, whatever their form.

use std::io;
use std::path::Path;

use firmware_abi::key::Direction;
use firmware_abi::time::SECOND_NS;
use flowlog::record::{Action, EniId, Field, FieldList, LogStatus, ParsedBody, ParsedRecord, Value, parse_line};
use serde::Deserialize;
use weir_parquet::ParquetError;

use super::{CheckError, Problem};
use crate::output::Format;
use crate::output::manifest::{FileLine, Line, StreamLine};
use crate::output::pack::hash_of;
use crate::stats::{Sum, direction_name};

/// What of a record counts here, as far as its fields say it.
#[derive(Clone, Debug, Default, Deserialize)]
struct Seen {
    #[serde(default, rename = "interface-id")]
    eni: Option<String>,
    #[serde(default, rename = "flow-direction")]
    direction: Option<String>,
    #[serde(default)]
    action: Option<Action>,
    #[serde(default, rename = "log-status")]
    status: Option<LogStatus>,
    #[serde(default)]
    packets: Option<u64>,
    #[serde(default)]
    bytes: Option<u64>,
    #[serde(default)]
    start: Option<u64>,
    #[serde(default)]
    end: Option<u64>,
    #[serde(default, rename = "x-skipped-packets")]
    skipped_packets: Option<u64>,
}

impl Seen {
    fn of_line(record: &ParsedRecord) -> Self {
        let seen = Self {
            eni: Some(record.eni.to_string()),
            status: Some(record.status()),
            start: Some(record.seconds.start),
            end: Some(record.seconds.end),
            ..Self::default()
        };
        match record.body {
            ParsedBody::Flow(flow) => {
                let (action, packets, bytes) = (Some(flow.action), Some(flow.packets), Some(flow.bytes));
                Self { action, packets, bytes, ..seen }
            }
            ParsedBody::NoData | ParsedBody::SkipData => seen,
        }
    }

    fn of_list(list: &FieldList, line: &[u8]) -> Result<Self, Problem> {
        let record = list.parse_line(line).map_err(|error| Problem::Record(error.to_string()))?;
        let text = |field| match record.get(field) {
            Some(Value::Text(text)) => Some(text.to_owned()),
            _ => None,
        };
        let number = |field| match record.get(field) {
            Some(Value::Number(number)) => Some(number),
            _ => None,
        };
        Ok(Self {
            eni: text(Field::InterfaceId),
            direction: text(Field::FlowDirection),
            action: text(Field::Action).and_then(|word| Action::from_word(word.as_bytes())),
            status: text(Field::LogStatus).and_then(|word| LogStatus::from_word(word.as_bytes())),
            packets: number(Field::Packets),
            bytes: number(Field::Bytes),
            start: number(Field::Start),
            end: number(Field::End),
            skipped_packets: number(Field::SkippedPackets),
        })
    }
}

/// Sums over the records of a stream, `[direction][action]`, and how many there are of each status.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tally {
    pub(super) sums: [[Sum; 2]; 2],
    records: u64,
    no_data: u64,
    skip_data: u64,
    skipped_packets: u64,
}

/// Which fields records have, and with them what can be compared.
#[derive(Clone, Debug)]
pub(super) struct Known {
    list: FieldList,
    /// The default line, which has its own parser.
    usual: bool,
    direction: bool,
    action: bool,
    packets: bool,
    bytes: bool,
    status: bool,
    skipped: bool,
}

impl Known {
    pub(super) fn of(stream: &StreamLine) -> Result<Self, Problem> {
        let list: FieldList = stream.fields.parse().map_err(|error| Problem::Fields(format!("{error}")))?;
        let has = |field| list.fields().contains(&field);
        Ok(Self {
            usual: stream.format == Format::Text && list == FieldList::default_format(),
            direction: has(Field::FlowDirection),
            action: has(Field::Action),
            packets: has(Field::Packets),
            bytes: has(Field::Bytes),
            status: has(Field::LogStatus),
            skipped: has(Field::SkippedPackets),
            list,
        })
    }

    fn seen(&self, format: Format, line: &[u8]) -> Result<Seen, Problem> {
        match format {
            Format::Ndjson => serde_json::from_slice(line).map_err(|error| Problem::Record(error.to_string())),
            Format::Text if self.usual => parse_line(line)
                .map(|record| Seen::of_line(&record))
                .map_err(|error| Problem::Record(error.to_string())),
            Format::Text | Format::Parquet => Seen::of_list(&self.list, line),
        }
    }

    /// The sums as far as records can tell them apart.
    fn merged(&self, mut sums: [[Sum; 2]; 2]) -> [[Sum; 2]; 2] {
        let mut merge = |from: (usize, usize), to: (usize, usize)| {
            let Sum { packets, bytes } = std::mem::take(&mut sums[from.0][from.1]);
            sums[to.0][to.1].packets += packets;
            sums[to.0][to.1].bytes += bytes;
        };
        if !self.direction {
            merge((1, 0), (0, 0));
            merge((1, 1), (0, 1));
        }
        if !self.action {
            merge((0, 1), (0, 0));
            merge((1, 1), (1, 0));
        }
        for sum in sums.as_flattened_mut() {
            sum.packets *= u64::from(self.packets);
            sum.bytes *= u64::from(self.bytes);
        }
        sums
    }

    /// Whether two sums are the same, as far as records can tell.
    pub(super) fn compare(
        &self,
        eni: EniId,
        found: [[Sum; 2]; 2],
        expected: [[Sum; 2]; 2],
        whose: &'static str,
    ) -> Result<(), Problem> {
        let (found, expected) = (self.merged(found), self.merged(expected));
        for direction in Direction::ALL {
            for (index, action) in Action::ALL.iter().enumerate() {
                let place = (direction.index(), index);
                let (found, expected) = (found[place.0][place.1], expected[place.0][place.1]);
                if found != expected {
                    let action = if self.action { action.as_str() } else { "all" };
                    let direction = if self.direction { direction_name(direction) } else { "both directions" };
                    let what = format!("{action} records, {direction},");
                    return Err(Problem::Sums { what, eni, found, expected, whose });
                }
            }
        }
        Ok(())
    }

    /// Whether NODATA and SKIPDATA lines are where they belong, and nowhere else.
    pub(super) fn check_status(&self, tally: &Tally, skipped_packets: u64) -> Result<(), Problem> {
        let same = |what, found, expected| {
            if found == expected { Ok(()) } else { Err(Problem::Number { what, found, expected }) }
        };
        if self.status {
            let skip = u64::from(skipped_packets > 0);
            same("SKIPDATA lines", tally.skip_data, skip)?;
            let flows = tally.records - tally.no_data - tally.skip_data;
            same("NODATA lines", tally.no_data, u64::from(flows + skip == 0))?;
        }
        if self.skipped { same("x-skipped-packets", tally.skipped_packets, skipped_packets) } else { Ok(()) }
    }

    fn add(&self, tally: &mut Tally, seen: &Seen) {
        tally.records += 1;
        tally.no_data += u64::from(seen.status == Some(LogStatus::NoData));
        tally.skip_data += u64::from(seen.status == Some(LogStatus::SkipData));
        tally.skipped_packets += seen.skipped_packets.unwrap_or_default();
        let egress = seen.direction.as_deref() == Some(direction_name(Direction::Egress));
        let reject = seen.action == Some(Action::Reject);
        let sum = &mut tally.sums[usize::from(egress)][usize::from(reject)];
        sum.packets = sum.packets.saturating_add(seen.packets.unwrap_or_default());
        sum.bytes = sum.bytes.saturating_add(seen.bytes.unwrap_or_default());
    }
}

/// Checks size, hash, header and every record of a file, and adds its records to `tally`.
pub(super) fn check_file(
    path: &Path,
    file: &FileLine,
    window: &Line,
    stream: &StreamLine,
    known: &Known,
    tally: &mut Tally,
) -> Result<(), CheckError> {
    let whole = |problem| CheckError::File { path: path.to_owned(), problem: Box::new(problem) };
    let packing = stream.packing().map_err(|error| whole(Problem::Fields(error.to_string())))?;
    if !packing.is_plain() {
        // Of what was packed, the bytes are to be trusted before they are taken apart.
        check_bytes(path, file)?;
    }
    let other_count = |found| whole(Problem::Number { what: "records", found, expected: file.records });
    let (mut number, mut records) = (0, 0);
    packing
        .lines(path, file.records, |text| {
            number += 1;
            let at = |problem| CheckError::Line { path: path.to_owned(), line: number, problem: Box::new(problem) };
            let line = text.strip_suffix(b"\n").ok_or_else(|| at(Problem::CutShort))?;
            if stream.header && number == 1 {
                return Ok(check_header(known, line).map_err(at)?);
            }
            let seen = known.seen(stream.format, line).map_err(at)?;
            check_record(&seen, window, stream).map_err(at)?;
            known.add(tally, &seen);
            records += 1;
            Ok(())
        })
        .map_err(|failure| match failure {
            Failure::Check(error) => error,
            Failure::Read(source) => CheckError::Read { path: path.to_owned(), source },
            Failure::Parquet(error) => whole(Problem::Record(error.to_string())),
        })?;
    if records != file.records {
        return Err(other_count(records));
    }
    if packing.is_plain() { check_bytes(path, file) } else { Ok(()) }
}

/// Whether a file has the size and hash that its manifest states.
fn check_bytes(path: &Path, file: &FileLine) -> Result<(), CheckError> {
    let whole = |problem| CheckError::File { path: path.to_owned(), problem: Box::new(problem) };
    let (bytes, found) = hash_of(path).map_err(|source| CheckError::Read { path: path.to_owned(), source })?;
    if bytes != file.bytes {
        return Err(whole(Problem::Number { what: "bytes", found: bytes, expected: file.bytes }));
    }
    if found != file.sha256 {
        return Err(whole(Problem::Hash { what: "a file whose SHA-256 is", found, expected: file.sha256.clone() }));
    }
    Ok(())
}

/// Why the lines of a file end early.
#[derive(Debug)]
enum Failure {
    Check(CheckError),
    Read(io::Error),
    Parquet(ParquetError),
}

impl From<CheckError> for Failure {
    fn from(error: CheckError) -> Self {
        Self::Check(error)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Read(error)
    }
}

impl From<ParquetError> for Failure {
    fn from(error: ParquetError) -> Self {
        Self::Parquet(error)
    }
}

fn check_header(known: &Known, line: &[u8]) -> Result<(), Problem> {
    let mut expected = Vec::new();
    known.list.write_header(&mut expected);
    expected.pop();
    if line == expected {
        return Ok(());
    }
    let [found, expected] = [line, &expected].map(|text| String::from_utf8_lossy(text).into_owned());
    Err(Problem::Fields(format!("found the header `{found}`, expected `{expected}`")))
}

/// Whether a record is of the ENI and window that its file is of.
fn check_record(seen: &Seen, window: &Line, stream: &StreamLine) -> Result<(), Problem> {
    if let Some(eni) = seen.eni.as_deref().filter(|eni| *eni != stream.eni.as_str()) {
        return Err(Problem::Record(format!("found a record of {eni}, expected {}", stream.eni)));
    }
    let (from, to) = (window.start_ns / SECOND_NS, window.end_ns / SECOND_NS);
    let start = seen.start.unwrap_or(from);
    let end = seen.end.unwrap_or(to);
    if from <= start && start <= end && end <= to {
        return Ok(());
    }
    Err(Problem::Record(format!("found times from {start} to {end}, expected them between {from} and {to}")))
}
