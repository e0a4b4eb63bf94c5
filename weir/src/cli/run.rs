//! `weir run`: the daemon.

use std::path::PathBuf;

use clap::Args;
use driver::vfio::VfioDevice;
use driver::vfio_user::{Past, VfioUserDevice};
use flowlog::catalogue::WindowSeconds;

use super::count::count;
use super::files::FilesArgs;
use super::{Failure, say};
use crate::config::{Config, Nanoseconds, parse_window};
use crate::daemon::guests::Guests;
use crate::daemon::home::{Home, HomeError};
use crate::daemon::{self, DaemonError, Options, Told};
use crate::diag::device::DeviceName;
use crate::output::Format;
use crate::output::retention::Keep;

const AFTER_HELP: &str = "\
Examples:
  weir run                                        simulated guests; see what happens
  weir run --window 5s --state demo
  weir run --config weir.toml --device vfio-user:nic.sock
  weir eni describe                               ask it, from another terminal
  curl --unix-socket \"$(weir run --where)\" http://weir/metrics

SIGTERM and SIGINT close the open window, publish it, and end. SIGHUP reads the configuration again and says what
is new. After kill -9, the next start goes on where the NIC and the last window are.

Exit codes: 0 it was stopped, 2 wrong usage or configuration, 4 records are not on disk (they wait for the next
start), 5 the NIC failed.";

/// Measure a NIC, live: a window's flow logs are on disk within a second of its end.
///
/// Without a configuration, a simulated NIC with a few guests is started, as a process of its own: a web server, an
/// application whose database's security group is wrong, a backup, and somebody who scans.
#[derive(Args, Debug)]
#[command(after_help = AFTER_HELP)]
pub(super) struct RunArgs {
    /// Accounts, ENIs, rules and flow logs
    #[arg(long, value_name = "FILE", requires = "device")]
    config: Option<PathBuf>,
    /// The NIC: vfio-user:PATH is one that `weir nic serve` serves
    #[arg(long, value_name = "WHERE", requires = "config")]
    device: Option<DeviceName>,
    /// Length of a window, 1 s to 600 s: 60s, 5m, 300. Over the configuration's
    #[arg(long, value_name = "TIME", value_parser = parse_window)]
    window: Option<WindowSeconds>,
    #[command(flatten)]
    home: HomeArgs,
    /// Form of the records
    #[arg(long, value_enum, default_value_t, help_heading = "Records")]
    format: Format,
    #[command(flatten)]
    files: FilesArgs,
    /// Removes windows that ended so long before the newest one did, a day at a time: 30d, 36h
    #[arg(long, value_name = "TIME", help_heading = "Records")]
    keep_age: Option<Nanoseconds>,
    /// Removes the oldest windows when all files have more bytes: 500GiB
    #[arg(long, value_name = "SIZE", value_parser = count, help_heading = "Records")]
    keep_size: Option<u64>,
    /// Bytes of records that may wait for the disk; what does not fit is SKIPDATA
    #[arg(long, value_name = "SIZE", value_parser = count, default_value = "256MiB")]
    spool: u64,
    /// Prints the path of the control API's socket, and ends
    #[arg(long = "where")]
    only_where: bool,
    /// Nothing but what goes wrong
    #[arg(long, short)]
    quiet: bool,
}

/// Where a daemon keeps what.
#[derive(Args, Clone, Debug)]
pub(super) struct HomeArgs {
    /// What lasts: the directory of records. By default $STATE_DIRECTORY (systemd), or weir in $XDG_STATE_HOME or
    /// ~/.local/state
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
    /// What outlives the daemon but not the host: the driver's memory, windows on their way to disk, sockets. By
    /// default $RUNTIME_DIRECTORY (systemd), or a folder in /dev/shm
    #[arg(long, value_name = "DIR")]
    runtime: Option<PathBuf>,
}

impl HomeArgs {
    /// The folders.
    pub(super) fn home(&self) -> Home {
        Home::new(self.state.as_deref(), self.runtime.as_deref())
    }
}

impl From<DaemonError> for Failure {
    fn from(error: DaemonError) -> Self {
        match error {
            DaemonError::Output(error) => Self::Output(error),
            DaemonError::Undelivered { .. } => Self::Undelivered(error.to_string()),
            error => Self::device(error),
        }
    }
}

impl From<HomeError> for Failure {
    fn from(error: HomeError) -> Self {
        Self::usage(error)
    }
}

/// Runs the daemon.
pub(super) fn run(args: &RunArgs) -> Result<(), Failure> {
    let home = args.home.home();
    if args.only_where {
        return super::print(format!("{}\n", home.api().display()).as_bytes());
    }
    let _lock = home.open()?;
    let (Some(device), Some(file)) = (&args.device, &args.config) else { return with_guests(args, home) };
    let config = Config::load(file)?;
    args.greet(&home, &device.to_string());
    match device {
        DeviceName::VfioUser(socket) => {
            let (socket, arena) = (socket.clone(), home.arena(&device.to_string()));
            let connect =
                move || VfioUserDevice::connect(&socket, &arena, Past::OfThisNic).map_err(|error| error.to_string());
            Ok(daemon::run(args.options(home, config), connect)?)
        }
        DeviceName::Pci(address) => {
            let address = *address;
            let connect = move || VfioDevice::open(address, Default::default()).map_err(|error| error.to_string());
            Ok(daemon::run(args.options(home, config), connect)?)
        }
    }
}

/// A daemon on a simulated NIC of its own.
fn with_guests(args: &RunArgs, home: Home) -> Result<(), Failure> {
    let guests = Guests::start(&home).map_err(Failure::device)?;
    let which =
        if guests.was_there() { "the simulated NIC that runs already" } else { "a simulated NIC with five guests" };
    args.greet(&home, which);
    let (socket, arena) = (guests.socket().to_owned(), guests.arena().to_owned());
    let connect = move || VfioUserDevice::connect(&socket, &arena, Past::OfThisNic).map_err(|error| error.to_string());
    let ended = daemon::run(args.options(home, Guests::config()), connect);
    guests.end();
    Ok(ended?)
}

impl RunArgs {
    fn options(&self, home: Home, mut config: Config) -> Options {
        if let Some(window) = self.window {
            config.settings.window = window;
        }
        Options {
            home,
            config,
            config_file: self.config.clone(),
            output: self.files.options(self.format),
            keep: Keep { age_ns: self.keep_age.map(|age| age.0), bytes: self.keep_size },
            spool_bytes: self.spool,
            told: Told { quiet: self.quiet },
        }
    }

    fn greet(&self, home: &Home, nic: &str) {
        if !self.quiet {
            say(&format!("NIC      {nic}\nrecords  {}\nAPI      {}\n", home.records().display(), home.api().display()));
        }
    }
}
