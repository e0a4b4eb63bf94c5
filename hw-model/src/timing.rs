//! Time by reservation: the table of constants, and what each stage was busy with.
//!
//! No clock is stepped. A stage is *free at* some time; a packet that arrives starts when both are
//! ready, holds the stage for its service time, and leaves after the stage's latency:
//!
//! ```text
//!   start = max(arrival, free_at)    free_at = start + service    leaves = start + latency
//! ```
//!
//! Times are picoseconds since a base that moves forward over idle stretches.

pub mod constants;
mod drain;
mod histogram;

pub use drain::DrainTiming;
pub use histogram::Histogram;

use constants::*;
use firmware_abi::ring::{FRAME_BYTES_MAX, frame_slots};

/// What the same cycles run on: the clocks, and the memory at the end of the bus.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Board {
    /// A cycle of the front end, ps.
    pub front_ps: u64,
    /// A cycle of the flow engine, ps.
    pub engine_ps: u64,
    /// Cycles, of the clock behind it, that a FIFO between the two takes.
    pub crossing_cycles: u64,
    /// From the last beat of a write until it is answered, ps.
    pub answer_ps: u64,
}

impl Board {
    /// A card: two clocks, and host memory at the other end of PCIe.
    pub const CARD: Self = Self {
        front_ps: FRONT_CYCLE_PS,
        engine_ps: ENGINE_CYCLE_PS,
        crossing_cycles: CROSSING_CYCLES,
        answer_ps: PCIE_POSTED_PS,
    };

    /// A test bench: one clock, and memory that answers in the next cycle.
    #[must_use]
    pub const fn bench(cycle_ps: u64) -> Self {
        Self { front_ps: cycle_ps, engine_ps: cycle_ps, crossing_cycles: FIFO_CYCLES, answer_ps: cycle_ps }
    }

    /// From the last beat of a write until it is answered, cycles of the engine.
    #[must_use]
    pub const fn answer_cycles(&self) -> u64 {
        self.answer_ps.div_ceil(self.engine_ps)
    }

    /// From a frame's last beat in to its first beat out, ps.
    #[must_use]
    pub const fn pipeline_ps(&self) -> u64 {
        let front = PARSE_CYCLES + ADMIT_CYCLES + self.crossing_cycles + GATE_CYCLES;
        let engine = self.crossing_cycles + LOOKUP_CYCLES + JUDGE_CYCLES;
        front * self.front_ps + engine * self.engine_ps
    }
}

/// A stage that serves one thing at a time: when it is free.
#[derive(Clone, Copy, Debug, Default)]
struct Stage(u64);

impl Stage {
    /// Serves something that arrives at `arrival` for `service`; returns when that starts.
    #[inline]
    fn reserve(&mut self, arrival: u64, service: u64) -> u64 {
        let start = arrival.max(self.0);
        self.0 = start + service;
        start
    }

    fn rebase(&mut self, by: u64) {
        self.0 = self.0.saturating_sub(by);
    }
}

/// The wire into an engine: one frame after the other, at 100 Gb/s. Short frames are padded.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wire(Stage);

impl Wire {
    /// Carries a frame of `bytes` bytes that is offered at `offered_ps`; returns when its last bit is there, ps.
    #[inline]
    pub fn carry(&mut self, offered_ps: u64, bytes: u64) -> u64 {
        let service = (bytes.max(FRAME_BYTES_MIN) + WIRE_OVERHEAD_BYTES) * WIRE_PS_PER_BYTE;
        self.0.reserve(offered_ps, service);
        self.0.0 - WIRE_OVERHEAD_BYTES * WIRE_PS_PER_BYTE
    }

    /// When the next frame may begin, ps.
    #[must_use]
    pub fn free_ps(&self) -> u64 {
        self.0.0
    }
}

