//! Small writers of captures, so that tests can say byte for byte what a file holds.

#![allow(dead_code, reason = "each test file uses its own part")]

use std::io::{Cursor, Write};

use sim::capture::{Capture, CaptureError, CaptureErrorKind};
use sim::frames::FrameBatch;

/// A frame that owns its bytes: time, length on the wire, bytes.
pub(crate) type Owned = (u64, u32, Vec<u8>);

/// Byte order of a written file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    Little,
    Big,
}

impl Order {
    pub(crate) fn half(self, value: u16) -> [u8; 2] {
        match self {
            Self::Little => value.to_le_bytes(),
            Self::Big => value.to_be_bytes(),
        }
    }

    pub(crate) fn word(self, value: u32) -> [u8; 4] {
        match self {
            Self::Little => value.to_le_bytes(),
            Self::Big => value.to_be_bytes(),
        }
    }
}

/// A pcap file header.
pub(crate) fn pcap(order: Order, magic: u32, link: u32) -> Vec<u8> {
    let mut file = Vec::new();
    file.extend(order.word(magic));
    file.extend(order.half(2));
    file.extend(order.half(4));
    file.extend([0; 8]);
    file.extend(order.word(65_535));
    file.extend(order.word(link));
    file
}

/// A pcap packet with its record header.
pub(crate) fn record(order: Order, seconds: u32, fraction: u32, wire: u32, bytes: &[u8]) -> Vec<u8> {
    let mut record = Vec::new();
    for word in [seconds, fraction, bytes.len() as u32, wire] {
        record.extend(order.word(word));
    }
    record.extend(bytes);
    record
}

/// A little-endian microsecond Ethernet capture of these packets at seconds 0, 1, 2 …
pub(crate) fn simple_pcap(packets: &[&[u8]]) -> Vec<u8> {
    let mut file = pcap(Order::Little, 0xa1b2_c3d4, 1);
    for (second, bytes) in (0..).zip(packets) {
        file.extend(record(Order::Little, second, 0, bytes.len() as u32, bytes));
    }
    file
}

/// A pcapng block around a body, which is padded.
pub(crate) fn block(order: Order, kind: u32, body: &[u8]) -> Vec<u8> {
    let padded = body.len().next_multiple_of(4);
    let length = order.word(padded as u32 + 12);
    let mut block = Vec::new();
    block.extend(order.word(kind));
    block.extend(length);
    block.extend(body);
    block.resize(8 + padded, 0);
    block.extend(length);
    block
}

/// A section header block.
pub(crate) fn section(order: Order) -> Vec<u8> {
    let mut body = Vec::new();
    body.extend(order.word(0x1a2b_3c4d));
    body.extend(order.half(1));
    body.extend(order.half(0));
    body.extend([0xff; 8]);
    block(order, 0x0a0d_0d0a, &body)
}

/// One option with its padding.
pub(crate) fn option(order: Order, code: u16, value: &[u8]) -> Vec<u8> {
    let mut option = Vec::new();
    option.extend(order.half(code));
    option.extend(order.half(value.len() as u16));
    option.extend(value);
    option.resize(4 + value.len().next_multiple_of(4), 0);
    option
}

/// An interface description block.
pub(crate) fn interface(order: Order, link: u16, snap: u32, options: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    body.extend(order.half(link));
    body.extend([0; 2]);
    body.extend(order.word(snap));
    body.extend(options);
    block(order, 1, &body)
}

/// An enhanced packet block.
pub(crate) fn enhanced(order: Order, interface: u32, units: u64, wire: u32, bytes: &[u8], options: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    let (high, low) = ((units >> 32) as u32, units as u32);
    for word in [interface, high, low, bytes.len() as u32, wire] {
        body.extend(order.word(word));
    }
    body.extend(bytes);
    body.resize(20 + bytes.len().next_multiple_of(4), 0);
    body.extend(options);
    block(order, 6, &body)
}

/// Everything a capture gives: its frames, then its error if it has one. Reads `step` frames at a
/// time and checks what every reader promises.
pub(crate) fn read_by(file: &[u8], step: usize) -> (Vec<Owned>, Option<CaptureError>) {
    let source = Cursor::new(file.to_vec());
    let mut capture = match Capture::from_reader("test", source) {
        Ok(capture) => capture,
        Err(error) => return (Vec::new(), Some(error)),
    };
    let mut frames = Vec::new();
    let mut batch = FrameBatch::new();
    loop {
        batch.clear();
        match capture.read_into(&mut batch, step) {
            Ok(0) => {
                assert_eq!(capture.read_into(&mut batch, step), Ok(0));
                return (frames, None);
            }
            Ok(count) => {
                assert_eq!(batch.len(), count);
                assert!(count <= step);
                let owned = |frame: sim::frames::Frame<'_>| {
                    assert!(frame.wire_length as usize >= frame.bytes.len());
                    (frame.time_ns, frame.wire_length, frame.bytes.to_vec())
                };
                frames.extend(batch.iter().map(owned));
            }
            Err(error) => {
                assert!(batch.is_empty());
                assert_eq!(capture.read_into(&mut batch, step), Err(error.clone()));
                return (frames, Some(error));
            }
        }
    }
}

/// All frames of a capture that has no error.
pub(crate) fn frames(file: &[u8]) -> Vec<Owned> {
    let (frames, error) = read_by(file, 100);
    assert_eq!(error, None);
    frames
}

/// How many frames a capture gives before its error, where that is and what.
pub(crate) fn failure(file: &[u8]) -> (usize, u64, CaptureErrorKind) {
    let (frames, error) = read_by(file, 100);
    let error = error.expect("the capture is damaged");
    (frames.len(), error.offset, error.kind)
}

/// The bytes as one gzip member.
pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).expect("memory can be written");
    encoder.finish().expect("memory can be written")
}

/// The bytes as one Zstandard frame.
pub(crate) fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 1).expect("memory can be read")
}
