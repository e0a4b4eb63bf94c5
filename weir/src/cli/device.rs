//! `--device`: a NIC that is not of this process, and a replay of the traffic that it has itself.

use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::{Duration, Instant, SystemTime};

use clap::Args;
use driver::device::Device;
use driver::regio::RegIo;
use driver::stage::{Stage, StageError, State};
use driver::vfio::{Options, Pages, VfioDevice};
use driver::vfio_user::{Past, VfioUserDevice};
use firmware_abi::ring::RingId;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::feed::Fed;
use super::{Failure, say};
use crate::assembly::assemble;
use crate::bench::Staged;
use crate::config::Config;
use crate::diag::device::DeviceName;
use crate::meter::Meter;
use crate::output::{Output, OutputError};
use crate::replay::{Replay, ReplayCounts, ReplayError};
use crate::stats::Run;

/// Where the driver's memory of the NIC on `socket` is, if nothing else is said: of the same name for the next driver.
fn usual_state(socket: &Path) -> PathBuf {
    let path = std::path::absolute(socket).unwrap_or_else(|_| socket.to_owned());
    Path::new("/dev/shm/weir").join(path.to_string_lossy().trim_start_matches('/').replace('/', "-"))
}

/// A NIC that is not of this process.
#[derive(Args, Clone, Debug)]
pub(super) struct DeviceArgs {
    /// A NIC elsewhere, with traffic of its own: the PCI address of one that is bound to vfio-pci, or vfio-user:PATH for
    /// one that `weir nic serve` serves
    #[arg(long, value_name = "WHERE", help_heading = "NIC elsewhere")]
    pub(super) device: Option<DeviceName>,
    /// Of vfio-user: where the driver keeps what must outlive it; with another NIC, another folder
    #[arg(long, value_name = "DIR", requires = "device", help_heading = "NIC elsewhere")]
    state: Option<PathBuf>,
    /// Of PCIe: the most interrupt vectors to use
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = clap::value_parser!(u32).range(1..=32),
        help_heading = "NIC elsewhere")]
    vectors: u32,
    /// Of PCIe: uses pages of 4 KiB, even if there are huge ones
    #[arg(long, help_heading = "NIC elsewhere")]
    no_huge_pages: bool,
}

/// What is done with a device of any kind.
pub(super) trait WithDevice {
    /// What comes of it.
    type Done;
    /// Does it.
    fn run<D: Device + 'static>(self, device: Rc<D>) -> Result<Self::Done, Failure>;
}

impl DeviceArgs {
    /// Opens the NIC at `at` for `task`. Unless `quiet`, says how its memory was had.
    pub(super) fn open<T: WithDevice>(&self, at: &DeviceName, quiet: bool, task: T) -> Result<T::Done, Failure> {
        match at {
            DeviceName::VfioUser(socket) => {
                let state = self.state.clone().unwrap_or_else(|| usual_state(socket));
                let device = VfioUserDevice::connect(socket, &state, Past::OfAnotherNic).map_err(Failure::device)?;
                task.run(Rc::new(device))
            }
            DeviceName::Pci(address) => {
                let options = Options { vectors_max: self.vectors, huge_pages: !self.no_huge_pages };
                let device = Rc::new(VfioDevice::open(*address, options).map_err(Failure::device)?);
                let done = task.run(Rc::clone(&device));
                if done.is_err() {
                    // Closing a device that is gone takes the kernel a minute: first is said what happened.
                    std::mem::forget(Rc::clone(&device));
                }
                if !quiet {
                    let Pages { huge_bytes, small_bytes } = device.pages();
                    let (huge, small) = (huge_bytes >> 20, small_bytes.div_ceil(1 << 20));
                    say(&format!("host memory for the NIC: {huge} MiB in huge pages, {small} MiB in pages of 4 KiB\n"));
                }
                done
            }
        }
    }
}

/// A replay of what a NIC has for traffic: in step with it, if it is served so; else by its clock.
pub(super) struct Measuring {
    /// What is measured.
    pub(super) config: Config,
    /// Where it goes.
    pub(super) output: Output,
    /// Whether nothing is said of how the NIC was found.
    pub(super) quiet: bool,
}

impl WithDevice for Measuring {
    type Done = Fed;

    fn run<D: Device + 'static>(self, device: Rc<D>) -> Result<Fed, Failure> {
        on(device, self)
    }
}

fn on<D: Device + 'static>(device: Rc<D>, task: Measuring) -> Result<Fed, Failure> {
    let stage = device.stage().map(Stage::new).transpose().map_err(gone)?;
    let in_step = stage.map_or(Ok(false), |stage| Ok(stage.state()? != State::Live)).map_err(gone)?;
    if in_step { in_step_with(device, Rc::new(task.config), task.output) } else { Live::new(device, task)?.run() }
}

fn gone(error: StageError) -> Failure {
    Failure::Replay(error.into())
}

/// A replay in step: the same bytes as one in this process.
fn in_step_with<D: Device + 'static>(device: Rc<D>, config: Rc<Config>, output: Output) -> Result<Fed, Failure> {
    let bench = Staged::new(Rc::clone(&device)).map_err(gone)?;
    let Some(start_ns) = bench.next_ns().map_err(gone)? else {
        return Ok(Fed { output, run: None, damage: None, cut: bench.is_damaged().map_err(gone)? });
    };
    let run = || {
        let assembly = assemble(&config, start_ns).map_err(ReplayError::from)?;
        let mut replay = Replay::on(bench, Rc::clone(&config), assembly, start_ns, |_| output)?;
        let sent = replay.run();
        sent.inspect_err(|_| drop(replay.sink_mut().flush()))?;
        replay.finish_staged()
    };
    let finished = run().map_err(|error| explain(&*device, error))?;
    let cut = device.stage().is_some_and(|io| Stage::new(io).is_ok_and(|stage| stage.is_damaged()));
    let run = said(&finished.meter, finished.counts);
    Ok(Fed { output: finished.sink, run: Some(run), damage: None, cut })
}

