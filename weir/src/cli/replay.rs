//! `weir replay`: captures in, flow log records out.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use flowlog::record::FieldList;

#[cfg(feature = "pci")]
use super::device::DeviceArgs;
use super::feed::{self, Fed, Feed};
use super::files::FilesArgs;
use super::measure::MeasureArgs;
use super::{Failure, When, say};
use crate::body::{Body, RtlOptions};
use crate::output::{Format, Output, OutputError, OutputOptions};
use crate::progress::{Progress, Unit};
use crate::stats::Summary;

const AFTER_HELP: &str = "\
Examples:
  weir replay capture.pcap
  weir replay --window 60s --format ndjson capture.pcap | jq .
  weir replay --config weir.toml --output records --rotate-size 64M morning.pcap.zst noon.pcap.gz
  weir replay --fields 'srcaddr dstaddr packets bytes action x-rule-id' capture.pcap
  weir replay --from +10s --to +20s capture.pcap
  weir replay --model S3.LARGE8 --stats text capture.pcap > records.log
  zcat capture.pcap.gz | weir replay - | head

Exit codes: 0 all went well, 1 conservation is broken, 2 wrong usage or configuration, 3 a capture is
damaged (the records of what came before are out), 4 records cannot be written, 5 the NIC failed.";

/// Send captures through the simulated NIC and write their flow log records.
///
/// Captures are pcap or pcapng, plain or in gzip or zstd; several are merged by time. Their clock is the
/// NIC's: the same input gives the same bytes, always.
#[derive(Args, Debug)]
#[command(after_help = AFTER_HELP)]
pub(super) struct ReplayArgs {
    /// Captures; - is standard input
    #[arg(required_unless_present = "device", conflicts_with = "device", value_name = "FILE")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    measure: MeasureArgs,
    /// Form of the records
    #[arg(long, value_enum, default_value_t, help_heading = "Records")]
    format: Format,
    /// Fields of a record, with spaces or commas between them, in place of those of the flow logs.
    /// Text then has a header line
    #[arg(long, value_name = "LIST", help_heading = "Records")]
    fields: Option<FieldList>,
    /// Writes what would go to standard output to a directory: a file per ENI and window, and a
    /// manifest whose lines chain
    #[arg(long, short, value_name = "DIR", help_heading = "Records")]
    output: Option<PathBuf>,
    #[command(flatten)]
    form: FilesArgs,
    /// Replaces the records of an earlier run in the directories that are written to
    #[arg(long, help_heading = "Records")]
    overwrite: bool,
    /// Replays at so many times the captures' own pace; as fast as possible without
    #[arg(long, value_name = "N", value_parser = speed, conflicts_with = "device", help_heading = "Running")]
    speed: Option<f64>,
    /// The NIC: its model, or the RTL
    #[arg(long, value_enum, default_value_t, conflicts_with = "device", help_heading = "Running")]
    nic: NicChoice,
    #[command(flatten)]
    elsewhere: DeviceArgs,
    #[command(flatten)]
    trace: TraceArgs,
    /// Seed of whatever is random. In the model nothing is, in the RTL what no reset sets; the statistics
    /// repeat it
    #[arg(long, value_name = "N", default_value_t = 1, help_heading = "Running")]
    seed: u64,
    /// Statistics at the end, on standard error: all equations, drops by limit, the NIC's report
    #[arg(long, value_enum, help_heading = "Running")]
    stats: Option<StatsFormat>,
    /// Writes the statistics to a file; JSON, if --stats does not say text
    #[arg(long, value_name = "FILE", help_heading = "Running")]
    stats_file: Option<PathBuf>,
    /// All statistics, and the equations of each window in them
    #[arg(long, short, help_heading = "Running")]
    verbose: bool,
    /// No summary and no progress on standard error; errors are still told
    #[arg(long, short, help_heading = "Running")]
    quiet: bool,
}

/// The NIC of a replay.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum NicChoice {
    /// The model in Rust
    #[default]
    Model,
    /// The RTL, verilated: slower, and the same records byte for byte
    Rtl,
}

/// Without a bus there is no other.
#[cfg(not(feature = "pci"))]
#[derive(Args, Clone, Debug)]
struct DeviceArgs {
    #[arg(long, hide = true)]
    device: Option<String>,
}

/// Where the RTL's signals are written.
#[derive(Args, Clone, Debug)]
pub(super) struct TraceArgs {
    /// Writes the RTL's signals to a VCD file; needs a weir with the feature `rtl-trace`
    #[arg(long, value_name = "FILE", help_heading = "Tracing the RTL")]
    trace: Option<PathBuf>,
    /// From this time on: RFC 3339 or Unix seconds
    #[arg(long, value_name = "TIME", requires = "trace", help_heading = "Tracing the RTL")]
    trace_from: Option<When>,
    /// Up to this time
    #[arg(long, value_name = "TIME", requires = "trace", help_heading = "Tracing the RTL")]
    trace_to: Option<When>,
}

impl TraceArgs {
    /// How the RTL is run.
    pub(super) fn options(&self, seed: u64) -> Result<RtlOptions, Failure> {
        if self.trace.is_some() && !cfg!(feature = "rtl-trace") {
            let wanted = "found --trace, expected a weir that was built with `--features rtl-trace`";
            return Err(Failure::Usage(wanted.to_owned()));
        }
        let bound = |when: Option<When>, otherwise: u64| when.map_or(otherwise, |when| when.unix_ns(0));
        let trace = self.trace.clone().map(|file| (file, bound(self.trace_from, 0), bound(self.trace_to, u64::MAX)));
        Ok(RtlOptions { seed, trace })
    }
}

