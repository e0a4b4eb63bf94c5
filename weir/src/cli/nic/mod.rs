//! `weir nic`: NICs on a bus, and the NIC as a process of its own.

mod binding;
mod selftest;
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
    List(binding::ListArgs),
    Bind(binding::BindArgs),
    Unbind(binding::UnbindArgs),
    Selftest(selftest::SelftestArgs),
    Serve(Box<serve::ServeArgs>),
}

/// Does what is asked of a NIC.
pub(super) fn run(args: &NicArgs) -> Result<(), Failure> {
    match &args.command {
        NicCommand::List(args) => binding::list(args),
        NicCommand::Bind(args) => binding::bind(args),
        NicCommand::Unbind(args) => binding::unbind(args),
        NicCommand::Selftest(args) => selftest::run(args),
        NicCommand::Serve(args) => serve::run(args),
    }
}
