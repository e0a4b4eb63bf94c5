//! The five rings: indices, room, drops, and the newest entries.

use driver::dump::{EntryDump, NicDump, address};
use firmware_abi::descriptor::{Command, Completion, FlowRecord, LedgerRecord, Opcode, RecordKind, Status, WindowEnd};
use firmware_abi::frame::{Disposition, FrameHeader, PuntReason};
use firmware_abi::key::FlowKey;
use firmware_abi::registers::{RingControl, RingFaults, offset, ring_offsets};
use firmware_abi::ring::{RingId, SIZE_LOG2};
use serde::Serialize;
use zerocopy::FromBytes;

use super::flows::FiveTuple;
use super::grid::{Grid, grouped};
use super::{Answer, File, Show};
use crate::stats::{direction_name, rfc3339};

/// A ring, by the NIC's registers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RingView {
    /// Its name.
    pub ring: &'static str,
    /// Whether the host fills it.
    pub host_produces: bool,
    /// Whether it is in use.
    pub enabled: bool,
    /// Whether an error has stopped it.
    pub stopped: bool,
    /// Its entries.
    pub entries: u32,
    /// Where it is, as the NIC sees it.
    pub base_iova: u64,
    /// The producer's index.
    pub producer: u32,
    /// The consumer's index.
    pub consumer: u32,
    /// Entries between them.
    pub in_use: u32,
    /// The indices cannot both be right: more lies between them than the ring holds.
    pub impossible: bool,
    /// Most entries that were in it at once.
    pub high_water: u32,
    /// Frames that found no room.
    pub drops: u32,
    /// The vector of its interrupt.
    pub vector: u8,
    /// How often the host told the NIC its index; none if the driver was not at hand.
    pub doorbells: Option<u64>,
    /// How often the host read the NIC's index.
    pub index_reads: Option<u64>,
    /// Its newest entries, decoded, if they were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub newest: Option<Vec<EntryView>>,
}

/// An entry, decoded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct EntryView {
    /// Its index.
    pub index: u32,
    /// Whether its consumer has not got to it yet.
    pub waits: bool,
    /// Its phase bit.
    pub phase: bool,
    /// What it is.
    pub kind: String,
    /// The flow that it names.
    pub flow: Option<String>,
    /// The rest.
    pub detail: String,
}

/// The name of a ring, as commands take it.
#[must_use]
pub const fn ring_name(id: RingId) -> &'static str {
    match id {
        RingId::Command => "command",
        RingId::Completion => "completion",
        RingId::Record => "record",
        RingId::Punt => "punt",
        RingId::Inject => "inject",
    }
}

/// All rings whose registers the dump has.
#[must_use]
pub fn views(file: &File) -> Vec<RingView> {
    RingId::ALL.into_iter().filter_map(|id| view(&file.nic, file, id)).collect()
}

fn view(nic: &NicDump, file: &File, id: RingId) -> Option<RingView> {
    let at = ring_offsets(id);
    let control = RingControl(nic.value(at.control)?);
    let faults = RingFaults(nic.value(offset::RING_FAULTS)?);
    let size_log2 = nic.value(at.size_log2)?;
    let entries = if SIZE_LOG2.contains(&size_log2) { 1 << size_log2 } else { 0 };
    let (producer, consumer) = (nic.value(at.producer)?, nic.value(at.consumer)?);
    let in_use = producer.wrapping_sub(consumer);
    let driver = file.driver.as_ref().and_then(|driver| driver.rings.iter().find(|ring| ring.state.ring == id));
    Some(RingView {
        ring: ring_name(id),
        host_produces: id.host_produces(),
        enabled: control.enable(),
        stopped: faults.0 >> id as u32 & 1 == 1,
        entries,
        base_iova: nic.wide(at.base_lo)?,
        producer,
        consumer,
        in_use,
        impossible: in_use > entries,
        high_water: nic.value(at.high_water)?,
        drops: nic.value(at.drops)?,
        vector: control.vector(),
        doorbells: driver.map(|ring| ring.state.doorbells),
        index_reads: driver.map(|ring| ring.state.register_reads),
        newest: None,
    })
}

