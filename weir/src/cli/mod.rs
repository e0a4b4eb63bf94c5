//! The command line: `weir COMMAND`.
//!
//! Every command is a file of this folder: its options, and a function that does it and answers
//! `Ok` or a [`Failure`]. Only this file turns a failure into a message and an exit code.

mod bundle;
mod check;
mod completions;
mod count;
mod counters;
#[cfg(feature = "pci")]
mod describe;
#[cfg(feature = "pci")]
mod device;
mod failure;
mod feed;
mod files;
mod flows;
mod generate;
mod health;
mod lockstep;
mod man;
mod measure;
mod models;
#[cfg(feature = "pci")]
mod nic;
mod regs;
mod replay;
mod rings;
#[cfg(feature = "pci")]
mod run;
mod snapshot;
mod source;
mod tables;
#[cfg(feature = "pci")]
mod top;
mod when;

use std::ffi::OsString;
use std::io::Write as _;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

pub use failure::Failure;
pub use when::{When, WhenError};

const AFTER_HELP: &str = "\
Examples:
  weir replay capture.pcap                        records on standard output
  weir replay --config weir.toml --window 60s capture.pcapng.gz
  weir run                                        live flow logs of simulated guests, or of the NIC of --device
  tcpdump -w - | weir replay -                    from a pipe
  weir replay --output records capture.pcap && weir check records
  weir check capture.pcap                         only the proof that every packet is accounted for
  weir models S3                                  limits of the instance models
  weir generate --packets 100k --flows 5k traffic.pcap
  weir health diagnose --device 0000:03:00.0      what is red in a NIC, and why
  weir regs explain STATUS

Exit codes:
  0  all went well
  1  conservation is broken: packets or bytes are missing or doubled, or records were changed; of the
     diagnostic commands: something is red, different or not as expected
  2  wrong usage or configuration
  3  a capture or dump is damaged or cannot be read; the records of what came before are out
  4  records cannot be written or read back
  5  the NIC or its driver failed

NO_COLOR turns colours off.";

/// Flow logs, measured in the NIC.
///
/// Weir counts every packet that crosses a server's network interfaces, in the NIC, and turns the
/// counts into flow logs. It accounts for every packet: what crossed equals what was logged plus what was
/// explicitly skipped.
#[derive(Debug, Parser)]
#[command(name = "weir", version, after_help = AFTER_HELP, max_term_width = 110)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

/// What each does is said at its options.
#[derive(Debug, Subcommand)]
enum Command {
    #[cfg(feature = "pci")]
    Run(Box<run::RunArgs>),
    Replay(Box<replay::ReplayArgs>),
    #[command(visible_alias = "verify")]
    Check(Box<check::CheckArgs>),
    Lockstep(Box<lockstep::LockstepArgs>),
    Models(models::ModelsArgs),
    #[cfg(feature = "pci")]
    Nic(nic::NicArgs),
    #[cfg(feature = "pci")]
    Eni(describe::EniArgs),
    #[cfg(feature = "pci")]
    Flowlog(describe::FlowlogArgs),
    #[cfg(feature = "pci")]
    Top(top::TopArgs),
    Generate(generate::GenerateArgs),
    Regs(Box<regs::RegsArgs>),
    Flows(Box<flows::FlowsArgs>),
    Rings(Box<rings::RingsArgs>),
    Tables(Box<tables::TablesArgs>),
    Counters(Box<counters::CountersArgs>),
    Health(Box<health::HealthArgs>),
    Snapshot(Box<snapshot::SnapshotArgs>),
    Bundle(Box<bundle::BundleArgs>),
    Completions(completions::CompletionsArgs),
    Man(man::ManArgs),
}

/// Runs the command that `args`, the program's name first, ask for.
#[must_use]
pub fn run(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error) => {
            // Help that nobody reads to its end is no failure.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    let result = match &cli.command {
        #[cfg(feature = "pci")]
        Command::Run(args) => run::run(args),
        Command::Replay(args) => replay::run(args),
        Command::Check(args) => check::run(args),
        Command::Lockstep(args) => lockstep::run(args),
        Command::Models(args) => models::run(args),
        #[cfg(feature = "pci")]
        Command::Nic(args) => nic::run(args),
        #[cfg(feature = "pci")]
        Command::Eni(args) => describe::enis(args),
        #[cfg(feature = "pci")]
        Command::Flowlog(args) => describe::flow_logs(args),
        #[cfg(feature = "pci")]
        Command::Top(args) => top::run(args),
        Command::Generate(args) => generate::run(args),
        Command::Regs(args) => regs::run(args),
        Command::Flows(args) => flows::run(args),
        Command::Rings(args) => rings::run(args),
        Command::Tables(args) => tables::run(args),
        Command::Counters(args) => counters::run(args),
        Command::Health(args) => health::run(args),
        Command::Snapshot(args) => snapshot::run(args),
        Command::Bundle(args) => bundle::run(args),
        Command::Completions(args) => completions::run(args),
        Command::Man(args) => man::run(args),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            if let Some(message) = failure.message() {
                say(&format!("{}{message}\n", failure::label()));
            }
            ExitCode::from(failure.code())
        }
    }
}

/// Writes to standard error; where nobody listens, nothing is lost.
fn say(text: &str) {
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}

/// Writes to standard output, as a whole.
fn print(text: &[u8]) -> Result<(), Failure> {
    let mut stdout = std::io::stdout().lock();
    let written = stdout.write_all(text).and_then(|()| stdout.flush());
    written.map_err(|error| Failure::Output(crate::output::OutputError::stdout(error)))
}
