//! `weir snapshot`: everything of one instant, in a file.

use std::path::PathBuf;

use clap::Args;
use driver::dump::Extent;

use super::source::{SourceArgs, say_answer};
use super::{Failure, say};
use crate::diag::{Answer, DiagError};

const AFTER_HELP: &str = "\
Examples:
  weir snapshot --device 0000:03:00.0 --output snapshot.json
  weir snapshot --sim capture.pcap --at +30s -o snapshot.json.zst
  weir snapshot --device vfio-user:/run/weir-nic.sock | jq .nic.moment

Every other command reads the file with --dump. It has one snapshot's id for registers, rings, ledgers and tables,
and says what the NIC did while it was read. It holds addresses and ports of flows, and nothing of what they carry.";

/// Take a dump of everything at one instant: registers, rings, ledgers, tables, flows.
#[derive(Args, Debug)]
#[command(after_help = AFTER_HELP)]
pub(super) struct SnapshotArgs {
    /// The file; in zstd if its name ends in .zst. Standard output without
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    source: SourceArgs,
}

/// Takes a dump.
pub(super) fn run(args: &SnapshotArgs) -> Result<(), Failure> {
    let file = args.source.open()?.take(Extent::Everything)?;
    let bytes = file.bytes();
    let Some(path) = &args.output else {
        let text = String::from_utf8(bytes).map_err(Failure::usage)?;
        return say_answer(&Answer::of(&file, text));
    };
    let failed = |source| DiagError::Write { path: path.clone(), source };
    let is_packed = path.extension().is_some_and(|extension| extension == "zst");
    let bytes = if is_packed { zstd::encode_all(bytes.as_slice(), 0).map_err(failed)? } else { bytes };
    std::fs::write(path, bytes).map_err(failed)?;
    if let Some(moment) = file.nic.moment {
        say(&format!("snapshot {} in {}\n", moment.snapshot_id, path.display()));
    }
    say_answer(&Answer::of(&file, String::new()))
}
