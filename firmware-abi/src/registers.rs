//! The registers of BAR0. Generated from `rdl/weir.rdl` by `generate/generate.py`: do not edit.
//!
//! ```text
//! Block         the registers in their places, each with its access: what a field selector selects from
//! Status, ...   the value of a register that has fields
//! offset        the registers' numbers, for code that has no Block
//! ring_offsets  the same for code that serves any ring
//! REGISTERS     all of the above as a table, for dumps, the model and the documentation
//! ```
//!
//! No read has a side effect. A write-only register reads 0.

use crate::ring::RingId;
use bitfield::bitfield;
pub use volatile_register::{RO, RW, WO};

pub use table::{COUNTERS, MAP_HASH, REGISTERS, SOURCE_HASH};

mod table;

/// Bytes of the block.
pub const BLOCK_BYTES: usize = 4096;

/// What may be done to a register or field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Access {
    /// Reads only.
    ReadOnly,
    /// Writes only; it reads 0.
    WriteOnly,
    /// Both.
    ReadWrite,
}

/// One register of [`REGISTERS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Register {
    /// Its name, as in the documentation.
    pub name: &'static str,
    /// Bytes from the start of the block.
    pub offset: u32,
    /// Whether it can be read and written.
    pub access: Access,
    /// Its value after reset; 0 where that depends on the build.
    pub reset: u32,
    /// The NIC changes it.
    pub volatile: bool,
    /// Half of a 64-bit counter that SNAPSHOT latches.
    pub counter: bool,
    /// What it is for.
    pub description: &'static str,
    /// Its fields, lowest first; a register that is one number has one field, `value`.
    pub fields: &'static [Field],
}

/// Some bits of a register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// Its highest bit.
    pub msb: u8,
    /// Its lowest bit.
    pub lsb: u8,
    /// Whether it can be read and written.
    pub access: Access,
    /// What it says.
    pub description: &'static str,
    /// The values it knows, if it is enumerated.
    pub values: &'static [EnumeratedValue],
}

impl Field {
    /// The field's bits within the register.
    #[must_use]
    pub const fn mask(&self) -> u32 {
        (u32::MAX >> (31 - (self.msb - self.lsb))) << self.lsb
    }

    /// The field's value in the register's value.
    #[must_use]
    pub const fn extract(&self, register: u32) -> u32 {
        (register & self.mask()) >> self.lsb
    }
}

/// One value of an enumerated field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EnumeratedValue {
    /// Its name.
    pub name: &'static str,
    /// Its number.
    pub value: u32,
    /// What it means.
    pub description: &'static str,
}

/// A 64-bit counter since reset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counter {
    /// Its name: its registers' without `_LO` and `_HI`.
    pub name: &'static str,
    /// Offset of the low half; the high half is the register after it.
    pub lo: u32,
    /// What it counts.
    pub description: &'static str,
}

/// An enumerated field held a number that this contract does not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownValue {
    /// Register and field.
    pub field: &'static str,
    /// The number.
    pub found: u32,
}

impl core::fmt::Display for UnknownValue {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{} holds {}, which has no meaning", self.field, self.found)
    }
}

impl core::error::Error for UnknownValue {}

/// The registers of one ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RingOffsets {
    /// Low half of the IOVA.
    pub base_lo: u32,
    /// High half of the IOVA.
    pub base_hi: u32,
    /// Entries as a power of two.
    pub size_log2: u32,
    /// Producer index.
    pub producer: u32,
    /// Consumer index.
    pub consumer: u32,
    /// [`RingControl`].
    pub control: u32,
    /// Frames that found no room.
    pub drops: u32,
    /// Most entries in use.
    pub high_water: u32,
}

