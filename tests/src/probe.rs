//! A host with no driver: it writes any register and any descriptor, right or wrong, and sees
//! everything that moves.

use crate::nic;
use driver::device::Device;
use driver::dma::DmaMemory;
use driver::regio::RegIo;
use firmware_abi::descriptor::{Command, Completion, FlowRecord, Opcode};
use firmware_abi::frame::FrameHeader;
use firmware_abi::hash::{buckets, first_slot, h3};
use firmware_abi::key::{Direction, FlowKey};
use firmware_abi::limits::{EniFlags, EniLimits};
use firmware_abi::registers::{COUNTERS, Control, Errors, RingControl, RingFaults, offset, ring_offsets};
use firmware_abi::ring::{PHASE_BIT, RingId, phase};
use sim::card::{Card, Frame, Parameters, SimDevice, SimIo};
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::rc::Rc;
use zerocopy::{FromBytes, Immutable, IntoBytes};

/// Entries of every ring of a probe, as a power of two.
pub const RING_LOG2: u32 = 6;
/// Where its time starts, Unix ns.
pub const START_NS: u64 = 1_700_000_000_000_000_000;

/// Everything of a NIC that can move, at one instant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// All counters by name.
    pub counters: BTreeMap<&'static str, u64>,
    /// The sticky bits.
    pub errors: Errors,
    /// Rings that have stopped.
    pub faults: RingFaults,
    /// Producer and consumer of each ring.
    pub indices: [(u32, u32); 5],
    /// Slots in use by direction, with their cookies.
    pub slots: Vec<(Direction, u32, u32)>,
}

/// What is expected to have moved between two pictures: everything else must be the same.
#[derive(Clone, Debug, Default)]
pub struct Moved {
    /// Counters, by how much.
    pub counters: Vec<(&'static str, u64)>,
    /// Sticky bits that are now set.
    pub errors: u32,
    /// Rings that have now stopped.
    pub faults: u32,
    /// Rings, by how much their producer and consumer went on.
    pub indices: Vec<(RingId, u32, u32)>,
}

/// The host.
pub struct Probe {
    /// The card.
    pub card: Rc<Card>,
    /// Its device.
    pub device: SimDevice,
    /// The memory of each ring.
    pub rings: Vec<DmaMemory>,
    /// The host's index of each ring.
    pub next: [u32; 5],
    /// Entries of each ring, as a power of two.
    pub log2: [u32; 5],
}

impl Probe {
    /// A NIC that runs, with rings and one ENI, port 0, that is enabled.
    ///
    /// # Panics
    /// When it cannot be had.
    #[must_use]
    pub fn running() -> Self {
        Self::powered().set_up()
    }

    /// Sets up what is in [`Self::running`] on a NIC that was powered on.
    ///
    /// # Panics
    /// When the NIC refuses.
    #[must_use]
    pub fn set_up(self) -> Self {
        let probe = self;
        let io = probe.device.io();
        io.write_wide(|r| (&r.time_set_lo, &r.time_set_hi), START_NS);
        io.write(|r| &r.window_seconds, 1);
        for id in RingId::ALL {
            probe.enable(id, probe.rings[id as usize].iova().0);
        }
        let mut control = Control::default();
        control.set_enable(true);
        io.write(|r| &r.control, control.0);
        let mut probe = probe;
        probe.set_eni(0, EniLimits::default());
        while probe.take::<FlowRecord>(RingId::Record).is_some() {}
        probe.settle();
        probe
    }

    /// A NIC after power-on, with memory for rings, none of which is set up.
    ///
    /// # Panics
    /// When it cannot be had.
    #[must_use]
    pub fn powered() -> Self {
        let card = nic::card(Parameters { slots_log2: 7, enis_log2: 1 });
        Self::on(card, [RING_LOG2; 5])
    }

    /// As [`Self::powered`], on this card, with rings of these sizes.
    ///
    /// # Panics
    /// When there is no memory.
    #[must_use]
    pub fn on(card: Rc<Card>, log2: [u32; 5]) -> Self {
        let device = card.device();
        let memory =
            |id: RingId| device.dma(&format!("probe-{id:?}"), id.entry_bytes() << log2[id as usize]).expect("memory");
        let rings = RingId::ALL.map(memory).to_vec();
        Self { card, device, rings, next: [0; 5], log2 }
    }

