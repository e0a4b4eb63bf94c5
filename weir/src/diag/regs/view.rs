//! Registers as tables and as JSON.

use driver::dump::NicDump;
use firmware_abi::registers::{Access, Field, REGISTERS, Register};
use serde::Serialize;

use super::names::{self, Named, Row};
use crate::diag::grid::{Grid, grouped};
use crate::diag::{Answer, DiagError, File, Show, json};
use crate::stats::rfc3339;

/// A register as JSON.
#[derive(Serialize)]
pub(super) struct RegisterJson {
    name: &'static str,
    offset: u32,
    address: String,
    access: &'static str,
    reset: u32,
    volatile: bool,
    counter: bool,
    description: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reads: Option<Reading>,
    fields: Vec<FieldJson>,
}

/// What a register reads, as JSON.
#[derive(Serialize)]
struct Reading {
    value: Option<u32>,
    hex: Option<String>,
    unread: Option<&'static str>,
}

#[derive(Serialize)]
struct FieldJson {
    name: &'static str,
    msb: u8,
    lsb: u8,
    access: &'static str,
    description: &'static str,
    values: Vec<ValueJson>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    meaning: Option<&'static str>,
}

#[derive(Serialize)]
struct ValueJson {
    value: u32,
    name: &'static str,
    description: &'static str,
}

/// A number of 64 bits in two registers, as JSON.
#[derive(Serialize)]
struct WideJson {
    name: &'static str,
    offset: u32,
    value: u64,
}

#[derive(Serialize)]
struct RegistersJson {
    map_hash: String,
    presence: Option<driver::dump::Presence>,
    snapshot_id: Option<u32>,
    registers: Vec<RegisterJson>,
    wide: Vec<WideJson>,
}

pub(super) const fn access_name(access: Access) -> &'static str {
    match access {
        Access::ReadOnly => "ro",
        Access::WriteOnly => "wo",
        Access::ReadWrite => "rw",
    }
}

/// Why a register has no value.
const fn unread(register: &Register) -> &'static str {
    match register.access {
        Access::WriteOnly => "write-only",
        Access::ReadOnly | Access::ReadWrite => "unreadable",
    }
}

/// What a field's number is called.
pub(super) fn meaning(field: &Field, value: u32) -> Option<&'static str> {
    field.values.iter().find(|known| known.value == value).map(|known| known.name)
}

fn register_json(register: &'static Register, nic: Option<&NicDump>) -> RegisterJson {
    let value = nic.and_then(|nic| nic.value(register.offset));
    let reads = nic.map(|_| Reading {
        value,
        hex: value.map(|value| format!("{value:#010x}")),
        unread: value.is_none().then(|| unread(register)),
    });
    let field = |field: &'static Field| {
        let value = value.filter(|_| field.access != Access::WriteOnly).map(|value| field.extract(value));
        let names = field.values.iter();
        FieldJson {
            name: field.name,
            msb: field.msb,
            lsb: field.lsb,
            access: access_name(field.access),
            description: field.description,
            values: names
                .map(|known| ValueJson { value: known.value, name: known.name, description: known.description })
                .collect(),
            value,
            meaning: value.and_then(|value| meaning(field, value)),
        }
    };
    RegisterJson {
        name: register.name,
        offset: register.offset,
        address: format!("{:#05x}", register.offset),
        access: access_name(register.access),
        reset: register.reset,
        volatile: register.volatile,
        counter: register.counter,
        description: register.description,
        reads,
        fields: register.fields.iter().map(field).collect(),
    }
}

fn rows_json(rows: &[Row], nic: Option<&NicDump>) -> String {
    let registers = rows.iter().flat_map(|row| std::iter::once(row.low).chain(row.high));
    let wide = |row: &Row| {
        let value = nic?.wide(row.low.offset).filter(|_| row.high.is_some())?;
        Some(WideJson { name: row.name(), offset: row.low.offset, value })
    };
    json(&RegistersJson {
        map_hash: nic.map_or(driver::dump::MapHash::OURS, |nic| nic.map_hash).to_string(),
        presence: nic.map(|nic| nic.presence),
        snapshot_id: nic.and_then(|nic| nic.moment).map(|moment| moment.snapshot_id),
        registers: registers.map(|register| register_json(register, nic)).collect(),
        wide: rows.iter().filter_map(wide).collect(),
    })
}

/// The first sentence.
pub(super) fn first_sentence(text: &str) -> &str {
    sentences(text).next().unwrap_or(text)
}

fn sentences(text: &str) -> impl Iterator<Item = &str> {
    text.split(". ").map(|sentence| sentence.trim_end_matches('.'))
}

