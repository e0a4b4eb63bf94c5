//! `weir nic`: NICs on a bus, and the NIC as a process of its own.

mod serve;

use clap::{Args, Subcommand};

use super::Failure;

/// NICs on a bus, and the NIC as a process of its own.
#[derive(Args, Debug)]
pub(super) struct NicArgs {
    #[command(subcommand)]
    command: NicCommand,
}

#[derive(Debug, Subcommand)]
enum NicCommand {
    Serve(Box<serve::ServeArgs>),
}

/// Does what is asked of a NIC.
pub(super) fn run(args: &NicArgs) -> Result<(), Failure> {
    match &args.command {
        NicCommand::Serve(args) => serve::run(args),
    }
}
