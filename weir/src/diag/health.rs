//! Health: what is red, and why.

use driver::dump::{MapHash, Presence};
use firmware_abi::registers::{AbiVersion, COUNTERS, Control, Errors, REGISTERS, Status, offset};
use firmware_abi::ring::{RingId, retry_reserve};
use serde::Serialize;

use super::counters::balances;
use super::grid::grouped;
use super::{Answer, File, Show, flows, rings, tables};

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// It deserves a look.
    Amber,
    /// Something is wrong.
    Red,
}

/// Something that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How bad.
    pub level: Level,
    /// Where.
    pub place: String,
    /// What was found.
    pub found: String,
    /// What it means, and what to look at next.
    pub reason: String,
}

/// A flow table this full is soon too full.
const FULL_PERCENT: u64 = 90;

/// Everything that is not as it should be, the worst first.
#[must_use]
pub fn findings(file: &File) -> Vec<Finding> {
    let mut all = Vec::new();
    let mut find = |level, place: &str, found: String, reason: &str| {
        all.push(Finding { level, place: place.to_owned(), found, reason: reason.to_owned() });
    };
    identity(file, &mut find);
    if file.nic.presence == Presence::Present {
        state(file, &mut find);
        ring_findings(file, &mut find);
        counts(file, &mut find);
        both_sides(file, &mut find);
    }
    all.sort_by_key(|finding| std::cmp::Reverse(finding.level));
    all
}

fn identity(file: &File, find: &mut impl FnMut(Level, &str, String, &str)) {
    let magic = file.nic.value(offset::MAGIC).unwrap_or(0);
    match file.nic.presence {
        Presence::Present => {}
        Presence::Gone => find(
            Level::Red,
            "MAGIC",
            "all ones".to_owned(),
            "device gone? it was removed, is in reset or without power, or its process has ended",
        ),
        Presence::Foreign => {
            find(
                Level::Red,
                "MAGIC",
                format!("{magic:#010x}"),
                "another device, or the wrong BAR: see lspci or --device",
            );
        }
    }
    if file.nic.map_hash != MapHash::OURS {
        let found = file.nic.map_hash.to_string();
        find(Level::Amber, "register map", found, "of another version: names and fields may be others");
    }
    if let Some(version) = file.nic.value(offset::ABI_VERSION).filter(|_| file.nic.presence == Presence::Present) {
        let (found, ours) = (AbiVersion(version), AbiVersion(firmware_abi::ABI_VERSION));
        if found.major() != ours.major() || found.minor() < ours.minor() {
            let text = format!("{}.{}", found.major(), found.minor());
            find(
                Level::Red,
                "ABI_VERSION",
                text,
                "the driver refuses this NIC: it speaks another version of the contract",
            );
        }
    }
}

fn state(file: &File, find: &mut impl FnMut(Level, &str, String, &str)) {
    let value = |at| file.nic.value(at).unwrap_or(0);
    let (status, control) = (Status(value(offset::STATUS)), Control(value(offset::CONTROL)));
    if !status.ready() {
        find(Level::Red, "STATUS.ready", "0".to_owned(), "reset is not over: nothing is taken");
    }
    if control.enable() && !status.running() {
        find(Level::Red, "STATUS.running", "0".to_owned(), "CONTROL.enable is set, but no packet is taken");
    }
    if !control.enable() {
        find(Level::Amber, "CONTROL.enable", "0".to_owned(), "no packet is taken: no driver has brought it up");
    }
    if status.record_ring_full() {
        let reason = "the drain of a window waits: the host does not take records fast enough, or not at all";
        find(Level::Red, "STATUS.record_ring_full", "1".to_owned(), reason);
    }
    let errors = Errors(value(offset::ERRORS));
    let register = REGISTERS.iter().find(|register| register.offset == offset::ERRORS);
    for field in register.into_iter().flat_map(|register| register.fields) {
        if field.extract(errors.0) != 0 {
            find(Level::Red, &format!("ERRORS.{}", field.name), "1".to_owned(), field.description);
        }
    }
    let pending = value(offset::VECTOR_PENDING) & value(offset::VECTOR_MASK);
    if pending != 0 {
        let found = format!("{pending:#x}");
        find(Level::Amber, "VECTOR_PENDING", found, "interrupts wait because their vectors are masked");
    }
    let overruns = value(offset::WINDOW_OVERRUNS);
    if overruns > 0 {
        let reason = "windows ended late, as an earlier one was still draining: longer windows, or a host that takes records faster";
        find(Level::Amber, "WINDOW_OVERRUNS", grouped(overruns), reason);
    }
}

