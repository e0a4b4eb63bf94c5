//! What a damaged capture gives: what came before the damage, then where and what it is.

mod capture_bytes;

use std::io::{self, Cursor, Read};

use capture_bytes::*;
use proptest::prelude::*;
use sim::capture::{BLOCK_LENGTH_MAX, Capture, CaptureErrorKind, Compression, Part};
use sim::frames::FrameBatch;

const FRAME: [u8; 20] = [7; 20];

fn truncated(part: Part, needed: u64, available: u64) -> CaptureErrorKind {
    CaptureErrorKind::Truncated { part, needed, available }
}

#[test]
fn an_empty_file_and_a_file_cut_in_its_header_are_errors() {
    assert_eq!(failure(&[]), (0, 0, CaptureErrorKind::Empty));
    assert_eq!(failure(&[0xd4, 0xc3]), (0, 0, truncated(Part::FileHeader, 4, 2)));
    let file = simple_pcap(&[]);
    assert_eq!(failure(&file[..23]), (0, 0, truncated(Part::FileHeader, 24, 23)));
    let file = section(Order::Little);
    assert_eq!(failure(&file[..27]), (0, 0, truncated(Part::FileHeader, 28, 27)));
    let empty = gzip(&[]);
    assert_eq!(failure(&empty), (0, 0, CaptureErrorKind::Empty));
}

#[test]
fn a_header_alone_is_a_capture_without_packets() {
    assert_eq!(frames(&simple_pcap(&[])), []);
    assert_eq!(frames(&section(Order::Big)), []);
}

#[test]
fn what_is_no_capture_is_told_by_its_first_bytes() {
    let magic = 0x4d5a_9000;
    let kind = CaptureErrorKind::NotACapture { magic };
    assert_eq!(failure(&[0x4d, 0x5a, 0x90, 0, 1, 2]), (0, 0, kind.clone()));
    assert_eq!(failure(&gzip(&[0x4d, 0x5a, 0x90, 0, 1, 2])), (0, 0, kind));
}

#[test]
fn an_error_names_the_file_the_byte_and_what_was_expected() {
    let mut file = simple_pcap(&[&FRAME]);
    file.extend([0; 9]);
    let open = |file: Vec<u8>| {
        let mut capture = Capture::from_reader("a.pcap", Cursor::new(file)).expect("a header");
        let mut batch = FrameBatch::new();
        assert_eq!(capture.read_into(&mut batch, 5), Ok(1));
        capture.read_into(&mut batch, 5).expect_err("damage").to_string()
    };
    assert_eq!(
        open(gzip(&file)),
        "a.pcap: at byte 60 after gzip decompression: cut short: the packet needs 16 bytes, the \
         file has 9 more"
    );
    assert_eq!(open(file), "a.pcap: at byte 60: cut short: the packet needs 16 bytes, the file has 9 more");
}

#[test]
fn a_missing_file_is_an_error_that_names_it() {
    let path = std::path::Path::new("no/such/file.pcap");
    let error = Capture::open(path).expect_err("there is no such file");
    assert_eq!(error.file, "no/such/file.pcap");
    let CaptureErrorKind::Io { kind, .. } = error.kind else {
        panic!("{error}");
    };
    assert_eq!(kind, io::ErrorKind::NotFound);
}

#[test]
fn pcap_damage_is_told_with_its_place() {
    let good = simple_pcap(&[&FRAME]);
    let with = |more: Vec<u8>| [good.clone(), more].concat();
    let file = with(record(Order::Little, 0, 0, 20, &FRAME)[..30].to_vec());
    assert_eq!(failure(&file), (1, 60, truncated(Part::Packet, 36, 30)));
    let mut header = record(Order::Little, 0, 0, 20, &[]);
    header[8..12].copy_from_slice(&262_145_u32.to_le_bytes());
    let kind = CaptureErrorKind::ImpossiblePacketLength { found: 262_145 };
    assert_eq!(failure(&with(header)), (1, 60, kind));

    let kind = CaptureErrorKind::UnknownLinkType { found: 105 };
    let file = pcap(Order::Big, 0xa1b2_c3d4, 105);
    assert_eq!(failure(&file), (0, 20, kind));
    let mut file = simple_pcap(&[]);
    file[4] = 3;
    let (_, offset, kind) = failure(&file);
    let CaptureErrorKind::UnsupportedVersion { major, minor, .. } = kind else {
        panic!("{kind}");
    };
    assert_eq!((offset, major, minor), (0, 3, 4));
}

