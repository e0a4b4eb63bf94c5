//! An output directory: a file per stream and window, and the manifest.
//!
//! Records of a window go to files under temporary names. When the window is sealed, its files are
//! made lasting, get their names, and the manifest gets its line. If anything fails before that,
//! they are taken away again: what has its final name is whole and listed.
//!
//! One file is open at a time. The meter brings a window's records stream by stream; what comes
//! later, a SKIPDATA line, opens its file again.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use firmware_abi::key::Direction;
use flowlog::record::{Action, EniId, Entry, WindowBounds};
use flowlog::window::Sealed;

use super::manifest::{self, FileLine, Line, Manifest, StreamLine, Written};
use super::part::Part;
use super::writer::RecordWriter;
use super::{BUFFER_BYTES, OutputError, WRITE_BYTES};
use crate::assembly::Outlet;
use crate::stats::{Side, SideJson, rfc3339};

pub(super) struct Directory {
    root: PathBuf,
    rotate_bytes: Option<u64>,
    manifest: Manifest,
    streams: Vec<Stream>,
    /// The stream whose file is open, and what is not in it yet.
    open: Option<(usize, File)>,
    buffer: Vec<u8>,
}

struct Stream {
    vport: u16,
    /// The manifest's words for it, without what a window adds.
    line: StreamLine,
    folder: PathBuf,
    header: Vec<u8>,
    parts: Vec<Part>,
    written: Written,
}

/// The directory itself, made if it is not there, by the name that all ways to it share.
pub(super) fn made(path: &Path) -> Result<PathBuf, OutputError> {
    fs::create_dir_all(path).map_err(OutputError::file("create the directory", path))?;
    fs::canonicalize(path).map_err(OutputError::file("open the directory", path))
}