/// What can be in a ring at once: new punts leave room for retries.
fn room(ring: &rings::RingView) -> u32 {
    let kept = if ring.ring == rings::ring_name(RingId::Punt) { retry_reserve(ring.entries.max(4).ilog2()) } else { 0 };
    ring.entries.saturating_sub(kept)
}

fn ring_findings(file: &File, find: &mut impl FnMut(Level, &str, String, &str)) {
    let runs = Control(file.nic.value(offset::CONTROL).unwrap_or(0)).enable();
    for ring in rings::views(file) {
        let place = format!("{} ring", ring.ring);
        if ring.stopped {
            let reason = "an error has stopped it: see ERRORS; it goes on after a new set-up by the driver";
            find(Level::Red, &place, "stopped".to_owned(), reason);
        } else if runs && !ring.enabled {
            find(Level::Red, &place, "off".to_owned(), "the NIC takes packets, but this ring is not in use");
        }
        if ring.impossible && ring.enabled {
            let found = format!("{} in use of {}", grouped(ring.in_use), grouped(ring.entries));
            find(
                Level::Red,
                &place,
                found,
                "producer and consumer cannot both be right: memory or a register was overwritten",
            );
        } else if ring.enabled && ring.in_use >= room(&ring) {
            let reason = if ring.host_produces {
                "the NIC does not take what it is given"
            } else {
                "the host does not take what it is given"
            };
            find(Level::Red, &place, "full".to_owned(), reason);
        }
        if ring.drops > 0 {
            let reason =
                "frames were lost for want of room and are in the ledgers as skipped: a larger ring, or a faster host";
            find(Level::Red, &place, format!("{} drops", grouped(ring.drops)), reason);
        } else if ring.enabled && ring.entries > 0 && ring.high_water >= ring.entries {
            find(
                Level::Amber,
                &place,
                format!("{} in use at once", grouped(ring.high_water)),
                "it was full at some time",
            );
        }
    }
}

/// Counters that must be 0 on a healthy NIC, and why they are not.
const MUST_BE_0: [(&str, Level, &str); 8] = [
    ("COMMANDS_REFUSED", Level::Red, "the driver and the NIC disagree about a slot, a port or an argument"),
    (
        "INJECTS_REFUSED",
        Level::Red,
        "injected headers made no sense: host memory was overwritten, or the driver is wrong",
    ),
    ("DMA_REFUSED", Level::Red, "host memory could not be reached: the IOMMU's mappings, or bus mastering"),
    ("WRITES_REFUSED", Level::Red, "something writes to registers that are read-only or not there"),
    ("PHASE_REFUSED", Level::Red, "a doorbell came before its entry: memory order, or two drivers"),
    ("INGRESS_NO_ENI", Level::Amber, "frames for a port that no ENI has; they are in no ledger"),
    ("EGRESS_NO_ENI", Level::Amber, "frames from a port that no ENI has; they are in no ledger"),
    ("LATE_RETRIES", Level::Amber, "the host answered after the window had closed: it is slow"),
];

fn counts(file: &File, find: &mut impl FnMut(Level, &str, String, &str)) {
    for (name, level, reason) in MUST_BE_0 {
        let counter = COUNTERS.iter().find(|counter| counter.name == name);
        let value = counter.and_then(|counter| file.nic.wide(counter.lo)).unwrap_or(0);
        if value > 0 {
            find(level, name, grouped(value), reason);
        }
    }
    for ledger in file.nic.ledgers.iter().flatten() {
        let place = format!("{} {}", file.eni(ledger.vport), crate::stats::direction_name(ledger.direction));
        let skipped = ledger.packets.skipped;
        if skipped > 0 {
            let reason = "packets of the open window that no record will have: a SKIPDATA line will say so";
            find(Level::Red, &place, format!("{} skipped", grouped(skipped)), reason);
        }
        let limits = ledger.limits;
        let limited = [limits.policed_packets, limits.policed_bits, limits.shaped_packets, limits.shaped_bits];
        let limited = limited.into_iter().fold(0, u64::saturating_add);
        if limited > 0 {
            find(
                Level::Amber,
                &place,
                format!("{} over a limit", grouped(limited)),
                "the instance's packet or bit rate is used up",
            );
        }
    }
    for balance in balances(file).iter().filter(|balance| balance.is_broken()) {
        let place = format!("{} {} {}", balance.equation, balance.place, balance.unit);
        find(
            Level::Red,
            &place,
            format!("residual {}", balance.residual),
            "conservation is broken: weir counters --check",
        );
    }
}

