//! A host that is only memory: it rings doorbells and reads what the NIC has written.
#![allow(dead_code, reason = "each test program uses a part of it")]

use firmware_abi::descriptor::{Command, Completion, FlowRecord, Opcode, RecordKind};
use firmware_abi::hash::{WAYS, buckets, first_slot, h3};
use firmware_abi::key::{Direction, FlowKey, SlotAction};
use firmware_abi::limits::{EniFlags, EniLimits};
use firmware_abi::registers::{Control, RingControl, offset, ring_offsets};
use firmware_abi::ring::{PHASE_BIT, RingId, phase};
use hw_model::{Bus, DmaFault, Frame, Nic, Parameters};
use zerocopy::{FromBytes, IntoBytes};

/// When the first window starts, Unix ns.
pub(crate) const START_NS: u64 = 1_700_000_000_000_000_000;
/// Where the memory lies.
const BASE: u64 = 1 << 32;
/// Bytes that each ring may take.
const RING_BYTES: u64 = 1 << 23;
/// Where READ_ACTIVITY may write.
pub(crate) const SCRATCH: u64 = BASE + 5 * RING_BYTES;
const MEMORY_BYTES: u64 = 6 * RING_BYTES;

/// Memory that the NIC can reach.
#[derive(Debug)]
pub(crate) struct Memory(Vec<u8>);

impl Memory {
    fn range(&self, iova: u64, bytes: usize) -> Result<std::ops::Range<usize>, DmaFault> {
        let fault = DmaFault { iova, bytes };
        let start = iova.checked_sub(BASE).ok_or(fault)? as usize;
        if start + bytes <= self.0.len() { Ok(start..start + bytes) } else { Err(fault) }
    }
}

impl Bus for Memory {
    fn write(&mut self, iova: u64, data: &[u8]) -> Result<(), DmaFault> {
        let range = self.range(iova, data.len())?;
        self.0[range].copy_from_slice(data);
        Ok(())
    }

    fn publish(&mut self, iova: u64, value: u32) -> Result<(), DmaFault> {
        self.write(iova, &value.to_le_bytes())
    }

    fn read(&mut self, iova: u64, into: &mut [u8]) -> Result<(), DmaFault> {
        let range = self.range(iova, into.len())?;
        into.copy_from_slice(&self.0[range]);
        Ok(())
    }

    fn interrupt(&mut self, _: u8) {}
}

/// Reproducible numbers: SplitMix64.
#[derive(Debug)]
pub(crate) struct Numbers(pub(crate) u64);

impl Numbers {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let bits = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }
}

/// A host with a NIC that runs, in windows of a second, with one ENI, port 0.
pub(crate) struct Host {
    pub(crate) nic: Nic<Memory>,
    sizes: [u32; 5],
    next: [u32; 5],
    slots_log2: u32,
}

impl Host {
    pub(crate) fn new(slots_log2: u32, record_log2: u32) -> Self {
        let memory = Memory(vec![0; MEMORY_BYTES as usize]);
        let nic = Nic::new(Parameters { slots_log2, enis_log2: 0 }, memory).expect("such a NIC can be");
        let mut host = Self { nic, sizes: [10, 10, record_log2, 10, 10], next: [0; 5], slots_log2 };
        host.nic.register_write(offset::TIME_SET_LO, START_NS as u32);
        host.nic.register_write(offset::TIME_SET_HI, (START_NS >> 32) as u32);
        host.nic.register_write(offset::WINDOW_SECONDS, 1);
        for id in RingId::ALL {
            let (at, base) = (ring_offsets(id), host.base(id));
            let mut control = RingControl::default();
            control.set_enable(true);
            control.set_vector(id as u8);
            host.nic.register_write(at.base_lo, base as u32);
            host.nic.register_write(at.base_hi, (base >> 32) as u32);
            host.nic.register_write(at.size_log2, host.sizes[id as usize]);
            host.nic.register_write(at.control, control.0);
        }
        let mut control = Control::default();
        control.set_enable(true);
        host.nic.register_write(offset::CONTROL, control.0);
        host.set_eni(EniLimits::default());
        host
    }

    fn base(&self, id: RingId) -> u64 {
        BASE + id as u64 * RING_BYTES
    }

    fn entry(&self, id: RingId) -> u64 {
        let place = self.next[id as usize] & ((1 << self.sizes[id as usize]) - 1);
        self.base(id) + u64::from(place) * id.entry_bytes() as u64
    }

    pub(crate) fn set_eni(&mut self, limits: EniLimits) {
        let mut flags = EniFlags(0);
        flags.set_enabled(true);
        let mut command = Command { cookie: flags.0, ..Command::default() };
        command.as_mut_bytes()[..size_of::<EniLimits>()].copy_from_slice(limits.as_bytes());
        assert_eq!(self.command(Opcode::SetEni, command).map(|done| done.tail.status_bits()), Some(0));
    }

