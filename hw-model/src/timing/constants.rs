//! The model's constants. Picoseconds unless named otherwise.

/// One byte on a 100 Gb/s wire.
pub const WIRE_PS_PER_BYTE: u64 = 80;
/// Preamble, FCS and inter-frame gap, bytes.
pub const WIRE_OVERHEAD_BYTES: u64 = 24;
/// A cycle of the packet front end, 322.265625 MHz: the clock of a 100G MAC's 512-bit port.
pub const FRONT_CYCLE_PS: u64 = 3_103;
/// Bytes of one beat of the 512-bit stream.
pub const BEAT_BYTES: u64 = 64;
/// A cycle of the flow engine, 250 MHz.
pub const ENGINE_CYCLE_PS: u64 = 4_000;
/// Cycles of the front end from a frame's last beat to its key, ...
pub const PARSE_CYCLES: u64 = 10;
/// ... and on to what the policer says.
pub const ADMIT_CYCLES: u64 = 11;
/// Cycles of the clock behind it that a FIFO between two clocks takes, ...
pub const CROSSING_CYCLES: u64 = 4;
/// ... and one within a clock.
pub const FIFO_CYCLES: u64 = 1;
/// Cycles of the engine from key to slot: issue, hashes, bucket reads and compare.
pub const LOOKUP_CYCLES: u64 = 1 + 2 + 5;
/// Cycles of the engine from slot to verdict. The counts follow; nothing waits for them.
pub const JUDGE_CYCLES: u64 = 1;
/// Cycles of the front end from the verdict to the first beat out, ...
pub const GATE_CYCLES: u64 = 3;
/// ... and for a frame under a limit on its way out.
pub const SHAPER_CYCLES: u64 = 9;
/// Cycles of the engine until it is known whether a punt is written, ...
pub const PUNT_JUDGE_CYCLES: u64 = 6;
/// ... for a new flow under a limit, ...
pub const NEW_FLOW_CYCLES: u64 = 7;
/// ... besides one for each beat until host memory has its header, ...
pub const PUNT_WRITE_CYCLES: u64 = 3;
/// ... for each slot of the ring but the first, and once for the answer to their data, ...
pub const PUNT_SLOT_CYCLES: u64 = 3;
/// ... that is seen so much later, ...
pub const PUNT_DATA_CYCLES: u64 = 1;
/// ... and from host memory's answer to the next punt.
pub const PUNT_END_CYCLES: u64 = 6;
/// Cycles of the engine that a drain takes for its first and last record, ...
pub const DRAIN_CYCLES: u64 = 6;
/// ... for each row of 64 slots, ...
pub const DRAIN_ROW_CYCLES: u64 = 5;
/// ... from a touched slot to its record, ...
pub const DRAIN_SLOT_CYCLES: u64 = 6;
/// ... from a burst's last record to its first beat, ...
pub const DRAIN_SEND_CYCLES: u64 = 2;
/// ... from a record's outcome until another may be on its way, ...
pub const DRAIN_ROOM_CYCLES: u64 = 2;
/// ... for each port, and of one that is enabled for each direction, ...
pub const DRAIN_PORT_CYCLES: u64 = 4;
/// ... besides, if it is enabled, for packets and bytes ...
pub const DRAIN_LEDGER_CYCLES: u64 = 41;
/// ... and for what limits stopped.
pub const DRAIN_LIMITS_CYCLES: u64 = 3;
/// Bytes of the shortest frame without its FCS: what is shorter is padded on the wire (IEEE 802.3, minFrameSize).
pub const FRAME_BYTES_MIN: u64 = 60;

/// PCIe 4.0 x16 as a NIC sees it: a read's round trip (Neugebauer et al., SIGCOMM 2018, saw 0.9 to 1.3 µs
/// at 64 bytes), ...
pub const PCIE_ROUND_TRIP_PS: u64 = 1_000_000;
/// ... a posted write until host memory has it, half of that, ...
pub const PCIE_POSTED_PS: u64 = 500_000;
/// ... and the time of one byte at 25.2 GB/s, what is left of 31.5 after packet headers.
pub const PCIE_PS_PER_BYTE: u64 = 40;
/// Bytes of a transaction's headers.
pub const PCIE_OVERHEAD_BYTES: u64 = 24;

/// From the first unanswered entry in a ring until its interrupt: the moderation timer, ns.
pub const INTERRUPT_MODERATION_NS: u64 = 32_000;
/// From interrupt to the host's first instruction for it, ns.
pub const HOST_WAKE_NS: u64 = 2_000;
/// The host's work on one punt, ns.
pub const HOST_PUNT_NS: u64 = 250;
