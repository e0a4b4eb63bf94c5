//! How fast the driver reads records and places flows, with a NIC that costs nothing.
//!
//! What the NIC would write is written outside of the measured time.
#[path = "../tests/double/mod.rs"]
mod double;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use double::{Numbers, Registers, Shelf};
use driver::{Config, Cookie, Device, DeviceError, DmaMemory, Driver, Offload, Table, table_bytes};
use firmware_abi::descriptor::FlowRecord;
use firmware_abi::hash::buckets;
use firmware_abi::key::FlowKey;
use firmware_abi::ring::{RingId, phase};
use rustix::time::{ClockId, clock_gettime};
use std::hint::black_box;
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::time::Duration;
use zerocopy::{FromBytes, Immutable, IntoBytes};

const FLOWS: usize = 1 << 20;
/// Records that are read at once.
const BATCH: usize = 256;
/// Flows whose buckets are fetched ahead.
const AHEAD: usize = 32;
/// Records that one transaction folds.
const TRANSACTION: usize = 1024;

#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
struct Tally {
    packets: u64,
    bytes: u64,
    first_tick: u32,
    last_tick: u32,
    window: u32,
    flags: u32,
}

fn fold_batch(tallies: &Table<Tally, Bench>, records: &[FlowRecord]) {
    let index_of = |record: &FlowRecord| Some(record.cookie as usize).filter(|index| *index < tallies.len());
    tallies.update_all(records, index_of, |record, tally| {
        tally.packets += record.packets_first.packets();
        tally.bytes += record.bytes_window.bytes();
        tally.first_tick = tally.first_tick.min(record.packets_first.first_tick());
        tally.last_tick = tally.last_tick.max(record.tail.last_tick());
        tally.window = u32::from(record.bytes_window.window());
        tally.flags |= u32::from(record.key.tcp_flags);
    });
}

/// CPU time of this thread: wall time on a shared machine says little.
fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// The shelf without its count of steps, as devices are outside of crash tests.
struct Bench(Rc<Shelf>);

impl Device for Bench {
    type Io = Registers;

    fn io(&self) -> &Registers {
        self.0.io()
    }

    fn dma(&self, name: &str, bytes: usize) -> Result<DmaMemory, DeviceError> {
        self.0.dma(name, bytes)
    }

    fn vector(&self, index: u32) -> Result<OwnedFd, DeviceError> {
        self.0.vector(index)
    }

    fn reset(&self) -> Result<(), DeviceError> {
        self.0.reset()
    }
}

fn attach(device: &Rc<Shelf>, config: &Config) -> Driver<Bench> {
    Driver::attach(Rc::new(Bench(Rc::clone(device))), config).expect("it attaches").0
}

/// In which order the numbers of flows come.
#[derive(Clone, Copy)]
enum Order {
    /// In none: they were given to flows as these came.
    Random,
    /// As the drain walks the table: a flow's number is its slot's.
    Slots,
}

struct Records {
    device: Rc<Shelf>,
    driver: Driver<Bench>,
    tallies: Table<Tally, Bench>,
    numbers: Numbers,
    flows: usize,
    order: Order,
    written: u32,
    batch: Vec<FlowRecord>,
}

impl Records {
    fn new(flows: usize, order: Order) -> Self {
        let device = Shelf::new(17);
        let config = Config { tables_bytes: table_bytes::<Tally>(FLOWS), ..Config::default() };
        let driver = attach(&device, &config);
        let tallies = driver.arena().table("tallies", FLOWS).expect("it fits");
        Self {
            device,
            driver,
            tallies,
            numbers: Numbers(1),
            flows,
            order,
            written: 0,
            batch: Vec::with_capacity(BATCH),
        }
    }

    /// Fills the ring as a drain does.
    fn fill(&mut self) {
        let ring = self.device.memory("ring-record-15");
        let size_log2 = Config::default().rings.record_log2;
        for _ in 0..1_u32 << size_log2 {
            let number = match self.order {
                Order::Random => self.numbers.next() as usize,
                Order::Slots => self.written as usize,
            };
            let mut record = FlowRecord { cookie: (number % self.flows) as u32, ..FlowRecord::default() };
            record.packets_first.set_packets(3);
            record.bytes_window.set_bytes(180);
            record.tail.set_phase(phase(self.written, size_log2));
            ring.store((self.written as usize % (1 << size_log2)) * 64, record);
            self.written += 1;
        }
        self.device.set_nic_index(RingId::Record, self.written);
    }

