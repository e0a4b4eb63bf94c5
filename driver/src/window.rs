//! Registers about windows, counters and ledgers.

use crate::regio::RegIo;
use firmware_abi::descriptor::{FlowRecord, Ledger, LedgerRecord};
use firmware_abi::key::Direction;
use firmware_abi::registers::{COUNTERS, EniSelect, SlotSelect, SlotStatus, WindowNumber, offset};

/// The open window, at one instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WindowState {
    /// Its number, as its records will bear it.
    pub number: u16,
    /// When it started, Unix ns.
    pub start_ns: u64,
    /// The device's time, Unix ns.
    pub time_ns: u64,
    /// Boundaries that passed while an earlier window was draining, since reset.
    pub overruns: u32,
}

impl WindowState {
    /// Latches and reads it.
    pub(crate) fn read<I: RegIo>(io: &I) -> Self {
        io.write(|r| &r.snapshot, 1);
        Self {
            number: WindowNumber(io.read(|r| &r.window_number)).number(),
            start_ns: io.read_wide(|r| (&r.window_start_lo, &r.window_start_hi)),
            time_ns: io.read_wide(|r| (&r.time_lo, &r.time_hi)),
            overruns: io.read(|r| &r.window_overruns),
        }
    }
}

/// A 64-bit counter, as latched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CounterValue {
    /// Its name, as in the register documentation.
    pub name: &'static str,
    /// What it counts.
    pub description: &'static str,
    /// How much it counted since reset.
    pub value: u64,
}

/// All counters, latched at one instant.
pub(crate) fn counters<I: RegIo>(io: &I) -> Vec<CounterValue> {
    io.write(|r| &r.snapshot, 1);
    let value = |counter| io.counter(counter);
    COUNTERS
        .iter()
        .map(|counter| CounterValue { name: counter.name, description: counter.description, value: value(counter) })
        .collect()
}

/// The open ledger of an ENI and direction, at one instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LedgerImage {
    /// The ENI's virtual port.
    pub vport: u16,
    /// The engine.
    pub direction: Direction,
    /// Packets.
    pub packets: LedgerRecord,
    /// Bytes.
    pub bytes: LedgerRecord,
    /// Packets that a limit stopped.
    pub limits: LedgerRecord,
}

fn words<I: RegIo>(io: &I, first: u32) -> [u32; 16] {
    let mut at = first;
    [(); 16].map(|()| {
        let word = io.load(at);
        at += 4;
        word
    })
}

impl LedgerImage {
    /// Latches and reads it.
    pub(crate) fn read<I: RegIo>(io: &I, vport: u16, direction: Direction) -> Self {
        let mut select = EniSelect::default();
        select.set_vport(vport);
        select.set_egress(direction == Direction::Egress);
        io.write(|r| &r.eni_select, select.0);
        Self {
            vport,
            direction,
            packets: zerocopy::transmute!(words(io, offset::LEDGER_PACKETS)),
            bytes: zerocopy::transmute!(words(io, offset::LEDGER_BYTES)),
            limits: zerocopy::transmute!(words(io, offset::LEDGER_LIMITS)),
        }
    }

    /// Those of all virtual ports that saw a packet.
    pub(crate) fn read_all<I: RegIo>(io: &I, enis_log2: u32) -> Vec<Self> {
        let vports = 0..1_u16 << enis_log2;
        let all = vports.flat_map(|vport| Direction::ALL.map(|direction| Self::read(io, vport, direction)));
        all.filter(|ledger| ledger.packets.counter(Ledger::Offered as usize) > 0).collect()
    }
}

/// What the dump window shows of a slot: whether it holds a flow, and its open counts.
pub(crate) fn slot<I: RegIo>(io: &I, direction: Direction, slot: u32) -> Option<FlowRecord> {
    let mut select = SlotSelect::default();
    select.set_slot(slot);
    select.set_egress(direction == Direction::Egress);
    io.write(|r| &r.slot_select, select.0);
    let is_valid = SlotStatus(io.read(|r| &r.slot_status)).valid();
    is_valid.then(|| zerocopy::transmute!(words(io, offset::SLOT_DATA)))
}
