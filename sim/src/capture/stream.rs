//! The bytes of a capture, decompressed, through a window that moves forward.
//!
//! ```text
//! file or pipe ─▶ Metered ─▶ gzip or zstd decoder ─▶ [ consumed │ window │ free ]
//! ```
//!
//! A reader of a format looks at the window, consumes what it understood and asks for more with
//! [`Stream::fill`]. A failure is reported only when bytes behind it are asked for, so everything in
//! front of a damaged place is delivered.

use std::fs::File;
use std::io::{self, BufReader, Cursor, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::error::{CaptureError, CaptureErrorKind, Compression};

/// Bytes asked of the source at a time. Small enough that the copy into a batch finds them in the
/// second-level cache.
const CHUNK: usize = 256 << 10;

type Source = Box<dyn Read + Send>;

/// The stream of one capture.
pub(super) struct Stream {
    name: String,
    source: Source,
    meter: Arc<Meter>,
    size: Option<u64>,
    compression: Compression,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    /// Where `start` is in the decompressed stream.
    offset: u64,
    ended: bool,
}

impl Stream {
    /// Opens a file, or standard input for `-`.
    pub(super) fn open(path: &Path) -> Result<Self, CaptureError> {
        if path == Path::new("-") {
            return Self::new("standard input".to_owned(), Box::new(io::stdin()), None);
        }
        let name = path.display().to_string();
        let file = File::open(path).map_err(|error| unread(&name, &error))?;
        let metadata = file.metadata().map_err(|error| unread(&name, &error))?;
        let size = metadata.is_file().then_some(metadata.len());
        Self::new(name, Box::new(file), size)
    }

    /// Takes any source of bytes. `name` is for messages, `size` is the source's length if known.
    pub(super) fn new(name: String, source: Source, size: Option<u64>) -> Result<Self, CaptureError> {
        let meter = Arc::new(Meter::default());
        let mut source = Metered { source, meter: Arc::clone(&meter) };
        let mut head = Vec::with_capacity(4);
        (&mut source).take(4).read_to_end(&mut head).map_err(|error| unread(&name, &error))?;
        let compression = detect(&head);
        let source = Cursor::new(head).chain(source);
        let source: Source = match compression {
            Compression::None => Box::new(source),
            Compression::Gzip => {
                Box::new(flate2::bufread::MultiGzDecoder::new(BufReader::with_capacity(CHUNK, source)))
            }
            Compression::Zstd => match zstd_decoder(source) {
                Ok(decoder) => decoder,
                Err(error) => return Err(unread(&name, &error)),
            },
        };
        Ok(Self {
            name,
            source,
            meter,
            size,
            compression,
            buffer: vec![0; CHUNK],
            start: 0,
            end: 0,
            offset: 0,
            ended: false,
        })
    }

    /// The bytes that are there and not consumed.
    #[inline]
    pub(super) fn window(&self) -> &[u8] {
        self.buffer.get(self.start..self.end).unwrap_or(&[])
    }

    /// Moves the window's start forward.
    #[inline]
    pub(super) fn consume(&mut self, length: usize) {
        assert!(length <= self.end - self.start, "only what is in the window can be consumed");
        self.start += length;
        self.offset += length as u64;
    }

    /// Widens the window to at least `needed` bytes. Answers how many it has, which is less than
    /// that only at the end of the stream.
    #[inline]
    pub(super) fn fill(&mut self, needed: usize) -> Result<usize, CaptureError> {
        let available = self.end - self.start;
        if available >= needed {
            return Ok(available);
        }
        self.read_until(needed)
    }

    #[cold]
    fn read_until(&mut self, needed: usize) -> Result<usize, CaptureError> {
        while self.end - self.start < needed && !self.ended {
            self.make_room();
            let free = self.buffer.get_mut(self.end..).unwrap_or(&mut []);
            match self.source.read(free) {
                Ok(0) => self.ended = true,
                // A source that claims more than it was given room for is not believed.
                Ok(length) => self.end += length.min(free.len()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(self.failure(&error)),
            }
        }
        Ok(self.end - self.start)
    }

    /// The buffer grows only when it is full of bytes that have arrived, so a length that a file
    /// merely claims costs no memory.
    fn make_room(&mut self) {
        if self.start > 0 {
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        if self.end == self.buffer.len() {
            self.buffer.resize(self.buffer.len() * 2, 0);
        }
    }

    /// Where the window starts, in bytes of the decompressed stream.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// Bytes taken from the file or pipe so far, as they lie there.
    pub(super) fn position(&self) -> u64 {
        self.meter.bytes.load(Ordering::Relaxed)
    }

    /// The file's length, if it is a file.
    pub(super) fn size(&self) -> Option<u64> {
        self.size
    }

    /// An error about what starts at the window's start.
    pub(super) fn error(&self, kind: CaptureErrorKind) -> CaptureError {
        CaptureError { file: self.name.clone(), offset: self.offset, compression: self.compression, kind }
    }

    fn failure(&self, error: &io::Error) -> CaptureError {
        let message = error.to_string();
        let source_failed = self.meter.failed.load(Ordering::Relaxed);
        let kind = if source_failed || self.compression == Compression::None {
            let kind = error.kind();
            CaptureErrorKind::Io { kind, message }
        } else {
            let format = self.compression;
            CaptureErrorKind::Corrupt { format, message }
        };
        CaptureError { offset: self.offset + (self.end - self.start) as u64, ..self.error(kind) }
    }
}

fn unread(name: &str, error: &io::Error) -> CaptureError {
    CaptureError {
        file: name.to_owned(),
        offset: 0,
        compression: Compression::None,
        kind: CaptureErrorKind::Io { kind: error.kind(), message: error.to_string() },
    }
}

/// Only gzip with deflate exists, so its third byte belongs to the magic. A Zstandard stream may
/// start with a skippable frame.
fn detect(head: &[u8]) -> Compression {
    match *head {
        [0x1f, 0x8b, 0x08, _] => Compression::Gzip,
        [0x28, 0xb5, 0x2f, 0xfd] | [0x50..=0x5f, 0x2a, 0x4d, 0x18] => Compression::Zstd,
        _ => Compression::None,
    }
}

fn zstd_decoder(source: impl Read + Send + 'static) -> io::Result<Source> {
    let mut decoder = zstd::stream::read::Decoder::with_buffer(BufReader::with_capacity(CHUNK, source))?;
    // A frame may ask for a window of this many bits and no more, as in the zstd command: 128 MiB.
    decoder.window_log_max(27)?;
    Ok(Box::new(decoder))
}

/// What is known of a source that a decoder has swallowed.
#[derive(Default)]
struct Meter {
    bytes: AtomicU64,
    failed: AtomicBool,
}

/// Counts the bytes that pass, and tells a source's failure from the decoder's.
struct Metered {
    source: Source,
    meter: Arc<Meter>,
}

impl Read for Metered {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let result = self.source.read(buffer);
        match &result {
            Ok(length) => {
                let length = *length as u64;
                self.meter.bytes.fetch_add(length, Ordering::Relaxed);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => self.meter.failed.store(true, Ordering::Relaxed),
        }
        result
    }
}