/// Offsets of the registers; that of an array is its first register's.
pub mod offset {
    /// The letters WEIR in ASCII, first letter in the top byte.
    pub const MAGIC: u32 = 0x000;
    /// The version of this contract. A driver refuses another major version and a minor version
    /// below its own.
    pub const ABI_VERSION: u32 = 0x004;
    /// What answers: for people and dumps, never for the driver to decide by.
    pub const BUILD: u32 = 0x008;
    /// What this build can do.
    pub const FEATURES: u32 = 0x00c;
    /// What this build holds.
    pub const SIZES: u32 = 0x010;
    /// Clock of the flow engines, kHz.
    pub const CLOCK_KHZ: u32 = 0x014;
    /// Control of the whole device.
    pub const CONTROL: u32 = 0x020;
    /// What the device is doing now.
    pub const STATUS: u32 = 0x024;
    /// What went wrong, sticky until cleared through ERRORS_CLEAR.
    pub const ERRORS: u32 = 0x028;
    /// Each bit written as 1 clears the bit of ERRORS in its place.
    pub const ERRORS_CLEAR: u32 = 0x02c;
    /// One bit for each MSI-X vector: 1 holds it back, and it is raised when the bit is cleared if
    /// it is still pending.
    pub const VECTOR_MASK: u32 = 0x030;
    /// One bit for each MSI-X vector: 1 if it was to be raised while masked.
    pub const VECTOR_PENDING: u32 = 0x034;
    /// The interrupt of ERRORS.
    pub const ERROR_VECTOR: u32 = 0x038;
    /// Rings that were stopped by an error; disabling a ring clears its bit. Bits in the order of
    /// the ring blocks.
    pub const RING_FAULTS: u32 = 0x03c;
    /// The device's time at the last SNAPSHOT, Unix ns, low half.
    pub const TIME_LO: u32 = 0x040;
    /// The device's time at the last SNAPSHOT, Unix ns, high half.
    pub const TIME_HI: u32 = 0x044;
    /// Low half of the time that writing TIME_SET_HI loads, Unix ns.
    pub const TIME_SET_LO: u32 = 0x048;
    /// High half of the time to load, Unix ns. Writing it sets the device's time to both halves.
    pub const TIME_SET_HI: u32 = 0x04c;
    /// Length of a capture window, s, 1 to 600, from the next window on. 0 counts as 1 and more
    /// than 600 as 600; it reads as written.
    pub const WINDOW_SECONDS: u32 = 0x050;
    /// Ends a window before its time.
    pub const WINDOW_CLOSE: u32 = 0x054;
    /// The open window.
    pub const WINDOW_NUMBER: u32 = 0x058;
    /// Boundaries that passed while an earlier window was still draining, since reset; wraps.
    pub const WINDOW_OVERRUNS: u32 = 0x05c;
    /// When the window started that was open at the last SNAPSHOT, Unix ns, low half. The ticks of
    /// the slot window count from its whole second.
    pub const WINDOW_START_LO: u32 = 0x060;
    /// When the window started that was open at the last SNAPSHOT, Unix ns, high half.
    pub const WINDOW_START_HI: u32 = 0x064;
    /// Commands, 64 bytes each, host to NIC. Low half of the ring's IOVA, aligned to the ring's
    /// bytes or to 4,096, whichever is smaller. Change it only while the ring is disabled.
    pub const COMMAND_BASE_LO: u32 = 0x100;
    /// Commands, 64 bytes each, host to NIC. High half of the ring's IOVA. Change it only while the
    /// ring is disabled.
    pub const COMMAND_BASE_HI: u32 = 0x104;
    /// Commands, 64 bytes each, host to NIC. The ring has 2^value entries, 4 to 24. Change it only
    /// while the ring is disabled.
    pub const COMMAND_SIZE_LOG2: u32 = 0x108;
    /// Commands, 64 bytes each, host to NIC. Free-running index that the host advances; writing it
    /// is the doorbell. Advancing it past what the ring holds sets ERRORS.index and stops the ring.
    pub const COMMAND_PRODUCER: u32 = 0x10c;
    /// Commands, 64 bytes each, host to NIC. Free-running index that the NIC advances. Enabling the
    /// ring sets it to the host's index, with nothing in the ring.
    pub const COMMAND_CONSUMER: u32 = 0x110;
    /// Commands, 64 bytes each, host to NIC. Use and vector. A bad base or size sets
    /// ERRORS.ring_setup and the ring's bit in RING_FAULTS, and the ring does not run.
    pub const COMMAND_CONTROL: u32 = 0x114;
    /// Commands, 64 bytes each, host to NIC. Frames that found no room in the ring since reset,
    /// wrapping; 0 for any ring but PUNT, as the NIC waits there.
    pub const COMMAND_DROPS: u32 = 0x118;
    /// Commands, 64 bytes each, host to NIC. Most entries that were in the ring at once since
    /// reset.
    pub const COMMAND_HIGH_WATER: u32 = 0x11c;
    /// Completions, 16 bytes each, NIC to host. Low half of the ring's IOVA, aligned to the ring's
    /// bytes or to 4,096, whichever is smaller. Change it only while the ring is disabled.
    pub const COMPLETION_BASE_LO: u32 = 0x120;
    /// Completions, 16 bytes each, NIC to host. High half of the ring's IOVA. Change it only while
    /// the ring is disabled.
    pub const COMPLETION_BASE_HI: u32 = 0x124;
    /// Completions, 16 bytes each, NIC to host. The ring has 2^value entries, 4 to 24. Change it
    /// only while the ring is disabled.
    pub const COMPLETION_SIZE_LOG2: u32 = 0x128;
    /// Completions, 16 bytes each, NIC to host. Free-running index that the NIC advances. Enabling
    /// the ring sets it to the host's index, with nothing in the ring.
    pub const COMPLETION_PRODUCER: u32 = 0x12c;
    /// Completions, 16 bytes each, NIC to host. Free-running index that the host advances; writing
    /// it is the doorbell. Advancing it past what the ring holds sets ERRORS.index and stops the
    /// ring.
    pub const COMPLETION_CONSUMER: u32 = 0x130;
    /// Completions, 16 bytes each, NIC to host. Use and vector. A bad base or size sets
    /// ERRORS.ring_setup and the ring's bit in RING_FAULTS, and the ring does not run.
    pub const COMPLETION_CONTROL: u32 = 0x134;
    /// Completions, 16 bytes each, NIC to host. Frames that found no room in the ring since reset,
    /// wrapping; 0 for any ring but PUNT, as the NIC waits there.
    pub const COMPLETION_DROPS: u32 = 0x138;
    /// Completions, 16 bytes each, NIC to host. Most entries that were in the ring at once since
    /// reset.
    pub const COMPLETION_HIGH_WATER: u32 = 0x13c;
    /// Records, 64 bytes each, NIC to host. Low half of the ring's IOVA, aligned to the ring's
    /// bytes or to 4,096, whichever is smaller. Change it only while the ring is disabled.
    pub const RECORD_BASE_LO: u32 = 0x140;
    /// Records, 64 bytes each, NIC to host. High half of the ring's IOVA. Change it only while the
    /// ring is disabled.
    pub const RECORD_BASE_HI: u32 = 0x144;
    /// Records, 64 bytes each, NIC to host. The ring has 2^value entries, 4 to 24. Change it only
    /// while the ring is disabled.
    pub const RECORD_SIZE_LOG2: u32 = 0x148;
    /// Records, 64 bytes each, NIC to host. Free-running index that the NIC advances. Enabling the
    /// ring sets it to the host's index, with nothing in the ring.
    pub const RECORD_PRODUCER: u32 = 0x14c;
    /// Records, 64 bytes each, NIC to host. Free-running index that the host advances; writing it
    /// is the doorbell. Advancing it past what the ring holds sets ERRORS.index and stops the ring.
    pub const RECORD_CONSUMER: u32 = 0x150;
    /// Records, 64 bytes each, NIC to host. Use and vector. A bad base or size sets
    /// ERRORS.ring_setup and the ring's bit in RING_FAULTS, and the ring does not run.
    pub const RECORD_CONTROL: u32 = 0x154;
    /// Records, 64 bytes each, NIC to host. Frames that found no room in the ring since reset,
    /// wrapping; 0 for any ring but PUNT, as the NIC waits there.
    pub const RECORD_DROPS: u32 = 0x158;
    /// Records, 64 bytes each, NIC to host. Most entries that were in the ring at once since reset.
    pub const RECORD_HIGH_WATER: u32 = 0x15c;
    /// Frames for the host to judge, in slots of 2 KiB, NIC to host. Low half of the ring's IOVA,
    /// aligned to the ring's bytes or to 4,096, whichever is smaller. Change it only while the ring
    /// is disabled.
    pub const PUNT_BASE_LO: u32 = 0x160;
    /// Frames for the host to judge, in slots of 2 KiB, NIC to host. High half of the ring's IOVA.
    /// Change it only while the ring is disabled.
    pub const PUNT_BASE_HI: u32 = 0x164;
    /// Frames for the host to judge, in slots of 2 KiB, NIC to host. The ring has 2^value entries,
    /// 4 to 24. Change it only while the ring is disabled.
    pub const PUNT_SIZE_LOG2: u32 = 0x168;
    /// Frames for the host to judge, in slots of 2 KiB, NIC to host. Free-running index that the
    /// NIC advances. Enabling the ring sets it to the host's index, with nothing in the ring.
    pub const PUNT_PRODUCER: u32 = 0x16c;
    /// Frames for the host to judge, in slots of 2 KiB, NIC to host. Free-running index that the
    /// host advances; writing it is the doorbell. Advancing it past what the ring holds sets
    /// ERRORS.index and stops the ring.
    pub const PUNT_CONSUMER: u32 = 0x170;
    /// Frames for the host to judge, in slots of 2 KiB, NIC to host. Use and vector. A bad base or
    /// size sets ERRORS.ring_setup and the ring's bit in RING_FAULTS, and the ring does not run.
    pub const PUNT_CONTROL: u32 = 0x174;
    /// Frames for the host to judge, in slots of 2 KiB, NIC to host. Frames that found no room in
    /// the ring since reset, wrapping; 0 for any ring but PUNT, as the NIC waits there.
    pub const PUNT_DROPS: u32 = 0x178;
    /// Frames for the host to judge, in slots of 2 KiB, NIC to host. Most entries that were in the
    /// ring at once since reset.
    pub const PUNT_HIGH_WATER: u32 = 0x17c;
    /// Judged frames, in slots of 2 KiB, host to NIC. Low half of the ring's IOVA, aligned to the
    /// ring's bytes or to 4,096, whichever is smaller. Change it only while the ring is disabled.
    pub const INJECT_BASE_LO: u32 = 0x180;
    /// Judged frames, in slots of 2 KiB, host to NIC. High half of the ring's IOVA. Change it only
    /// while the ring is disabled.
    pub const INJECT_BASE_HI: u32 = 0x184;
    /// Judged frames, in slots of 2 KiB, host to NIC. The ring has 2^value entries, 4 to 24. Change
    /// it only while the ring is disabled.
    pub const INJECT_SIZE_LOG2: u32 = 0x188;
    /// Judged frames, in slots of 2 KiB, host to NIC. Free-running index that the host advances;
    /// writing it is the doorbell. Advancing it past what the ring holds sets ERRORS.index and
    /// stops the ring.
    pub const INJECT_PRODUCER: u32 = 0x18c;
    /// Judged frames, in slots of 2 KiB, host to NIC. Free-running index that the NIC advances.
    /// Enabling the ring sets it to the host's index, with nothing in the ring.
    pub const INJECT_CONSUMER: u32 = 0x190;
    /// Judged frames, in slots of 2 KiB, host to NIC. Use and vector. A bad base or size sets
    /// ERRORS.ring_setup and the ring's bit in RING_FAULTS, and the ring does not run.
    pub const INJECT_CONTROL: u32 = 0x194;
    /// Judged frames, in slots of 2 KiB, host to NIC. Frames that found no room in the ring since
    /// reset, wrapping; 0 for any ring but PUNT, as the NIC waits there.
    pub const INJECT_DROPS: u32 = 0x198;
    /// Judged frames, in slots of 2 KiB, host to NIC. Most entries that were in the ring at once
    /// since reset.
    pub const INJECT_HIGH_WATER: u32 = 0x19c;
    /// Writing any value latches the time, the start of the open window and every counter at one
    /// instant.
    pub const SNAPSHOT: u32 = 0x200;
    /// How often SNAPSHOT was written since reset; wraps. Two readers can tell that the other one
    /// intervened.
    pub const SNAPSHOT_ID: u32 = 0x204;
    /// Ingress engine. Frames that entered, injected ones not among them. Low half.
    pub const INGRESS_FRAMES_LO: u32 = 0x210;
    /// Ingress engine. Frames that entered, injected ones not among them. High half.
    pub const INGRESS_FRAMES_HI: u32 = 0x214;
    /// Ingress engine. Bytes of those frames from the Ethernet header on, without FCS. Low half.
    pub const INGRESS_BYTES_LO: u32 = 0x218;
    /// Ingress engine. Bytes of those frames from the Ethernet header on, without FCS. High half.
    pub const INGRESS_BYTES_HI: u32 = 0x21c;
    /// Ingress engine. Lookups that found their slot, those of retries too. Low half.
    pub const INGRESS_HITS_LO: u32 = 0x220;
    /// Ingress engine. Lookups that found their slot, those of retries too. High half.
    pub const INGRESS_HITS_HI: u32 = 0x224;
    /// Ingress engine. Frames whose lookup found none; a retry that finds none is not counted
    /// again. Low half.
    pub const INGRESS_MISSES_LO: u32 = 0x228;
    /// Ingress engine. Frames whose lookup found none; a retry that finds none is not counted
    /// again. High half.
    pub const INGRESS_MISSES_HI: u32 = 0x22c;
    /// Ingress engine. Frames handed to the host, mirrored copies not among them. Low half.
    pub const INGRESS_PUNTS_LO: u32 = 0x230;
    /// Ingress engine. Frames handed to the host, mirrored copies not among them. High half.
    pub const INGRESS_PUNTS_HI: u32 = 0x234;
    /// Ingress engine. Frames lost because the punt ring, the ENI's punt credit or host memory had
    /// no room for them. Low half.
    pub const INGRESS_SKIPPED_LO: u32 = 0x238;
    /// Ingress engine. Frames lost because the punt ring, the ENI's punt credit or host memory had
    /// no room for them. High half.
    pub const INGRESS_SKIPPED_HI: u32 = 0x23c;
    /// Ingress engine. Frames forwarded without a tally: DHCP, and hits on a NOLOG slot. Low half.
    pub const INGRESS_EXCLUDED_LO: u32 = 0x240;
    /// Ingress engine. Frames forwarded without a tally: DHCP, and hits on a NOLOG slot. High half.
    pub const INGRESS_EXCLUDED_HI: u32 = 0x244;
    /// Ingress engine. Frames that are not IP. Low half.
    pub const INGRESS_NON_IP_LO: u32 = 0x248;
    /// Ingress engine. Frames that are not IP. High half.
    pub const INGRESS_NON_IP_HI: u32 = 0x24c;
    /// Ingress engine. IP frames that could not be parsed. Low half.
    pub const INGRESS_MALFORMED_LO: u32 = 0x250;
    /// Ingress engine. IP frames that could not be parsed. High half.
    pub const INGRESS_MALFORMED_HI: u32 = 0x254;
    /// Ingress engine. Frames sent on, injected ones too. Low half.
    pub const INGRESS_FORWARDED_LO: u32 = 0x258;
    /// Ingress engine. Frames sent on, injected ones too. High half.
    pub const INGRESS_FORWARDED_HI: u32 = 0x25c;
    /// Ingress engine. Frames dropped by a verdict, be it the slot's or the one that the host
    /// attached. Low half.
    pub const INGRESS_REJECTED_LO: u32 = 0x260;
    /// Ingress engine. Frames dropped by a verdict, be it the slot's or the one that the host
    /// attached. High half.
    pub const INGRESS_REJECTED_HI: u32 = 0x264;
    /// Ingress engine. Copies punted for slots with ACCEPT+mirror. Low half.
    pub const INGRESS_MIRRORED_LO: u32 = 0x268;
    /// Ingress engine. Copies punted for slots with ACCEPT+mirror. High half.
    pub const INGRESS_MIRRORED_HI: u32 = 0x26c;
    /// Ingress engine. Frames dropped because no SET_ENI had enabled their virtual port; they are
    /// in no ledger. Low half.
    pub const INGRESS_NO_ENI_LO: u32 = 0x270;
    /// Ingress engine. Frames dropped because no SET_ENI had enabled their virtual port; they are
    /// in no ledger. High half.
    pub const INGRESS_NO_ENI_HI: u32 = 0x274;
    /// Ingress engine. Frames dropped by an instance's limits, before the tally. Low half.
    pub const INGRESS_POLICED_LO: u32 = 0x278;
    /// Ingress engine. Frames dropped by an instance's limits, before the tally. High half.
    pub const INGRESS_POLICED_HI: u32 = 0x27c;
    /// Egress engine. Frames that entered, injected ones not among them. Low half.
    pub const EGRESS_FRAMES_LO: u32 = 0x280;
    /// Egress engine. Frames that entered, injected ones not among them. High half.
    pub const EGRESS_FRAMES_HI: u32 = 0x284;
    /// Egress engine. Bytes of those frames from the Ethernet header on, without FCS. Low half.
    pub const EGRESS_BYTES_LO: u32 = 0x288;
    /// Egress engine. Bytes of those frames from the Ethernet header on, without FCS. High half.
    pub const EGRESS_BYTES_HI: u32 = 0x28c;
    /// Egress engine. Lookups that found their slot, those of retries too. Low half.
    pub const EGRESS_HITS_LO: u32 = 0x290;
    /// Egress engine. Lookups that found their slot, those of retries too. High half.
    pub const EGRESS_HITS_HI: u32 = 0x294;
    /// Egress engine. Frames whose lookup found none; a retry that finds none is not counted again.
    /// Low half.
    pub const EGRESS_MISSES_LO: u32 = 0x298;
    /// Egress engine. Frames whose lookup found none; a retry that finds none is not counted again.
    /// High half.
    pub const EGRESS_MISSES_HI: u32 = 0x29c;
    /// Egress engine. Frames handed to the host, mirrored copies not among them. Low half.
    pub const EGRESS_PUNTS_LO: u32 = 0x2a0;
    /// Egress engine. Frames handed to the host, mirrored copies not among them. High half.
    pub const EGRESS_PUNTS_HI: u32 = 0x2a4;
    /// Egress engine. Frames lost because the punt ring, the ENI's punt credit or host memory had
    /// no room for them. Low half.
    pub const EGRESS_SKIPPED_LO: u32 = 0x2a8;
    /// Egress engine. Frames lost because the punt ring, the ENI's punt credit or host memory had
    /// no room for them. High half.
    pub const EGRESS_SKIPPED_HI: u32 = 0x2ac;
    /// Egress engine. Frames forwarded without a tally: DHCP, and hits on a NOLOG slot. Low half.
    pub const EGRESS_EXCLUDED_LO: u32 = 0x2b0;
    /// Egress engine. Frames forwarded without a tally: DHCP, and hits on a NOLOG slot. High half.
    pub const EGRESS_EXCLUDED_HI: u32 = 0x2b4;
    /// Egress engine. Frames that are not IP. Low half.
    pub const EGRESS_NON_IP_LO: u32 = 0x2b8;
    /// Egress engine. Frames that are not IP. High half.
    pub const EGRESS_NON_IP_HI: u32 = 0x2bc;
    /// Egress engine. IP frames that could not be parsed. Low half.
    pub const EGRESS_MALFORMED_LO: u32 = 0x2c0;
    /// Egress engine. IP frames that could not be parsed. High half.
    pub const EGRESS_MALFORMED_HI: u32 = 0x2c4;
    /// Egress engine. Frames sent on, injected ones too. Low half.
    pub const EGRESS_FORWARDED_LO: u32 = 0x2c8;
    /// Egress engine. Frames sent on, injected ones too. High half.
    pub const EGRESS_FORWARDED_HI: u32 = 0x2cc;
    /// Egress engine. Frames dropped by a verdict, be it the slot's or the one that the host
    /// attached. Low half.
    pub const EGRESS_REJECTED_LO: u32 = 0x2d0;
    /// Egress engine. Frames dropped by a verdict, be it the slot's or the one that the host
    /// attached. High half.
    pub const EGRESS_REJECTED_HI: u32 = 0x2d4;
    /// Egress engine. Copies punted for slots with ACCEPT+mirror. Low half.
    pub const EGRESS_MIRRORED_LO: u32 = 0x2d8;
    /// Egress engine. Copies punted for slots with ACCEPT+mirror. High half.
    pub const EGRESS_MIRRORED_HI: u32 = 0x2dc;
    /// Egress engine. Frames dropped because no SET_ENI had enabled their virtual port; they are in
    /// no ledger. Low half.
    pub const EGRESS_NO_ENI_LO: u32 = 0x2e0;
    /// Egress engine. Frames dropped because no SET_ENI had enabled their virtual port; they are in
    /// no ledger. High half.
    pub const EGRESS_NO_ENI_HI: u32 = 0x2e4;
    /// Egress engine. Frames dropped by an instance's limits, after the tally. Low half.
    pub const EGRESS_SHAPED_LO: u32 = 0x2e8;
    /// Egress engine. Frames dropped by an instance's limits, after the tally. High half.
    pub const EGRESS_SHAPED_HI: u32 = 0x2ec;
    /// Commands taken from the ring. Low half.
    pub const COMMANDS_LO: u32 = 0x2f0;
    /// Commands taken from the ring. High half.
    pub const COMMANDS_HI: u32 = 0x2f4;
    /// Commands answered with another status than OK. Low half.
    pub const COMMANDS_REFUSED_LO: u32 = 0x2f8;
    /// Commands answered with another status than OK. High half.
    pub const COMMANDS_REFUSED_HI: u32 = 0x2fc;
    /// Frames taken from the inject ring. Low half.
    pub const INJECTS_LO: u32 = 0x300;
    /// Frames taken from the inject ring. High half.
    pub const INJECTS_HI: u32 = 0x304;
    /// Injected frames that were dropped because their header made no sense. Low half.
    pub const INJECTS_REFUSED_LO: u32 = 0x308;
    /// Injected frames that were dropped because their header made no sense. High half.
    pub const INJECTS_REFUSED_HI: u32 = 0x30c;
    /// Retries that came after their window had closed and were punted again. Low half.
    pub const LATE_RETRIES_LO: u32 = 0x310;
    /// Retries that came after their window had closed and were punted again. High half.
    pub const LATE_RETRIES_HI: u32 = 0x314;
    /// Records written to the ring, of every kind. Low half.
    pub const RECORDS_LO: u32 = 0x318;
    /// Records written to the ring, of every kind. High half.
    pub const RECORDS_HI: u32 = 0x31c;
    /// Bytes read from host memory. Low half.
    pub const DMA_READ_BYTES_LO: u32 = 0x320;
    /// Bytes read from host memory. High half.
    pub const DMA_READ_BYTES_HI: u32 = 0x324;
    /// Bytes written to host memory. Low half.
    pub const DMA_WRITE_BYTES_LO: u32 = 0x328;
    /// Bytes written to host memory. High half.
    pub const DMA_WRITE_BYTES_HI: u32 = 0x32c;
    /// Accesses to host memory that were answered with an error. Low half.
    pub const DMA_REFUSED_LO: u32 = 0x330;
    /// Accesses to host memory that were answered with an error. High half.
    pub const DMA_REFUSED_HI: u32 = 0x334;
    /// Register writes to a read-only or unknown register. Low half.
    pub const WRITES_REFUSED_LO: u32 = 0x338;
    /// Register writes to a read-only or unknown register. High half.
    pub const WRITES_REFUSED_HI: u32 = 0x33c;
    /// Entries of host rings that had the wrong phase. Low half.
    pub const PHASE_REFUSED_LO: u32 = 0x340;
    /// Entries of host rings that had the wrong phase. High half.
    pub const PHASE_REFUSED_HI: u32 = 0x344;
    /// Which slot SLOT_STATUS and SLOT_DATA show. Writing it latches the slot as it is then, so the
    /// words agree.
    pub const SLOT_SELECT: u32 = 0x380;
    /// State of the slot that SLOT_SELECT latched.
    pub const SLOT_STATUS: u32 = 0x384;
    /// Which ENI the LEDGER registers show. Writing it latches its open ledger as it is then.
    pub const ENI_SELECT: u32 = 0x388;
    /// The slot that SLOT_SELECT latched, as the image of a FlowRecord with the open bank's counts;
    /// kind and phase are 0.
    pub const SLOT_DATA: u32 = 0x3c0;
    /// The open ledger that ENI_SELECT latched, as the image of a LedgerRecord of packets; phase is
    /// 0.
    pub const LEDGER_PACKETS: u32 = 0x400;
    /// The open ledger that ENI_SELECT latched, as the image of a LedgerRecord of bytes; phase is
    /// 0.
    pub const LEDGER_BYTES: u32 = 0x440;
    /// The open ledger that ENI_SELECT latched, as the image of a LedgerRecord of packets that a
    /// limit stopped; phase is 0.
    pub const LEDGER_LIMITS: u32 = 0x480;
    /// Holds what is written; nothing depends on it.
    pub const SCRATCH: u32 = 0x4c0;
}

