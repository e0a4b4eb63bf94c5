//! The top: every stage wired together, one clock, one bus.
//!
//! ```text
//!   frames ─▶ receive ─▶ parse ▶ hash ▶ lookup ▶ tally ▶ gate ─▶ frames
//!                                         │ miss
//!                                       punt ─▶ ring          command, inject ◀─ rings
//!   registers ◀▶ regs                   window ▶ record ─▶ ring
//! ```
//!
//! The model has no clock of its own. Its time is that of the last frame, or what [`Nic::advance`]
//! said. It stops wherever an interrupt would reach the host, so that whoever drives it can run the host.

use crate::dma::Bus;
use crate::engine::Engine;
use crate::eni::Enis;
use crate::gate::Gate;
use crate::hash::Lanes;
use crate::msix::Msix;
use crate::punt::Credits;
use crate::receive::Staged;
use crate::regs::Regs;
use crate::ring_write::Ring;
use crate::timing::{Board, DrainTiming, Histogram, PcieTiming, PuntTiming};
use crate::window::Windows;
use firmware_abi::key::Direction;
use firmware_abi::registers::Errors;
use firmware_abi::ring::RingId;

/// Sizes that are parameters of the hardware.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameters {
    /// Slots of each direction, as a power of two: 7 to 24.
    pub slots_log2: u32,
    /// Virtual ports, as a power of two: 0 to 12.
    pub enis_log2: u32,
}

impl Default for Parameters {
    /// 131,072 slots a direction and 4,096 ports.
    fn default() -> Self {
        Self { slots_log2: 17, enis_log2: 12 }
    }
}

/// A parameter that no such NIC can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadParameters(pub Parameters);

impl std::fmt::Display for BadParameters {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Parameters { slots_log2, enis_log2 } = self.0;
        write!(f, "a NIC has 2^7 to 2^24 slots and 2^0 to 2^12 ports, not 2^{slots_log2} and 2^{enis_log2}")
    }
}

impl std::error::Error for BadParameters {}

/// Counters of the whole device, since reset.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DeviceCounters {
    /// Commands taken.
    pub commands: u64,
    /// Commands refused.
    pub commands_refused: u64,
    /// Injected frames taken.
    pub injects: u64,
    /// Injected headers refused.
    pub injects_refused: u64,
    /// Retries that came after their window.
    pub late_retries: u64,
    /// Records written.
    pub records: u64,
    /// Bytes read from host memory.
    pub dma_read_bytes: u64,
    /// Bytes written to host memory.
    pub dma_write_bytes: u64,
    /// Accesses to host memory that were refused.
    pub dma_refused: u64,
    /// Register writes refused.
    pub writes_refused: u64,
    /// Host entries with the wrong phase.
    pub phase_refused: u64,
}

/// The NIC.
#[derive(Debug)]
pub struct Nic<B> {
    pub(crate) parameters: Parameters,
    pub(crate) board: Board,
    pub(crate) bus: B,
    pub(crate) now_ns: u64,
    pub(crate) engines: [Engine; 2],
    pub(crate) enis: Enis,
    pub(crate) windows: Windows,
    pub(crate) rings: [Ring; 5],
    pub(crate) credits: Credits,
    pub(crate) gate: Gate,
    pub(crate) msix: Msix,
    pub(crate) regs: Regs,
    pub(crate) counters: DeviceCounters,
    pub(crate) errors: Errors,
    pub(crate) enabled: bool,
    pub(crate) staged: Vec<Staged>,
    pub(crate) lanes: Lanes,
    pub(crate) cursor: usize,
    /// An interrupt was raised that the host has not been run for.
    pub(crate) fired: bool,
    pub(crate) pcie: PcieTiming,
    pub(crate) punts: PuntTiming,
    pub(crate) punt_latency: Histogram,
    pub(crate) drain_timing: DrainTiming,
    pub(crate) drain_ns_max: u64,
}

impl<B: Bus> Nic<B> {
    /// A NIC after power-on.
    pub fn new(parameters: Parameters, bus: B) -> Result<Self, BadParameters> {
        if !(7..=24).contains(&parameters.slots_log2) || parameters.enis_log2 > 12 {
            return Err(BadParameters(parameters));
        }
        Ok(Self {
            parameters,
            board: Board::CARD,
            bus,
            now_ns: 0,
            engines: [0, 1].map(|_| Engine::new(parameters.slots_log2, Board::CARD)),
            enis: Enis::new(parameters.enis_log2),
            windows: Windows::new(),
            rings: RingId::ALL.map(Ring::new),
            credits: Credits::default(),
            gate: Gate::default(),
            msix: Msix::default(),
            regs: Regs::default(),
            counters: DeviceCounters::default(),
            errors: Errors(0),
            enabled: false,
            staged: Vec::new(),
            lanes: Lanes::default(),
            cursor: 0,
            fired: false,
            pcie: PcieTiming::default(),
            punts: PuntTiming::default(),
            punt_latency: Histogram::default(),
            drain_timing: DrainTiming::default(),
            drain_ns_max: 0,
        })
    }

