//! `weir check`: the proof that every packet is accounted for.

use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use super::feed::{self, Fed, Feed};
use super::measure::MeasureArgs;
use super::replay::verdict;
use super::{Failure, print};
use crate::body::Body;
use crate::check::check_directory;
use crate::output::retention::Removed;
use crate::output::{Output, OutputOptions};
use crate::progress::{Progress, Unit};
use crate::stats::{SideJson, WindowJson, equation_lines, ledger_json, limit_lines, several, table};

const AFTER_HELP: &str = "\
Examples:
  weir check capture.pcap                           both equations of every ENI, direction and window
  weir check --json --config weir.toml a.pcap b.pcap
  weir check records                                what `weir replay --output records` wrote
  weir check records --head 4f1c…                   and that nothing is missing at its end

Exit codes: 0 all adds up, 1 it does not (the first wrong line is named), 2 wrong usage or configuration,
3 a capture is damaged, 4 a directory cannot be read, 5 the NIC failed.";

/// Prove that every packet is accounted for.
///
/// Of captures: replays them without writing records, and prints both equations of conservation for
/// each ENI, direction and window, with the residual. Of a directory of records: verifies the chain
/// of its manifest, the files' hashes, that every record can be read, and that records and equations
/// have the same sums.
#[derive(Args, Debug)]
#[command(after_help = AFTER_HELP)]
pub(super) struct CheckArgs {
    /// Captures (- is standard input), or one directory of records
    #[arg(required = true, value_name = "FILE|DIR")]
    paths: Vec<PathBuf>,
    #[command(flatten)]
    measure: MeasureArgs,
    /// Of a directory: the SHA-256 hash that its manifest's last line must have
    #[arg(long, value_name = "HASH")]
    head: Option<String>,
    /// Prints one JSON object
    #[arg(long)]
    json: bool,
    /// Nothing but errors
    #[arg(long, short)]
    quiet: bool,
}

#[derive(Serialize)]
struct CapturesJson {
    conserved: bool,
    broken_equations: u64,
    conservation: Vec<SideJson>,
    per_window: Vec<WindowJson>,
}

#[derive(Serialize)]
struct DirectoryJson {
    conserved: bool,
    windows: u64,
    files: u64,
    records: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    removed: Option<Removed>,
    head: String,
    conservation: Vec<SideJson>,
}

/// Checks captures or a directory.
pub(super) fn run(args: &CheckArgs) -> Result<(), Failure> {
    match args.paths.as_slice() {
        [directory] if directory.is_dir() => check_records(args, directory),
        paths => match paths.iter().find(|path| path.is_dir()) {
            Some(directory) => Err(Failure::Usage(format!(
                "found the directory {} among several paths, expected captures, or one directory alone",
                directory.display()
            ))),
            None if args.head.is_some() => {
                Err(Failure::Usage("found --head with captures, expected it with a directory".to_owned()))
            }
            None => check_captures(args),
        },
    }
}

fn check_captures(args: &CheckArgs) -> Result<(), Failure> {
    let config = args.measure.config()?;
    let captures = feed::open(&args.paths)?;
    let options = OutputOptions { proofs_only: true, keep_windows: true, ..OutputOptions::default() };
    let output = Output::new(&config, &options)?;
    let progress = Progress::new(Unit::Bytes, captures.size(), args.quiet);
    let feed = Feed { captures, measure: &args.measure, speed: None, progress, body: Body::Model };
    let Fed { output, damage, .. } = feed.run(config, output)?;
    let ledger = output.ledger();
    if args.json {
        let (conservation, per_window) = ledger_json(ledger);
        let (conserved, broken_equations) = (ledger.broken() == 0, ledger.broken());
        print_json(&CapturesJson { conserved, broken_equations, conservation, per_window })?;
    } else if !args.quiet {
        let mut out = String::new();
        table(&mut out, ledger);
        for (eni, direction, side) in ledger.totals() {
            limit_lines(&mut out, eni, direction, side);
        }
        print(out.as_bytes())?;
    }
    verdict(ledger.broken(), damage)
}

fn check_records(args: &CheckArgs, directory: &Path) -> Result<(), Failure> {
    let checked = check_directory(directory, args.head.as_deref()).map_err(Failure::Check)?;
    if args.json {
        let sides = checked.totals.iter();
        return print_json(&DirectoryJson {
            conserved: true,
            windows: checked.windows,
            files: checked.files,
            records: checked.records,
            removed: checked.removed,
            head: checked.head,
            conservation: sides.map(|(eni, direction, side)| SideJson::new(*eni, *direction, side)).collect(),
        });
    }
    if args.quiet {
        return Ok(());
    }
    let mut out = String::new();
    if let Some(removed) = &checked.removed {
        out.push_str(&format!(
            "{} up to {} were removed by retention\n",
            several(removed.windows, "window"),
            removed.until
        ));
    }
    if checked.brought_up > 0 {
        out.push_str(&format!("the NIC was brought up anew {}\n", several(checked.brought_up, "time")));
    }
    for (eni, direction, side) in &checked.totals {
        equation_lines(&mut out, *eni, *direction, &side.equation);
    }
    out.push_str(&format!(
        "{}, {}, {}: chain, hashes, records and equations agree\nhead {}\n",
        several(checked.windows, "window"),
        several(checked.files, "file"),
        several(checked.records, "record"),
        checked.head
    ));
    print(out.as_bytes())
}

fn print_json(value: &impl Serialize) -> Result<(), Failure> {
    let mut text = serde_json::to_vec(value).map_err(Failure::usage)?;
    text.push(b'\n');
    print(&text)
}