    /// Submits a command and rings the doorbell; answered later, if the NIC has to wait.
    pub(crate) fn submit(&mut self, opcode: Opcode, mut command: Command) {
        let index = self.next[RingId::Command as usize];
        command.tail.set_opcode_bits(opcode as u8);
        command.tail.set_complete(true);
        command.tail.set_phase(phase(index, self.sizes[RingId::Command as usize]));
        command.sequence = index;
        let at = self.entry(RingId::Command);
        self.nic.bus_mut().write(at, command.as_bytes()).expect("the ring is mapped");
        self.next[RingId::Command as usize] = index.wrapping_add(1);
        self.nic.register_write(ring_offsets(RingId::Command).producer, index.wrapping_add(1));
    }

    /// Submits a command; its completion, if the NIC did not have to wait.
    pub(crate) fn command(&mut self, opcode: Opcode, command: Command) -> Option<Completion> {
        self.submit(opcode, command);
        self.completion()
    }

    /// The next completion.
    pub(crate) fn completion(&mut self) -> Option<Completion> {
        let completion: Completion = self.take(RingId::Completion)?;
        self.give_back(RingId::Completion);
        Some(completion)
    }

    fn take<T: FromBytes>(&mut self, id: RingId) -> Option<T> {
        let mut bytes = vec![0; size_of::<T>()];
        let at = self.entry(id);
        self.nic.bus_mut().read(at, &mut bytes).expect("the ring is mapped");
        let last = u32::from_le_bytes(*bytes.last_chunk()?);
        if (last & PHASE_BIT != 0) != phase(self.next[id as usize], self.sizes[id as usize]) {
            return None;
        }
        self.next[id as usize] = self.next[id as usize].wrapping_add(1);
        T::read_from_bytes(&bytes).ok()
    }

    fn give_back(&mut self, id: RingId) {
        self.nic.register_write(ring_offsets(id).consumer, self.next[id as usize]);
    }

    /// Takes at most `most` records, phase bits cleared, and only then gives them back.
    pub(crate) fn records(&mut self, most: usize) -> Vec<FlowRecord> {
        let mut records = Vec::new();
        while records.len() < most
            && let Some(mut record) = self.take::<FlowRecord>(RingId::Record)
        {
            record.tail.set_phase(false);
            records.push(record);
        }
        self.give_back(RingId::Record);
        records
    }

    /// Gives a flow one of its slots that `taken` does not have.
    pub(crate) fn place(&mut self, key: &FlowKey, taken: impl Fn(u32) -> bool) -> Option<u32> {
        let both = buckets(h3(&key.identity()), self.slots_log2);
        let first = [0, 1].map(|half| first_slot(half, both[half as usize], self.slots_log2));
        first.into_iter().flat_map(|first| first..first + WAYS).find(|slot| !taken(*slot))
    }

    /// Inserts a flow.
    pub(crate) fn insert(&mut self, mut key: FlowKey, action: SlotAction, slot: u32, cookie: u32) {
        key.port.set_action_bits(action as u8);
        let done = self.command(Opcode::Insert, Command { key, slot, cookie, ..Command::default() });
        assert_eq!(done.map(|done| done.tail.status_bits()), Some(0), "INSERT is taken");
    }

    /// Gives the NIC frames `(time, direction, bytes)`.
    pub(crate) fn send<'a>(&mut self, frames: impl IntoIterator<Item = (u64, Direction, &'a [u8])>) {
        let frame = |(time_ns, direction, bytes): (u64, Direction, &'a [u8])| Frame {
            time_ns,
            wire_length: bytes.len() as u32,
            bytes,
            vport: 0,
            direction,
        };
        let frames: Vec<Frame<'_>> = frames.into_iter().map(frame).collect();
        for batch in frames.chunks(64) {
            self.nic.begin(batch);
            while !self.nic.proceed(batch) {}
        }
    }

    /// Lets time pass.
    pub(crate) fn advance(&mut self, until_ns: u64) {
        while !self.nic.advance(until_ns) {}
    }
}

/// What a record is.
pub(crate) fn kind(record: &FlowRecord) -> RecordKind {
    RecordKind::from_bits(record.tail.kind_bits()).expect("a kind")
}

/// A UDP frame over IPv4 from 10.0.x.x, which `flow` tells, of `bytes` bytes at layer 3.
pub(crate) fn udp(flow: u32, bytes: u16) -> Vec<u8> {
    let mut frame = vec![0; 14 + usize::from(bytes)];
    frame[12] = 8;
    frame[14] = 0x45;
    frame[16..18].copy_from_slice(&bytes.to_be_bytes());
    frame[22] = 64;
    frame[23] = 17;
    frame[26..30].copy_from_slice(&(0x0a00_0000 | flow >> 4).to_be_bytes());
    frame[30..34].copy_from_slice(&[192, 168, 0, 1]);
    frame[34..36].copy_from_slice(&(4096 + (flow & 15) as u16).to_be_bytes());
    frame[36..38].copy_from_slice(&80_u16.to_be_bytes());
    frame
}

/// The key of a frame of port 0.
pub(crate) fn key(frame: &[u8], direction: Direction) -> FlowKey {
    hw_model::parse::parse(frame, frame.len() as u32, 0, direction).key
}
