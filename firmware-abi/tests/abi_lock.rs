//! The contract cannot change without its version: its hash is committed in `abi.lock`.
//!
//! The contract is written out as text, one fact a line, and hashed. What is only prose is not in it.

mod fnv;

use firmware_abi::descriptor::{
    BytesWindow, Command, CommandTail, Completion, CompletionTail, FlowRecord, Ledger, LedgerRecord, LimitDrop, Opcode,
    PacketsFirst, RecordKind, RecordTail, Status, WindowEnd,
};
use firmware_abi::frame::{Disposition, FrameHeader, FrameLength, FrameTail, PuntReason};
use firmware_abi::key::{Direction, FlowKey, IDENTITY_MASK, Port, SlotAction};
use firmware_abi::limits::{EniFlags, EniLimits};
use firmware_abi::registers::REGISTERS;
use firmware_abi::ring::{self, RingId};
use firmware_abi::{ABI_VERSION, MAGIC, PCI_DEVICE, PCI_VENDOR, hash, key, time};
use std::fmt::{Debug, Write};
use std::path::Path;

/// Writes the lock when it is set to 1.
const BLESS: &str = "WEIR_ABI_BLESS";

/// Size, offsets and sizes of all fields. The pattern names every field, so a new one does not compile here.
macro_rules! layout {
    ($text:ident, $type:ident { $($field:ident),* $(,)? }) => {{
        let value = $type::default();
        let $type { $($field),* } = value;
        writeln!($text, "{} {} align {}", stringify!($type), size_of::<$type>(), align_of::<$type>()).expect("a string");
        let mut end = 0;
        $(
            let offset = core::mem::offset_of!($type, $field);
            assert_eq!(offset, end, "{}.{} follows without padding", stringify!($type), stringify!($field));
            end = offset + size_of_val(&$field);
            writeln!($text, "  {} {}..{}", stringify!($field), offset, end).expect("a string");
        )*
        assert_eq!(end, size_of::<$type>(), "{} ends without padding", stringify!($type));
    }};
}

/// The bits that each setter sets, and all that any sets.
macro_rules! bits {
    ($text:ident, $type:ident { $($setter:ident = $ones:expr),* $(,)? }) => {{
        writeln!($text, "{} {}", stringify!($type), size_of::<$type>()).expect("a string");
        let mut taken = 0;
        $(
            let mut value = $type::default();
            value.$setter($ones);
            assert_eq!(taken & value.0, 0, "{}.{} overlaps", stringify!($type), stringify!($setter));
            taken |= value.0;
            writeln!($text, "  {} {:#x}", stringify!($setter), value.0).expect("a string");
        )*
        writeln!($text, "  all {taken:#x}").expect("a string");
    }};
}

fn enumerated<T: Debug>(text: &mut String, name: &str, from_bits: impl Fn(u8) -> Option<T>) {
    writeln!(text, "{name}").expect("a string");
    for (bits, value) in (0..=u8::MAX).filter_map(|bits| Some((bits, from_bits(bits)?))) {
        writeln!(text, "  {value:?} {bits}").expect("a string");
    }
}

fn write_registers(text: &mut String) {
    for register in REGISTERS {
        let (name, offset, access, reset) = (register.name, register.offset, register.access, register.reset);
        writeln!(text, "{name} {offset:#x} {access:?} {reset:#x}").expect("a string");
        for field in register.fields {
            writeln!(text, "  {} {}:{} {:?}", field.name, field.msb, field.lsb, field.access).expect("a string");
            for value in field.values {
                writeln!(text, "    {} {}", value.name, value.value).expect("a string");
            }
        }
    }
}

fn write_layouts(text: &mut String) {
    layout!(text, FlowKey { src, dst, src_port, dst_port, protocol, tcp_flags, port });
    layout!(text, Command { key, slot, cookie, arg, sequence, tail });
    layout!(text, Completion { sequence, slot, cookie, tail });
    layout!(text, FlowRecord { key, packets_first, bytes_window, cookie, tail });
    layout!(text, LedgerRecord { counters, port_window, reserved, tail });
    layout!(
        text,
        WindowEnd {
            start_ns,
            end_ns,
            records,
            punt_producer,
            overruns,
            drain_ns,
            reserved,
            window,
            reserved_dword,
            tail
        }
    );
    layout!(text, FrameHeader { key, time_ns, aux, length, tail });
    layout!(
        text,
        EniLimits {
            packets_per_second,
            packet_burst,
            kilobits_per_second,
            byte_burst,
            new_flows_per_second,
            new_flow_burst,
            slot_quota,
            punt_credit,
            reserved,
        }
    );
}

