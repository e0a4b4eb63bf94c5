//! The same for people: equations, tables, the NIC's report.

use std::fmt::Write as _;

use firmware_abi::key::Direction;
use flowlog::conservation::{Amount, Equation};
use flowlog::record::EniId;
use sim::card::{EngineReport, Latency, Report};

use super::nic::ring_name;
use super::{Ledger, Side, Summary, direction_name, limits_of, named, rfc3339};

/// An equation as the specification writes it, packets and bytes apart.
pub fn equation_lines(out: &mut String, eni: EniId, direction: Direction, equation: &Equation) {
    let (packets, bytes) = equation.residual();
    let name = format!("{eni} {:<7}", direction_name(direction));
    let blank = " ".repeat(name.len());
    equation_line(out, &name, "packets", direction, &|amount| amount.packets, equation, packets);
    equation_line(out, &blank, "bytes  ", direction, &|amount| amount.bytes, equation, bytes);
}

fn equation_line(
    out: &mut String,
    name: &str,
    unit: &str,
    direction: Direction,
    of: &dyn Fn(&Amount) -> u64,
    equation: &Equation,
    residual: i128,
) {
    let policed = of(&equation.policed);
    let (left, stopped) = match direction {
        Direction::Ingress => ("wire_rx", format!("policer_drop {policed} + ")),
        // Only a limit of connections can stop what a guest sends before it is recorded.
        Direction::Egress if policed > 0 => ("guest_tx", format!("over_limit {policed} + ")),
        Direction::Egress => ("guest_tx", String::new()),
    };
    let _ = writeln!(
        out,
        "{name} {unit}  {left} {} = {stopped}ACCEPT {} + REJECT {} + excluded {} + non_ip {} + malformed {} + skipped {}; residual {residual}",
        of(&equation.offered),
        of(&equation.accepted),
        of(&equation.rejected),
        of(&equation.excluded),
        of(&equation.non_ip),
        of(&equation.malformed),
        of(&equation.skipped),
    );
}

/// What limits stopped, if anything.
pub fn limit_lines(out: &mut String, eni: EniId, direction: Direction, side: &Side) {
    for (name, count) in limits_of(&side.limits).into_iter().filter(|(_, count)| *count > 0) {
        let _ = writeln!(out, "{eni} {:<7} {name} {count} packets", direction_name(direction));
    }
}

const HEADER: [&str; 13] = [
    "WINDOW",
    "ENI",
    "DIRECTION",
    "UNIT",
    "OFFERED",
    "POLICED",
    "ACCEPT",
    "REJECT",
    "EXCLUDED",
    "NON-IP",
    "MALFORMED",
    "SKIPPED",
    "RESIDUAL",
];
/// Columns that stand at their left edge.
const WORDS: usize = 4;

