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

/// The model's constants. Picoseconds unless named otherwise.
pub mod constants {
    /// One byte on a 100 Gb/s wire.
    pub const WIRE_PS_PER_BYTE: u64 = 80;
    /// Preamble, FCS and inter-frame gap, bytes.
    pub const WIRE_OVERHEAD_BYTES: u64 = 24;
    /// A cycle of the packet front end, 322.265625 MHz: the clock of a 100G MAC's 512-bit port.
    pub const FRONT_CYCLE_PS: u64 = 3_103;
    /// Bytes of one beat of the 512-bit stream.
    pub const BEAT_BYTES: u64 = 64;
    /// A cycle of the flow engine, 250 MHz.
    pub const ENGINE_CYCLE_PS: u64 = 4_000;
    /// Cycles of the front end from a packet's first beat to its key.
    pub const PARSE_CYCLES: u64 = 6;
    /// Cycles of the engine to cross the clock domains.
    pub const CROSSING_CYCLES: u64 = 4;
    /// Cycles of the engine from key to slot: two hashes, two bucket reads, compare.
    pub const LOOKUP_CYCLES: u64 = 9;
    /// Cycles of the engine in the tally, up to the verdict.
    pub const TALLY_CYCLES: u64 = 4;
    /// Cycles of the engine from the verdict to the first beat out.
    pub const GATE_CYCLES: u64 = 3;
    /// Engine cycles that the drain spends on each slot of a bank.
    pub const DRAIN_CYCLES_PER_SLOT: u64 = 1;

    /// PCIe 4.0 x16 as a NIC sees it: a read's round trip (Neugebauer et al., SIGCOMM 2018, saw 0.9 to 1.3 µs
    /// at 64 bytes), ...
    pub const PCIE_ROUND_TRIP_PS: u64 = 1_000_000;
    /// ... a posted write until host memory has it, half of that, ...
    pub const PCIE_POSTED_PS: u64 = 500_000;
    /// ... and the time of one byte at 25.2 GB/s, what is left of 31.5 after packet headers.
    pub const PCIE_PS_PER_BYTE: u64 = 40;
    /// Bytes of a transaction's headers.
    pub const PCIE_OVERHEAD_BYTES: u64 = 24;

    /// From the first unanswered entry in a ring until its interrupt: the moderation timer, ns.
    pub const INTERRUPT_MODERATION_NS: u64 = 32_000;
    /// From interrupt to the host's first instruction for it, ns.
    pub const HOST_WAKE_NS: u64 = 2_000;
    /// The host's work on one punt, ns.
    pub const HOST_PUNT_NS: u64 = 250;
}

use constants::*;

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

/// Latencies, in buckets that are at most 1/16 apart.
#[derive(Clone, Debug)]
pub struct Histogram {
    buckets: Vec<u64>,
    count: u64,
    max: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { buckets: vec![0; 64 * 16], count: 0, max: 0 }
    }
}

impl Histogram {
    /// Adds one value.
    #[inline]
    pub fn add(&mut self, value: u64) {
        self.add_many(value, 1);
    }

    /// Adds `count` times the same value.
    #[inline]
    fn add_many(&mut self, value: u64, count: u64) {
        self.buckets[Self::bucket(value)] += count;
        self.count += count;
        self.max = self.max.max(value);
    }

    #[inline]
    fn bucket(value: u64) -> usize {
        let wide = value | 16;
        let exponent = 63 - wide.leading_zeros();
        let mantissa = (wide >> (exponent - 4)) & 15;
        ((exponent as usize - 4) * 16 + mantissa as usize) & (64 * 16 - 1)
    }

    /// How many values were added.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The largest value.
    #[must_use]
    pub fn max(&self) -> u64 {
        self.max
    }

    /// The value that `per_mille` of 1,000 are at or below, rounded up to its bucket; 0 if empty.
    #[must_use]
    pub fn percentile(&self, per_mille: u64) -> u64 {
        let wanted = (self.count * per_mille).div_ceil(1000);
        let mut seen = 0;
        for (bucket, count) in self.buckets.iter().enumerate() {
            seen += count;
            if seen >= wanted && *count > 0 {
                let exponent = bucket / 16;
                let upper = ((16 + bucket as u64 % 16 + 1) << exponent) - 1;
                return upper.min(self.max);
            }
        }
        self.max
    }
}