fn write_bits(text: &mut String) {
    const ALL: u32 = u32::MAX;
    bits!(text, Port { set_vport = u16::MAX, set_egress = true, set_action_bits = 0xff, set_ip6 = true });
    bits!(text, CommandTail { set_opcode_bits = 0xff, set_complete = true, set_phase = true });
    bits!(text, CompletionTail { set_status_bits = 0xff, set_opcode_bits = 0xff, set_phase = true });
    bits!(text, PacketsFirst { set_packets = u64::MAX, set_first_tick = ALL });
    bits!(text, BytesWindow { set_bytes = u64::MAX, set_window = u16::MAX });
    bits!(text, RecordTail { set_last_tick = ALL, set_kind_bits = 0xff, set_phase = true });
    bits!(text, FrameLength { set_wire = ALL, set_held = ALL });
    bits!(
        text,
        FrameTail {
            set_l3_bytes = ALL,
            set_window = 0xff,
            set_code = 0xff,
            set_later_fragment = true,
            set_over_new_flow_limit = true,
            set_first_fragment = true,
            set_phase = true,
        }
    );
    bits!(text, EniFlags { set_enabled = true, set_bits_summed = true, set_instance = u16::MAX });
}

fn write_numbers(text: &mut String) {
    enumerated(text, "Opcode", Opcode::from_bits);
    enumerated(text, "Status", Status::from_bits);
    enumerated(text, "RecordKind", RecordKind::from_bits);
    enumerated(text, "PuntReason", PuntReason::from_bits);
    enumerated(text, "Disposition", Disposition::from_bits);
    enumerated(text, "SlotAction", |bits| (bits < 4).then(|| SlotAction::from_bits(bits)));
    enumerated(text, "Direction", |bits| Direction::ALL.into_iter().find(|value| *value as u8 == bits));
    enumerated(text, "RingId", |bits| RingId::ALL.into_iter().find(|value| *value as u8 == bits));
    enumerated(text, "Ledger", |bits| Ledger::ALL.into_iter().find(|value| *value as u8 == bits));
    enumerated(text, "LimitDrop", |bits| LimitDrop::ALL.into_iter().find(|value| *value as u8 == bits));
}

fn write_rules(text: &mut String) {
    writeln!(text, "identity {MAGIC:#x} {PCI_VENDOR:#x} {PCI_DEVICE:#x}").expect("a string");
    writeln!(text, "compared {IDENTITY_MASK:#x}").expect("a string");
    writeln!(text, "bytes {} {}", ring::FRAME_SLOT_BYTES, ring::FRAME_BYTES_MAX).expect("a string");
    writeln!(text, "ring sizes {:?} phase {:#x}", ring::SIZE_LOG2, ring::PHASE_BIT).expect("a string");
    for id in RingId::ALL {
        writeln!(text, "{id:?} {} {}", id.entry_bytes(), id.host_produces()).expect("a string");
    }
    writeln!(text, "phases {} {}", ring::phase(0, 4), ring::phase(16, 4)).expect("a string");
    writeln!(text, "time {} {} {:?}", time::TICK_NS, time::TICK_MAX, time::WINDOW_SECONDS).expect("a string");
    let protocols =
        [key::protocol::ICMP, key::protocol::TCP, key::protocol::UDP, key::protocol::ICMPV6, key::protocol::SCTP];
    writeln!(text, "protocols {protocols:?}").expect("a string");
    for bit in 0..64 {
        writeln!(text, "hash {bit} {:x?}", hash::mask(bit)).expect("a string");
    }
    for slots_log2 in [7, 17, 24] {
        let [low, high] = hash::buckets(0x0123_4567_89ab_cdef, slots_log2);
        let slots = [hash::first_slot(0, low, slots_log2), hash::first_slot(1, high, slots_log2)];
        writeln!(text, "slots of {slots_log2} {slots:?}, {} ways", hash::WAYS).expect("a string");
    }
}

/// The contract as text.
fn contract() -> String {
    let mut text = String::new();
    write_registers(&mut text);
    write_layouts(&mut text);
    write_bits(&mut text);
    write_numbers(&mut text);
    write_rules(&mut text);
    text
}

