//! Files as they lie on disk: plain, compressed, or as Parquet; and back to lines.
//!
//! A window's records are written as lines, whatever the form of the file, since lines can be appended to. When the file
//! is whole they are packed, on the thread that brings it to its directory.

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::path::Path;

use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use flowlog::record::FieldList;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use weir_parquet::ParquetError;

use super::OutputError;
use super::manifest::hex;
use super::writer::Format;

/// Bytes that are read and written at a time.
const BUFFER_BYTES: usize = 256 << 10;
/// Of zstd: above it, text gets hardly smaller.
const ZSTD_LEVEL: i32 = 6;

/// How files of text or NDJSON are compressed. Parquet compresses its own pages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Compression {
    /// Not at all.
    #[default]
    None,
    /// RFC 1952.
    Gzip,
    /// RFC 8878.
    Zstd,
}

impl Compression {
    /// Whether it does nothing.
    #[must_use]
    pub fn is_none(&self) -> bool {
        *self == Self::None
    }

    /// What it adds to the name of a file.
    #[must_use]
    pub const fn suffix(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Gzip => ".gz",
            Self::Zstd => ".zst",
        }
    }
}

/// The form of a file.
#[derive(Clone, Debug)]
pub(crate) struct Packing {
    pub(crate) format: Format,
    pub(crate) compression: Compression,
    pub(crate) fields: FieldList,
}

/// A file that was packed.
#[derive(Clone, Debug)]
pub(super) struct Packed {
    /// Its size.
    pub(super) bytes: u64,
    /// Its hash.
    pub(super) sha256: String,
    /// The hash of the lines that it was made from.
    pub(super) lines_sha256: String,
}

impl Packing {
    /// Whether a file is the very lines that are written.
    pub(crate) fn is_plain(&self) -> bool {
        self.format != Format::Parquet && self.compression.is_none()
    }

    /// Makes the file `target` from the lines in `source`, and makes it lasting.
    pub(super) fn pack(&self, source: &Path, target: &Path) -> Result<Packed, OutputError> {
        let lines = File::open(source).map_err(OutputError::file("read", source))?;
        let file = File::create(target).map_err(OutputError::file("create", target))?;
        let mut lines = BufReader::with_capacity(BUFFER_BYTES, Hashing::new(lines));
        let target_file = BufWriter::with_capacity(BUFFER_BYTES, Hashing::new(file));
        let written = self.write(&mut lines, target_file).and_then(|out| {
            let packed = out.into_inner().map_err(io::IntoInnerError::into_error)?;
            packed.inner.sync_all()?;
            Ok(packed)
        });
        let written = written.map_err(OutputError::file("write", target))?;
        let lines_sha256 = hex(&lines.into_inner().hasher.finalize());
        Ok(Packed { bytes: written.bytes, sha256: hex(&written.hasher.finalize()), lines_sha256 })
    }

    fn write<W: Write + Send>(&self, lines: &mut impl BufRead, mut out: W) -> io::Result<W> {
        match (self.format, self.compression) {
            (Format::Parquet, _) => {
                let mut writer = weir_parquet::Writer::new(self.fields.clone(), out).map_err(io::Error::other)?;
                let mut line = Vec::new();
                while lines.read_until(b'\n', &mut line)? > 0 {
                    writer.push(&line).map_err(io::Error::other)?;
                    line.clear();
                }
                writer.finish().map_err(io::Error::other)
            }
            (_, Compression::None) => io::copy(lines, &mut out).map(|_| out),
            (_, Compression::Gzip) => {
                let mut encoder = GzEncoder::new(out, flate2::Compression::default());
                io::copy(lines, &mut encoder)?;
                encoder.finish()
            }
            (_, Compression::Zstd) => {
                let mut encoder = zstd::Encoder::new(out, ZSTD_LEVEL)?;
                encoder.include_checksum(true)?;
                io::copy(lines, &mut encoder)?;
                encoder.finish()
            }
        }
    }

    /// Gives each line of the file `path` to `each`, with its line feed if it has one. Parquet may have at most `records`.
    ///
    /// # Errors
    /// When it cannot be read; and what `each` answers.
    pub(crate) fn lines<E: From<ParquetError> + From<io::Error>>(
        &self,
        path: &Path,
        records: u64,
        mut each: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let file = File::open(path)?;
        if self.format == Format::Parquet {
            return weir_parquet::read(file, &self.fields, records, each);
        }
        let plain: Box<dyn Read> = match self.compression {
            Compression::None => Box::new(file),
            Compression::Gzip => Box::new(MultiGzDecoder::new(BufReader::with_capacity(BUFFER_BYTES, file))),
            Compression::Zstd => Box::new(zstd::Decoder::new(file)?),
        };
        let mut lines = BufReader::with_capacity(BUFFER_BYTES, plain);
        let mut line = Vec::new();
        while lines.read_until(b'\n', &mut line)? > 0 {
            each(&line)?;
            line.clear();
        }
        Ok(())
    }
}

/// The size of a file, and the SHA-256 hash of its bytes in hexadecimal digits.
///
/// # Errors
/// When it cannot be read.
pub(crate) fn hash_of(path: &Path) -> io::Result<(u64, String)> {
    let mut read = Hashing::new(File::open(path)?);
    let mut buffer = vec![0; BUFFER_BYTES];
    while read.read(&mut buffer)? > 0 {}
    Ok((read.bytes, hex(&read.hasher.finalize())))
}

/// Hashes and counts what passes.
struct Hashing<T> {
    inner: T,
    hasher: Sha256,
    bytes: u64,
}

impl<T> Hashing<T> {
    fn new(inner: T) -> Self {
        Self { inner, hasher: Sha256::new(), bytes: 0 }
    }

    fn add(&mut self, bytes: &[u8]) {
        self.hasher.update(bytes);
        self.bytes += bytes.len() as u64;
    }
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.add(&buffer[..count]);
        Ok(count)
    }
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let count = self.inner.write(buffer)?;
        self.add(&buffer[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}