/// The rings; of `one` its newest entries as well.
#[must_use]
pub fn show(file: &File, one: Option<RingId>, show: Show) -> Answer {
    let mut all = views(file);
    if let Some(one) = one {
        all.retain(|view| view.ring == ring_name(one));
        let known = file.driver.iter().flat_map(|driver| &driver.rings).find(|ring| ring.state.ring == one);
        let newest = known.map(|ring| ring.entries.iter().map(|entry| decoded(one, entry)).collect());
        all.iter_mut().for_each(|view| view.newest.clone_from(&newest));
    }
    if show.json {
        return Answer::json(file, &all);
    }
    if file.nic.presence == driver::dump::Presence::Gone {
        return Answer::of(file, "no rings: nothing answers\n".to_owned());
    }
    let mut text = table(&all, show);
    for entries in all.iter().filter_map(|view| view.newest.as_ref()) {
        text.push_str(&entry_table(entries, show));
    }
    if one.is_some() && file.driver.is_none() {
        text.push_str("entries lie in the memory of the driver, which was not at hand\n");
    }
    Answer::of(file, text)
}

fn table(all: &[RingView], show: Show) -> String {
    let columns = [
        "<RING",
        "<FILLED BY",
        "<STATE",
        ">ENTRIES",
        ">PRODUCER",
        ">CONSUMER",
        ">IN USE",
        ">MOST",
        ">DROPS",
        ">VECTOR",
        ">DOORBELLS",
        ">READS",
        "<BASE",
    ];
    let mut grid = Grid::new(&columns, show.paint);
    let count = |count: Option<u64>| count.map_or_else(|| "-".to_owned(), grouped);
    for view in all {
        let state = match view {
            RingView { stopped: true, .. } => show.paint.red("STOPPED"),
            RingView { enabled: false, .. } => show.paint.amber("off"),
            RingView { impossible: true, .. } => show.paint.red("IMPOSSIBLE"),
            _ => show.paint.green("on"),
        };
        let drops = grouped(view.drops);
        grid.row([
            view.ring.to_owned(),
            if view.host_produces { "host" } else { "NIC" }.to_owned(),
            state,
            grouped(view.entries),
            view.producer.to_string(),
            view.consumer.to_string(),
            grouped(view.in_use),
            grouped(view.high_water),
            if view.drops > 0 { show.paint.red(&drops) } else { drops },
            view.vector.to_string(),
            count(view.doorbells),
            count(view.index_reads),
            format!("{:#x}", view.base_iova),
        ]);
    }
    grid.text()
}

fn entry_table(entries: &[EntryView], show: Show) -> String {
    let mut grid = Grid::new(&[">INDEX", "<STATE", ">PHASE", "<KIND", "<FLOW", "<DETAIL"], show.paint);
    for entry in entries {
        let state = if entry.waits { show.paint.amber("waits") } else { "done".to_owned() };
        let flow = entry.flow.clone().unwrap_or_default();
        let phase = u8::from(entry.phase).to_string();
        grid.row([entry.index.to_string(), state, phase, entry.kind.clone(), flow, entry.detail.clone()]);
    }
    grid.text()
}

fn tuple(key: &FlowKey) -> String {
    let ip6 = key.port.ip6();
    let tuple = FiveTuple {
        protocol: key.protocol,
        src: address(key.src, ip6),
        src_port: key.src_port,
        dst: address(key.dst, ip6),
        dst_port: key.dst_port,
    };
    format!("port-{} {} {tuple}", key.port.vport(), direction_name(key.port.direction()))
}