/// The first sentence that is of this register, not of the whole block that it is in.
fn about(register: &'static Register) -> &'static str {
    let stem = |name: &'static str| name.trim_end_matches("_LO").trim_end_matches("_HI");
    let first = first_sentence(register.description);
    let mut others =
        REGISTERS.iter().filter(|other| !other.name.contains('[') && stem(other.name) != stem(register.name));
    let is_of_block = others.any(|other| first_sentence(other.description) == first);
    let mut all = sentences(register.description);
    let own = all.next();
    if is_of_block { all.next().or(own) } else { own }.unwrap_or_default()
}

fn access_cell(row: &Row) -> String {
    let name = access_name(row.low.access);
    if row.low.volatile { format!("{name} ∿") } else { name.to_owned() }
}

pub(super) fn bits(field: &Field) -> String {
    if field.msb == field.lsb { field.lsb.to_string() } else { format!("{}:{}", field.msb, field.lsb) }
}

/// The map itself; no NIC is needed.
///
/// # Errors
/// When a word fits no register.
pub fn list(words: &[String], show: Show) -> Result<Answer, DiagError> {
    let rows = chosen(words)?;
    if show.json {
        return Ok(Answer { text: rows_json(&rows, None), ..Answer::default() });
    }
    let mut grid = Grid::new(&["<OFFSET", "<REGISTER", "<ACCESS", "<RESET", "<DESCRIPTION"], show.paint);
    for row in &rows {
        let reset = if row.low.reset == 0 { "0".to_owned() } else { format!("{:#x}", row.low.reset) };
        let offset = format!("{:#05x}", row.low.offset);
        let about = about(row.low).to_owned();
        grid.row([offset, row.name().to_owned(), access_cell(row), reset, about]);
    }
    Ok(Answer { text: grid.text(), ..Answer::default() })
}

fn chosen(words: &[String]) -> Result<Vec<Row>, DiagError> {
    if words.is_empty() { Ok(names::rows()) } else { names::matching(words) }
}

/// Some registers with their fields.
///
/// # Errors
/// When a word fits no register.
pub fn read(file: &File, words: &[String], show: Show) -> Result<Answer, DiagError> {
    Ok(table(file, &chosen(words)?, show))
}

/// All registers with their fields; with `changed` those that do not read as after a reset.
#[must_use]
pub fn dump(file: &File, changed: bool, show: Show) -> Answer {
    let differs = |register: &Register| file.nic.value(register.offset).is_some_and(|value| value != register.reset);
    let rows = names::rows().into_iter();
    let rows = rows.filter(|row| !changed || differs(row.low) || row.high.is_some_and(differs));
    table(file, &rows.collect::<Vec<_>>(), show)
}

fn table(file: &File, rows: &[Row], show: Show) -> Answer {
    if show.json {
        return Answer::of(file, rows_json(rows, Some(&file.nic)));
    }
    let columns = ["<OFFSET", "<REGISTER", "<ACCESS", "<VALUE", "<FIELD", "<BITS", ">READS", "<MEANING"];
    let mut grid = Grid::new(&columns, show.paint);
    for row in rows {
        for line in lines(&file.nic, row, show) {
            grid.row(line);
        }
    }
    Answer::of(file, grid.text())
}

/// A register's line, and one for each of its fields.
fn lines(nic: &NicDump, row: &Row, show: Show) -> Vec<[String; 8]> {
    let register = row.low;
    let head = |value: String| [format!("{:#05x}", register.offset), row.name().to_owned(), access_cell(row), value];
    let line = |head: [String; 4], tail: [String; 4]| {
        let mut cells = head.into_iter().chain(tail);
        [(); 8].map(|()| cells.next().unwrap_or_default())
    };
    let none = || [(); 4].map(|()| String::new());
    let Some(value) = nic.value(register.offset) else {
        let mut tail = none();
        tail[3] = show.paint.dim(unread(register));
        return vec![line(head("-".to_owned()), tail)];
    };
    if nic.presence == driver::dump::Presence::Gone {
        let mut tail = none();
        tail[3] = show.paint.red("all ones");
        return vec![line(head(format!("{value:#010x}")), tail)];
    }
    if row.high.is_some() {
        let Some(wide) = nic.wide(register.offset) else { return vec![line(head("-".to_owned()), none())] };
        let tail = [String::new(), "63:0".to_owned(), grouped(wide), wide_meaning(row, wide)];
        return vec![line(head(format!("{wide:#018x}")), tail)];
    }
    let [only] = register.fields else {
        let fields = register.fields.iter().enumerate();
        let field = |(place, field): (usize, &Field)| {
            let head = if place == 0 { head(format!("{value:#010x}")) } else { none() };
            line(head, field_cells(field, value, show))
        };
        return fields.map(field).collect();
    };
    let mut tail = field_cells(only, value, show);
    if only.name == "value" {
        tail[0] = String::new();
        tail[3] = single_meaning(register, value);
    }
    vec![line(head(format!("{value:#010x}")), tail)]
}

/// Name, bits, number, meaning.
fn field_cells(field: &Field, register: u32, show: Show) -> [String; 4] {
    if field.access == Access::WriteOnly {
        return [field.name.to_owned(), bits(field), "-".to_owned(), show.paint.dim("write-only")];
    }
    let value = field.extract(register);
    let about = first_sentence(field.description);
    let about = match meaning(field, value) {
        Some(name) => format!("{name}: {about}"),
        None if !field.values.is_empty() => format!("no known value: {about}"),
        None => about.to_owned(),
    };
    let about = if value == 0 && field.msb == field.lsb { show.paint.dim(&about) } else { about };
    [field.name.to_owned(), bits(field), value.to_string(), about]
}

fn wide_meaning(row: &Row, value: u64) -> String {
    let is_time = row.name() == "TIME" || row.name() == "WINDOW_START";
    // The number has both halves.
    if is_time { rfc3339(value) } else { about(row.low).replace("Low half of the", "The") }
}

fn single_meaning(register: &'static Register, value: u32) -> String {
    if register.name == "MAGIC" {
        let letters = value.to_be_bytes();
        let text: String =
            letters.iter().map(|byte| if byte.is_ascii_graphic() { char::from(*byte) } else { '.' }).collect();
        return format!("\"{text}\"");
    }
    about(register).to_owned()
}

/// All that is known of registers, with what they read if a file is at hand.
///
/// # Errors
/// When a name is unknown.
pub fn explain(words: &[String], file: Option<&File>, show: Show) -> Result<Answer, DiagError> {
    let named = words.iter().map(|word| names::find(word)).collect::<Result<Vec<_>, _>>()?;
    Ok(explained(&named, file, show))
}

fn explained(named: &[Named], file: Option<&File>, show: Show) -> Answer {
    let text = if show.json {
        let rows: Vec<_> = named.iter().map(|named| Row { low: named.register, high: None }).collect();
        rows_json(&rows, file.map(|file| &file.nic))
    } else {
        let texts: Vec<_> = named.iter().map(|named| explanation(named, file.map(|file| &file.nic), show)).collect();
        texts.join("\n")
    };
    match file {
        Some(file) => Answer::of(file, text),
        None => Answer { text, ..Answer::default() },
    }
}

fn explanation(named: &Named, nic: Option<&NicDump>, show: Show) -> String {
    let register = named.register;
    let changes = if register.volatile { ", changed by the NIC" } else { "" };
    let access = match register.access {
        Access::ReadOnly => "read only",
        Access::WriteOnly => "write only",
        Access::ReadWrite => "read and write",
    };
    let mut out = format!(
        "{} at {:#05x}: {access}{changes}, {:#x} after reset\n  {}\n",
        show.paint.bold(register.name),
        register.offset,
        register.reset,
        register.description
    );
    let value = nic.map(|nic| nic.value(register.offset));
    match value {
        Some(Some(value)) => out.push_str(&format!("  reads {value:#010x} ({value})\n")),
        Some(None) => out.push_str(&format!("  {}\n", unread(register))),
        None => {}
    }
    let fields = register.fields.iter().filter(|field| named.field.is_none_or(|wanted| wanted == *field));
    for field in fields.filter(|field| field.name != "value") {
        let reads = value.flatten().filter(|_| field.access != Access::WriteOnly).map(|value| field.extract(value));
        let reads = reads.map_or_else(String::new, |value| format!(" = {value}"));
        let access = access_name(field.access);
        out.push_str(&format!("  {} [{}] {access}{reads}: {}\n", field.name, bits(field), field.description));
        for known in field.values {
            out.push_str(&format!("    {} = {}: {}\n", known.value, known.name, known.description));
        }
    }
    out
}

/// What is at a byte address of BAR0, which need not be a register's first.
///
/// # Errors
/// When it is no address of BAR0.
pub fn at(addresses: &[String], file: Option<&File>, show: Show) -> Result<Answer, DiagError> {
    let mut named = Vec::new();
    let mut notes = Vec::new();
    for text in addresses {
        let bytes = firmware_abi::registers::BLOCK_BYTES as u64;
        let address = names::number(text).filter(|address| *address < bytes);
        let address =
            address.ok_or_else(|| DiagError::usage(format!("`{text}`"), &format!("an address below {bytes:#x}")))?;
        let (word, byte) = (address as u32 & !3, address as u32 & 3);
        match names::at(word) {
            Some(register) => {
                if byte != 0 {
                    notes.push(format!("{address:#05x} is bits {}:{} of {}", byte * 8 + 7, byte * 8, register.name));
                }
                named.push(Named { register, field: None });
            }
            None => {
                let below = REGISTERS.iter().rev().find(|register| register.offset < word);
                let above = REGISTERS.iter().find(|register| register.offset > word);
                let name = |register: Option<&Register>| {
                    register.map_or_else(
                        || "the end".to_owned(),
                        |known| format!("{} at {:#05x}", known.name, known.offset),
                    )
                };
                notes.push(format!(
                    "{address:#05x} holds no register: it is between {} and {}",
                    name(below),
                    name(above)
                ));
            }
        }
    }
    let mut answer = explained(&named, file, show);
    answer.notes.extend(notes);
    Ok(answer)
}
