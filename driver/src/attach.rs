//! Finding the NIC as it is, and making it ours.
//!
//! ```text
//!                       state in memory is ours          state is new or another's
//!   NIC runs            resume: undo the open            collect the open ledgers,
//!                       transaction, ring all            reset, bring up
//!                       doorbells, read the table back   (`HostRestart`)
//!   NIC does not run    forget the state, bring up       bring up (`Fresh`)
//!                       (`DeviceRestart`)
//! ```
//!
//! Bring-up: reset, wait until ready, time, window, the five rings, CONTROL.enable, and only then is
//! the state marked as ours. A crash before that mark starts the bring-up anew: no ENI was
//! enabled yet, so no packet was lost.

use crate::device::{Device, DeviceError};
use crate::regio::RegIo;
use crate::ring::{Ring, RingFault};
use crate::slots::{self, Slots};
use crate::table::{Arena, ArenaError, Scalar, Table, table_bytes};
use crate::verify::WaitError;
use crate::window::{LedgerImage, WindowState};
use firmware_abi::hash::WAYS;
use firmware_abi::registers::{AbiVersion, Control, RingControl, RingFaults, Sizes, Status};
use firmware_abi::ring::{RingId, SIZE_LOG2};
use firmware_abi::time::WINDOW_SECONDS;
use std::ops::RangeInclusive;
use std::rc::Rc;
use zerocopy::{FromBytes, Immutable, IntoBytes};

/// Entries of the rings, as powers of two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RingSizes {
    /// Commands.
    pub command_log2: u32,
    /// Completions.
    pub completion_log2: u32,
    /// Records.
    pub record_log2: u32,
    /// Slots of 2 KiB for punted frames.
    pub punt_log2: u32,
    /// Slots of 2 KiB for injected frames.
    pub inject_log2: u32,
}

impl Default for RingSizes {
    fn default() -> Self {
        Self { command_log2: 12, completion_log2: 12, record_log2: 15, punt_log2: 10, inject_log2: 10 }
    }
}

impl RingSizes {
    /// Entries of the ring `id`, as a power of two.
    #[must_use]
    pub const fn log2(&self, id: RingId) -> u32 {
        match id {
            RingId::Command => self.command_log2,
            RingId::Completion => self.completion_log2,
            RingId::Record => self.record_log2,
            RingId::Punt => self.punt_log2,
            RingId::Inject => self.inject_log2,
        }
    }
}

/// What the driver is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// Entries of the rings.
    pub rings: RingSizes,
    /// Length of a capture window.
    pub window_seconds: u32,
    /// The time to give to a NIC that is brought up, Unix ns.
    pub start_time_ns: u64,
    /// What one transaction may change, bytes, with 8 bytes for each change.
    pub journal_bytes: usize,
    /// Room for the caller's own tables in the arena: the sum of their [`table_bytes`].
    pub tables_bytes: usize,
    /// Polls after which a wait is given up.
    pub polls_max: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            rings: RingSizes::default(),
            window_seconds: 300,
            start_time_ns: 0,
            journal_bytes: 1 << 20,
            tables_bytes: 0,
            polls_max: 1_000_000,
        }
    }
}

/// How the NIC was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Attached {
    /// Neither had run before: ENIs are to be set, nothing is lost.
    Fresh,
    /// Both went on from where an earlier process had stopped. The table is being read back:
    /// [`crate::driver::Driver::verify`].
    Resumed,
    /// The NIC had gone on alone and the host's memory was lost, with all that the NIC had handed
    /// over and the window that was being drained. The NIC was brought up anew.
    HostRestart {
        /// The window that was open.
        window: WindowState,
        /// What its ledgers said, for the ENIs that saw a packet.
        ledgers: Vec<LedgerImage>,
    },
    /// The NIC had been reset while the host's state says that it ran. The state was wiped, and the
    /// NIC brought up anew.
    DeviceRestart,
}

