//! What is compared, in the form in which a difference is told.

use super::ENTRY_BYTES;
use firmware_abi::descriptor::{FlowRecord, RecordKind, WindowEnd};
use hw_model::Sent;
use std::fmt::Write;

/// A frame that left, to compare and to show.
pub(super) struct Leaving<'a>(pub(super) &'a Sent);

impl Leaving<'_> {
    fn parts(&self) -> (u16, u64, u32, &[u8]) {
        (self.0.vport, self.0.time_ns, self.0.wire_length, &self.0.bytes)
    }
}

impl PartialEq for Leaving<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.parts() == other.parts()
    }
}

impl std::fmt::Debug for Leaving<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (vport, time_ns, wire_length, bytes) = self.parts();
        write!(f, "port {vport}, {time_ns} ns, {wire_length} bytes on the wire: {}", hex(bytes))
    }
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a string");
        text
    })
}

/// What 64 bytes would say as a record.
pub(super) fn decoded(bytes: &[u8; ENTRY_BYTES]) -> String {
    let record: FlowRecord = zerocopy::transmute!(*bytes);
    format!("as a record: {record:?}")
}

/// Two ends of a window that differ in how long the drain took, and in nothing else.
pub(super) fn only_drain_time_differs(model: &[u8; ENTRY_BYTES], rtl: &[u8; ENTRY_BYTES]) -> bool {
    let record: FlowRecord = zerocopy::transmute!(*model);
    if RecordKind::from_bits(record.tail.kind_bits()) != Some(RecordKind::WindowEnd) {
        return false;
    }
    let (mut model, mut rtl): (WindowEnd, WindowEnd) = (zerocopy::transmute!(*model), zerocopy::transmute!(*rtl));
    (model.drain_ns, rtl.drain_ns) = (0, 0);
    model == rtl
}

/// A register's value.
#[derive(PartialEq)]
pub(super) struct Hex(pub(super) u32);

impl std::fmt::Debug for Hex {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:#010x}", self.0)
    }
}
