//! Everything that can be looked at: of the NIC through its registers, of the driver in its own memory.
//!
//! ```text
//!   registers ─▶ capture ─▶ NicDump      any body; a NIC that is gone or foreign as well
//!   Driver ────▶ dump ────▶ DriverDump   rings, shadow of the tables, faults
//! ```
//!
//! Plain data that can be saved and read back: a diagnostic tool shows a file as it shows a device.
//!
//! - No read of a register has a side effect, and write-only registers are not read.
//! - What [`capture`] writes is SNAPSHOT, SLOT_SELECT and ENI_SELECT: they move latched copies and nothing else,
//!   and the selects are put back.

mod capture;
mod entry;

pub use capture::{Extent, Moved, Torn, address, capture, presence, registers};
pub use entry::{ENTRIES_MAX, EntryDump};

use crate::ring::RingState;
use crate::slots::{Cookie, Slot, SlotCounters};
use firmware_abi::key::{Direction, SlotAction};
use firmware_abi::registers::MAP_HASH;
use firmware_abi::ring::RingId;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// Names of [`Direction`] in a file.
#[derive(Serialize, Deserialize)]
#[serde(remote = "Direction", rename_all = "snake_case")]
pub enum DirectionName {
    /// From the network to the guest.
    Ingress,
    /// From the guest to the network.
    Egress,
}

/// Names of [`RingId`] in a file.
#[derive(Serialize, Deserialize)]
#[serde(remote = "RingId", rename_all = "snake_case")]
pub enum RingName {
    /// The command ring.
    Command,
    /// The completion ring.
    Completion,
    /// The record ring.
    Record,
    /// The punt ring.
    Punt,
    /// The inject ring.
    Inject,
}

/// Names of [`SlotAction`] in a file.
#[derive(Serialize, Deserialize)]
#[serde(remote = "SlotAction", rename_all = "snake_case")]
pub enum ActionName {
    /// Tally and forward.
    Accept,
    /// Tally and drop.
    Reject,
    /// Forward without a tally.
    NoLog,
    /// Tally, forward, and punt a copy.
    AcceptMirror,
}

/// The hash of a register map; in a file as `0x` and 16 digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MapHash(pub u64);

impl MapHash {
    /// Of the map that this driver was made with.
    pub const OURS: Self = Self(MAP_HASH);
}

impl std::fmt::Display for MapHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:#018x}", self.0)
    }
}

impl From<MapHash> for String {
    fn from(hash: MapHash) -> Self {
        hash.to_string()
    }
}

impl TryFrom<String> for MapHash {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let digits = text.strip_prefix("0x").filter(|digits| digits.len() == 16);
        let hash = digits.and_then(|digits| u64::from_str_radix(digits, 16).ok());
        hash.map(Self).ok_or_else(|| format!("found the map hash `{text}`, expected 0x and 16 hexadecimal digits"))
    }
}

/// What answers at the registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Presence {
    /// A flow-tally NIC.
    Present,
    /// Nothing: reads are all ones, as after a surprise removal.
    Gone,
    /// Something else.
    Foreign,
}

/// A register's value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegisterValue {
    /// Its name.
    pub name: String,
    /// Bytes from the start of BAR0.
    pub offset: u32,
    /// What it reads; none if it cannot be read.
    pub value: Option<u32>,
}

/// The instant that a dump is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Moment {
    /// SNAPSHOT_ID, the same from the first read to the last: nobody else took a snapshot meanwhile.
    pub snapshot_id: u32,
    /// The device's time, Unix ns.
    pub time_ns: u64,
    /// The open window, which did not turn meanwhile.
    pub window: u16,
    /// When it started, Unix ns.
    pub window_start_ns: u64,
    /// What had happened by the time that the last was read. All 0: the dump is of one instant. Else counters
    /// and time are, and what no snapshot latches (indices, ledgers, slots) is later by no more than this.
    pub skew: Skew,
}

/// What a NIC did while it was read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Skew {
    /// Time that passed, ns.
    pub ns: u64,
    /// Frames that entered.
    pub frames: u64,
    /// Commands that were taken.
    pub commands: u64,
    /// Records that were written.
    pub records: u64,
}

/// The eight counters of a ledger.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LedgerCounts {
    /// All that entered.
    pub offered: u64,
    /// Hit a slot and was tallied there.
    pub tallied: u64,
    /// Handed to the host, which counts it.
    pub punted: u64,
    /// Lost for want of ring, credit or host memory.
    pub skipped: u64,
    /// Not captured, but forwarded.
    pub excluded: u64,
    /// Not IP.
    pub non_ip: u64,
    /// IP that could not be parsed.
    pub malformed: u64,
    /// Stopped by the ingress policer.
    pub policed: u64,
}

