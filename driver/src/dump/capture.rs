//! Takes a [`NicDump`] through the registers of any body.
//!
//! ```text
//!   MAGIC ─▶ SNAPSHOT ─▶ registers ─▶ ledgers ─▶ tables ─▶ selects put back ─▶ same id? same window? ─▶ SNAPSHOT
//!               ▲                                                 │ no: another reader, a boundary        └ skew
//!               └─────────────────────────────────────────────────┘
//! ```

use super::{
    LedgerCounts, LedgerDump, LimitCounts, MapHash, Moment, NicDump, Presence, RegisterValue, Skew, SlotDump, TableDump,
};
use crate::regio::RegIo;
use crate::window::{self, LedgerImage};
use firmware_abi::MAGIC;
use firmware_abi::descriptor::{FlowRecord, Ledger, LedgerRecord, LimitDrop};
use firmware_abi::key::{Direction, SlotAction};
use firmware_abi::registers::{Access, EniSelect, Features, REGISTERS, Sizes, WindowNumber, offset};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// How often a capture is begun anew.
const ATTEMPTS: u32 = 4;
/// Largest sizes that the contract allows.
const SLOTS_LOG2_MAX: u8 = 24;
const ENIS_LOG2_MAX: u8 = 12;

/// How much is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// Registers as they are: nothing is written, so counters are those of whoever took the last snapshot.
    Untouched,
    /// Registers, counters latched.
    Registers,
    /// Registers and ledgers.
    Ledgers,
    /// Registers, ledgers and tables: every slot is selected, which over a socket takes seconds.
    Everything,
}

/// Others took snapshots, or windows turned, at every attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "no picture of one instant in {ATTEMPTS} attempts: {found}, expected it to stay as it is while registers are read"
)]
pub struct Torn {
    /// What moved last.
    pub found: Moved,
}

/// What may not move while a dump is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moved {
    /// Another reader took a snapshot: SNAPSHOT_ID went from the first to the second.
    Snapshot(u32, u32),
    /// The window turned: WINDOW_NUMBER went from the first to the second.
    Window(u16, u16),
}

impl std::fmt::Display for Moved {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Snapshot(from, to) => write!(f, "SNAPSHOT_ID went from {from} to {to}"),
            Self::Window(from, to) => write!(f, "WINDOW_NUMBER went from {from} to {to}"),
        }
    }
}

/// What answers at these registers.
pub fn presence<I: RegIo>(io: &I) -> Presence {
    match io.read(|r| &r.magic) {
        MAGIC => Presence::Present,
        u32::MAX => Presence::Gone,
        _ => Presence::Foreign,
    }
}

/// All registers; those that cannot be read without a value.
pub fn registers<I: RegIo>(io: &I) -> Vec<RegisterValue> {
    let value = |register: &firmware_abi::registers::Register| RegisterValue {
        name: register.name.to_owned(),
        offset: register.offset,
        value: (register.access != Access::WriteOnly).then(|| io.load(register.offset)),
    };
    REGISTERS.iter().map(value).collect()
}

/// Takes a picture. Of what is no NIC it has the registers alone.
///
/// # Errors
/// [`Torn`] when others took snapshots all the while.
pub fn capture<I: RegIo>(io: &I, extent: Extent) -> Result<NicDump, Torn> {
    let presence = presence(io);
    if presence != Presence::Present || extent == Extent::Untouched {
        let (map_hash, registers) = (MapHash::OURS, registers(io));
        return Ok(NicDump { map_hash, presence, moment: None, registers, ledgers: None, tables: None });
    }
    let mut moved = Moved::Snapshot(0, 0);
    for _ in 0..ATTEMPTS {
        match attempt(io, extent) {
            Ok(dump) => return Ok(dump),
            Err(by) => moved = by,
        }
    }
    Err(Torn { found: moved })
}

/// What a snapshot says of how far the NIC has come.
#[derive(Clone, Copy)]
struct Progress {
    id: u32,
    time_ns: u64,
    window: u16,
    frames: u64,
    commands: u64,
    records: u64,
}

impl Progress {
    fn snapshot<I: RegIo>(io: &I) -> Self {
        io.write(|r| &r.snapshot, 1);
        let frames = io.read_wide(|r| (&r.ingress_frames_lo, &r.ingress_frames_hi));
        Self {
            id: io.read(|r| &r.snapshot_id),
            time_ns: io.read_wide(|r| (&r.time_lo, &r.time_hi)),
            window: WindowNumber(io.read(|r| &r.window_number)).number(),
            frames: frames.wrapping_add(io.read_wide(|r| (&r.egress_frames_lo, &r.egress_frames_hi))),
            commands: io.read_wide(|r| (&r.commands_lo, &r.commands_hi)),
            records: io.read_wide(|r| (&r.records_lo, &r.records_hi)),
        }
    }
}