/// Why the NIC cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum AttachError {
    /// Something else answers, or nothing (all ones).
    #[error("no flow-tally NIC: MAGIC reads {found:#010x}, expected {expected:#010x}")]
    Magic {
        /// What was read.
        found: u32,
        /// What it should be.
        expected: u32,
    },
    /// The NIC speaks another version of the contract.
    #[error("the NIC's ABI is {}.{}, this driver needs {}.{} or a later minor", found >> 16, found & 0xffff, expected >> 16, expected & 0xffff)]
    AbiMismatch {
        /// The NIC's version: major in the upper 16 bits.
        found: u32,
        /// The driver's version.
        expected: u32,
    },
    /// The NIC reports a size that the contract does not allow.
    #[error("the NIC reports {what} {found}, expected {} to {}", expected.start(), expected.end())]
    Size {
        /// What has that size.
        what: &'static str,
        /// The size.
        found: u32,
        /// What is allowed.
        expected: RangeInclusive<u32>,
    },
    /// The caller asks for something impossible.
    #[error("{what} is {found}, expected {} to {}", expected.start(), expected.end())]
    Config {
        /// The setting.
        what: &'static str,
        /// Its value.
        found: u32,
        /// What is allowed.
        expected: RangeInclusive<u32>,
    },
    /// The state is of a driver with rings of another size: they can only change at a fresh start.
    #[error("the running NIC's {ring:?} ring has 2^{found} entries, expected 2^{expected}")]
    RingSize {
        /// The ring.
        ring: RingId,
        /// Its size as a power of two.
        found: u32,
        /// The size that was asked for.
        expected: u32,
    },
    /// The NIC refuses a ring.
    #[error("the NIC has stopped rings: {faults:?}")]
    RingsStopped {
        /// Which.
        faults: RingFaults,
    },
    /// A wait has ended in vain.
    #[error(transparent)]
    Wait(#[from] WaitError),
    /// The NIC broke a rule of a ring.
    #[error(transparent)]
    Ring(#[from] RingFault),
    /// The device itself.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// The state that outlives the process.
    #[error(transparent)]
    Arena(#[from] ArenaError),
}

/// The arena's note of how far bring-up came and with which rings.
#[derive(Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C, align(4))]
pub(crate) struct BringUp {
    /// 1 once the NIC was brought up with this state.
    up: u32,
    rings_log2: [u32; 5],
}

/// What is persistent of the driver.
pub(crate) struct State<D: Device> {
    pub(crate) arena: Arena<D>,
    bring_up: Scalar<BringUp, D>,
    pub(crate) indices: Table<u32, D>,
    pub(crate) slots: Slots<D>,
}

const RINGS: usize = RingId::ALL.len();

fn ring_name(id: RingId) -> &'static str {
    match id {
        RingId::Command => "ring-command",
        RingId::Completion => "ring-completion",
        RingId::Record => "ring-record",
        RingId::Punt => "ring-punt",
        RingId::Inject => "ring-inject",
    }
}

impl<D: Device> State<D> {
    fn open(device: &Rc<D>, config: &Config, slots_log2: u32) -> Result<Self, ArenaError> {
        let own = table_bytes::<BringUp>(1) + table_bytes::<u32>(RINGS) + slots::arena_bytes(slots_log2);
        let arena = Arena::open(Rc::clone(device), "state", config.journal_bytes, own + config.tables_bytes)?;
        let bring_up = arena.scalar("bring-up")?;
        let indices = arena.table("ring-indices", RINGS)?;
        let slots = Slots::attach(&arena, slots_log2)?;
        Ok(Self { arena, bring_up, indices, slots })
    }

    /// Wipes everything and opens it anew.
    fn forget(self, device: &Rc<D>, config: &Config) -> Result<Self, ArenaError> {
        let slots_log2 = self.slots.slots_log2();
        Arena::wipe(&**device, self.arena.memory());
        drop(self);
        Self::open(device, config, slots_log2)
    }
}

/// What the identity registers say.
pub(crate) fn check_identity<I: RegIo>(io: &I) -> Result<Sizes, AttachError> {
    let found = io.read(|r| &r.magic);
    if found != firmware_abi::MAGIC {
        return Err(AttachError::Magic { found, expected: firmware_abi::MAGIC });
    }
    let version = |bits| AbiVersion(bits);
    let (found, expected) = (io.read(|r| &r.abi_version), firmware_abi::ABI_VERSION);
    if version(found).major() != version(expected).major() || version(found).minor() < version(expected).minor() {
        return Err(AttachError::AbiMismatch { found, expected });
    }
    let sizes = Sizes(io.read(|r| &r.sizes));
    let ways_log2 = WAYS.ilog2();
    for (what, found, expected) in [
        ("slots_log2", sizes.slots_log2(), 7..=24),
        ("ways_log2", sizes.ways_log2(), ways_log2..=ways_log2),
        ("enis_log2", sizes.enis_log2(), 0..=slots::VPORTS.ilog2()),
        ("vectors", sizes.vectors(), 1..=32),
    ] {
        let found = u32::from(found);
        if !expected.contains(&found) {
            return Err(AttachError::Size { what, found, expected });
        }
    }
    Ok(sizes)
}

fn check_config(config: &Config) -> Result<(), AttachError> {
    let sizes = RingId::ALL.map(|id| (ring_name(id), config.rings.log2(id), SIZE_LOG2));
    for (what, found, expected) in sizes.into_iter().chain([("window_seconds", config.window_seconds, WINDOW_SECONDS)])
    {
        if !expected.contains(&found) {
            return Err(AttachError::Config { what, found, expected });
        }
    }
    Ok(())
}

/// Looks until `is_over`, a bounded number of times.
fn wait<D: Device>(
    device: &D,
    what: &'static str,
    polls: u32,
    is_over: impl Fn(&D::Io) -> bool,
) -> Result<(), WaitError> {
    for _ in 0..polls {
        if is_over(device.io()) {
            return Ok(());
        }
        device.relax();
    }
    Err(WaitError { what, polls })
}

/// The parts of a driver.
pub(crate) struct Parts<D: Device> {
    pub(crate) state: State<D>,
    pub(crate) rings: [Ring<D>; RINGS],
    pub(crate) sizes: Sizes,
}

pub(crate) fn attach<D: Device>(device: &Rc<D>, config: &Config) -> Result<(Parts<D>, Attached), AttachError> {
    check_config(config)?;
    let io = device.io();
    let sizes = check_identity(io)?;
    let state = State::open(device, config, sizes.slots_log2().into())?;
    let is_running = Control(io.read(|r| &r.control)).enable();
    let bring_up = state.bring_up.get();
    let is_ours = bring_up.up == 1;
    let memories = RingId::ALL.map(|id| {
        let size_log2 = config.rings.log2(id);
        // The size is in the name, so that another size at the next bring-up is other memory.
        device.dma(&format!("{}-{size_log2}", ring_name(id)), id.entry_bytes() << size_log2)
    });
    if is_ours && is_running {
        check_sizes(&bring_up, config)?;
        if RingId::ALL
            .iter()
            .zip(&memories)
            .all(|(id, memory)| memory.as_ref().is_ok_and(|memory| io.ring(*id).base_iova() == memory.iova().0))
        {
            let rings = make_rings(device, config, &state, memories)?;
            let rings = resume(device, rings)?;
            return Ok((Parts { state, rings, sizes }, Attached::Resumed));
        }
    }
    let attached = match (is_running, is_ours) {
        (true, _) => host_restart(&**device, sizes),
        (false, true) => Attached::DeviceRestart,
        (false, false) => Attached::Fresh,
    };
    let state = if state.arena.is_new() { state } else { state.forget(device, config)? };
    let rings = make_rings(device, config, &state, memories)?;
    bring_up_nic(device, config, sizes, &rings)?;
    state.bring_up.set(BringUp { up: 1, rings_log2: RingId::ALL.map(|id| config.rings.log2(id)) });
    state.arena.commit();
    Ok((Parts { state, rings, sizes }, attached))
}

fn check_sizes(bring_up: &BringUp, config: &Config) -> Result<(), AttachError> {
    for (ring, found) in RingId::ALL.into_iter().zip(bring_up.rings_log2) {
        let expected = config.rings.log2(ring);
        if found != expected {
            return Err(AttachError::RingSize { ring, found, expected });
        }
    }
    Ok(())
}

type Memories = [Result<crate::dma::DmaMemory, DeviceError>; RINGS];

fn make_rings<D: Device>(
    device: &Rc<D>,
    config: &Config,
    state: &State<D>,
    memories: Memories,
) -> Result<[Ring<D>; RINGS], DeviceError> {
    let [command, completion, record, punt, inject] = memories;
    let memories = [command?, completion?, record?, punt?, inject?];
    let mut memories = memories.into_iter();
    Ok(RingId::ALL.map(|id| {
        let memory = memories.next().expect("one memory for each ring");
        Ring::new(Rc::clone(device), id, memory, config.rings.log2(id), state.indices.get(id as usize))
    }))
}

/// Goes on with a NIC that runs: the doorbells may not have reached it.
fn resume<D: Device>(device: &Rc<D>, mut rings: [Ring<D>; RINGS]) -> Result<[Ring<D>; RINGS], AttachError> {
    for ring in &mut rings {
        ring.doorbell();
        ring.refresh()?;
    }
    check_rings(device.io())?;
    Ok(rings)
}

fn check_rings<I: RegIo>(io: &I) -> Result<(), AttachError> {
    let faults = RingFaults(io.read(|r| &r.ring_faults));
    if faults == RingFaults::default() { Ok(()) } else { Err(AttachError::RingsStopped { faults }) }
}

fn host_restart<D: Device>(device: &D, sizes: Sizes) -> Attached {
    let io = device.io();
    let window = WindowState::read(io);
    let ledgers = LedgerImage::read_all(io, sizes.enis_log2().into());
    // A bring-up that was cut short looks the same, but nothing had been counted.
    if ledgers.is_empty() { Attached::Fresh } else { Attached::HostRestart { window, ledgers } }
}

fn bring_up_nic<D: Device>(
    device: &Rc<D>,
    config: &Config,
    sizes: Sizes,
    rings: &[Ring<D>; RINGS],
) -> Result<(), AttachError> {
    device.reset()?;
    let io = device.io();
    let mut control = Control::default();
    control.set_reset(true);
    io.write(|r| &r.control, control.0);
    wait(&**device, "STATUS.ready after reset", config.polls_max, |io| {
        let status = io.read(|r| &r.status);
        status != u32::MAX && Status(status).ready()
    })?;
    io.write_wide(|r| (&r.time_set_lo, &r.time_set_hi), config.start_time_ns);
    io.write(|r| &r.window_seconds, config.window_seconds);
    device.step();
    for ring in rings {
        ring.memory.zero();
        device.step();
        let registers = io.ring(ring.id);
        registers.place(ring.memory.iova().0, ring.size_log2);
        let mut control = RingControl::default();
        control.set_enable(true);
        control.set_vector(vector_of(ring.id, sizes, device.vectors()));
        registers.set_control(control);
        device.step();
    }
    check_rings(io)?;
    let mut control = Control::default();
    control.set_enable(true);
    io.write(|r| &r.control, control.0);
    device.step();
    Ok(())
}

/// The vector of a ring: one each, as far as they go.
pub(crate) fn vector_of(id: RingId, sizes: Sizes, granted: u32) -> u8 {
    let vectors = granted.min(sizes.vectors().into()).max(1);
    (id as u32 % vectors) as u8
}
