//! Model and RTL side by side: the same calls to both, and whatever differs is found at once.
//!
//! ```text
//!   call ─┬─▶ model ─▶ Logged ─▶ host memory, interrupts         the driver sees this one
//!         └─▶ RTL ───▶ Shadow ─▶ a copy of what it writes        reads are of host memory
//!   then: times, next events, interrupts, frames that left, and every byte that either wrote
//! ```
//!
//! After the first difference nothing more is compared, and the driver goes on with the model.

mod measure;
mod shown;

pub use hw_model::timing::Wire;
pub use measure::{Measured, Side, percentile};

use crate::hostmem::{DmaFaults, HostBus};
use crate::nic::SimNic;
use crate::rtl::{BOARD, BURST_FRAMES, Mapped, NoTrace, RtlNic, Trace};
use driver::device::Iova;
use driver::dma::DmaMemory;
use firmware_abi::descriptor::WindowEnd;
use firmware_abi::registers::offset;
use hw_model::timing::beats;
use hw_model::{BadParameters, Bus, DmaFault, Frame, Nic, Parameters, Report, Sent};
use measure::Measure;
use shown::{Hex, Leaving, decoded, hex, only_drain_time_differs};
use std::fmt::Write;
use std::os::fd::OwnedFd;

/// Bytes around a difference that are shown: one entry of most rings.
const ENTRY_BYTES: usize = 64;
/// Beats of punted frames that can wait in the RTL, a direction: PUNT_BEATS of its top.
const PUNT_BEATS: u64 = 1024;
/// A gap between two frames at which both sides are brought to rest where time is measured.
const IDLE_NS: u64 = 2_000;

/// What both sides did differently, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Divergence {
    /// What was called.
    pub call: String,
    /// The NIC's time, Unix ns.
    pub now_ns: u64,
    /// The RTL's cycle.
    pub cycle: u64,
    /// Frames that both had been given.
    pub frames: u64,
    /// What differs, both sides decoded.
    pub what: String,
}

impl std::fmt::Display for Divergence {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { call, now_ns, cycle, frames, what } = self;
        write!(f, "model and RTL differ after {frames} frames, at {now_ns} ns, cycle {cycle}, in {call}:\n{what}")
    }
}

/// The model's bus: host memory, and a note of what was written.
#[derive(Debug, Default)]
struct Logged {
    host: HostBus,
    written: Vec<(u64, usize)>,
    fired: u32,
}

impl Bus for Logged {
    fn write(&mut self, iova: u64, data: &[u8]) -> Result<(), DmaFault> {
        self.host.write(iova, data)?;
        self.written.push((iova, data.len()));
        Ok(())
    }

    fn publish(&mut self, iova: u64, value: u32) -> Result<(), DmaFault> {
        self.host.publish(iova, value)?;
        self.written.push((iova, size_of::<u32>()));
        Ok(())
    }

    fn read(&mut self, iova: u64, into: &mut [u8]) -> Result<(), DmaFault> {
        self.host.read(iova, into)
    }

    fn interrupt(&mut self, vector: u8) {
        self.fired |= 1 << (vector & 31);
        self.host.interrupt(vector);
    }
}

/// The RTL's bus: it reads host memory, and writes beside it.
#[derive(Debug, Default)]
struct Shadow {
    /// Host memory and, of the same size, what the RTL wrote.
    memories: Vec<(DmaMemory, DmaMemory)>,
    written: Vec<(u64, usize)>,
    fired: u32,
}

impl Shadow {
    fn find(&self, iova: u64, bytes: usize) -> Result<(&(DmaMemory, DmaMemory), usize), DmaFault> {
        for pair in &self.memories {
            let offset = iova.wrapping_sub(pair.0.iova().0);
            if offset < pair.0.bytes() as u64 && pair.0.bytes() - offset as usize >= bytes {
                return Ok((pair, offset as usize));
            }
        }
        Err(DmaFault { iova, bytes })
    }
}

impl Bus for Shadow {
    fn write(&mut self, iova: u64, data: &[u8]) -> Result<(), DmaFault> {
        let ((_, shadow), offset) = self.find(iova, data.len())?;
        shadow.copy_in(offset, data);
        self.written.push((iova, data.len()));
        Ok(())
    }

