//! Commands: the host's hand in the flow table.
//!
//! Each takes effect when it is consumed, in the order of the ring and between two packets. A
//! command whose answer or records have no room waits, and all behind it.

use crate::dma::Bus;
use crate::hash::Hashed;
use crate::nic::Nic;
use crate::ring_read::Unreadable;
use firmware_abi::descriptor::{Command, Completion, CompletionTail, Opcode, RecordKind, Status};
use firmware_abi::key::Direction;
use firmware_abi::limits::EniLimits;
use firmware_abi::ring::{DESCRIPTOR_BYTES, RingId};
use zerocopy::{FromBytes, IntoBytes};

/// Records that an EXTRACT may emit: one of the open bank, one of a bank that is still draining.
const EXTRACT_RECORDS_MAX: u32 = 2;
/// Slots in one unit of READ_ACTIVITY: a cache line of bits.
const ACTIVITY_UNIT: u32 = 512;

impl<B: Bus> Nic<B> {
    /// Takes what the host has submitted.
    pub(crate) fn run_commands(&mut self) {
        while self.rings[RingId::Command as usize].pending() {
            if self.rings[RingId::Completion as usize].room() == 0 {
                return;
            }
            let mut entry = [0; DESCRIPTOR_BYTES];
            match self.rings[RingId::Command as usize].front(&mut self.bus, &mut entry) {
                Ok(()) => {}
                Err(Unreadable::Dma) => return self.dma_refused(),
                Err(Unreadable::Phase) => {
                    self.counters.phase_refused += 1;
                    self.error(|errors| errors.set_phase(true));
                    self.rings[RingId::Command as usize].release(1);
                    self.complete(&Command::default(), Status::BadPhase);
                    continue;
                }
            }
            let command: Command = zerocopy::transmute!(entry);
            let Some(status) = self.execute(&command) else { return };
            self.counters.commands += 1;
            self.counters.dma_read_bytes += DESCRIPTOR_BYTES as u64;
            self.pcie.read(DESCRIPTOR_BYTES as u64);
            self.rings[RingId::Command as usize].release(1);
            if status != Status::Ok {
                self.counters.commands_refused += 1;
                self.error(|errors| errors.set_command(true));
            }
            if status != Status::Ok || command.tail.complete() {
                self.complete(&command, status);
            }
        }
    }

    fn complete(&mut self, command: &Command, status: Status) {
        let mut tail = CompletionTail(0);
        tail.set_status_bits(status as u8);
        tail.set_opcode_bits(command.tail.opcode_bits());
        let completion = Completion { sequence: command.sequence, slot: command.slot, cookie: command.cookie, tail };
        let bytes: [u8; 16] = zerocopy::transmute!(completion);
        let ring = &mut self.rings[RingId::Completion as usize];
        if ring.push(&mut self.bus, &bytes).is_err() {
            return self.dma_refused();
        }
        let vector = self.rings[RingId::Completion as usize].vector;
        self.counters.dma_write_bytes += bytes.len() as u64;
        self.pcie.write(bytes.len() as u64);
        self.msix.post(vector, self.now_ns);
    }

    /// `None` if it has to wait for room in the record ring.
    fn execute(&mut self, command: &Command) -> Option<Status> {
        let Some(opcode) = Opcode::from_bits(command.tail.opcode_bits()) else {
            return Some(Status::BadOpcode);
        };
        match opcode {
            Opcode::Nop | Opcode::Fence => Some(Status::Ok),
            Opcode::Insert => Some(self.insert(command)),
            Opcode::Update | Opcode::Delete | Opcode::ReadSlot => self.touch_slot(opcode, command),
            Opcode::SetEni => Some(self.set_eni(command)),
            Opcode::ReadActivity => Some(self.read_activity(command)),
        }
    }

    fn insert(&mut self, command: &Command) -> Status {
        let direction = command.key.port.direction();
        let hashed = Hashed::of(&command.key);
        let vport = command.key.port.vport();
        let lookup = &self.engines[direction.index()].lookup;
        let Some(slot) = lookup.slot(command.slot) else { return Status::BadSlot };
        if slot.is_valid() {
            return Status::SlotInUse;
        }
        if !lookup.belongs(hashed.hash, command.slot) {
            return Status::WrongBucket;
        }
        let Some(eni) = self.enis.get_mut(vport).filter(|eni| eni.flags.enabled()) else {
            return Status::BadEni;
        };
        if eni.slot_quota != 0 && eni.slots_used >= eni.slot_quota {
            return Status::Quota;
        }
        eni.slots_used += 1;
        let action = command.key.port.action_bits();
        self.engine(direction).lookup.insert(command.slot, &hashed, action, command.cookie);
        Status::Ok
    }