/// The registers of the ring `id`.
#[must_use]
#[inline]
pub const fn ring_offsets(id: RingId) -> RingOffsets {
    match id {
        RingId::Command => RingOffsets {
            base_lo: offset::COMMAND_BASE_LO,
            base_hi: offset::COMMAND_BASE_HI,
            size_log2: offset::COMMAND_SIZE_LOG2,
            producer: offset::COMMAND_PRODUCER,
            consumer: offset::COMMAND_CONSUMER,
            control: offset::COMMAND_CONTROL,
            drops: offset::COMMAND_DROPS,
            high_water: offset::COMMAND_HIGH_WATER,
        },
        RingId::Completion => RingOffsets {
            base_lo: offset::COMPLETION_BASE_LO,
            base_hi: offset::COMPLETION_BASE_HI,
            size_log2: offset::COMPLETION_SIZE_LOG2,
            producer: offset::COMPLETION_PRODUCER,
            consumer: offset::COMPLETION_CONSUMER,
            control: offset::COMPLETION_CONTROL,
            drops: offset::COMPLETION_DROPS,
            high_water: offset::COMPLETION_HIGH_WATER,
        },
        RingId::Record => RingOffsets {
            base_lo: offset::RECORD_BASE_LO,
            base_hi: offset::RECORD_BASE_HI,
            size_log2: offset::RECORD_SIZE_LOG2,
            producer: offset::RECORD_PRODUCER,
            consumer: offset::RECORD_CONSUMER,
            control: offset::RECORD_CONTROL,
            drops: offset::RECORD_DROPS,
            high_water: offset::RECORD_HIGH_WATER,
        },
        RingId::Punt => RingOffsets {
            base_lo: offset::PUNT_BASE_LO,
            base_hi: offset::PUNT_BASE_HI,
            size_log2: offset::PUNT_SIZE_LOG2,
            producer: offset::PUNT_PRODUCER,
            consumer: offset::PUNT_CONSUMER,
            control: offset::PUNT_CONTROL,
            drops: offset::PUNT_DROPS,
            high_water: offset::PUNT_HIGH_WATER,
        },
        RingId::Inject => RingOffsets {
            base_lo: offset::INJECT_BASE_LO,
            base_hi: offset::INJECT_BASE_HI,
            size_log2: offset::INJECT_SIZE_LOG2,
            producer: offset::INJECT_PRODUCER,
            consumer: offset::INJECT_CONSUMER,
            control: offset::INJECT_CONTROL,
            drops: offset::INJECT_DROPS,
            high_water: offset::INJECT_HIGH_WATER,
        },
    }
}

