//! The NIC's thread: it alone drives a NIC, and waits for nothing else.
//!
//! ```text
//!   NIC ─ eventfds ─▶ ppoll ─▶ Meter::poll ─▶ Output ─▶ spool (memory)
//!   API, signals ─ requests, wake ──┘ └─▶ looks, for who asked
//! ```
//!
//! A window that cannot even be left out, because the spool's memory takes nothing more, stays with the meter and is
//! tried again: then the NIC counts what it cannot hand over.

use std::os::fd::{AsFd, OwnedFd};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

use driver::Attached;
use driver::device::Device;
use driver::regio::RegIo;
use driver::ring::RingState;
use driver::window::{CounterValue, WindowState};
use firmware_abi::descriptor::Ledger as LedgerEnd;
use firmware_abi::ring::RingId;
use flowlog::verdict::EniPolicy;
use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};
use tokio::sync::{oneshot, watch};

use crate::assembly::assemble;
use crate::config::Config;
use crate::meter::{Meter, MeterError, MeterFaults, MeterStatistics};
use crate::output::{Output, OutputError};
use crate::stats::Ledger;

/// How long it sleeps at most that nobody wakes: interrupts may be lost.
const NAP: Duration = Duration::from_millis(100);
/// How often it looks whether the NIC is there.
const LOOK: Duration = Duration::from_secs(1);
/// How long the last window may take.
const SETTLE: Duration = Duration::from_secs(10);
/// Requests that wait.
const REQUESTS_MAX: usize = 64;

/// What the NIC's thread is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Phase {
    /// It looks for its NIC.
    Attaching,
    /// It counts; how the NIC was found.
    Live(String),
    /// It has ended as it was asked to.
    Ended,
    /// It cannot go on, and why.
    Failed(String),
}

/// A NIC and its meter, at one instant.
#[derive(Clone, Debug)]
pub struct Look {
    /// The open window.
    pub window: WindowState,
    /// Up to when all is published, Unix ns.
    pub published_until_ns: u64,
    /// The NIC's counters.
    pub counters: Vec<CounterValue>,
    /// The rings.
    pub rings: [RingState; 5],
    /// Flows that the host knows.
    pub flows: u32,
    /// What the meter did.
    pub statistics: MeterStatistics,
    /// What went wrong in it.
    pub faults: MeterFaults,
    /// The proofs of all windows since this process started.
    pub ledger: Ledger,
    /// Records, of all streams.
    pub records: u64,
    /// Times that a window could not be handed over.
    pub retries: u64,
}

/// What a change of the configuration means for a running NIC.
#[derive(Debug)]
pub struct Change {
    /// Rules by port, where they are new.
    pub policies: Option<Vec<EniPolicy>>,
    /// Length of the windows after the open one, seconds, where it is new.
    pub window_seconds: Option<u32>,
}

/// What is asked of the NIC's thread.
#[derive(Debug)]
pub enum Request {
    /// A look.
    Look(oneshot::Sender<Box<Look>>),
    /// Other rules; answered when they hold.
    Change(Change, oneshot::Sender<()>),
    /// Close the open window, hand it over, and end.
    Stop,
}

/// Why a request was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// Too many wait.
    #[error("the NIC's thread has {REQUESTS_MAX} requests to answer")]
    Busy,
    /// There is no such thread any more.
    #[error("the NIC's thread has ended")]
    Ended,
}

/// The way to the NIC's thread.
#[derive(Clone, Debug)]
pub struct Nic {
    requests: SyncSender<Request>,
    wake: Arc<OwnedFd>,
    phase: watch::Receiver<Phase>,
}