    /// Places and enables a ring.
    pub fn enable(&self, id: RingId, base: u64) {
        let ring = self.device.io().ring(id);
        ring.place(base, self.log2[id as usize]);
        let mut control = RingControl::default();
        control.set_enable(true);
        control.set_vector(id as u8);
        ring.set_control(control);
    }

    /// Stops a ring.
    pub fn disable(&self, id: RingId) {
        self.device.io().ring(id).set_control(RingControl::default());
    }

    /// Stores to any register.
    pub fn store(&self, at: u32, value: u32) {
        self.device.io().store(at, value);
    }

    /// Takes a picture.
    #[must_use]
    pub fn picture(&self) -> Picture {
        let io = self.device.io();
        io.write(|r| &r.snapshot, 1);
        let slots = Direction::ALL.into_iter().flat_map(|direction| (0..128).map(move |slot| (direction, slot)));
        let cookie = |(direction, slot): (Direction, u32)| {
            self.store(offset::SLOT_SELECT, slot | (direction as u32) << 31);
            let valid = io.load(offset::SLOT_STATUS) & 1 == 1;
            valid.then(|| (direction, slot, io.load(offset::SLOT_DATA + 56)))
        };
        Picture {
            counters: COUNTERS.iter().map(|counter| (counter.name, io.counter(counter))).collect(),
            errors: Errors(io.load(offset::ERRORS)),
            faults: RingFaults(io.load(offset::RING_FAULTS)),
            indices: RingId::ALL.map(|id| (io.ring(id).producer(), io.ring(id).consumer())),
            slots: slots.filter_map(cookie).collect(),
        }
    }

    /// Runs `act`, and checks that exactly `moved` has moved.
    ///
    /// # Panics
    /// When something else has, or that has not.
    #[track_caller]
    pub fn expect(&mut self, what: &str, moved: &Moved, act: impl FnOnce(&mut Self)) {
        let mut expected = self.picture();
        act(self);
        for (name, by) in &moved.counters {
            let counter = expected.counters.get_mut(name);
            *counter.unwrap_or_else(|| panic!("{what}: no counter {name}")) += by;
        }
        expected.errors.0 |= moved.errors;
        expected.faults.0 |= moved.faults;
        for (id, produced, consumed) in &moved.indices {
            let (producer, consumer) = &mut expected.indices[*id as usize];
            *producer = producer.wrapping_add(*produced);
            *consumer = consumer.wrapping_add(*consumed);
        }
        let found = self.picture();
        assert_eq!(found, expected, "{what}");
    }

    /// Where the next entry of a ring lies in its memory.
    #[must_use]
    pub fn at(&self, id: RingId) -> usize {
        (self.next[id as usize] & ((1 << self.log2[id as usize]) - 1)) as usize * id.entry_bytes()
    }

    /// The phase of the next entry of a ring.
    #[must_use]
    pub fn phase(&self, id: RingId) -> bool {
        phase(self.next[id as usize], self.log2[id as usize])
    }

    /// Puts an entry into a host's ring, with its phase in the last dword of the first 64 bytes.
    pub fn put<T: IntoBytes + Immutable + Copy>(&mut self, id: RingId, entry: T) {
        let at = self.at(id);
        let memory = &self.rings[id as usize];
        memory.store(at, entry);
        let last: u32 = memory.load(at + size_of::<T>() - 4);
        let bit = if self.phase(id) { PHASE_BIT } else { 0 };
        memory.store(at + size_of::<T>() - 4, last & !PHASE_BIT | bit);
        self.next[id as usize] = self.next[id as usize].wrapping_add(1);
    }

    /// Tells the NIC the host's index of a ring.
    pub fn doorbell(&self, id: RingId) {
        self.device.io().ring(id).set_host_index(self.next[id as usize]);
    }

    /// Takes the next entry of a NIC's ring, if there is one.
    pub fn take<T: FromBytes + Copy>(&mut self, id: RingId) -> Option<T> {
        let at = self.at(id);
        let memory = &self.rings[id as usize];
        let last: u32 = memory.load(at + size_of::<T>() - 4);
        if (last & PHASE_BIT != 0) != self.phase(id) {
            return None;
        }
        let entry = memory.load(at);
        self.next[id as usize] = self.next[id as usize].wrapping_add(1);
        Some(entry)
    }