/// Beats that a frame of `bytes` bytes has; of what is longer than the longest frame, those of that.
#[must_use]
#[inline]
pub fn beats(bytes: u64) -> u64 {
    bytes.clamp(1, FRAME_BYTES_MAX as u64).div_ceil(BEAT_BYTES)
}

/// When the last frame of an engine was where, ps since the time given to [`EngineTiming::rest`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Passage {
    /// Its first beat was taken.
    pub first_in_ps: u64,
    /// Its last beat was taken.
    pub last_in_ps: u64,
    /// Its verdict lets its first beat out, if it is forwarded.
    pub first_out_ps: u64,
    /// Its last beat.
    pub last_out_ps: u64,
}

/// The stages of one engine: the wire in, the 512-bit front end, and the gate, which passes a frame on, to the
/// output, to punt or to nobody, once all of it is there and judged. Lookup and tally take a packet a cycle, which
/// is less than any frame takes on the wire: nothing waits for them.
#[derive(Clone, Debug)]
pub struct EngineTiming {
    base_ns: u64,
    started_ns: Option<u64>,
    /// Packets timed.
    pub packets: u64,
    wire: Wire,
    /// Bytes on the wire with overhead.
    pub wire_bytes: u64,
    /// When the last beat was taken.
    taken: u64,
    /// What one packet's beats take.
    service: u64,
    gate: Stage,
    beats: u64,
    board: Board,
    pipeline_ps: u64,
    /// 2^64 over a front end's cycle, rounded up.
    edges_per_ps: u64,
    /// The latency of the last packets, and how many in a row had it: they are not in `pipeline` yet.
    steady: (u64, u64),
    pipeline: Histogram,
}

impl Default for EngineTiming {
    /// On a card.
    fn default() -> Self {
        Self::new(Board::CARD)
    }
}

const REBASE_NS: u64 = 1_000_000_000;

impl EngineTiming {
    /// An engine at rest on `board`.
    #[must_use]
    pub fn new(board: Board) -> Self {
        Self {
            base_ns: 0,
            started_ns: None,
            packets: 0,
            wire: Wire::default(),
            wire_bytes: 0,
            taken: 0,
            service: 0,
            gate: Stage::default(),
            beats: 0,
            board,
            pipeline_ps: board.pipeline_ps(),
            edges_per_ps: u64::MAX / board.front_ps + 1,
            steady: (0, 0),
            pipeline: Histogram::default(),
        }
    }

    /// Times a frame of `wire_length` bytes that the wire offers at `time_ns`.
    #[inline]
    pub fn packet(&mut self, time_ns: u64, wire_length: u32) {
        if time_ns.wrapping_sub(self.base_ns) > REBASE_NS {
            self.rebase(time_ns);
        }
        let bytes = u64::from(wire_length);
        let beats = beats(bytes);
        let service = beats * self.board.front_ps;
        let there = self.wire.carry((time_ns - self.base_ns) * 1000, bytes);
        // A frame's beats come in a row, the last one with the first edge after the frame's last bit.
        let taken = self.edge(there).max(self.taken + service);
        let out = self.gate.reserve(taken + self.pipeline_ps, service);
        // Most packets take as long as the one before.
        if out - taken != self.steady.0 {
            self.latency_changes(out - taken);
        }
        self.steady.1 += 1;
        self.taken = taken;
        self.service = service;
        self.packets += 1;
        self.wire_bytes += bytes.max(FRAME_BYTES_MIN) + WIRE_OVERHEAD_BYTES;
        self.beats += beats;
    }

    /// The first edge of the front end's clock at or after `ps`, which is less than 2^50.
    #[inline]
    fn edge(&self, ps: u64) -> u64 {
        let late = u128::from(ps + self.board.front_ps - 1);
        ((late * u128::from(self.edges_per_ps)) >> 64) as u64 * self.board.front_ps
    }