/// The registers in their places.
#[repr(C)]
pub struct Block {
    /// The letters WEIR in ASCII, first letter in the top byte.
    pub magic: RO<u32>,
    /// The version of this contract. A driver refuses another major version and a minor version
    /// below its own.
    ///
    /// Its fields: [`AbiVersion`].
    pub abi_version: RO<u32>,
    /// What answers: for people and dumps, never for the driver to decide by.
    ///
    /// Its fields: [`Build`].
    pub build: RO<u32>,
    /// What this build can do.
    ///
    /// Its fields: [`Features`].
    pub features: RO<u32>,
    /// What this build holds.
    ///
    /// Its fields: [`Sizes`].
    pub sizes: RO<u32>,
    /// Clock of the flow engines, kHz.
    pub clock_khz: RO<u32>,
    reserved_0: [u32; 2],
    /// Control of the whole device.
    ///
    /// Its fields: [`Control`].
    pub control: RW<u32>,
    /// What the device is doing now.
    ///
    /// Its fields: [`Status`].
    pub status: RO<u32>,
    /// What went wrong, sticky until cleared through ERRORS_CLEAR.
    ///
    /// Its fields: [`Errors`].
    pub errors: RO<u32>,
    /// Each bit written as 1 clears the bit of ERRORS in its place.
    ///
    /// Its fields: [`ErrorsClear`].
    pub errors_clear: WO<u32>,
    /// One bit for each MSI-X vector: 1 holds it back, and it is raised when the bit is cleared if
    /// it is still pending.
    pub vector_mask: RW<u32>,
    /// One bit for each MSI-X vector: 1 if it was to be raised while masked.
    pub vector_pending: RO<u32>,
    /// The interrupt of ERRORS.
    ///
    /// Its fields: [`ErrorVector`].
    pub error_vector: RW<u32>,
    /// Rings that were stopped by an error; disabling a ring clears its bit. Bits in the order of
    /// the ring blocks.
    ///
    /// Its fields: [`RingFaults`].
    pub ring_faults: RO<u32>,
    /// The device's time at the last SNAPSHOT, Unix ns, low half.
    pub time_lo: RO<u32>,
    /// The device's time at the last SNAPSHOT, Unix ns, high half.
    pub time_hi: RO<u32>,
    /// Low half of the time that writing TIME_SET_HI loads, Unix ns.
    pub time_set_lo: RW<u32>,
    /// High half of the time to load, Unix ns. Writing it sets the device's time to both halves.
    pub time_set_hi: WO<u32>,
    /// Length of a capture window, s, 1 to 600, from the next window on. 0 counts as 1 and more
    /// than 600 as 600; it reads as written.
    pub window_seconds: RW<u32>,
    /// Ends a window before its time.
    ///
    /// Its fields: [`WindowClose`].
    pub window_close: WO<u32>,
    /// The open window.
    ///
    /// Its fields: [`WindowNumber`].
    pub window_number: RO<u32>,
    /// Boundaries that passed while an earlier window was still draining, since reset; wraps.
    pub window_overruns: RO<u32>,
    /// When the window started that was open at the last SNAPSHOT, Unix ns, low half. The ticks of
    /// the slot window count from its whole second.
    pub window_start_lo: RO<u32>,
    /// When the window started that was open at the last SNAPSHOT, Unix ns, high half.
    pub window_start_hi: RO<u32>,
    reserved_1: [u32; 38],
    /// Commands, 64 bytes each, host to NIC. Low half of the ring's IOVA, aligned to the ring's
    /// bytes or to 4,096, whichever is smaller. Change it only while the ring is disabled.
    pub command_base_lo: RW<u32>,
    /// Commands, 64 bytes each, host to NIC. High half of the ring's IOVA. Change it only while the
    /// ring is disabled.
    pub command_base_hi: RW<u32>,
    /// Commands, 64 bytes each, host to NIC. The ring has 2^value entries, 4 to 24. Change it only
    /// while the ring is disabled.
    pub command_size_log2: RW<u32>,
    /// Commands, 64 bytes each, host to NIC. Free-running index that the host advances; writing it
    /// is the doorbell. Advancing it past what the ring holds sets ERRORS.index and stops the ring.
    pub command_producer: RW<u32>,
    /// Commands, 64 bytes each, host to NIC. Free-running index that the NIC advances. Enabling the
    /// ring sets it to the host's index, with nothing in the ring.
    pub command_consumer: RO<u32>,
    /// Commands, 64 bytes each, host to NIC. Use and vector. A bad base or size sets
    /// ERRORS.ring_setup and the ring's bit in RING_FAULTS, and the ring does not run.
    ///
    /// Its fields: [`RingControl`].
    pub command_control: RW<u32>,
    /// Commands, 64 bytes each, host to NIC. Frames that found no room in the ring since reset,
    /// wrapping; 0 for any ring but PUNT, as the NIC waits there.
    pub command_drops: RO<u32>,
    /// Commands, 64 bytes each, host to NIC. Most entries that were in the ring at once since
    /// reset.
    pub command_high_water: RO<u32>,
    /// Completions, 16 bytes each, NIC to host. Low half of the ring's IOVA, aligned to the ring's
    /// bytes or to 4,096, whichever is smaller. Change it only while the ring is disabled.
    pub completion_base_lo: RW<u32>,
    /// Completions, 16 bytes each, NIC to host. High half of the ring's IOVA. Change it only while
    /// the ring is disabled.
    pub completion_base_hi: RW<u32>,
    /// Completions, 16 bytes each, NIC to host. The ring has 2^value entries, 4 to 24. Change it
    /// only while the ring is disabled.
    pub completion_size_log2: RW<u32>,
    /// Completions, 16 bytes each, NIC to host. Free-running index that the NIC advances. Enabling
    /// the ring sets it to the host's index, with nothing in the ring.
    pub completion_producer: RO<u32>,
    /// Completions, 16 bytes each, NIC to host. Free-running index that the host advances; writing
    /// it is the doorbell. Advancing it past what the ring holds sets ERRORS.index and stops the
    /// ring.
    pub completion_consumer: RW<u32>,
    /// Completions, 16 bytes each, NIC to host. Use and vector. A bad base or size sets
    /// ERRORS.ring_setup and the ring's bit in RING_FAULTS, and the ring does not run.
    ///
    /// Its fields: [`RingControl`].
    pub completion_control: RW<u32>,
    /// Completions, 16 bytes each, NIC to host. Frames that found no room in the ring since reset,
    /// wrapping; 0 for any ring but PUNT, as the NIC waits there.
    pub completion_drops: RO<u32>,
    /// Completions, 16 bytes each, NIC to host. Most entries that were in the ring at once since
    /// reset.
    pub completion_high_water: RO<u32>,
    /// Records, 64 bytes each, NIC to host. Low half of the ring's IOVA, aligned to the ring's
    /// bytes or to 4,096, whichever is smaller. Change it only while the ring is disabled.
    pub record_base_lo: RW<u32>,
    /// Records, 64 bytes each, NIC to host. High half of the ring's IOVA. Change it only while the
    /// ring is disabled.
    pub record_base_hi: RW<u32>,
    /// Records, 64 bytes each, NIC to host. The ring has 2^value entries, 4 to 24. Change it only
    /// while the ring is disabled.
    pub record_size_log2: RW<u32>,
    /// Records, 64 bytes each, NIC to host. Free-running index that the NIC advances. Enabling the
    /// ring sets it to the host's index, with nothing in the ring.
    pub record_producer: RO<u32>,
    /// Records, 64 bytes each, NIC to host. Free-running index that the host advances; writing it
    /// is the doorbell. Advancing it past what the ring holds sets ERRORS.index and stops the ring.
    pub record_consumer: RW<u32>,
    /// Records, 64 bytes each, NIC to host. Use and vector. A bad base or size sets
    /// ERRORS.ring_setup and the ring's bit in RING_FAULTS, and the ring does not run.
    ///
    /// Its fields: [`RingControl`].
    pub record_control: RW<u32>,
    /// Records, 64 bytes each, NIC to host. Frames that found no room in the ring since reset,
    /// wrapping; 0 for any ring but PUNT, as the NIC waits there.
    pub record_drops: RO<u32>,
    /// Records, 64 bytes each, NIC to host. Most entries that were in the ring at once since reset.
    pub record_high_water: RO<u32>,
    /// Frames for the host to judge, in slots of 2 KiB, NIC to host. Low half of the ring's IOVA,
    /// aligned to the ring's bytes or to 4,096, whichever is smaller. Change it only while the ring
    /// is disabled.
    pub punt_base_lo: RW<u32>,
    /// Frames for the host to judge, in slots of 2 KiB, NIC to host. High half of the ring's IOVA.
    /// Change it only while the ring is disabled.
    pub punt_base_hi: RW<u32>,
    /// Frames for the host to judge, in slots of 2 KiB, NIC to host. The ring has 2^value entries,
    /// 4 to 24. Change it only while the ring is disabled.
    pub punt_size_log2: RW<u32>,
    /// Frames for the host to judge, in slots of 2 KiB, NIC to host. Free-running index that the
    /// NIC advances. Enabling the ring sets it to the host's index, with nothing in the ring.
    pub punt_producer: RO<u32>,
    /// Frames for the host to judge, in slots of 2 KiB, NIC to host. Free-running index that the
    /// host advances; writing it is the doorbell. Advancing it past what the ring holds sets
    /// ERRORS.index and stops the ring.
    pub punt_consumer: RW<u32>,
    /// Frames for the host to judge, in slots of 2 KiB, NIC to host. Use and vector. A bad base or
    /// size sets ERRORS.ring_setup and the ring's bit in RING_FAULTS, and the ring does not run.
    ///
    /// Its fields: [`RingControl`].
    pub punt_control: RW<u32>,
    /// Frames for the host to judge, in slots of 2 KiB, NIC to host. Frames that found no room in
    /// the ring since reset, wrapping; 0 for any ring but PUNT, as the NIC waits there.
    pub punt_drops: RO<u32>,
    /// Frames for the host to judge, in slots of 2 KiB, NIC to host. Most entries that were in the
    /// ring at once since reset.
    pub punt_high_water: RO<u32>,
    /// Judged frames, in slots of 2 KiB, host to NIC. Low half of the ring's IOVA, aligned to the
    /// ring's bytes or to 4,096, whichever is smaller. Change it only while the ring is disabled.
    pub inject_base_lo: RW<u32>,
    /// Judged frames, in slots of 2 KiB, host to NIC. High half of the ring's IOVA. Change it only
    /// while the ring is disabled.
    pub inject_base_hi: RW<u32>,
    /// Judged frames, in slots of 2 KiB, host to NIC. The ring has 2^value entries, 4 to 24. Change
    /// it only while the ring is disabled.
    pub inject_size_log2: RW<u32>,
    /// Judged frames, in slots of 2 KiB, host to NIC. Free-running index that the host advances;
    /// writing it is the doorbell. Advancing it past what the ring holds sets ERRORS.index and
    /// stops the ring.
    pub inject_producer: RW<u32>,
    /// Judged frames, in slots of 2 KiB, host to NIC. Free-running index that the NIC advances.
    /// Enabling the ring sets it to the host's index, with nothing in the ring.
    pub inject_consumer: RO<u32>,
    /// Judged frames, in slots of 2 KiB, host to NIC. Use and vector. A bad base or size sets
    /// ERRORS.ring_setup and the ring's bit in RING_FAULTS, and the ring does not run.
    ///
    /// Its fields: [`RingControl`].
    pub inject_control: RW<u32>,
    /// Judged frames, in slots of 2 KiB, host to NIC. Frames that found no room in the ring since
    /// reset, wrapping; 0 for any ring but PUNT, as the NIC waits there.
    pub inject_drops: RO<u32>,
    /// Judged frames, in slots of 2 KiB, host to NIC. Most entries that were in the ring at once
    /// since reset.
    pub inject_high_water: RO<u32>,
    reserved_2: [u32; 24],
    /// Writing any value latches the time, the start of the open window and every counter at one
    /// instant.
    pub snapshot: WO<u32>,
    /// How often SNAPSHOT was written since reset; wraps. Two readers can tell that the other one
    /// intervened.
    pub snapshot_id: RO<u32>,
    reserved_3: [u32; 2],
    /// Ingress engine. Frames that entered, injected ones not among them. Low half.
    pub ingress_frames_lo: RO<u32>,
    /// Ingress engine. Frames that entered, injected ones not among them. High half.
    pub ingress_frames_hi: RO<u32>,
    /// Ingress engine. Bytes of those frames from the Ethernet header on, without FCS. Low half.
    pub ingress_bytes_lo: RO<u32>,
    /// Ingress engine. Bytes of those frames from the Ethernet header on, without FCS. High half.
    pub ingress_bytes_hi: RO<u32>,
    /// Ingress engine. Lookups that found their slot, those of retries too. Low half.
    pub ingress_hits_lo: RO<u32>,
    /// Ingress engine. Lookups that found their slot, those of retries too. High half.
    pub ingress_hits_hi: RO<u32>,
    /// Ingress engine. Frames whose lookup found none; a retry that finds none is not counted
    /// again. Low half.
    pub ingress_misses_lo: RO<u32>,
    /// Ingress engine. Frames whose lookup found none; a retry that finds none is not counted
    /// again. High half.
    pub ingress_misses_hi: RO<u32>,
    /// Ingress engine. Frames handed to the host, mirrored copies not among them. Low half.
    pub ingress_punts_lo: RO<u32>,
    /// Ingress engine. Frames handed to the host, mirrored copies not among them. High half.
    pub ingress_punts_hi: RO<u32>,
    /// Ingress engine. Frames lost because the punt ring, the ENI's punt credit or host memory had
    /// no room for them. Low half.
    pub ingress_skipped_lo: RO<u32>,
    /// Ingress engine. Frames lost because the punt ring, the ENI's punt credit or host memory had
    /// no room for them. High half.
    pub ingress_skipped_hi: RO<u32>,
    /// Ingress engine. Frames forwarded without a tally: DHCP, and hits on a NOLOG slot. Low half.
    pub ingress_excluded_lo: RO<u32>,
    /// Ingress engine. Frames forwarded without a tally: DHCP, and hits on a NOLOG slot. High half.
    pub ingress_excluded_hi: RO<u32>,
    /// Ingress engine. Frames that are not IP. Low half.
    pub ingress_non_ip_lo: RO<u32>,
    /// Ingress engine. Frames that are not IP. High half.
    pub ingress_non_ip_hi: RO<u32>,
    /// Ingress engine. IP frames that could not be parsed. Low half.
    pub ingress_malformed_lo: RO<u32>,
    /// Ingress engine. IP frames that could not be parsed. High half.
    pub ingress_malformed_hi: RO<u32>,
    /// Ingress engine. Frames sent on, injected ones too. Low half.
    pub ingress_forwarded_lo: RO<u32>,
    /// Ingress engine. Frames sent on, injected ones too. High half.
    pub ingress_forwarded_hi: RO<u32>,
    /// Ingress engine. Frames dropped by a verdict, be it the slot's or the one that the host
    /// attached. Low half.
    pub ingress_rejected_lo: RO<u32>,
    /// Ingress engine. Frames dropped by a verdict, be it the slot's or the one that the host
    /// attached. High half.
    pub ingress_rejected_hi: RO<u32>,
    /// Ingress engine. Copies punted for slots with ACCEPT+mirror. Low half.
    pub ingress_mirrored_lo: RO<u32>,
    /// Ingress engine. Copies punted for slots with ACCEPT+mirror. High half.
    pub ingress_mirrored_hi: RO<u32>,
    /// Ingress engine. Frames dropped because no SET_ENI had enabled their virtual port; they are
    /// in no ledger. Low half.
    pub ingress_no_eni_lo: RO<u32>,
    /// Ingress engine. Frames dropped because no SET_ENI had enabled their virtual port; they are
    /// in no ledger. High half.
    pub ingress_no_eni_hi: RO<u32>,
    /// Ingress engine. Frames dropped by an instance's limits, before the tally. Low half.
    pub ingress_policed_lo: RO<u32>,
    /// Ingress engine. Frames dropped by an instance's limits, before the tally. High half.
    pub ingress_policed_hi: RO<u32>,
    /// Egress engine. Frames that entered, injected ones not among them. Low half.
    pub egress_frames_lo: RO<u32>,
    /// Egress engine. Frames that entered, injected ones not among them. High half.
    pub egress_frames_hi: RO<u32>,
    /// Egress engine. Bytes of those frames from the Ethernet header on, without FCS. Low half.
    pub egress_bytes_lo: RO<u32>,
    /// Egress engine. Bytes of those frames from the Ethernet header on, without FCS. High half.
    pub egress_bytes_hi: RO<u32>,
    /// Egress engine. Lookups that found their slot, those of retries too. Low half.
    pub egress_hits_lo: RO<u32>,
    /// Egress engine. Lookups that found their slot, those of retries too. High half.
    pub egress_hits_hi: RO<u32>,
    /// Egress engine. Frames whose lookup found none; a retry that finds none is not counted again.
    /// Low half.
    pub egress_misses_lo: RO<u32>,
    /// Egress engine. Frames whose lookup found none; a retry that finds none is not counted again.
    /// High half.
    pub egress_misses_hi: RO<u32>,
    /// Egress engine. Frames handed to the host, mirrored copies not among them. Low half.
    pub egress_punts_lo: RO<u32>,
    /// Egress engine. Frames handed to the host, mirrored copies not among them. High half.
    pub egress_punts_hi: RO<u32>,
    /// Egress engine. Frames lost because the punt ring, the ENI's punt credit or host memory had
    /// no room for them. Low half.
    pub egress_skipped_lo: RO<u32>,
    /// Egress engine. Frames lost because the punt ring, the ENI's punt credit or host memory had
    /// no room for them. High half.
    pub egress_skipped_hi: RO<u32>,
    /// Egress engine. Frames forwarded without a tally: DHCP, and hits on a NOLOG slot. Low half.
    pub egress_excluded_lo: RO<u32>,
    /// Egress engine. Frames forwarded without a tally: DHCP, and hits on a NOLOG slot. High half.
    pub egress_excluded_hi: RO<u32>,
    /// Egress engine. Frames that are not IP. Low half.
    pub egress_non_ip_lo: RO<u32>,
    /// Egress engine. Frames that are not IP. High half.
    pub egress_non_ip_hi: RO<u32>,
    /// Egress engine. IP frames that could not be parsed. Low half.
    pub egress_malformed_lo: RO<u32>,
    /// Egress engine. IP frames that could not be parsed. High half.
    pub egress_malformed_hi: RO<u32>,
    /// Egress engine. Frames sent on, injected ones too. Low half.
    pub egress_forwarded_lo: RO<u32>,
    /// Egress engine. Frames sent on, injected ones too. High half.
    pub egress_forwarded_hi: RO<u32>,
    /// Egress engine. Frames dropped by a verdict, be it the slot's or the one that the host
    /// attached. Low half.
    pub egress_rejected_lo: RO<u32>,
    /// Egress engine. Frames dropped by a verdict, be it the slot's or the one that the host
    /// attached. High half.
    pub egress_rejected_hi: RO<u32>,
    /// Egress engine. Copies punted for slots with ACCEPT+mirror. Low half.
    pub egress_mirrored_lo: RO<u32>,
    /// Egress engine. Copies punted for slots with ACCEPT+mirror. High half.
    pub egress_mirrored_hi: RO<u32>,
    /// Egress engine. Frames dropped because no SET_ENI had enabled their virtual port; they are in
    /// no ledger. Low half.
    pub egress_no_eni_lo: RO<u32>,
    /// Egress engine. Frames dropped because no SET_ENI had enabled their virtual port; they are in
    /// no ledger. High half.
    pub egress_no_eni_hi: RO<u32>,
    /// Egress engine. Frames dropped by an instance's limits, after the tally. Low half.
    pub egress_shaped_lo: RO<u32>,
    /// Egress engine. Frames dropped by an instance's limits, after the tally. High half.
    pub egress_shaped_hi: RO<u32>,
    /// Commands taken from the ring. Low half.
    pub commands_lo: RO<u32>,
    /// Commands taken from the ring. High half.
    pub commands_hi: RO<u32>,
    /// Commands answered with another status than OK. Low half.
    pub commands_refused_lo: RO<u32>,
    /// Commands answered with another status than OK. High half.
    pub commands_refused_hi: RO<u32>,
    /// Frames taken from the inject ring. Low half.
    pub injects_lo: RO<u32>,
    /// Frames taken from the inject ring. High half.
    pub injects_hi: RO<u32>,
    /// Injected frames that were dropped because their header made no sense. Low half.
    pub injects_refused_lo: RO<u32>,
    /// Injected frames that were dropped because their header made no sense. High half.
    pub injects_refused_hi: RO<u32>,
    /// Retries that came after their window had closed and were punted again. Low half.
    pub late_retries_lo: RO<u32>,
    /// Retries that came after their window had closed and were punted again. High half.
    pub late_retries_hi: RO<u32>,
    /// Records written to the ring, of every kind. Low half.
    pub records_lo: RO<u32>,
    /// Records written to the ring, of every kind. High half.
    pub records_hi: RO<u32>,
    /// Bytes read from host memory. Low half.
    pub dma_read_bytes_lo: RO<u32>,
    /// Bytes read from host memory. High half.
    pub dma_read_bytes_hi: RO<u32>,
    /// Bytes written to host memory. Low half.
    pub dma_write_bytes_lo: RO<u32>,
    /// Bytes written to host memory. High half.
    pub dma_write_bytes_hi: RO<u32>,
    /// Accesses to host memory that were answered with an error. Low half.
    pub dma_refused_lo: RO<u32>,
    /// Accesses to host memory that were answered with an error. High half.
    pub dma_refused_hi: RO<u32>,
    /// Register writes to a read-only or unknown register. Low half.
    pub writes_refused_lo: RO<u32>,
    /// Register writes to a read-only or unknown register. High half.
    pub writes_refused_hi: RO<u32>,
    /// Entries of host rings that had the wrong phase. Low half.
    pub phase_refused_lo: RO<u32>,
    /// Entries of host rings that had the wrong phase. High half.
    pub phase_refused_hi: RO<u32>,
    reserved_4: [u32; 14],
    /// Which slot SLOT_STATUS and SLOT_DATA show. Writing it latches the slot as it is then, so the
    /// words agree.
    ///
    /// Its fields: [`SlotSelect`].
    pub slot_select: RW<u32>,
    /// State of the slot that SLOT_SELECT latched.
    ///
    /// Its fields: [`SlotStatus`].
    pub slot_status: RO<u32>,
    /// Which ENI the LEDGER registers show. Writing it latches its open ledger as it is then.
    ///
    /// Its fields: [`EniSelect`].
    pub eni_select: RW<u32>,
    reserved_5: [u32; 13],
    /// The slot that SLOT_SELECT latched, as the image of a FlowRecord with the open bank's counts;
    /// kind and phase are 0.
    pub slot_data: [RO<u32>; 16],
    /// The open ledger that ENI_SELECT latched, as the image of a LedgerRecord of packets; phase is
    /// 0.
    pub ledger_packets: [RO<u32>; 16],
    /// The open ledger that ENI_SELECT latched, as the image of a LedgerRecord of bytes; phase is
    /// 0.
    pub ledger_bytes: [RO<u32>; 16],
    /// The open ledger that ENI_SELECT latched, as the image of a LedgerRecord of packets that a
    /// limit stopped; phase is 0.
    pub ledger_limits: [RO<u32>; 16],
    /// Holds what is written; nothing depends on it.
    pub scratch: RW<u32>,
    reserved_6: [u32; 719],
}

