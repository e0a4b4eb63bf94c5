//! What a replay comes to: both equations of conservation, drops by limit, and the NIC's report.
//!
//! A [`Ledger`] takes in every window's proofs; the rest of this file says what it holds, as text
//! and as JSON. Nothing in here depends on the time of day: the same input gives the same bytes.

mod nic;
mod text;

use std::collections::BTreeMap;

use firmware_abi::key::Direction;
use flowlog::conservation::{Amount, Equation, LimitDrops};
use flowlog::record::{EniId, WindowBounds};
use flowlog::window::Sealed;
use serde::{Deserialize, Serialize};
use sim::card::Report;

use crate::meter::{MeterFaults, MeterStatistics};
use crate::replay::ReplayCounts;

pub use nic::NicJson;
pub(crate) use text::several;
pub use text::{equation_lines, limit_lines, nic_lines, table};

/// One ENI's direction: its equation and what its limits stopped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Side {
    /// The equation.
    pub equation: Equation,
    /// Drops by reason.
    pub limits: LimitDrops,
}

impl Side {
    /// Adds another window's.
    pub fn add(&mut self, equation: &Equation, limits: &LimitDrops) {
        self.equation.add(equation);
        for ((_, mine), (_, theirs)) in limits_mut(&mut self.limits).into_iter().zip(limits_of(limits)) {
            *mine += theirs;
        }
    }
}

/// A window and its sides, `port * 2 + direction`.
#[derive(Clone, Debug)]
pub struct WindowProofs {
    /// How many windows were published before it.
    pub index: u64,
    /// Its bounds.
    pub bounds: WindowBounds,
    /// Its sides.
    pub sides: Vec<Side>,
}

/// The proofs of all windows so far.
#[derive(Clone, Debug)]
pub struct Ledger {
    enis: Vec<EniId>,
    totals: Vec<Side>,
    windows: u64,
    broken: u64,
    keep: bool,
    kept: Vec<WindowProofs>,
    overruns: u64,
}

impl Ledger {
    /// For these ENIs, in the order of their ports. With `keep`, each window is remembered by itself.
    #[must_use]
    pub fn new(enis: Vec<EniId>, keep: bool) -> Self {
        let totals = vec![Side::default(); enis.len() * 2];
        Self { enis, totals, windows: 0, broken: 0, keep, kept: Vec::new(), overruns: 0 }
    }

    /// Takes in a window.
    pub fn add(&mut self, sealed: &Sealed) {
        let mut sides = vec![Side::default(); if self.keep { self.totals.len() } else { 0 }];
        for proof in &sealed.proofs {
            let index = usize::from(proof.vport) * 2 + proof.direction.index();
            if let Some(total) = self.totals.get_mut(index) {
                total.add(&proof.equation, &proof.limits);
            }
            if let Some(side) = sides.get_mut(index) {
                side.add(&proof.equation, &proof.limits);
            }
            self.broken += u64::from(!proof.equation.holds());
        }
        self.windows += 1;
        self.overruns = sealed.overruns;
        if self.keep {
            self.kept.push(WindowProofs { index: sealed.index, bounds: sealed.bounds, sides });
        }
    }

    /// The ENIs, by port.
    #[must_use]
    pub fn enis(&self) -> &[EniId] {
        &self.enis
    }

    /// Windows taken in.
    #[must_use]
    pub fn windows(&self) -> u64 {
        self.windows
    }

    /// Equations that did not hold: windows times ENIs times directions.
    #[must_use]
    pub fn broken(&self) -> u64 {
        self.broken
    }

    /// The windows, if they were to be kept.
    #[must_use]
    pub fn kept(&self) -> &[WindowProofs] {
        &self.kept
    }

    /// Each ENI and direction with its sums over all windows.
    pub fn totals(&self) -> impl Iterator<Item = (EniId, Direction, &Side)> {
        named(&self.enis, &self.totals)
    }
}

/// Sides with the ENI and direction that each is of.
pub fn named<'a>(enis: &'a [EniId], sides: &'a [Side]) -> impl Iterator<Item = (EniId, Direction, &'a Side)> {
    let names = enis.iter().flat_map(|eni| Direction::ALL.map(|direction| (*eni, direction)));
    names.zip(sides).map(|((eni, direction), side)| (eni, direction, side))
}

