//! What the host tells the NIC, and what the NIC answers.
//!
//! - Commands take effect in ring order. Their sequence is the ring index with the direction in its
//!   lowest bit, so an answer alone tells which table it is about.
//! - Failures are always answered. Success is asked for where the host waits for it (DELETE,
//!   SET_ENI, READ_ACTIVITY, READ_SLOT, FENCE), and of one command in `ACKNOWLEDGE_EVERY`: from
//!   those the host learns how far the NIC has read, without reading a register.

use crate::device::Device;
use crate::ring::Ring;
use crate::slots::{Cookie, Slot};
use firmware_abi::descriptor::{Command, Completion, Opcode, Status};
use firmware_abi::key::{Direction, FlowKey, Port};
use firmware_abi::limits::{EniFlags, EniLimits};
use firmware_abi::ring::COMPLETION_BYTES;
use zerocopy::{FromBytes, Immutable, IntoBytes};

/// One command in this many is answered even if it would not have to be.
const ACKNOWLEDGE_EVERY: u32 = 256;

/// Stands for a FENCE until its completion comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Fence(pub(crate) u32);

/// What the NIC answered to a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommandEvent {
    /// The command was refused and changed nothing.
    Failed {
        /// The command.
        opcode: Opcode,
        /// Why.
        status: Status,
        /// The table that it was for.
        direction: Direction,
        /// The slot that it was for; for SET_ENI the virtual port.
        slot: Slot,
        /// The flow that it was for.
        cookie: Cookie,
    },
    /// A slot was emptied; what it had counted has been emitted before this.
    Removed {
        /// Its table.
        direction: Direction,
        /// The slot.
        slot: Slot,
        /// The flow that it held.
        cookie: Cookie,
    },
    /// The activity bits that were asked for are in memory.
    ActivityRead {
        /// Of which table.
        direction: Direction,
    },
    /// An ENI is configured.
    EniSet {
        /// Its virtual port.
        vport: u16,
    },
    /// Everything before the fence has taken effect.
    Fenced(Fence),
}

/// A checked completion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) opcode: Opcode,
    pub(crate) status: Status,
    pub(crate) direction: Direction,
    pub(crate) slot: Slot,
    pub(crate) cookie: u32,
    /// The low 31 bits of the command's ring index.
    index: u32,
}

const INDEX_MASK: u32 = u32::MAX >> 1;

impl Answer {
    /// The completion's meaning, if it has one.
    pub(crate) fn of(completion: Completion) -> Option<Self> {
        Some(Self {
            opcode: Opcode::from_bits(completion.tail.opcode_bits())?,
            status: Status::from_bits(completion.tail.status_bits())?,
            direction: Direction::ALL[(completion.sequence & 1) as usize],
            slot: Slot(completion.slot),
            cookie: completion.cookie,
            index: completion.sequence >> 1,
        })
    }
}

/// The bytes of a SET_ENI's key.
#[derive(IntoBytes, FromBytes, Immutable)]
#[repr(C)]
struct EniKey {
    limits: EniLimits,
    reserved: u16,
    port: Port,
}

/// The command ring and its completions.
pub(crate) struct Commands<D: Device> {
    pub(crate) ring: Ring<D>,
    pub(crate) completions: Ring<D>,
    unanswered: u32,
}

impl<D: Device> Commands<D> {
    pub(crate) fn new(ring: Ring<D>, completions: Ring<D>) -> Self {
        Self { ring, completions, unanswered: 0 }
    }

    /// Puts a command into the ring; there must be room.
    #[inline]
    fn push(&mut self, opcode: Opcode, must_answer: bool, direction: Direction, mut command: Command) -> u32 {
        let index = self.ring.next & INDEX_MASK;
        self.unanswered += 1;
        let complete = must_answer || self.unanswered >= ACKNOWLEDGE_EVERY;
        if complete {
            self.unanswered = 0;
        }
        command.sequence = index << 1 | direction as u32;
        command.tail.set_opcode_bits(opcode as u8);
        command.tail.set_complete(complete);
        command.tail.set_phase(self.ring.next_phase());
        self.ring.push(command);
        index
    }

    /// INSERT: `key` with its action.
    #[inline]
    pub(crate) fn insert(&mut self, slot: Slot, key: FlowKey, cookie: Cookie) {
        let command = Command { key, slot: slot.0, cookie: cookie.0, ..Command::default() };
        self.push(Opcode::Insert, false, key.port.direction(), command);
    }

    /// UPDATE: the action of `key`, and the cookie.
    pub(crate) fn update(&mut self, slot: Slot, key: FlowKey, cookie: Cookie) {
        let command = Command { key, slot: slot.0, cookie: cookie.0, ..Command::default() };
        self.push(Opcode::Update, false, key.port.direction(), command);
    }

    /// DELETE; `cookie` comes back in the answer.
    pub(crate) fn delete(&mut self, slot: Slot, key: FlowKey, cookie: Cookie) {
        let command = Command { key, slot: slot.0, cookie: cookie.0, ..Command::default() };
        self.push(Opcode::Delete, true, key.port.direction(), command);
    }

    /// READ_SLOT.
    pub(crate) fn read_slot(&mut self, direction: Direction, slot: Slot) {
        let command = Command { key: port_key(0, direction), slot: slot.0, ..Command::default() };
        self.push(Opcode::ReadSlot, true, direction, command);
    }

    /// READ_ACTIVITY of `slots` slots (a multiple of 512), from the first on.
    pub(crate) fn read_activity(&mut self, direction: Direction, slots: u32, iova: u64) {
        let command = Command { key: port_key(0, direction), cookie: slots, arg: iova, ..Command::default() };
        self.push(Opcode::ReadActivity, true, direction, command);
    }

    /// SET_ENI; the virtual port comes back as the slot.
    pub(crate) fn set_eni(&mut self, vport: u16, limits: EniLimits, flags: EniFlags) {
        let port = port_key(vport, Direction::Ingress).port;
        let key: FlowKey = zerocopy::transmute!(EniKey { limits, reserved: 0, port });
        let command = Command { key, slot: vport.into(), cookie: flags.0, ..Command::default() };
        self.push(Opcode::SetEni, true, Direction::Ingress, command);
    }

    /// FENCE.
    pub(crate) fn fence(&mut self) -> Fence {
        let cookie = self.ring.next & INDEX_MASK;
        let command = Command { cookie, ..Command::default() };
        Fence(self.push(Opcode::Fence, true, Direction::Ingress, command))
    }

    /// The next completion, if there is one.
    pub(crate) fn completion(&mut self) -> Option<Completion> {
        const { assert!(size_of::<Completion>() == COMPLETION_BYTES) };
        self.completions.take()
    }

    /// Learns from `answer` how far the NIC has read.
    pub(crate) fn learn(&mut self, answer: &Answer) {
        let read = answer.index.wrapping_add(1);
        let ahead = read.wrapping_sub(self.ring.known_nic_index()) & INDEX_MASK;
        // An answer that came after a later one, or after the register was read, teaches nothing.
        let _ = self.ring.learn(self.ring.known_nic_index().wrapping_add(ahead));
    }
}

/// A key that names nothing but a port.
fn port_key(vport: u16, direction: Direction) -> FlowKey {
    let mut port = Port::default();
    port.set_vport(vport);
    port.set_egress(direction == Direction::Egress);
    FlowKey { port, ..FlowKey::default() }
}
