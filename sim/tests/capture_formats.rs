//! What a healthy capture of each format gives.

mod capture_bytes;

use std::io::Cursor;

use capture_bytes::*;
use sim::capture::{Capture, Merged, PcapWriter};
use sim::frames::{Frame, FrameBatch};

const FRAME: [u8; 20] = [7; 20];

#[test]
fn pcap_is_read_in_both_byte_orders_and_both_resolutions() {
    for order in [Order::Little, Order::Big] {
        for (magic, unit) in [(0xa1b2_c3d4, 1_000), (0xa1b2_3c4d, 1)] {
            let mut file = pcap(order, magic, 1);
            file.extend(record(order, 1_700_000_000, 123_456, 1_514, &FRAME));
            file.extend(record(order, 3, 999_999, 20, &FRAME));
            let expected = [
                (1_700_000_000_000_000_000 + 123_456 * unit, 1_514, FRAME.to_vec()),
                (3_000_000_000 + 999_999 * unit, 20, FRAME.to_vec()),
            ];
            assert_eq!(frames(&file), expected);
        }
    }
}

#[test]
fn a_frame_that_claims_less_on_the_wire_than_it_has_is_as_long_as_it_is() {
    let mut file = pcap(Order::Little, 0xa1b2_c3d4, 1);
    file.extend(record(Order::Little, 0, 0, 3, &FRAME));
    assert_eq!(frames(&file), [(0, 20, FRAME.to_vec())]);
}

#[test]
fn empty_and_very_short_ethernet_frames_pass_as_they_are() {
    let file = simple_pcap(&[&[], &[1], &FRAME]);
    let seconds = 1_000_000_000;
    let expected = [(0, 0, vec![]), (seconds, 1, vec![1]), (2 * seconds, 20, FRAME.to_vec())];
    assert_eq!(frames(&file), expected);
}

#[test]
fn pcap_fcs_is_taken_off_whole_and_cut_frames() {
    // Bit 26 says that the length, here two 16-bit words, is there.
    let mut file = pcap(Order::Little, 0xa1b2_c3d4, 0x2400_0001);
    file.extend(record(Order::Little, 0, 0, 20, &FRAME));
    file.extend(record(Order::Little, 0, 0, 22, &FRAME));
    file.extend(record(Order::Little, 0, 0, 1_518, &FRAME));
    file.extend(record(Order::Little, 0, 0, 2, &[1, 2]));
    let expected = [(0, 16, vec![7; 16]), (0, 18, vec![7; 18]), (0, 1_514, vec![7; 20]), (0, 0, vec![])];
    assert_eq!(frames(&file), expected);
}

#[test]
fn pcapng_sections_have_their_own_order_and_interfaces() {
    let mut file = Vec::new();
    for order in [Order::Little, Order::Big] {
        file.extend(section(order));
        file.extend(interface(order, 1, 0, &[]));
        file.extend(interface(order, 101, 0, &option(order, 9, &[9])));
        file.extend(enhanced(order, 0, 5_000_000, 60, &FRAME, &[]));
        file.extend(enhanced(order, 1, 7_000_000_000, 40, &[0x45; 20], &[]));
        // A block of a type that nobody knows.
        file.extend(block(order, 0x0bad_cafe, &[1; 7]));
    }
    let seen = frames(&file);
    let expected = [(5_000_000_000, 60, 20), (7_000_000_000, 54, 34)].repeat(2);
    let lengths: Vec<_> = seen.iter().map(|(t, w, b)| (*t, *w, b.len())).collect();
    assert_eq!(lengths, expected);
}

