//! Figures for Prometheus. A label names an ENI, a direction, a ring or a reason; never a flow.

use std::fmt::Write as _;

use firmware_abi::ring::RingId;

use super::Shared;
use crate::daemon::nic::Look;
use crate::stats::{Side, Sum, direction_name, limits_of};

/// Metrics, as text.
struct Page(String);

impl Page {
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: impl std::fmt::Display) {
        self.0.push_str(name);
        for (number, (label, text)) in labels.iter().enumerate() {
            // Ids and names of ours: nothing in them needs an escape.
            let _ = write!(self.0, "{}{label}=\"{text}\"", if number == 0 { '{' } else { ',' });
        }
        let _ = writeln!(self.0, "{} {value}", if labels.is_empty() { "" } else { "}" });
    }

    fn one(&mut self, name: &str, kind: &str, help: &str, value: impl std::fmt::Display) {
        self.family(name, kind, help);
        self.sample(name, &[], value);
    }
}

/// All figures.
pub(super) fn text(look: &Look, shared: &Shared) -> String {
    let mut page = Page(String::with_capacity(16 << 10));
    enis(&mut page, look);
    windows(&mut page, look, shared);
    nic(&mut page, look);
    meter(&mut page, look);
    page.0
}

/// A term of the equations: its name and what it is.
type Term = (&'static str, fn(&Side) -> Sum);

/// A unit of sums: its name, and how much of it there is.
type Unit = (&'static str, fn(Sum) -> u64);

fn enis(page: &mut Page, look: &Look) {
    let terms: [Term; 8] = [
        ("offered", |side| side.equation.offered.into()),
        ("policed", |side| side.equation.policed.into()),
        ("accepted", |side| side.equation.accepted.into()),
        ("rejected", |side| side.equation.rejected.into()),
        ("excluded", |side| side.equation.excluded.into()),
        ("non_ip", |side| side.equation.non_ip.into()),
        ("malformed", |side| side.equation.malformed.into()),
        ("skipped", |side| side.equation.skipped.into()),
    ];
    let units: [Unit; 2] = [("packets", |sum| sum.packets), ("bytes", |sum| sum.bytes)];
    for (unit, of) in units {
        let name = format!("weir_eni_{unit}_total");
        page.family(&name, "counter", "What crossed an ENI, by the terms of its equation, in windows since the start.");
        for (eni, direction, side) in look.ledger.totals() {
            for (term, sum) in &terms {
                let labels = [("eni", eni.as_str()), ("direction", direction_name(direction)), ("term", *term)];
                page.sample(&name, &labels, of(sum(side)));
            }
        }
    }
    page.family("weir_eni_residual_packets", "gauge", "Left side of an equation less its right side: 0.");
    for (eni, direction, side) in look.ledger.totals() {
        let labels = [("eni", eni.as_str()), ("direction", direction_name(direction))];
        page.sample("weir_eni_residual_packets", &labels, side.equation.residual().0);
    }
    page.family(
        "weir_eni_limited_packets_total",
        "counter",
        "Packets that a limit stopped or kept out of the records.",
    );
    for (eni, direction, side) in look.ledger.totals() {
        for (reason, count) in limits_of(&side.limits).into_iter().filter(|(_, count)| *count > 0) {
            let labels = [("eni", eni.as_str()), ("direction", direction_name(direction)), ("reason", reason)];
            page.sample("weir_eni_limited_packets_total", &labels, count);
        }
    }
}

fn windows(page: &mut Page, look: &Look, shared: &Shared) {
    let (windows, records, failures) = shared.delivered.counts();
    let seconds = |ns: u64| ns as f64 / 1e9;
    page.one("weir_windows_sealed_total", "counter", "Windows handed over by the meter.", look.ledger.windows());
    page.one("weir_equations_broken_total", "counter", "Equations that did not hold: 0.", look.ledger.broken());
    page.one("weir_windows_published_total", "counter", "Windows brought to disk.", windows);
    page.one("weir_records_published_total", "counter", "Records brought to disk.", records);
    page.one("weir_delivery_failures_total", "counter", "Times that a window could not be brought to disk.", failures);
    page.one("weir_sink_retries_total", "counter", "Times that the spool took nothing more at all.", look.retries);
    page.one("weir_spool_windows", "gauge", "Windows that wait for the disk.", shared.spool.windows());
    page.one("weir_spool_bytes", "gauge", "Bytes of their records.", shared.spool.bytes());
    page.one("weir_spool_bytes_max", "gauge", "The most bytes that wait.", shared.spool.bytes_max());
    let left_out = shared.spool.left_out();
    page.one("weir_windows_left_out_total", "counter", "Windows whose records found no room in the spool.", left_out);
    let (open, now) = (seconds(look.window.start_ns), seconds(look.window.time_ns));
    page.one("weir_window_open_since_seconds", "gauge", "Start of the open window, Unix time.", open);
    page.one("weir_nic_time_seconds", "gauge", "The NIC's clock, Unix time.", now);
    let until = seconds(look.published_until_ns);
    page.one("weir_published_until_seconds", "gauge", "All before is handed over, Unix time.", until);
    if let Some(last) = shared.delivered.windows().last() {
        let after = last.published_after_ms as f64 / 1e3;
        page.one("weir_window_published_after_seconds", "gauge", "From the last window's end to the disk.", after);
    }
}

fn nic(page: &mut Page, look: &Look) {
    page.one(
        "weir_nic_window_overruns_total",
        "counter",
        "Boundaries that passed during a drain.",
        look.window.overruns,
    );
    for counter in &look.counters {
        let name = format!("weir_nic_{}_total", counter.name);
        page.one(&name, "counter", counter.description, counter.value);
    }
    type Figure = (&'static str, &'static str, &'static str, fn(&driver::RingState) -> u64);
    let figures: [Figure; 4] = [
        ("weir_ring_entries", "gauge", "Entries of a ring.", |ring| 1 << ring.size_log2),
        ("weir_ring_used", "gauge", "Entries in use.", |ring| {
            let (host, nic) = (ring.host_index, ring.nic_index);
            let used = if ring.ring.host_produces() { host.wrapping_sub(nic) } else { nic.wrapping_sub(host) };
            used.into()
        }),
        ("weir_ring_high_water", "gauge", "Most entries in use at once.", |ring| ring.high_water.into()),
        ("weir_ring_drops_total", "counter", "Entries that found no room.", |ring| ring.drops.into()),
    ];
    for (name, kind, help, of) in figures {
        page.family(name, kind, help);
        for ring in &look.rings {
            page.sample(name, &[("ring", ring_name(ring.ring))], of(ring));
        }
    }
}

const fn ring_name(id: RingId) -> &'static str {
    match id {
        RingId::Command => "command",
        RingId::Completion => "completion",
        RingId::Record => "record",
        RingId::Punt => "punt",
        RingId::Inject => "inject",
    }
}

fn meter(page: &mut Page, look: &Look) {
    let did = &look.statistics;
    page.one("weir_flows", "gauge", "Flows that the host knows.", look.flows);
    for (name, help, value) in [
        ("weir_punts_total", "Packets judged by the host.", did.punts),
        ("weir_punt_retries_total", "Of these, given back to be looked up again.", did.retries),
        ("weir_flows_offloaded_total", "Flows put into the NIC.", did.offloaded),
        ("weir_flows_without_slot_total", "Flows that found no slot.", did.no_slot),
        ("weir_nic_records_total", "Records of the NIC that were folded.", did.records),
        ("weir_flows_expired_total", "Flows forgotten.", did.expired),
        ("weir_nic_bad_records_total", "Records that no honest NIC writes.", look.faults.records),
        ("weir_nic_refused_commands_total", "Commands that the NIC refused.", look.faults.commands),
    ] {
        page.one(name, "counter", help, value);
    }
}
