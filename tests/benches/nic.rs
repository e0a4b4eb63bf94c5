//! Packets per second: the model alone, by how many flows are active, and the whole replay.
//!
//! Compare figures of one run only: the machine's speed drifts. `flow scaling` is the ratio of the
//! model's rate at 1,048,576 flows to that at 1,024.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use driver::attach::Config as DriverConfig;
use driver::{CommandEvent, Cookie, Driver, Offload};
use firmware_abi::hash::{buckets, h3};
use firmware_abi::key::{Direction, FlowKey, protocol};
use firmware_abi::limits::{EniFlags, EniLimits};
use flowlog::record::{Entry, RecordSettings, TextWriter, WindowBounds};
use flowlog::window::Sealed;
use sim::card::{Card, Frame, Parameters, SimDevice};
use sim::frames::FrameBatch;
use sim::generate::{Generator, Spec};
use std::convert::Infallible;
use std::hint::black_box;
use std::rc::Rc;
use weir::body::Body;
use weir::config::Config;
use weir::meter::Sink;
use weir::replay::Replay;

/// Slots of a direction: the largest run fills half of them.
const SLOTS_LOG2: u32 = 21;
/// Frames in memory, and sent in one iteration.
const FRAMES: usize = 1 << 18;
/// Frames that the NIC gets at a time, as in a replay.
const BATCH: usize = 64;
const FRAME_BYTES: usize = 64;
const START_NS: u64 = 1_700_000_000_000_000_000;

fn key(flow: u32) -> FlowKey {
    let mut key = FlowKey { src_port: flow as u16, dst_port: 443, protocol: protocol::TCP, ..FlowKey::default() };
    key.src[..4].copy_from_slice(&(0x0a00_0000 | flow >> 16).to_be_bytes());
    key.dst[..4].copy_from_slice(&[192, 168, 0, 1]);
    key
}

/// A TCP packet of a flow with ACK set, 50 bytes at layer 3.
fn write_frame(frame: &mut [u8], flow: u32) {
    let key = key(flow);
    frame[12..14].copy_from_slice(&0x0800_u16.to_be_bytes());
    frame[14] = 0x45;
    frame[16..18].copy_from_slice(&50_u16.to_be_bytes());
    frame[22] = 64;
    frame[23] = protocol::TCP;
    frame[26..30].copy_from_slice(&key.src[..4]);
    frame[30..34].copy_from_slice(&key.dst[..4]);
    frame[34..36].copy_from_slice(&key.src_port.to_be_bytes());
    frame[36..38].copy_from_slice(&key.dst_port.to_be_bytes());
    frame[47] = 0x10;
}

/// A card whose ingress table holds `flows` flows, and frames of them drawn uniformly.
fn loaded(flows: u32) -> (Rc<Card>, Driver<SimDevice>, Vec<u8>) {
    let card = Card::new(Parameters { slots_log2: SLOTS_LOG2, enis_log2: 0 }).expect("such a NIC");
    let config = DriverConfig { start_time_ns: START_NS, ..DriverConfig::default() };
    let (mut driver, _) = Driver::attach(Rc::new(card.device()), &config).expect("attach");
    let mut flags = EniFlags(0);
    flags.set_enabled(true);
    driver.set_eni(0, EniLimits::default(), flags).expect("room for a command");
    driver.commit();
    for flow in 0..flows {
        let key = key(flow);
        let wanted = buckets(h3(&key.identity()), SLOTS_LOG2);
        let placed =
            driver.insert(key, Cookie(flow), wanted, |cookie| Some(self::key(cookie.0))).expect("an honest NIC");
        assert!(matches!(placed, Offload::Placed(_)), "flow {flow}: {placed:?}");
        if flow % 512 == 511 {
            driver.completions(usize::MAX, |event| {
                assert!(!matches!(event, CommandEvent::Failed { .. }), "{event:?}");
            });
            driver.commit();
        }
    }
    driver.commit();
    let mut memory = vec![0; FRAMES * FRAME_BYTES];
    let mut state = 1_u64;
    for frame in memory.chunks_exact_mut(FRAME_BYTES) {
        // Knuth's MMIX generator; its top bits are good enough to pick flows.
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        write_frame(frame, ((state >> 32) % u64::from(flows)) as u32);
    }
    (card, driver, memory)
}

fn model(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("model alone, packets");
    group.throughput(Throughput::Elements(FRAMES as u64)).sample_size(10);
    for flows in [1 << 10, 1 << 20] {
        let (card, _driver, memory) = loaded(flows);
        group.bench_with_input(BenchmarkId::new("flows", flows), &memory, |bencher, memory| {
            let mut time_ns = START_NS;
            bencher.iter(|| {
                let mut frames = memory.chunks_exact(FRAME_BYTES).map(|bytes| {
                    time_ns += 10;
                    let wire_length = FRAME_BYTES as u32;
                    Frame { time_ns, wire_length, bytes, vport: 0, direction: Direction::Ingress }
                });
                let mut batch = Vec::with_capacity(BATCH);
                loop {
                    batch.clear();
                    batch.extend(frames.by_ref().take(BATCH));
                    if batch.is_empty() {
                        break;
                    }
                    card.offer(&batch, || Ok::<(), Infallible>(())).expect("nothing to fail");
                }
            });
        });
        let engine = card.report().expect("the model reports").engines[0];
        assert_eq!(engine.slots.0, flows, "every flow has a slot");
    }
    group.finish();
}

/// Text records into memory.
struct Text {
    writer: TextWriter,
    lines: Vec<u8>,
    records: u64,
    holds: bool,
}

impl Sink for Text {
    type Error = Infallible;

    fn entry(&mut self, _stream: usize, window: &WindowBounds, entry: &Entry<'_>) -> Result<(), Infallible> {
        self.writer.entry(&mut self.lines, window, entry);
        self.records += 1;
        if self.lines.len() > 1 << 16 {
            black_box(&self.lines);
            self.lines.clear();
        }
        Ok(())
    }

    fn sealed(&mut self, sealed: &Sealed) -> Result<(), Infallible> {
        self.holds &= sealed.proofs.iter().all(|proof| proof.equation.holds());
        Ok(())
    }
}

fn replay(criterion: &mut Criterion) {
    let spec = Spec { packets: 1_200_000, flows: 260_000, ..Spec::benchmark() };
    let mut batches = Vec::new();
    let mut generator = Generator::new(&spec).expect("a fifth of the reference traffic");
    loop {
        let mut batch = FrameBatch::new();
        if generator.read_into(&mut batch, 1024) == 0 {
            break;
        }
        batches.push(batch);
    }
    let config = Rc::new(Config::default_promiscuous());
    let mut group = criterion.benchmark_group("replay from memory to text, packets");
    group.throughput(Throughput::Elements(spec.packets)).sample_size(10);
    group.bench_function("a fifth of the reference traffic", |bencher| {
        bencher.iter(|| {
            let mut replay = Replay::start(Rc::clone(&config), &Body::Model, START_NS, |assembly| Text {
                writer: TextWriter::new(&assembly.streams[0], RecordSettings::default()),
                lines: Vec::new(),
                records: 0,
                holds: true,
            })
            .expect("a NIC");
            for batch in &batches {
                replay.frames(batch).expect("an honest NIC");
            }
            let finished = replay.finish().expect("an honest NIC");
            assert!(finished.sink.holds && finished.sink.records >= u64::from(spec.flows));
            finished.sink.records
        });
    });
    group.finish();
}

criterion_group!(benches, model, replay);
criterion_main!(benches);
