//! `weir models`: the instance models and their limits.

use clap::Args;
use flowlog::catalogue::ModelTable;

use super::{Failure, print};
use crate::models::{ModelsFormat, write_models};

const AFTER_HELP: &str = "\
Examples:
  weir models
  weir models S3
  weir models --json | jq '.[] | select(.supported_for_flow_logs) | .model'";

/// List the instance models and their limits.
///
/// Figures that are assumed and not published are marked: with ~ in the table, with \"assumed\": true in
/// JSON.
#[derive(Args, Debug)]
#[command(after_help = AFTER_HELP)]
pub(super) struct ModelsArgs {
    /// Only this family, like S3
    family: Option<String>,
    /// Prints a JSON array
    #[arg(long)]
    json: bool,
}

/// Lists models.
pub(super) fn run(args: &ModelsArgs) -> Result<(), Failure> {
    let format = if args.json { ModelsFormat::Json } else { ModelsFormat::Text };
    let mut text = Vec::new();
    write_models(ModelTable::shipped(), args.family.as_deref(), format, &mut text).map_err(Failure::usage)?;
    print(&text)
}
