//! Where records go: standard output, or directories with a manifest.
//!
//! ```text
//!   meter ─ entry(stream) ─▶ RecordWriter ─┬─▶ stdout   one buffer, written whole
//!         │                                └─▶ Directory: DIR/ENI/WINDOW.log, renamed when whole
//!         └ sealed ─▶ Ledger (proofs)          └─ DIR/manifest.ndjson: a line per window, chained
//! ```
//!
//! A stream is what one flow log writes of one ENI to one destination. Bytes depend on the records
//! and the options only: no time of day, no order of a hash map.

pub mod archive;
mod directory;
mod error;
mod layout;
pub mod manifest;
pub(crate) mod pack;
mod part;
pub mod retention;
pub mod spool;
mod stdout;
mod writer;

use std::path::PathBuf;
use std::sync::Arc;

use flowlog::catalogue::Destination;
use flowlog::record::{Entry, FieldList, FlowFacts, WindowBounds};
use flowlog::window::Sealed;

use crate::assembly::{Outlet, outlets};
use crate::config::Config;
use crate::meter::Sink;
use crate::stats::Ledger;

pub use error::OutputError;
pub use layout::Layout;
pub use pack::Compression;
pub use writer::Format;

use directory::Directory;
use spool::Spool;
use stdout::Stdout;
use writer::RecordWriter;

/// Bytes that are gathered before they are written.
const BUFFER_BYTES: usize = 512 << 10;
/// From this many on they are written: what is left is room for the longest lines that come together.
const WRITE_BYTES: usize = BUFFER_BYTES - (64 << 10);

/// How records are written.
#[derive(Clone, Debug, Default)]
pub struct OutputOptions {
    /// Text, NDJSON or Parquet.
    pub format: Format,
    /// How files are compressed.
    pub compression: Compression,
    /// How directories are divided.
    pub layout: Layout,
    /// Fields in place of those of the flow logs.
    pub fields: Option<FieldList>,
    /// A directory in place of standard output.
    pub directory: Option<PathBuf>,
    /// Bytes after which a file is followed by another.
    pub rotate_bytes: Option<u64>,
    /// Whether the output of an earlier run may be replaced.
    pub overwrite: bool,
    /// Whether each window's proofs are kept.
    pub keep_windows: bool,
    /// No records at all: only the proofs count.
    pub proofs_only: bool,
    /// What goes to directories waits here until it is brought there.
    pub spool: Option<Arc<Spool>>,
}

/// Where a stream goes.
#[derive(Clone, Copy, Debug)]
enum Place {
    Nowhere,
    Stdout,
    /// The directory's number, and the stream's in it.
    Directory(usize, usize),
}

struct Route {
    vport: u16,
    place: Place,
    writer: RecordWriter,
    /// Which header its lines need.
    header: usize,
}

/// All that a replay writes.
pub struct Output {
    routes: Vec<Route>,
    stdout: Stdout,
    directories: Vec<Directory>,
    ledger: Ledger,
    records: u64,
}

impl Output {
    /// For the streams of `config`. Directories are made, and refused if they are in use.
    ///
    /// # Errors
    /// When a directory cannot be made or holds another run's records.
    pub fn new(config: &Config, options: &OutputOptions) -> Result<Self, OutputError> {
        let enis = config.catalogue.enis().iter().map(|eni| eni.id).collect();
        let mut output = Self {
            routes: Vec::new(),
            stdout: Stdout::new(),
            directories: Vec::new(),
            ledger: Ledger::new(enis, options.keep_windows),
            records: 0,
        };
        for outlet in outlets(&config.catalogue) {
            output.add(config, options, outlet)?;
        }
        if let Some(path) = &options.directory {
            // Also if no stream leads there: an empty manifest says so.
            output.directory(path.clone(), options)?;
        }
        Ok(output)
    }

