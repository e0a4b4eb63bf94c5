//! Commands, completions and records.

use crate::key::{Direction, FlowKey, Port};
use crate::limits::EniFlags;
use bitfield::bitfield;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// What a [`Command`] does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Opcode {
    /// Nothing.
    Nop = 0,
    /// Put `key` with its action and `cookie` into the empty `slot`.
    Insert = 1,
    /// EXTRACT the slot's counts into a record with the old cookie, then set action and cookie.
    Update = 2,
    /// EXTRACT the slot's counts into a record, then empty it.
    Delete = 3,
    /// Emit a record of kind [`RecordKind::Slot`] with what the slot holds; nothing changes.
    ReadSlot = 4,
    /// Configure the ENI named by `key.port`: [`crate::limits::EniLimits`] lies over the key's
    /// first 36 bytes, [`EniFlags`] in `cookie`.
    SetEni = 5,
    /// Write to IOVA `arg` one bit a slot of the direction in `key.port`, starting at `slot` (a
    /// multiple of 512) and as many as `cookie` says (a multiple of 512): touched since last asked. Clears them.
    ReadActivity = 6,
    /// Complete once everything before has taken effect.
    Fence = 7,
}

impl Opcode {
    /// From its byte.
    #[must_use]
    pub const fn from_bits(bits: u8) -> Option<Self> {
        Some(match bits {
            0 => Self::Nop,
            1 => Self::Insert,
            2 => Self::Update,
            3 => Self::Delete,
            4 => Self::ReadSlot,
            5 => Self::SetEni,
            6 => Self::ReadActivity,
            7 => Self::Fence,
            _ => return None,
        })
    }
}

bitfield! {
    /// The last dword of a command.
    #[derive(Clone, Copy, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
    #[repr(transparent)]
    pub struct CommandTail(pub u32);
    impl Debug;
    u32;
    /// An [`Opcode`].
    pub u8, opcode_bits, set_opcode_bits: 7, 0;
    /// Answer even if it succeeds. Failures are always answered.
    pub complete, set_complete: 8;
    /// The phase bit.
    pub phase, set_phase: 31;
}

/// A command, 64 bytes, host to NIC. Commands take effect in the order of the ring, whatever their
/// direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C, align(8))]
pub struct Command {
    /// Key and action of the flow.
    pub key: FlowKey,
    /// Slot within the direction of `key.port`.
    pub slot: u32,
    /// The host's number of the flow, returned in each of its records.
    pub cookie: u32,
    /// Argument; see [`Opcode`].
    pub arg: u64,
    /// Given back in the completion.
    pub sequence: u32,
    /// Opcode, flags, phase.
    pub tail: CommandTail,
}

const _: () = assert!(size_of::<Command>() == crate::ring::DESCRIPTOR_BYTES);
const _: () = assert!(core::mem::offset_of!(Command, tail) == 60);

impl Command {
    /// The ENI flags of a SET_ENI.
    #[must_use]
    pub fn eni_flags(&self) -> EniFlags {
        EniFlags(self.cookie)
    }
}

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Status {
    /// Done.
    Ok = 0,
    /// No such opcode.
    BadOpcode = 1,
    /// The slot number is past the table.
    BadSlot = 2,
    /// INSERT into a slot that is in use.
    SlotInUse = 3,
    /// UPDATE, DELETE or READ_SLOT of an empty slot.
    SlotEmpty = 4,
    /// The slot is in neither of the key's two buckets.
    WrongBucket = 5,
    /// The slot holds another key.
    KeyMismatch = 6,
    /// The ENI's slot quota is used up.
    Quota = 7,
    /// The ENI is not enabled, or its number is past the hardware's.
    BadEni = 8,
    /// An argument is out of range or not aligned.
    BadArgument = 9,
    /// Host memory could not be reached.
    DmaFault = 10,
    /// The phase bit was wrong: the entry was not executed.
    BadPhase = 11,
}