#[test]
fn pcapng_clocks_have_resolutions_and_offsets() {
    let order = Order::Big;
    let offset = |seconds: i64| option(order, 14, &seconds.to_be_bytes());
    let resolution = |value: u8| option(order, 9, &[value]);
    let cases: [(Vec<u8>, u64, u64); 11] = [
        (vec![], 3, 3_000),
        (resolution(0), 3, 3_000_000_000),
        (resolution(3), 3, 3_000_000),
        (resolution(9), 3, 3),
        (resolution(12), 3_999, 3),
        (resolution(127), u64::MAX, 0),
        (resolution(0x80 | 10), 1_536, 1_500_000_000),
        (resolution(0x80 | 32), 1 << 33, 2_000_000_000),
        (resolution(0x80 | 127), u64::MAX, 0),
        ([resolution(6), offset(2)].concat(), 1, 2_000_001_000),
        (offset(-5), 1, 0),
    ];
    for (options, units, expected_ns) in cases {
        let mut file = section(order);
        file.extend(interface(order, 1, 0, &options));
        file.extend(enhanced(order, 0, units, 20, &FRAME, &[]));
        let seen = frames(&file);
        assert_eq!(seen, [(expected_ns, 20, FRAME.to_vec())], "{options:?}");
    }
}

#[test]
fn pcapng_times_beyond_what_a_number_holds_stay_at_its_end() {
    let order = Order::Little;
    let mut file = section(order);
    file.extend(interface(order, 1, 0, &option(order, 9, &[0])));
    file.extend(enhanced(order, 0, u64::MAX, 20, &FRAME, &[]));
    assert_eq!(frames(&file), [(u64::MAX, 20, FRAME.to_vec())]);
}

#[test]
fn simple_and_obsolete_packet_blocks_are_read() {
    let order = Order::Big;
    let mut file = section(order);
    file.extend(interface(order, 1, 8, &[]));
    // Obsolete: interface 0, 513 drops, time, lengths.
    let mut body = vec![0, 0, 2, 1];
    for word in [0_u32, 42, 20, 60] {
        body.extend(order.word(word));
    }
    body.extend(FRAME);
    file.extend(block(order, 2, &body));
    // Simple: the length on the wire; the interface keeps 8 bytes.
    let mut body = order.word(100).to_vec();
    body.extend([9; 8]);
    file.extend(block(order, 3, &body));
    let expected = [(42_000, 60, FRAME.to_vec()), (42_000, 100, vec![9; 8])];
    assert_eq!(frames(&file), expected);
}

#[test]
fn pcapng_fcs_is_the_interfaces_unless_the_packet_tells_its_own() {
    let order = Order::Little;
    for (told, length) in [(4, 4), (32, 4), (16, 2), (0, 0)] {
        let mut file = section(order);
        file.extend(interface(order, 1, 0, &option(order, 13, &[told])));
        file.extend(enhanced(order, 0, 0, 20, &FRAME, &[]));
        let own = option(order, 2, &order.word(3 << 5));
        file.extend(enhanced(order, 0, 0, 19, &FRAME[..19], &own));
        let expected = [(0, 20 - length, vec![7; 20 - length as usize]), (0, 16, vec![7; 16])];
        assert_eq!(frames(&file), expected, "{told}");
    }
}

#[test]
fn compression_changes_nothing_also_in_several_pieces() {
    let file = simple_pcap(&[&FRAME, &[1; 600], &[2; 61]]);
    let expected = frames(&file);
    assert_eq!(expected.len(), 3);
    let (front, back) = file.split_at(50);
    assert_eq!(frames(&gzip(&file)), expected);
    assert_eq!(frames(&[gzip(front), gzip(back)].concat()), expected);
    assert_eq!(frames(&zstd(&file)), expected);
    assert_eq!(frames(&[zstd(front), zstd(back)].concat()), expected);
    let skippable = [0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3];
    assert_eq!(frames(&[skippable.to_vec(), zstd(&file)].concat()), expected);
}

#[test]
fn packets_across_the_ends_of_the_read_buffer_are_whole() {
    let large = vec![5; 262_144];
    let mut packets: Vec<&[u8]> = vec![&FRAME; 30_000];
    packets.insert(20_000, &large);
    packets.insert(100, &large);
    let file = simple_pcap(&packets);
    let seen = frames(&file);
    assert!(seen.iter().map(|(_, _, bytes)| bytes).eq(packets.iter()));
    let mut file = section(Order::Little);
    file.extend(interface(Order::Little, 1, 0, &[]));
    for bytes in &packets {
        let wire = bytes.len() as u32;
        file.extend(enhanced(Order::Little, 0, 0, wire, bytes, &[]));
    }
    let seen = frames(&file);
    assert!(seen.iter().map(|(_, _, bytes)| bytes).eq(packets.iter()));
}

