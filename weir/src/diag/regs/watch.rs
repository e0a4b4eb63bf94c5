//! Registers again and again: changed bits, and counters as rates.

use driver::dump::NicDump;
use firmware_abi::registers::{Access, Field};
use serde::Serialize;

use super::names::Row;
use super::view::meaning;
use crate::diag::grid::{Grid, grouped};
use crate::diag::{File, Show};
use crate::stats::rfc3339;

/// What was seen last.
#[derive(Debug, Default)]
pub struct Watched {
    last: Option<NicDump>,
}

#[derive(Serialize)]
struct LookJson {
    time: Option<String>,
    presence: driver::dump::Presence,
    registers: Vec<SeenJson>,
}

#[derive(Serialize)]
struct SeenJson {
    name: &'static str,
    value: Option<u64>,
    changed_bits: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    per_second: Option<f64>,
}

/// The next look at these registers, as a table or as a line of JSON.
pub fn watch(watched: &mut Watched, file: File, rows: &[Row], show: Show) -> String {
    let nic = file.nic;
    let seconds = match (watched.last.as_ref().and_then(|last| last.moment), nic.moment) {
        (Some(before), Some(now)) => Some(now.time_ns.saturating_sub(before.time_ns) as f64 / 1e9),
        _ => None,
    };
    let looks: Vec<Look> = rows.iter().map(|row| Look::of(row, watched.last.as_ref(), &nic, seconds)).collect();
    let time = nic.moment.map(|moment| rfc3339(moment.time_ns));
    let text = if show.json {
        let seen = |look: &Look| SeenJson {
            name: look.row.name(),
            value: look.value,
            changed_bits: look.changed,
            per_second: look.rate,
        };
        let look = LookJson { time, presence: nic.presence, registers: looks.iter().map(seen).collect() };
        serde_json::to_string(&look).unwrap_or_default() + "\n"
    } else {
        let mut grid = Grid::new(&["<REGISTER", "<VALUE", "<CHANGED", ">NUMBER", ">RATE/S"], show.paint);
        looks.iter().for_each(|look| grid.row(look.cells(show)));
        let gone = if nic.presence == driver::dump::Presence::Gone { ", device gone?" } else { "" };
        format!("{}{gone}\n{}", time.unwrap_or_else(|| "no time".to_owned()), grid.text())
    };
    watched.last = Some(nic);
    text
}

/// A register at two looks.
struct Look<'a> {
    row: &'a Row,
    value: Option<u64>,
    before: Option<u64>,
    /// Bits that differ; 0 at the first look.
    changed: u64,
    rate: Option<f64>,
}

impl<'a> Look<'a> {
    fn of(row: &'a Row, last: Option<&NicDump>, nic: &NicDump, seconds: Option<f64>) -> Self {
        let value = |nic: &NicDump| match row.high {
            Some(_) => nic.wide(row.low.offset),
            None => nic.value(row.low.offset).map(u64::from),
        };
        let (value, before) = (value(nic), last.and_then(value));
        let changed = value.zip(before).map_or(0, |(value, before)| value ^ before);
        let counts = row.low.counter || row.name().ends_with("_DROPS") || row.name() == "WINDOW_OVERRUNS";
        let rate = match (value, before, seconds) {
            (Some(value), Some(before), Some(seconds)) if counts && seconds > 0.0 => {
                let step = if row.high.is_some() {
                    value.wrapping_sub(before)
                } else {
                    u64::from((value as u32).wrapping_sub(before as u32))
                };
                Some(step as f64 / seconds)
            }
            _ => None,
        };
        Self { row, value, before, changed, rate }
    }

    fn cells(&self, show: Show) -> [String; 5] {
        let digits = if self.row.high.is_some() { 16 } else { 8 };
        let Some(value) = self.value else {
            let why = if self.row.low.access == Access::WriteOnly { "write-only" } else { "unreadable" };
            return [self.row.name().to_owned(), "-".to_owned(), why.to_owned(), String::new(), String::new()];
        };
        // Digit by digit, so that those with a changed bit stand out.
        let digit = |place: u32| {
            let text = format!("{:x}", value >> (4 * place) & 15);
            if self.changed >> (4 * place) & 15 == 0 { text } else { show.paint.changed(&text) }
        };
        let hex: String = (0..digits).rev().map(digit).collect();
        let rate = self.rate.map_or_else(String::new, |rate| {
            if rate < 10.0 { format!("{rate:.1}") } else { grouped(rate.round() as i64) }
        });
        [self.row.name().to_owned(), format!("0x{hex}"), self.changes(value), grouped(value), rate]
    }

    /// Fields that changed, old → new.
    fn changes(&self, value: u64) -> String {
        let (Some(before), true) = (self.before, self.changed != 0) else { return String::new() };
        if self.row.high.is_some() || matches!(self.row.low.fields, [only] if only.name == "value") {
            let step = i128::from(value) - i128::from(before);
            return if step > 0 { format!("+{}", grouped(step)) } else { grouped(step) };
        }
        let readable = self.row.low.fields.iter().filter(|field| field.access != Access::WriteOnly);
        let moved = readable.filter(|field| u64::from(field.mask()) & self.changed != 0);
        let shown = |field: &Field, value: u64| {
            let number = field.extract(value as u32);
            meaning(field, number).map_or_else(|| number.to_string(), str::to_owned)
        };
        let text = moved.map(|field| format!("{} {}→{}", field.name, shown(field, before), shown(field, value)));
        text.collect::<Vec<_>>().join(", ")
    }
}
