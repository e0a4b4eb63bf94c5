//! `weir bundle`: one file for a bug report.

use std::path::PathBuf;

use clap::Args;
use driver::dump::Extent;

use super::source::{SourceArgs, say_answer};
use super::{Failure, say};
use crate::diag::bundle::{Extras, write};
use crate::diag::{Answer, DiagError, Redacted};

const AFTER_HELP: &str = "\
Examples:
  weir bundle --device 0000:03:00.0 --config weir.toml --log /var/log/weir.log
  weir bundle --dump snapshot.json --output report.tar.zst
  weir health diagnose --dump report.tar.zst        every command reads it again

It holds the dump, rings with their newest entries, health, counters and equations, versions, the configuration
without secrets and names, and the last lines of the log without secrets.";

/// Pack what a bug report needs: dump, rings, health, redacted configuration, versions, last log lines.
#[derive(Args, Debug)]
#[command(after_help = AFTER_HELP)]
pub(super) struct BundleArgs {
    /// The file to write, a tar archive in zstd
    #[arg(long, short, value_name = "FILE", default_value = "weir-bundle.tar.zst")]
    output: PathBuf,
    /// A log, of which the last lines go in
    #[arg(long, value_name = "FILE")]
    log: Option<PathBuf>,
    /// How many lines of it
    #[arg(long, value_name = "N", default_value_t = 500, requires = "log")]
    log_lines: usize,
    #[command(flatten)]
    source: SourceArgs,
}

/// Packs a bundle.
pub(super) fn run(args: &BundleArgs) -> Result<(), Failure> {
    let file = args.source.open()?.take(Extent::Everything)?;
    let read = |path: &PathBuf| {
        let bytes = std::fs::read(path);
        let text = bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        text.map_err(|error| DiagError::Read { path: path.clone(), problem: error.to_string() })
    };
    let config = args.source.config.as_ref().map(read).transpose()?;
    let log = args.log.as_ref().map(read).transpose()?.map(|text| Redacted::log(&text, args.log_lines));
    let members = write(&args.output, &file, &Extras { config, log })?;
    say(&format!("{}: {}\n", args.output.display(), members.join(", ")));
    say_answer(&Answer { code: 0, ..Answer::of(&file, String::new()) })
}
