//! Conservation at an instant: what entered the open window, and where all of it is.
//!
//! ```text
//!   ledger     offered = policed + tallied + punted + excluded + non_ip + malformed + skipped       by the NIC alone
//!   limits     policed = by packets + by bits;  skipped = by ring + by credit + by DMA              by the NIC alone
//!   host       tallied + punted = in slots + recorded + excluded + policed + skipped by the host    both sides
//!   frames     frames = without ENI + offered in published windows + offered in the open one        both sides
//!   published  the equation of the records, summed over all windows                                 the host
//! ```
//!
//! Each term is counted where it happens. An equation over both sides is left open while something is between them.

use driver::dump::{LedgerCounts, LedgerDump, Presence, TableDump};
use firmware_abi::key::{Direction, SlotAction};
use firmware_abi::registers::offset;
use serde::Serialize;

use crate::diag::rings;
use crate::diag::{Answer, DiagError, File, Show};
use crate::stats::{Sum, direction_name};

/// A term of an equation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Term {
    /// What it counts.
    pub name: &'static str,
    /// How much.
    pub value: u64,
}

/// An equation with its terms.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Balance {
    /// Which equation.
    pub equation: &'static str,
    /// What it is of.
    pub place: String,
    /// `packets` or `bytes`.
    pub unit: &'static str,
    /// The left side.
    pub left: Vec<Term>,
    /// The right side.
    pub right: Vec<Term>,
    /// Left less right: 0, or something is wrong.
    pub residual: i128,
    /// Why it need not hold now.
    pub open: Option<String>,
}

fn term(name: &'static str, value: u64) -> Term {
    Term { name, value }
}

impl Balance {
    fn of(equation: &'static str, place: &str, unit: &'static str, left: Vec<Term>, right: Vec<Term>) -> Self {
        let sum = |terms: &[Term]| terms.iter().map(|term| i128::from(term.value)).sum::<i128>();
        let residual = sum(&left) - sum(&right);
        Self { equation, place: place.to_owned(), unit, left, right, residual, open: None }
    }

    /// Whether it breaks conservation.
    #[must_use]
    pub const fn is_broken(&self) -> bool {
        self.residual != 0 && self.open.is_none()
    }

    fn line(&self, width: usize, show: Show) -> String {
        let side = |terms: &[Term]| {
            let terms = terms.iter().map(|term| format!("{} {}", term.name, term.value));
            terms.collect::<Vec<_>>().join(" + ")
        };
        let residual = match (&self.open, self.residual) {
            (Some(why), residual) => show.paint.amber(&format!("residual {residual}, open: {why}")),
            (None, 0) => show.paint.green("residual 0"),
            (None, residual) => show.paint.red(&format!("RESIDUAL {residual}")),
        };
        let Self { equation, place, unit, .. } = self;
        format!("{equation:<9}  {place:<width$}  {unit:<7}  {} = {}; {residual}\n", side(&self.left), side(&self.right))
    }
}

/// All equations that the dump has the terms of.
#[must_use]
pub fn balances(file: &File) -> Vec<Balance> {
    let mut all = Vec::new();
    for ledger in file.nic.ledgers.iter().flatten() {
        all.extend(of_ledger(file, ledger));
    }
    all.extend(of_host(file));
    all.extend(of_frames(file));
    all.extend(of_published(file));
    all
}

fn place_of(file: &File, vport: u16, direction: Direction) -> String {
    format!("{} {}", file.eni(vport), direction_name(direction))
}

