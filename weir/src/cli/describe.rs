//! `weir eni` and `weir flowlog`: what a daemon has.

use clap::{Args, Subcommand};

use super::run::HomeArgs;
use super::{Failure, print};
use crate::api::client;

/// The ENIs of a daemon, with what crossed them.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  weir eni describe | jq '.enis[] | {\"eni-id\", addresses}'
  weir eni describe --state demo")]
pub(super) struct EniArgs {
    #[command(subcommand)]
    command: EniCommand,
}

#[derive(Debug, Subcommand)]
enum EniCommand {
    /// Print the ENIs as JSON: addresses, groups, flow logs, both equations since the daemon started
    Describe(HomeArgs),
}

/// The flow logs of a daemon, and its windows.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  weir flowlog describe
  weir flowlog windows | jq '.windows[-1]'")]
pub(super) struct FlowlogArgs {
    #[command(subcommand)]
    command: FlowlogCommand,
}

#[derive(Debug, Subcommand)]
enum FlowlogCommand {
    /// Print the flow logs as JSON: scope, traffic, fields, destinations
    Describe(HomeArgs),
    /// Print the last windows on disk as JSON
    Windows(HomeArgs),
}

fn ask(home: &HomeArgs, path: &str) -> Result<(), Failure> {
    let mut text = client::get(&home.home().api(), path).map_err(Failure::device)?;
    text.push('\n');
    print(text.as_bytes())
}

/// Prints the ENIs.
pub(super) fn enis(args: &EniArgs) -> Result<(), Failure> {
    let EniCommand::Describe(home) = &args.command;
    ask(home, "/v1/enis")
}

/// Prints flow logs or windows.
pub(super) fn flow_logs(args: &FlowlogArgs) -> Result<(), Failure> {
    match &args.command {
        FlowlogCommand::Describe(home) => ask(home, "/v1/flow-logs"),
        FlowlogCommand::Windows(home) => ask(home, "/v1/windows"),
    }
}
