//! Counters by engine, and the open window's ledgers.

use driver::dump::{LedgerCounts, LedgerDump, LimitCounts};
use firmware_abi::registers::{COUNTERS, Counter};
use serde::Serialize;

use crate::diag::grid::{Grid, grouped};
use crate::diag::{Answer, File, HostSide, MeterDump, Show};
use crate::stats::{direction_name, rfc3339};

#[derive(Serialize)]
struct CountersJson<'a> {
    snapshot_id: Option<u32>,
    time: Option<String>,
    window: Option<u16>,
    counters: Vec<CounterJson>,
    ledgers: &'a Option<Vec<LedgerDump>>,
    host: Option<&'a [HostSide]>,
    meter: Option<MeterDump>,
}

#[derive(Serialize)]
struct CounterJson {
    name: &'static str,
    value: Option<u64>,
    description: &'static str,
}

/// All counters.
#[must_use]
pub fn show(file: &File, show: Show) -> Answer {
    let nic = &file.nic;
    let value = |counter: &Counter| nic.wide(counter.lo);
    if show.json {
        let counter = |counter: &Counter| CounterJson {
            name: counter.name,
            value: value(counter),
            description: counter.description,
        };
        return Answer::json(
            file,
            &CountersJson {
                snapshot_id: nic.moment.map(|moment| moment.snapshot_id),
                time: nic.moment.map(|moment| rfc3339(moment.time_ns)),
                window: nic.moment.map(|moment| moment.window),
                counters: COUNTERS.iter().map(counter).collect(),
                ledgers: &nic.ledgers,
                host: file.host.as_ref().map(|host| host.open.as_slice()),
                meter: file.host.as_ref().map(|host| host.meter),
            },
        );
    }
    if nic.presence == driver::dump::Presence::Gone {
        return Answer::of(file, "no counters: nothing answers\n".to_owned());
    }
    let mut text = match nic.moment {
        Some(moment) => format!(
            "at {}, in window {} since {}\n",
            rfc3339(moment.time_ns),
            moment.window,
            rfc3339(moment.window_start_ns)
        ),
        None => "as whoever took the last snapshot left them\n".to_owned(),
    };
    text.push_str(&engines(file, show));
    text.push_str(&device(file, show));
    text.push_str(&ledgers(file, show));
    Answer::of(file, text)
}

fn cell(value: Option<u64>) -> String {
    value.map_or_else(|| "-".to_owned(), grouped)
}

/// Counters that both engines have stand side by side.
fn engines(file: &File, show: Show) -> String {
    let mut grid = Grid::new(&["<ENGINES", ">INGRESS", ">EGRESS"], show.paint);
    let find = |name: String| COUNTERS.iter().find(|counter| counter.name == name);
    let of = |name: String| find(name).map_or_else(|| "-".to_owned(), |counter| cell(file.nic.wide(counter.lo)));
    let ingress = COUNTERS.iter().filter_map(|counter| counter.name.strip_prefix("INGRESS_"));
    let only_egress = COUNTERS.iter().filter_map(|counter| counter.name.strip_prefix("EGRESS_"));
    let only_egress = only_egress.filter(|name| find(format!("INGRESS_{name}")).is_none());
    for name in ingress.chain(only_egress) {
        grid.row([name.to_owned(), of(format!("INGRESS_{name}")), of(format!("EGRESS_{name}"))]);
    }
    grid.text()
}

fn device(file: &File, show: Show) -> String {
    let mut grid = Grid::new(&["<DEVICE", ">"], show.paint);
    let is_engine = |counter: &&Counter| counter.name.starts_with("INGRESS_") || counter.name.starts_with("EGRESS_");
    for counter in COUNTERS.iter().filter(|counter| !is_engine(counter)) {
        grid.row([counter.name.to_owned(), cell(file.nic.wide(counter.lo))]);
    }
    grid.text()
}

fn ledgers(file: &File, show: Show) -> String {
    let Some(ledgers) = &file.nic.ledgers else { return String::new() };
    if ledgers.is_empty() {
        return "no packet in the open window\n".to_owned();
    }
    let columns = [
        "<ENI",
        "<DIRECTION",
        "<UNIT",
        ">OFFERED",
        ">TALLIED",
        ">PUNTED",
        ">SKIPPED",
        ">EXCLUDED",
        ">NON-IP",
        ">MALFORMED",
        ">POLICED",
    ];
    let mut grid = Grid::new(&columns, show.paint);
    for ledger in ledgers {
        for (unit, counts) in [("packets", &ledger.packets), ("bytes", &ledger.bytes)] {
            let LedgerCounts { offered, tallied, punted, skipped, excluded, non_ip, malformed, policed } = *counts;
            let skipped = if skipped > 0 { show.paint.red(&grouped(skipped)) } else { "0".to_owned() };
            grid.row([
                file.eni(ledger.vport),
                direction_name(ledger.direction).to_owned(),
                unit.to_owned(),
                grouped(offered),
                grouped(tallied),
                grouped(punted),
                skipped,
                grouped(excluded),
                grouped(non_ip),
                grouped(malformed),
                grouped(policed),
            ]);
        }
    }
    let mut text = grid.text();
    for ledger in ledgers {
        for (name, count) in limits(&ledger.limits).into_iter().filter(|(_, count)| *count > 0) {
            let place = format!("{} {}", file.eni(ledger.vport), direction_name(ledger.direction));
            text.push_str(&format!("{place}: {name} {} packets\n", grouped(count)));
        }
    }
    text
}

const fn limits(limits: &LimitCounts) -> [(&'static str, u64); 8] {
    [
        ("policed_packets", limits.policed_packets),
        ("policed_bits", limits.policed_bits),
        ("shaped_packets", limits.shaped_packets),
        ("shaped_bits", limits.shaped_bits),
        ("skipped_ring", limits.skipped_ring),
        ("skipped_credit", limits.skipped_credit),
        ("skipped_dma", limits.skipped_dma),
        ("new_flows", limits.new_flows),
    ]
}
