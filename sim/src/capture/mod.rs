//! Reads and writes captures: pcap and pcapng, plain or in gzip or zstd, one file or several.
//!
//! ```text
//! Stream (bytes, decompressed) ─▶ Classic or Pcapng (packets) ─▶ LinkType (Ethernet) ─▶ FrameBatch
//! ```
//!
//! - Every frame that comes out is Ethernet without its frame check sequence; [`LinkType`] tells how
//!   other packets become Ethernet.
//! - What is in front of a damaged place is delivered, then comes an error that names the file, the
//!   byte and the reason. The reader stays there: it answers the same error again.
//! - A capture that ends between two packets has ended cleanly; no format says how many there are.
//! - Times are passed on as they are written, also where they go backwards.

mod classic;
mod error;
mod link;
mod merged;
mod options;
mod pcapng;
mod stream;
mod writer;

use std::fmt;
use std::io::Read;
use std::path::Path;

pub use error::{
    BLOCK_LENGTH_MAX, CaptureError, CaptureErrorKind, Compression, INTERFACES_MAX, PACKET_LENGTH_MAX, Part,
};
pub use link::{GROUP_MAC, HOST_MAC, LinkType, OTHER_MAC, PEER_MAC};
pub use merged::Merged;
pub use writer::PcapWriter;

use crate::frames::FrameBatch;
use classic::Classic;
use pcapng::Pcapng;
use stream::Stream;

/// One capture that is being read.
pub struct Capture {
    stream: Stream,
    format: Format,
    error: Option<CaptureError>,
}

#[derive(Debug)]
enum Format {
    Classic(Classic),
    Pcapng(Pcapng),
}

impl Capture {
    /// Opens a capture file, or standard input if the path is `-`, and reads its header.
    ///
    /// # Errors
    ///
    /// The file cannot be read, is no capture, or is damaged in its header.
    pub fn open(path: &Path) -> Result<Self, CaptureError> {
        Self::start(Stream::open(path)?)
    }

    /// Takes a capture from any source of bytes. `name` is what errors call it.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub fn from_reader(name: impl Into<String>, reader: impl Read + Send + 'static) -> Result<Self, CaptureError> {
        Self::start(Stream::new(name.into(), Box::new(reader), None)?)
    }

    fn start(mut stream: Stream) -> Result<Self, CaptureError> {
        stream.fill(4)?;
        let format = match *stream.window() {
            [] => return Err(stream.error(CaptureErrorKind::Empty)),
            [a, b, c, d, ..] => {
                let head = [a, b, c, d];
                let magic = u32::from_be_bytes(head);
                if Classic::recognises(head) {
                    Format::Classic(Classic::start(&mut stream)?)
                } else if magic == pcapng::BLOCK_SECTION {
                    Format::Pcapng(Pcapng::start(&mut stream)?)
                } else {
                    return Err(stream.error(CaptureErrorKind::NotACapture { magic }));
                }
            }
            ref short => {
                return Err(stream.error(CaptureErrorKind::Truncated {
                    part: Part::FileHeader,
                    needed: 4,
                    available: short.len() as u64,
                }));
            }
        };
        Ok(Self { stream, format, error: None })
    }

    /// Appends up to `max` frames to the batch and answers how many. 0 is the end, if `max` is not.
    /// From a pipe, it waits until there are `max` frames or the end.
    ///
    /// # Errors
    ///
    /// The capture is damaged or cannot be read. An error comes only after all frames before it
    /// were delivered, from a call that appends none. From then on every call answers the same
    /// error.
    pub fn read_into(&mut self, batch: &mut FrameBatch, max: usize) -> Result<usize, CaptureError> {
        let mut added = 0;
        if self.error.is_none() {
            let result = match &mut self.format {
                Format::Classic(classic) => classic.read_into(&mut self.stream, batch, max, &mut added),
                Format::Pcapng(pcapng) => pcapng.read_into(&mut self.stream, batch, max, &mut added),
            };
            self.error = result.err();
        }
        match &self.error {
            Some(error) if added == 0 && max > 0 => Err(error.clone()),
            _ => Ok(added),
        }
    }

    /// Bytes of the file or pipe read so far, as they lie there: compressed, if they are. It runs
    /// ahead of the frames by what is buffered.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.stream.position()
    }

    /// The file's size in bytes, or `None` for a pipe.
    #[must_use]
    pub fn size(&self) -> Option<u64> {
        self.stream.size()
    }

    /// How many bytes of the capture were understood, after decompression.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.stream.offset()
    }
}

impl fmt::Debug for Capture {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Capture")
            .field("format", &self.format)
            .field("offset", &self.offset())
            .field("error", &self.error)
            .finish_non_exhaustive()
    }
}