/// Packets that a limit stopped, by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LimitCounts {
    /// Ingress, packets per second.
    pub policed_packets: u64,
    /// Ingress, bits per second.
    pub policed_bits: u64,
    /// Egress, after the tally, packets per second.
    pub shaped_packets: u64,
    /// Egress, after the tally, bits per second.
    pub shaped_bits: u64,
    /// No room in the punt ring.
    pub skipped_ring: u64,
    /// The ENI's punt credit was used up.
    pub skipped_credit: u64,
    /// Host memory could not be reached.
    pub skipped_dma: u64,
    /// Punted although over the limit of new flows.
    pub new_flows: u64,
}

/// The open ledger of a port and direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LedgerDump {
    /// The virtual port.
    pub vport: u16,
    /// The engine.
    #[serde(with = "DirectionName")]
    pub direction: Direction,
    /// Packets.
    pub packets: LedgerCounts,
    /// Layer-3 bytes.
    pub bytes: LedgerCounts,
    /// Packets that a limit stopped.
    pub limits: LimitCounts,
}

/// A slot that holds a flow, with what it counted in the open window.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SlotDump {
    /// Its number.
    pub slot: u32,
    /// The flow's virtual port.
    pub vport: u16,
    /// Source address.
    pub src: IpAddr,
    /// Destination address.
    pub dst: IpAddr,
    /// Source port; 0 for protocols without.
    pub src_port: u16,
    /// Destination port; 0 for protocols without.
    pub dst_port: u16,
    /// IANA protocol number.
    pub protocol: u8,
    /// OR of the TCP flags.
    pub tcp_flags: u8,
    /// What is done with its packets.
    #[serde(with = "ActionName")]
    pub action: SlotAction,
    /// Packets.
    pub packets: u64,
    /// Layer-3 bytes.
    pub bytes: u64,
    /// Tick of the first packet, if there was one.
    pub first_tick: u32,
    /// Tick of the last packet.
    pub last_tick: u32,
    /// The host's number of the flow.
    pub cookie: u32,
}

/// The flow table of a direction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TableDump {
    /// The engine.
    #[serde(with = "DirectionName")]
    pub direction: Direction,
    /// Slots that it has.
    pub slots: u32,
    /// Those that hold a flow, by number.
    pub entries: Vec<SlotDump>,
}

/// What a NIC shows of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NicDump {
    /// The map that names and offsets are of.
    pub map_hash: MapHash,
    /// What answers.
    pub presence: Presence,
    /// The instant; none if nothing was latched.
    pub moment: Option<Moment>,
    /// All registers, by rising offset.
    pub registers: Vec<RegisterValue>,
    /// Open ledgers of the ports that saw a packet in this window; none if only registers were looked at.
    pub ledgers: Option<Vec<LedgerDump>>,
    /// Both tables, ingress first; none if they were not looked at.
    pub tables: Option<[TableDump; 2]>,
}

impl NicDump {
    /// The value of a register, if it is there and can be read.
    #[must_use]
    pub fn value(&self, offset: u32) -> Option<u32> {
        let place = self.registers.binary_search_by_key(&offset, |register| register.offset).ok()?;
        self.registers.get(place)?.value
    }

    /// The value of a register and the one behind it as its high half.
    #[must_use]
    pub fn wide(&self, lo: u32) -> Option<u64> {
        Some(u64::from(self.value(lo + 4)?) << 32 | u64::from(self.value(lo)?))
    }
}

/// An occupied or leaving slot, as the host has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SlotValue {
    /// Its table.
    #[serde(with = "DirectionName")]
    pub direction: Direction,
    /// The slot.
    pub slot: Slot,
    /// The flow in it.
    pub cookie: Cookie,
    /// The flow's virtual port.
    pub vport: u16,
    /// The NIC was told to empty it and has not confirmed.
    pub is_leaving: bool,
}

/// What the NIC did that it must not do, since attach.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeviceFaults {
    /// Completions with an unknown opcode or status, or a slot past the table.
    pub completions: u64,
    /// Entries or indices that break a rule of their ring.
    pub rings: u64,
}

/// A ring, as the driver has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RingDump {
    /// Its indices and what was done with it.
    pub state: RingState,
    /// Its newest entries, oldest first: at most [`ENTRIES_MAX`].
    pub entries: Vec<EntryDump>,
}

/// The driver's idea of the NIC.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DriverDump {
    /// The rings.
    pub rings: Vec<RingDump>,
    /// The tables, ingress first.
    pub tables: [SlotCounters; 2],
    /// Slots in use, ingress first.
    pub slots: Vec<SlotValue>,
    /// What the NIC did wrong.
    pub faults: DeviceFaults,
}
