//! The daemon: a NIC's windows, live, onto the disk.
//!
//! ```text
//!   NIC's thread ── spool ──▶ delivery's thread ─▶ directories of records
//!        ▲ requests              │ news
//!   tokio: signals, API ◀────────┘
//! ```
//!
//! - Nothing between the threads waits: the spool has a bound, and what does not fit is SKIPDATA; requests have a
//!   bound, and what does not fit is refused.
//! - A daemon that is killed is followed by one that goes on where it stopped: the driver's memory and the spool
//!   outlive it. One that is stopped closes the open window first.

pub mod delivery;
pub mod guests;
pub mod home;
pub mod nic;
mod reload;
mod told;

use std::path::PathBuf;
use std::sync::atomic::AtomicU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use driver::device::Device;
use sd_notify::NotifyState;
use tokio::signal::unix::{SignalKind, signal};

use crate::api::{self, Shared};
use crate::config::Config;
use crate::output::retention::Keep;
use crate::output::spool::Spool;
use crate::output::{Output, OutputError, OutputOptions};
use delivery::{Delivered, News};
use home::Home;
use nic::{Nic, Phase, Request};

pub use reload::Reloaded;
pub use told::Told;

/// How long the NIC's thread may take to end.
const END: Duration = Duration::from_secs(15);

/// Why a daemon ends.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    /// The NIC, or its driver.
    #[error("{0}")]
    Nic(String),
    /// Records.
    #[error(transparent)]
    Output(#[from] OutputError),
    /// Records that are not on disk yet.
    #[error("{windows} windows wait in the spool for the next daemon: {reason}")]
    Undelivered {
        /// How many.
        windows: u64,
        /// Why.
        reason: String,
    },
    /// The system.
    #[error("cannot {what}: {source}")]
    Os {
        /// What could not be done.
        what: &'static str,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

fn os(what: &'static str) -> impl FnOnce(std::io::Error) -> DaemonError {
    move |source| DaemonError::Os { what, source }
}

/// What a daemon is told.
#[derive(Debug)]
pub struct Options {
    /// Its folders.
    pub home: Home,
    /// The configuration.
    pub config: Config,
    /// Its file, read again at SIGHUP.
    pub config_file: Option<PathBuf>,
    /// Form of the records and their files; directory and spool are the daemon's.
    pub output: OutputOptions,
    /// How much of the records is kept.
    pub keep: Keep,
    /// The most bytes of records that wait for the disk.
    pub spool_bytes: u64,
    /// What it says.
    pub told: Told,
}

/// Runs until it is asked to end, or cannot go on. `connect` reaches the NIC, on the NIC's thread.
///
/// # Errors
/// When it cannot go on.
pub fn run<D: Device + 'static>(
    options: Options,
    connect: impl FnOnce() -> Result<D, String> + Send + 'static,
) -> Result<(), DaemonError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(os("start a runtime"))?;
    runtime.block_on(Daemon::start(options, connect)?.run())
}

/// The most bytes that the spool may have: half of what is left where it lies. The other half is the driver's, whose
/// memory must not run out.
fn bound(home: &Home, spool: &Spool) -> std::io::Result<u64> {
    let room = rustix::fs::statvfs(&home.run)?;
    Ok(spool.bytes_max().min((room.f_bavail * room.f_frsize + spool.bytes()) / 2))
}

fn tell_systemd(state: NotifyState<'_>) {
    // Without systemd, nobody listens.
    let _ = sd_notify::notify(&[state]);
}

/// Tells systemd's watchdog, if there is one, that the NIC's thread answers.
async fn beat(nic: Nic) {
    let Some(period) = sd_notify::watchdog_enabled().map(|period| period / 3) else { return };
    loop {
        tokio::time::sleep(period).await;
        if let Ok(Ok(_)) = tokio::time::timeout(period, nic.look()).await {
            tell_systemd(NotifyState::Watchdog);
        }
    }
}

struct Daemon {
    options: Options,
    nic: Nic,
    nic_thread: JoinHandle<()>,
    spool: Arc<Spool>,
    delivered: Arc<Delivered>,
    delivery_thread: JoinHandle<()>,
    shared: Arc<Shared>,
    told: Arc<Mutex<Told>>,
}

