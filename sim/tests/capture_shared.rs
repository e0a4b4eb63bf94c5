//! Real captures, if they are there: in the folder `WEIR_CAPTURES` names, or beside the workspace.

mod capture_bytes;

use std::path::{Path, PathBuf};

use sim::capture::{Capture, CaptureErrorKind};
use sim::frames::FrameBatch;

/// Packets of each capture as another program counts them.
const PACKETS: [(&str, usize); 19] = [
    ("dhcp.pcap", 4),
    ("dhcpv6.pcap", 12),
    ("fragments-garbage.pcap", 1_252),
    ("fragments-sctp.pcap", 3_000),
    ("fuzzed.pcap", 691),
    ("gnutella.pcap", 3_905),
    ("igmp-options.pcap", 147),
    ("ipv6-esp.pcap", 309),
    ("ipv6-fragments.pcap", 92),
    ("ipv6-web.pcap", 1_942),
    ("mail.pcapng", 58),
    ("many-protocols.pcap", 4_709),
    ("mixed-synthetic.pcap", 918),
    ("pppoe-qinq.pcap", 86),
    ("qinq-zoom.pcap", 781),
    ("sctp.pcap", 74),
    ("synscan.pcap", 2_011),
    ("tls-v4-v6.pcap", 7_451),
    ("truncated-frames.pcap", 38),
];

fn folder() -> Option<PathBuf> {
    let folder = match std::env::var_os("WEIR_CAPTURES") {
        Some(folder) => PathBuf::from(folder),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/pcaps"),
    };
    if folder.is_dir() {
        return Some(folder);
    }
    eprintln!("SKIPPED: no captures in {}; set WEIR_CAPTURES", folder.display());
    None
}

#[test]
fn every_healthy_capture_gives_all_its_packets() {
    let Some(folder) = folder() else { return };
    for (name, packets) in PACKETS {
        let mut capture = Capture::open(&folder.join(name)).expect(name);
        let mut batch = FrameBatch::new();
        while capture.read_into(&mut batch, 100).expect(name) > 0 {}
        assert_eq!(batch.len(), packets, "{name}");
        assert_eq!(Some(capture.position()), capture.size(), "{name}");
    }
}

/// Wireshark counts two packets here: it guesses that a damaged file is of a variant with record
/// headers of 24 bytes. The magic number says 16, and read so the first packet is IPv4 of exactly
/// the length that its record header tells.
#[test]
fn the_corrupt_capture_gives_one_packet_and_the_place_of_the_damage() {
    let Some(folder) = folder() else { return };
    let mut capture = Capture::open(&folder.join("corrupt-file.pcap")).expect("a header");
    let mut batch = FrameBatch::new();
    assert_eq!(capture.read_into(&mut batch, 100), Ok(1));
    let frame = batch.get(0).expect("one frame");
    assert_eq!((frame.bytes.len(), frame.wire_length), (188, 188));
    assert_eq!(frame.bytes[12..18], [0x08, 0x00, 0x45, 0, 0, 174]);
    let error = capture.read_into(&mut batch, 100).expect_err("damage");
    let found = 1_409_179_648;
    let kind = CaptureErrorKind::ImpossiblePacketLength { found };
    assert_eq!((error.offset, error.kind), (24 + 16 + 188, kind));
}

#[test]
fn real_captures_read_the_same_compressed_and_in_any_portion() {
    let Some(folder) = folder() else { return };
    for name in ["truncated-frames.pcap", "mail.pcapng", "fuzzed.pcap", "corrupt-file.pcap"] {
        let file = std::fs::read(folder.join(name)).expect(name);
        let (frames, error) = capture_bytes::read_by(&file, 100);
        assert_eq!(capture_bytes::read_by(&file, 1), (frames.clone(), error.clone()));
        for packed in [capture_bytes::gzip(&file), capture_bytes::zstd(&file)] {
            let (packed_frames, packed_error) = capture_bytes::read_by(&packed, 7);
            assert_eq!(packed_frames, frames, "{name}");
            let place = packed_error.map(|error| (error.offset, error.kind));
            assert_eq!(place, error.clone().map(|error| (error.offset, error.kind)));
        }
    }
}
