//! The NIC's report as JSON.

use serde::Serialize;
use sim::card::{EngineReport, Latency, Report};

use super::direction_name;
use firmware_abi::key::Direction;
use firmware_abi::ring::RingId;

/// The report.
#[derive(Clone, Debug, Serialize)]
pub struct NicJson {
    engine_cycle_ns: f64,
    engines: Vec<EngineJson>,
    punt: LatencyJson,
    longest_drain_ns: u64,
    rings: Vec<RingJson>,
    pcie_written_bytes: u64,
    pcie_read_bytes: u64,
    first_drop: FirstDropJson,
}

#[derive(Clone, Debug, Serialize)]
struct EngineJson {
    direction: &'static str,
    packets: u64,
    elapsed_ns: u64,
    packets_per_second: f64,
    wire_bits_per_second: f64,
    pipeline: LatencyJson,
    busiest_stage: &'static str,
    busiest_stage_load: f64,
    slots_in_use: u32,
    slots_high_water: u32,
    slots: u32,
}

#[derive(Clone, Debug, Serialize)]
struct LatencyJson {
    count: u64,
    p50_ns: f64,
    p99_ns: f64,
    p999_ns: f64,
    max_ns: f64,
    p50_cycles: f64,
    p99_cycles: f64,
    p999_cycles: f64,
    max_cycles: f64,
}

#[derive(Clone, Debug, Serialize)]
struct RingJson {
    ring: &'static str,
    high_water: u32,
    entries: u32,
}

#[derive(Clone, Debug, Serialize)]
struct FirstDropJson {
    times_offered_rate: f64,
    packets_per_second: f64,
    by: &'static str,
}

impl LatencyJson {
    fn new(latency: &Latency) -> Self {
        Self {
            count: latency.count,
            p50_ns: latency.p50_ns,
            p99_ns: latency.p99_ns,
            p999_ns: latency.p999_ns,
            max_ns: latency.max_ns,
            p50_cycles: Latency::cycles(latency.p50_ns),
            p99_cycles: Latency::cycles(latency.p99_ns),
            p999_cycles: Latency::cycles(latency.p999_ns),
            max_cycles: Latency::cycles(latency.max_ns),
        }
    }
}

impl EngineJson {
    fn new(direction: Direction, engine: &EngineReport) -> Self {
        let (slots_in_use, slots_high_water, slots) = engine.slots;
        Self {
            direction: direction_name(direction),
            packets: engine.packets,
            elapsed_ns: engine.elapsed_ns,
            packets_per_second: engine.packets_per_second,
            wire_bits_per_second: engine.wire_bits_per_second,
            pipeline: LatencyJson::new(&engine.pipeline),
            busiest_stage: engine.bottleneck.0,
            busiest_stage_load: engine.bottleneck.1,
            slots_in_use,
            slots_high_water,
            slots,
        }
    }
}

impl NicJson {
    /// From the model's report.
    #[must_use]
    pub fn new(report: &Report) -> Self {
        let engines = Direction::ALL.iter().zip(&report.engines);
        let rings = report.rings.iter();
        let (times_offered_rate, by, packets_per_second) = report.first_drop;
        Self {
            engine_cycle_ns: 1.0 / Latency::cycles(1.0),
            engines: engines.map(|(direction, engine)| EngineJson::new(*direction, engine)).collect(),
            punt: LatencyJson::new(&report.punt),
            longest_drain_ns: report.drain_ns_max,
            rings: rings
                .map(|(id, high_water, entries)| RingJson {
                    ring: ring_name(*id),
                    high_water: *high_water,
                    entries: *entries,
                })
                .collect(),
            pcie_written_bytes: report.pcie_bytes.0,
            pcie_read_bytes: report.pcie_bytes.1,
            first_drop: FirstDropJson { times_offered_rate, packets_per_second, by },
        }
    }
}

/// The ring's name.
pub(super) const fn ring_name(id: RingId) -> &'static str {
    match id {
        RingId::Command => "command",
        RingId::Completion => "completion",
        RingId::Record => "record",
        RingId::Punt => "punt",
        RingId::Inject => "inject",
    }
}