    fn touch_slot(&mut self, opcode: Opcode, command: &Command) -> Option<Status> {
        let direction = command.key.port.direction();
        let Some(slot) = self.engine(direction).lookup.slot(command.slot).copied() else {
            return Some(Status::BadSlot);
        };
        if !slot.is_valid() {
            return Some(Status::SlotEmpty);
        }
        if self.rings[RingId::Record as usize].room() < EXTRACT_RECORDS_MAX {
            return None;
        }
        if opcode == Opcode::ReadSlot {
            return self.emit_slot(direction, command.slot).then_some(Status::Ok);
        }
        if slot.identity() != command.key.identity() {
            return Some(Status::KeyMismatch);
        }
        if !self.extract(direction, command.slot) {
            return None;
        }
        if opcode == Opcode::Update {
            let action = command.key.port.action_bits();
            self.engine(direction).lookup.update(command.slot, action, command.cookie);
        } else {
            self.engine(direction).lookup.remove(command.slot);
            if let Some(eni) = self.enis.get_mut(slot.key().port.vport()) {
                eni.slots_used = eni.slots_used.saturating_sub(1);
            }
        }
        Some(Status::Ok)
    }

    /// EXTRACT: emits and clears what the slot counted, in every bank that is not drained past it.
    /// False if a record could not be written: its counts are still in the slot.
    fn extract(&mut self, direction: Direction, slot: u32) -> bool {
        if let Some(drain) = self.windows.drain
            && !drain.passed(direction, slot)
            && !self.emit_counts(RecordKind::Evicted, direction, slot, drain.number)
        {
            return false;
        }
        self.emit_counts(RecordKind::Evicted, direction, slot, self.windows.number)
    }

    fn set_eni(&mut self, command: &Command) -> Status {
        let Ok((limits, _)) = EniLimits::read_from_prefix(command.key.as_bytes()) else {
            return Status::BadArgument;
        };
        let limited = |rate: u32, burst: u32| rate != 0 && burst == 0;
        if limits.reserved != 0
            || limited(limits.packets_per_second, limits.packet_burst)
            || limited(limits.kilobits_per_second, limits.byte_burst)
            || limited(limits.new_flows_per_second, limits.new_flow_burst)
        {
            return Status::BadArgument;
        }
        if self.enis.configure(command.key.port.vport(), limits, command.eni_flags()) {
            Status::Ok
        } else {
            Status::BadEni
        }
    }

    /// A refused command changes nothing: activity that was taken is put back.
    fn touch_again(&mut self, direction: Direction, first: u32, taken: &[u64]) {
        let tally = &mut self.engine(direction).tally;
        for (word, bits) in (0..).zip(taken) {
            for bit in (0..64).filter(|bit| bits >> bit & 1 == 1) {
                tally.touch(first + word * 64 + bit);
            }
        }
    }

    fn read_activity(&mut self, command: &Command) -> Status {
        let direction = command.key.port.direction();
        let (first, count) = (command.slot, command.cookie);
        let slots = self.engine(direction).lookup.len();
        // A table smaller than the unit is answered as if it had as many, the rest untouched.
        let inside = first.checked_add(count).is_some_and(|end| end <= slots.max(ACTIVITY_UNIT));
        if count == 0
            || !inside
            || !first.is_multiple_of(ACTIVITY_UNIT)
            || !count.is_multiple_of(ACTIVITY_UNIT)
            || !command.arg.is_multiple_of(8)
        {
            return Status::BadArgument;
        }
        let mut iova = command.arg;
        let mut taken = Vec::new();
        for word in first / 64..(first + count) / 64 {
            let bits = self.engine(direction).tally.take_activity(word as usize);
            taken.push(bits);
            if self.bus.write(iova, &bits.to_le_bytes()).is_err() {
                self.touch_again(direction, first, &taken);
                self.dma_refused();
                return Status::DmaFault;
            }
            iova += 8;
        }
        self.counters.dma_write_bytes += u64::from(count / 8);
        self.pcie.write(u64::from(count / 8));
        Status::Ok
    }
}