/// Every equation of the ledger: window by window, if they were kept, and summed.
pub fn table(out: &mut String, ledger: &Ledger) {
    let mut rows = vec![HEADER.map(str::to_owned)];
    for window in ledger.kept() {
        let name = rfc3339(window.bounds.start_ns);
        for (eni, direction, side) in named(ledger.enis(), &window.sides) {
            rows.extend(side_rows(&name, eni, direction, &side.equation));
        }
    }
    for (eni, direction, side) in ledger.totals() {
        rows.extend(side_rows("all", eni, direction, &side.equation));
    }
    let mut widths = [0; HEADER.len()];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.len().max(*width);
        }
    }
    for row in &rows {
        let mut line = String::new();
        for (column, (cell, width)) in row.iter().zip(widths).enumerate() {
            let _ = match column {
                0 => write!(line, "{cell:<width$}"),
                1..WORDS => write!(line, "  {cell:<width$}"),
                _ => write!(line, "  {cell:>width$}"),
            };
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
}

fn side_rows(window: &str, eni: EniId, direction: Direction, equation: &Equation) -> [[String; 13]; 2] {
    let (packets, bytes) = equation.residual();
    let row = |unit: &str, of: fn(&Amount) -> u64, residual: i128| {
        [
            window.to_owned(),
            eni.to_string(),
            direction_name(direction).to_owned(),
            unit.to_owned(),
            of(&equation.offered).to_string(),
            of(&equation.policed).to_string(),
            of(&equation.accepted).to_string(),
            of(&equation.rejected).to_string(),
            of(&equation.excluded).to_string(),
            of(&equation.non_ip).to_string(),
            of(&equation.malformed).to_string(),
            of(&equation.skipped).to_string(),
            residual.to_string(),
        ]
    };
    [row("packets", |amount| amount.packets, packets), row("bytes", |amount| amount.bytes, bytes)]
}

/// The NIC's report.
pub fn nic_lines(out: &mut String, report: &Report) {
    let cycle_ns = 1.0 / Latency::cycles(1.0);
    let _ = writeln!(out, "NIC (simulated; a cycle of its engines is {cycle_ns} ns)");
    for (direction, engine) in Direction::ALL.iter().zip(&report.engines) {
        engine_lines(out, *direction, engine);
    }
    let _ = writeln!(out, "  punts            {}", latency(&report.punt));
    let _ = writeln!(out, "  longest drain    {} ns", report.drain_ns_max);
    for (id, high_water, entries) in &report.rings {
        let _ = writeln!(
            out,
            "  {:<16} at most {high_water} of {entries} entries in use",
            format!("{} ring", ring_name(*id))
        );
    }
    let (written, read) = report.pcie_bytes;
    let _ = writeln!(out, "  PCIe             {written} bytes written, {read} read");
    let (times, by, rate) = report.first_drop;
    let _ = writeln!(out, "  first drop       at {times:.1} times the offered rate, {rate:.0} packets/s: {by}");
}

fn engine_lines(out: &mut String, direction: Direction, engine: &EngineReport) {
    let name = direction_name(direction);
    if engine.packets == 0 {
        let _ = writeln!(out, "  {name:<16} no packets");
        return;
    }
    let _ = writeln!(
        out,
        "  {name:<16} {} packets, {:.0} packets/s, {:.3} Mbit/s on the wire",
        engine.packets,
        engine.packets_per_second,
        engine.wire_bits_per_second / 1e6
    );
    let _ = writeln!(out, "    pipeline       {}", latency(&engine.pipeline));
    let _ = writeln!(out, "    busiest stage  {}, {:.4} % busy", engine.bottleneck.0, engine.bottleneck.1 * 100.0);
    let (used, most, slots) = engine.slots;
    let _ = writeln!(out, "    flow table     {used} slots in use at the end, at most {most} of {slots}");
}

fn latency(latency: &Latency) -> String {
    let mut text = latency.count.to_string();
    let parts = [("p50", latency.p50_ns), ("p99", latency.p99_ns), ("p99.9", latency.p999_ns), ("max", latency.max_ns)];
    for (name, ns) in parts.into_iter().filter(|_| latency.count > 0) {
        let _ = write!(text, ", {name} {ns:.0} ns ({:.0} cycles)", Latency::cycles(ns));
    }
    text
}

/// A number and its noun.
pub(crate) fn several(count: u64, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

impl Summary<'_> {
    /// A few lines: what came in, what went out, and that it adds up.
    #[must_use]
    pub fn short_text(&self) -> String {
        let mut out = self.head();
        let mut idle = 0;
        for (eni, direction, side) in self.ledger.totals() {
            if side.equation == Equation::default() {
                idle += 1;
            } else {
                equation_lines(&mut out, eni, direction, &side.equation);
            }
        }
        if idle > 0 {
            let _ = writeln!(out, "{idle} of {} directions without a packet", self.ledger.enis().len() * 2);
        }
        for (eni, direction, side) in self.ledger.totals() {
            limit_lines(&mut out, eni, direction, side);
        }
        out
    }

    /// All there is to say.
    #[must_use]
    pub fn long_text(&self) -> String {
        let mut out = self.head();
        let _ = writeln!(out, "seed {}: nothing in a replay is random", self.seed);
        table(&mut out, self.ledger);
        for (eni, direction, side) in self.ledger.totals() {
            limit_lines(&mut out, eni, direction, side);
        }
        if let Some(run) = self.run {
            let (did, faults) = (&run.statistics, &run.faults);
            let _ = writeln!(
                out,
                "host: {} punts judged, {} retried, {} flows offloaded, {} found no slot, {} hardware records, {} flows forgotten",
                did.punts, did.retries, did.offloaded, did.no_slot, did.records, did.expired
            );
            if faults.records + faults.commands > 0 {
                let _ = writeln!(out, "host: {} bad records, {} refused commands", faults.records, faults.commands);
            }
            if let Some(report) = &run.report {
                nic_lines(&mut out, report);
            }
        }
        out
    }

    fn head(&self) -> String {
        let mut out = String::new();
        let counts = self.run.map(|run| run.counts).unwrap_or_default();
        let _ = write!(
            out,
            "{}, {} of {} s, {}",
            several(counts.frames, "frame"),
            several(self.ledger.windows(), "window"),
            self.window_seconds,
            several(self.records, "record")
        );
        if counts.unclaimed > 0 {
            let _ = write!(out, ", {} crossed no ENI", several(counts.unclaimed, "more frame"));
        }
        if counts.gaps > 0 {
            let _ = write!(out, ", {} made a window each", several(counts.gaps, "long gap"));
        }
        out.push('\n');
        out
    }
}
