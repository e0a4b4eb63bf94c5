//! Every structure that crosses the bus, as a packed structure.

use crate::emit::{Field, Layout, comment, type_name};
use firmware_abi::descriptor::{
    BytesWindow, Command, CommandTail, Completion, CompletionTail, FlowRecord, LedgerRecord, PacketsFirst, RecordTail,
    WindowEnd,
};
use firmware_abi::frame::{FrameHeader, FrameLength, FrameTail};
use firmware_abi::key::{FlowKey, Port};
use firmware_abi::limits::{EniFlags, EniLimits};

/// Offsets and sizes of all fields; a field may have a name or a type of its own in the package. The
/// pattern names every field, so a new one does not compile here.
macro_rules! layout {
    ($type:ident { $($field:ident $(as $name:literal)? $(: $kind:expr)?),* $(,)? }) => {{
        let value = $type::default();
        let $type { $($field),* } = value;
        let fields = vec![$(
            Field {
                name: [$($name,)? stringify!($field)][0].to_owned(),
                lsb: core::mem::offset_of!($type, $field) * 8,
                width: size_of_val(&$field) * 8,
                kind: [$(String::from($kind),)? String::new()][0].clone(),
            }
        ),*];
        Layout { name: stringify!($type).to_owned(), bits: size_of::<$type>() * 8, fields }
    }};
}

/// The bits that each setter sets.
macro_rules! bits {
    ($type:ident { $($name:ident: $setter:ident = $ones:expr),* $(,)? }) => {{
        let fields = vec![$({
            let mut value = $type::default();
            value.$setter($ones);
            Field {
                name: stringify!($name).to_owned(),
                lsb: value.0.trailing_zeros() as usize,
                width: value.0.count_ones() as usize,
                kind: String::new(),
            }
        }),*];
        Layout { name: stringify!($type).to_owned(), bits: size_of::<$type>() * 8, fields }
    }};
}

const ALL: u32 = u32::MAX;

fn keys() -> [Layout; 2] {
    [
        bits!(Port {
            vport: set_vport = u16::MAX,
            egress: set_egress = true,
            action: set_action_bits = 0xff,
            ip6: set_ip6 = true
        }),
        layout!(FlowKey { src, dst, src_port, dst_port, protocol, tcp_flags, port: type_name("Port") }),
    ]
}

fn commands() -> [Layout; 6] {
    [
        bits!(CommandTail { opcode: set_opcode_bits = 0xff, complete: set_complete = true, phase: set_phase = true }),
        layout!(Command { key: type_name("FlowKey"), slot, cookie, arg, sequence as "sequence_number",
            tail: type_name("CommandTail") }),
        bits!(CompletionTail {
            status: set_status_bits = 0xff,
            opcode: set_opcode_bits = 0xff,
            phase: set_phase = true
        }),
        layout!(Completion { sequence as "sequence_number", slot, cookie, tail: type_name("CompletionTail") }),
        bits!(EniFlags {
            enabled: set_enabled = true,
            bits_summed: set_bits_summed = true,
            instance_number: set_instance = u16::MAX
        }),
        layout!(EniLimits {
            packets_per_second,
            packet_burst,
            kilobits_per_second,
            byte_burst,
            new_flows_per_second,
            new_flow_burst,
            slot_quota,
            punt_credit,
            reserved
        }),
    ]
}

fn records() -> [Layout; 6] {
    [
        bits!(PacketsFirst { packets: set_packets = u64::MAX, first_tick: set_first_tick = ALL }),
        bits!(BytesWindow { bytes: set_bytes = u64::MAX, window: set_window = u16::MAX }),
        bits!(RecordTail { last_tick: set_last_tick = ALL, kind: set_kind_bits = 0xff, phase: set_phase = true }),
        layout!(FlowRecord {
            key: type_name("FlowKey"),
            packets_first: type_name("PacketsFirst"),
            bytes_window: type_name("BytesWindow"),
            cookie,
            tail: type_name("RecordTail")
        }),
        layout!(LedgerRecord {
            counters: "logic [7:0][47:0]",
            port_window: type_name("BytesWindow"),
            reserved,
            tail: type_name("RecordTail")
        }),
        layout!(WindowEnd {
            start_ns,
            end_ns,
            records,
            punt_producer,
            overruns,
            drain_ns,
            reserved,
            window: type_name("BytesWindow"),
            reserved_dword,
            tail: type_name("RecordTail")
        }),
    ]
}

fn frames() -> [Layout; 3] {
    [
        bits!(FrameLength { wire_bytes: set_wire = ALL, held_bytes: set_held = ALL }),
        bits!(FrameTail {
            l3_bytes: set_l3_bytes = ALL,
            window: set_window = 0xff,
            code: set_code = 0xff,
            later_fragment: set_later_fragment = true,
            over_new_flow_limit: set_over_new_flow_limit = true,
            first_fragment: set_first_fragment = true,
            phase: set_phase = true
        }),
        layout!(FrameHeader {
            key: type_name("FlowKey"),
            time_ns,
            aux: "logic [1:0][31:0]",
            length: type_name("FrameLength"),
            tail: type_name("FrameTail")
        }),
    ]
}

/// All of them, each after those that it is made of.
pub(crate) fn write(text: &mut String) {
    let groups: [(&str, &[Layout]); 4] = [
        ("The flow key, 40 bytes: the prefix of record, command and frame header alike.", &keys()),
        ("Commands, what answers them, and what SET_ENI carries.", &commands()),
        ("Records, 64 bytes each. A ledger's port is in the bytes of its port_window.", &records()),
        ("The header of a punted or injected frame, 64 bytes.", &frames()),
    ];
    for (title, layouts) in groups {
        comment(text, &[title]);
        for layout in layouts {
            text.push_str(&layout.to_sv());
        }
    }
}

#[test]
fn what_comes_first_in_memory_is_declared_last_and_holes_are_named() {
    let field = |name: &str, lsb, width| Field { name: name.to_owned(), lsb, width, kind: String::new() };
    let layout = Layout { name: "TwoParts".to_owned(), bits: 16, fields: vec![field("b", 8, 4), field("a", 0, 1)] };
    let expected = "  typedef struct packed {\n    logic [3:0] reserved_12;\n    logic [3:0] b;\n    \
                    logic [6:0] reserved_1;\n    logic a;\n  } two_parts_t;\n";
    assert_eq!(layout.to_sv(), expected);
}