/// The limits by name.
#[must_use]
pub fn limits_of(limits: &LimitDrops) -> [(&'static str, u64); 12] {
    let mut copy = *limits;
    limits_mut(&mut copy).map(|(name, count)| (name, *count))
}

fn limits_mut(limits: &mut LimitDrops) -> [(&'static str, &mut u64); 12] {
    [
        ("policed_packet_rate", &mut limits.policed_packet_rate),
        ("policed_bit_rate", &mut limits.policed_bit_rate),
        ("shaped_packet_rate", &mut limits.shaped_packet_rate),
        ("shaped_bit_rate", &mut limits.shaped_bit_rate),
        ("skipped_ring", &mut limits.skipped_ring),
        ("skipped_credit", &mut limits.skipped_credit),
        ("skipped_dma", &mut limits.skipped_dma),
        ("new_flow_rate", &mut limits.new_flow_rate),
        ("connection_limit", &mut limits.connection_limit),
        ("skipped_flow_table", &mut limits.skipped_flow_table),
        ("skipped_delivery", &mut limits.skipped_delivery),
        ("skipped_restart", &mut limits.skipped_restart),
    ]
}

/// `ingress` or `egress`.
#[must_use]
pub const fn direction_name(direction: Direction) -> &'static str {
    match direction {
        Direction::Ingress => "ingress",
        Direction::Egress => "egress",
    }
}

/// A time as RFC 3339 has it, in UTC.
#[must_use]
pub fn rfc3339(time_ns: u64) -> String {
    match jiff::Timestamp::from_nanosecond(time_ns.into()) {
        Ok(time) => time.to_string(),
        Err(_) => format!("{} ns", time_ns),
    }
}

/// Packets and bytes, as JSON has them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sum {
    /// Packets.
    pub packets: u64,
    /// Layer-3 bytes.
    pub bytes: u64,
}

impl From<Amount> for Sum {
    fn from(amount: Amount) -> Self {
        Self { packets: amount.packets, bytes: amount.bytes }
    }
}

impl From<Sum> for Amount {
    fn from(sum: Sum) -> Self {
        Self { packets: sum.packets, bytes: sum.bytes }
    }
}

/// What is left of an equation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Residual {
    /// Packets.
    pub packets: i128,
    /// Layer-3 bytes.
    pub bytes: i128,
}

/// An equation and its limits, as JSON has them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SideJson {
    /// The ENI.
    pub eni: EniId,
    /// `ingress` or `egress`.
    pub direction: String,
    /// What entered: `wire_rx` or `guest_tx`.
    pub offered: Sum,
    /// Stopped by the policer or by a limit of connections.
    pub policed: Sum,
    /// Sum over ACCEPT records.
    pub accepted: Sum,
    /// Sum over REJECT records.
    pub rejected: Sum,
    /// Forwarded and by rule not captured.
    pub excluded: Sum,
    /// Without IP.
    pub non_ip: Sum,
    /// Broken.
    pub malformed: Sum,
    /// Not recorded, counted where they were lost.
    pub skipped: Sum,
    /// The left side less all others.
    pub residual: Residual,
    /// Drops by reason; those that are not 0.
    pub limits: BTreeMap<String, u64>,
}

impl SideJson {
    /// From a side.
    #[must_use]
    pub fn new(eni: EniId, direction: Direction, side: &Side) -> Self {
        let equation = &side.equation;
        let (packets, bytes) = equation.residual();
        let limits = limits_of(&side.limits).into_iter().filter(|(_, count)| *count > 0);
        Self {
            eni,
            direction: direction_name(direction).to_owned(),
            offered: equation.offered.into(),
            policed: equation.policed.into(),
            accepted: equation.accepted.into(),
            rejected: equation.rejected.into(),
            excluded: equation.excluded.into(),
            non_ip: equation.non_ip.into(),
            malformed: equation.malformed.into(),
            skipped: equation.skipped.into(),
            residual: Residual { packets, bytes },
            limits: limits.map(|(name, count)| (name.to_owned(), count)).collect(),
        }
    }

