//! Time: line rate is the promise, and the report says what stood in its way.

mod host;

use firmware_abi::key::{Direction, SlotAction};
use firmware_abi::ring::RingId;
use host::{Host, START_NS};
use hw_model::report::Latency;
use hw_model::timing::EngineTiming;
use hw_model::timing::constants::{PCIE_POSTED_PS, WIRE_OVERHEAD_BYTES, WIRE_PS_PER_BYTE};
use std::collections::HashSet;

/// A 64-byte frame without its FCS.
const SMALLEST: u16 = 60;
const LINE_RATE: f64 = 148.8e6;
const FLOWS: u32 = 500;

fn wire_ps(length: u32) -> u64 {
    (u64::from(length) + WIRE_OVERHEAD_BYTES) * WIRE_PS_PER_BYTE
}

/// A host whose NIC has all flows of both directions.
fn offloaded() -> (Host, Vec<Vec<u8>>) {
    let mut host = Host::new(12, 10);
    let frames: Vec<Vec<u8>> = (0..FLOWS).map(|flow| host::udp(flow, SMALLEST - 14)).collect();
    for direction in Direction::ALL {
        let mut taken = HashSet::new();
        for (cookie, frame) in (0..).zip(&frames) {
            let key = host::key(frame, direction);
            let slot = host.place(&key, |slot| taken.contains(&slot)).expect("a slot");
            taken.insert(slot);
            host.insert(key, SlotAction::Accept, slot, cookie);
        }
    }
    (host, frames)
}

/// A millisecond of the smallest frames both ways, each `step_ps` after the one before.
fn millisecond(host: &mut Host, frames: &[Vec<u8>], step_ps: u64) {
    let packets = 1_000_000_000 / step_ps;
    for first in (0..packets).step_by(4096) {
        let both = (first..packets.min(first + 4096)).flat_map(|number| {
            let frame = frames[number as usize % frames.len()].as_slice();
            Direction::ALL.map(|direction| (START_NS + number * step_ps / 1000, direction, frame))
        });
        host.send(both);
    }
}

#[test]
fn at_line_rate_of_the_smallest_frames_both_ways_the_wire_is_the_bottleneck() {
    let (mut host, frames) = offloaded();
    millisecond(&mut host, &frames, wire_ps(SMALLEST.into()));
    let report = host.nic.report();
    for engine in report.engines {
        assert_eq!(engine.packets, 148_809);
        assert!((engine.packets_per_second / LINE_RATE - 1.0).abs() < 0.002, "{engine:?}");
        assert!((engine.wire_bits_per_second / 100e9 - 1.0).abs() < 0.002, "{engine:?}");
        let (name, load) = engine.bottleneck;
        assert_eq!(name, "wire");
        assert!((0.998..=1.0).contains(&load), "{engine:?}");
        assert_eq!(engine.slots, (FLOWS, FLOWS, 4096));
        // The pipeline is never waited for: the slowest packet is as fast as the fastest.
        assert_eq!(engine.pipeline.count, 148_809);
        assert!(engine.pipeline.max_ns - engine.pipeline.p50_ns < 10.0, "{:?}", engine.pipeline);
        let cycles = Latency::cycles(engine.pipeline.p50_ns);
        assert!((20.0..40.0).contains(&cycles), "{cycles} cycles");
    }
    assert_eq!(report.punt.count, 0, "every packet hit");
    assert_eq!(report.first_drop.1, "wire");
}

#[test]
fn no_frame_size_keeps_a_stage_busier_than_the_wire() {
    for length in 60..=1514 {
        let mut timing = EngineTiming::default();
        let step_ps = wire_ps(length);
        for number in 0..2_000 {
            timing.packet(START_NS + number * step_ps / 1000, length);
        }
        let [wire, front, engine] = timing.busy_ps();
        assert!(front < wire && engine < wire, "{length} bytes: {front} and {engine} of {wire} ps");
        assert_eq!(timing.bottleneck().0, "wire", "{length} bytes");
        let slowest = timing.pipeline().max();
        assert!(slowest < 200_000, "{length} bytes: {slowest} ps in the pipeline");
    }
}

#[test]
fn the_flow_engine_has_two_fifths_to_spare_at_line_rate() {
    let mut timing = EngineTiming::default();
    for number in 0..100_000_u64 {
        timing.packet(START_NS + number * 6_720 / 1000, SMALLEST.into());
    }
    let elapsed_ps = timing.elapsed_ns() as f64 * 1000.0;
    let load = |busy: u64| busy as f64 / elapsed_ps;
    let [_, front, engine] = timing.busy_ps().map(load);
    assert!((engine - 0.595).abs() < 0.005, "{engine}");
    assert!((front - 0.462).abs() < 0.005, "{front}");
}

#[test]
fn at_a_quarter_of_line_rate_the_report_says_that_four_times_as_much_would_pass() {
    let (mut host, frames) = offloaded();
    millisecond(&mut host, &frames, 4 * wire_ps(SMALLEST.into()));
    host.advance(START_NS + 1_000_000_000);
    let report = host.nic.report();
    let (growth, name, rate) = report.first_drop;
    assert_eq!(name, "wire");
    assert!((growth - 4.0).abs() < 0.02, "{growth}");
    assert!((rate / (2.0 * LINE_RATE) - 1.0).abs() < 0.01, "{rate}");
    // Each row of 64 slots in which something was counted, at most 128, waits for host memory's answer to its records.
    let answers = report.drain_ns_max / (PCIE_POSTED_PS / 1000);
    assert!((64..256).contains(&answers), "{} ns", report.drain_ns_max);
    let rings: Vec<RingId> = report.rings.iter().map(|(id, ..)| *id).collect();
    assert_eq!(rings, RingId::ALL);
    for (id, high_water, size) in &report.rings {
        assert!(high_water <= size, "{id:?}: {high_water} of {size}");
    }
    let (written, read) = report.pcie_bytes;
    assert!(read >= 1_000 * (64 + 24) && written > 0, "{written} written, {read} read");
}

#[test]
fn a_punt_that_waits_shows_in_its_ring_and_on_the_link() {
    let mut host = Host::new(7, 10);
    let frame = host::udp(1, 46);
    host.send([(START_NS, Direction::Ingress, frame.as_slice())]);
    let report = host.nic.report();
    assert_eq!((report.engines[0].packets, report.engines[1].packets), (1, 0));
    let punt_ring = report.rings.iter().find(|(id, ..)| *id == RingId::Punt).expect("the punt ring");
    assert_eq!(punt_ring.1, 1, "one entry waits");
    assert_eq!(report.punt.count, 0, "nobody has answered");
    assert!(report.pcie_bytes.0 >= (64 + 60 + 24), "{:?}", report.pcie_bytes);
}
