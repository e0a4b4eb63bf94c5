//! Two dumps, field by field.

use driver::dump::{NicDump, Presence};
use firmware_abi::registers::{Access, COUNTERS, Register, ring_offsets};
use firmware_abi::ring::RingId;
use serde::Serialize;

use super::names::{self, Row};
use super::view::meaning;
use crate::diag::grid::{Grid, grouped};
use crate::diag::{Answer, File, Show};
use crate::stats::rfc3339;

/// What counts as a difference.
#[derive(Clone, Copy, Debug, Default)]
pub struct DiffOptions {
    /// Also fields that move in normal use: what the NIC changes by itself, and the rings' indices.
    pub volatile: bool,
}

#[derive(Debug, Serialize)]
struct DiffJson {
    same: bool,
    /// What answered, before and after.
    presence: [Presence; 2],
    elapsed_ns: Option<i128>,
    fields: Vec<FieldDiff>,
    counters: Vec<CounterDiff>,
    /// Volatile fields that differ and were not shown.
    ignored: usize,
}

impl DiffJson {
    fn of(presence: [Presence; 2]) -> Self {
        Self { same: false, presence, elapsed_ns: None, fields: Vec::new(), counters: Vec::new(), ignored: 0 }
    }
}

#[derive(Debug, Serialize)]
struct FieldDiff {
    register: String,
    offset: u32,
    field: String,
    volatile: bool,
    before: Option<u64>,
    after: Option<u64>,
    #[serde(skip)]
    shown: [String; 2],
}

#[derive(Debug, Serialize)]
struct CounterDiff {
    name: &'static str,
    before: u64,
    after: u64,
    delta: i128,
}

/// Whether a register moves in normal use: the NIC changes it, or it is an index that the host advances.
fn moves(register: &Register) -> bool {
    let is_index = |id: RingId| [ring_offsets(id).producer, ring_offsets(id).consumer].contains(&register.offset);
    register.volatile || RingId::ALL.into_iter().any(is_index)
}

/// What is different in `after`. Counters that moved are told and are no difference.
#[must_use]
pub fn diff(before: &File, after: &File, options: DiffOptions, show: Show) -> Answer {
    let found = compare(&before.nic, &after.nic, options);
    let mut answer = if show.json { Answer::json(after, &found) } else { Answer::of(after, text(&found, show)) };
    answer.notes.extend(Answer::of(before, String::new()).notes.into_iter().map(|note| format!("the first: {note}")));
    answer.wrong(!found.same)
}

fn compare(before: &NicDump, after: &NicDump, options: DiffOptions) -> DiffJson {
    let mut found = DiffJson::of([before.presence, after.presence]);
    // Of what is no NIC, no register means anything.
    if found.presence != [Presence::Present; 2] {
        return found;
    }
    if let (Some(one), Some(other)) = (before.moment, after.moment) {
        found.elapsed_ns = Some(i128::from(other.time_ns) - i128::from(one.time_ns));
    }
    for counter in COUNTERS {
        let (Some(one), Some(other)) = (before.wide(counter.lo), after.wide(counter.lo)) else { continue };
        if one != other {
            let delta = i128::from(other) - i128::from(one);
            found.counters.push(CounterDiff { name: counter.name, before: one, after: other, delta });
        }
    }
    for row in names::rows().iter().filter(|row| !row.low.counter) {
        for field in differences(before, after, row) {
            if field.volatile && !options.volatile { found.ignored += 1 } else { found.fields.push(field) }
        }
    }
    found.same = found.fields.is_empty();
    found
}

fn differences(before: &NicDump, after: &NicDump, row: &Row) -> Vec<FieldDiff> {
    let register = row.low;
    let of = |field: &str, values: [Option<u64>; 2], shown: [String; 2]| FieldDiff {
        register: row.name().to_owned(),
        offset: register.offset,
        field: field.to_owned(),
        volatile: moves(register),
        before: values[0],
        after: values[1],
        shown,
    };
    let values = match row.high {
        Some(_) => [before.wide(register.offset), after.wide(register.offset)],
        None => [before, after].map(|nic| nic.value(register.offset).map(u64::from)),
    };
    if values[0] == values[1] {
        return Vec::new();
    }
    let (Some(one), Some(other)) = (values[0], values[1]) else {
        let shown = values.map(|value| value.map_or_else(|| "unreadable".to_owned(), |value| format!("{value:#x}")));
        return vec![of("value", values, shown)];
    };
    if row.high.is_some() || matches!(register.fields, [only] if only.name == "value") {
        let is_time = matches!(row.name(), "TIME" | "WINDOW_START");
        let shown = |value: u64| if is_time { rfc3339(value) } else { format!("{value:#x} ({value})") };
        return vec![of("value", values, [shown(one), shown(other)])];
    }
    let fields = register.fields.iter().filter(|field| field.access != Access::WriteOnly);
    let numbers = fields.map(|field| (field, [one, other].map(|value| field.extract(value as u32))));
    let differ = numbers.filter(|(_, [one, other])| one != other);
    differ
        .map(|(field, numbers)| {
            let shown = numbers.map(|number| {
                meaning(field, number).map_or_else(|| number.to_string(), |name| format!("{name} ({number})"))
            });
            of(field.name, numbers.map(|number| Some(number.into())), shown)
        })
        .collect()
}

fn text(found: &DiffJson, show: Show) -> String {
    if found.presence != [Presence::Present; 2] {
        return "nothing to compare: one of the two is no NIC\n".to_owned();
    }
    let mut out = String::new();
    if !found.fields.is_empty() {
        let mut grid = Grid::new(&["<REGISTER", "<FIELD", "<BEFORE", "<AFTER"], show.paint);
        for field in &found.fields {
            let [before, after] = field.shown.clone();
            let name = if field.field == "value" { String::new() } else { field.field.clone() };
            grid.row([field.register.clone(), name, before, show.paint.changed(&after)]);
        }
        out.push_str(&grid.text());
    }
    if !found.counters.is_empty() {
        let mut grid = Grid::new(&["<COUNTER", ">BEFORE", ">AFTER", ">DELTA"], show.paint);
        for counter in &found.counters {
            let sign = if counter.delta > 0 { "+" } else { "" };
            let delta = format!("{sign}{}", grouped(counter.delta));
            grid.row([counter.name.to_owned(), grouped(counter.before), grouped(counter.after), delta]);
        }
        out.push_str(&grid.text());
    }
    if found.same {
        out.push_str("no difference but in what moves in normal use\n");
    }
    if found.ignored > 0 {
        let what = crate::stats::several(found.ignored as u64, "volatile field");
        out.push_str(&format!("{what} not shown (--volatile shows them)\n"));
    }
    out
}
