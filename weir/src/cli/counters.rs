//! `weir counters`: counters and ledgers, and whether they add up.

use clap::Args;
use driver::dump::Extent;

use super::Failure;
use super::source::{ShowArgs, SourceArgs, say_answer};
use crate::diag::counters;

const AFTER_HELP: &str = "\
Examples:
  weir counters --device 0000:03:00.0
  weir counters --check --dump snapshot.json        exit code 1 if a residual is not 0
  weir counters --check --sim capture.pcap --config weir.toml --json

An equation over both sides is open, and no failure, while something is on its way between them.";

/// Look at counters and ledgers; with --check, run the equations of conservation.
#[derive(Args, Debug)]
#[command(after_help = AFTER_HELP)]
pub(super) struct CountersArgs {
    /// Every equation of conservation with its residual; exit code 1 if one is not 0
    #[arg(long)]
    check: bool,
    #[command(flatten)]
    source: SourceArgs,
    #[command(flatten)]
    show: ShowArgs,
}

/// Looks at counters.
pub(super) fn run(args: &CountersArgs) -> Result<(), Failure> {
    let file = args.source.open()?.take(Extent::Ledgers)?;
    let show = args.show.show();
    say_answer(&if args.check { counters::check(&file, show)? } else { counters::show(&file, show) })
}
