//! Where a replay's NIC is, and who moves its time.
//!
//! ```text
//!   Local   a card of this process: frames are pushed, time is moved by calls
//!   Staged  a NIC elsewhere that serves its own traffic in step with its host: see `driver::stage`
//! ```

use crate::assembly::Assembly;
use crate::body::{Body, BodyError};
use crate::config::Config;
use driver::device::{Device, DeviceError};
use driver::dma::DmaMemory;
use driver::regio::RegIo;
use driver::stage::{Command, Stage, StageError, State};
use sim::card::{Card, Parameters, SimDevice};
use sim::playback::Playback;
use sim::wire::Wire;
use std::os::fd::OwnedFd;
use std::rc::Rc;

/// A NIC whose time a replay moves.
pub trait Bench {
    /// How the driver reaches it.
    type Device: Device + 'static;

    /// The driver's handle.
    fn device(&self) -> Rc<Self::Device>;
    /// The NIC's time, Unix ns.
    fn now_ns(&self) -> u64;
    /// Lets time pass until `until_ns`. `host` is run, with the NIC's time, wherever the NIC interrupts it.
    ///
    /// # Errors
    /// The first of `host`; or the NIC cannot be moved.
    fn advance<E: From<StageError>>(
        &mut self,
        until_ns: u64,
        host: impl FnMut(u64) -> Result<(), E>,
    ) -> Result<(), E>;
    /// Moves the time to `until_ns` without a window turning on the way.
    ///
    /// # Errors
    /// When the NIC cannot be moved.
    fn sleep(&mut self, until_ns: u64) -> Result<(), StageError>;
    /// Frames that crossed an ENI, and frames that crossed none.
    fn frames(&self) -> (u64, u64);
    /// What two bodies of one NIC did differently.
    fn divergence(&self) -> Option<String> {
        None
    }
}

/// A card of this process.
pub struct Local {
    playback: Playback,
    device: Rc<SimDevice>,
}

/// Ports and slots of the NIC that `config` needs.
#[must_use]
pub fn parameters(config: &Config, assembly: &Assembly) -> Parameters {
    Parameters {
        slots_log2: config.settings.nic.slots_log2,
        enis_log2: assembly.enis.len().next_power_of_two().trailing_zeros(),
    }
}

/// Traffic onto the ENIs of `assembly`. Only guests of one host can send to each other through it.
#[must_use]
pub fn playback(card: Rc<Card>, assembly: &Assembly) -> Playback {
    Playback::new(card, Wire::new(&assembly.taps), assembly.enis.len() > 1)
}

impl Local {
    /// Powers the NIC `body` on.
    ///
    /// # Errors
    /// When there is no such NIC.
    pub fn new(config: &Config, body: &Body, assembly: &Assembly) -> Result<Self, BodyError> {
        let card = body.card(parameters(config, assembly))?;
        let device = Rc::new(card.device());
        Ok(Self { playback: playback(card, assembly), device })
    }

    /// The card.
    #[must_use]
    pub fn card(&self) -> &Rc<Card> {
        self.playback.card()
    }

    /// The traffic.
    pub fn playback_mut(&mut self) -> &mut Playback {
        &mut self.playback
    }
}

impl Bench for Local {
    type Device = SimDevice;

    fn device(&self) -> Rc<SimDevice> {
        Rc::clone(&self.device)
    }

    fn now_ns(&self) -> u64 {
        self.card().now_ns()
    }

    fn advance<E: From<StageError>>(
        &mut self,
        until_ns: u64,
        host: impl FnMut(u64) -> Result<(), E>,
    ) -> Result<(), E> {
        self.playback.advance(until_ns, host)
    }

    fn sleep(&mut self, until_ns: u64) -> Result<(), StageError> {
        self.card().sleep(until_ns);
        Ok(())
    }

    fn frames(&self) -> (u64, u64) {
        (self.playback.frames(), self.playback.unclaimed())
    }

    fn divergence(&self) -> Option<String> {
        self.card().divergence()
    }
}

/// A device whose stores have arrived when they return: each is followed by a load, which on PCIe pushes what was
/// posted before it. A replay needs that, for what the NIC has done by then decides what the driver sees.
#[derive(Debug)]
pub struct Settled<D: Device> {
    io: SettledIo<D>,
}