/// A good section with an interface and a packet, then this block.
fn after_a_packet(link: u16, bad: &[u8]) -> (usize, u64, CaptureErrorKind) {
    let mut file = section(Order::Little);
    file.extend(interface(Order::Little, 1, 0, &[]));
    file.extend(interface(Order::Little, link, 0, &[]));
    file.extend(enhanced(Order::Little, 0, 0, 20, &FRAME, &[]));
    assert_eq!(file.len(), 120);
    file.extend(bad);
    failure(&file)
}

#[test]
fn pcapng_damage_is_told_with_its_place() {
    let order = Order::Little;
    let cut = |length| truncated(Part::Block, length, 11);
    let packet = enhanced(order, 0, 0, 20, &FRAME, &[]);
    assert_eq!(after_a_packet(1, &packet[..11]), (1, 120, cut(12)));
    assert_eq!(after_a_packet(1, &packet[..51]), (1, 120, truncated(Part::Block, 52, 51)));
    for (found, minimum) in [(13, 32), (28, 32), (0, 32), (BLOCK_LENGTH_MAX + 4, 32)] {
        let mut bad = packet.clone();
        bad[4..8].copy_from_slice(&u32::to_le_bytes(found));
        let kind = CaptureErrorKind::BadBlockLength { found, minimum };
        assert_eq!(after_a_packet(1, &bad), (1, 120, kind));
    }
    let mut bad = packet.clone();
    bad[48] = 56;
    let (header, trailer) = (52, 56);
    let kind = CaptureErrorKind::BlockLengthMismatch { header, trailer };
    assert_eq!(after_a_packet(1, &bad), (1, 120, kind));
    let mut bad = packet.clone();
    bad[20] = 21;
    let (found, room) = (21, 20);
    let kind = CaptureErrorKind::PacketOverrunsBlock { found, room };
    assert_eq!(after_a_packet(1, &bad), (1, 120, kind));
    let mut bad = packet;
    bad[23] = 1;
    let found = 0x0100_0014;
    let kind = CaptureErrorKind::ImpossiblePacketLength { found };
    assert_eq!(after_a_packet(1, &bad), (1, 120, kind));
}

#[test]
fn pcapng_contradictions_are_told_with_their_place() {
    let order = Order::Little;
    let (found, described) = (2, 2);
    let kind = CaptureErrorKind::UnknownInterface { found, described };
    let bad = enhanced(order, 2, 0, 20, &FRAME, &[]);
    assert_eq!(after_a_packet(1, &bad), (1, 120, kind));
    let kind = CaptureErrorKind::UnknownLinkType { found: 105 };
    let bad = enhanced(order, 1, 0, 20, &FRAME, &[]);
    assert_eq!(after_a_packet(105, &bad), (1, 120, kind));
    let bad = interface(order, 1, 0, &option(order, 14, &[1, 2]));
    let (code, length, room) = (14, 2, 2);
    let kind = CaptureErrorKind::BadOption { code, length, room };
    assert_eq!(after_a_packet(1, &bad), (1, 120, kind));
    let bad = interface(order, 1, 0, &[9, 0, 8, 0, 1, 2, 3, 4]);
    let (code, length, room) = (9, 8, 4);
    let kind = CaptureErrorKind::BadOption { code, length, room };
    assert_eq!(after_a_packet(1, &bad), (1, 120, kind));
    let mut bad = section(order);
    bad[8] = 0;
    let kind = CaptureErrorKind::BadByteOrder { found: 0x003c_2b1a };
    assert_eq!(after_a_packet(1, &bad), (1, 120, kind));
    let mut bad = section(order);
    bad[12] = 2;
    let (_, _, kind) = after_a_packet(1, &bad);
    assert!(matches!(kind, CaptureErrorKind::UnsupportedVersion { major: 2, .. }));
}

#[test]
fn damaged_compression_is_told_after_what_could_be_read() {
    let file = simple_pcap(&[&FRAME[..]; 5000]);
    for (format, packed) in [(Compression::Gzip, gzip(&file)), (Compression::Zstd, zstd(&file))] {
        let (whole, error) = read_by(&packed[..packed.len() - 3], 100);
        let error = error.expect("the end is missing");
        assert!(whole.len() <= 5000);
        let CaptureErrorKind::Corrupt { format: told, .. } = error.kind else {
            panic!("{error}");
        };
        assert_eq!((told, error.compression), (format, format));
        let mut bad = packed;
        let middle = bad.len() / 2;
        bad[middle..].fill(0xff);
        let (_, error) = read_by(&bad, 100);
        error.expect("the second half is garbage");
    }
    let mut bad = gzip(&file);
    let checksum = bad.len() - 8;
    bad[checksum] ^= 1;
    let (frames, offset, kind) = failure(&bad);
    assert_eq!((frames, offset), (5000, file.len() as u64));
    assert!(matches!(kind, CaptureErrorKind::Corrupt { .. }), "{kind}");
}

