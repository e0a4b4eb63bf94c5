//! The NIC under a hostile host: registers, rings, commands, injects, frames, in any order.
//!
//! An input is a program of [`Step`]s. As long as the host keeps to the rules (no raw register
//! write, memory write or inject), every packet of an ENI must end in exactly one ledger.

use super::captures::generated;
use super::input::Input;
use crate::{Outcome, Target};
use firmware_abi::descriptor::{Command, CommandTail, Ledger, LedgerRecord, Opcode};
use firmware_abi::frame::FrameHeader;
use firmware_abi::hash::{first_slot, h3};
use firmware_abi::key::Direction;
use firmware_abi::limits::EniLimits;
use firmware_abi::registers::{BLOCK_BYTES, EniSelect, offset, ring_offsets};
use firmware_abi::ring::{FRAME_HEADER_BYTES, FRAME_SLOT_BYTES, RingId, frame_slots, phase};
use hw_model::{Bus, DmaFault, Frame, Nic, Parameters};
use zerocopy::{FromBytes, IntoBytes};

/// The NIC's register block and rings.
pub(super) const NIC: Target = Target { name: "nic", read: nic, seeds, words: &[] };

const SLOTS_LOG2: u32 = 7;
const VPORTS: u16 = 2;
const RING_LOG2: u32 = 4;
const STEPS_MAX: usize = 256;
/// Where each ring lies, in the order of [`RingId`].
const RINGS: [u64; 5] = [0x1_0000, 0x1_1000, 0x1_2000, 0x1_8000, 0x2_0000];
const MEMORY: std::ops::Range<u64> = 0x1_0000..0x2_8000;

/// Host memory without anything around it.
struct Memory(Vec<u8>);

impl Memory {
    fn at(&mut self, iova: u64, bytes: usize) -> Result<&mut [u8], DmaFault> {
        let fault = DmaFault { iova, bytes };
        let start = usize::try_from(iova.checked_sub(MEMORY.start).ok_or(fault)?).map_err(|_| fault)?;
        let end = start.checked_add(bytes).ok_or(fault)?;
        self.0.get_mut(start..end).ok_or(fault)
    }
}

impl Bus for Memory {
    fn write(&mut self, iova: u64, data: &[u8]) -> Result<(), DmaFault> {
        self.at(iova, data.len())?.copy_from_slice(data);
        Ok(())
    }

    fn publish(&mut self, iova: u64, value: u32) -> Result<(), DmaFault> {
        self.write(iova, &value.to_le_bytes())
    }

    fn read(&mut self, iova: u64, into: &mut [u8]) -> Result<(), DmaFault> {
        into.copy_from_slice(self.at(iova, into.len())?);
        Ok(())
    }

    fn interrupt(&mut self, _: u8) {}
}

/// What a step does, by its first byte modulo their number.
#[derive(Clone, Copy, Debug)]
enum Step {
    Frame,
    Advance,
    Consume,
    EchoPunt,
    InsertPunted,
    Command,
    WriteRegister,
    WriteMemory,
    Inject,
}

const STEPS: [Step; 9] = [
    Step::Frame,
    Step::Advance,
    Step::Consume,
    Step::EchoPunt,
    Step::InsertPunted,
    Step::Command,
    Step::WriteRegister,
    Step::WriteMemory,
    Step::Inject,
];

/// A host with no driver.
struct Host {
    nic: Nic<Memory>,
    /// It has kept to the rules.
    fair: bool,
}

fn nic(input: &[u8]) -> Outcome {
    let mut host = Host::bring_up();
    let mut input = Input(input);
    for _ in 0..STEPS_MAX {
        if input.is_empty() {
            break;
        }
        let step = STEPS[usize::from(input.byte()) % STEPS.len()];
        host.step(step, &mut input);
    }
    host.reads_have_no_effect();
    if host.fair {
        host.every_packet_is_in_one_ledger();
    }
    let errors = host.nic.register_read(offset::ERRORS) ^ host.nic.register_read(offset::RING_FAULTS) << 16;
    let used = RingId::ALL.map(|id| host.nic.register_read(ring_offsets(id).high_water).min(3));
    let kind = used.iter().fold(u64::from(errors), |kind, used| kind << 2 | u64::from(*used));
    Outcome { accepted: host.fair, kind }
}

