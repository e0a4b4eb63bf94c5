//! A reset of the RTL in any cycle of whatever is under way: the NIC comes to rest, and from then on it works as after
//! power-on. Nobody waits for the rest of a frame, and no window waits for one to leave.
#![cfg(feature = "rtl")]

use driver::device::Device;
use driver::regio::RegIo;
use firmware_abi::descriptor::{Command, FlowRecord, LedgerRecord, Opcode, RecordKind};
use firmware_abi::frame::{Disposition, FrameHeader, FrameLength, FrameTail, PuntReason};
use firmware_abi::hash::{buckets, first_slot, h3};
use firmware_abi::key::{Direction, FlowKey};
use firmware_abi::registers::{Control, offset};
use firmware_abi::ring::{FRAME_HEADER_BYTES, FRAME_SLOT_BYTES, RingId, frame_slots};
use sim::card::{Card, Frame, HostBus};
use sim::rtl::{Line, RtlNic, SIZES, Traffic};
use std::convert::Infallible;
use std::rc::Rc;
use weir_tests::probe::{Probe, RING_LOG2, frame, key};

/// A cycle of the clock.
const CYCLE_PS: u64 = 4_000;
/// Of the frame that is under way: three slots of the ring, 71 beats.
const FRAME_BYTES: usize = 4_500;
/// More cycles than anything here takes.
const OVER_CYCLES: u64 = 420;
/// The cookie of the flow.
const COOKIE: u32 = 7;

/// What the wires bring while they run: some frames each, and then none.
#[derive(Default)]
struct Few {
    left: [u64; 2],
}

impl Traffic for Few {
    fn frame(&mut self, direction: usize, frame: &mut Vec<u8>) {
        if self.left[direction] > 0 {
            self.left[direction] -= 1;
            frame.extend(long());
        }
    }
}

/// A frame of [`key`]`(1)`.
fn long() -> Vec<u8> {
    let mut bytes = frame(1);
    bytes.resize(FRAME_BYTES, 0xa5);
    bytes[16..18].copy_from_slice(&(FRAME_BYTES as u16 - 14).to_be_bytes());
    bytes[38..40].copy_from_slice(&(FRAME_BYTES as u16 - 34).to_be_bytes());
    bytes
}

fn key_of(direction: Direction) -> FlowKey {
    let mut key = key(1);
    key.port.set_egress(direction == Direction::Egress);
    key
}

/// The first of the slots that [`key_of`] can have.
fn slot_of(direction: Direction) -> u32 {
    let both = buckets(h3(&key_of(direction).identity()), SIZES.slots_log2);
    first_slot(0, both[0], SIZES.slots_log2)
}

struct Rig {
    probe: Probe,
    line: Line,
}

impl Rig {
    fn new() -> Self {
        let nic = RtlNic::new(HostBus::default(), 1);
        let line = nic.line();
        Self { probe: Probe::on(Card::with_nic(Box::new(nic)), [RING_LOG2; 5]), line }
    }

    /// Sets everything up on a NIC that was powered on or reset.
    fn set_up(&mut self) {
        let probe = Probe::on(Rc::clone(&self.probe.card), [RING_LOG2; 5]);
        for (ring, id) in probe.rings.iter().zip(RingId::ALL) {
            ring.copy_in(0, &vec![0; id.entry_bytes() << RING_LOG2]);
        }
        self.probe = probe.set_up();
    }

    fn insert(&mut self, direction: Direction) {
        let key = key_of(direction);
        let slot = slot_of(direction);
        let completion =
            self.probe.command(Opcode::Insert as u8, Command { key, slot, cookie: COOKIE, ..Command::default() });
        assert_eq!(completion.tail.status_bits(), 0, "INSERT is taken");
    }

    /// Puts the long frame into the inject ring, and rings.
    fn inject(&mut self, direction: Direction, disposition: Disposition) {
        let bytes = long();
        let length = FrameLength::new(FRAME_BYTES as u32, FRAME_BYTES as u32);
        let tail = FrameTail::new(FRAME_BYTES as u32 - 14, 0, disposition as u8);
        let header = FrameHeader { key: key_of(direction), length, tail, ..FrameHeader::default() };
        let (room, probe) = (FRAME_SLOT_BYTES - FRAME_HEADER_BYTES, &mut self.probe);
        for bytes in bytes.chunks(room) {
            let at = probe.at(RingId::Inject);
            probe.rings[RingId::Inject as usize].copy_in(at + FRAME_HEADER_BYTES, bytes);
            probe.put(RingId::Inject, header);
        }
        probe.doorbell(RingId::Inject);
    }

    /// Runs this many cycles.
    fn run(&self, cycles: u64) {
        let done: Result<(), Infallible> =
            self.probe.card.advance(self.probe.card.now_ns() + cycles * CYCLE_PS / 1000, || Ok(()));
        done.unwrap_or_else(|never| match never {});
    }

    fn send(&self, direction: Direction) {
        let bytes = long();
        let time_ns = self.probe.card.now_ns();
        let frame = Frame { time_ns, wire_length: bytes.len() as u32, bytes: &bytes, vport: 0, direction };
        let done: Result<(), Infallible> = self.probe.card.offer(&[frame], || Ok(()));
        done.unwrap_or_else(|never| match never {});
    }

