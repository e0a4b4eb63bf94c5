//! `weir flows`: the flow tables and what the host knows of each flow.

use clap::{Args, Subcommand};
use driver::dump::Extent;

use super::Failure;
use super::source::{ShowArgs, SourceArgs, say_answer};
use crate::config::Config;
use crate::diag::DiagError;
use crate::diag::flows::{self, FiveTuple, Key, Terms};

const AFTER_HELP: &str = "\
Examples:
  weir flows dump --device 0000:03:00.0
  weir flows top -n 20 --by packets --dump snapshot.json
  weir flows find reject 10.0.0.0/8 :443 --dump snapshot.json
  weir flows why 'tcp 10.0.0.1:1234 > 10.0.0.2:443' --dump snapshot.json
  weir flows why 'tcp 10.0.0.1:1234 > 10.0.0.2:443' --config weir.toml --device 0000:03:00.0

Exit codes: 0 all went well, 1 no such flow, 2 wrong usage, 3 a file cannot be read, 5 no NIC.";

/// Look at flows: key, verdict, rule, counters, age.
#[derive(Args, Debug)]
#[command(after_help = AFTER_HELP)]
pub(super) struct FlowsArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    Dump(DumpArgs),
    Top(TopArgs),
    Find(FindArgs),
    Why(Box<WhyArgs>),
}

/// Show all flows.
///
/// Examples:
///   weir flows dump --dump snapshot.json
///   weir flows dump --sim capture.pcap --config weir.toml --at +30s --json
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
struct DumpArgs {
    #[command(flatten)]
    source: SourceArgs,
    #[command(flatten)]
    show: ShowArgs,
}

/// Show the largest, or the oldest.
///
/// Examples:
///   weir flows top --dump snapshot.json
///   weir flows top -n 3 --by age --dump snapshot.json
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
struct TopArgs {
    /// How many
    #[arg(long, short = 'n', value_name = "N", default_value_t = 10)]
    count: usize,
    /// What they are ordered by
    #[arg(long, value_enum, default_value_t)]
    by: Key,
    #[command(flatten)]
    source: SourceArgs,
    #[command(flatten)]
    show: ShowArgs,
}

/// Show the flows that all terms fit. Exit code 1 if there are none.
///
/// A term is an address, a network, a port like :443, a protocol, accept, reject, excluded, ingress, egress, an
/// ENI, rule=N, cookie=N, or stray: in the NIC and not known to the host.
///
/// Examples:
///   weir flows find 10.0.0.1 --dump snapshot.json
///   weir flows find reject tcp :22 --dump snapshot.json
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
struct FindArgs {
    /// Terms
    #[arg(value_name = "TERM", required = true)]
    terms: Vec<String>,
    #[command(flatten)]
    source: SourceArgs,
    #[command(flatten)]
    show: ShowArgs,
}

/// Explain a verdict: ACL, groups, connection, and the rule of each that matched.
///
/// With --config also what its rules say of a new flow, known or not. Exit code 1 if nothing is known of it.
///
/// Examples:
///   weir flows why 'tcp 10.0.0.1:1234 > 10.0.0.2:443' --dump snapshot.json
///   weir flows why 10.0.0.1 10.0.0.2 1234 443 6 --dump snapshot.json --config weir.toml
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
struct WhyArgs {
    /// `PROTOCOL SRC:PORT > DST:PORT`, or addresses, ports and protocol as a record has them
    #[arg(value_name = "5TUPLE", required = true)]
    tuple: Vec<String>,
    #[command(flatten)]
    source: SourceArgs,
    #[command(flatten)]
    show: ShowArgs,
}

/// Looks at flows.
pub(super) fn run(args: &FlowsArgs) -> Result<(), Failure> {
    let take = |source: &SourceArgs| Ok::<_, Failure>(source.open()?.take(Extent::Everything)?);
    let answer = match &args.action {
        Action::Dump(args) => flows::dump(&take(&args.source)?, args.show.show())?,
        Action::Top(args) => flows::top(&take(&args.source)?, args.by, args.count, args.show.show())?,
        Action::Find(args) => {
            let terms = Terms::parse(&args.terms)?;
            flows::find(&take(&args.source)?, &terms, args.show.show())?
        }
        Action::Why(args) => {
            let tuple = FiveTuple::parse(&args.tuple).map_err(Failure::usage)?;
            let config = args.source.config.as_deref().map(Config::load).transpose().map_err(DiagError::from)?;
            flows::why(&take(&args.source)?, &tuple, config.as_ref(), args.show.show())?
        }
    };
    say_answer(&answer)
}
