//! What the model can say about time, room and load.

use crate::dma::Bus;
use crate::nic::Nic;
use crate::timing::constants::{ENGINE_CYCLE_PS, HOST_PUNT_NS, PCIE_PS_PER_BYTE};
use crate::timing::{Board, EngineTiming, Histogram, Passage};
use firmware_abi::key::Direction;
use firmware_abi::ring::RingId;

/// Latency percentiles, ns; multiply by 0.25 for cycles of the flow engine.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Latency {
    /// Values measured.
    pub count: u64,
    /// Half were at or below this.
    pub p50_ns: f64,
    /// 99 %.
    pub p99_ns: f64,
    /// 99.9 %.
    pub p999_ns: f64,
    /// All.
    pub max_ns: f64,
}

impl Latency {
    fn of(histogram: &Histogram) -> Self {
        let ns = |ps: u64| ps as f64 / 1000.0;
        Self {
            count: histogram.count(),
            p50_ns: ns(histogram.percentile(500)),
            p99_ns: ns(histogram.percentile(990)),
            p999_ns: ns(histogram.percentile(999)),
            max_ns: ns(histogram.max()),
        }
    }

    /// A latency in cycles of the flow engine.
    #[must_use]
    pub fn cycles(ns: f64) -> f64 {
        ns * 1000.0 / ENGINE_CYCLE_PS as f64
    }
}

/// One engine.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EngineReport {
    /// Packets.
    pub packets: u64,
    /// From the first to the last, ns.
    pub elapsed_ns: u64,
    /// Packets a second over that time.
    pub packets_per_second: f64,
    /// Bits a second on the wire, with preamble, FCS and gap.
    pub wire_bits_per_second: f64,
    /// Through the pipeline.
    pub pipeline: Latency,
    /// The busiest stage, and how busy it was, 0 to 1.
    pub bottleneck: (&'static str, f64),
    /// Slots of the flow table in use, most in use, and in all.
    pub slots: (u32, u32, u32),
}

/// The whole NIC.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// Ingress, egress.
    pub engines: [EngineReport; 2],
    /// From the parser to the host and back to the gate.
    pub punt: Latency,
    /// From a punted frame's last beat until host memory has its header.
    pub punt_write: Latency,
    /// The longest drain, ns.
    pub drain_ns_max: u64,
    /// Most entries in use, and size, of each ring that runs.
    pub rings: Vec<(RingId, u32, u32)>,
    /// Bytes written to and read from host memory with headers.
    pub pcie_bytes: (u64, u64),
    /// By how much the offered rate could grow, with the same mix, before the first packet would be
    /// lost, what would lose it, and the rate in packets a second that this makes.
    pub first_drop: (f64, &'static str, f64),
}

/// A frame as the model last timed it, and how many of its engine had been sent on and punted with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timed {
    /// Its way to the output.
    pub passage: Passage,
    /// When host memory had the header of the last punt, ps since the time given to [`Nic::rest`].
    pub punted_ps: u64,
    /// Frames forwarded.
    pub forwarded: u64,
    /// Frames and copies of frames punted.
    pub punts: u64,
}

impl<B: Bus> Nic<B> {
    /// Times as on `board` instead of a card. All that was timed before is forgotten.
    pub fn set_board(&mut self, board: Board) {
        self.board = board;
        for engine in &mut self.engines {
            engine.timing = EngineTiming::new(board);
        }
    }

    /// All frames have left: from `time_ns` on no stage is busy, and times are counted from there.
    pub fn rest(&mut self, time_ns: u64) {
        for engine in &mut self.engines {
            engine.timing.rest(time_ns);
        }
        self.punts.rest(time_ns);
    }

    /// The last frame of an engine.
    #[must_use]
    pub fn timed(&self, direction: Direction) -> Timed {
        let engine = &self.engines[direction.index()];
        Timed {
            passage: engine.timing.passage(),
            punted_ps: self.punts.written_ps(),
            forwarded: engine.counters.forwarded,
            punts: engine.counters.punts,
        }
    }

    /// The report since power-on.
    #[must_use]
    pub fn report(&self) -> Report {
        let engines = [0, 1].map(|index| self.engine_report(index));
        let rings =
            self.rings.iter().filter(|ring| ring.enabled).map(|ring| (ring.id, ring.high_water, ring.size())).collect();
        Report {
            first_drop: self.first_drop(&engines),
            engines,
            punt: Latency::of(&self.punt_latency),
            punt_write: Latency::of(self.punts.latency()),
            drain_ns_max: self.drain_ns_max,
            rings,
            pcie_bytes: (self.pcie.write_bytes, self.pcie.read_bytes),
        }
    }

    fn engine_report(&self, index: usize) -> EngineReport {
        let engine = &self.engines[index];
        let timing = &engine.timing;
        let seconds = (timing.elapsed_ns() as f64 / 1e9).max(1e-12);
        let (used, high_water) = engine.lookup.occupancy();
        EngineReport {
            packets: timing.packets,
            elapsed_ns: timing.elapsed_ns(),
            packets_per_second: timing.packets as f64 / seconds,
            wire_bits_per_second: timing.wire_bytes as f64 * 8.0 / seconds,
            pipeline: Latency::of(&timing.pipeline()),
            bottleneck: timing.bottleneck(),
            slots: (used, high_water, engine.lookup.len()),
        }
    }

    /// Each resource's load; the highest one is the first to be full.
    fn first_drop(&self, engines: &[EngineReport; 2]) -> (f64, &'static str, f64) {
        let elapsed_ns = engines.iter().map(|engine| engine.elapsed_ns).max().unwrap_or(0).max(1) as f64;
        let packets: u64 = engines.iter().map(|engine| engine.packets).sum();
        let rate = packets as f64 / elapsed_ns * 1e9;
        let pcie = self.pcie.write_bytes.max(self.pcie.read_bytes) * PCIE_PS_PER_BYTE;
        let punts = self.punt_latency.count() * HOST_PUNT_NS;
        let loads = [
            engines[0].bottleneck,
            engines[1].bottleneck,
            ("PCIe", pcie as f64 / 1000.0 / elapsed_ns),
            ("punts", self.punts.busy_ps as f64 / 1000.0 / elapsed_ns),
            ("host punts", punts as f64 / elapsed_ns),
        ];
        let most = loads.into_iter().fold(("wire", 0.0), |most, one| if one.1 > most.1 { one } else { most });
        let growth = if most.1 > 0.0 { 1.0 / most.1 } else { 0.0 };
        (growth, most.0, rate * growth)
    }
}
