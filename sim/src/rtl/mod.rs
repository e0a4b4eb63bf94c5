//! The RTL as a simulated NIC: the verilated top, the memory behind its bus, and the rules of docs/rtl.md
//! that make what it does a function of what the model sees.
//!
//! ```text
//!   register access ─▶ AXI4-Lite ─┐                  ┌─ AXI4 ─▶ Memory ─▶ Bus
//!   frames ─▶ 512-bit stream ─────┼─▶ clock, clock ──┼─ frames that leave
//!   time ─▶ time_ns_i ────────────┘   until quiet    └─ MSI-X, fire
//! ```

mod clocks;
mod line;
mod memory;
mod stream;
mod top;
mod watch;

pub use line::{Line, Passed, Traffic};
pub use memory::Mapped;
pub use rtl_sim::NoTrace;
pub(crate) use stream::BOARD;
pub(crate) use watch::Watch;

use crate::hostmem::{DmaFaults, HostBus};
use crate::nic::SimNic;
use clocks::Clocks;
use driver::device::Iova;
use driver::dma::DmaMemory;
use firmware_abi::registers::offset;
use firmware_abi::ring::{FRAME_BYTES_MAX, frame_slots};
use hw_model::{Frame, Parameters, Report, Sent};
use memory::Memory;
use rtl_sim::tops::{WeirTopIn, WeirTopOut};
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use top::Resting;

/// A cycle of the flow engine, 250 MHz.
pub(crate) const CYCLE_PS: u64 = 4_000;
/// Whether the stream has a clock of its own: `WEIR_RTL_TWO_CLOCKS` when the RTL was built.
pub const TWO_CLOCKS: bool = rtl_sim::tops::TWO_CLOCKS != 0;
/// Cycles in a row that must be quiet: what is handed over between two modules is seen by one of them, and what
/// comes from another clock a few cycles later.
const QUIET_CYCLES: u32 = if TWO_CLOCKS { 16 } else { 4 };
/// Cycles that a reset is held.
const RESET_CYCLES: u32 = 16;
/// No call sets off as much: sweep and drain of the table, and all entries of full rings.
const CYCLES_MAX: u64 = (8 << rtl_sim::tops::SLOTS_LOG2) + (1 << 18);
const BEAT_BYTES: usize = 64;
/// A frame joins a burst only if no interrupt can fall due within it.
const BURST_NS: u64 = 32_000;
/// Frames of a burst at most.
pub(crate) const BURST_FRAMES: usize = 64;

/// The sizes that the RTL was built with.
pub const SIZES: Parameters = Parameters { slots_log2: rtl_sim::tops::SLOTS_LOG2, enis_log2: rtl_sim::tops::ENIS_LOG2 };

/// A stretch of time that is traced, ns of the NIC's time.
#[derive(Clone, Debug)]
pub struct Trace {
    /// The VCD file.
    pub file: PathBuf,
    /// From here on.
    pub from_ns: u64,
    /// Up to here.
    pub to_ns: u64,
}

/// The verilated NIC.
pub struct RtlNic<B> {
    top: Resting,
    inputs: WeirTopIn,
    outputs: WeirTopOut,
    memory: Memory,
    bus: B,
    cycles: u64,
    clocks: Clocks,
    quiet: u32,
    /// An interrupt was raised that the host has not been run for.
    fired: bool,
    cursor: usize,
    keep: bool,
    sent: Vec<Sent>,
    leaving: [Vec<u8>; 2],
    watch: Option<Box<Watch>>,
    line: Line,
    trace: Option<Trace>,
    tracing: bool,
}

impl<B> std::fmt::Debug for RtlNic<B> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RtlNic {{ cycle: {}, now_ns: {} }}", self.cycles, self.outputs.now_ns_o)
    }
}

impl<B: Mapped> RtlNic<B> {
    fn around(top: Resting, bus: B) -> Self {
        let mut nic = Self {
            top,
            inputs: WeirTopIn::default(),
            outputs: WeirTopOut::default(),
            memory: Memory::default(),
            bus,
            cycles: 0,
            clocks: Clocks::new(),
            quiet: 0,
            fired: false,
            cursor: 0,
            keep: true,
            sent: Vec::new(),
            leaving: Default::default(),
            watch: None,
            line: Line::default(),
            trace: None,
            tracing: false,
        };
        nic.inputs.out_ready_i = 3;
        nic.inputs.msix_ready_i = 1;
        for _ in 0..RESET_CYCLES {
            nic.clock();
        }
        nic.inputs.rst_ni = 1;
        nic.inputs.rst_front_ni = 1;
        nic.settle();
        nic
    }