    fn add(&mut self, config: &Config, options: &OutputOptions, mut outlet: Outlet) -> Result<(), OutputError> {
        if let Some(fields) = &options.fields {
            outlet.fields = fields.clone();
        }
        let writer = RecordWriter::new(&outlet, config.settings.record, options);
        let header = self.stdout.header(writer.header());
        let path = match (&outlet.destination, &options.directory) {
            (Destination::Stdout, None) => None,
            (Destination::Stdout, Some(path)) => Some(path.clone()),
            (Destination::Directory(path), _) => Some(PathBuf::from(path)),
        };
        let place = match path {
            _ if options.proofs_only => Place::Nowhere,
            None if !writer.packing().is_plain() => return Err(OutputError::NoStdout { eni: outlet.stream.eni }),
            None => Place::Stdout,
            Some(path) => {
                let number = self.directory(path, options)?;
                let Some(directory) = self.directories.get_mut(number) else { return Ok(()) };
                Place::Directory(number, directory.add(&outlet, &writer)?)
            }
        };
        self.routes.push(Route { vport: outlet.vport, place, writer, header });
        Ok(())
    }

    /// The number of a directory; it is made if it is new.
    fn directory(&mut self, path: PathBuf, options: &OutputOptions) -> Result<usize, OutputError> {
        let path = directory::made(&path)?;
        if let Some(known) = self.directories.iter().position(|directory| directory.root() == path) {
            return Ok(known);
        }
        self.directories.push(match &options.spool {
            Some(spool) => Directory::spooled(path, options, Arc::clone(spool)),
            None => Directory::open(path, options)?,
        });
        Ok(self.directories.len() - 1)
    }

    /// Ends the window in directory `number`.
    fn seal(&mut self, number: usize, sealed: &Sealed) -> Result<(), OutputError> {
        let Some(directory) = self.directories.get_mut(number) else { return Ok(()) };
        let replaced = directory.replaced(sealed);
        let sealed = replaced.as_ref().unwrap_or(sealed);
        for route in self.routes.iter_mut().filter(|_| replaced.is_some()) {
            if let Place::Directory(found, place) = route.place
                && found == number
                && let Some(entry) = sealed.status_entry(route.vport, 0)
            {
                directory.entry(place, &mut route.writer, &sealed.bounds, &entry)?;
            }
        }
        directory.seal(sealed, self.ledger.enis())
    }

    /// The proofs.
    #[must_use]
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Records written, of all streams.
    #[must_use]
    pub fn records(&self) -> u64 {
        self.records
    }

    /// Whether any record goes to standard output.
    #[must_use]
    pub fn uses_stdout(&self) -> bool {
        self.routes.iter().any(|route| matches!(route.place, Place::Stdout))
    }

    /// Writes what is still in the buffer.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn flush(&mut self) -> Result<(), OutputError> {
        self.stdout.flush()
    }
}

impl Sink for Output {
    type Error = OutputError;

    #[inline]
    fn entry(&mut self, stream: usize, window: &WindowBounds, entry: &Entry<'_>) -> Result<(), OutputError> {
        let Some(route) = self.routes.get_mut(stream) else { return Ok(()) };
        match route.place {
            Place::Nowhere => return Ok(()),
            Place::Stdout => self.stdout.entry(route.header, &mut route.writer, window, entry)?,
            Place::Directory(number, place) => {
                let Some(directory) = self.directories.get_mut(number) else { return Ok(()) };
                directory.entry(place, &mut route.writer, window, entry)?;
            }
        }
        self.records += 1;
        Ok(())
    }

    fn flows(&mut self, stream: usize, window: &WindowBounds, flows: &[FlowFacts]) -> Result<(), OutputError> {
        let Some(route) = self.routes.get_mut(stream) else { return Ok(()) };
        if !matches!(route.place, Place::Stdout) {
            return flows.iter().try_for_each(|facts| self.entry(stream, window, &Entry::Flow(facts)));
        }
        self.records += flows.len() as u64;
        self.stdout.flows(route.header, &mut route.writer, window, flows)
    }

    fn sealed(&mut self, sealed: &Sealed) -> Result<(), OutputError> {
        for number in 0..self.directories.len() {
            let result = self.seal(number, sealed);
            self.directories[number].reset();
            result?;
        }
        self.stdout.flush()?;
        self.ledger.add(sealed);
        Ok(())
    }
}