fn of_ledger(file: &File, ledger: &LedgerDump) -> Vec<Balance> {
    let place = place_of(file, ledger.vport, ledger.direction);
    let balance = |unit, counts: &LedgerCounts| {
        let right = vec![
            term("policed", counts.policed),
            term("tallied", counts.tallied),
            term("punted", counts.punted),
            term("excluded", counts.excluded),
            term("non_ip", counts.non_ip),
            term("malformed", counts.malformed),
            term("skipped", counts.skipped),
        ];
        Balance::of("ledger", &place, unit, vec![term("offered", counts.offered)], right)
    };
    let (packets, limits) = (&ledger.packets, &ledger.limits);
    let by_rate = vec![term("by_packets", limits.policed_packets), term("by_bits", limits.policed_bits)];
    let by_room = vec![
        term("by_ring", limits.skipped_ring),
        term("by_credit", limits.skipped_credit),
        term("by_dma", limits.skipped_dma),
    ];
    let mut all = vec![
        balance("packets", packets),
        balance("bytes", &ledger.bytes),
        Balance::of("limits", &place, "packets", vec![term("policed", packets.policed)], by_rate),
        Balance::of("limits", &place, "packets", vec![term("skipped", packets.skipped)], by_room),
    ];
    all.iter_mut().for_each(|balance| balance.open = worked(file));
    all
}

/// What entered while the dump was taken makes every equation of several reads an estimate.
fn worked(file: &File) -> Option<String> {
    let skew = file.nic.moment?.skew;
    (skew.frames > 0).then(|| format!("{} frames entered while the NIC was read", skew.frames))
}

/// Why windows cannot be summed up now: an earlier one is between the NIC and its publication.
fn between_windows(file: &File) -> Option<String> {
    let (moment, host) = (file.nic.moment?, file.host.as_ref()?);
    let is_late = host.oldest_window != moment.window || host.stage != "open";
    let late = is_late.then(|| format!("window {} is {} and not published", host.oldest_window, host.stage));
    worked(file).or(late)
}

/// Why both sides cannot agree now: something is on its way from one to the other.
fn between(file: &File) -> Option<String> {
    if let Some(why) = between_windows(file) {
        return Some(why);
    }
    let waiting = rings::views(file).into_iter().filter(|ring| ring.ring != "completion" && ring.in_use > 0);
    let waiting: Vec<_> = waiting.map(|ring| format!("{} of the {} ring", ring.in_use, ring.ring)).collect();
    (!waiting.is_empty()).then(|| format!("{} wait", waiting.join(" and ")))
}

fn of_host(file: &File) -> Vec<Balance> {
    let (Some(ledgers), Some(tables), Some(host)) = (&file.nic.ledgers, &file.nic.tables, &file.host) else {
        return Vec::new();
    };
    let open = between(file);
    let mut all = Vec::new();
    for side in &host.open {
        let of_side = |ledger: &&LedgerDump| (ledger.vport, ledger.direction) == (side.vport, side.direction);
        let Some(ledger) = ledgers.iter().find(of_side) else { continue };
        let in_slots = in_slots(&tables[side.direction.index()], side.vport);
        let place = place_of(file, side.vport, side.direction);
        let balance = |unit, counts: &LedgerCounts, in_slots, of: fn(&Sum) -> u64| {
            let left = vec![term("tallied", counts.tallied), term("punted", counts.punted)];
            let right = vec![
                term("in_slots", in_slots),
                term("recorded", of(&side.recorded)),
                term("excluded", of(&side.excluded)),
                term("policed", of(&side.policed)),
                term("skipped", of(&side.skipped)),
            ];
            Balance { open: open.clone(), ..Balance::of("host", &place, unit, left, right) }
        };
        all.push(balance("packets", &ledger.packets, in_slots.packets, |sum| sum.packets));
        all.push(balance("bytes", &ledger.bytes, in_slots.bytes, |sum| sum.bytes));
    }
    all
}

/// What a port's slots of a table counted.
fn in_slots(table: &TableDump, vport: u16) -> Sum {
    // What is forwarded without a tally is in the ledger as excluded.
    let slots = table.entries.iter().filter(|slot| slot.vport == vport && slot.action != SlotAction::NoLog);
    slots.fold(Sum::default(), |sum, slot| Sum {
        packets: sum.packets.saturating_add(slot.packets),
        bytes: sum.bytes.saturating_add(slot.bytes),
    })
}