/// A lock's version and hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Lock {
    version: u32,
    hash: u64,
}

impl Lock {
    fn parse(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        let (major, minor) = lines.next()?.strip_prefix("version ")?.split_once('.')?;
        let version = u32::from(major.parse::<u16>().ok()?) << 16 | u32::from(minor.parse::<u16>().ok()?);
        let hash = u64::from_str_radix(lines.next()?.strip_prefix("hash ")?, 16).ok()?;
        lines.next().is_none().then_some(Self { version, hash })
    }

    fn to_text(self) -> String {
        format!("version {}.{}\nhash {:016x}\n", self.version >> 16, self.version & 0xffff, self.hash)
    }
}

/// Why a lock does not fit the contract, and whether it may be rewritten.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Holds,
    /// The version went up: rewriting the lock is all there is to do.
    Rewrite,
    /// The contract changed and its version did not, or went down.
    Bump,
}

fn judge(committed: Option<Lock>, found: Lock) -> Verdict {
    match committed {
        None => Verdict::Rewrite,
        Some(committed) if committed == found => Verdict::Holds,
        Some(committed) if found.version > committed.version => Verdict::Rewrite,
        Some(_) => Verdict::Bump,
    }
}

#[test]
fn the_contract_changes_only_with_its_version() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("abi.lock");
    let committed =
        std::fs::read_to_string(&path).ok().map(|text| Lock::parse(&text).expect("abi.lock: `version 1.0`, `hash …`"));
    let found = Lock { version: ABI_VERSION, hash: fnv::fnv1a(contract().as_bytes()) };
    let bless = std::env::var(BLESS).is_ok_and(|value| value == "1");
    match judge(committed, found) {
        Verdict::Holds => {}
        Verdict::Rewrite if bless => std::fs::write(&path, found.to_text()).expect("abi.lock can be written"),
        Verdict::Rewrite => panic!(
            "ABI_VERSION is not the one in firmware-abi/abi.lock. Rewrite the lock and commit it:\n\
             {BLESS}=1 cargo test -p weir-firmware-abi --test abi_lock"
        ),
        Verdict::Bump => panic!(
            "The contract between NIC and host is not the one that firmware-abi/abi.lock was made from.\n\
             Committed:\n{}Found:\n{}\
             If that is what you want, bump ABI_VERSION (firmware-abi/src/lib.rs and rdl/weir.rdl): the major version if an older\n\
             driver would misread it, else the minor one. Then rewrite the lock and commit it:\n\
             {BLESS}=1 cargo test -p weir-firmware-abi --test abi_lock\n\
             Without a higher version the lock is not rewritten.",
            committed.map(Lock::to_text).unwrap_or_default(),
            found.to_text(),
        ),
    }
}

#[test]
fn a_changed_contract_with_the_same_or_a_lower_version_is_refused() {
    let committed = Some(Lock { version: 0x0001_0002, hash: 1 });
    assert_eq!(judge(committed, Lock { version: 0x0001_0002, hash: 1 }), Verdict::Holds);
    assert_eq!(judge(committed, Lock { version: 0x0001_0002, hash: 2 }), Verdict::Bump);
    assert_eq!(judge(committed, Lock { version: 0x0001_0001, hash: 2 }), Verdict::Bump);
    assert_eq!(judge(committed, Lock { version: 0x0001_0003, hash: 2 }), Verdict::Rewrite);
    assert_eq!(judge(committed, Lock { version: 0x0002_0000, hash: 2 }), Verdict::Rewrite);
    assert_eq!(judge(None, Lock { version: 0x0001_0000, hash: 2 }), Verdict::Rewrite);
}

#[test]
fn a_lock_reads_back_as_written_and_anything_else_is_refused() {
    let lock = Lock { version: 0x0001_0002, hash: 0xab };
    assert_eq!(lock.to_text(), "version 1.2\nhash 00000000000000ab\n");
    assert_eq!(Lock::parse(&lock.to_text()), Some(lock));
    for text in [
        "",
        "version 1.2\n",
        "version 1\nhash 0\n",
        "version 1.2\nhash x\n",
        "version 1.2\nhash 0\nmore\n",
        "version 1.99999\nhash 0\n",
    ] {
        assert_eq!(Lock::parse(text), None, "{text:?}");
    }
}
