//! An output directory: a file per stream and window, and the manifest.
//!
//! Records of a window go to files under temporary names. When the window is sealed, its files are
//! made lasting, get their names, and the manifest gets its line. If anything fails before that,
//! they are taken away again: what has its final name is whole and listed.
//!
//! One file is open at a time. The meter brings a window's records stream by stream; what comes
//! later, a SKIPDATA line, opens its file again.
//!
//! With a spool, files and line of a window go there, and an [`super::archive::Archive`] brings them here.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use firmware_abi::key::Direction;
use flowlog::record::{Action, EniId, Entry, WindowBounds};
use flowlog::window::Sealed;

use super::layout::{self, Layout};
use super::manifest::{self, FileLine, Line, Manifest, StreamLine, Written};
use super::pack::Packing;
use super::part::Part;
use super::retention;
use super::spool::{Pending, Spool, Waiting};
use super::writer::RecordWriter;
use super::{BUFFER_BYTES, OutputError, OutputOptions, WRITE_BYTES};
use crate::assembly::Outlet;
use crate::stats::{Side, SideJson, rfc3339};

pub(super) struct Directory {
    root: PathBuf,
    rotate_bytes: Option<u64>,
    layout: Layout,
    end: End,
    streams: Vec<Stream>,
    /// The stream whose file is open, and what is not in it yet.
    open: Option<(usize, File)>,
    buffer: Vec<u8>,
}

/// Where windows go.
enum End {
    /// To the directory itself.
    Manifest(Manifest),
    /// To the spool.
    Spool(Queue),
}

/// The way to the spool.
struct Queue {
    spool: Arc<Spool>,
    pending: Option<Pending>,
    /// The window does not fit: its records are left out.
    left_out: bool,
    /// What says so is being written, and fits.
    states_it: bool,
}

struct Stream {
    vport: u16,
    /// Whose records they are.
    of: flowlog::record::Stream,
    packing: Packing,
    /// The manifest's words for it, without what a window adds.
    line: StreamLine,
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
    pub(super) fn open(root: PathBuf, options: &OutputOptions) -> Result<Self, OutputError> {
        if options.overwrite {
            remove_earlier(&root)?;
        }
        let manifest = Manifest::create(&root)?;
        Ok(Self::new(root, options, End::Manifest(manifest)))
    }

    /// Begins to write to the spool what goes to a directory that exists.
    pub(super) fn spooled(root: PathBuf, options: &OutputOptions, spool: Arc<Spool>) -> Self {
        let queue = Queue { spool, pending: None, left_out: false, states_it: false };
        Self::new(root, options, End::Spool(queue))
    }

    fn new(root: PathBuf, options: &OutputOptions, end: End) -> Self {
        let buffer = Vec::with_capacity(BUFFER_BYTES);
        let (rotate_bytes, layout) = (options.rotate_bytes, options.layout);
        Self { root, rotate_bytes, layout, end, streams: Vec::new(), open: None, buffer }
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
        let line = StreamLine {
            eni,
            flow_log: outlet.flow_log.to_string(),
            format: writer.packing().format,
            compression: writer.packing().compression,
            fields: writer.packing().fields.to_string(),
            header: !writer.header().is_empty(),
            filtered: outlet.filtered,
            written: Written::default(),
            files: Vec::new(),
        };
        self.streams.push(Stream {
            vport: outlet.vport,
            of: outlet.stream.clone(),
            packing: writer.packing().clone(),
            line,
            header: writer.header().to_owned(),
            parts: Vec::new(),
            written: Written::default(),
        });
        Ok(self.streams.len() - 1)
    }

    /// Writes a record of stream number `place`. One that does not fit into the spool leaves its window out.
    #[inline]
    pub(super) fn entry(
        &mut self,
        place: usize,
        writer: &mut RecordWriter,
        window: &WindowBounds,
        entry: &Entry<'_>,
    ) -> Result<(), OutputError> {
        match &self.end {
            End::Manifest(_) => self.write(place, writer, window, entry),
            End::Spool(queue) if queue.left_out && !queue.states_it => Ok(()),
            End::Spool(queue) if queue.states_it => self.write(place, writer, window, entry),
            End::Spool(_) => self.write(place, writer, window, entry).or_else(|_| self.leave_out()),
        }
    }