const _: () = {
    use core::mem::offset_of;
    assert!(size_of::<Block>() == BLOCK_BYTES);
    assert!(offset_of!(Block, magic) == 0x000);
    assert!(offset_of!(Block, abi_version) == 0x004);
    assert!(offset_of!(Block, build) == 0x008);
    assert!(offset_of!(Block, features) == 0x00c);
    assert!(offset_of!(Block, sizes) == 0x010);
    assert!(offset_of!(Block, clock_khz) == 0x014);
    assert!(offset_of!(Block, control) == 0x020);
    assert!(offset_of!(Block, status) == 0x024);
    assert!(offset_of!(Block, errors) == 0x028);
    assert!(offset_of!(Block, errors_clear) == 0x02c);
    assert!(offset_of!(Block, vector_mask) == 0x030);
    assert!(offset_of!(Block, vector_pending) == 0x034);
    assert!(offset_of!(Block, error_vector) == 0x038);
    assert!(offset_of!(Block, ring_faults) == 0x03c);
    assert!(offset_of!(Block, time_lo) == 0x040);
    assert!(offset_of!(Block, time_hi) == 0x044);
    assert!(offset_of!(Block, time_set_lo) == 0x048);
    assert!(offset_of!(Block, time_set_hi) == 0x04c);
    assert!(offset_of!(Block, window_seconds) == 0x050);
    assert!(offset_of!(Block, window_close) == 0x054);
    assert!(offset_of!(Block, window_number) == 0x058);
    assert!(offset_of!(Block, window_overruns) == 0x05c);
    assert!(offset_of!(Block, window_start_lo) == 0x060);
    assert!(offset_of!(Block, window_start_hi) == 0x064);
    assert!(offset_of!(Block, command_base_lo) == 0x100);
    assert!(offset_of!(Block, command_base_hi) == 0x104);
    assert!(offset_of!(Block, command_size_log2) == 0x108);
    assert!(offset_of!(Block, command_producer) == 0x10c);
    assert!(offset_of!(Block, command_consumer) == 0x110);
    assert!(offset_of!(Block, command_control) == 0x114);
    assert!(offset_of!(Block, command_drops) == 0x118);
    assert!(offset_of!(Block, command_high_water) == 0x11c);
    assert!(offset_of!(Block, completion_base_lo) == 0x120);
    assert!(offset_of!(Block, completion_base_hi) == 0x124);
    assert!(offset_of!(Block, completion_size_log2) == 0x128);
    assert!(offset_of!(Block, completion_producer) == 0x12c);
    assert!(offset_of!(Block, completion_consumer) == 0x130);
    assert!(offset_of!(Block, completion_control) == 0x134);
    assert!(offset_of!(Block, completion_drops) == 0x138);
    assert!(offset_of!(Block, completion_high_water) == 0x13c);
    assert!(offset_of!(Block, record_base_lo) == 0x140);
    assert!(offset_of!(Block, record_base_hi) == 0x144);
    assert!(offset_of!(Block, record_size_log2) == 0x148);
    assert!(offset_of!(Block, record_producer) == 0x14c);
    assert!(offset_of!(Block, record_consumer) == 0x150);
    assert!(offset_of!(Block, record_control) == 0x154);
    assert!(offset_of!(Block, record_drops) == 0x158);
    assert!(offset_of!(Block, record_high_water) == 0x15c);
    assert!(offset_of!(Block, punt_base_lo) == 0x160);
    assert!(offset_of!(Block, punt_base_hi) == 0x164);
    assert!(offset_of!(Block, punt_size_log2) == 0x168);
    assert!(offset_of!(Block, punt_producer) == 0x16c);
    assert!(offset_of!(Block, punt_consumer) == 0x170);
    assert!(offset_of!(Block, punt_control) == 0x174);
    assert!(offset_of!(Block, punt_drops) == 0x178);
    assert!(offset_of!(Block, punt_high_water) == 0x17c);
    assert!(offset_of!(Block, inject_base_lo) == 0x180);
    assert!(offset_of!(Block, inject_base_hi) == 0x184);
    assert!(offset_of!(Block, inject_size_log2) == 0x188);
    assert!(offset_of!(Block, inject_producer) == 0x18c);
    assert!(offset_of!(Block, inject_consumer) == 0x190);
    assert!(offset_of!(Block, inject_control) == 0x194);
    assert!(offset_of!(Block, inject_drops) == 0x198);
    assert!(offset_of!(Block, inject_high_water) == 0x19c);
    assert!(offset_of!(Block, snapshot) == 0x200);
    assert!(offset_of!(Block, snapshot_id) == 0x204);
    assert!(offset_of!(Block, ingress_frames_lo) == 0x210);
    assert!(offset_of!(Block, ingress_frames_hi) == 0x214);
    assert!(offset_of!(Block, ingress_bytes_lo) == 0x218);
    assert!(offset_of!(Block, ingress_bytes_hi) == 0x21c);
    assert!(offset_of!(Block, ingress_hits_lo) == 0x220);
    assert!(offset_of!(Block, ingress_hits_hi) == 0x224);
    assert!(offset_of!(Block, ingress_misses_lo) == 0x228);
    assert!(offset_of!(Block, ingress_misses_hi) == 0x22c);
    assert!(offset_of!(Block, ingress_punts_lo) == 0x230);
    assert!(offset_of!(Block, ingress_punts_hi) == 0x234);
    assert!(offset_of!(Block, ingress_skipped_lo) == 0x238);
    assert!(offset_of!(Block, ingress_skipped_hi) == 0x23c);
    assert!(offset_of!(Block, ingress_excluded_lo) == 0x240);
    assert!(offset_of!(Block, ingress_excluded_hi) == 0x244);
    assert!(offset_of!(Block, ingress_non_ip_lo) == 0x248);
    assert!(offset_of!(Block, ingress_non_ip_hi) == 0x24c);
    assert!(offset_of!(Block, ingress_malformed_lo) == 0x250);
    assert!(offset_of!(Block, ingress_malformed_hi) == 0x254);
    assert!(offset_of!(Block, ingress_forwarded_lo) == 0x258);
    assert!(offset_of!(Block, ingress_forwarded_hi) == 0x25c);
    assert!(offset_of!(Block, ingress_rejected_lo) == 0x260);
    assert!(offset_of!(Block, ingress_rejected_hi) == 0x264);
    assert!(offset_of!(Block, ingress_mirrored_lo) == 0x268);
    assert!(offset_of!(Block, ingress_mirrored_hi) == 0x26c);
    assert!(offset_of!(Block, ingress_no_eni_lo) == 0x270);
    assert!(offset_of!(Block, ingress_no_eni_hi) == 0x274);
    assert!(offset_of!(Block, ingress_policed_lo) == 0x278);
    assert!(offset_of!(Block, ingress_policed_hi) == 0x27c);
    assert!(offset_of!(Block, egress_frames_lo) == 0x280);
    assert!(offset_of!(Block, egress_frames_hi) == 0x284);
    assert!(offset_of!(Block, egress_bytes_lo) == 0x288);
    assert!(offset_of!(Block, egress_bytes_hi) == 0x28c);
    assert!(offset_of!(Block, egress_hits_lo) == 0x290);
    assert!(offset_of!(Block, egress_hits_hi) == 0x294);
    assert!(offset_of!(Block, egress_misses_lo) == 0x298);
    assert!(offset_of!(Block, egress_misses_hi) == 0x29c);
    assert!(offset_of!(Block, egress_punts_lo) == 0x2a0);
    assert!(offset_of!(Block, egress_punts_hi) == 0x2a4);
    assert!(offset_of!(Block, egress_skipped_lo) == 0x2a8);
    assert!(offset_of!(Block, egress_skipped_hi) == 0x2ac);
    assert!(offset_of!(Block, egress_excluded_lo) == 0x2b0);
    assert!(offset_of!(Block, egress_excluded_hi) == 0x2b4);
    assert!(offset_of!(Block, egress_non_ip_lo) == 0x2b8);
    assert!(offset_of!(Block, egress_non_ip_hi) == 0x2bc);
    assert!(offset_of!(Block, egress_malformed_lo) == 0x2c0);
    assert!(offset_of!(Block, egress_malformed_hi) == 0x2c4);
    assert!(offset_of!(Block, egress_forwarded_lo) == 0x2c8);
    assert!(offset_of!(Block, egress_forwarded_hi) == 0x2cc);
    assert!(offset_of!(Block, egress_rejected_lo) == 0x2d0);
    assert!(offset_of!(Block, egress_rejected_hi) == 0x2d4);
    assert!(offset_of!(Block, egress_mirrored_lo) == 0x2d8);
    assert!(offset_of!(Block, egress_mirrored_hi) == 0x2dc);
    assert!(offset_of!(Block, egress_no_eni_lo) == 0x2e0);
    assert!(offset_of!(Block, egress_no_eni_hi) == 0x2e4);
    assert!(offset_of!(Block, egress_shaped_lo) == 0x2e8);
    assert!(offset_of!(Block, egress_shaped_hi) == 0x2ec);
    assert!(offset_of!(Block, commands_lo) == 0x2f0);
    assert!(offset_of!(Block, commands_hi) == 0x2f4);
    assert!(offset_of!(Block, commands_refused_lo) == 0x2f8);
    assert!(offset_of!(Block, commands_refused_hi) == 0x2fc);
    assert!(offset_of!(Block, injects_lo) == 0x300);
    assert!(offset_of!(Block, injects_hi) == 0x304);
    assert!(offset_of!(Block, injects_refused_lo) == 0x308);
    assert!(offset_of!(Block, injects_refused_hi) == 0x30c);
    assert!(offset_of!(Block, late_retries_lo) == 0x310);
    assert!(offset_of!(Block, late_retries_hi) == 0x314);
    assert!(offset_of!(Block, records_lo) == 0x318);
    assert!(offset_of!(Block, records_hi) == 0x31c);
    assert!(offset_of!(Block, dma_read_bytes_lo) == 0x320);
    assert!(offset_of!(Block, dma_read_bytes_hi) == 0x324);
    assert!(offset_of!(Block, dma_write_bytes_lo) == 0x328);
    assert!(offset_of!(Block, dma_write_bytes_hi) == 0x32c);
    assert!(offset_of!(Block, dma_refused_lo) == 0x330);
    assert!(offset_of!(Block, dma_refused_hi) == 0x334);
    assert!(offset_of!(Block, writes_refused_lo) == 0x338);
    assert!(offset_of!(Block, writes_refused_hi) == 0x33c);
    assert!(offset_of!(Block, phase_refused_lo) == 0x340);
    assert!(offset_of!(Block, phase_refused_hi) == 0x344);
    assert!(offset_of!(Block, slot_select) == 0x380);
    assert!(offset_of!(Block, slot_status) == 0x384);
    assert!(offset_of!(Block, eni_select) == 0x388);
    assert!(offset_of!(Block, slot_data) == 0x3c0);
    assert!(offset_of!(Block, ledger_packets) == 0x400);
    assert!(offset_of!(Block, ledger_bytes) == 0x440);
    assert!(offset_of!(Block, ledger_limits) == 0x480);
    assert!(offset_of!(Block, scratch) == 0x4c0);
    assert!(crate::MAGIC == 0x57454952);
    assert!(crate::ABI_VERSION == 0x00010000);
};