    /// Gives everything that was taken back to the NIC.
    pub fn settle(&mut self) {
        while self.take::<Completion>(RingId::Completion).is_some() {}
        for id in [RingId::Completion, RingId::Record, RingId::Punt] {
            self.doorbell(id);
        }
    }

    /// Sends one command and takes its completion; the completion ring is not given back.
    ///
    /// # Panics
    /// When there is no answer.
    pub fn command(&mut self, opcode: u8, mut command: Command) -> Completion {
        command.tail.set_opcode_bits(opcode);
        command.tail.set_complete(true);
        command.sequence = 77;
        self.put(RingId::Command, command);
        self.doorbell(RingId::Command);
        self.take(RingId::Completion).expect("every command of the probe is answered")
    }

    /// Configures a port, enabled.
    ///
    /// # Panics
    /// When the NIC refuses.
    pub fn set_eni(&mut self, vport: u16, limits: EniLimits) {
        let mut flags = EniFlags(0);
        flags.set_enabled(true);
        flags.set_instance(vport);
        let mut key = FlowKey::default();
        key.port.set_vport(vport);
        let mut command = Command { key, cookie: flags.0, ..Command::default() };
        let (head, _) = command.as_mut_bytes().split_at_mut(size_of::<EniLimits>());
        head.copy_from_slice(limits.as_bytes());
        let completion = self.command(Opcode::SetEni as u8, command);
        assert_eq!(completion.tail.status_bits(), 0, "SET_ENI is taken");
    }

    /// Gives the NIC one frame of port 0, inward, `after_ns` after [`START_NS`]; nobody polls.
    pub fn send(&self, bytes: &[u8], after_ns: u64) {
        let frame = Frame {
            time_ns: START_NS + after_ns,
            wire_length: bytes.len() as u32,
            bytes,
            vport: 0,
            direction: Direction::Ingress,
        };
        let done: Result<(), Infallible> = self.card.offer(&[frame], || Ok(()));
        done.unwrap_or_else(|never| match never {});
    }

    /// Lets time pass; nobody polls.
    pub fn advance(&self, after_ns: u64) {
        let done: Result<(), Infallible> = self.card.advance(START_NS + after_ns, || Ok(()));
        done.unwrap_or_else(|never| match never {});
    }

    /// The next punt's header, if there is one; each of its frames takes one slot.
    pub fn take_punt(&mut self) -> Option<FrameHeader> {
        let header: FrameHeader = self.rings[RingId::Punt as usize].load(self.at(RingId::Punt));
        if header.tail.phase() != self.phase(RingId::Punt) {
            return None;
        }
        let next = &mut self.next[RingId::Punt as usize];
        *next = next.wrapping_add(1);
        Some(header)
    }
}

/// The key of [`frame`], as the NIC has it.
#[must_use]
pub fn key(port: u16) -> FlowKey {
    let mut key = FlowKey { src_port: port, dst_port: 80, protocol: 17, ..FlowKey::default() };
    key.src[..4].copy_from_slice(&[10, 0, 0, 1]);
    key.dst[..4].copy_from_slice(&[192, 168, 0, 1]);
    key
}

/// The first slot of the lower or upper bucket of a key, in a table of 128 slots.
#[must_use]
pub fn slot_of(key: &FlowKey, half: u32) -> u32 {
    let both = buckets(h3(&key.identity()), 7);
    first_slot(half, both[half as usize], 7)
}

/// A UDP frame of 60 bytes over IPv4, 46 of them layer 3, from `port`.
#[must_use]
pub fn frame(port: u16) -> Vec<u8> {
    let mut frame = vec![0; 60];
    frame[12] = 8;
    frame[14] = 0x45;
    frame[17] = 46;
    frame[22] = 64;
    frame[23] = 17;
    frame[26..30].copy_from_slice(&[10, 0, 0, 1]);
    frame[30..34].copy_from_slice(&[192, 168, 0, 1]);
    frame[34..36].copy_from_slice(&port.to_be_bytes());
    frame[36..38].copy_from_slice(&80_u16.to_be_bytes());
    frame[39] = 26;
    frame
}

/// Where a register of a ring lies.
#[must_use]
pub fn ring_register(id: RingId, which: fn(&firmware_abi::registers::RingOffsets) -> u32) -> u32 {
    which(&ring_offsets(id))
}

/// BAR0 of a card.
pub type Io = SimIo;