fn attempt<I: RegIo>(io: &I, extent: Extent) -> Result<NicDump, Moved> {
    let selects = (io.read(|r| &r.slot_select), io.read(|r| &r.eni_select));
    let before = Progress::snapshot(io);
    let window_start_ns = io.read_wide(|r| (&r.window_start_lo, &r.window_start_hi));
    let registers = registers(io);
    let shows_slots = Features(io.read(|r| &r.features)).slot_window();
    let sizes = Sizes(io.read(|r| &r.sizes));
    let (mut all_ledgers, mut tables) = (None, None);
    if extent != Extent::Registers && shows_slots {
        all_ledgers = Some(ledgers(io, sizes));
        io.write(|r| &r.eni_select, selects.1);
    }
    if extent == Extent::Everything && shows_slots {
        // Only a command fills a slot.
        tables = Some(Direction::ALL.map(|direction| table(io, direction, sizes, before.commands > 0)));
        io.write(|r| &r.slot_select, selects.0);
    }
    let last_id = io.read(|r| &r.snapshot_id);
    if last_id != before.id {
        return Err(Moved::Snapshot(before.id, last_id));
    }
    let after = Progress::snapshot(io);
    if after.id != before.id.wrapping_add(1) {
        return Err(Moved::Snapshot(before.id, after.id));
    }
    if after.window != before.window {
        return Err(Moved::Window(before.window, after.window));
    }
    let skew = Skew {
        ns: after.time_ns.saturating_sub(before.time_ns),
        frames: after.frames.wrapping_sub(before.frames),
        commands: after.commands.wrapping_sub(before.commands),
        records: after.records.wrapping_sub(before.records),
    };
    let Progress { id: snapshot_id, time_ns, window, .. } = before;
    let moment = Some(Moment { snapshot_id, time_ns, window, window_start_ns, skew });
    let presence = Presence::Present;
    Ok(NicDump { map_hash: MapHash::OURS, presence, moment, registers, ledgers: all_ledgers, tables })
}

fn ledgers<I: RegIo>(io: &I, sizes: Sizes) -> Vec<LedgerDump> {
    let vports = 0..1_u16 << sizes.enis_log2().min(ENIS_LOG2_MAX);
    let all = vports.flat_map(|vport| Direction::ALL.map(|direction| (vport, direction)));
    all.filter_map(|(vport, direction)| {
        let mut select = EniSelect::default();
        select.set_vport(vport);
        select.set_egress(direction == Direction::Egress);
        io.write(|r| &r.eni_select, select.0);
        // The first counter: nothing entered, and so all others are 0.
        let offered = io.load(offset::LEDGER_PACKETS) | io.load(offset::LEDGER_PACKETS + 4) & 0xffff;
        (offered != 0).then(|| ledger(&LedgerImage::read(io, vport, direction)))
    })
    .collect()
}

fn ledger(image: &LedgerImage) -> LedgerDump {
    let counts = |record: &LedgerRecord| LedgerCounts {
        offered: record.counter(Ledger::Offered as usize),
        tallied: record.counter(Ledger::Tallied as usize),
        punted: record.counter(Ledger::Punted as usize),
        skipped: record.counter(Ledger::Skipped as usize),
        excluded: record.counter(Ledger::Excluded as usize),
        non_ip: record.counter(Ledger::NonIp as usize),
        malformed: record.counter(Ledger::Malformed as usize),
        policed: record.counter(Ledger::Policed as usize),
    };
    let limit = |drop: LimitDrop| image.limits.counter(drop as usize);
    LedgerDump {
        vport: image.vport,
        direction: image.direction,
        packets: counts(&image.packets),
        bytes: counts(&image.bytes),
        limits: LimitCounts {
            policed_packets: limit(LimitDrop::PolicedPackets),
            policed_bits: limit(LimitDrop::PolicedBits),
            shaped_packets: limit(LimitDrop::ShapedPackets),
            shaped_bits: limit(LimitDrop::ShapedBits),
            skipped_ring: limit(LimitDrop::SkippedRing),
            skipped_credit: limit(LimitDrop::SkippedCredit),
            skipped_dma: limit(LimitDrop::SkippedDma),
            new_flows: limit(LimitDrop::NewFlows),
        },
    }
}

fn table<I: RegIo>(io: &I, direction: Direction, sizes: Sizes, is_used: bool) -> TableDump {
    let slots = 1_u32 << sizes.slots_log2().min(SLOTS_LOG2_MAX);
    if !is_used {
        return TableDump { direction, slots, entries: Vec::new() };
    }
    let entry = |slot| window::slot(io, direction, slot).map(|record| held(slot, &record));
    TableDump { direction, slots, entries: (0..slots).filter_map(entry).collect() }
}

/// An address of a flow key.
#[must_use]
pub fn address(bytes: [u8; 16], ip6: bool) -> IpAddr {
    match (ip6, bytes) {
        (true, _) => Ipv6Addr::from(bytes).into(),
        (false, [a, b, c, d, ..]) => Ipv4Addr::new(a, b, c, d).into(),
    }
}

fn held(slot: u32, record: &FlowRecord) -> SlotDump {
    let key = &record.key;
    let address = |bytes| address(bytes, key.port.ip6());
    SlotDump {
        slot,
        vport: key.port.vport(),
        src: address(key.src),
        dst: address(key.dst),
        src_port: key.src_port,
        dst_port: key.dst_port,
        protocol: key.protocol,
        tcp_flags: key.tcp_flags,
        action: SlotAction::from_bits(key.port.action_bits()),
        packets: record.packets_first.packets(),
        bytes: record.bytes_window.bytes(),
        first_tick: record.packets_first.first_tick(),
        last_tick: record.tail.last_tick(),
        cookie: record.cookie,
    }
}