/// The stages of one engine: the wire in, the 512-bit front end, and lookup and tally, which take a
/// packet a cycle.
#[derive(Clone, Debug, Default)]
pub struct EngineTiming {
    base_ns: u64,
    started_ns: Option<u64>,
    /// Packets timed.
    pub packets: u64,
    wire: Stage,
    /// Bytes on the wire with overhead.
    pub wire_bytes: u64,
    front: Stage,
    beats: u64,
    engine: Stage,
    last_ps: u64,
    /// The latency of the last packets, and how many in a row had it: they are not in `pipeline` yet.
    steady: (u64, u64),
    pipeline: Histogram,
}

const PIPELINE_ENGINE_PS: u64 = (CROSSING_CYCLES + LOOKUP_CYCLES + TALLY_CYCLES + GATE_CYCLES) * ENGINE_CYCLE_PS;
const REBASE_NS: u64 = 1_000_000_000;

impl EngineTiming {
    /// Times a frame of `wire_length` bytes that the wire offers at `time_ns`.
    #[inline]
    pub fn packet(&mut self, time_ns: u64, wire_length: u32) {
        if time_ns.wrapping_sub(self.base_ns) > REBASE_NS {
            self.rebase(time_ns);
        }
        let offered = (time_ns - self.base_ns) * 1000;
        let bytes = u64::from(wire_length);
        let wire_bytes = bytes + WIRE_OVERHEAD_BYTES;
        let beats = bytes.div_ceil(BEAT_BYTES);
        let arrival = self.wire.reserve(offered, wire_bytes * WIRE_PS_PER_BYTE);
        let parsed = self.front.reserve(arrival, beats * FRONT_CYCLE_PS) + PARSE_CYCLES * FRONT_CYCLE_PS;
        let out = self.engine.reserve(parsed, ENGINE_CYCLE_PS) + PIPELINE_ENGINE_PS;
        // Most packets take as long as the one before.
        if out - arrival != self.steady.0 {
            self.latency_changes(out - arrival);
        }
        self.steady.1 += 1;
        self.packets += 1;
        self.wire_bytes += wire_bytes;
        self.beats += beats;
        self.last_ps = out;
    }

    #[inline(never)]
    fn latency_changes(&mut self, latency: u64) {
        let (before, packets) = std::mem::replace(&mut self.steady, (latency, 0));
        self.pipeline.add_many(before, packets);
    }

    /// From last bit of the header on the wire to the verdict's first beat out, ps.
    #[must_use]
    pub fn pipeline(&self) -> Histogram {
        let mut pipeline = self.pipeline.clone();
        pipeline.add_many(self.steady.0, self.steady.1);
        pipeline
    }

    /// How long the wire, the front end and the engine were busy, ps.
    #[must_use]
    pub fn busy_ps(&self) -> [u64; 3] {
        [self.wire_bytes * WIRE_PS_PER_BYTE, self.beats * FRONT_CYCLE_PS, self.packets * ENGINE_CYCLE_PS]
    }

    /// Leaves `gap_ns` out of the time that the engine was at work.
    pub fn sleep(&mut self, gap_ns: u64) {
        if let Some(started_ns) = &mut self.started_ns {
            *started_ns += gap_ns;
        }
    }

    #[cold]
    fn rebase(&mut self, time_ns: u64) {
        if self.started_ns.is_none() {
            self.started_ns = Some(time_ns);
        }
        let Some(by_ns) = time_ns.checked_sub(self.base_ns) else { return };
        let by = by_ns.saturating_mul(1000);
        for stage in [&mut self.wire, &mut self.front, &mut self.engine] {
            stage.rebase(by);
        }
        self.base_ns = time_ns;
        self.last_ps = 0;
    }

    /// From the first packet's arrival to the last one's way out, ns.
    #[must_use]
    pub fn elapsed_ns(&self) -> u64 {
        self.started_ns.map_or(0, |start| self.base_ns - start + self.last_ps / 1000)
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
