//! `weir tables`: how full the flow tables are, and whether both sides agree about them.

use clap::Args;
use driver::dump::Extent;

use super::Failure;
use super::source::{ShowArgs, SourceArgs, say_answer};
use crate::diag::tables;

const AFTER_HELP: &str = "\
Examples:
  weir tables --device 0000:03:00.0
  weir tables --dump snapshot.json --json";

/// Look at the flow tables: room, ENIs, buckets, and where NIC and driver differ.
#[derive(Args, Debug)]
#[command(after_help = AFTER_HELP)]
pub(super) struct TablesArgs {
    #[command(flatten)]
    source: SourceArgs,
    #[command(flatten)]
    show: ShowArgs,
}

/// Looks at tables.
pub(super) fn run(args: &TablesArgs) -> Result<(), Failure> {
    let file = args.source.open()?.take(Extent::Everything)?;
    say_answer(&tables::show(&file, args.show.show())?)
}