fn both_sides(file: &File, find: &mut impl FnMut(Level, &str, String, &str)) {
    for table in tables::views(file).unwrap_or_default() {
        let place = format!("{} table", table.direction);
        let differ = table.disagreements.as_ref().map_or(0, Vec::len);
        if differ > 0 {
            find(
                Level::Red,
                &place,
                format!("{differ} slots differ"),
                "NIC and driver have other flows: weir tables names them",
            );
        }
        if u64::from(table.occupied) * 100 > u64::from(table.slots) * FULL_PERCENT {
            let found = format!("{} of {} slots", grouped(table.occupied), grouped(table.slots));
            find(Level::Amber, &place, found, "new flows will stay with the host, which is slower");
        }
        let no_place = table.driver.map_or(0, |driver| driver.rejected);
        if no_place > 0 {
            find(
                Level::Amber,
                &place,
                format!("{} flows without a place", grouped(no_place)),
                "the host counts them itself",
            );
        }
    }
    if let Some(driver) = &file.driver {
        let (completions, rings) = (driver.faults.completions, driver.faults.rings);
        if completions > 0 || rings > 0 {
            let found = format!("{completions} completions, {rings} entries or indices");
            find(Level::Red, "device faults", found, "the NIC broke the contract: what it said cannot be");
        }
    }
    if let Some(host) = &file.host {
        if host.published.broken > 0 {
            let found = format!("{} equations", grouped(host.published.broken));
            find(Level::Red, "published windows", found, "conservation was broken in windows that are out");
        }
        for (name, count) in [("records", host.meter.bad_records), ("commands", host.meter.refused_commands)] {
            if count > 0 {
                find(Level::Red, "meter", format!("{} bad {name}", grouped(count)), "the NIC or its driver is wrong");
            }
        }
    }
    let stray = flows::entries(file).unwrap_or_default().iter().filter(|entry| entry.stray).count();
    if stray > 0 {
        find(
            Level::Red,
            "flows",
            format!("{stray} stray"),
            "slots whose flow the host does not know: weir flows find stray",
        );
    }
}

#[derive(Serialize)]
struct HealthJson {
    health: &'static str,
    findings: Vec<Finding>,
}

/// One word, or with `diagnose` every finding with its reason. Exit code 1 if anything is red.
#[must_use]
pub fn show(file: &File, diagnose: bool, show: Show) -> Answer {
    let findings = findings(file);
    let worst = findings.iter().map(|finding| finding.level).max();
    let health = match worst {
        None => "green",
        Some(Level::Amber) => "amber",
        Some(Level::Red) => "red",
    };
    let is_red = worst == Some(Level::Red);
    if show.json {
        return Answer::json(file, &HealthJson { health, findings }).wrong(is_red);
    }
    let word = |level: &Level| match level {
        Level::Red => show.paint.red("RED"),
        Level::Amber => show.paint.amber("amber"),
    };
    if diagnose {
        let line = |finding: &Finding| {
            let Finding { level, place, found, reason } = finding;
            format!("{}  {}: {found}\n       {reason}\n", word(level), show.paint.bold(place))
        };
        let text: String = findings.iter().map(line).collect();
        let text = if text.is_empty() { show.paint.green("green") + ": nothing is wrong\n" } else { text };
        return Answer::of(file, text).wrong(is_red);
    }
    let count = |level| findings.iter().filter(|finding| finding.level == level).count();
    let text = match worst {
        None => show.paint.green("green") + "\n",
        Some(level) => {
            format!(
                "{}: {} red, {} amber (weir health diagnose)\n",
                word(&level),
                count(Level::Red),
                count(Level::Amber)
            )
        }
    };
    Answer::of(file, text).wrong(is_red)
}