    /// Everything but the time goes back to its state after power-on.
    pub(crate) fn reset(&mut self) {
        self.engines = [0, 1].map(|_| Engine::new(self.parameters.slots_log2, self.board));
        self.enis = Enis::new(self.parameters.enis_log2);
        self.windows = Windows::new();
        self.windows.set_time(self.now_ns);
        self.rings = RingId::ALL.map(Ring::new);
        self.credits = Credits::default();
        self.drain_timing = DrainTiming::default();
        self.msix = Msix::default();
        self.regs = Regs::default();
        self.counters = DeviceCounters::default();
        self.errors = Errors(0);
        self.enabled = false;
    }

    /// The NIC's time, Unix ns.
    #[must_use]
    pub fn now_ns(&self) -> u64 {
        self.now_ns
    }

    /// The host's side of the bus.
    pub fn bus_mut(&mut self) -> &mut B {
        &mut self.bus
    }

    /// Whether what leaves the NIC is kept for [`Self::take_sent`].
    pub fn keep_sent(&mut self, keep: bool) {
        self.gate.keep = keep;
    }

    /// What left the NIC since last asked.
    pub fn take_sent(&mut self) -> Vec<crate::gate::Sent> {
        std::mem::take(&mut self.gate.sent)
    }

    /// Moves the time to `until_ns`. Returns false, with the time where it happened, each time an
    /// interrupt is raised on the way; true once it is there. Time never goes back.
    pub fn advance(&mut self, until_ns: u64) -> bool {
        loop {
            if std::mem::take(&mut self.fired) {
                return false;
            }
            let boundary = self.boundary_ns();
            let due = self.msix.due_ns();
            if due.min(boundary) > until_ns {
                self.now_ns = self.now_ns.max(until_ns);
                return true;
            }
            // A window that ends in the moment of an interrupt is in what the host then finds. Both may have
            // been slept past.
            if boundary <= due.max(self.now_ns) {
                self.now_ns = self.now_ns.max(boundary);
                self.turn_window();
                continue;
            }
            self.now_ns = self.now_ns.max(due);
            self.fire();
        }
    }

    fn fire(&mut self) {
        self.msix.fire(&mut self.bus);
        self.fired = true;
    }

    /// Raises what is due, at the end of a call: it does not wait for the next one. Where a window should have
    /// ended before, that comes first, and with time.
    #[inline]
    pub(crate) fn fire_if_due(&mut self) {
        if self.msix.due_ns() <= self.now_ns && self.boundary_ns() > self.now_ns {
            self.fire();
        }
    }

    /// Moves the time to `until_ns` at once; a boundary that passed takes effect then. The report leaves
    /// this stretch out of its rates.
    pub fn sleep(&mut self, until_ns: u64) {
        let gap_ns = until_ns.saturating_sub(self.now_ns);
        for engine in &mut self.engines {
            engine.timing.sleep(gap_ns);
        }
        self.now_ns = self.now_ns.max(until_ns);
    }

    /// When something will happen without a packet: the next interrupt or window boundary; now, if the host has
    /// yet to be run.
    #[must_use]
    pub fn next_event_ns(&self) -> u64 {
        if self.fired {
            return self.now_ns;
        }
        self.boundary_ns().min(self.msix.due_ns())
    }

    /// When the open window ends; never, if the NIC does not run.
    #[inline]
    pub(crate) fn boundary_ns(&self) -> u64 {
        if self.enabled { self.windows.boundary_ns } else { u64::MAX }
    }

    /// Ends the open window now, or as soon as the last one is drained.
    pub(crate) fn turn_window(&mut self) {
        let punt_producer = self.rings[RingId::Punt as usize].producer;
        if self.windows.rotate(self.now_ns, punt_producer) {
            self.drain();
        } else {
            // Deferred: the boundary has passed and must not be met again.
            self.windows.boundary_ns = u64::MAX;
        }
    }

    /// Goes on with whatever waited for room: after each write of the host.
    pub(crate) fn pump(&mut self) {
        loop {
            self.drain();
            // A deferred boundary takes effect as soon as the closed bank is empty.
            if self.windows.drain.is_none() && self.windows.boundary_ns == u64::MAX {
                self.turn_window();
                continue;
            }
            break;
        }
        self.run_commands();
        self.run_injects();
    }

    /// Sets an error bit and says so.
    pub(crate) fn error(&mut self, set: impl FnOnce(&mut Errors)) {
        let before = self.errors;
        set(&mut self.errors);
        if self.errors != before
            && let Some(vector) = self.regs.error_vector()
        {
            self.msix.post_now(vector, self.now_ns);
        }
    }

    /// Counts an access to host memory that was refused.
    pub(crate) fn dma_refused(&mut self) {
        self.counters.dma_refused += 1;
        self.error(|errors| errors.set_dma(true));
    }

    pub(crate) fn engine(&mut self, direction: Direction) -> &mut Engine {
        &mut self.engines[direction.index()]
    }
}
