//! Captures: pcap, pcapng, and both compressed.

use crate::{Outcome, Target};
use sim::capture::{Capture, CaptureError, PcapWriter};
use sim::frames::FrameBatch;
use sim::generate::{Generator, Spec};
use std::io::{Cursor, Read, Write};

/// Frames that are read of one input.
const FRAMES_MAX: usize = 512;

/// Classic pcap.
pub(super) const PCAP: Target =
    Target { name: "capture_pcap", read: plain, seeds: || vec![pcap(12), pcap(0), big_endian(), cooked()], words: &[] };
/// pcapng.
pub(super) const PCAPNG: Target =
    Target { name: "capture_pcapng", read: plain, seeds: || vec![pcapng(1), pcapng(2)], words: &[] };
/// In gzip.
pub(super) const GZIP: Target = Target {
    name: "capture_gzip",
    read: compressed,
    seeds: || vec![gzip(&pcap(12)), [gzip(&pcap(3)), gzip(&[])].concat(), gzip(&pcapng(2))],
    words: &[],
};
/// In Zstandard.
pub(super) const ZSTD: Target =
    Target { name: "capture_zstd", read: compressed, seeds: || vec![zstd(&pcap(12)), zstd(&pcapng(2))], words: &[] };

/// Whatever the bytes are: the same frames and the same end, read in one go or in small pieces.
fn plain(input: &[u8]) -> Outcome {
    let (in_one_go, in_pieces) = both(input);
    assert_eq!(in_one_go, in_pieces, "the result hangs on how the bytes arrive");
    outcome(&in_one_go)
}

/// As [`plain`] for a stream that is whole. In a corrupt one the decoder may give less of what lies in
/// front of the damage when more arrives at once, but never anything else.
fn compressed(input: &[u8]) -> Outcome {
    let (in_one_go, in_pieces) = both(input);
    assert!(in_pieces.0.starts_with(&in_one_go.0), "frames that hang on how the bytes arrive");
    assert_eq!(in_one_go.1.is_ok(), in_pieces.1.is_ok(), "an end that hangs on how the bytes arrive");
    if in_one_go.1.is_ok() {
        assert_eq!(in_one_go.0.len(), in_pieces.0.len(), "frames that hang on how the bytes arrive");
    }
    outcome(&in_one_go)
}

fn both(input: &[u8]) -> (Delivered, Delivered) {
    let in_one_go = read(Box::new(Cursor::new(input.to_vec())), 64);
    (in_one_go, read(Box::new(Drops(Cursor::new(input.to_vec()))), 1))
}

fn outcome((frames, end): &Delivered) -> Outcome {
    for (_, wire_length, bytes) in frames {
        assert!(bytes.len() <= (1 << 18) + 14, "a frame of {} bytes, {wire_length} on the wire", bytes.len());
    }
    let kind = Outcome::of(end).kind.wrapping_add(frames.len().min(4) as u64);
    Outcome { accepted: end.is_ok(), kind }
}

/// Frames, and how they ended.
type Delivered = (Vec<(u64, u32, Vec<u8>)>, Result<(), CaptureError>);

fn read(reader: Box<dyn Read + Send>, max: usize) -> Delivered {
    let mut frames = Vec::new();
    let mut capture = match Capture::from_reader("input", reader) {
        Ok(capture) => capture,
        Err(error) => return (frames, Err(error)),
    };
    let mut batch = FrameBatch::new();
    while frames.len() < FRAMES_MAX {
        batch.clear();
        match capture.read_into(&mut batch, max.min(FRAMES_MAX - frames.len())) {
            Ok(0) => return (frames, Ok(())),
            Ok(_) => frames.extend(batch.iter().map(|frame| (frame.time_ns, frame.wire_length, frame.bytes.to_vec()))),
            Err(error) => {
                let again = capture.read_into(&mut batch, max).expect_err("an error stays");
                assert_eq!(again, error);
                return (frames, Err(error));
            }
        }
    }
    (frames, Ok(()))
}