impl Daemon {
    fn start<D: Device + 'static>(
        mut options: Options,
        connect: impl FnOnce() -> Result<D, String> + Send + 'static,
    ) -> Result<Self, DaemonError> {
        let spool = Spool::open(&options.home.spool(), options.spool_bytes)?;
        let bound = bound(&options.home, &spool).map_err(os("see how much room there is for the spool"))?;
        let spool = Arc::new(spool.bounded(bound));
        if bound < options.spool_bytes {
            options.told.line(&format!("the spool has room for {bound} bytes only: half of what is left in memory"));
        }
        let delivered = Arc::new(Delivered::default());
        let told = Arc::new(Mutex::new(std::mem::take(&mut options.told)));
        let teller = Arc::clone(&told);
        let tell = move |news: News| teller.lock().unwrap_or_else(PoisonError::into_inner).news(&news);
        let delivery_thread = delivery::start(Arc::clone(&spool), Arc::clone(&delivered), options.keep, tell);
        let delivery_thread = delivery_thread.map_err(os("start delivery"))?;
        let config = Arc::new(options.config.clone());
        let output_options = OutputOptions {
            directory: Some(options.home.records()),
            spool: Some(Arc::clone(&spool)),
            ..options.output.clone()
        };
        let output_config = Arc::clone(&config);
        let output = move || Output::new(&output_config, &output_options);
        let (nic, nic_thread) =
            Nic::start(connect, Arc::clone(&config), output).map_err(os("start the NIC's thread"))?;
        let shared = Arc::new(Shared {
            config: Mutex::new(config),
            nic: nic.clone(),
            spool: Arc::clone(&spool),
            delivered: Arc::clone(&delivered),
            epoch: AtomicU32::new(1),
        });
        Ok(Self { options, nic, nic_thread, spool, delivered, delivery_thread, shared, told })
    }

    fn say(&self, text: &str) {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).line(text);
    }

    async fn run(self) -> Result<(), DaemonError> {
        let api =
            api::serve(&self.options.home.api(), Arc::clone(&self.shared)).map_err(os("serve the control API"))?;
        let tasks = [tokio::spawn(api), tokio::spawn(beat(self.nic.clone()))];
        let result = self.watch().await;
        tell_systemd(NotifyState::Stopping);
        tasks.iter().for_each(tokio::task::JoinHandle::abort);
        let _ = std::fs::remove_file(self.options.home.api());
        let ended = self.end().await;
        result.and(ended)
    }

    /// Until a signal comes, or the NIC's thread ends.
    async fn watch(&self) -> Result<(), DaemonError> {
        let signal = |kind| signal(kind).map_err(os("wait for signals"));
        let mut stops = [signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?];
        let mut hangup = signal(SignalKind::hangup())?;
        let mut phase = self.nic.phase();
        loop {
            let [terminate, interrupt] = &mut stops;
            tokio::select! {
                _ = terminate.recv() => break,
                _ = interrupt.recv() => break,
                _ = hangup.recv() => self.reload().await,
                changed = phase.changed() => {
                    let now = phase.borrow_and_update().clone();
                    match now {
                        Phase::Live(found) => {
                            self.say(&found);
                            tell_systemd(NotifyState::Ready);
                        }
                        Phase::Failed(reason) => return Err(DaemonError::Nic(reason)),
                        Phase::Ended => return Ok(()),
                        Phase::Attaching => {}
                    }
                    if changed.is_err() {
                        return Err(DaemonError::Nic("the NIC's thread has ended".to_owned()));
                    }
                }
            }
        }
        self.say("stopping: the open window is closed");
        Ok(())
    }

    /// Lets the threads end: the NIC's first, then what it handed over goes to disk.
    async fn end(self) -> Result<(), DaemonError> {
        let mut phase = self.nic.phase();
        // One that has ended takes no request.
        let _ = self.nic.ask(Request::Stop);
        let over = phase.wait_for(|phase| matches!(phase, Phase::Ended | Phase::Failed(_)));
        let failed = match tokio::time::timeout(END, over).await {
            Ok(Ok(phase)) => match &*phase {
                Phase::Failed(reason) => Some(reason.clone()),
                _ => None,
            },
            Ok(Err(_)) => Some("the NIC's thread has ended".to_owned()),
            Err(_) => Some(format!("the NIC's thread did not end within {} s", END.as_secs())),
        };
        if failed.is_none() {
            let _ = self.nic_thread.join();
        }
        self.delivered.end(&self.spool);
        let _ = self.delivery_thread.join();
        match (failed, self.spool.windows()) {
            (Some(reason), _) => Err(DaemonError::Nic(reason)),
            (None, 0) => Ok(()),
            (None, windows) => {
                Err(DaemonError::Undelivered { windows, reason: self.delivered.failure().unwrap_or_default() })
            }
        }
    }
}