impl Directory {
    /// Begins to write to a directory that exists.
    pub(super) fn open(root: PathBuf, rotate_bytes: Option<u64>, overwrite: bool) -> Result<Self, OutputError> {
        if overwrite {
            remove_earlier(&root)?;
        }
        let manifest = Manifest::create(&root)?;
        let buffer = Vec::with_capacity(BUFFER_BYTES);
        Ok(Self { root, rotate_bytes, manifest, streams: Vec::new(), open: None, buffer })
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// Adds a stream and answers its number here.
    pub(super) fn add(&mut self, outlet: &Outlet, writer: &RecordWriter) -> Result<usize, OutputError> {
        let eni = outlet.stream.eni;
        if self.streams.iter().any(|stream| stream.line.eni == eni) {
            return Err(OutputError::Shared { eni, path: self.root.clone() });
        }
        let folder = self.root.join(eni.as_str());
        fs::create_dir_all(&folder).map_err(OutputError::file("create the directory", &folder))?;
        let line = StreamLine {
            eni,
            flow_log: outlet.flow_log.to_string(),
            format: writer.format(),
            fields: writer.fields().to_string(),
            header: !writer.header().is_empty(),
            filtered: outlet.filtered,
            written: Written::default(),
            files: Vec::new(),
        };
        let (vport, header) = (outlet.vport, writer.header().to_owned());
        self.streams.push(Stream { vport, line, folder, header, parts: Vec::new(), written: Written::default() });
        Ok(self.streams.len() - 1)
    }

    /// Writes a record of stream number `place`.
    #[inline]
    pub(super) fn entry(
        &mut self,
        place: usize,
        writer: &mut RecordWriter,
        window: &WindowBounds,
        entry: &Entry<'_>,
    ) -> Result<(), OutputError> {
        if self.open.as_ref().is_none_or(|(open, _)| *open != place) {
            self.turn_to(place, window)?;
        }
        let before = self.buffer.len();
        writer.entry(&mut self.buffer, window, entry);
        if let Some(limit) = self.rotate_bytes {
            self.rotate(place, limit, before, window)?;
        }
        let Some(stream) = self.streams.get_mut(place) else { return Ok(()) };
        if let Some(part) = stream.parts.last_mut() {
            part.records += 1;
        }
        if let Entry::Flow(facts) = entry {
            let side = match facts.direction() {
                Direction::Ingress => &mut stream.written.ingress,
                Direction::Egress => &mut stream.written.egress,
            };
            let sum = match facts.action {
                Action::Accept => &mut side.accepted,
                Action::Reject => &mut side.rejected,
            };
            sum.packets += facts.packets;
            sum.bytes += facts.bytes;
        }
        if self.buffer.len() >= WRITE_BYTES { self.spill() } else { Ok(()) }
    }

    /// Opens the file of another stream.
    #[cold]
    fn turn_to(&mut self, place: usize, window: &WindowBounds) -> Result<(), OutputError> {
        self.spill()?;
        self.open = None;
        match self.streams.get(place).and_then(|stream| stream.parts.last()) {
            Some(part) => self.open = Some((place, part.reopen()?)),
            None => self.begin_part(place, window)?,
        }
        Ok(())
    }

    fn begin_part(&mut self, place: usize, window: &WindowBounds) -> Result<(), OutputError> {
        let numbered = self.rotate_bytes.is_some();
        let Some(stream) = self.streams.get_mut(place) else { return Ok(()) };
        let number = if numbered { format!("-{:03}", stream.parts.len() + 1) } else { String::new() };
        let name = format!("{}{number}.{}", compact_time(window.start_ns), stream.line.format.extension());
        let (part, file) = Part::create(&stream.folder, &name)?;
        stream.parts.push(part);
        self.buffer.extend_from_slice(&stream.header);
        self.open = Some((place, file));
        Ok(())
    }

    /// If the record from `before` on makes the file too large, it begins the next file.
    fn rotate(&mut self, place: usize, limit: u64, before: usize, window: &WindowBounds) -> Result<(), OutputError> {
        let Some(part) = self.streams.get(place).and_then(|stream| stream.parts.last()) else { return Ok(()) };
        if part.records == 0 || part.bytes + self.buffer.len() as u64 <= limit {
            return Ok(());
        }
        let record = self.buffer.split_off(before);
        self.spill()?;
        self.open = None;
        self.begin_part(place, window)?;
        self.buffer.extend_from_slice(&record);
        Ok(())
    }

    /// Writes the buffer to the open file.
    fn spill(&mut self) -> Result<(), OutputError> {
        if let Some((place, file)) = &mut self.open
            && let Some(part) = self.streams.get_mut(*place).and_then(|stream| stream.parts.last_mut())
        {
            part.write(file, &self.buffer)?;
        }
        self.buffer.clear();
        Ok(())
    }

    /// All records of the window are in: gives its files their names, and the manifest its line.
    pub(super) fn seal(&mut self, sealed: &Sealed, enis: &[EniId]) -> Result<(), OutputError> {
        self.spill()?;
        self.open = None;
        for stream in &mut self.streams {
            for part in &mut stream.parts {
                part.name()?;
            }
            let folder = File::open(&stream.folder).and_then(|folder| folder.sync_all());
            folder.map_err(OutputError::file("sync", &stream.folder))?;
        }
        self.manifest.append(self.line(sealed, enis))?;
        for stream in &mut self.streams {
            stream.parts.iter_mut().for_each(Part::keep);
            stream.parts.clear();
            stream.written = Written::default();
        }
        Ok(())
    }

    fn line(&self, sealed: &Sealed, enis: &[EniId]) -> Line {
        let here = |vport: u16| self.streams.iter().any(|stream| stream.vport == vport);
        let proofs = sealed.proofs.iter().filter(|proof| here(proof.vport));
        let conservation = proofs.filter_map(|proof| {
            let side = Side { equation: proof.equation, limits: proof.limits };
            Some(SideJson::new(*enis.get(usize::from(proof.vport))?, proof.direction, &side))
        });
        let streams = self.streams.iter().map(|stream| {
            let file = |part: &Part| FileLine {
                path: format!("{}/{}", stream.line.eni, part.file_name()),
                records: part.records,
                bytes: part.bytes,
                sha256: part.sha256(),
            };
            let files = stream.parts.iter().map(file).collect();
            StreamLine { written: stream.written, files, ..stream.line.clone() }
        });
        Line {
            window: sealed.index,
            start: rfc3339(sealed.bounds.start_ns),
            end: rfc3339(sealed.bounds.end_ns),
            start_ns: sealed.bounds.start_ns,
            end_ns: sealed.bounds.end_ns,
            conservation: conservation.collect(),
            streams: streams.collect(),
            previous: String::new(),
            seal: String::new(),
        }
    }
}

/// A window's start as names of files have it: `20141114T000000Z`.
fn compact_time(time_ns: u64) -> String {
    match jiff::Timestamp::from_nanosecond(time_ns.into()) {
        Ok(time) => time.strftime("%Y%m%dT%H%M%SZ").to_string(),
        Err(_) => time_ns.to_string(),
    }
}

/// Takes away what an earlier run's manifest lists, and the manifest.
fn remove_earlier(root: &Path) -> Result<(), OutputError> {
    let path = root.join(manifest::NAME);
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(source) => return Err(OutputError::File { what: "read", path, source }),
    };
    let refused = |line: usize, reason: &str| OutputError::NotReplaced {
        manifest: path.clone(),
        reason: format!("line {} {reason}", line + 1),
    };
    let mut files = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let line: Line =
            serde_json::from_str(line).map_err(|error| refused(number, &format!("is none of Weir: {error}")))?;
        for file in line.streams.iter().flat_map(|stream| &stream.files) {
            files.push(file.below(root).ok_or_else(|| refused(number, "names a file outside the directory"))?);
        }
    }
    for file in files.iter().filter(|file| file.exists()) {
        fs::remove_file(file).map_err(OutputError::file("remove", file))?;
    }
    fs::remove_file(&path).map_err(OutputError::file("remove", &path))
}
