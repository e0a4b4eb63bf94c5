//! Numbers, opcodes and the rules of rings and time.

use crate::emit::{comment, count, enumeration, number};
use firmware_abi::descriptor::{Ledger, LimitDrop, Opcode, RecordKind, Status};
use firmware_abi::frame::{Disposition, PuntReason};
use firmware_abi::key::{self, Direction, SlotAction};
use firmware_abi::ring::{self, RingId};
use firmware_abi::{ABI_VERSION, MAGIC, PCI_DEVICE, PCI_VENDOR, time};

/// What the device says it is.
pub(crate) fn write_identity(text: &mut String) {
    comment(text, &["What the device says it is."]);
    number(text, "MAGIC", 32, u64::from(MAGIC), true);
    number(text, "ABI_VERSION", 32, u64::from(ABI_VERSION), true);
    number(text, "PCI_VENDOR", 16, u64::from(PCI_VENDOR), true);
    number(text, "PCI_DEVICE", 16, u64::from(PCI_DEVICE), true);
}

/// Opcodes, statuses, kinds and the like, as wide as the fields that hold them.
pub(crate) fn write_numbers(text: &mut String) {
    comment(text, &["Values of fields. A field that host memory fills is plain bits: it may hold anything."]);
    let direction = |bits| Direction::ALL.into_iter().find(|value| *value as u8 == bits);
    let ring = |bits| RingId::ALL.into_iter().find(|value| *value as u8 == bits);
    let action = |bits| (bits < 4).then(|| SlotAction::from_bits(bits));
    let ledger = |bits| Ledger::ALL.into_iter().find(|value| *value as u8 == bits);
    let limit = |bits| LimitDrop::ALL.into_iter().find(|value| *value as u8 == bits);
    for enumeration in [
        enumeration("Direction", "DIRECTION", 1, direction),
        enumeration("SlotAction", "ACTION", 2, action),
        enumeration("Opcode", "OPCODE", 8, Opcode::from_bits),
        enumeration("Status", "STATUS", 8, Status::from_bits),
        enumeration("RecordKind", "KIND", 7, RecordKind::from_bits),
        enumeration("PuntReason", "PUNT", 3, PuntReason::from_bits),
        enumeration("Disposition", "DISPOSITION", 3, Disposition::from_bits),
        enumeration("Ledger", "LEDGER", 3, ledger),
        enumeration("LimitDrop", "LIMIT", 3, limit),
        enumeration("RingId", "RING", 3, ring),
    ] {
        text.push_str(&enumeration);
    }
    comment(text, &["IANA numbers of the protocols that the parser treats apart."]);
    for (name, value) in [
        ("PROTOCOL_ICMP", key::protocol::ICMP),
        ("PROTOCOL_TCP", key::protocol::TCP),
        ("PROTOCOL_UDP", key::protocol::UDP),
        ("PROTOCOL_ICMPV6", key::protocol::ICMPV6),
        ("PROTOCOL_SCTP", key::protocol::SCTP),
    ] {
        number(text, name, 8, u64::from(value), false);
    }
}

/// Sizes, phases and what a punt leaves free.
pub(crate) fn write_rings(text: &mut String) {
    comment(text, &["Rings: bytes of their entries, and their sizes as powers of two."]);
    count(text, "RINGS", RingId::ALL.len() as u64);
    for (name, value) in [
        ("DESCRIPTOR_BYTES", ring::DESCRIPTOR_BYTES),
        ("COMPLETION_BYTES", ring::COMPLETION_BYTES),
        ("FRAME_SLOT_BYTES", ring::FRAME_SLOT_BYTES),
        ("FRAME_HEADER_BYTES", ring::FRAME_HEADER_BYTES),
        ("FRAME_SLOT_DATA_BYTES", ring::FRAME_SLOT_DATA_BYTES),
        ("FRAME_BYTES_MAX", ring::FRAME_BYTES_MAX),
    ] {
        count(text, name, value as u64);
    }
    count(text, "RING_SIZE_LOG2_MIN", u64::from(*ring::SIZE_LOG2.start()));
    count(text, "RING_SIZE_LOG2_MAX", u64::from(*ring::SIZE_LOG2.end()));
    check_rings();
    text.push_str(RING_FUNCTIONS);
}

const RING_FUNCTIONS: &str = "
  // The phase that entry `index` is written with, in a ring of 2^size_log2 entries: 1 on the first lap.
  function automatic logic ring_phase(input logic [31:0] index, input logic [4:0] size_log2);
    return ~index[size_log2];
  endfunction

  // The slots that a frame of `bytes` bytes takes in the punt or inject ring, 1 to 5.
  function automatic logic [2:0] frame_slots(input logic [13:0] bytes);
    if (bytes <= 14'(FRAME_SLOT_DATA_BYTES)) return 3'd1;
    if (bytes <= 14'(2 * FRAME_SLOT_DATA_BYTES)) return 3'd2;
    if (bytes <= 14'(3 * FRAME_SLOT_DATA_BYTES)) return 3'd3;
    if (bytes <= 14'(4 * FRAME_SLOT_DATA_BYTES)) return 3'd4;
    return 3'd5;
  endfunction

  // Slots of the punt ring that new punts leave free for retries that come back.
  function automatic logic [31:0] retry_reserve(input logic [4:0] size_log2);
    return 32'd1 << (size_log2 - 5'd2);
  endfunction
";

/// What the functions above say in their own words is what the contract says.
fn check_rings() {
    assert_eq!(ring::frame_slots(ring::FRAME_BYTES_MAX), 5);
    for bytes in 0..=ring::FRAME_BYTES_MAX {
        let found = (1..5).find(|slots| bytes <= slots * ring::FRAME_SLOT_DATA_BYTES).unwrap_or(5);
        assert_eq!(ring::frame_slots(bytes) as usize, found);
    }
    for size_log2 in ring::SIZE_LOG2 {
        assert_eq!(ring::retry_reserve(size_log2), 1 << (size_log2 - 2));
        for lap in 0..4 {
            assert_eq!(ring::phase(lap << size_log2, size_log2), !lap & 1 == 1);
        }
    }
}

/// Ticks and windows.
pub(crate) fn write_time(text: &mut String) {
    comment(text, &["Time: ticks count from the whole second at or before the window's start, and saturate."]);
    count(text, "TICK_NS", time::TICK_NS);
    number(text, "TICK_MAX", 24, u64::from(time::TICK_MAX), true);
    count(text, "SECOND_NS", time::SECOND_NS);
    count(text, "WINDOW_SECONDS_MIN", u64::from(*time::WINDOW_SECONDS.start()));
    count(text, "WINDOW_SECONDS_MAX", u64::from(*time::WINDOW_SECONDS.end()));
}