    /// The last packet waited for the shaper as well.
    #[inline(never)]
    pub fn shape(&mut self) {
        let before = self.gate.0 - self.service;
        let answered = self.taken + self.pipeline_ps + SHAPER_CYCLES * self.board.front_ps;
        let out = before.max(answered);
        self.gate.0 = out + self.service;
        self.steady.1 -= 1;
        if out - self.taken != self.steady.0 {
            self.latency_changes(out - self.taken);
        }
        self.steady.1 += 1;
    }

    #[inline(never)]
    fn latency_changes(&mut self, latency: u64) {
        let (before, packets) = std::mem::replace(&mut self.steady, (latency, 0));
        self.pipeline.add_many(before, packets);
    }

    /// From the last beat of a packet to the first one that its verdict lets out, ps.
    #[must_use]
    pub fn pipeline(&self) -> Histogram {
        let mut pipeline = self.pipeline.clone();
        pipeline.add_many(self.steady.0, self.steady.1);
        pipeline
    }

    /// The way of the last packet since [`Self::rest`].
    #[must_use]
    pub fn passage(&self) -> Passage {
        let front_ps = self.board.front_ps;
        Passage {
            first_in_ps: (self.taken + front_ps).saturating_sub(self.service),
            last_in_ps: self.taken,
            first_out_ps: self.gate.0 - self.service,
            last_out_ps: self.gate.0.saturating_sub(front_ps),
        }
    }

    /// When the gate let the last packet's first beat go: what times are counted from, ns, and ps since then.
    #[must_use]
    #[inline]
    pub fn verdict(&self) -> (u64, u64) {
        (self.base_ns, self.gate.0 - self.service)
    }

    /// When the last packet's last beat was taken, ps since what [`Self::verdict`] counts from.
    #[must_use]
    #[inline]
    pub fn taken(&self) -> u64 {
        self.taken
    }

    /// How long the wire, the front end and the engine were busy, ps.
    #[must_use]
    pub fn busy_ps(&self) -> [u64; 3] {
        let Board { front_ps, engine_ps, .. } = self.board;
        [self.wire_bytes * WIRE_PS_PER_BYTE, self.beats * front_ps, self.packets * engine_ps]
    }

    /// Leaves `gap_ns` out of the time that the engine was at work.
    pub fn sleep(&mut self, gap_ns: u64) {
        if let Some(started_ns) = &mut self.started_ns {
            *started_ns += gap_ns;
        }
    }

    /// All stages have come to rest, and times are counted from `time_ns`.
    pub fn rest(&mut self, time_ns: u64) {
        self.rebase(time_ns);
        (self.wire, self.taken, self.gate, self.service) = Default::default();
    }

    #[cold]
    fn rebase(&mut self, time_ns: u64) {
        if self.started_ns.is_none() {
            self.started_ns = Some(time_ns);
        }
        // Where the host has turned the clock back, nothing is under way.
        let by = time_ns.checked_sub(self.base_ns).unwrap_or(u64::MAX).saturating_mul(1000);
        for stage in [&mut self.wire.0, &mut self.gate] {
            stage.rebase(by);
        }
        self.taken = self.taken.saturating_sub(by);
        self.base_ns = time_ns;
    }

    /// From the first packet's arrival to the last one's way out, ns.
    #[must_use]
    pub fn elapsed_ns(&self) -> u64 {
        self.started_ns.map_or(0, |start| self.base_ns.saturating_sub(start) + self.gate.0 / 1000)
    }

    /// How busy the busiest stage was, 0 to 1, and its name. Its inverse is by how much the offered
    /// rate can grow before the wire itself would have to wait.
    #[must_use]
    pub fn bottleneck(&self) -> (&'static str, f64) {
        let elapsed = (self.elapsed_ns() as f64 * 1000.0).max(1.0);
        ["wire", "front end", "flow engine"]
            .into_iter()
            .zip(self.busy_ps().map(|busy| busy as f64 / elapsed))
            .fold(("wire", 0.0), |most, one| if one.1 > most.1 { one } else { most })
    }
}