impl Host {
    fn bring_up() -> Self {
        let memory = Memory(vec![0; (MEMORY.end - MEMORY.start) as usize]);
        let parameters = Parameters { slots_log2: SLOTS_LOG2, enis_log2: 1 };
        let mut host = Self { nic: Nic::new(parameters, memory).expect("possible sizes"), fair: true };
        host.nic.register_write(offset::WINDOW_SECONDS, 1);
        for id in RingId::ALL {
            let offsets = ring_offsets(id);
            host.nic.register_write(offsets.base_lo, RINGS[id as usize] as u32);
            host.nic.register_write(offsets.size_log2, RING_LOG2);
            host.nic.register_write(offsets.control, 1);
        }
        host.nic.register_write(offset::CONTROL, 1);
        for vport in 0..VPORTS {
            let mut command = Command { cookie: 1, ..Command::default() };
            command.key.port.set_vport(vport);
            let limits = EniLimits { punt_credit: 8 * u32::from(vport), ..EniLimits::default() };
            command.key.as_mut_bytes()[..size_of::<EniLimits>()].copy_from_slice(limits.as_bytes());
            host.command(&command, Opcode::SetEni as u8);
        }
        host
    }

    fn step(&mut self, step: Step, input: &mut Input<'_>) {
        self.fair &= !matches!(step, Step::WriteRegister | Step::WriteMemory | Step::Inject | Step::Command);
        match step {
            Step::Frame => self.frame(input),
            Step::Advance => {
                let until = self.nic.now_ns().saturating_add(u64::from(input.dword()) * 1000);
                while !self.nic.advance(until) {}
            }
            Step::Consume => {
                for id in [RingId::Completion, RingId::Record, RingId::Punt] {
                    let producer = self.read(ring_offsets(id).producer);
                    self.nic.register_write(ring_offsets(id).consumer, producer);
                }
            }
            Step::EchoPunt => self.echo_punt(input.byte() & 3),
            Step::InsertPunted => self.insert_punted(input.byte()),
            Step::Command => {
                let opcode = input.byte();
                let bytes: [u8; 64] = input.bytes();
                self.command(&Command::read_from_bytes(&bytes).expect("64 bytes"), opcode % 12);
            }
            Step::WriteRegister => {
                let (at, value) = (u32::from(input.half()) % BLOCK_BYTES as u32, input.dword());
                self.nic.register_write(at, value);
            }
            Step::WriteMemory => {
                let iova = MEMORY.start + u64::from(input.half()) * 2;
                let bytes: [u8; 8] = input.bytes();
                // Outside of memory there is nothing to write to.
                let _ = self.nic.bus_mut().write(iova, &bytes);
            }
            Step::Inject => {
                let header: [u8; FRAME_HEADER_BYTES] = input.bytes();
                self.inject(&FrameHeader::read_from_bytes(&header).expect("64 bytes"));
            }
        }
    }

    fn read(&self, at: u32) -> u32 {
        self.nic.register_read(at)
    }

    fn frame(&mut self, input: &mut Input<'_>) {
        let flags = input.byte();
        let length = usize::from(input.byte());
        let bytes = input.take(length);
        let direction = if flags & 1 == 0 { Direction::Ingress } else { Direction::Egress };
        let (time_ns, vport) = (self.nic.now_ns() + 100, u16::from(flags >> 1 & 3));
        let frames = [Frame { time_ns, wire_length: bytes.len() as u32, bytes, vport, direction }];
        self.nic.begin(&frames);
        while !self.nic.proceed(&frames) {}
    }

    fn command(&mut self, command: &Command, opcode: u8) {
        let index = self.read(offset::COMMAND_PRODUCER);
        let mut tail = CommandTail(command.tail.0);
        tail.set_opcode_bits(opcode);
        tail.set_phase(phase(index, RING_LOG2));
        let command = Command { tail, ..*command };
        self.put(RingId::Command, index, command.as_bytes());
        self.nic.register_write(offset::COMMAND_PRODUCER, index.wrapping_add(1));
    }

    fn inject(&mut self, header: &FrameHeader) {
        let first = self.read(offset::INJECT_PRODUCER);
        let slots = frame_slots(header.length.held() as usize);
        for slot in 0..slots.min(1 << RING_LOG2) {
            let index = first.wrapping_add(slot);
            let mut header = *header;
            header.tail.set_phase(phase(index, RING_LOG2));
            self.put(RingId::Inject, index, header.as_bytes());
        }
        self.nic.register_write(offset::INJECT_PRODUCER, first.wrapping_add(slots));
    }

    fn put(&mut self, id: RingId, index: u32, bytes: &[u8]) {
        let place = u64::from(index % (1 << RING_LOG2)) * id.entry_bytes() as u64;
        // The ring lies in memory.
        let _ = self.nic.bus_mut().write(RINGS[id as usize] + place, bytes);
    }