    /// Traces from and to the times of `trace`.
    ///
    /// # Errors
    /// When there can be no such trace.
    pub fn set_trace(&mut self, trace: Trace) -> Result<(), NoTrace> {
        self.top.trace(&trace.file)?;
        self.top.end_trace();
        self.trace = Some(trace);
        Ok(())
    }

    /// The host's side of the bus.
    pub fn bus_mut(&mut self) -> &mut B {
        &mut self.bus
    }

    /// Cycles since power-on.
    #[must_use]
    pub fn cycles(&self) -> u64 {
        self.cycles
    }

    /// Clocks until nothing moves by itself.
    ///
    /// # Panics
    /// When that does not come: the design hangs.
    pub fn settle(&mut self) {
        self.quiet = 0;
        let end = self.cycles + CYCLES_MAX;
        while self.quiet < QUIET_CYCLES && !self.line.is_running() {
            self.clock();
            let busy = self.outputs.busy_o;
            assert!(self.cycles < end, "the RTL is not quiet after {CYCLES_MAX} cycles: busy_o {busy:#09b}");
        }
    }

    /// A register of BAR0; all ones if the access was refused.
    ///
    /// # Panics
    /// When there is no answer.
    pub fn register_read(&mut self, offset: u32) -> u32 {
        self.inputs.axil_araddr_i = (offset & 0xfff) as u16;
        self.inputs.axil_arvalid_i = 1;
        self.inputs.axil_rready_i = 1;
        for _ in 0..CYCLES_MAX {
            self.clock();
            if self.outputs.axil_arready_o != 0 {
                self.inputs.axil_arvalid_i = 0;
            }
            if self.outputs.axil_rvalid_o != 0 {
                self.inputs.axil_rready_i = 0;
                return self.outputs.axil_rdata_o;
            }
        }
        panic!("the RTL does not answer a read of register {offset:#x}");
    }

    /// Writes a register of BAR0; returns when what that sets off is over.
    ///
    /// # Panics
    /// When there is no answer.
    pub fn register_write(&mut self, offset: u32, value: u32) {
        if let Some(watch) = &mut self.watch {
            watch.register_written(offset, value);
        }
        self.inputs.axil_awaddr_i = (offset & 0xfff) as u16;
        self.inputs.axil_wdata_i = value;
        self.inputs.axil_wstrb_i = 0xf;
        self.inputs.axil_awvalid_i = 1;
        self.inputs.axil_wvalid_i = 1;
        self.inputs.axil_bready_i = 1;
        let mut answered = false;
        for _ in 0..CYCLES_MAX {
            self.clock();
            if self.outputs.axil_awready_o != 0 {
                self.inputs.axil_awvalid_i = 0;
            }
            if self.outputs.axil_wready_o != 0 {
                self.inputs.axil_wvalid_i = 0;
            }
            if self.outputs.axil_bvalid_o != 0 {
                self.inputs.axil_bready_i = 0;
                answered = true;
                break;
            }
        }
        assert!(answered, "the RTL does not answer a write of register {offset:#x}");
        self.settle();
    }

    /// The NIC's time, Unix ns.
    #[must_use]
    pub fn now_ns(&self) -> u64 {
        self.outputs.now_ns_o
    }

    /// When something will happen without a frame; now, if the host has yet to be run.
    #[must_use]
    pub fn next_event_ns(&self) -> u64 {
        if self.fired { self.now_ns() } else { self.outputs.next_event_o }
    }

    /// Moves the time; never back.
    fn set_time(&mut self, time_ns: u64) {
        let by = time_ns.saturating_sub(self.outputs.now_ns_o);
        self.inputs.time_ns_i = self.inputs.time_ns_i.wrapping_add(by);
        self.outputs.now_ns_o += by;
        self.follow_trace();
    }

    fn follow_trace(&mut self) {
        let Some(trace) = &self.trace else { return };
        let within = (trace.from_ns..=trace.to_ns).contains(&self.outputs.now_ns_o);
        if within && !self.tracing {
            // That it can be written was seen before.
            self.tracing = self.top.trace(&trace.file).is_ok();
        } else if !within && self.tracing {
            self.top.end_trace();
            self.trace = None;
        }
    }

    /// As [`crate::nic::SimNic::advance`].
    pub fn advance(&mut self, until_ns: u64) -> bool {
        if self.line.is_running() {
            return self.run_until(until_ns);
        }
        loop {
            if std::mem::take(&mut self.fired) {
                return false;
            }
            let event = self.outputs.next_event_o;
            if event > until_ns {
                break;
            }
            self.set_time(event);
            self.settle();
        }
        self.set_time(until_ns);
        self.settle();
        true
    }

    /// As [`crate::nic::SimNic::sleep`].
    pub fn sleep(&mut self, until_ns: u64) {
        self.set_time(until_ns);
        self.settle();
    }

