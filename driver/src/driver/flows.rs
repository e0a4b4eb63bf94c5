//! Flows in and out of slots, and the ENIs that they belong to.

use super::Driver;
use crate::commands::Fence;
use crate::device::Device;
use crate::offload::Fill;
use crate::ring::{NoRoom, RingFault};
use crate::slots::{Cookie, MOVES_MAX, Placement, Slot, SlotCounters};
use firmware_abi::key::{Direction, FlowKey};
use firmware_abi::limits::{EniFlags, EniLimits};
use firmware_abi::ring::RingId;

/// Shadow changes that an insert with all its moves makes.
const INSERT_CHANGES: usize = 1 + 2 * MOVES_MAX;
/// Commands that it takes.
const INSERT_COMMANDS: u32 = 1 + 2 * MOVES_MAX as u32;
/// Slots are asked about in multiples of this many.
pub(super) const ACTIVITY_SLOTS: u32 = 512;

/// What became of a wish to insert a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offload {
    /// The flow has a slot; residents were moved as the placement says.
    Placed(Placement),
    /// No place within two moves.
    Full,
    /// The ENI has all the slots that it may have.
    OverQuota,
    /// The command ring is full, or the transaction: commit, and try again later.
    NoRoom,
}

/// What became of a wish to remove a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Removal {
    /// The NIC is told; [`crate::CommandEvent::Removed`] will come, after the record of what was counted.
    Asked(Cookie),
    /// The slot holds no flow that could be removed.
    NotThere,
    /// The command ring is full, or the transaction: commit, and try again later.
    NoRoom,
}

impl<D: Device> Driver<D> {
    /// Asks the cache for what an insert will look at.
    #[inline(always)]
    pub fn prefetch_buckets(&self, direction: Direction, buckets: [u32; 2]) {
        self.slots.prefetch(direction, buckets);
    }

    /// Gives the flow `key` (with its action) a slot. `key_of` gives key and action of any flow that
    /// has a slot, in case it has to move; after a move its slot is another.
    ///
    /// # Errors
    /// When the NIC broke a rule of the command ring.
    #[inline]
    pub fn insert(
        &mut self,
        key: FlowKey,
        cookie: Cookie,
        buckets: [u32; 2],
        key_of: impl Fn(Cookie) -> Option<FlowKey>,
    ) -> Result<Offload, RingFault> {
        let (direction, vport) = (key.port.direction(), key.port.vport());
        // The NIC's word, as it came with the punt.
        if !self.slots.has_buckets(buckets) {
            self.faults.rings += 1;
            return Ok(Offload::Full);
        }
        if !self.slots.is_within_quota(direction, vport) {
            return Ok(Offload::OverQuota);
        }
        if !self.has_room(INSERT_COMMANDS, INSERT_CHANGES)? {
            return Ok(Offload::NoRoom);
        }
        let Some(placement) = self.slots.plan(direction, buckets) else { return Ok(Offload::Full) };
        if !placement.moves.is_empty() && !self.make_moves(direction, &placement, key_of) {
            self.slots.reject(direction);
            return Ok(Offload::Full);
        }
        self.slots.occupy(direction, placement.slot, cookie, buckets, vport);
        self.commands.insert(placement.slot, key, cookie);
        Ok(Offload::Placed(placement))
    }

    /// Makes the moves, if the keys of all who move are known.
    #[cold]
    fn make_moves(
        &mut self,
        direction: Direction,
        placement: &Placement,
        key_of: impl Fn(Cookie) -> Option<FlowKey>,
    ) -> bool {
        if placement.moves.iter().any(|step| key_of(step.cookie).is_none()) {
            return false;
        }
        for step in placement.moves.iter() {
            let Some(key) = key_of(step.cookie) else { return false };
            self.slots.shift(direction, step);
            self.commands.insert(step.to, key, step.cookie);
            self.commands.delete(step.from, key, step.cookie);
        }
        true
    }

    #[inline]
    fn has_room(&mut self, commands: u32, changes: usize) -> Result<bool, RingFault> {
        if self.arena.room::<u64>() < changes {
            return Ok(false);
        }
        let result = self.commands.ring.reserve(commands);
        self.count(result)
    }

