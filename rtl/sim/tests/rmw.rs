//! `weir_rmw` against an array: every operation sees every earlier one, whatever the mix of addresses.
#![cfg(feature = "verilate")]

use rtl_sim::Instance;
use rtl_sim::tops::{RmwBench, RmwBenchIn, RmwBenchOut};
use std::collections::VecDeque;

const ENTRIES: usize = 16;
const LATENCIES: usize = 3;
const CYCLE_PS: u64 = 4_000;

/// Numbers that look random and are the same in every run (splitmix64).
struct Seeded(u64);

impl Seeded {
    fn next(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ mixed >> 31) % below
    }
}

/// What an operation has to find.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Seen {
    address: usize,
    extract: bool,
    packets: u32,
    bytes: u64,
}

/// The bench, and the array that it is compared to.
struct Rig {
    bench: Instance<RmwBench>,
    counters: [(u32, u64); ENTRIES],
    /// What each latency has yet to show, with the cycle in which it has to.
    expected: [VecDeque<(u64, Seen)>; LATENCIES],
    cycle: u64,
}

impl Rig {
    fn new(seed: u64) -> Self {
        let mut rig =
            Self { bench: Instance::new(seed), counters: [(0, 0); ENTRIES], expected: Default::default(), cycle: 0 };
        for _ in 0..4 {
            rig.bench.step(&RmwBenchIn::default(), 1, CYCLE_PS);
        }
        rig
    }

    fn step(&mut self, inputs: RmwBenchIn) -> RmwBenchOut {
        let outputs = self.bench.step(&RmwBenchIn { rst_ni: 1, ..inputs }, 1, CYCLE_PS);
        for latency in 0..LATENCIES {
            self.check(latency, &outputs);
        }
        if inputs.valid_i == 1 {
            self.request(inputs);
        }
        self.cycle += 1;
        outputs
    }

    fn request(&mut self, inputs: RmwBenchIn) {
        let address = usize::from(inputs.address_i);
        let (packets, bytes) = self.counters[address];
        let extract = inputs.extract_i == 1;
        for (latency, expected) in self.expected.iter_mut().enumerate() {
            expected.push_back((self.cycle + latency as u64 + 1, Seen { address, extract, packets, bytes }));
        }
        self.counters[address] = if extract { (0, 0) } else { (packets + 1, bytes + u64::from(inputs.bytes_i)) };
    }

    fn check(&mut self, latency: usize, outputs: &RmwBenchOut) {
        let expected = &mut self.expected[latency];
        let is_due = expected.front().is_some_and(|(cycle, _)| *cycle == self.cycle);
        let due = is_due.then(|| expected.pop_front()).flatten().map(|(_, seen)| seen);
        let seen = (outputs.valid_o >> latency & 1 == 1).then(|| Seen {
            address: usize::from(outputs.address_o >> (4 * latency) & 15),
            extract: outputs.extract_o >> latency & 1 == 1,
            packets: outputs.packets_o[latency],
            bytes: (0..48).fold(0, |bytes, bit| {
                let at = 48 * latency + bit;
                bytes | u64::from(outputs.bytes_o[at / 32] >> (at % 32) & 1) << bit
            }),
        });
        assert_eq!(seen, due, "cycle {}, read latency {}", self.cycle, latency + 1);
    }

    fn idle(&mut self) {
        for _ in 0..LATENCIES + 1 {
            self.step(RmwBenchIn::default());
        }
        assert!(self.expected.iter().all(VecDeque::is_empty), "every request was answered");
    }

    fn sweep(&mut self) {
        self.idle();
        self.step(RmwBenchIn { sweep_i: 1, ..Default::default() });
        for _ in 0..ENTRIES {
            assert_eq!(self.step(RmwBenchIn::default()).ready_o, 0, "no request while the sweep goes on");
        }
        assert_eq!(self.step(RmwBenchIn::default()).ready_o, 7, "the sweep takes as many cycles as there are entries");
        self.counters = [(0, 0); ENTRIES];
    }
}

fn run(seed: u64, cycles: u64) -> [(u32, u64); ENTRIES] {
    let mut rig = Rig::new(seed);
    let mut random = Seeded(seed);
    let mut spread = 1;
    for cycle in 0..cycles {
        if cycle % 256 == 0 {
            // From always the same address to all of them.
            spread = 1 << random.next(5);
        }
        if random.next(10_000) == 0 {
            rig.sweep();
        }
        rig.step(RmwBenchIn {
            valid_i: u8::from(random.next(8) != 0),
            extract_i: u8::from(random.next(8) == 0),
            address_i: random.next(spread) as u8,
            bytes_i: random.next(1 << 16) as u16,
            ..Default::default()
        });
    }
    rig.idle();
    rig.counters
}

#[test]
fn every_operation_sees_every_earlier_one_whatever_the_mix_of_addresses() {
    for seed in 1..=4 {
        println!("seed {seed}");
        run(seed, 50_000);
    }
}

#[cfg(feature = "trace")]
#[test]
fn a_trace_has_the_steps_between_its_start_and_its_end() {
    let path = std::env::temp_dir().join(format!("weir-rmw-{}.vcd", std::process::id()));
    let mut rig = Rig::new(1);
    rig.bench.trace(&path).expect("the file can be written");
    let from_ps = rig.bench.time_ps();
    rig.idle();
    rig.bench.end_trace();
    let last_ps = rig.bench.time_ps();
    rig.idle();
    let text = std::fs::read_to_string(&path).expect("the trace is there");
    std::fs::remove_file(&path).expect("the trace can be removed");
    let times: Vec<u64> =
        text.lines().filter_map(|line| line.strip_prefix('#')).map(|time| time.parse().expect("a number")).collect();
    // The clock falls and rises: something changes at each half of a cycle.
    let half_ps = CYCLE_PS / 2;
    let expected: Vec<u64> = (from_ps..last_ps).step_by(half_ps as usize).map(|time| time + half_ps).collect();
    assert_eq!(times, expected);
}

#[cfg(not(feature = "trace"))]
#[test]
fn a_model_that_was_built_without_traces_says_so() {
    let path = std::path::Path::new("never-written.vcd");
    assert_eq!(Instance::<RmwBench>::new(1).trace(path), Err(rtl_sim::NoTrace::NotBuilt));
}

#[test]
fn the_same_seed_gives_the_same_counts() {
    assert_eq!(run(7, 10_000), run(7, 10_000));
}