/// Gives its bytes, then fails.
struct Failing(Cursor<Vec<u8>>);

impl Read for Failing {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.0.read(buffer)? {
            0 => Err(io::Error::other("the disk is gone")),
            length => Ok(length),
        }
    }
}

#[test]
fn a_failing_source_is_told_apart_from_damaged_compression() {
    let file = simple_pcap(&[&FRAME, &FRAME]);
    let mut cut = gzip(&file);
    cut.truncate(30);
    for (bytes, whole) in [(file, 2), (cut, 0)] {
        let opened = Capture::from_reader("disk", Failing(Cursor::new(bytes)));
        let mut batch = FrameBatch::new();
        let error = opened.and_then(|mut capture| {
            while capture.read_into(&mut batch, 1)? > 0 {}
            Ok(())
        });
        let error = error.expect_err("the disk is gone");
        assert_eq!(batch.len(), whole);
        assert!(error.to_string().contains("cannot read: the disk is gone"), "{error}");
    }
}

/// A healthy capture of one of the kinds that take their own way through the reader.
fn healthy(kind: usize, lengths: &[usize]) -> Vec<u8> {
    let order = if kind.is_multiple_of(2) { Order::Little } else { Order::Big };
    let link = if (kind / 2).is_multiple_of(2) { 1 } else { 101 };
    let bytes = |length: usize| vec![length as u8; length];
    if kind < 4 {
        let mut file = pcap(order, 0xa1b2_c3d4, link);
        for &length in lengths {
            file.extend(record(order, 1, 2, 1_514, &bytes(length)));
        }
        return file;
    }
    let mut file = section(order);
    file.extend(interface(order, link as u16, 0, &option(order, 9, &[9])));
    for &length in lengths {
        file.extend(enhanced(order, 0, 7, 1_514, &bytes(length), &[]));
    }
    file
}

fn is_prefix(short: &[Owned], long: &[Owned]) -> bool {
    long.get(..short.len()) == Some(short)
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic_and_always_end(
        head in 0_usize..8,
        noise in proptest::collection::vec(any::<u8>(), 0..400),
    ) {
        let mut file = healthy(head, &[20]);
        file.extend(&noise);
        read_by(&file, 3);
        read_by(&noise, 3);
        read_by(&[&gzip(&file)[..10], &noise].concat(), 3);
        read_by(&[&zstd(&file)[..5], &noise].concat(), 3);
    }

    #[test]
    fn flipped_bytes_never_panic_and_always_end(
        kind in 0_usize..8,
        flips in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let mut file = healthy(kind, &[20, 60, 0, 33]);
        for (place, value) in flips {
            let place = place.index(file.len());
            file[place] = value;
        }
        let (frames, error) = read_by(&file, 100);
        prop_assert_eq!(read_by(&file, 1), (frames, error));
    }

    #[test]
    fn a_cut_file_gives_a_prefix_then_an_error_or_a_clean_end(
        kind in 0_usize..8,
        lengths in proptest::collection::vec(0_usize..100, 0..8),
        place in any::<prop::sample::Index>(),
        step in 1_usize..5,
    ) {
        let file = healthy(kind, &lengths);
        let whole = frames(&file);
        prop_assert_eq!(whole.len(), lengths.len());
        let length = place.index(file.len() + 1);
        let (seen, error) = read_by(&file[..length], step);
        prop_assert!(is_prefix(&seen, &whole));
        // A cut is a clean end exactly where a capture of fewer packets would have ended.
        let clean = (0..=lengths.len()).any(|count| healthy(kind, &lengths[..count]).len() == length);
        let between_headers = kind >= 4 && length == section(Order::Little).len();
        prop_assert_eq!(error.is_none(), clean || between_headers);
    }

    #[test]
    fn cut_compression_gives_a_prefix_then_an_error(
        kind in 0_usize..8,
        lengths in proptest::collection::vec(0_usize..100, 0..8),
        place in any::<prop::sample::Index>(),
    ) {
        let file = healthy(kind, &lengths);
        let whole = frames(&file);
        for packed in [gzip(&file), zstd(&file)] {
            let (seen, error) = read_by(&packed[..place.index(packed.len())], 2);
            prop_assert!(is_prefix(&seen, &whole));
            prop_assert!(error.is_some());
        }
    }
}