impl Nic {
    /// Starts the thread. `connect` reaches the NIC, on it.
    ///
    /// # Errors
    /// When there is no thread or no eventfd.
    pub fn start<D: Device + 'static>(
        connect: impl FnOnce() -> Result<D, String> + Send + 'static,
        config: Arc<Config>,
        output: impl FnOnce() -> Result<Output, OutputError> + Send + 'static,
    ) -> std::io::Result<(Self, JoinHandle<()>)> {
        let (requests, inbox) = sync_channel(REQUESTS_MAX);
        let (tell, phase) = watch::channel(Phase::Attaching);
        let wake = Arc::new(eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC)?);
        let own_wake = Arc::clone(&wake);
        let work = move || {
            let run = || -> Result<(), String> {
                let device = Rc::new(connect()?);
                let output = output().map_err(|error| error.to_string())?;
                let mut live = Live::new(device, &config, output, own_wake)?;
                tell.send_replace(Phase::Live(live.found.clone()));
                live.run(&inbox)
            };
            tell.send_replace(match run() {
                Ok(()) => Phase::Ended,
                Err(reason) => Phase::Failed(reason),
            });
        };
        let thread = std::thread::Builder::new().name("nic".to_owned()).spawn(work)?;
        Ok((Self { requests, wake, phase }, thread))
    }

    /// What it is doing, and when that changes.
    #[must_use]
    pub fn phase(&self) -> watch::Receiver<Phase> {
        self.phase.clone()
    }

    /// Asks for something.
    ///
    /// # Errors
    /// When it was not taken.
    pub fn ask(&self, request: Request) -> Result<(), RequestError> {
        self.requests.try_send(request).map_err(|error| match error {
            TrySendError::Full(_) => RequestError::Busy,
            TrySendError::Disconnected(_) => RequestError::Ended,
        })?;
        // It cannot fail but by being full, and then it wakes as well.
        let _ = rustix::io::write(&*self.wake, &1_u64.to_ne_bytes());
        Ok(())
    }

    /// A look at the NIC.
    ///
    /// # Errors
    /// When it is not answered.
    pub async fn look(&self) -> Result<Box<Look>, RequestError> {
        let (answer, answered) = oneshot::channel();
        self.ask(Request::Look(answer))?;
        answered.await.map_err(|_| RequestError::Ended)
    }
}

/// A meter by the clock.
struct Live<D: Device + 'static> {
    device: Rc<D>,
    meter: Meter<D>,
    output: Output,
    found: String,
    vectors: Vec<OwnedFd>,
    wake: Arc<OwnedFd>,
    retries: u64,
}