/// The form of statistics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum StatsFormat {
    /// Tables for people
    Text,
    /// One JSON object
    Json,
}

/// A factor above 0.
fn speed(text: &str) -> Result<f64, String> {
    let wrong = || format!("found `{text}`, expected a number above 0");
    text.parse().ok().filter(|speed: &f64| speed.is_finite() && *speed > 0.0).ok_or_else(wrong)
}

impl ReplayArgs {
    fn options(&self) -> OutputOptions {
        OutputOptions {
            fields: self.fields.clone(),
            directory: self.output.clone(),
            overwrite: self.overwrite,
            keep_windows: self.verbose,
            ..self.form.options(self.format)
        }
    }

    /// Says what was asked for, where it was asked for.
    fn report(&self, summary: &Summary<'_>) -> Result<(), Failure> {
        let Some(path) = &self.stats_file else {
            match self.stats {
                Some(StatsFormat::Json) => say(&summary.json()),
                Some(StatsFormat::Text) => say(&summary.long_text()),
                None if self.quiet => {}
                None if self.verbose => say(&summary.long_text()),
                None => say(&summary.short_text()),
            }
            return Ok(());
        };
        let text = match self.stats {
            Some(StatsFormat::Text) => summary.long_text(),
            Some(StatsFormat::Json) | None => summary.json(),
        };
        let written = std::fs::write(path, text);
        written.map_err(|source| OutputError::File { what: "write the statistics to", path: path.clone(), source })?;
        if !self.quiet {
            say(&summary.short_text());
        }
        Ok(())
    }
}

/// Replays captures.
pub(super) fn run(args: &ReplayArgs) -> Result<(), Failure> {
    #[cfg(feature = "pci")]
    if let Some(device) = &args.elsewhere.device {
        return run_elsewhere(args, device);
    }
    #[cfg(not(feature = "pci"))]
    if args.elsewhere.device.is_some() {
        let wanted = "found --device, expected a weir that was built with the feature `pci`";
        return Err(Failure::Usage(wanted.to_owned()));
    }
    let config = args.measure.config()?;
    let captures = feed::open(&args.files)?;
    let window_seconds = config.settings.window.get();
    let output = Output::new(&config, &args.options())?;
    let progress = Progress::beside_records(Unit::Bytes, captures.size(), args.quiet, output.uses_stdout());
    let body = match args.nic {
        NicChoice::Model if args.trace.trace.is_some() => {
            return Err(Failure::Usage("found --trace with the model, expected it with --nic rtl".to_owned()));
        }
        NicChoice::Model => Body::Model,
        NicChoice::Rtl => Body::Rtl(args.trace.options(args.seed)?),
    };
    let feed = Feed { captures, measure: &args.measure, speed: args.speed, progress, body };
    let fed = feed.run(config, output)?;
    let inputs: Vec<String> = args.files.iter().map(|file| file.display().to_string()).collect();
    conclude(args, fed, window_seconds, &inputs)
}

/// Replays the traffic of a NIC elsewhere.
#[cfg(feature = "pci")]
fn run_elsewhere(args: &ReplayArgs, device: &crate::diag::device::DeviceName) -> Result<(), Failure> {
    if args.measure.from.is_some() || args.measure.to.is_some() {
        let wanted =
            "found --from or --to with --device, expected them with the `weir nic serve` that has the captures";
        return Err(Failure::Usage(wanted.to_owned()));
    }
    let config = args.measure.config()?;
    let window_seconds = config.settings.window.get();
    let output = Output::new(&config, &args.options())?;
    let fed =
        args.elsewhere.open(device, args.quiet, super::device::Measuring { config, output, quiet: args.quiet })?;
    conclude(args, fed, window_seconds, &[device.to_string()])
}

/// Says what came of a replay.
fn conclude(args: &ReplayArgs, fed: Fed, window_seconds: u32, inputs: &[String]) -> Result<(), Failure> {
    let Fed { mut output, run, damage, cut } = fed;
    output.flush()?;
    let summary = Summary {
        inputs,
        seed: args.seed,
        window_seconds,
        ledger: output.ledger(),
        records: output.records(),
        run: run.as_ref(),
    };
    args.report(&summary)?;
    verdict(output.ledger().broken(), damage)?;
    if cut { Err(Failure::CutShort) } else { Ok(()) }
}

/// What the exit code says: broken conservation before a damaged capture, and both are told.
pub(super) fn verdict(broken: u64, damage: Option<sim::capture::CaptureError>) -> Result<(), Failure> {
    match (broken, damage) {
        (0, None) => Ok(()),
        (0, Some(damage)) => Err(Failure::Capture(damage)),
        (broken, damage) => {
            if let Some(damage) = damage {
                say(&format!("{}{damage}\n", super::failure::label()));
            }
            Err(Failure::Conservation { broken })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::verdict;
    use sim::capture::Capture;

    #[test]
    fn broken_conservation_is_exit_code_1_also_where_a_capture_is_damaged() {
        let damage = || Capture::open(std::path::Path::new("no-such.pcap")).err();
        let code = |broken, damage| verdict(broken, damage).map_or_else(|failure| failure.code(), |()| 0);
        assert_eq!([code(0, None), code(2, None), code(0, damage()), code(2, damage())], [0, 1, 3, 1]);
        let message = verdict(2, None).err().and_then(|failure| failure.message()).unwrap_or_default();
        assert!(message.starts_with("CONSERVATION IS BROKEN: 2 equations"), "{message}");
    }
}
