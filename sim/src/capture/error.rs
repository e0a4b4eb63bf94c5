//! What can be wrong with a capture, and where.

use std::fmt;
use std::io;

use super::link::LinkType;

/// Largest number of captured bytes one packet may claim, as in tcpdump and Wireshark.
pub const PACKET_LENGTH_MAX: u32 = 262_144;

/// Largest pcapng block that is read, as in Wireshark: 16 MiB.
pub const BLOCK_LENGTH_MAX: u32 = 16 << 20;

/// A capture that cannot be read on: which, where and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaptureError {
    /// The file as it was named, or `standard input`.
    pub file: String,
    /// Byte at which the record, block or header in question starts, counted from 0. In a
    /// compressed capture it counts bytes after decompression.
    pub offset: u64,
    /// How the capture is compressed.
    pub compression: Compression,
    /// What is wrong.
    pub kind: CaptureErrorKind,
}

impl fmt::Display for CaptureError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, offset, .. } = self;
        match self.compression {
            Compression::None => write!(out, "{file}: at byte {offset}: {}", self.kind),
            Compression::Gzip | Compression::Zstd => {
                write!(out, "{file}: at byte {offset} after {} decompression: {}", self.compression, self.kind)
            }
        }
    }
}

impl std::error::Error for CaptureError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.kind)
    }
}

/// How a capture file is compressed, told from its first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// Not at all.
    None,
    /// gzip, one member or several.
    Gzip,
    /// Zstandard, one frame or several.
    Zstd,
}

impl fmt::Display for Compression {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::None => "no",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        })
    }
}

/// A part of a capture that can be cut short.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The header at the start of the file.
    FileHeader,
    /// A packet, with the record header in front of it.
    Packet,
    /// A pcapng block.
    Block,
}

impl fmt::Display for Part {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::FileHeader => "file header",
            Self::Packet => "packet",
            Self::Block => "block",
        })
    }
}

/// What is wrong with a capture: what was found and what was expected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CaptureErrorKind {
    /// The file could not be opened or read.
    #[error("cannot read: {message}")]
    Io {
        /// The class of the operating system's error.
        kind: io::ErrorKind,
        /// The operating system's own words.
        message: String,
    },
    /// There is not one byte in the file.
    #[error("the file is empty; expected a pcap or pcapng capture")]
    Empty,
    /// The file starts with no magic number that is known.
    #[error(
        "not a capture: starts with {magic:#010x}; expected the magic number of pcap (0xa1b2c3d4, \
         0xa1b23c4d) or pcapng (0x0a0d0d0a), plain or in gzip or zstd"
    )]
    NotACapture {
        /// The first four bytes, the first one in front.
        magic: u32,
    },
    /// The compressed stream is damaged or ends early. What was decompressed before was delivered.
    #[error("corrupt {format} stream: {message}")]
    Corrupt {
        /// What the file is compressed with.
        format: Compression,
        /// The decoder's own words.
        message: String,
    },
    /// The file ends in the middle of something.
    #[error("cut short: the {part} needs {needed} bytes, the file has {available} more")]
    Truncated {
        /// What was cut.
        part: Part,
        /// Bytes it needs, its own header included.
        needed: u64,
        /// Bytes that are left from its start to the end of the file.
        available: u64,
    },
    /// A version of the format that is not known.
    #[error("unsupported {format} version {major}.{minor}; expected {expected}")]
    UnsupportedVersion {
        /// `pcap` or `pcapng`.
        format: &'static str,
        /// Major version found.
        major: u16,
        /// Minor version found.
        minor: u16,
        /// The versions that are known.
        expected: &'static str,
    },
    /// A packet claims more captured bytes than any capture program writes.
    #[error("impossible packet length {found}; the limit is {limit}", limit = PACKET_LENGTH_MAX)]
    ImpossiblePacketLength {
        /// Captured bytes the record header claims.
        found: u32,
    },
    /// The packets are of a link type that cannot be turned into Ethernet.
    #[error("unknown link type {found}; supported: {}", LinkType::SUPPORTED)]
    UnknownLinkType {
        /// The number found, from the registry of link types.
        found: u16,
    },
    /// A pcapng section does not say in which byte order it is.
    #[error("unknown byte order mark {found:#010x}; expected 0x1a2b3c4d in either order")]
    BadByteOrder {
        /// The four bytes found, the first one in front.
        found: u32,
    },
    /// A block's length is too small for its type, no multiple of 4, or beyond the limit.
    #[error(
        "bad block length {found}; expected a multiple of 4 between {minimum} and {limit}",
        limit = BLOCK_LENGTH_MAX
    )]
    BadBlockLength {
        /// The length found.
        found: u32,
        /// The least that a block of this type needs.
        minimum: u32,
    },
    /// The length behind a block is not the one in front of it.
    #[error("block length {header} in front, {trailer} behind")]
    BlockLengthMismatch {
        /// The length in front.
        header: u32,
        /// The length behind.
        trailer: u32,
    },
    /// A packet claims more bytes than its block has.
    #[error("packet of {found} bytes in a block with room for {room}")]
    PacketOverrunsBlock {
        /// Captured bytes claimed.
        found: u32,
        /// Bytes there are.
        room: u32,
    },
    /// A packet of an interface that was not described before.
    #[error("packet for the unknown interface {found}; the section has described {described}")]
    UnknownInterface {
        /// The interface's number, from 0.
        found: u32,
        /// How many interfaces the section has described so far.
        described: u32,
    },
    /// An option of an interface does not fit its block, or is of a wrong length.
    #[error("bad interface option {code} of {length} bytes; {room} bytes are left")]
    BadOption {
        /// The option's number.
        code: u16,
        /// Its length.
        length: u16,
        /// Bytes left in the block.
        room: u32,
    },
    /// More interfaces in one section than the limit.
    #[error("more than {limit} interfaces in one section", limit = INTERFACES_MAX)]
    TooManyInterfaces,
}

/// Most interfaces that one pcapng section may describe.
pub const INTERFACES_MAX: usize = 65_536;