    /// Gives the flow in `slot` the action in `key` and the number `cookie`; what it had counted comes
    /// as a record with the old ones.
    ///
    /// # Errors
    /// [`NoRoom`] when the command ring or the transaction is full: commit, and try again later.
    pub fn update(&mut self, slot: Slot, key: FlowKey, cookie: Cookie) -> Result<(), NoRoom> {
        self.reserve_commands(1)?;
        self.slots.rename(key.port.direction(), slot, cookie);
        self.commands.update(slot, key, cookie);
        Ok(())
    }

    /// Removes the flow `key` from `slot`; what it had counted comes as a record.
    ///
    /// # Errors
    /// When the NIC broke a rule of the command ring.
    pub fn remove(&mut self, slot: Slot, key: FlowKey) -> Result<Removal, RingFault> {
        if !self.has_room(1, 1)? {
            return Ok(Removal::NoRoom);
        }
        let Some(cookie) = self.slots.leave(key.port.direction(), slot) else { return Ok(Removal::NotThere) };
        self.commands.delete(slot, key, cookie);
        Ok(Removal::Asked(cookie))
    }

    /// Configures an ENI, and the slot quota that placement keeps to. The NIC is told one slot more:
    /// a flow that moves holds two for a moment.
    ///
    /// # Errors
    /// [`NoRoom`] when the command ring is full: commit, and try again later.
    pub fn set_eni(&mut self, vport: u16, mut limits: EniLimits, flags: EniFlags) -> Result<(), NoRoom> {
        self.reserve_commands(1)?;
        self.set_quota(vport, limits.slot_quota);
        if limits.slot_quota != 0 {
            limits.slot_quota = limits.slot_quota.saturating_add(1);
        }
        self.commands.set_eni(vport, limits, flags);
        Ok(())
    }

    /// Sets the quota that placement keeps to, after a re-attach; 0 means none.
    pub fn set_quota(&mut self, vport: u16, slot_quota: u32) {
        self.slots.set_quota(vport, if slot_quota == 0 { u32::MAX } else { slot_quota });
    }

    /// Asks for the activity bits of a table: [`crate::CommandEvent::ActivityRead`] will come.
    ///
    /// # Errors
    /// [`NoRoom`] when the command ring is full: commit, and try again later.
    pub fn request_activity(&mut self, direction: Direction) -> Result<(), NoRoom> {
        self.reserve_commands(1)?;
        let slots = (1 << self.slots.slots_log2()).max(ACTIVITY_SLOTS);
        self.commands.read_activity(direction, slots, self.activity[direction.index()].iova().0);
        Ok(())
    }

    /// The activity bits that were read last: bit *b* of word *w* is slot 64·*w* + *b*.
    pub fn activity(&self, direction: Direction) -> impl Iterator<Item = u64> + '_ {
        let bitmap = &self.activity[direction.index()];
        (0..bitmap.bytes()).step_by(8).map(|offset| bitmap.load(offset))
    }

    /// Asks to be told when all commands so far have taken effect: [`crate::CommandEvent::Fenced`].
    ///
    /// # Errors
    /// [`NoRoom`] when the command ring is full: commit, and try again later.
    pub fn fence(&mut self) -> Result<Fence, NoRoom> {
        self.reserve_commands(1)?;
        Ok(self.commands.fence())
    }

    pub(super) fn reserve_commands(&mut self, commands: u32) -> Result<(), NoRoom> {
        match self.has_room(commands, INSERT_CHANGES) {
            Ok(true) => Ok(()),
            Ok(false) | Err(_) => Err(NoRoom { ring: RingId::Command }),
        }
    }

    /// The flow that a slot holds, if it is not about to lose it.
    #[must_use]
    pub fn flow_in(&self, direction: Direction, slot: Slot) -> Option<Cookie> {
        let shadow = self.slots.shadow(direction, slot);
        shadow.cookie().filter(|_| !shadow.is_leaving())
    }

    /// How full a table is.
    #[must_use]
    #[inline]
    pub fn fill(&self, direction: Direction) -> Fill {
        let counters = self.slots.counters(direction);
        Fill { occupied: counters.occupied + counters.leaving, slots: 1 << self.slots.slots_log2() }
    }

    /// The counters of a table.
    #[must_use]
    pub fn slot_counters(&self, direction: Direction) -> SlotCounters {
        self.slots.counters(direction)
    }

    /// Slots that the flows of a virtual port hold, in both directions.
    #[must_use]
    pub fn slots_used_by(&self, vport: u16) -> u32 {
        self.slots.used_by(vport)
    }
}
