//! The package of the RTL against the crate that it is written from: the same bytes, the same fields.
#![cfg(feature = "verilate")]

use firmware_abi::descriptor::{Command, FlowRecord, Ledger, LedgerRecord, WindowEnd};
use firmware_abi::frame::FrameHeader;
use firmware_abi::key::FlowKey;
use firmware_abi::limits::EniLimits;
use firmware_abi::{hash, ring};
use rtl_sim::Instance;
use rtl_sim::tops::{AbiBench, AbiBenchIn, AbiBenchOut};
use zerocopy::{FromBytes, IntoBytes};

/// Of the bench.
const SLOTS_LOG2: u32 = 17;

/// Numbers that look random and are the same in every run (splitmix64).
struct Seeded(u64);

impl Seeded {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }
}

fn read<T: FromBytes>(image: &[u8]) -> T {
    T::read_from_prefix(image).expect("an image is 64 bytes").0
}

fn check_key(out: &AbiBenchOut, key: &FlowKey) {
    assert_eq!(out.key_o.as_bytes(), key.as_bytes());
    assert_eq!(out.src_o.as_bytes(), key.src);
    assert_eq!(out.dst_o.as_bytes(), key.dst);
    assert_eq!((out.src_port_o, out.dst_port_o), (key.src_port, key.dst_port));
    assert_eq!((out.protocol_o, out.tcp_flags_o), (key.protocol, key.tcp_flags));
    assert_eq!((out.port_o, out.vport_o), (key.port.0, key.port.vport()));
    assert_eq!((out.egress_o == 1, out.ip6_o == 1), (key.port.egress(), key.port.ip6()));
    assert_eq!(out.action_o, key.port.action_bits());
    let hashed = hash::h3(&key.identity());
    assert_eq!((out.h3_o, out.h3_parity_o), (hashed, hashed));
    let [low, high] = hash::buckets(hashed, SLOTS_LOG2);
    assert_eq!([out.bucket_low_o, out.bucket_high_o], [low, high]);
    assert_eq!(out.slot_high_o, hash::first_slot(1, high, SLOTS_LOG2));
}

fn check_command(out: &AbiBenchOut, command: &Command) {
    assert_eq!((out.slot_o, out.cookie_o), (command.slot, command.cookie));
    assert_eq!((out.arg_o, out.sequence_o), (command.arg, command.sequence));
    assert_eq!(out.opcode_o, command.tail.opcode_bits());
    assert_eq!((out.complete_o == 1, out.command_phase_o == 1), (command.tail.complete(), command.tail.phase()));
}

fn check_record(out: &AbiBenchOut, record: &FlowRecord) {
    assert_eq!(out.packets_o, record.packets_first.packets());
    assert_eq!(out.first_tick_o, record.packets_first.first_tick());
    assert_eq!(out.record_bytes_o, record.bytes_window.bytes());
    assert_eq!(out.record_window_o, record.bytes_window.window());
    assert_eq!(out.record_cookie_o, record.cookie);
    assert_eq!((out.last_tick_o, out.kind_o), (record.tail.last_tick(), record.tail.kind_bits()));
}

fn check_frame(out: &AbiBenchOut, frame: &FrameHeader) {
    assert_eq!((out.time_ns_o, out.aux_high_o), (frame.time_ns, frame.aux[1]));
    assert_eq!((out.wire_bytes_o, u32::from(out.held_bytes_o)), (frame.length.wire(), frame.length.held()));
    assert_eq!(out.l3_bytes_o, frame.tail.l3_bytes());
    assert_eq!((out.frame_window_o, out.code_o), (frame.tail.window(), frame.tail.code()));
    assert_eq!(out.first_fragment_o == 1, frame.tail.first_fragment());
}

#[test]
fn the_fields_of_the_package_lie_where_the_host_has_them() {
    let mut bench = Instance::<AbiBench>::new(1);
    let mut random = Seeded(1);
    for _ in 0..2_000 {
        let words: [u64; 8] = std::array::from_fn(|_| random.next());
        let image = words.as_bytes();
        let (index, bytes) = (random.next() as u32, random.next() % (ring::FRAME_BYTES_MAX as u64 + 1));
        let size_log2 = ring::SIZE_LOG2.start() + (random.next() % 21) as u32;
        let inputs = AbiBenchIn {
            bytes_i: read(image),
            index_i: index,
            size_log2_i: size_log2 as u8,
            frame_bytes_i: bytes as u16,
        };
        let out = bench.step(&inputs, 1, 4_000);
        let command: Command = read(image);
        check_key(&out, &command.key);
        check_command(&out, &command);
        check_record(&out, &read(image));
        check_frame(&out, &read(image));
        let (limits, ledger, end): (EniLimits, LedgerRecord, WindowEnd) = (read(image), read(image), read(image));
        assert_eq!((out.slot_quota_o, out.punt_credit_o), (limits.slot_quota, limits.punt_credit));
        assert_eq!(out.counter_o, ledger.counter(Ledger::Malformed as usize));
        assert_eq!((out.punt_producer_o, out.drain_ns_o), (end.punt_producer, end.drain_ns));
        assert_eq!(out.ring_phase_o == 1, ring::phase(index, size_log2));
        assert_eq!(u32::from(out.frame_slots_o), ring::frame_slots(bytes as usize));
        assert_eq!(out.retry_reserve_o, ring::retry_reserve(size_log2));
    }
}