bitfield! {
    /// Value of ABI_VERSION.
    #[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
    #[repr(transparent)]
    pub struct AbiVersion(pub u32);
    impl Debug;
    u32;
    /// Additions that an older driver may ignore.
    pub u16, minor, set_minor: 15, 0;
    /// Changes that an older driver would misread.
    pub u16, major, set_major: 31, 16;
}

bitfield! {
    /// Value of BUILD.
    #[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
    #[repr(transparent)]
    pub struct Build(pub u32);
    impl Debug;
    u32;
    /// Revision of the build.
    pub revision, set_revision: 23, 0;
    /// Which body of the contract this is.
    pub u8, body_bits, set_body_bits: 31, 24;
}

/// Values of BUILD.body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Body {
    /// The NIC in Rust, hw-model.
    Model = 1,
    /// The SystemVerilog, simulated.
    Rtl = 2,
    /// The SystemVerilog on a card.
    Card = 3,
}

impl Build {
    /// Which body of the contract this is.
    ///
    /// # Errors
    ///
    /// [`UnknownValue`] if the number has no meaning in this version.
    pub fn body(&self) -> Result<Body, UnknownValue> {
        Ok(match self.body_bits() {
            1 => Body::Model,
            2 => Body::Rtl,
            3 => Body::Card,
            found => return Err(UnknownValue { field: "BUILD.body", found: found.into() }),
        })
    }
}