fn of_frames(file: &File) -> Vec<Balance> {
    let (Some(ledgers), Some(host)) = (&file.nic.ledgers, &file.host) else { return Vec::new() };
    let open = between_windows(file);
    let engines = [
        (offset::INGRESS_FRAMES_LO, offset::INGRESS_NO_ENI_LO, Direction::Ingress),
        (offset::EGRESS_FRAMES_LO, offset::EGRESS_NO_ENI_LO, Direction::Egress),
    ];
    let balance = |(frames, no_eni, direction): (u32, u32, Direction)| {
        let name = direction_name(direction);
        let published = host.published.sides.iter().filter(|side| side.direction == name);
        let opened = ledgers.iter().filter(|ledger| ledger.direction == direction);
        let right = vec![
            term("no_eni", file.nic.wide(no_eni)?),
            term("published", published.map(|side| side.offered.packets).fold(0, u64::saturating_add)),
            term("open", opened.map(|ledger| ledger.packets.offered).fold(0, u64::saturating_add)),
        ];
        let left = vec![term("frames", file.nic.wide(frames)?)];
        Some(Balance { open: open.clone(), ..Balance::of("frames", name, "packets", left, right) })
    };
    engines.into_iter().filter_map(balance).collect()
}

fn of_published(file: &File) -> Vec<Balance> {
    let sides = file.host.iter().flat_map(|host| &host.published.sides);
    sides
        .flat_map(|side| {
            let place = format!("{} {}", side.eni, side.direction);
            let balance = |unit, of: fn(&Sum) -> u64| {
                let right = vec![
                    term("policed", of(&side.policed)),
                    term("ACCEPT", of(&side.accepted)),
                    term("REJECT", of(&side.rejected)),
                    term("excluded", of(&side.excluded)),
                    term("non_ip", of(&side.non_ip)),
                    term("malformed", of(&side.malformed)),
                    term("skipped", of(&side.skipped)),
                ];
                Balance::of("published", &place, unit, vec![term("offered", of(&side.offered))], right)
            };
            [balance("packets", |sum| sum.packets), balance("bytes", |sum| sum.bytes)]
        })
        .collect()
}

#[derive(Serialize)]
struct CheckJson {
    conserved: bool,
    broken: usize,
    open: usize,
    equations: Vec<Balance>,
}

/// Every equation with its residual; exit code 1 if one does not hold.
///
/// # Errors
/// When the dump has the terms of none.
pub fn check(file: &File, show: Show) -> Result<Answer, DiagError> {
    let all = balances(file);
    let is_present = file.nic.presence == Presence::Present;
    if all.is_empty() && is_present && file.nic.ledgers.is_none() {
        return Err(DiagError::usage("a dump of registers alone", "one with ledgers (weir snapshot)"));
    }
    let broken = all.iter().filter(|balance| balance.is_broken()).count();
    let open = all.iter().filter(|balance| balance.open.is_some()).count();
    if show.json {
        let conserved = broken == 0 && is_present;
        let answer = Answer::json(file, &CheckJson { conserved, broken, open, equations: all });
        return Ok(answer.wrong(broken > 0));
    }
    let width = all.iter().map(|balance| balance.place.len()).max().unwrap_or(0);
    let mut text: String = all.iter().map(|balance| balance.line(width, show)).collect();
    let count = |count: usize| crate::stats::several(count as u64, "equation");
    text.push_str(&match (all.len(), broken) {
        (0, _) if !is_present => "no counters: nothing answers\n".to_owned(),
        (0, _) => "no packet in the open window: nothing to check\n".to_owned(),
        (all, 0) => format!("{}: {} broken, {open} open\n", count(all), show.paint.green("0")),
        (all, broken) => format!("{}: {} broken, {open} open\n", count(all), show.paint.red(&broken.to_string())),
    });
    Ok(Answer::of(file, text).wrong(broken > 0))
}