impl Status {
    /// From its byte.
    #[must_use]
    pub const fn from_bits(bits: u8) -> Option<Self> {
        Some(match bits {
            0 => Self::Ok,
            1 => Self::BadOpcode,
            2 => Self::BadSlot,
            3 => Self::SlotInUse,
            4 => Self::SlotEmpty,
            5 => Self::WrongBucket,
            6 => Self::KeyMismatch,
            7 => Self::Quota,
            8 => Self::BadEni,
            9 => Self::BadArgument,
            10 => Self::DmaFault,
            11 => Self::BadPhase,
            _ => return None,
        })
    }
}

bitfield! {
    /// The last dword of a completion.
    #[derive(Clone, Copy, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
    #[repr(transparent)]
    pub struct CompletionTail(pub u32);
    impl Debug;
    u32;
    /// A [`Status`].
    pub u8, status_bits, set_status_bits: 7, 0;
    /// The command's opcode.
    pub u8, opcode_bits, set_opcode_bits: 15, 8;
    /// The phase bit.
    pub phase, set_phase: 31;
}

/// The answer to a command, 16 bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C, align(4))]
pub struct Completion {
    /// The command's sequence.
    pub sequence: u32,
    /// The command's slot.
    pub slot: u32,
    /// The command's cookie.
    pub cookie: u32,
    /// Status and phase.
    pub tail: CompletionTail,
}

const _: () = assert!(size_of::<Completion>() == crate::ring::COMPLETION_BYTES);

/// What a record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum RecordKind {
    /// A [`FlowRecord`] from the drain of a window.
    Flow = 0,
    /// A [`FlowRecord`] from an EXTRACT: what a slot had counted when it was changed or removed.
    Evicted = 1,
    /// A [`LedgerRecord`] of packets.
    LedgerPackets = 2,
    /// A [`LedgerRecord`] of bytes.
    LedgerBytes = 3,
    /// A [`LedgerRecord`] of packets that a limit stopped, by reason; only if any is not 0.
    LedgerLimits = 4,
    /// A [`WindowEnd`].
    WindowEnd = 5,
    /// A [`FlowRecord`] that answers READ_SLOT: key and cookie as programmed, the slot's number in
    /// the low 32 bits of `packets_first`, all counters 0.
    Slot = 6,
    /// A [`WindowEnd`] with only `start_ns` and the window's number: it has opened. It comes before
    /// any other record of that window, so its ticks can be read.
    WindowStart = 7,
}

impl RecordKind {
    /// From its bits.
    #[must_use]
    pub const fn from_bits(bits: u8) -> Option<Self> {
        Some(match bits {
            0 => Self::Flow,
            1 => Self::Evicted,
            2 => Self::LedgerPackets,
            3 => Self::LedgerBytes,
            4 => Self::LedgerLimits,
            5 => Self::WindowEnd,
            6 => Self::Slot,
            7 => Self::WindowStart,
            _ => return None,
        })
    }
}

bitfield! {
    /// Packets and first tick of a flow record.
    #[derive(Clone, Copy, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
    #[repr(transparent)]
    pub struct PacketsFirst(pub u64);
    impl Debug;
    u64;
    /// Packets, 40 bits.
    pub packets, set_packets: 39, 0;
    /// Tick of the first packet, 24 bits.
    pub u32, first_tick, set_first_tick: 63, 40;
}

impl PacketsFirst {
    /// Both, of which the fields' bits are taken.
    #[must_use]
    #[inline]
    pub const fn new(packets: u64, first_tick: u32) -> Self {
        Self(packets & ((1 << 40) - 1) | (first_tick as u64) << 40)
    }
}

bitfield! {
    /// Bytes and window of a record.
    #[derive(Clone, Copy, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
    #[repr(transparent)]
    pub struct BytesWindow(pub u64);
    impl Debug;
    u64;
    /// Layer-3 bytes, 48 bits. In a ledger: the [`Port`] of ENI and direction.
    pub bytes, set_bytes: 47, 0;
    /// Window number, 16 bits.
    pub u16, window, set_window: 63, 48;
}

