//! Cycles per second of the verilated RTL, at rest and with both wires full, and packets per second of model, RTL and
//! both in lockstep on the same frames.
//!
//! Compare figures of one run only: the machine's speed drifts. The sizes are those that the RTL was built with.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use firmware_abi::key::Direction;
use rustix::time::{ClockId, clock_gettime};
use sim::card::{Card, Frame, HostBus};
use sim::faults::Numbers;
use sim::lockstep::Lockstep;
use sim::rtl::{Line, RtlNic, SIZES, Traffic};
use std::convert::Infallible;
use std::rc::Rc;
use std::time::Duration;
use weir_tests::flows::{Flows, START_NS, write_frame};

/// Of one iteration.
const CYCLES: u64 = 20_000;
const FRAMES: usize = 4_096;
/// The clock, and what its wires bring.
const CYCLE_PS: u64 = 4_000;
const FRAME_BYTES: usize = 60;
/// Between two frames of one wire: 10 M packets/s.
const GAP_NS: u64 = 100;
/// Flows in each direction: a quarter of the table.
const FLOWS: u32 = 1 << (SIZES.slots_log2 - 2);

/// CPU time of this thread: wall time on a shared machine says little.
fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// How long it takes to do something so many times.
fn timed(rounds: u64, mut work: impl FnMut()) -> Duration {
    let start = cpu_time();
    for _ in 0..rounds {
        work();
    }
    cpu_time() - start
}

/// Frames of any flow for as long as they are wanted; or none at all.
struct Endless {
    bytes: usize,
    numbers: Numbers,
}

impl Traffic for Endless {
    fn frame(&mut self, _direction: usize, frame: &mut Vec<u8>) {
        if self.bytes > 0 {
            write_frame(frame, self.numbers.below(FLOWS.into()) as u32, self.bytes);
        }
    }
}

fn rtl() -> (Rc<Card>, Line) {
    let nic = RtlNic::new(HostBus::default(), 1);
    let line = nic.line();
    (Card::with_nic(Box::new(nic)), line)
}

fn cycles(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("RTL, cycles");
    group.throughput(Throughput::Elements(CYCLES)).sample_size(10);
    for (what, bytes) in [("at rest", 0), ("both wires full", FRAME_BYTES)] {
        let (card, line) = rtl();
        card.keep_sent(false);
        let _flows = Flows::new(&card, SIZES.slots_log2, FLOWS);
        line.start(CYCLE_PS, Box::new(Endless { bytes, numbers: Numbers::new(1) }));
        group.bench_function(what, |bencher| {
            bencher.iter_custom(|rounds| {
                timed(rounds, || {
                    let until_ns = card.now_ns() + CYCLES * CYCLE_PS / 1000;
                    card.advance(until_ns, || Ok::<(), Infallible>(())).expect("nothing to fail");
                })
            });
        });
    }
    group.finish();
}

fn packets(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("64-byte packets that hit");
    group.throughput(Throughput::Elements(FRAMES as u64)).sample_size(10);
    let cards = [
        ("model", Card::new(SIZES).expect("such a NIC")),
        ("RTL", rtl().0),
        ("lockstep", Card::with_nic(Box::new(Lockstep::new(SIZES, 1).expect("such a NIC")))),
    ];
    let mut numbers = Numbers::new(1);
    let mut memory = Vec::new();
    for _ in 0..FRAMES {
        let mut frame = Vec::new();
        write_frame(&mut frame, numbers.below(FLOWS.into()) as u32, FRAME_BYTES);
        memory.push(frame);
    }
    for (what, card) in cards {
        card.keep_sent(false);
        let _flows = Flows::new(&card, SIZES.slots_log2, FLOWS);
        let mut time_ns = START_NS;
        group.bench_with_input(BenchmarkId::from_parameter(what), &memory, |bencher, memory| {
            bencher.iter_custom(|rounds| {
                timed(rounds, || {
                    let frames: Vec<_> = memory
                        .iter()
                        .map(|bytes| {
                            time_ns += GAP_NS;
                            let wire_length = bytes.len() as u32;
                            Frame { time_ns, wire_length, bytes, vport: 0, direction: Direction::Ingress }
                        })
                        .collect();
                    card.offer(&frames, || Ok::<(), Infallible>(())).expect("nothing to fail");
                })
            });
        });
        assert_eq!(card.divergence(), None);
    }
    group.finish();
}

criterion_group!(benches, cycles, packets);
criterion_main!(benches);