fn open(times: &[u32], mark: u8) -> Capture {
    let mut file = pcap(Order::Little, 0xa1b2_3c4d, 1);
    for &time in times {
        file.extend(record(Order::Little, 0, time, 1, &[mark]));
    }
    Capture::from_reader(format!("file {mark}"), Cursor::new(file)).expect("a capture")
}

fn merge(captures: Vec<Capture>) -> Vec<(u64, u8)> {
    let mut merged = Merged::new(captures);
    let mut batch = FrameBatch::new();
    while merged.read_into(&mut batch, 3).expect("no damage") > 0 {}
    let seen = batch.iter().map(|frame| (frame.time_ns, frame.bytes[0]));
    seen.collect()
}

#[test]
fn merging_goes_by_time_then_by_the_order_of_the_files() {
    let captures = vec![open(&[1, 5, 5, 9], 1), open(&[], 2), open(&[0, 5, 5, 8], 3)];
    let expected = [(0, 3), (1, 1), (5, 1), (5, 1), (5, 3), (5, 3), (8, 3), (9, 1)];
    assert_eq!(merge(captures), expected);
    assert_eq!(merge(vec![]), []);
    assert_eq!(merge(vec![open(&[4, 2], 1)]), [(4, 1), (2, 1)]);
}

#[test]
fn merging_keeps_the_order_of_a_file_whose_time_goes_backwards() {
    let captures = vec![open(&[10, 3, 11], 1), open(&[4, 12], 2)];
    assert_eq!(merge(captures), [(4, 2), (10, 1), (3, 1), (11, 1), (12, 2)]);
}

#[test]
fn merging_stops_at_a_damaged_file_after_what_came_before() {
    let mut file = pcap(Order::Little, 0xa1b2_3c4d, 1);
    file.extend(record(Order::Little, 0, 5, 1, &[2]));
    file.extend([0; 3]);
    let damaged = Capture::from_reader("damaged", Cursor::new(file)).expect("a header");
    let mut merged = Merged::new(vec![open(&[1, 9], 1), damaged]);
    let mut batch = FrameBatch::new();
    assert_eq!(merged.read_into(&mut batch, 10), Ok(2));
    let error = merged.read_into(&mut batch, 10).expect_err("damage");
    assert_eq!((error.file.as_str(), error.offset), ("damaged", 41));
    assert_eq!(merged.read_into(&mut batch, 10), Err(error));
    assert_eq!(batch.len(), 2);
}

#[test]
fn what_the_writer_writes_is_read_back() {
    let mut writer = PcapWriter::new(Vec::new(), 8);
    let long = Frame { time_ns: 1_700_000_000_123_456_789, wire_length: 1_514, bytes: &FRAME };
    let short = Frame { time_ns: u64::MAX, wire_length: 3, bytes: &[1, 2, 3] };
    writer.write(long).expect("memory can be written");
    let mut batch = FrameBatch::new();
    batch.push(short.time_ns, short.wire_length, short.bytes);
    writer.write_batch(&batch).expect("memory can be written");
    let file = writer.finish().expect("memory can be written");
    let last = u64::from(u32::MAX) * 1_000_000_000 + u64::MAX % 1_000_000_000;
    let expected = [(long.time_ns, 1_514, vec![7; 8]), (last, 3, vec![1, 2, 3])];
    assert_eq!(frames(&file), expected);
}

#[test]
fn position_reaches_the_size_of_the_file() {
    let path = std::env::temp_dir().join(format!("weir-capture-{}.pcap.gz", std::process::id()));
    let file = gzip(&simple_pcap(&[&FRAME, &FRAME]));
    std::fs::write(&path, &file).expect("a temporary file");
    let mut capture = Capture::open(&path).expect("a capture");
    let mut batch = FrameBatch::new();
    while capture.read_into(&mut batch, 10).expect("no damage") > 0 {}
    let seen = (capture.position(), capture.size(), capture.offset());
    std::fs::remove_file(&path).expect("the temporary file");
    let size = file.len() as u64;
    assert_eq!(seen, (size, Some(size), 24 + 2 * 36));
}
