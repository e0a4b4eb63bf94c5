//! The simulated NIC of a daemon without a configuration: a process of its own, which outlives the daemon if that is killed.

use std::fs;
use std::io;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::home::Home;
use crate::config::Config;

/// The configuration that daemon and NIC share.
const CONFIG: &str = include_str!("guests.toml");
/// How long the process may take to listen.
const START: Duration = Duration::from_secs(10);
/// How often it is looked whether it does.
const LOOK: Duration = Duration::from_millis(20);

/// Why there is no such NIC.
#[derive(Debug, thiserror::Error)]
pub enum GuestsError {
    /// The system.
    #[error("cannot {what}: {source}")]
    Os {
        /// What could not be done.
        what: &'static str,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It has ended at once.
    #[error("the simulated NIC has ended: {0}")]
    Ended(String),
    /// It does not listen.
    #[error("the simulated NIC does not listen on {path} within {} s", START.as_secs(), path = path.display())]
    Silent {
        /// The socket.
        path: PathBuf,
    },
}

fn os(what: &'static str) -> impl FnOnce(io::Error) -> GuestsError {
    move |source| GuestsError::Os { what, source }
}

/// The guests' NIC.
#[derive(Debug)]
pub struct Guests {
    socket: PathBuf,
    pid_file: PathBuf,
    arena: PathBuf,
    child: Option<Child>,
}

impl Guests {
    /// What daemon and NIC are configured with.
    #[must_use]
    pub fn config() -> Config {
        match Config::parse("guests.toml", CONFIG) {
            Ok(config) => config,
            Err(error) => panic!("the built-in configuration is broken: {error}"),
        }
    }

    /// The NIC that an earlier daemon left in `home`, or a new one.
    ///
    /// # Errors
    /// When there is none.
    pub fn start(home: &Home) -> Result<Self, GuestsError> {
        let socket = home.run.join("nic.sock");
        let arena = home.arena(&socket.to_string_lossy());
        let mut guests = Self { pid_file: home.run.join("nic.pid"), arena, child: None, socket };
        if UnixStream::connect(&guests.socket).is_ok() {
            return Ok(guests);
        }
        let config = home.run.join("guests.toml");
        fs::write(&config, CONFIG).map_err(os("write the configuration of the simulated NIC"))?;
        let program = std::env::current_exe().map_err(os("find this program"))?;
        let mut command = Command::new(program);
        command.args(["nic", "serve", "--quiet", "--traffic", "guests", "--socket"]).arg(&guests.socket);
        command.arg("--config").arg(&config);
        // Of a group of its own: what a terminal interrupts is the daemon, which then ends it in order.
        command.stdin(Stdio::null()).stdout(Stdio::null()).process_group(0);
        let mut child = command.spawn().map_err(os("start the simulated NIC"))?;
        fs::write(&guests.pid_file, child.id().to_string()).map_err(os("write the simulated NIC's process id"))?;
        let begin = Instant::now();
        while UnixStream::connect(&guests.socket).is_err() {
            if let Some(status) = child.try_wait().map_err(os("wait for the simulated NIC"))? {
                return Err(GuestsError::Ended(status.to_string()));
            }
            if begin.elapsed() > START {
                let _ = child.kill();
                return Err(GuestsError::Silent { path: guests.socket });
            }
            std::thread::sleep(LOOK);
        }
        guests.child = Some(child);
        Ok(guests)
    }

    /// Whether it was there already.
    #[must_use]
    pub const fn was_there(&self) -> bool {
        self.child.is_none()
    }

    /// Where it listens.
    #[must_use]
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// The driver's memory of it.
    #[must_use]
    pub fn arena(&self) -> &Path {
        &self.arena
    }

    /// Its process: the one of the file, if that still serves this socket.
    fn pid(&self) -> Option<Pid> {
        let number: i32 = fs::read_to_string(&self.pid_file).ok()?.trim().parse().ok()?;
        let words = fs::read(format!("/proc/{number}/cmdline")).ok()?;
        let socket = self.socket.as_os_str().as_encoded_bytes();
        words.split(|byte| *byte == 0).any(|word| word == socket).then(|| Pid::from_raw(number))?
    }

    /// Ends it, and forgets what the driver remembers of it.
    pub fn end(mut self) {
        let pid = self.pid();
        match (&mut self.child, pid) {
            (Some(child), _) => {
                let _ = child.kill();
                let _ = child.wait();
            }
            (None, Some(pid)) => drop(kill_process(pid, Signal::KILL)),
            (None, None) => {}
        }
        for file in [&self.socket, &self.pid_file] {
            let _ = fs::remove_file(file);
        }
        let _ = fs::remove_dir_all(&self.arena);
    }
}