bitfield! {
    /// Value of FEATURES.
    #[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
    #[repr(transparent)]
    pub struct Features(pub u32);
    impl Debug;
    u32;
    /// Instance limits: token buckets, slot quota, punt credit.
    pub limits, set_limits: 0;
    /// The READ_ACTIVITY command.
    pub read_activity, set_read_activity: 1;
    /// Injected frames may carry a verdict.
    pub inject_verdict, set_inject_verdict: 2;
    /// Slots may say ACCEPT+mirror.
    pub mirror, set_mirror: 3;
    /// SLOT_SELECT, ENI_SELECT and the registers they fill.
    pub slot_window, set_slot_window: 4;
}

bitfield! {
    /// Value of SIZES.
    #[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
    #[repr(transparent)]
    pub struct Sizes(pub u32);
    impl Debug;
    u32;
    /// The flow table has 2^value slots in each direction, 7 to 24.
    pub u8, slots_log2, set_slots_log2: 5, 0;
    /// A bucket has 2^value slots: 3.
    pub u8, ways_log2, set_ways_log2: 11, 8;
    /// There are 2^value virtual ports, at most 12.
    pub u8, enis_log2, set_enis_log2: 19, 16;
    /// MSI-X vectors, 1 to 32.
    pub u8, vectors, set_vectors: 27, 20;
}