/// BAR0 of a [`Settled`] device.
#[derive(Debug)]
pub struct SettledIo<D>(Rc<D>);

impl<D: Device> RegIo for SettledIo<D> {
    fn load(&self, offset: u32) -> u32 {
        self.0.io().load(offset)
    }

    fn store(&self, offset: u32, value: u32) {
        self.0.io().store(offset, value);
        self.0.io().read(|r| &r.magic);
    }
}

impl<D: Device> Device for Settled<D> {
    type Io = SettledIo<D>;

    fn io(&self) -> &SettledIo<D> {
        &self.io
    }

    fn dma(&self, name: &str, bytes: usize) -> Result<DmaMemory, DeviceError> {
        self.io.0.dma(name, bytes)
    }

    fn vector(&self, index: u32) -> Result<OwnedFd, DeviceError> {
        self.io.0.vector(index)
    }

    fn reset(&self) -> Result<(), DeviceError> {
        self.io.0.reset()
    }

    fn relax(&self) {
        self.io.0.relax();
    }
}

/// How often a NIC is asked whether a command is over.
const POLLS_MAX: u32 = 10_000_000;

/// A NIC elsewhere.
pub struct Staged<D: Device> {
    device: Rc<D>,
    settled: Rc<Settled<D>>,
}

impl<D: Device + 'static> Staged<D> {
    /// The NIC of `device`, which serves its traffic in step with its host.
    ///
    /// # Errors
    /// When it has no stage.
    pub fn new(device: Rc<D>) -> Result<Self, StageError> {
        let bench = Self { settled: Rc::new(Settled { io: SettledIo(Rc::clone(&device)) }), device };
        bench.stage()?;
        Ok(bench)
    }

    fn stage(&self) -> Result<Stage<'_, D::Io>, StageError> {
        Stage::new(self.device.stage().ok_or(StageError::Unknown { magic: 0, version: 0 })?)
    }

    /// The time of the next frame, Unix ns.
    ///
    /// # Errors
    /// When the NIC is gone.
    pub fn next_ns(&self) -> Result<Option<u64>, StageError> {
        Ok(self.stage()?.next_ns())
    }

    /// Whether the source of the frames has ended before its time.
    ///
    /// # Errors
    /// When the NIC is gone.
    pub fn is_damaged(&self) -> Result<bool, StageError> {
        Ok(self.stage()?.is_damaged())
    }

    /// Sends the frames before `until_ns`. `host` is run as in [`Bench::advance`].
    ///
    /// # Errors
    /// As [`Bench::advance`].
    pub fn run<E: From<StageError>>(
        &mut self,
        until_ns: u64,
        host: impl FnMut(u64) -> Result<(), E>,
    ) -> Result<(), E> {
        self.command(Command::Run, until_ns, host)
    }

    fn command<E: From<StageError>>(
        &self,
        command: Command,
        until_ns: u64,
        mut host: impl FnMut(u64) -> Result<(), E>,
    ) -> Result<(), E> {
        let stage = self.stage()?;
        stage.command(command, until_ns);
        let mut polls = 0;
        while polls < POLLS_MAX {
            match stage.state()? {
                State::Idle => return Ok(()),
                State::Live => return Err(StageError::NotInStep.into()),
                State::Running => {
                    self.device.relax();
                    polls += 1;
                }
                State::Interrupted => {
                    host(stage.now_ns())?;
                    stage.go_on();
                    polls = 0;
                }
            }
        }
        Err(StageError::Stalled { command, polls: POLLS_MAX }.into())
    }
}

impl<D: Device + 'static> Bench for Staged<D> {
    type Device = Settled<D>;

    fn device(&self) -> Rc<Settled<D>> {
        Rc::clone(&self.settled)
    }

    fn now_ns(&self) -> u64 {
        self.stage().map_or(0, |stage| stage.now_ns())
    }

    fn advance<E: From<StageError>>(
        &mut self,
        until_ns: u64,
        host: impl FnMut(u64) -> Result<(), E>,
    ) -> Result<(), E> {
        self.command(Command::Advance, until_ns, host)
    }

    fn sleep(&mut self, until_ns: u64) -> Result<(), StageError> {
        self.command(Command::Sleep, until_ns, |_| Ok(()))
    }

    fn frames(&self) -> (u64, u64) {
        self.stage().map_or((0, 0), |stage| stage.frames())
    }
}
