//! `weir models`: the table of instance models, as text and as JSON.
//!
//! A figure that was assumed, not published, is marked in both: `~` in text, with a legend, and
//! `"assumed": true` beside the value in JSON.

use std::io::{self, Write};

use flowlog::catalogue::{Figure, ModelError, ModelTable, Profile};
use serde::Serialize;

/// How the table is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ModelsFormat {
    /// For people.
    Text,
    /// For programs: an array with one object per model.
    Json,
}

/// Why the table is not written.
#[derive(Debug, thiserror::Error)]
pub enum ModelsError {
    /// No such family.
    #[error(transparent)]
    Family(#[from] ModelError),
    /// The output takes no more.
    #[error("cannot write the models: {0}")]
    Write(#[from] io::Error),
}

/// Writes all models, or those of one family.
pub fn write_models(
    table: &ModelTable,
    family: Option<&str>,
    format: ModelsFormat,
    out: &mut impl Write,
) -> Result<(), ModelsError> {
    let profiles: Vec<&Profile> = match family {
        Some(family) => table.family(family)?,
        None => table.profiles().iter().collect(),
    };
    match format {
        ModelsFormat::Text => write_text(&profiles, out)?,
        ModelsFormat::Json => write_json(&profiles, out)?,
    }
    Ok(())
}

const HEADER: [&str; 11] = [
    "MODEL",
    "VCPU",
    "FLOW-LOGS",
    "PPS",
    "GBIT/S",
    "QUEUES",
    "ENIS",
    "IPS/ENI",
    "CONNECTIONS",
    "FLOW-ENTRIES",
    "SOURCE",
];

fn write_text(profiles: &[&Profile], out: &mut impl Write) -> io::Result<()> {
    let mut sources: Vec<&str> = Vec::new();
    let mut rows: Vec<[String; 11]> = vec![HEADER.map(str::to_owned)];
    for profile in profiles {
        let known = sources.iter().position(|source| *source == profile.source);
        let source = known.unwrap_or_else(|| {
            sources.push(&profile.source);
            sources.len() - 1
        });
        rows.push(text_row(profile, source + 1));
    }
    let mut widths = [0; 11];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.chars().count().max(*width);
        }
    }
    for row in &rows {
        let mut line = String::new();
        for (index, (cell, width)) in row.iter().zip(widths).enumerate() {
            if index == 0 {
                line.push_str(&format!("{cell:<width$}"));
            } else {
                line.push_str(&format!("  {cell:>width$}"));
            }
        }
        writeln!(out, "{}", line.trim_end())?;
    }
    writeln!(out)?;
    writeln!(out, "~ marks a figure that is assumed; the others were published.")?;
    writeln!(out, "- stands where there is no figure: no limit is enforced.")?;
    writeln!(out, "A memory size may follow the name, as in S3.LARGE8; it changes no figure.")?;
    for (index, source) in sources.iter().enumerate() {
        writeln!(out, "[{}] {source}", index + 1)?;
    }
    Ok(())
}

fn text_row(profile: &Profile, source: usize) -> [String; 11] {
    [
        profile.name().to_string(),
        profile.size.vcpus().to_string(),
        if profile.supported_for_flow_logs { "yes" } else { "no" }.to_owned(),
        marked(&profile.packets_per_second, |pps| pps.to_string()),
        profile.bits_per_second.as_ref().map_or_else(|| "-".to_owned(), |bits| marked(bits, |bits| gigabits(*bits))),
        marked(&profile.queues, |queues| queues.to_string()),
        marked(&profile.enis, |enis| enis.to_string()),
        marked(&profile.ips_per_eni, |ips| ips.to_string()),
        marked(&profile.max_connections, |max| max.to_string()),
        marked(&profile.flow_entries, |entries| entries.to_string()),
        format!("[{source}]"),
    ]
}

fn marked<T>(figure: &Figure<T>, text: impl Fn(&T) -> String) -> String {
    let mark = if figure.is_assumed() { "~" } else { "" };
    format!("{mark}{}", text(&figure.value))
}

/// Gigabits with one decimal, or as many as it takes to be exact.
fn gigabits(bits: u64) -> String {
    const GIGA: u64 = 1_000_000_000;
    let fraction = format!("{:09}", bits % GIGA);
    let fraction = fraction.trim_end_matches('0');
    format!("{}.{fraction:0<1}", bits / GIGA)
}

#[derive(Serialize)]
struct JsonFigure<T> {
    value: T,
    assumed: bool,
}

impl<T: Copy> From<&Figure<T>> for JsonFigure<T> {
    fn from(figure: &Figure<T>) -> Self {
        Self { value: figure.value, assumed: figure.is_assumed() }
    }
}

#[derive(Serialize)]
struct JsonModel<'a> {
    model: String,
    family: &'a str,
    vcpus: u16,
    supported_for_flow_logs: bool,
    packets_per_second: JsonFigure<u64>,
    bits_per_second: Option<JsonFigure<u64>>,
    queues: JsonFigure<u16>,
    enis: JsonFigure<u16>,
    ips_per_eni: JsonFigure<u16>,
    max_connections: JsonFigure<u32>,
    flow_entries: JsonFigure<u32>,
    source: &'a str,
}

fn write_json(profiles: &[&Profile], out: &mut impl Write) -> io::Result<()> {
    let models: Vec<JsonModel<'_>> = profiles
        .iter()
        .map(|profile| JsonModel {
            model: profile.name().to_string(),
            family: &profile.family,
            vcpus: profile.size.vcpus(),
            supported_for_flow_logs: profile.supported_for_flow_logs,
            packets_per_second: (&profile.packets_per_second).into(),
            bits_per_second: profile.bits_per_second.as_ref().map(JsonFigure::from),
            queues: (&profile.queues).into(),
            enis: (&profile.enis).into(),
            ips_per_eni: (&profile.ips_per_eni).into(),
            max_connections: (&profile.max_connections).into(),
            flow_entries: (&profile.flow_entries).into(),
            source: &profile.source,
        })
        .collect();
    serde_json::to_writer_pretty(&mut *out, &models)?;
    writeln!(out)
}
