//! The flow tables: how full they are, whose flows they hold, and whether NIC and driver agree.

use std::collections::{BTreeMap, BTreeSet};

use driver::dump::TableDump;
use driver::slots::SlotCounters;
use firmware_abi::hash::WAYS;
use firmware_abi::key::SlotAction;
use serde::Serialize;

use super::grid::{Grid, grouped};
use super::{Answer, DiagError, File, Show};
use crate::stats::direction_name;

/// A table.
#[derive(Clone, Debug, Serialize)]
pub struct TableView {
    /// `ingress` or `egress`.
    pub direction: &'static str,
    /// Slots that it has.
    pub slots: u32,
    /// Slots that hold a flow, by the NIC.
    pub occupied: u32,
    /// Slots by what they do with a packet.
    pub actions: BTreeMap<&'static str, u32>,
    /// Slots by ENI.
    pub enis: BTreeMap<String, u32>,
    /// Buckets by how many of their slots are in use.
    pub buckets: Vec<u32>,
    /// The driver's counters; none if it was not at hand.
    pub driver: Option<SlotCounters>,
    /// Slots that NIC and driver have otherwise; those that are leaving aside.
    pub disagreements: Option<Vec<Disagreement>>,
}

/// A slot that two sides have otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Disagreement {
    /// The slot.
    pub slot: u32,
    /// The cookie in the NIC.
    pub nic: Option<u32>,
    /// The cookie in the driver's shadow.
    pub driver: Option<u32>,
}

/// Both tables.
///
/// # Errors
/// When the dump is of registers alone.
pub fn views(file: &File) -> Result<Vec<TableView>, DiagError> {
    match &file.nic.tables {
        Some(tables) => Ok(tables.iter().map(|table| view(file, table)).collect()),
        None if file.nic.presence == driver::dump::Presence::Present => {
            Err(DiagError::usage("a dump of registers alone", "one with tables (weir snapshot)"))
        }
        None => Ok(Vec::new()),
    }
}

fn view(file: &File, table: &TableDump) -> TableView {
    let mut enis: BTreeMap<String, u32> = BTreeMap::new();
    let mut actions: BTreeMap<&'static str, u32> = BTreeMap::new();
    let mut used: BTreeMap<u32, usize> = BTreeMap::new();
    for entry in &table.entries {
        *enis.entry(file.eni(entry.vport)).or_default() += 1;
        let action = match entry.action {
            SlotAction::Accept => "accept",
            SlotAction::Reject => "reject",
            SlotAction::NoLog => "no_log",
            SlotAction::AcceptMirror => "accept_mirror",
        };
        *actions.entry(action).or_default() += 1;
        *used.entry(entry.slot / WAYS).or_default() += 1;
    }
    let mut buckets = vec![0; WAYS as usize + 1];
    buckets[0] = (table.slots / WAYS).saturating_sub(used.len() as u32);
    for count in used.values() {
        if let Some(bucket) = buckets.get_mut(*count) {
            *bucket += 1;
        }
    }
    TableView {
        direction: direction_name(table.direction),
        slots: table.slots,
        occupied: table.entries.len() as u32,
        actions,
        enis,
        buckets,
        driver: file.driver.as_ref().map(|driver| driver.tables[table.direction.index()]),
        disagreements: disagreements(file, table),
    }
}

fn disagreements(file: &File, table: &TableDump) -> Option<Vec<Disagreement>> {
    let driver = file.driver.as_ref()?;
    let shadow = driver.slots.iter().filter(|slot| slot.direction == table.direction);
    let leaving: BTreeSet<u32> = shadow.clone().filter(|slot| slot.is_leaving).map(|slot| slot.slot.0).collect();
    let shadow: BTreeMap<u32, u32> = shadow.map(|slot| (slot.slot.0, slot.cookie.0)).collect();
    let nic: BTreeMap<u32, u32> = table.entries.iter().map(|entry| (entry.slot, entry.cookie)).collect();
    let all: BTreeSet<u32> = shadow.keys().chain(nic.keys()).copied().filter(|slot| !leaving.contains(slot)).collect();
    let one = |slot| Disagreement { slot, nic: nic.get(&slot).copied(), driver: shadow.get(&slot).copied() };
    Some(all.into_iter().map(one).filter(|both| both.nic != both.driver).collect())
}