    /// The oldest punt, if there is one.
    fn punted(&mut self) -> Option<FrameHeader> {
        let (producer, consumer) = (self.read(offset::PUNT_PRODUCER), self.read(offset::PUNT_CONSUMER));
        let mut bytes = [0; FRAME_HEADER_BYTES];
        let place = u64::from(consumer % (1 << RING_LOG2)) * FRAME_SLOT_BYTES as u64;
        self.nic.bus_mut().read(RINGS[RingId::Punt as usize] + place, &mut bytes).ok()?;
        let header = FrameHeader::read_from_bytes(&bytes).ok()?;
        (producer != consumer).then_some(header)
    }

    /// Gives the oldest punt back, as a driver does.
    fn echo_punt(&mut self, code: u8) {
        let Some(mut header) = self.punted() else { return };
        let used = self.read(offset::INJECT_PRODUCER).wrapping_sub(self.read(offset::INJECT_CONSUMER));
        let slots = frame_slots(header.length.held() as usize);
        if used + slots > 1 << RING_LOG2 {
            return;
        }
        let consumer = self.read(offset::PUNT_CONSUMER);
        self.nic.register_write(offset::PUNT_CONSUMER, consumer.wrapping_add(slots));
        header.tail.set_code(code);
        self.inject(&header);
    }

    /// Gives the flow of the oldest punt a slot, as a driver does.
    fn insert_punted(&mut self, choice: u8) {
        let Some(header) = self.punted() else { return };
        let used = self.read(offset::COMMAND_PRODUCER).wrapping_sub(self.read(offset::COMMAND_CONSUMER));
        if used >= 1 << RING_LOG2 {
            return;
        }
        let half = u32::from(choice & 1);
        let buckets = firmware_abi::hash::buckets(h3(&header.key.identity()), SLOTS_LOG2);
        let slot = first_slot(half, buckets[half as usize], SLOTS_LOG2) + u32::from(choice >> 1 & 7);
        let mut command = Command { key: header.key, slot, cookie: u32::from(choice), ..Command::default() };
        command.key.port.set_action_bits(choice >> 4 & 3);
        self.command(&command, Opcode::Insert as u8);
    }

    fn reads_have_no_effect(&self) {
        let all = || (0..BLOCK_BYTES as u32).map(|at| self.read(at)).collect::<Vec<_>>();
        assert!(all() == all(), "a read changed a register");
    }

    /// In the open window, packets and bytes apart.
    fn every_packet_is_in_one_ledger(&mut self) {
        for (vport, direction) in (0..VPORTS).flat_map(|vport| Direction::ALL.map(|direction| (vport, direction))) {
            let mut select = EniSelect(0);
            select.set_vport(vport);
            select.set_egress(direction == Direction::Egress);
            self.nic.register_write(offset::ENI_SELECT, select.0);
            for (image, unit) in [(offset::LEDGER_PACKETS, "packets"), (offset::LEDGER_BYTES, "bytes")] {
                let ledger = self.image(image);
                let ends = Ledger::Tallied as usize..=Ledger::Policed as usize;
                let sum: u64 = ends.map(|end| ledger.counter(end)).sum();
                assert_eq!(ledger.counter(Ledger::Offered as usize), sum, "{unit} of port {vport}: {ledger:?}");
            }
        }
    }

    fn image(&self, from: u32) -> LedgerRecord {
        let dwords = (0..16).flat_map(|dword| self.read(from + dword * 4).to_le_bytes());
        LedgerRecord::read_from_bytes(&dwords.collect::<Vec<_>>()).expect("64 bytes")
    }
}

/// What an honest host does: frames, punts echoed and offloaded, windows turned, rings emptied.
fn seeds() -> Vec<Vec<u8>> {
    let frame = |flags: u8, bytes: &[u8]| {
        let short = bytes.get(..bytes.len().min(90)).unwrap_or_default();
        [&[0, flags, short.len() as u8], short].concat()
    };
    let mut honest = Vec::new();
    for (number, each) in (0_u8..).zip(&generated(16)) {
        let flags = number % 4;
        honest.extend(frame(flags, each.bytes));
        honest.extend([4, number, 3, 0]);
        honest.extend(frame(flags, each.bytes));
        if number % 5 == 4 {
            honest.extend([1, 0, 9, 6, 0, 2]);
        }
    }
    let mut storm = Vec::new();
    for _ in 0..2 {
        for each in &generated(12) {
            storm.extend(frame(2, each.bytes));
        }
        storm.extend([3, 1, 3, 2, 3, 0, 1, 0x40, 0x42, 0x0f, 0, 2]);
    }
    vec![honest, storm, Vec::new()]
}