impl BytesWindow {
    /// Both, of which the fields' bits are taken.
    #[must_use]
    #[inline]
    pub const fn new(bytes: u64, window: u16) -> Self {
        Self(bytes & ((1 << 48) - 1) | (window as u64) << 48)
    }
}

bitfield! {
    /// The last dword of a record.
    #[derive(Clone, Copy, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
    #[repr(transparent)]
    pub struct RecordTail(pub u32);
    impl Debug;
    u32;
    /// Tick of the last packet, 24 bits.
    pub last_tick, set_last_tick: 23, 0;
    /// A [`RecordKind`].
    pub u8, kind_bits, set_kind_bits: 30, 24;
    /// The phase bit.
    pub phase, set_phase: 31;
}

impl RecordTail {
    /// A tail without the phase; of the tick the field's bits are taken.
    #[must_use]
    #[inline]
    pub const fn new(last_tick: u32, kind: RecordKind) -> Self {
        Self(last_tick & 0xff_ffff | (kind as u32) << 24)
    }
}

/// What a slot counted in a window, 64 bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C, align(8))]
pub struct FlowRecord {
    /// Key and action; `tcp_flags` is the OR over the window.
    pub key: FlowKey,
    /// Packets, first tick.
    pub packets_first: PacketsFirst,
    /// Bytes, window.
    pub bytes_window: BytesWindow,
    /// The host's number of the flow.
    pub cookie: u32,
    /// Last tick, kind, phase.
    pub tail: RecordTail,
}

const _: () = assert!(size_of::<FlowRecord>() == crate::ring::DESCRIPTOR_BYTES);
const _: () = assert!(core::mem::offset_of!(FlowRecord, packets_first) == 40);
const _: () = assert!(core::mem::offset_of!(FlowRecord, bytes_window) == 48);
const _: () = assert!(core::mem::offset_of!(FlowRecord, cookie) == 56);
const _: () = assert!(core::mem::offset_of!(FlowRecord, tail) == 60);

/// The counters of a ledger: where every packet of an ENI ends, each in 48 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Ledger {
    /// All that entered: the left side of the conservation equation, counted before anything else.
    Offered = 0,
    /// Hit a slot and was tallied there.
    Tallied = 1,
    /// Handed to the host, which counts it. A retry that hits moves from here to where it ends.
    Punted = 2,
    /// Lost for want of ring, credit or host memory.
    Skipped = 3,
    /// Not captured, but forwarded: DHCP, and slots with [`crate::key::SlotAction::NoLog`].
    Excluded = 4,
    /// Not IP.
    NonIp = 5,
    /// IP that could not be parsed.
    Malformed = 6,
    /// Stopped by the ingress policer.
    Policed = 7,
}

impl Ledger {
    /// All of them, in order.
    pub const ALL: [Self; 8] = [
        Self::Offered,
        Self::Tallied,
        Self::Punted,
        Self::Skipped,
        Self::Excluded,
        Self::NonIp,
        Self::Malformed,
        Self::Policed,
    ];
}

/// The counters of a [`RecordKind::LedgerLimits`] record, packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum LimitDrop {
    /// Ingress, packets per second. With the next, the sum is [`Ledger::Policed`].
    PolicedPackets = 0,
    /// Ingress, bits per second.
    PolicedBits = 1,
    /// Egress, after the tally, packets per second.
    ShapedPackets = 2,
    /// Egress, after the tally, bits per second.
    ShapedBits = 3,
    /// No room in the punt ring. With the next two, the sum is [`Ledger::Skipped`].
    SkippedRing = 4,
    /// The ENI's punt credit was used up.
    SkippedCredit = 5,
    /// Host memory could not be reached.
    SkippedDma = 6,
    /// Punted with [`crate::frame::FrameTail::over_new_flow_limit`]; these are in `Punted` too.
    NewFlows = 7,
}