    fn publish(&mut self, iova: u64, value: u32) -> Result<(), DmaFault> {
        self.write(iova, &value.to_le_bytes())
    }

    fn read(&mut self, iova: u64, into: &mut [u8]) -> Result<(), DmaFault> {
        let ((host, _), offset) = self.find(iova, into.len())?;
        host.copy_out(offset, into);
        Ok(())
    }

    fn interrupt(&mut self, vector: u8) {
        self.fired |= 1 << (vector & 31);
    }
}

impl Mapped for Shadow {
    fn is_mapped(&self, iova: u64, bytes: usize) -> bool {
        self.find(iova, bytes).is_ok()
    }
}

/// Model and RTL as one NIC.
#[derive(Debug)]
pub struct Lockstep {
    model: Nic<Logged>,
    rtl: RtlNic<Shadow>,
    cursor: usize,
    frames: u64,
    burst_max: usize,
    must_agree: bool,
    keep: bool,
    sent: Vec<Sent>,
    measure: Option<Measure>,
    divergence: Option<Divergence>,
}

impl Lockstep {
    /// Both after power-on. What no reset sets in the RTL starts from `seed`.
    ///
    /// # Errors
    /// When no model has such parameters.
    pub fn new(parameters: Parameters, seed: u64) -> Result<Self, BadParameters> {
        let mut model = Nic::new(parameters, Logged::default())?;
        model.keep_sent(true);
        Ok(Self {
            model,
            rtl: RtlNic::new(Shadow::default(), seed),
            cursor: 0,
            frames: 0,
            burst_max: BURST_FRAMES,
            must_agree: false,
            keep: true,
            sent: Vec::new(),
            measure: None,
            divergence: None,
        })
    }

    /// Traces the RTL.
    ///
    /// # Errors
    /// When there can be no such trace.
    pub fn set_trace(&mut self, trace: Trace) -> Result<(), NoTrace> {
        self.rtl.set_trace(trace)
    }

    /// The RTL gets at most so many frames without a wait between them; 1 shows a difference where it arises.
    pub fn set_burst_max(&mut self, frames: usize) {
        self.burst_max = frames.max(1);
    }

    /// Measures from now on how long both take, in bursts as long as can be. Before the host sets anything up.
    pub fn measure(&mut self) {
        self.measure = Some(Measure::default());
        self.burst_max = usize::MAX;
        self.model.set_board(BOARD);
        self.rtl.set_watch();
    }

    /// Panics where model and RTL differ, for tests.
    pub fn must_agree(&mut self) {
        self.must_agree = true;
    }

    /// Frames that both were given.
    #[must_use]
    pub fn frames(&self) -> u64 {
        self.frames
    }

    fn differ(&mut self, call: &str, what: String) {
        if self.divergence.is_some() {
            return;
        }
        let divergence = Divergence {
            call: call.to_owned(),
            now_ns: self.model.now_ns(),
            cycle: self.rtl.cycles(),
            frames: self.frames,
            what,
        };
        assert!(!self.must_agree, "{divergence}");
        self.divergence = Some(divergence);
    }

    fn compare<T: PartialEq + std::fmt::Debug>(&mut self, call: &str, what: &str, model: &T, rtl: &T) {
        if model != rtl {
            self.differ(call, format!("{what}\n  model {model:?}\n  RTL   {rtl:?}"));
        }
    }

    /// Everything that can be seen of both.
    fn compare_all(&mut self, call: &str) {
        if self.divergence.is_some() {
            self.model.bus_mut().written.clear();
            return;
        }
        self.note_drains();
        self.compare_memory(call);
        self.compare_sent(call);
        let times = [(self.model.now_ns(), self.rtl.now_ns()), (self.model.next_event_ns(), self.rtl.next_event_ns())];
        self.compare(call, "the time, Unix ns", &times[0].0, &times[0].1);
        // An interrupt that is due is raised by the model when it is next called, by the RTL at once.
        if times[1].0 > times[0].0 {
            self.compare(call, "the next event, Unix ns", &times[1].0, &times[1].1);
            let model = std::mem::take(&mut self.model.bus_mut().fired);
            let rtl = std::mem::take(&mut self.rtl.bus_mut().fired);
            self.compare(call, "interrupt vectors, a bit each", &model, &rtl);
        }
    }

