//! `weir nic serve`: the simulated NIC as a process of its own.

use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, ValueEnum};
use sim::capture::CaptureError;
use sim::frames::FrameBatch;
use sim::generate::guests::Guests;
use sim::generate::{Generator, Spec};
use sim::vfio_user::{Event, Pace, Service, Source, listen};

use crate::assembly::assemble;
use crate::bench::{parameters, playback};
use crate::body::{Body, RtlOptions};
use crate::cli::count::count;
use crate::cli::feed::{self, Reader};
use crate::cli::measure::MeasureArgs;
use crate::cli::{Failure, say};

const AFTER_HELP: &str = "\
Examples:
  weir nic serve --socket nic.sock --traffic packets=10M,pps=1M,flows=10k
  weir nic serve --socket nic.sock --config weir.toml --pcap capture.pcap --speed host
  weir replay --config weir.toml --device vfio-user:nic.sock

QEMU 10.1 and later attach it to a virtual machine: -device '{\"driver\": \"vfio-user-pci\", \"socket\":
{\"type\": \"unix\", \"path\": \"nic.sock\"}}'. See docs/vfio.md.";

/// Serve the simulated NIC on a socket, for a driver in another process or in a virtual machine.
///
/// It speaks vfio-user: a PCI function with registers, MSI-X and DMA. It outlives its clients: when one dies,
/// traffic goes on being forwarded and counted, and the next one finds everything as it is.
#[derive(Args, Debug)]
#[command(after_help = AFTER_HELP)]
pub(super) struct ServeArgs {
    /// The socket to listen on
    #[arg(long, value_name = "PATH")]
    socket: PathBuf,
    /// Captures as traffic; the ENIs of --config say which frame crosses which, and how
    #[arg(long, value_name = "FILE", conflicts_with = "traffic")]
    pcap: Vec<PathBuf>,
    /// Generated traffic: packets=1M,flows=100k,pps=1M,seed=1, each as in `weir generate`; or `guests`, the few
    /// of `weir run`, at work without end
    #[arg(long, value_name = "SPEC")]
    traffic: Option<Traffic>,
    /// How traffic and time go: N times as fast as they say, `max` for as fast as the NIC takes it, or `host` for in step
    /// with the driver, which then moves both
    #[arg(long, value_name = "N|max|host", default_value = "1", value_parser = pace)]
    speed: Pace,
    #[command(flatten)]
    measure: MeasureArgs,
    /// The NIC is the RTL, verilated: slower, and it does the same as the model
    #[arg(long)]
    rtl: bool,
    /// Ends when the first client has gone
    #[arg(long)]
    once: bool,
    /// Nothing but errors
    #[arg(long, short)]
    quiet: bool,
}

/// Generated traffic.
#[derive(Clone, Debug)]
enum Traffic {
    Spec(Spec),
    Guests,
}

/// What a traffic's specification may set.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Figure {
    Packets,
    Flows,
    Pps,
    Seed,
    Snap,
    Hosts,
}

impl FromStr for Traffic {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "guests" {
            return Ok(Self::Guests);
        }
        let mut spec = Spec::default();
        for part in text.split(',') {
            let wrong = || format!("found `{part}`, expected one of packets, flows, pps, seed, snap, hosts, and =N");
            let (name, value) = part.split_once('=').ok_or_else(wrong)?;
            let value = count(value)?;
            let narrow = || u32::try_from(value).map_err(|_| format!("found {part}, expected at most {}", u32::MAX));
            match Figure::from_str(name, false).map_err(|_| wrong())? {
                Figure::Packets => spec.packets = value,
                Figure::Flows => spec.flows = narrow()?,
                Figure::Pps => spec.packets_per_second = value,
                Figure::Seed => spec.seed = value,
                Figure::Snap => spec.snap_length = narrow()?,
                Figure::Hosts => spec.hosts = narrow()?,
            }
        }
        Generator::new(&spec).map(|_| Self::Spec(spec)).map_err(|error| error.to_string())
    }
}

fn pace(text: &str) -> Result<Pace, String> {
    match text {
        "max" => Ok(Pace::Free),
        "host" => Ok(Pace::Host),
        number => {
            let speed = number.parse().ok().filter(|speed: &f64| speed.is_finite() && *speed > 0.0);
            speed
                .map(Pace::Clock)
                .ok_or_else(|| format!("found `{number}`, expected a number above 0, `max` or `host`"))
        }
    }
}

/// One traffic of guests is as good as another.
const GUESTS_SEED: u64 = 1;
/// Frames generated at a time.
const GENERATED: usize = 1024;

impl ServeArgs {
    fn source(&self) -> Result<Source, Failure> {
        if !self.pcap.is_empty() {
            let mut reader = Reader::new(feed::open(&self.pcap)?, &self.measure);
            return Ok(Box::new(move |batch| reader.read_into(batch)));
        }
        let spec = match &self.traffic {
            None => return Ok(Box::new(|_| Ok(false))),
            Some(Traffic::Guests) => {
                let mut guests = Guests::new(GUESTS_SEED);
                return Ok(Box::new(move |batch: &mut FrameBatch| -> Result<bool, CaptureError> {
                    guests.read_into(batch, GENERATED);
                    Ok(true)
                }));
            }
            Some(Traffic::Spec(spec)) => spec,
        };
        let mut generator = Generator::new(spec).map_err(Failure::usage)?;
        Ok(Box::new(move |batch: &mut FrameBatch| -> Result<bool, CaptureError> {
            Ok(generator.read_into(batch, GENERATED) > 0)
        }))
    }
}

fn tell(event: Event) {
    say(&match event {
        Event::Came => "a client has come\n".to_owned(),
        Event::Went => "the client has gone; the NIC goes on\n".to_owned(),
        Event::Reset => "reset\n".to_owned(),
        Event::TrafficOver => "all traffic is read\n".to_owned(),
        Event::Fault { count, iova, bytes } => {
            format!("DMA fault {count}: {bytes} bytes at {iova:#x}, where nothing is mapped\n")
        }
    });
}

/// Serves a NIC.
pub(super) fn run(args: &ServeArgs) -> Result<(), Failure> {
    let config = args.measure.config()?;
    let assembly = assemble(&config, 0).map_err(Failure::usage)?;
    let body = if args.rtl { Body::Rtl(RtlOptions { seed: 1, trace: None }) } else { Body::Model };
    let card = body.card(parameters(&config, &assembly)).map_err(|error| Failure::Replay(error.into()))?;
    let source = args.source()?;
    let listener = listen(&args.socket).map_err(Failure::usage)?;
    if !args.quiet {
        say(&format!("serving on {}\n", args.socket.display()));
    }
    let told: Box<dyn FnMut(Event)> = if args.quiet { Box::new(|_| ()) } else { Box::new(tell) };
    let service = Service::new(listener, playback(card, &assembly), source, args.speed, args.once, told);
    let damage = service.map_err(Failure::usage)?.run();
    // The path was this process's.
    let _ = std::fs::remove_file(&args.socket);
    damage.map_or(Ok(()), |damage| Err(Failure::Capture(damage)))
}
