//! `weir rings`: the five rings between NIC and host.

use clap::{Args, ValueEnum};
use driver::dump::Extent;
use firmware_abi::ring::RingId;

use super::Failure;
use super::source::{ShowArgs, SourceArgs, say_answer};
use crate::diag::rings;

const AFTER_HELP: &str = "\
Examples:
  weir rings --device 0000:03:00.0
  weir rings record --dump snapshot.json            with its newest entries, decoded
  weir rings --sim capture.pcap --json

Entries lie in the driver's memory: they are there in a dump that was taken where the driver is.";

/// Look at the rings: indices, room, drops; of one also its newest entries.
#[derive(Args, Debug)]
#[command(after_help = AFTER_HELP)]
pub(super) struct RingsArgs {
    /// Only this ring, with its newest entries
    ring: Option<RingChoice>,
    #[command(flatten)]
    source: SourceArgs,
    #[command(flatten)]
    show: ShowArgs,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum RingChoice {
    /// Commands, host to NIC
    Command,
    /// Answers to them
    Completion,
    /// Records, ledgers and windows' ends
    Record,
    /// Frames for the host to judge
    Punt,
    /// Judged frames
    Inject,
}

/// Looks at rings.
pub(super) fn run(args: &RingsArgs) -> Result<(), Failure> {
    let ring = args.ring.map(|ring| match ring {
        RingChoice::Command => RingId::Command,
        RingChoice::Completion => RingId::Completion,
        RingChoice::Record => RingId::Record,
        RingChoice::Punt => RingId::Punt,
        RingChoice::Inject => RingId::Inject,
    });
    let file = args.source.open()?.take(Extent::Registers)?;
    say_answer(&rings::show(&file, ring, args.show.show()))
}