    /// Gives the model one frame; false if an interrupt came before it.
    fn give_model(&mut self, frame: &Frame<'_>) -> bool {
        let one = std::slice::from_ref(frame);
        let before = self.model.timed(frame.direction);
        self.model.begin(one);
        let through = self.model.proceed(one);
        if let Some(measure) = self.measure.as_mut().filter(|_| through) {
            measure.note(&before, self.model.timed(frame.direction));
        }
        through
    }

    /// Gives the model frames, of which it has the first, and the RTL all of them; how many.
    fn burst(&mut self, frames: &[Frame<'_>], start_ns: u64) -> usize {
        if self.divergence.is_some() {
            return 1;
        }
        let mut most = self.rtl.burst(frames, self.burst_max);
        if self.measure.is_some() {
            let gap = |pair: &[Frame<'_>]| pair[1].time_ns > pair[0].time_ns.saturating_add(IDLE_NS);
            most = frames[..most].windows(2).position(gap).map_or(most, |gap| gap + 1);
        }
        let direction = frames[0].direction;
        let (mut count, mut punted) = (1, beats(frames[0].bytes.len() as u64));
        while count < most && punted + beats(frames[count].bytes.len() as u64) <= PUNT_BEATS {
            let (frame, punts) = (&frames[count], self.model.timed(direction).punts);
            if !self.give_model(frame) {
                self.differ("a burst of frames", "the model's interrupt came within it".to_owned());
            }
            if self.model.timed(direction).punts > punts {
                punted += beats(frame.bytes.len() as u64);
            }
            count += 1;
        }
        let Some(measure) = &mut self.measure else {
            self.rtl.send_burst(&frames[..count]);
            return count;
        };
        self.rtl.send_paced(&frames[..count], start_ns);
        if self.rtl.watch_mut().is_some_and(|watch| !measure.finish_burst(watch)) {
            self.differ("a burst of frames", "as many frames did not leave, or were not punted".to_owned());
        }
        count
    }

    /// Drains that have ended: how long each side says that they took.
    fn note_drains(&mut self) {
        let (Some(measure), Some(watch)) = (&mut self.measure, self.rtl.watch_mut()) else { return };
        for (iova, rtl_ns) in std::mem::take(&mut watch.window_ends) {
            let mut record = [0; ENTRY_BYTES];
            if self.model.bus_mut().host.read(iova, &mut record).is_ok() {
                let end: WindowEnd = zerocopy::transmute!(record);
                measure.drained(end.drain_ns, rtl_ns);
            }
        }
    }

    fn compare_memory(&mut self, call: &str) {
        let mut written = std::mem::take(&mut self.model.bus_mut().written);
        written.append(&mut self.rtl.bus_mut().written);
        written.sort_unstable();
        written.dedup();
        for (iova, bytes) in written {
            if let Some(what) = self.memory_difference(iova, bytes) {
                self.differ(call, what);
                return;
            }
        }
    }

    /// How what the two wrote at `iova` differs.
    fn memory_difference(&mut self, iova: u64, bytes: usize) -> Option<String> {
        let shadow = self.rtl.bus_mut();
        let Ok(((host, copy), offset)) = shadow.find(iova, bytes) else {
            return None;
        };
        let (mut model, mut rtl) = (vec![0; bytes], vec![0; bytes]);
        host.copy_out(offset, &mut model);
        copy.copy_out(offset, &mut rtl);
        if model == rtl {
            return None;
        }
        let at = offset + model.iter().zip(&rtl).position(|(model, rtl)| model != rtl).unwrap_or(0);
        let entry = at - at % ENTRY_BYTES;
        let (mut model, mut rtl) = ([0; ENTRY_BYTES], [0; ENTRY_BYTES]);
        host.copy_out(entry, &mut model);
        copy.copy_out(entry, &mut rtl);
        if only_drain_time_differs(&model, &rtl) {
            // A measurement: the timing suite holds it to account.
            copy.copy_in(entry, &model);
            return None;
        }
        let mut text = format!("memory at {:#x}, first different byte {at:#x} of its memory", iova);
        for (side, bytes) in [("model", &model), ("RTL  ", &rtl)] {
            write!(text, "\n  {side} {}\n        {}", hex(bytes), decoded(bytes)).expect("a string");
        }
        Some(text)
    }

    fn compare_sent(&mut self, call: &str) {
        let model = self.model.take_sent();
        let rtl = self.rtl.take_sent();
        for direction in firmware_abi::key::Direction::ALL {
            let of =
                |sent: &[Sent]| sent.iter().filter(|sent| sent.direction == direction).cloned().collect::<Vec<_>>();
            let (model, rtl) = (of(&model), of(&rtl));
            self.compare(call, &format!("how many frames left, {direction:?}"), &model.len(), &rtl.len());
            for (model, rtl) in model.iter().zip(&rtl) {
                self.compare(call, &format!("a frame that left, {direction:?}"), &Leaving(model), &Leaving(rtl));
            }
        }
        if self.keep {
            self.sent.extend(model);
        }
    }
}

impl SimNic for Lockstep {
    fn register_read(&mut self, register: u32) -> u32 {
        let model = self.model.register_read(register);
        if self.divergence.is_none() {
            let rtl = self.rtl.register_read(register);
            if register != offset::BUILD {
                self.compare(&format!("a read of register {register:#05x}"), "the value", &Hex(model), &Hex(rtl));
            }
        }
        model
    }

    fn register_write(&mut self, register: u32, value: u32) {
        self.model.register_write(register, value);
        if self.divergence.is_none() {
            self.rtl.register_write(register, value);
        }
        self.compare_all(&format!("a write of {value:#x} to register {register:#05x}"));
    }

    fn begin(&mut self, _frames: &[Frame<'_>]) {
        self.cursor = 0;
    }

    fn proceed(&mut self, frames: &[Frame<'_>]) -> bool {
        while let Some(frame) = frames.get(self.cursor) {
            let reached = self.divergence.is_some() || self.rtl.reach(frame);
            let start_ns = frame.time_ns.max(self.model.now_ns());
            if self.measure.is_some() {
                self.model.rest(start_ns);
            }
            let through = self.give_model(frame);
            if self.divergence.is_none() {
                self.compare("a frame", "whether no interrupt came before it", &through, &reached);
            }
            if !through {
                self.compare_all("an interrupt before a frame");
                return false;
            }
            let burst = self.burst(&frames[self.cursor..], start_ns);
            self.cursor += burst;
            self.frames += burst as u64;
            self.compare_all(if burst == 1 { "a frame" } else { "a burst of frames" });
        }
        true
    }

    fn advance(&mut self, until_ns: u64) -> bool {
        let there = self.model.advance(until_ns);
        if self.divergence.is_none() {
            let rtl = self.rtl.advance(until_ns);
            self.compare("the passing of time", "whether no interrupt came", &there, &rtl);
        }
        self.compare_all("the passing of time");
        there
    }

    fn sleep(&mut self, until_ns: u64) {
        self.model.sleep(until_ns);
        // The model turns its window when it is called next: nothing can be compared before.
        if self.divergence.is_none() {
            self.rtl.sleep(until_ns);
        }
    }

    fn now_ns(&self) -> u64 {
        self.model.now_ns()
    }

    fn next_event_ns(&self) -> u64 {
        self.model.next_event_ns()
    }

    fn keep_sent(&mut self, keep: bool) {
        self.keep = keep;
    }

    fn take_sent(&mut self) -> Vec<Sent> {
        std::mem::take(&mut self.sent)
    }

    fn report(&self) -> Option<Report> {
        Some(self.model.report())
    }

    fn measured(&self) -> Option<Measured> {
        self.measure.as_ref().map(|measure| measure.measured.clone())
    }

    fn divergence(&self) -> Option<String> {
        self.divergence.as_ref().map(ToString::to_string)
    }

    fn map(&mut self, memory: &DmaMemory) {
        self.model.bus_mut().host.map(memory);
        let copy = DmaMemory::heap("shadow", memory.bytes(), memory.iova());
        self.rtl.bus_mut().memories.push((memory.clone(), copy.expect("memory for a shadow")));
    }

    fn unmap(&mut self, iova: Iova) {
        self.model.bus_mut().host.unmap(iova);
        self.rtl.bus_mut().memories.retain(|(host, _)| host.iova() != iova);
    }

    fn set_vector(&mut self, vector: u8, eventfd: Option<OwnedFd>) {
        self.model.bus_mut().host.set_vector(vector, eventfd);
    }

    fn dma_faults(&mut self) -> DmaFaults {
        self.model.bus_mut().host.faults()
    }
}