    /// Empties the ring; how long that took.
    fn drain(&mut self, handle: impl Fn(&Table<Tally, Bench>, &[FlowRecord])) -> Duration {
        let start = cpu_time();
        let mut since_commit = 0;
        loop {
            self.batch.clear();
            let count = self.driver.records(&mut self.batch, BATCH);
            if count == 0 {
                break;
            }
            handle(&self.tallies, &self.batch);
            since_commit += count;
            if since_commit >= TRANSACTION {
                self.driver.commit();
                since_commit = 0;
            }
        }
        self.driver.commit();
        cpu_time() - start
    }
}

fn record_ring(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("record-ring");
    group.throughput(Throughput::Elements(1 << Config::default().rings.record_log2));
    let mut measure = |name: &str, flows, order, handle: fn(&Table<Tally, Bench>, &[FlowRecord])| {
        let mut records = Records::new(flows, order);
        group.bench_function(name, |bencher| {
            bencher.iter_custom(|rounds| {
                (0..rounds)
                    .map(|_| {
                        records.fill();
                        records.drain(handle)
                    })
                    .sum()
            });
        });
    };
    measure("copy-out", FLOWS, Order::Random, |_, records| {
        black_box(records);
    });
    measure("fold-1000-flows", 1000, Order::Random, fold_batch);
    measure("fold-1M-flows", FLOWS, Order::Random, fold_batch);
    measure("fold-1M-flows-by-slot", FLOWS, Order::Slots, fold_batch);
    group.finish();
}

/// Flows per transaction, and so per doorbell.
const PLACED: usize = 512;

/// Places `count` flows; how long that took, and how many commands went with one doorbell.
fn place(count: usize) -> (Duration, u64) {
    let device = Shelf::new(21);
    let mut driver = attach(&device, &Config::default());
    let mut numbers = Numbers(3);
    let mut elapsed = Duration::ZERO;
    for first in (0..count).step_by(PLACED) {
        let flows: Vec<(FlowKey, u64)> = (0..PLACED)
            .map(|_| (FlowKey { protocol: 6, src_port: numbers.next() as u16, ..FlowKey::default() }, numbers.next()))
            .collect();
        let start = cpu_time();
        for chunk in (0..PLACED).step_by(AHEAD) {
            for (key, hash) in &flows[chunk..chunk + AHEAD] {
                driver.prefetch_buckets(key.port.direction(), buckets(*hash, 21));
            }
            for (number, (key, hash)) in (first + chunk..).zip(&flows[chunk..chunk + AHEAD]) {
                let outcome =
                    driver.insert(*key, Cookie(number as u32), buckets(*hash, 21), |_| Some(FlowKey::default()));
                assert!(matches!(outcome, Ok(Offload::Placed(_))));
            }
        }
        driver.commit();
        driver.completions(64, |_| {});
        elapsed += cpu_time() - start;
        device.consume_all();
    }
    (elapsed, count as u64 / driver.rings()[0].doorbells)
}

fn placement(criterion: &mut Criterion) {
    // 80 % of one direction's 2 M slots: the table is filled from empty each time.
    let count = (1 << 21) * 8 / 10 / PLACED * PLACED;
    let mut group = criterion.benchmark_group("placement");
    group.throughput(Throughput::Elements(count as u64)).sample_size(10);
    group.bench_function("insert-to-80-percent-of-2M", |bencher| {
        bencher.iter_custom(|rounds| {
            (0..rounds)
                .map(|_| {
                    let (elapsed, per_doorbell) = place(count);
                    assert!(per_doorbell >= 32, "{per_doorbell} commands a doorbell");
                    elapsed
                })
                .sum()
        });
    });
    group.finish();
}

criterion_group!(benches, record_ring, placement);
criterion_main!(benches);
