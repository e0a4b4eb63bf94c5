//! `weir man`: manual pages of this command line.

use std::path::PathBuf;

use clap::{Args, CommandFactory as _};

use super::{Cli, Failure, print};
use crate::output::OutputError;

const AFTER_HELP: &str = "\
Examples:
  weir man | man -l -
  weir man --output ~/.local/share/man/man1         a page for every command";

/// Print manual pages.
#[derive(Args, Debug)]
#[command(after_help = AFTER_HELP)]
pub(super) struct ManArgs {
    /// Writes a page for every command into this directory; without, the first page goes to standard output
    #[arg(long, short, value_name = "DIR")]
    output: Option<PathBuf>,
}

/// Prints or writes pages.
pub(super) fn run(args: &ManArgs) -> Result<(), Failure> {
    let command = Cli::command();
    let Some(directory) = &args.output else {
        let mut page = Vec::new();
        clap_mangen::Man::new(command).render(&mut page).map_err(Failure::usage)?;
        return print(&page);
    };
    let written = std::fs::create_dir_all(directory).and_then(|()| clap_mangen::generate_to(command, directory));
    let failed = |source| OutputError::File { what: "write manual pages to", path: directory.clone(), source };
    Ok(written.map_err(failed)?)
}