impl LimitDrop {
    /// All of them, in order.
    pub const ALL: [Self; 8] = [
        Self::PolicedPackets,
        Self::PolicedBits,
        Self::ShapedPackets,
        Self::ShapedBits,
        Self::SkippedRing,
        Self::SkippedCredit,
        Self::SkippedDma,
        Self::NewFlows,
    ];
}

/// A ledger, 64 bytes: eight counters of 48 bits, little-endian, for one ENI, direction and window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C, align(8))]
pub struct LedgerRecord {
    /// The counters, in the order of [`Ledger`] or [`LimitDrop`].
    pub counters: [[u8; 6]; 8],
    /// `bytes` holds the [`Port`]; the window is in its place.
    pub port_window: BytesWindow,
    /// Reserved, 0.
    pub reserved: u32,
    /// Kind, phase.
    pub tail: RecordTail,
}

const _: () = assert!(size_of::<LedgerRecord>() == crate::ring::DESCRIPTOR_BYTES);

impl LedgerRecord {
    /// Counter `index` (0 to 7).
    #[must_use]
    pub fn counter(&self, index: usize) -> u64 {
        let mut wide = [0; 8];
        wide[..6].copy_from_slice(&self.counters[index]);
        u64::from_le_bytes(wide)
    }

    /// Sets counter `index` (0 to 7) to the low 48 bits of `value`.
    pub fn set_counter(&mut self, index: usize, value: u64) {
        self.counters[index].copy_from_slice(&value.to_le_bytes()[..6]);
    }

    /// The ENI's number and direction.
    #[must_use]
    pub fn port(&self) -> (u16, Direction) {
        let port = Port(self.port_window.bytes() as u16);
        (port.vport(), port.direction())
    }
}

/// The end of a window, 64 bytes: the last record of a drain. Also, as far as
/// [`RecordKind::WindowStart`] says, the beginning of one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C, align(8))]
pub struct WindowEnd {
    /// When the window truly started, Unix ns: the end of the one before.
    pub start_ns: u64,
    /// When it truly ended, Unix ns; packets at this instant are in the next.
    pub end_ns: u64,
    /// Flow records that the drain emitted.
    pub records: u64,
    /// The punt ring's producer at the cut: every punt of this window but late ones lies before it.
    pub punt_producer: u32,
    /// Boundaries that passed while an earlier window was still draining, since power-on.
    pub overruns: u32,
    /// The drain took this long, ns.
    pub drain_ns: u64,
    /// Reserved, 0.
    pub reserved: u64,
    /// The window.
    pub window: BytesWindow,
    /// Reserved, 0.
    pub reserved_dword: u32,
    /// Kind, phase.
    pub tail: RecordTail,
}

const _: () = assert!(size_of::<WindowEnd>() == crate::ring::DESCRIPTOR_BYTES);
const _: () = assert!(core::mem::offset_of!(WindowEnd, window) == 48);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_made_at_once_is_what_its_fields_make() {
        for value in [0, 1, 0xff_ffff, 0x0123_4567_89ab_cdef, 1 << 40, 1 << 48, u64::MAX] {
            let mut packets_first = PacketsFirst(0);
            packets_first.set_packets(value);
            packets_first.set_first_tick(value as u32);
            assert_eq!(PacketsFirst::new(value, value as u32), packets_first);
            let mut bytes_window = BytesWindow(0);
            bytes_window.set_bytes(value);
            bytes_window.set_window(value as u16);
            assert_eq!(BytesWindow::new(value, value as u16), bytes_window);
            let mut tail = RecordTail(0);
            tail.set_last_tick(value as u32);
            tail.set_kind_bits(RecordKind::WindowStart as u8);
            assert_eq!(RecordTail::new(value as u32, RecordKind::WindowStart), tail);
        }
    }
}
