//! `weir generate`: a capture of traffic that never was.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use sim::capture::PcapWriter;
use sim::frames::FrameBatch;
use sim::generate::{Generator, Spec};

use super::count::count;
use super::{Failure, When};
use crate::output::OutputError;
use crate::progress::{Progress, Unit};

const AFTER_HELP: &str = "\
Examples:
  weir generate traffic.pcap
  weir generate --packets 100k --flows 5k --pps 1k --seed 7 traffic.pcap
  weir generate --benchmark - | weir replay - > records.log
  weir generate --scan-share 1 --flows 100k --packets 100k scan.pcap

The same options give the same bytes, on every machine.";

/// Write a capture of generated traffic: TCP, UDP and ICMP, IPv4 and IPv6, VLAN tags, scans.
///
/// Connections follow Zipf's law, frames the simple IMIX. Numbers may have a unit: 100k, 1.3M.
#[derive(Args, Debug)]
#[command(after_help = AFTER_HELP)]
pub(super) struct GenerateArgs {
    /// The capture: classic pcap with nanoseconds; - is standard output
    #[arg(value_name = "OUT.pcap")]
    out: PathBuf,
    /// Starts from the reference benchmark: 6M packets of 1.3M one-way flows
    #[arg(long)]
    benchmark: bool,
    /// Packets in all [default: 1M]
    #[arg(long, value_name = "N", value_parser = count)]
    packets: Option<u64>,
    /// Distinct one-way flows [default: 100k]
    #[arg(long, value_name = "N", value_parser = count)]
    flows: Option<u64>,
    /// Chooses one of many traffics with the same figures [default: 1]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Bytes kept of each frame [default: 96]
    #[arg(long, value_name = "BYTES", value_parser = count)]
    snap: Option<u64>,
    /// Packets per second [default: 1M]
    #[arg(long, value_name = "N", value_parser = count)]
    pps: Option<u64>,
    /// Exponent of Zipf's law over connections, 0 to 4 [default: 1]
    #[arg(long, value_name = "S")]
    zipf: Option<f64>,
    /// Share of connections and scans over IPv6, 0 to 1 [default: 0.2]
    #[arg(long, value_name = "SHARE")]
    ipv6_share: Option<f64>,
    /// Share of connections and scans with an 802.1Q tag, 0 to 1 [default: 0.1]
    #[arg(long, value_name = "SHARE")]
    vlan_share: Option<f64>,
    /// Share of flows that are a single SYN without an answer, 0 to 1 [default: 0.05]
    #[arg(long, value_name = "SHARE")]
    scan_share: Option<f64>,
    /// Hosts on the measured side, 1 to 254 [default: 64]
    #[arg(long, value_name = "N")]
    hosts: Option<u32>,
    /// Time of the first packet: RFC 3339 or Unix seconds [default: 2023-11-14T22:13:20Z]
    #[arg(long, value_name = "TIME")]
    start: Option<When>,
    /// No progress on standard error
    #[arg(long, short)]
    quiet: bool,
}

impl GenerateArgs {
    fn spec(&self) -> Result<Spec, Failure> {
        let usual = if self.benchmark { Spec::benchmark() } else { Spec::default() };
        let narrow = |name: &str, value: Option<u64>, usual: u32| match value {
            Some(value) => u32::try_from(value)
                .map_err(|_| Failure::Usage(format!("found --{name} {value}, expected at most {}", u32::MAX))),
            None => Ok(usual),
        };
        let start_ns = match self.start {
            Some(When::At(time)) => time,
            Some(When::After(_)) => {
                return Err(Failure::Usage("found an offset as --start, expected RFC 3339 or Unix seconds".to_owned()));
            }
            None => usual.start_ns,
        };
        Ok(Spec {
            seed: self.seed.unwrap_or(usual.seed),
            packets: self.packets.unwrap_or(usual.packets),
            flows: narrow("flows", self.flows, usual.flows)?,
            start_ns,
            packets_per_second: self.pps.unwrap_or(usual.packets_per_second),
            snap_length: narrow("snap", self.snap, usual.snap_length)?,
            zipf_exponent: self.zipf.unwrap_or(usual.zipf_exponent),
            ipv6_share: self.ipv6_share.unwrap_or(usual.ipv6_share),
            vlan_share: self.vlan_share.unwrap_or(usual.vlan_share),
            scan_share: self.scan_share.unwrap_or(usual.scan_share),
            hosts: self.hosts.unwrap_or(usual.hosts),
            protocols: usual.protocols,
        })
    }
}

/// Generates a capture.
pub(super) fn run(args: &GenerateArgs) -> Result<(), Failure> {
    let spec = args.spec()?;
    let generator = Generator::new(&spec).map_err(Failure::usage)?;
    if args.out == Path::new("-") {
        let written = write(generator, &spec, io::stdout().lock(), args.quiet);
        return written.map(drop).map_err(|error| OutputError::stdout(error).into());
    }
    let failed = OutputError::file;
    // A device or a pipe is written as it is; a file appears when it is whole.
    let special = fs::metadata(&args.out).is_ok_and(|known| !known.is_file());
    if special {
        let file = fs::OpenOptions::new().write(true).open(&args.out).map_err(failed("open", &args.out))?;
        write(generator, &spec, file, args.quiet).map_err(failed("write", &args.out))?;
        return Ok(());
    }
    let mut temporary = args.out.clone().into_os_string();
    temporary.push(".tmp");
    let temporary = PathBuf::from(temporary);
    let file = File::create(&temporary).map_err(failed("create", &temporary))?;
    let written = write(generator, &spec, file, args.quiet).and_then(|file| file.sync_all());
    let named = written.and_then(|()| fs::rename(&temporary, &args.out));
    named.map_err(|source| {
        let _ = fs::remove_file(&temporary);
        failed("write", &args.out)(source).into()
    })
}

/// Frames made at a time.
const BATCH: usize = 4096;

fn write<W: Write>(mut generator: Generator, spec: &Spec, target: W, quiet: bool) -> io::Result<W> {
    let mut progress = Progress::new(Unit::Packets, Some(spec.packets), quiet);
    let mut writer = PcapWriter::new(target, spec.snap_length);
    let mut batch = FrameBatch::new();
    loop {
        batch.clear();
        if generator.read_into(&mut batch, BATCH) == 0 {
            progress.done();
            return writer.finish();
        }
        writer.write_batch(&batch)?;
        progress.at(spec.packets - generator.remaining());
    }
}
