//! How fast the meter takes records in: phase check, copy out of the ring, journaled addition to the
//! window by flow number. What the NIC would write, and publication, are outside of the measured time.
#![allow(missing_docs, reason = "criterion's macros write items without documentation")]

#[path = "../../driver/tests/double/mod.rs"]
mod double;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use double::{Numbers, Registers, Shelf};
use driver::{Config, Device, DeviceError, DmaMemory, Driver};
use firmware_abi::descriptor::{FlowRecord, RecordKind, WindowEnd};
use firmware_abi::key::{FlowKey, protocol};
use firmware_abi::ring::{RingId, phase};
use flowlog::flows::{Flow, Flows, Hash};
use flowlog::window::{Stage, Windows};
use rustix::time::{ClockId, clock_gettime};
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::time::Duration;
use weir::meter::ArenaMemory;

const FLOWS: u32 = 1 << 20;
/// Records of one transaction, as in the meter.
const BATCH: usize = 256;
/// Tallies that are cleared in one transaction.
const CLEARED: usize = 512;
/// More than the tables take; pages that are not touched cost nothing.
const TABLES_BYTES: usize = 256 << 20;

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

/// In which order the flows' numbers come.
#[derive(Clone, Copy)]
enum Order {
    /// As the drain walks the table: a flow's number is its slot's.
    Slots,
    /// In none: they were given to flows as these came.
    Random,
}

/// A host that knows all flows, and what the NIC writes next.
struct Host {
    device: Rc<Shelf>,
    driver: Driver<Bench>,
    flows: Flows<ArenaMemory<Bench>>,
    windows: Windows<ArenaMemory<Bench>>,
    batch: Vec<FlowRecord>,
    /// The cookies of a window, in order.
    cookies: Vec<u32>,
    window: u16,
    written: u32,
}

impl Host {
    fn new(order: Order) -> Self {
        let device = Shelf::new(17);
        let config = Config { tables_bytes: TABLES_BYTES, ..Config::default() };
        let (mut driver, _) = Driver::attach(Rc::new(Bench(Rc::clone(&device))), &config).expect("it attaches");
        let mut memory = ArenaMemory(Rc::clone(driver.arena()));
        let mut flows = Flows::new(&mut memory, FLOWS as usize).expect("it fits");
        let windows = Windows::new(&mut memory, FLOWS as usize, 1).expect("it fits");
        let mut cookies: Vec<u32> = (0..FLOWS).collect();
        for number in &cookies {
            let mut key = FlowKey { protocol: protocol::TCP, ..FlowKey::default() };
            key.src[..4].copy_from_slice(&number.to_be_bytes());
            flows.insert(Flow { key, ..Flow::default() }, Hash::of(&key)).expect("there is room");
            if number % 256 == 0 {
                flows.settle();
                driver.commit();
            }
        }
        if matches!(order, Order::Random) {
            let mut numbers = Numbers(1);
            for place in (1..cookies.len()).rev() {
                cookies.swap(place, (numbers.next() % (place as u64 + 1)) as usize);
            }
        }
        let batch = Vec::with_capacity(BATCH);
        Self { device, driver, flows, windows, batch, cookies, window: 0, written: 0 }
    }

    /// Fills the ring as a drain does, from flow number `first` of the window on.
    fn fill(&mut self, first: usize) {
        let ring = self.device.memory("ring-record-15");
        let size_log2 = Config::default().rings.record_log2;
        for cookie in &self.cookies[first..first + (1 << size_log2)] {
            let mut record = FlowRecord { cookie: *cookie, ..FlowRecord::default() };
            record.key.tcp_flags = 0x18;
            record.packets_first.set_packets(3);
            record.packets_first.set_first_tick(self.written & 0xffff);
            record.bytes_window.set_bytes(180);
            record.bytes_window.set_window(self.window);
            record.tail.set_last_tick(self.written & 0xffff | 0x1_0000);
            record.tail.set_phase(phase(self.written, size_log2));
            ring.store((self.written as usize % (1 << size_log2)) * 64, record);
            self.written = self.written.wrapping_add(1);
        }
        self.device.set_nic_index(RingId::Record, self.written);
    }

    /// Empties the ring into the window; how long that took.
    fn drain(&mut self) -> Duration {
        let start = cpu_time();
        loop {
            self.batch.clear();
            if self.driver.records(&mut self.batch, BATCH) == 0 {
                break;
            }
            self.windows.fold_all(&self.batch, &self.flows, |fault| panic!("{fault}"));
            self.windows.settle();
            self.driver.commit();
        }
        cpu_time() - start
    }

    /// Ends the window and clears it, as if it had been published.
    fn turn(&mut self) {
        assert_eq!(self.windows.listed(), FLOWS as usize, "every flow counted");
        let mut end = WindowEnd::default();
        end.window.set_window(self.window);
        end.tail.set_kind_bits(RecordKind::WindowEnd as u8);
        self.windows.fold(&zerocopy::transmute!(end), &self.flows).expect("it is the oldest");
        self.windows.begin_publication();
        self.windows.published();
        assert!(self.windows.stage() == Stage::Published);
        while !self.windows.clear(CLEARED) {
            self.driver.commit();
        }
        self.windows.settle();
        self.driver.commit();
        self.window = self.window.wrapping_add(1);
    }

    /// A window in which every flow has a record; how long they took.
    fn window(&mut self) -> Duration {
        let ring = 1 << Config::default().rings.record_log2;
        let mut elapsed = Duration::ZERO;
        for first in (0..FLOWS as usize).step_by(ring) {
            self.fill(first);
            elapsed += self.drain();
        }
        self.turn();
        elapsed
    }
}

fn fold(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("fold");
    group.throughput(Throughput::Elements(u64::from(FLOWS))).sample_size(10);
    for (name, order) in [("1M-flows-by-slot", Order::Slots), ("1M-flows-random", Order::Random)] {
        let mut host = Host::new(order);
        // The first touch of the tables' pages is not what is measured.
        host.window();
        host.window();
        group.bench_function(name, |bencher| {
            bencher.iter_custom(|rounds| (0..rounds).map(|_| host.window()).sum());
        });
    }
    group.finish();
}

criterion_group!(benches, fold);
criterion_main!(benches);