/// Both tables as text or JSON.
///
/// # Errors
/// As [`views`].
pub fn show(file: &File, show: Show) -> Result<Answer, DiagError> {
    let all = views(file)?;
    if show.json {
        return Ok(Answer::json(file, &all));
    }
    if all.is_empty() {
        return Ok(Answer::of(file, "no tables: nothing answers\n".to_owned()));
    }
    let columns = [
        "<DIRECTION",
        ">SLOTS",
        ">IN USE",
        ">FULL",
        ">ACCEPT",
        ">REJECT",
        ">NO LOG",
        ">LEAVING",
        ">MOVES",
        ">NO PLACE",
        ">OVER QUOTA",
        "<NIC AND DRIVER",
    ];
    let mut grid = Grid::new(&columns, show.paint);
    for view in &all {
        grid.row(cells(view, show));
    }
    let mut text = grid.text();
    let mut grid = Grid::new(&["<DIRECTION", "<ENI", ">SLOTS"], show.paint);
    for view in &all {
        view.enis.iter().for_each(|(eni, slots)| grid.row([view.direction.to_owned(), eni.clone(), grouped(*slots)]));
    }
    if all.iter().any(|view| !view.enis.is_empty()) {
        text.push_str(&grid.text());
    }
    text.push_str(&bucket_table(&all, show));
    for view in &all {
        for wrong in view.disagreements.iter().flatten().take(DISAGREEMENTS_SHOWN) {
            let has =
                |cookie: Option<u32>| cookie.map_or_else(|| "no flow".to_owned(), |cookie| format!("flow {cookie}"));
            let (slot, nic, driver) = (wrong.slot, has(wrong.nic), has(wrong.driver));
            text.push_str(&format!(
                "{} slot {slot}: {nic} in the NIC, {driver} in the driver's shadow\n",
                view.direction
            ));
        }
    }
    Ok(Answer::of(file, text))
}

/// Slots that two sides have otherwise and that are told one by one.
const DISAGREEMENTS_SHOWN: usize = 20;

fn cells(view: &TableView, show: Show) -> [String; 12] {
    let action = |name: &str| grouped(view.actions.get(name).copied().unwrap_or(0));
    let driver =
        |of: fn(&SlotCounters) -> u64| view.driver.as_ref().map_or_else(|| "-".to_owned(), |known| grouped(of(known)));
    let accepted = ["accept", "accept_mirror"].iter().filter_map(|name| view.actions.get(name)).sum::<u32>();
    let agree = match view.disagreements.as_ref().map(Vec::len) {
        None => "driver not at hand".to_owned(),
        Some(0) => show.paint.green("agree"),
        Some(count) => show.paint.red(&format!("{count} SLOTS DIFFER")),
    };
    [
        view.direction.to_owned(),
        grouped(view.slots),
        grouped(view.occupied),
        format!("{:.1} %", f64::from(view.occupied) * 100.0 / f64::from(view.slots.max(1))),
        grouped(accepted),
        action("reject"),
        action("no_log"),
        driver(|known| known.leaving.into()),
        driver(|known| known.moves),
        driver(|known| known.rejected),
        driver(|known| known.over_quota),
        agree,
    ]
}

fn bucket_table(all: &[TableView], show: Show) -> String {
    let columns = ["<BUCKETS WITH SLOTS IN USE", ">0", ">1", ">2", ">3", ">4", ">5", ">6", ">7", ">8"];
    let mut grid = Grid::new(&columns, show.paint);
    for view in all {
        let bucket = |used: usize| grouped(view.buckets.get(used).copied().unwrap_or(0));
        let mut cells = [(); 10].map(|()| String::new());
        cells[0] = view.direction.to_owned();
        for (used, cell) in cells.iter_mut().skip(1).enumerate() {
            *cell = bucket(used);
        }
        grid.row(cells);
    }
    grid.text()
}