impl<D: Device + 'static> Live<D> {
    fn new(device: Rc<D>, config: &Config, output: Output, wake: Arc<OwnedFd>) -> Result<Self, String> {
        let assembly = assemble(config, now_ns()).map_err(explain)?;
        let meter = Meter::attach(Rc::clone(&device), &assembly.meter, assembly.enis, assembly.subscriptions);
        let (meter, attached) = meter.map_err(|error: MeterError<OutputError>| explain(error))?;
        // Of a NIC that ran, the windows had the length of then.
        meter.driver().set_window_seconds(assembly.meter.window_seconds);
        let vectors = RingId::ALL.into_iter().filter(|id| !id.host_produces()).map(|id| meter.driver().vector(id));
        let vectors = vectors.collect::<Result<_, _>>().map_err(explain)?;
        Ok(Self { device, meter, output, found: describe(&attached), vectors, wake, retries: 0 })
    }

    fn run(&mut self, inbox: &Receiver<Request>) -> Result<(), String> {
        let mut looked = Instant::now();
        loop {
            self.wait()?;
            self.poll()?;
            while let Ok(request) = inbox.try_recv() {
                match request {
                    // Who asked may have gone.
                    Request::Look(answer) => drop(answer.send(Box::new(self.look()))),
                    Request::Change(change, answer) => {
                        self.change(change)?;
                        let _ = answer.send(());
                    }
                    Request::Stop => return self.end(),
                }
            }
            if looked.elapsed() >= LOOK {
                looked = Instant::now();
                if self.device.io().read(|r| &r.magic) == u32::MAX {
                    return Err("the NIC is gone: every read gives all ones".to_owned());
                }
            }
        }
    }

    fn poll(&mut self) -> Result<(), String> {
        let result = self.meter.poll(now_ns(), &mut self.output);
        self.forgive(result)
    }

    /// What cannot be handed over stays where it is.
    fn forgive(&mut self, result: Result<(), MeterError<OutputError>>) -> Result<(), String> {
        match result {
            Err(MeterError::Sink(_)) => {
                self.retries += 1;
                Ok(())
            }
            result => result.map_err(explain),
        }
    }

    /// Waits for an interrupt or a request, but not for long.
    fn wait(&self) -> Result<(), String> {
        let all = || self.vectors.iter().map(AsFd::as_fd).chain([self.wake.as_fd()]);
        let mut fds: Vec<_> = all().map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN)).collect();
        let nap = Timespec { tv_sec: 0, tv_nsec: NAP.subsec_nanos().into() };
        match poll(&mut fds, Some(&nap)) {
            Ok(0) | Err(rustix::io::Errno::INTR) => return Ok(()),
            Ok(_) => {}
            Err(error) => return Err(format!("cannot wait for interrupts: {error}")),
        }
        for (polled, fd) in fds.iter().zip(all()) {
            if polled.revents().contains(PollFlags::IN) {
                let _ = rustix::io::read(fd, &mut [0_u8; 8]);
            }
        }
        Ok(())
    }

    fn look(&self) -> Look {
        let driver = self.meter.driver();
        Look {
            window: driver.window(),
            published_until_ns: self.meter.open_since_ns(),
            counters: driver.counters(),
            rings: driver.rings(),
            flows: self.meter.flows_known(),
            statistics: self.meter.statistics(),
            faults: self.meter.faults(),
            ledger: self.output.ledger().clone(),
            records: self.output.records(),
            retries: self.retries,
        }
    }

    fn change(&mut self, change: Change) -> Result<(), String> {
        for (vport, policy) in change.policies.into_iter().flatten().enumerate() {
            let result = self.meter.set_policy(vport, policy, now_ns(), &mut self.output);
            self.forgive(result)?;
        }
        if let Some(seconds) = change.window_seconds {
            self.meter.driver().set_window_seconds(seconds);
        }
        Ok(())
    }

    /// Closes the open window, and waits until it is out.
    fn end(&mut self) -> Result<(), String> {
        self.poll()?;
        let open_since_ns = self.meter.driver().window().start_ns;
        self.meter.driver().close_window_now();
        let begin = Instant::now();
        while self.meter.open_since_ns() <= open_since_ns {
            if begin.elapsed() > SETTLE {
                return Err(format!("the last window was not published within {} s", SETTLE.as_secs()));
            }
            self.wait()?;
            self.poll()?;
        }
        Ok(())
    }
}

/// An error with its reasons.
fn explain(error: impl std::error::Error) -> String {
    let mut message = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let reason = error.to_string();
        if !message.ends_with(&reason) {
            message = format!("{message}: {reason}");
        }
        cause = error.source();
    }
    message
}

fn describe(attached: &Attached) -> String {
    match attached {
        Attached::Fresh => "the NIC was brought up".to_owned(),
        Attached::Resumed => "the NIC ran; going on where the last daemon stopped".to_owned(),
        Attached::HostRestart { ledgers, .. } => {
            let lost: u64 = ledgers.iter().map(|ledger| ledger.packets.counter(LedgerEnd::Offered as usize)).sum();
            format!(
                "the NIC ran, but the memory of its last daemon is lost, and with it {lost} packets of the open window: it \
                 was brought up anew"
            )
        }
        Attached::DeviceRestart => "the NIC had been reset: it was brought up anew".to_owned(),
    }
}

/// The time of day, Unix ns.
pub(super) fn now_ns() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}