/// The one module that writes punts, for both engines.
#[derive(Clone, Debug, Default)]
pub struct PuntTiming {
    /// What `stage` and `written` count from.
    base_ns: u64,
    stage: Stage,
    written: u64,
    /// How long it was at work, ps.
    pub busy_ps: u64,
    latency: Histogram,
}

impl PuntTiming {
    /// A frame that `engine` has just handed over, of which `held` bytes are there: `written` to the ring, or skipped
    /// for want of room. What opens a flow under a limit `asks` for that first.
    #[inline]
    pub fn take(&mut self, engine: &EngineTiming, held: usize, asks: bool, written: bool) {
        let Board { engine_ps, crossing_cycles, answer_ps, .. } = engine.board;
        let (base_ns, verdict) = engine.verdict();
        if base_ns != self.base_ns {
            self.rebase(base_ns);
        }
        let judged = PUNT_JUDGE_CYCLES + if asks { NEW_FLOW_CYCLES } else { 0 } + beats(held as u64);
        let arrival = verdict + crossing_cycles * engine_ps;
        if !written {
            self.busy_ps += judged * engine_ps;
            self.stage.reserve(arrival, judged * engine_ps);
            return;
        }
        let slots = u64::from(frame_slots(held));
        // The headers of several slots wait for the data.
        let rounds = if slots > 1 { answer_ps + PUNT_DATA_CYCLES * engine_ps } else { 0 };
        let work = (judged + PUNT_WRITE_CYCLES + (slots - 1) * PUNT_SLOT_CYCLES) * engine_ps + rounds;
        let service = work + PUNT_END_CYCLES * engine_ps + answer_ps;
        self.busy_ps += service;
        self.written = self.stage.reserve(arrival, service) + work;
        self.latency.add(self.written - engine.taken());
    }

    /// All that was under way has been written, and times are counted from `time_ns`.
    pub fn rest(&mut self, time_ns: u64) {
        (self.base_ns, self.stage) = (time_ns, Stage::default());
    }

    /// When host memory has the last punt's header, ps since the time given to [`Self::rest`].
    #[must_use]
    pub fn written_ps(&self) -> u64 {
        self.written
    }

    /// From a frame's last beat until host memory has its header, ps.
    #[must_use]
    pub fn latency(&self) -> &Histogram {
        &self.latency
    }

    #[cold]
    fn rebase(&mut self, base_ns: u64) {
        match base_ns.checked_sub(self.base_ns) {
            Some(by_ns) => self.stage.rebase(by_ns.saturating_mul(1000)),
            None => self.stage.0 += (self.base_ns - base_ns).saturating_mul(1000),
        }
        self.base_ns = base_ns;
    }
}

/// The PCIe link: writes and reads by DMA share its bandwidth, a direction each.
#[derive(Clone, Debug, Default)]
pub struct PcieTiming {
    /// Bytes written to host memory, with headers.
    pub write_bytes: u64,
    /// Bytes read from host memory, with headers.
    pub read_bytes: u64,
}

impl PcieTiming {
    /// A posted write of `bytes`; how long until host memory has it, ps.
    #[inline]
    pub fn write(&mut self, bytes: u64) -> u64 {
        self.write_bytes += bytes + PCIE_OVERHEAD_BYTES;
        PCIE_POSTED_PS + (bytes + PCIE_OVERHEAD_BYTES) * PCIE_PS_PER_BYTE
    }

    /// A read of `bytes`; how long until the NIC has it, ps.
    #[inline]
    pub fn read(&mut self, bytes: u64) -> u64 {
        self.read_bytes += bytes + PCIE_OVERHEAD_BYTES;
        PCIE_ROUND_TRIP_PS + (bytes + PCIE_OVERHEAD_BYTES) * PCIE_PS_PER_BYTE
    }
}