/// What there is to say of a meter.
fn said<D: Device + 'static>(meter: &Meter<D>, counts: ReplayCounts) -> Run {
    Run { counts, statistics: meter.statistics(), faults: meter.faults(), report: None }
}

/// Of a device that is gone, this is what is said: whatever broke, broke for that reason.
fn explain<D: Device>(device: &D, error: ReplayError<OutputError>) -> Failure {
    if is_gone(device) { lost(device) } else { error.into() }
}

fn is_gone<D: Device>(device: &D) -> bool {
    device.io().read(|r| &r.magic) == u32::MAX
}

/// What is said of a device that is gone.
fn lost<D: Device>(device: &D) -> Failure {
    let why = device.trouble().map_or(String::new(), |why| format!(" ({why})"));
    Failure::device(format!("{}{why}", StageError::Gone))
}

/// How long a host sleeps at most that nobody interrupts.
const NAP: Duration = Duration::from_millis(100);
/// How often it looks whether the NIC is there, and whether traffic is over.
const LOOK: Duration = Duration::from_millis(200);
/// How long the last window may take.
const SETTLE: Duration = Duration::from_secs(10);

/// A meter by the clock.
struct Live<D: Device + 'static> {
    device: Rc<D>,
    meter: Meter<D>,
    output: Output,
    vectors: Vec<std::os::fd::OwnedFd>,
}

impl<D: Device + 'static> Live<D> {
    fn new(device: Rc<D>, task: Measuring) -> Result<Self, Failure> {
        let Measuring { config, output, quiet } = task;
        let assembly = assemble(&config, now_ns()).map_err(ReplayError::from)?;
        let meter = Meter::attach(Rc::clone(&device), &assembly.meter, assembly.enis, assembly.subscriptions);
        let (meter, attached) = meter.map_err(|error| explain(&*device, error.into()))?;
        if !quiet {
            say(&format!("{}\n", describe(&attached)));
        }
        let vectors = RingId::ALL.into_iter().filter(|id| !id.host_produces()).map(|id| meter.driver().vector(id));
        let vectors = vectors.collect::<Result<_, _>>().map_err(Failure::device)?;
        Ok(Self { device, meter, output, vectors })
    }

    fn run(mut self) -> Result<Fed, Failure> {
        let mut looked = Instant::now();
        loop {
            self.wait()?;
            self.poll()?;
            if looked.elapsed() >= LOOK {
                looked = Instant::now();
                if self.is_over()? {
                    break;
                }
            }
        }
        self.end()
    }

    fn poll(&mut self) -> Result<(), Failure> {
        let result = self.meter.poll(now_ns(), &mut self.output);
        result.map_err(|error| explain(&*self.device, error.into()))
    }

    /// Waits for an interrupt, but not for long.
    fn wait(&self) -> Result<(), Failure> {
        let mut fds: Vec<_> = self.vectors.iter().map(|fd| PollFd::new(fd, PollFlags::IN)).collect();
        let nap = Timespec { tv_sec: 0, tv_nsec: NAP.subsec_nanos().into() };
        match poll(&mut fds, Some(&nap)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(Failure::device(format!("cannot wait for interrupts: {error}"))),
        }
        for vector in &self.vectors {
            // Nothing to read is as good as something.
            let _ = rustix::io::read(vector, &mut [0_u8; 8]);
        }
        Ok(())
    }

    /// Whether the NIC has sent all of its traffic. One that has no stage has traffic for ever.
    fn is_over(&self) -> Result<bool, Failure> {
        if is_gone(&*self.device) {
            return Err(lost(&*self.device));
        }
        let stage = self.device.stage().map(Stage::new).transpose().map_err(gone)?;
        Ok(stage.is_some_and(|stage| stage.next_ns().is_none()))
    }

    /// Ends the open window, and waits until it is out.
    fn end(mut self) -> Result<Fed, Failure> {
        self.poll()?;
        let open_since_ns = self.meter.open_since_ns();
        self.meter.driver().close_window_now();
        let begin = Instant::now();
        while self.meter.open_since_ns() == open_since_ns {
            if begin.elapsed() > SETTLE {
                return Err(ReplayError::Unpublished.into());
            }
            self.wait()?;
            self.poll()?;
        }
        let stage = self.device.stage().map(Stage::new).transpose().map_err(gone)?;
        let (frames, unclaimed) = stage.as_ref().map_or((0, 0), Stage::frames);
        let cut = stage.is_some_and(|stage| stage.is_damaged());
        let counts = ReplayCounts { frames, unclaimed, gaps: 0 };
        Ok(Fed { run: Some(said(&self.meter, counts)), output: self.output, damage: None, cut })
    }
}

fn describe(attached: &driver::Attached) -> &'static str {
    match attached {
        driver::Attached::Fresh => "the NIC was brought up",
        driver::Attached::Resumed => "the NIC ran; going on where the last driver stopped",
        driver::Attached::HostRestart { .. } => {
            "the NIC ran, but the memory of its last driver is lost: it was brought up anew"
        }
        driver::Attached::DeviceRestart => "the NIC had been reset: it was brought up anew",
    }
}

fn now_ns() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}