bitfield! {
    /// Value of CONTROL.
    #[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
    #[repr(transparent)]
    pub struct Control(pub u32);
    impl Debug;
    u32;
    /// Packets are taken. When it is cleared, packets in flight are finished; rings, drain and time
    /// go on.
    pub enable, set_enable: 0;
    /// Writing 1 brings every register, slot, ledger and ring to its state after power-on but for
    /// the time; reads 0. Wait for STATUS.ready.
    pub reset, set_reset: 31;
}

bitfield! {
    /// Value of STATUS.
    #[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
    #[repr(transparent)]
    pub struct Status(pub u32);
    impl Debug;
    u32;
    /// Reset is over: commands and setup are taken.
    pub ready, set_ready: 0;
    /// Packets are taken.
    pub running, set_running: 1;
    /// The closed bank of a window is being drained.
    pub draining, set_draining: 2;
    /// The drain waits for room in the record ring.
    pub record_ring_full, set_record_ring_full: 3;
    /// A ring was stopped: any bit of RING_FAULTS.
    pub ring_fault, set_ring_fault: 4;
    /// ERRORS.dma is set.
    pub dma_fault, set_dma_fault: 5;
}

bitfield! {
    /// Value of ERRORS.
    #[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
    #[repr(transparent)]
    pub struct Errors(pub u32);
    impl Debug;
    u32;
    /// A write to a read-only or unknown register; WRITES_REFUSED counts them.
    pub register_write, set_register_write: 0;
    /// A ring was enabled with a misaligned base or a size out of range.
    pub ring_setup, set_ring_setup: 1;
    /// Host memory could not be reached.
    pub dma, set_dma: 2;
    /// A command was refused; its completion says why.
    pub command, set_command: 3;
    /// An entry of a host ring had the wrong phase and was not executed.
    pub phase, set_phase: 4;
    /// An injected header was refused.
    pub inject, set_inject: 5;
    /// A producer or consumer index jumped past what the ring holds.
    pub index, set_index: 6;
}

bitfield! {
    /// Value of ERRORS_CLEAR.
    #[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
    #[repr(transparent)]
    pub struct ErrorsClear(pub u32);
    impl Debug;
    u32;
    /// Clears ERRORS.register_write.
    pub register_write, set_register_write: 0;
    /// Clears ERRORS.ring_setup.
    pub ring_setup, set_ring_setup: 1;
    /// Clears ERRORS.dma.
    pub dma, set_dma: 2;
    /// Clears ERRORS.command.
    pub command, set_command: 3;
    /// Clears ERRORS.phase.
    pub phase, set_phase: 4;
    /// Clears ERRORS.inject.
    pub inject, set_inject: 5;
    /// Clears ERRORS.index.
    pub index, set_index: 6;
}

bitfield! {
    /// Value of ERROR_VECTOR.
    #[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
    #[repr(transparent)]
    pub struct ErrorVector(pub u32);
    impl Debug;
    u32;
    /// The MSI-X vector that is raised when a bit of ERRORS becomes 1.
    pub u8, vector, set_vector: 7, 0;
    /// Raise it.
    pub enable, set_enable: 31;
}

bitfield! {
    /// Value of RING_FAULTS.
    #[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
    #[repr(transparent)]
    pub struct RingFaults(pub u32);
    impl Debug;
    u32;
    /// The command ring.
    pub command, set_command: 0;
    /// The completion ring.
    pub completion, set_completion: 1;
    /// The record ring.
    pub record, set_record: 2;
    /// The punt ring.
    pub punt, set_punt: 3;
    /// The inject ring.
    pub inject, set_inject: 4;
}

bitfield! {
    /// Value of WINDOW_CLOSE.
    #[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
    #[repr(transparent)]
    pub struct WindowClose(pub u32);
    impl Debug;
    u32;
    /// Writing 1 ends the open window now; while the last one drains it is deferred and counted as
    /// an overrun.
    pub close, set_close: 0;
}

bitfield! {
    /// Value of WINDOW_NUMBER.
    #[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
    #[repr(transparent)]
    pub struct WindowNumber(pub u32);
    impl Debug;
    u32;
    /// Its number, as the records will bear it; wraps.
    pub u16, number, set_number: 15, 0;
}

bitfield! {
    /// Value of a ring's CONTROL.
    #[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
    #[repr(transparent)]
    pub struct RingControl(pub u32);
    impl Debug;
    u32;
    /// The ring is in use. Base, size and both indices hold from the write that sets it; clearing
    /// it stops the NIC at its next entry.
    pub enable, set_enable: 0;
    /// The MSI-X vector that is raised when the NIC advances its index.
    pub u8, vector, set_vector: 15, 8;
}

bitfield! {
    /// Value of SLOT_SELECT.
    #[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
    #[repr(transparent)]
    pub struct SlotSelect(pub u32);
    impl Debug;
    u32;
    /// Slot number within its direction. Past the table, SLOT_STATUS and SLOT_DATA read 0.
    pub slot, set_slot: 23, 0;
    /// The egress engine's slot, not the ingress engine's.
    pub egress, set_egress: 31;
}

bitfield! {
    /// Value of SLOT_STATUS.
    #[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
    #[repr(transparent)]
    pub struct SlotStatus(pub u32);
    impl Debug;
    u32;
    /// The slot holds a flow.
    pub valid, set_valid: 0;
    /// The bank that was open, whose counts are shown.
    pub bank, set_bank: 1;
}

bitfield! {
    /// Value of ENI_SELECT.
    #[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
    #[repr(transparent)]
    pub struct EniSelect(pub u32);
    impl Debug;
    u32;
    /// Virtual port. Past the hardware's, the ledgers read 0.
    pub u16, vport, set_vport: 11, 0;
    /// The egress engine's ledger, not the ingress engine's.
    pub egress, set_egress: 31;
}