    /// Starts a batch.
    pub fn begin(&mut self) {
        self.cursor = 0;
    }

    /// As [`crate::nic::SimNic::proceed`].
    pub fn proceed(&mut self, frames: &[Frame<'_>]) -> bool {
        while let Some(frame) = frames.get(self.cursor) {
            if !self.reach(frame) {
                return false;
            }
            let burst = self.burst(&frames[self.cursor..], BURST_FRAMES);
            self.send_burst(&frames[self.cursor..self.cursor + burst]);
            self.cursor += burst;
        }
        true
    }

    /// Lets pass what comes before a frame; false if an interrupt is among it.
    pub(crate) fn reach(&mut self, frame: &Frame<'_>) -> bool {
        frame.time_ns < self.next_event_ns() || self.advance(frame.time_ns)
    }

    /// Sends a burst, and waits for quiet behind it.
    pub(crate) fn send_burst(&mut self, frames: &[Frame<'_>]) {
        for frame in frames {
            self.set_time(frame.time_ns);
            self.send(frame);
        }
        self.settle();
    }

    /// How many frames can be sent without waiting for quiet: of one direction, and none that the host could
    /// have been interrupted before. At most `most`.
    pub(crate) fn burst(&mut self, frames: &[Frame<'_>], most: usize) -> usize {
        let Some(first) = frames.first() else { return 0 };
        if TWO_CLOCKS {
            // It is stamped when it has come into the engine's clock: nothing may come behind it until then.
            return 1;
        }
        let start_ns = first.time_ns.max(self.now_ns());
        let end_ns = self.outputs.next_event_o.min(start_ns.saturating_add(BURST_NS));
        let slots = |frame: &Frame<'_>| frame_slots(frame.bytes.len().min(FRAME_BYTES_MAX));
        let mut room = None;
        let mut slots_used = slots(first);
        let mut count = 1;
        for frame in frames.iter().take(most).skip(1) {
            slots_used += slots(frame);
            if frame.direction != first.direction || frame.time_ns >= end_ns {
                break;
            }
            if slots_used >= *room.get_or_insert_with(|| self.slots_until_crowded()) {
                break;
            }
            count += 1;
        }
        count
    }

    /// Slots that the punt ring takes before it is half full and interrupts at once.
    fn slots_until_crowded(&mut self) -> u32 {
        let size = 1_u32.checked_shl(self.register_read(offset::PUNT_SIZE_LOG2)).unwrap_or(0);
        let [produced, consumed] =
            [offset::PUNT_PRODUCER, offset::PUNT_CONSUMER].map(|offset| self.register_read(offset));
        (size / 2).saturating_sub(produced.wrapping_sub(consumed))
    }

    /// Whether what leaves is kept.
    pub fn keep_sent(&mut self, keep: bool) {
        self.keep = keep;
    }

    /// What left since last asked.
    pub fn take_sent(&mut self) -> Vec<Sent> {
        std::mem::take(&mut self.sent)
    }
}

impl SimNic for RtlNic<HostBus> {
    fn register_read(&mut self, offset: u32) -> u32 {
        Self::register_read(self, offset)
    }

    fn register_write(&mut self, offset: u32, value: u32) {
        Self::register_write(self, offset, value);
    }

    fn begin(&mut self, _frames: &[Frame<'_>]) {
        Self::begin(self);
    }

    fn proceed(&mut self, frames: &[Frame<'_>]) -> bool {
        Self::proceed(self, frames)
    }

    fn advance(&mut self, until_ns: u64) -> bool {
        Self::advance(self, until_ns)
    }

    fn sleep(&mut self, until_ns: u64) {
        Self::sleep(self, until_ns);
    }

    fn now_ns(&self) -> u64 {
        Self::now_ns(self)
    }

    fn next_event_ns(&self) -> u64 {
        Self::next_event_ns(self)
    }

    fn keep_sent(&mut self, keep: bool) {
        Self::keep_sent(self, keep);
    }

    fn take_sent(&mut self) -> Vec<Sent> {
        Self::take_sent(self)
    }

    /// The model's to make: a design in hardware does not watch itself.
    fn report(&self) -> Option<Report> {
        None
    }

    fn map(&mut self, memory: &DmaMemory) {
        self.bus_mut().map(memory);
    }

    fn unmap(&mut self, iova: Iova) {
        self.bus_mut().unmap(iova);
    }

    fn set_vector(&mut self, vector: u8, eventfd: Option<OwnedFd>) {
        self.bus_mut().set_vector(vector, eventfd);
    }

    fn dma_faults(&mut self) -> DmaFaults {
        self.bus_mut().faults()
    }
}
