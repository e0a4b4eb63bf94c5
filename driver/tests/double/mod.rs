//! A device with memory and registers that only remember: no NIC answers. It dies on demand.
#![allow(dead_code, reason = "each test file uses its own part")]
#![allow(unreachable_pub, reason = "a module of several test binaries")]

use driver::regio::RegIo;
use driver::{Config, Device, DeviceError, DmaMemory, Driver, Iova, RingSizes, attach::Attached};
use firmware_abi::registers::{BLOCK_BYTES, Sizes, Status, offset};
use firmware_abi::ring::RingId;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::os::fd::OwnedFd;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;

pub struct Registers(Vec<Cell<u32>>);

impl RegIo for Registers {
    fn load(&self, offset: u32) -> u32 {
        self.0[offset as usize / 4].get()
    }

    fn store(&self, offset: u32, value: u32) {
        self.0[offset as usize / 4].set(value);
    }
}

pub struct Shelf {
    pub registers: Registers,
    memory: RefCell<BTreeMap<String, DmaMemory>>,
    next_iova: Cell<u64>,
    pub steps: Cell<u64>,
    /// The step that does not return.
    pub crash_at: Cell<u64>,
}

/// What a crash unwinds with.
struct Crash;

impl Shelf {
    pub fn new(slots_log2: u8) -> Rc<Self> {
        let registers = Registers((0..BLOCK_BYTES / 4).map(|_| Cell::new(0)).collect());
        registers.store(offset::MAGIC, firmware_abi::MAGIC);
        registers.store(offset::ABI_VERSION, firmware_abi::ABI_VERSION);
        let mut sizes = Sizes::default();
        sizes.set_slots_log2(slots_log2);
        sizes.set_ways_log2(3);
        sizes.set_enis_log2(2);
        sizes.set_vectors(5);
        registers.store(offset::SIZES, sizes.0);
        let mut status = Status::default();
        status.set_ready(true);
        registers.store(offset::STATUS, status.0);
        Rc::new(Self {
            registers,
            memory: RefCell::default(),
            next_iova: Cell::new(0x1000_0000),
            steps: Cell::new(0),
            crash_at: Cell::new(u64::MAX),
        })
    }

    /// Runs `body`, which dies at step `step`; `None` if it died.
    pub fn crash_at<R>(&self, step: u64, body: impl FnOnce() -> R) -> Option<R> {
        self.steps.set(0);
        self.crash_at.set(step);
        let result = catch_unwind(AssertUnwindSafe(body));
        self.crash_at.set(u64::MAX);
        match result {
            Ok(value) => Some(value),
            Err(payload) if payload.is::<Crash>() => None,
            Err(payload) => resume_unwind(payload),
        }
    }

    pub fn memory(&self, name: &str) -> DmaMemory {
        self.memory.borrow()[name].clone()
    }

    /// What the NIC's index of a ring says from now on.
    pub fn set_nic_index(&self, id: RingId, index: u32) {
        let offsets = firmware_abi::registers::ring_offsets(id);
        self.registers.store(if id.host_produces() { offsets.consumer } else { offsets.producer }, index);
    }

    /// The host's index of a ring.
    pub fn host_index(&self, id: RingId) -> u32 {
        self.registers.ring(id).host_index()
    }

    /// Says that the NIC has read all commands and injects.
    pub fn consume_all(&self) {
        for id in [RingId::Command, RingId::Inject] {
            self.set_nic_index(id, self.host_index(id));
        }
    }
}

impl Device for Shelf {
    type Io = Registers;

    fn io(&self) -> &Registers {
        &self.registers
    }

    fn dma(&self, name: &str, bytes: usize) -> Result<DmaMemory, DeviceError> {
        let mut memory = self.memory.borrow_mut();
        if let Some(known) = memory.get(name) {
            return match known.bytes() {
                found if found == bytes => Ok(known.clone()),
                found => Err(DeviceError::DmaSize { name: name.to_owned(), found, expected: bytes }),
            };
        }
        let iova = self.next_iova.get();
        self.next_iova.set(iova + (bytes as u64).next_multiple_of(4096));
        let new = DmaMemory::heap(name, bytes, Iova(iova))?;
        memory.insert(name.to_owned(), new.clone());
        Ok(new)
    }

    fn vector(&self, index: u32) -> Result<OwnedFd, DeviceError> {
        Err(DeviceError::Vector { index, available: 0 })
    }

    fn reset(&self) -> Result<(), DeviceError> {
        Ok(())
    }

    #[inline]
    fn step(&self) {
        let step = self.steps.get();
        self.steps.set(step + 1);
        if step == self.crash_at.get() {
            resume_unwind(Box::new(Crash));
        }
    }
}

/// Small rings.
pub fn small_config() -> Config {
    let rings = RingSizes { command_log2: 6, completion_log2: 4, record_log2: 4, punt_log2: 4, inject_log2: 4 };
    Config { rings, journal_bytes: 16 << 10, tables_bytes: 64 << 10, polls_max: 10, ..Config::default() }
}

pub fn attach(device: &Rc<Shelf>, config: &Config) -> (Driver<Shelf>, Attached) {
    Driver::attach(Rc::clone(device), config).expect("it attaches")
}

/// Reproducible numbers (splitmix64).
pub struct Numbers(pub u64);

impl Numbers {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}