    /// Packets of each entry of the open ledger: what was offered, and where it ended.
    fn ledger(&self, direction: Direction) -> [u64; 8] {
        let io = self.probe.device.io();
        io.store(offset::ENI_SELECT, (direction as u32) << 31);
        let words: [u32; 16] = std::array::from_fn(|at| io.load(offset::LEDGER_PACKETS + 4 * at as u32));
        let record: LedgerRecord = zerocopy::transmute!(words);
        std::array::from_fn(|at| record.counter(at))
    }

    /// Everything works: a frame of each wire hits, one is punted, one is injected, and the window ends with what was
    /// counted.
    fn check(&mut self, what: &str) {
        self.set_up();
        let _ = self.probe.card.take_sent();
        for direction in Direction::ALL {
            self.send(direction);
            let punt = self.probe.take_punt().unwrap_or_else(|| panic!("{what}: {direction:?} is punted"));
            assert_eq!(punt.tail.code(), PuntReason::Miss as u8, "{what}");
            self.probe.next[RingId::Punt as usize] += frame_slots(FRAME_BYTES) - 1;
            self.probe.doorbell(RingId::Punt);
            self.insert(direction);
            self.send(direction);
            self.inject(direction, Disposition::Forward);
            let sent = self.probe.card.take_sent();
            let left: Vec<_> = sent.iter().map(|sent| (sent.direction, &sent.bytes)).collect();
            assert_eq!(left, [(direction, &long()); 2], "{what}: one that hits, and an injected one, leave");
        }
        // Offered, tallied, punted.
        for direction in Direction::ALL {
            assert_eq!(self.ledger(direction), [2, 1, 1, 0, 0, 0, 0, 0], "{what}: the ledger of {direction:?}");
        }
        let mut records: Vec<FlowRecord> = Vec::new();
        self.probe.device.io().write(|r| &r.window_close, 1);
        while let Some(record) = self.probe.take(RingId::Record) {
            records.push(record);
        }
        let kinds: Vec<_> =
            records.iter().filter_map(|record| RecordKind::from_bits(record.tail.kind_bits())).collect();
        assert_eq!(kinds.last(), Some(&RecordKind::WindowEnd), "{what}: the window ends: {kinds:?}");
        let packets: Vec<_> = records
            .iter()
            .filter(|record| record.tail.kind_bits() == RecordKind::Flow as u8)
            .map(|record| (record.key.port.direction(), record.cookie, record.packets_first.packets()))
            .collect();
        assert_eq!(packets, Direction::ALL.map(|direction| (direction, COOKIE, 1)), "{what}: what is counted");
        self.probe.settle();
    }

    /// For each number of cycles: sets up, begins something, and resets so much later.
    fn every_cycle(&mut self, what: &str, wires: [u64; 2], mut begin: impl FnMut(&mut Self)) {
        for cycles in 0..OVER_CYCLES {
            self.set_up();
            self.insert(Direction::Ingress);
            self.line.start(CYCLE_PS, Box::new(Few { left: wires }));
            begin(self);
            self.run(cycles);
            let mut control = Control::default();
            control.set_reset(true);
            self.probe.device.io().write(|r| &r.control, control.0);
            // Until all frames of the wires are there.
            self.run(400);
            self.line.stop();
            self.check(&format!("{what}, reset {cycles} cycles later"));
            self.probe.device.io().write(|r| &r.control, control.0);
        }
    }
}

#[test]
fn a_reset_in_any_cycle_of_an_inject_that_is_forwarded_leaves_nothing_behind() {
    for direction in Direction::ALL {
        Rig::new().every_cycle("forward", [0; 2], |rig| rig.inject(direction, Disposition::Forward));
    }
}

#[test]
fn a_reset_in_any_cycle_of_a_retry_that_hits_leaves_nothing_behind() {
    Rig::new().every_cycle("hit", [0; 2], |rig| rig.inject(Direction::Ingress, Disposition::Retry));
}

#[test]
fn a_reset_in_any_cycle_of_a_retry_that_is_punted_once_more_leaves_nothing_behind() {
    Rig::new().every_cycle("miss", [0; 2], |rig| rig.inject(Direction::Egress, Disposition::Retry));
}

#[test]
fn a_reset_in_any_cycle_of_frames_on_both_wires_leaves_nothing_behind() {
    Rig::new().every_cycle("wires", [2, 2], |_| {});
}

#[test]
fn a_reset_in_any_cycle_of_commands_leaves_nothing_behind() {
    Rig::new().every_cycle("commands", [0; 2], |rig| {
        let bitmap = rig.probe.device.dma("bitmap", 4096).expect("memory");
        let slot = slot_of(Direction::Ingress);
        let flow = Command { key: key_of(Direction::Ingress), slot, cookie: COOKIE, ..Command::default() };
        let all = Command { cookie: 512, arg: bitmap.iova().0, ..Command::default() };
        for (opcode, mut command) in [
            (Opcode::Update, flow),
            (Opcode::ReadSlot, flow),
            (Opcode::ReadActivity, all),
            (Opcode::Delete, flow),
            (Opcode::Insert, flow),
        ] {
            command.tail.set_opcode_bits(opcode as u8);
            command.tail.set_complete(true);
            rig.probe.put(RingId::Command, command);
        }
        rig.probe.doorbell(RingId::Command);
    });
}

#[test]
fn a_reset_in_any_cycle_of_a_drain_leaves_nothing_behind() {
    Rig::new().every_cycle("drain", [0; 2], |rig| rig.probe.device.io().write(|r| &r.window_close, 1));
}
