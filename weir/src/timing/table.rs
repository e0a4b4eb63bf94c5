//! What was timed, as tables in Markdown and as JSON.

use super::{Figure, Latencies, Timing};
use std::fmt::Write as _;

/// One JSON object: all timings, and the greatest error.
#[must_use]
pub fn json(timings: &[Timing]) -> String {
    #[derive(serde::Serialize)]
    struct All<'a> {
        traces: &'a [Timing],
        error_percent_max: f64,
    }
    let worst = timings.iter().flat_map(Timing::figures).map(|(_, figure)| figure.error_percent.abs());
    let all = All { traces: timings, error_percent_max: worst.fold(0.0, f64::max) };
    match serde_json::to_string_pretty(&all) {
        Ok(text) => text + "\n",
        Err(error) => panic!("figures are JSON: {error}"),
    }
}

/// Both sides and the error.
fn cell(figure: Option<Figure>, unit: f64) -> String {
    let Some(Figure { model, rtl, error_percent }) = figure else { return String::new() };
    // No sign before 0.
    let error = if error_percent.abs() < 0.005 { 0.0 } else { error_percent };
    format!("{:.1} / {:.1} ({error:.2})", model / unit, rtl / unit)
}

fn table(out: &mut String, head: &[&str], rows: &[Vec<String>]) {
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].len());
        cells.chain([head[column].len()]).max().unwrap_or(0)
    };
    let mut line = |cells: &dyn Fn(usize) -> String| {
        let cells: Vec<String> = (0..head.len()).map(cells).collect();
        let _ = writeln!(out, "| {} |", cells.join(" | "));
    };
    line(&|column| format!("{:<1$}", head[column], width(column)));
    line(&|column| if column == 0 { "-".repeat(width(0)) } else { "-".repeat(width(column) - 1) + ":" });
    for row in rows {
        line(&|column| match column {
            0 => format!("{:<1$}", row[0], width(0)),
            _ => format!("{:>1$}", row[column], width(column)),
        });
    }
}

fn latency_cells(latencies: Option<Latencies>) -> [String; 4] {
    let count = latencies.map_or(0, |latencies| latencies.count).to_string();
    let figures = latencies.map(|all| [all.p50_ns, all.p99_ns, all.p999_ns]);
    let [p50, p99, p999] = [0, 1, 2].map(|index| cell(figures.map(|figures| figures[index]), 1.0));
    [count, p50, p99, p999]
}

/// Two tables: throughput and pipeline; punts and drains. A cell is "model / RTL (error in %)".
#[must_use]
pub fn tables(timings: &[Timing]) -> String {
    let mut out = String::new();
    let rows = timings.iter().map(|timing| {
        let mut row = vec![timing.trace.clone(), timing.frames.to_string(), cell(Some(timing.frames_per_second), 1e6)];
        row.extend(latency_cells(timing.pipeline));
        row
    });
    let head = ["trace", "frames", "M frames/s", "forwarded", "p50, ns", "p99, ns", "p99.9, ns"];
    table(&mut out, &head, &rows.collect::<Vec<_>>());
    let rows = timings.iter().filter(|timing| timing.punts.is_some() || timing.drains > 0).map(|timing| {
        let mut row = vec![timing.trace.clone()];
        row.extend(latency_cells(timing.punts));
        row.extend([timing.drains.to_string(), cell(timing.drain_ns, 1e3), cell(timing.longest_drain_ns, 1e3)]);
        row
    });
    let head = ["trace", "punts", "p50, ns", "p99, ns", "p99.9, ns", "drains", "mean, us", "longest, us"];
    out.push('\n');
    table(&mut out, &head, &rows.collect::<Vec<_>>());
    out
}