    #[inline]
    fn write(
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
        let part = numbered.then_some(stream.parts.len() + 1);
        let name = layout::file_name(window.start_ns, part, &stream.packing);
        let path = format!("{}/{name}", self.layout.folder(&stream.of, window.start_ns));
        let (part, file) = match &mut self.end {
            End::Manifest(_) => Part::create(&self.root, path)?,
            End::Spool(queue) => Part::spooled(&queue.pending()?.folder, path)?,
        };
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
        if let End::Spool(queue) = &self.end {
            let bytes = self.window_bytes() + self.buffer.len() as u64;
            if !queue.states_it && queue.spool.is_full(bytes) {
                return Err(OutputError::SpoolFull { bytes: queue.spool.bytes_max() });
            }
        }
        if let Some((place, file)) = &mut self.open
            && let Some(part) = self.streams.get_mut(*place).and_then(|stream| stream.parts.last_mut())
        {
            part.write(file, &self.buffer)?;
        }
        self.buffer.clear();
        Ok(())
    }

    /// Bytes of the window's files.
    fn window_bytes(&self) -> u64 {
        self.streams.iter().flat_map(|stream| &stream.parts).map(|part| part.bytes).sum()
    }

    /// The window does not fit into the spool: what is there of it is taken away.
    #[cold]
    fn leave_out(&mut self) -> Result<(), OutputError> {
        self.forget_window();
        if let End::Spool(queue) = &mut self.end {
            queue.left_out = true;
        }
        Ok(())
    }

    /// Takes away what there is of a window.
    fn forget_window(&mut self) {
        self.open = None;
        self.buffer.clear();
        for stream in &mut self.streams {
            stream.parts.clear();
            stream.written = Written::default();
        }
    }

    /// All records of the window were given. If they did not fit: what is to be said in their place, the entries first.
    pub(super) fn replaced(&mut self, sealed: &Sealed) -> Option<Sealed> {
        if matches!(&self.end, End::Spool(queue) if !queue.left_out) && self.spill().is_err() {
            let Ok(()) = self.leave_out() else { return None };
        }
        let End::Spool(queue) = &mut self.end else { return None };
        queue.states_it = queue.left_out;
        queue.left_out.then(|| sealed.left_out())
    }

    /// Gives the window its place: its files get their names, and the manifest its line; or all goes to the spool.
    pub(super) fn seal(&mut self, sealed: &Sealed, enis: &[EniId]) -> Result<(), OutputError> {
        self.spill()?;
        self.open = None;
        if matches!(self.end, End::Manifest(_)) { self.publish(sealed, enis) } else { self.enqueue(sealed, enis) }?;
        self.streams.iter_mut().flat_map(|stream| &mut stream.parts).for_each(Part::keep);
        Ok(())
    }

    /// Ready for the next window; of one that could not be given its place, nothing stays.
    pub(super) fn reset(&mut self) {
        self.forget_window();
        if let End::Spool(queue) = &mut self.end {
            (queue.left_out, queue.states_it) = (false, false);
            if let Some(pending) = queue.pending.take() {
                let _ = fs::remove_dir_all(pending.folder);
            }
        }
    }

    fn publish(&mut self, sealed: &Sealed, enis: &[EniId]) -> Result<(), OutputError> {
        for stream in &mut self.streams {
            for part in &mut stream.parts {
                part.name(&stream.packing)?;
            }
        }
        let line = self.line(sealed, enis);
        let End::Manifest(manifest) = &mut self.end else { return Ok(()) };
        manifest.append(line).map(drop)
    }

    fn enqueue(&mut self, sealed: &Sealed, enis: &[EniId]) -> Result<(), OutputError> {
        let (line, bytes, target) = (self.line(sealed, enis), self.window_bytes(), self.root.clone());
        let End::Spool(queue) = &mut self.end else { return Ok(()) };
        let waiting = Waiting { target, since_bring_up: sealed.index, left_out: queue.left_out, bytes, line };
        let spool = Arc::clone(&queue.spool);
        spool.seal(queue.pending()?, &waiting)?;
        queue.pending = None;
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
                path: part.path.clone(),
                records: part.records,
                bytes: part.bytes,
                sha256: part.sha256(),
            };
            let files = stream.parts.iter().map(file).collect();
            StreamLine { written: stream.written, files, ..stream.line.clone() }
        });
        Line {
            window: sealed.index,
            brought_up: false,
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

impl Queue {
    /// The window that is being put together.
    fn pending(&mut self) -> Result<&Pending, OutputError> {
        let pending = match self.pending.take() {
            Some(pending) => pending,
            None => self.spool.begin()?,
        };
        Ok(self.pending.insert(pending))
    }
}

/// Takes away what an earlier run's manifest lists, and the manifest with its segments.
fn remove_earlier(root: &Path) -> Result<(), OutputError> {
    manifest::files(root)?.into_iter().try_for_each(|path| remove_listed(root, path))?;
    let removed = root.join(retention::NAME);
    if removed.exists() { fs::remove_file(&removed).map_err(OutputError::file("remove", &removed)) } else { Ok(()) }
}

/// Takes away what a file of a manifest lists, and the file.
fn remove_listed(root: &Path, path: PathBuf) -> Result<(), OutputError> {
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