/// A source that gives a few bytes at a time.
struct Drops(Cursor<Vec<u8>>);

impl Read for Drops {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let few = buffer.len().min(7);
        self.0.read(buffer.get_mut(..few).unwrap_or_default())
    }
}

/// Generated frames.
pub(super) fn generated(packets: u64) -> FrameBatch {
    let spec = Spec { packets, flows: 8, vlan_share: 0.3, ipv6_share: 0.4, snap_length: 2_000, ..Spec::default() };
    let mut batch = FrameBatch::new();
    Generator::new(&spec).expect("the figures are possible").read_into(&mut batch, packets as usize);
    batch
}

fn pcap(packets: u64) -> Vec<u8> {
    let mut writer = PcapWriter::new(Vec::new(), 200);
    let batch = generated(packets.max(1));
    for frame in batch.iter().take(packets as usize) {
        writer.write(frame).expect("memory takes all");
    }
    writer.finish().expect("memory takes all")
}

/// Microseconds, the other byte order, version 2.4, with this link type.
fn header(link: u32) -> Vec<u8> {
    let mut file = vec![0xa1, 0xb2, 0xc3, 0xd4, 0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff];
    file.extend(link.to_be_bytes());
    file
}

fn packet(file: &mut Vec<u8>, bytes: &[u8]) {
    for number in [1_700_000_000, 5, bytes.len() as u32, bytes.len() as u32] {
        file.extend(number.to_be_bytes());
    }
    file.extend(bytes);
}

fn big_endian() -> Vec<u8> {
    let mut file = header(1);
    for frame in &generated(4) {
        packet(&mut file, frame.bytes);
    }
    file
}

fn cooked() -> Vec<u8> {
    let mut file = header(113);
    for frame in &generated(4) {
        let mut bytes = vec![0, 0, 0, 1, 0, 6, 2, 0, 0, 0, 0, 2, 0, 0];
        bytes.extend(frame.bytes.get(12..).unwrap_or_default());
        packet(&mut file, &bytes);
    }
    file
}

fn block(file: &mut Vec<u8>, kind: u32, body: &[u8]) {
    let padded = body.len().next_multiple_of(4);
    let length = (12 + padded) as u32;
    file.extend(kind.to_le_bytes());
    file.extend(length.to_le_bytes());
    file.extend(body);
    file.resize(file.len() + padded - body.len(), 0);
    file.extend(length.to_le_bytes());
}

/// A section with so many interfaces, each with a clock of its own; packet blocks of all three kinds.
fn pcapng(interfaces: u32) -> Vec<u8> {
    let mut file = Vec::new();
    block(&mut file, 0x0a0d_0d0a, &[0x4d, 0x3c, 0x2b, 0x1a, 1, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255]);
    for number in 0..interfaces {
        let resolution = if number == 0 { 9 } else { 0x80 | 20 };
        let options = [9, 0, 1, 0, resolution, 0, 0, 0, 14, 0, 8, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        block(&mut file, 1, &[&[1, 0, 0, 0, 0, 0, 4, 0][..], &options].concat());
    }
    for (number, frame) in (0..).zip(&generated(6)) {
        let length = frame.bytes.len() as u32;
        if number == 5 {
            block(&mut file, 3, &[&length.to_le_bytes(), frame.bytes].concat());
            continue;
        }
        let fields = [number % interfaces, 0x1798, 0xaaaa_0000 + number, length, length];
        let body: Vec<u8> =
            fields.iter().flat_map(|field| field.to_le_bytes()).chain(frame.bytes.iter().copied()).collect();
        block(&mut file, 6, &body);
    }
    block(&mut file, 5, &[0; 12]);
    file
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).expect("memory takes all");
    encoder.finish().expect("memory takes all")
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 1).expect("memory takes all")
}