    /// The equation again.
    #[must_use]
    pub fn equation(&self) -> Equation {
        Equation {
            offered: self.offered.into(),
            policed: self.policed.into(),
            accepted: self.accepted.into(),
            rejected: self.rejected.into(),
            excluded: self.excluded.into(),
            non_ip: self.non_ip.into(),
            malformed: self.malformed.into(),
            skipped: self.skipped.into(),
        }
    }
}

/// A window and its equations, as JSON has them.
#[derive(Clone, Debug, Serialize)]
pub struct WindowJson {
    /// How many windows came before it.
    pub window: u64,
    /// Its start, RFC 3339.
    pub start: String,
    /// Its end.
    pub end: String,
    /// Its sides.
    pub conservation: Vec<SideJson>,
}

/// The ledger's sums and, if they were kept, windows, as JSON has them.
#[must_use]
pub fn ledger_json(ledger: &Ledger) -> (Vec<SideJson>, Vec<WindowJson>) {
    let sides = |sides: &[Side]| -> Vec<SideJson> {
        named(&ledger.enis, sides).map(|(eni, direction, side)| SideJson::new(eni, direction, side)).collect()
    };
    let windows = ledger.kept.iter().map(|window| WindowJson {
        window: window.index,
        start: rfc3339(window.bounds.start_ns),
        end: rfc3339(window.bounds.end_ns),
        conservation: sides(&window.sides),
    });
    (sides(&ledger.totals), windows.collect())
}

/// All that a replay has to say besides its records.
#[derive(Clone, Copy, Debug)]
pub struct Summary<'a> {
    /// The captures, as they were named.
    pub inputs: &'a [String],
    /// The seed.
    pub seed: u64,
    /// Length of a window.
    pub window_seconds: u32,
    /// The proofs.
    pub ledger: &'a Ledger,
    /// Records written.
    pub records: u64,
    /// The rest; none if there was no frame.
    pub run: Option<&'a Run>,
}

/// What NIC, meter and replay say at the end.
#[derive(Clone, Debug)]
pub struct Run {
    /// Frames.
    pub counts: ReplayCounts,
    /// What the meter did.
    pub statistics: MeterStatistics,
    /// What went wrong in it.
    pub faults: MeterFaults,
    /// The NIC, if it can tell: the model.
    pub report: Option<Report>,
}

#[derive(Serialize)]
struct SummaryJson<'a> {
    inputs: &'a [String],
    seed: u64,
    window_seconds: u32,
    windows: u64,
    overruns: u64,
    records: u64,
    frames: u64,
    unclaimed_frames: u64,
    gaps: u64,
    conserved: bool,
    broken_equations: u64,
    conservation: Vec<SideJson>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    per_window: Vec<WindowJson>,
    host: Option<HostJson>,
    nic: Option<NicJson>,
}

#[derive(Serialize)]
struct HostJson {
    punts: u64,
    retries: u64,
    offloaded_flows: u64,
    flows_without_slot: u64,
    hardware_records: u64,
    expired_flows: u64,
    bad_records: u64,
    refused_commands: u64,
}

impl Summary<'_> {
    /// As one JSON object and a line feed.
    #[must_use]
    pub fn json(&self) -> String {
        let (conservation, per_window) = ledger_json(self.ledger);
        let counts = self.run.map(|run| run.counts).unwrap_or_default();
        let host = self.run.map(|run| HostJson {
            punts: run.statistics.punts,
            retries: run.statistics.retries,
            offloaded_flows: run.statistics.offloaded,
            flows_without_slot: run.statistics.no_slot,
            hardware_records: run.statistics.records,
            expired_flows: run.statistics.expired,
            bad_records: run.faults.records,
            refused_commands: run.faults.commands,
        });
        let summary = SummaryJson {
            inputs: self.inputs,
            seed: self.seed,
            window_seconds: self.window_seconds,
            windows: self.ledger.windows,
            overruns: self.ledger.overruns,
            records: self.records,
            frames: counts.frames,
            unclaimed_frames: counts.unclaimed,
            gaps: counts.gaps,
            conserved: self.ledger.broken == 0,
            broken_equations: self.ledger.broken,
            conservation,
            per_window,
            host,
            nic: self.run.and_then(|run| run.report.as_ref()).map(NicJson::new),
        };
        // Maps with text keys and numbers: there is nothing in it that JSON cannot hold.
        serde_json::to_string(&summary).unwrap_or_default() + "\n"
    }
}
