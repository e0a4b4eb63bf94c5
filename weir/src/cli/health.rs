//! `weir health`: whether all is well, and what is not.

use clap::{Args, ValueEnum};
use driver::dump::Extent;

use super::Failure;
use super::source::{ShowArgs, SourceArgs, say_answer};
use crate::diag::health;

const AFTER_HELP: &str = "\
Examples:
  weir health --device 0000:03:00.0                 green, amber or red
  weir health diagnose --dump snapshot.json         what is red or amber, and why

Exit codes: 0 nothing is red, 1 something is, 2 wrong usage, 3 a file cannot be read, 5 no NIC, or it is gone.";

/// Say whether all is well; `diagnose` lists what is not, with its reason.
#[derive(Args, Debug)]
#[command(after_help = AFTER_HELP)]
pub(super) struct HealthArgs {
    /// What to say
    what: Option<What>,
    #[command(flatten)]
    source: SourceArgs,
    #[command(flatten)]
    show: ShowArgs,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum What {
    /// Every finding with its reason
    Diagnose,
}

/// Says how things are.
pub(super) fn run(args: &HealthArgs) -> Result<(), Failure> {
    let file = args.source.open()?.take(Extent::Ledgers)?;
    say_answer(&health::show(&file, args.what.is_some(), args.show.show()))
}