fn decoded(id: RingId, entry: &EntryDump) -> EntryView {
    let (kind, flow, detail, phase) = match id {
        RingId::Command => Command::read_from_bytes(&entry.bytes).map(command).ok(),
        RingId::Completion => Completion::read_from_bytes(&entry.bytes).map(completion).ok(),
        RingId::Record => FlowRecord::read_from_bytes(&entry.bytes).map(record).ok(),
        RingId::Punt | RingId::Inject => {
            FrameHeader::read_from_bytes(&entry.bytes).map(|header| frame(id, header)).ok()
        }
    }
    .unwrap_or_else(|| ("?".to_owned(), None, format!("{} bytes, which are no entry", entry.bytes.len()), false));
    EntryView { index: entry.index, waits: entry.waits, phase, kind, flow, detail }
}

type Decoded = (String, Option<String>, String, bool);

fn opcode_name(bits: u8) -> String {
    Opcode::from_bits(bits).map_or_else(|| format!("opcode {bits}?"), |opcode| format!("{opcode:?}").to_uppercase())
}

fn command(command: Command) -> Decoded {
    let kind = opcode_name(command.tail.opcode_bits());
    let names_flow =
        matches!(Opcode::from_bits(command.tail.opcode_bits()), Some(Opcode::Insert | Opcode::Update | Opcode::Delete));
    let detail = format!("slot {}, cookie {}, sequence {}", command.slot, command.cookie, command.sequence);
    (kind, names_flow.then(|| tuple(&command.key)), detail, command.tail.phase())
}

fn completion(completion: Completion) -> Decoded {
    let bits = completion.tail.status_bits();
    let status = Status::from_bits(bits).map_or_else(|| format!("status {bits}?"), |status| format!("{status:?}"));
    let kind = opcode_name(completion.tail.opcode_bits());
    let detail =
        format!("{status}, slot {}, cookie {}, sequence {}", completion.slot, completion.cookie, completion.sequence);
    (kind, None, detail, completion.tail.phase())
}

fn record(record: FlowRecord) -> Decoded {
    let bits = record.tail.kind_bits();
    let window = record.bytes_window.window();
    let phase = record.tail.phase();
    let Some(kind) = RecordKind::from_bits(bits) else {
        return (format!("kind {bits}?"), None, String::new(), phase);
    };
    let name = format!("{kind:?}");
    match kind {
        RecordKind::Flow | RecordKind::Evicted | RecordKind::Slot => {
            let (packets, bytes) = (record.packets_first.packets(), record.bytes_window.bytes());
            let detail = format!("window {window}, {packets} packets, {bytes} bytes, cookie {}", record.cookie);
            (name, Some(tuple(&record.key)), detail, phase)
        }
        RecordKind::LedgerPackets | RecordKind::LedgerBytes | RecordKind::LedgerLimits => {
            let ledger: LedgerRecord = zerocopy::transmute!(record);
            let (vport, direction) = ledger.port();
            let counters: Vec<_> = (0..8).map(|index| ledger.counter(index).to_string()).collect();
            let detail = format!("window {window}, {}", counters.join(" "));
            (name, Some(format!("port-{vport} {}", direction_name(direction))), detail, phase)
        }
        RecordKind::WindowEnd | RecordKind::WindowStart => {
            let end: WindowEnd = zerocopy::transmute!(record);
            let detail = match kind {
                RecordKind::WindowEnd => {
                    format!("window {window}, {} to {}", rfc3339(end.start_ns), rfc3339(end.end_ns))
                }
                _ => format!("window {window}, from {}", rfc3339(end.start_ns)),
            };
            (name, None, detail, phase)
        }
    }
}

fn frame(id: RingId, header: FrameHeader) -> Decoded {
    let code = header.tail.code();
    let kind = match id {
        RingId::Inject => Disposition::from_bits(code).map(|disposition| format!("{disposition:?}")),
        _ => PuntReason::from_bits(code).map(|reason| format!("{reason:?}")),
    };
    let kind = kind.unwrap_or_else(|| format!("code {code}?"));
    let detail = format!(
        "{} bytes on the wire, window {}, at {}",
        header.length.wire(),
        header.tail.window(),
        rfc3339(header.time_ns)
    );
    (kind, Some(tuple(&header.key)), detail, header.tail.phase())
}
