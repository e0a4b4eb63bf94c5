//! The exact bytes of each descriptor, worked out by hand.

use firmware_abi::descriptor::{
    BytesWindow, Command, CommandTail, Completion, CompletionTail, FlowRecord, Ledger, LedgerRecord, Opcode,
    PacketsFirst, RecordKind, RecordTail, Status, WindowEnd,
};
use firmware_abi::frame::{FrameHeader, FrameLength, FrameTail, PuntReason};
use firmware_abi::key::{Direction, FlowKey, Port, SlotAction, protocol};
use zerocopy::{FromBytes, IntoBytes};

const KEY: &str = "0a000001 00000000 00000000 00000000
                   c0000207 00000000 00000000 00000000
                   3412 bb01 06 12 a735";

fn key() -> FlowKey {
    let mut port = Port(0);
    port.set_vport(0x5a7);
    port.set_egress(true);
    port.set_action_bits(SlotAction::Reject as u8);
    let mut key = FlowKey {
        src_port: 0x1234,
        dst_port: 443,
        protocol: protocol::TCP,
        tcp_flags: 0x12,
        port,
        ..FlowKey::default()
    };
    key.src[..4].copy_from_slice(&[10, 0, 0, 1]);
    key.dst[..4].copy_from_slice(&[192, 0, 2, 7]);
    key
}

/// The bytes of a hex text, spaces aside.
fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u32> = hex.chars().filter_map(|digit| digit.to_digit(16)).collect();
    digits.chunks(2).map(|pair| (pair[0] << 4 | pair[1]) as u8).collect()
}

/// `value` has the bytes of `hex`, and is what they are read as.
fn assert_image<T>(value: &T, hex: &str)
where
    T: IntoBytes + FromBytes + zerocopy::Immutable + PartialEq + std::fmt::Debug,
{
    let expected = bytes(hex);
    assert_eq!(value.as_bytes(), expected.as_slice(), "bytes of {value:?}");
    assert_eq!(&T::read_from_bytes(&expected).expect("the image is as long as the type"), value);
}

#[test]
fn a_flow_record_has_these_bytes() {
    let mut packets_first = PacketsFirst(0);
    packets_first.set_packets(0x01_0203_0405);
    packets_first.set_first_tick(0x0a_0b0c);
    let mut bytes_window = BytesWindow(0);
    bytes_window.set_bytes(0x0605_0403_0201);
    bytes_window.set_window(0xbeef);
    let mut tail = RecordTail(0);
    tail.set_last_tick(0x11_2233);
    tail.set_kind_bits(RecordKind::Evicted as u8);
    tail.set_phase(true);
    let record = FlowRecord { key: key(), packets_first, bytes_window, cookie: 0xcafe_f00d, tail };
    assert_image(&record, &format!("{KEY} 0504030201 0c0b0a 010203040506 efbe 0df0feca 332211 81"));
}

#[test]
fn a_ledger_record_has_these_bytes() {
    let mut port = Port(0);
    port.set_vport(0xc);
    port.set_egress(true);
    let mut record = LedgerRecord::default();
    record.set_counter(Ledger::Offered as usize, 1);
    record.set_counter(Ledger::Skipped as usize, 0x0605_0403_0201);
    record.set_counter(Ledger::Policed as usize, u64::MAX);
    record.port_window.set_bytes(port.0.into());
    record.port_window.set_window(0x0102);
    record.tail.set_kind_bits(RecordKind::LedgerPackets as u8);
    let hex = "010000000000 000000000000 000000000000 010203040506 000000000000 000000000000 000000000000 ffffffffffff
               0c1000000000 0201 00000000 000000 02";
    assert_image(&record, hex);
    assert_eq!(record.counter(Ledger::Policed as usize), (1 << 48) - 1);
    assert_eq!(record.port(), (0xc, Direction::Egress));
}

#[test]
fn a_command_has_these_bytes() {
    let mut tail = CommandTail(0);
    tail.set_opcode_bits(Opcode::Update as u8);
    tail.set_complete(true);
    tail.set_phase(true);
    let command = Command {
        key: key(),
        slot: 0x0001_2345,
        cookie: 0xdead_beef,
        arg: 0x1122_3344_5566_7788,
        sequence: 0x99aa_bbcc,
        tail,
    };
    assert_image(&command, &format!("{KEY} 45230100 efbeadde 8877665544332211 ccbbaa99 02010080"));
}

#[test]
fn a_completion_has_these_bytes() {
    let mut tail = CompletionTail(0);
    tail.set_status_bits(Status::WrongBucket as u8);
    tail.set_opcode_bits(Opcode::Insert as u8);
    tail.set_phase(true);
    let completion = Completion { sequence: 0x99aa_bbcc, slot: 0x0001_2345, cookie: 0xdead_beef, tail };
    assert_image(&completion, "ccbbaa99 45230100 efbeadde 05010080");
}

#[test]
fn a_frame_header_has_these_bytes() {
    let mut length = FrameLength(0);
    length.set_wire(1514);
    length.set_held(1514);
    let mut tail = FrameTail(0);
    tail.set_l3_bytes(1500);
    tail.set_window(0xab);
    tail.set_code(PuntReason::Icmp as u8);
    tail.set_first_fragment(true);
    tail.set_phase(true);
    let header =
        FrameHeader { key: key(), time_ns: 0x1122_3344_5566_7788, aux: [0x0102_0304, 0x0800_0001], length, tail };
    // 1514 = 0x5ea, shifted by 17: 0x0bd4_0000. 0xab << 17 = 0x0156_0000, 2 << 25 = 0x0400_0000.
    assert_image(&header, &format!("{KEY} 8877665544332211 04030201 01000008 ea05d40b dc0556c5"));
}

#[test]
fn a_window_end_has_these_bytes() {
    let mut window = BytesWindow(0);
    window.set_window(0x0304);
    let mut tail = RecordTail(0);
    tail.set_kind_bits(RecordKind::WindowEnd as u8);
    tail.set_phase(true);
    let end = WindowEnd {
        start_ns: 0x0102_0304_0506_0708,
        end_ns: 0x1112_1314_1516_1718,
        records: 131_072,
        punt_producer: 0x2122_2324,
        overruns: 3,
        drain_ns: 524_288,
        window,
        tail,
        ..WindowEnd::default()
    };
    let hex = "0807060504030201 1817161514131211 0000020000000000 24232221 03000000 0000080000000000 0000000000000000
               000000000000 0403 00000000 000000 85";
    assert_image(&end, hex);
}

#[test]
fn tcp_flags_and_action_are_not_part_of_a_keys_identity_and_all_else_is() {
    let base = FlowKey::from_words([0; 5]);
    for bit in 0..320 {
        let mut words = [0u64; 5];
        words[bit / 64] = 1 << (bit % 64);
        let changed = FlowKey::from_words(words);
        // TCP flags are byte 37; the action is bits 13 and 14 of the word in bytes 38 and 39.
        let carried = (37 * 8..38 * 8).contains(&bit) || (38 * 8 + 13..=38 * 8 + 14).contains(&bit);
        assert_eq!(changed.identity() == base.identity(), carried, "bit {bit}");
    }
}

#[test]
fn a_key_reversed_twice_is_itself() {
    let reversed = key().reversed();
    assert_eq!(reversed.dst, key().src);
    assert_eq!(reversed.src_port, 443);
    assert_eq!(reversed.port.direction(), Direction::Ingress);
    assert_eq!(reversed.reversed(), key());
}
