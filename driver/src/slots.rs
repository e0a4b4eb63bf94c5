//! Which flow is in which slot: the host chooses, the NIC obeys.
//!
//! ```text
//!   hash ─▶ bucket of 8 in the lower half ─┐  the one with more room takes the flow; if both are
//!       └─▶ bucket of 8 in the upper half ─┘  full, a resident moves to its other bucket (≤ 2 moves)
//! ```
//!
//! - The shadow of a slot is eight bytes, a bucket one cache line, so looking at a bucket costs one miss.
//! - It lives in the arena: it changes in the same transaction as the commands that make it true, so
//!   after a crash shadow and ring agree. What is counted here (occupancy, quotas) is counted anew
//!   from it at each attach.
//! - A slot that was removed by itself is **leaving** until the NIC has confirmed the DELETE, and takes
//!   no flow. A slot that a move vacates is given on at once: commands take effect in ring order.

use crate::device::Device;
use crate::table::{Arena, ArenaError, Table};
use firmware_abi::hash::{WAYS, first_slot};
use firmware_abi::key::Direction;
use serde::{Deserialize, Serialize};
use zerocopy::{FromBytes, Immutable, IntoBytes};

const WAYS_PER_BUCKET: usize = WAYS as usize;
/// Residents that are moved for one newcomer at most.
pub const MOVES_MAX: usize = 2;
/// Virtual ports that a shadow can name.
pub(crate) const VPORTS: usize = 1 << 12;

/// The host's number of a flow, which the NIC returns in each of its records: 0 to [`Cookie::MAX`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Cookie(pub u32);

impl Cookie {
    /// The largest.
    pub const MAX: u32 = (1 << 31) - 2;
}

/// A slot of the flow table, within its direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Slot(pub u32);

/// What the host knows of a slot.
#[derive(Clone, Copy, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C, align(8))]
pub(crate) struct Shadow {
    /// 0 if empty, else the cookie + 1; the top bit says that the slot is leaving.
    tag: u32,
    /// Bits 0 to 19: the flow's other bucket; bits 20 to 31: its virtual port.
    place: u32,
}

const LEAVING: u32 = 1 << 31;
const BUCKET_BITS: u32 = 20;

impl Shadow {
    fn of(cookie: Cookie, other_bucket: u32, vport: u16) -> Self {
        assert!(cookie.0 <= Cookie::MAX, "a cookie fits the shadow");
        Self { tag: cookie.0 + 1, place: other_bucket | u32::from(vport) << BUCKET_BITS }
    }

    pub(crate) fn is_empty(self) -> bool {
        self.tag == 0
    }

    pub(crate) fn is_leaving(self) -> bool {
        self.tag & LEAVING != 0
    }

    /// The flow that the slot holds or is losing.
    pub(crate) fn cookie(self) -> Option<Cookie> {
        (self.tag & !LEAVING).checked_sub(1).map(Cookie)
    }

    fn other_bucket(self) -> u32 {
        self.place & ((1 << BUCKET_BITS) - 1)
    }

    pub(crate) fn vport(self) -> u16 {
        (self.place >> BUCKET_BITS) as u16
    }
}

type Bucket = [Shadow; WAYS_PER_BUCKET];

fn is_resident(shadow: Shadow) -> bool {
    !shadow.is_empty() && !shadow.is_leaving()
}

/// A resident that goes to its other bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Move {
    /// Whose slot it is.
    pub cookie: Cookie,
    /// The slot that it leaves.
    pub from: Slot,
    /// The slot that it takes.
    pub to: Slot,
}

/// Up to [`MOVES_MAX`] moves, in the order in which they are made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moves([Option<Move>; MOVES_MAX]);

impl Moves {
    /// The moves.
    pub fn iter(&self) -> impl Iterator<Item = Move> + '_ {
        self.0.iter().flatten().copied()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.iter().count()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0[0].is_none()
    }
}

/// Where a flow can go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placement {
    /// The slot, free once the moves are made.
    pub slot: Slot,
    /// Residents that have to move first.
    pub moves: Moves,
}

/// The state of one direction's table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlotCounters {
    /// Slots that hold a flow.
    pub occupied: u32,
    /// Slots that wait for the NIC to confirm their removal.
    pub leaving: u32,
    /// Flows that were moved for another, since attach.
    pub moves: u64,
    /// Flows for which no place was found, since attach.
    pub rejected: u64,
    /// Flows that their ENI's quota kept out, since attach.
    pub over_quota: u64,
}

/// The shadow of both directions' tables.
pub(crate) struct Slots<D: Device> {
    tables: [Table<Shadow, D>; 2],
    slots_log2: u32,
    counters: [SlotCounters; 2],
    used: Vec<u32>,
    quotas: Vec<u32>,
}

/// Bytes of the arena that the shadows take.
pub(crate) const fn arena_bytes(slots_log2: u32) -> usize {
    2 * crate::table::table_bytes::<Shadow>(1 << slots_log2)
}

impl<D: Device> Slots<D> {
    pub(crate) fn attach(arena: &Arena<D>, slots_log2: u32) -> Result<Self, ArenaError> {
        let length = 1_usize << slots_log2;
        let tables = [arena.table("slots-ingress", length)?, arena.table("slots-egress", length)?];
        let counters = [SlotCounters::default(); 2];
        let mut slots = Self { tables, slots_log2, counters, used: vec![0; VPORTS], quotas: vec![u32::MAX; VPORTS] };
        for direction in Direction::ALL {
            for number in 0..length as u32 {
                let shadow = slots.shadow(direction, Slot(number));
                let counters = &mut slots.counters[direction.index()];
                counters.occupied += u32::from(is_resident(shadow));
                counters.leaving += u32::from(shadow.is_leaving());
                slots.used[usize::from(shadow.vport())] += u32::from(is_resident(shadow));
            }
        }
        Ok(slots)
    }

    pub(crate) fn slots_log2(&self) -> u32 {
        self.slots_log2
    }

    pub(crate) fn shadow(&self, direction: Direction, slot: Slot) -> Shadow {
        self.tables[direction.index()].get(slot.0 as usize)
    }

    pub(crate) fn counters(&self, direction: Direction) -> SlotCounters {
        self.counters[direction.index()]
    }

    pub(crate) fn used_by(&self, vport: u16) -> u32 {
        self.used[usize::from(vport)]
    }

    pub(crate) fn set_quota(&mut self, vport: u16, slots: u32) {
        self.quotas[usize::from(vport)] = slots;
    }

    /// Whether the port may have one slot more; counted if not.
    pub(crate) fn is_within_quota(&mut self, direction: Direction, vport: u16) -> bool {
        let within = self.used_by(vport) < self.quotas[usize::from(vport)];
        self.counters[direction.index()].over_quota += u64::from(!within);
        within
    }

    /// Whether there are such buckets in the two halves.
    #[inline]
    pub(crate) fn has_buckets(&self, buckets: [u32; 2]) -> bool {
        let each_half = (1 << (self.slots_log2 - 1)) / WAYS;
        buckets.iter().all(|bucket| *bucket < each_half)
    }

    /// Asks the cache for both buckets.
    #[inline(always)]
    pub(crate) fn prefetch(&self, direction: Direction, buckets: [u32; 2]) {
        for (half, bucket) in (0..).zip(buckets) {
            self.tables[direction.index()].prefetch(first_slot(half, bucket, self.slots_log2) as usize);
        }
    }

    #[inline(always)]
    fn bucket(&self, direction: Direction, first: u32) -> Bucket {
        self.tables[direction.index()].get_array(first as usize)
    }

    /// The first slot of the bucket to which the resident of `slot` may move.
    #[inline]
    fn other_first(&self, slot: u32, shadow: Shadow) -> u32 {
        let half = slot >> (self.slots_log2 - 1);
        first_slot(half ^ 1, shadow.other_bucket(), self.slots_log2)
    }

    /// A place for a flow with these buckets; counted if there is none. Nothing changes yet.
    #[inline]
    pub(crate) fn plan(&mut self, direction: Direction, buckets: [u32; 2]) -> Option<Placement> {
        let first = [0, 1].map(|half| first_slot(half, buckets[half as usize], self.slots_log2));
        let both = first.map(|first| self.bucket(direction, first));
        let free = both.map(|bucket| bucket.iter().filter(|shadow| shadow.is_empty()).count());
        if free != [0, 0] {
            let half = usize::from(free[1] > free[0]);
            let way = both[half].iter().position(|shadow| shadow.is_empty()).unwrap_or(0);
            return Some(Placement { slot: Slot(first[half] + way as u32), moves: Moves::default() });
        }
        let placement =
            self.plan_one_move(direction, first, &both).or_else(|| self.plan_two_moves(direction, first, &both));
        if placement.is_none() {
            self.reject(direction);
        }
        placement
    }

    /// Counts a flow for which there is no place.
    pub(crate) fn reject(&mut self, direction: Direction) {
        self.counters[direction.index()].rejected += 1;
    }

    fn residents(first: u32, bucket: Bucket) -> impl Iterator<Item = (u32, Shadow)> {
        (first..).zip(bucket).filter(|(_, shadow)| is_resident(*shadow))
    }

    /// A free slot to which the resident of `slot` can move.
    fn free_beside(&self, direction: Direction, slot: u32, shadow: Shadow) -> Option<Move> {
        let first = self.other_first(slot, shadow);
        let way = self.bucket(direction, first).iter().position(|shadow| shadow.is_empty())?;
        Some(Move { cookie: shadow.cookie()?, from: Slot(slot), to: Slot(first + way as u32) })
    }

    #[cold]
    fn plan_one_move(&self, direction: Direction, first: [u32; 2], both: &[Bucket; 2]) -> Option<Placement> {
        let residents = || (0..2).flat_map(|half| Self::residents(first[half], both[half]));
        for (slot, shadow) in residents() {
            self.tables[direction.index()].prefetch(self.other_first(slot, shadow) as usize);
        }
        let step = residents().find_map(|(slot, shadow)| self.free_beside(direction, slot, shadow))?;
        Some(Placement { slot: step.from, moves: Moves([Some(step), None]) })
    }

    #[cold]
    fn plan_two_moves(&self, direction: Direction, first: [u32; 2], both: &[Bucket; 2]) -> Option<Placement> {
        for (slot, shadow) in (0..2).flat_map(|half| Self::residents(first[half], both[half])) {
            let middle = self.other_first(slot, shadow);
            for (second, second_shadow) in Self::residents(middle, self.bucket(direction, middle)) {
                let Some(outer) = self.free_beside(direction, second, second_shadow) else { continue };
                let inner = Move { cookie: shadow.cookie()?, from: Slot(slot), to: outer.from };
                return Some(Placement { slot: inner.from, moves: Moves([Some(outer), Some(inner)]) });
            }
        }
        None
    }

    /// Notes that `cookie` holds the empty `slot`; `buckets` are its flow's.
    #[inline]
    pub(crate) fn occupy(&mut self, direction: Direction, slot: Slot, cookie: Cookie, buckets: [u32; 2], vport: u16) {
        let half = slot.0 >> (self.slots_log2 - 1);
        let shadow = Shadow::of(cookie, buckets[half as usize ^ 1], vport);
        self.tables[direction.index()].set(slot.0 as usize, shadow);
        self.counters[direction.index()].occupied += 1;
        self.used[usize::from(vport)] += 1;
    }

    /// Notes a move: the resident of `from` holds the empty `to`, and `from` is empty.
    pub(crate) fn shift(&mut self, direction: Direction, step: Move) {
        let table = &self.tables[direction.index()];
        let old = table.get(step.from.0 as usize);
        let bucket_of = |slot: u32| (slot & ((1 << (self.slots_log2 - 1)) - 1)) / WAYS;
        let shadow = Shadow::of(step.cookie, bucket_of(step.from.0), old.vport());
        table.set(step.to.0 as usize, shadow);
        table.set(step.from.0 as usize, Shadow::default());
        self.counters[direction.index()].moves += 1;
    }

    /// Notes that the flow in `slot` is now `cookie`.
    pub(crate) fn rename(&mut self, direction: Direction, slot: Slot, cookie: Cookie) {
        let shadow = self.shadow(direction, slot);
        if is_resident(shadow) && shadow.cookie() != Some(cookie) {
            let renamed = Shadow::of(cookie, shadow.other_bucket(), shadow.vport());
            self.tables[direction.index()].replace(slot.0 as usize, shadow, renamed);
        }
    }

    /// Notes that the NIC was told to empty `slot`, if a flow is there; returns whose it was.
    pub(crate) fn leave(&mut self, direction: Direction, slot: Slot) -> Option<Cookie> {
        let shadow = self.shadow(direction, slot);
        if !is_resident(shadow) {
            return None;
        }
        let leaving = Shadow { tag: shadow.tag | LEAVING, ..shadow };
        self.tables[direction.index()].replace(slot.0 as usize, shadow, leaving);
        let counters = &mut self.counters[direction.index()];
        counters.occupied -= 1;
        counters.leaving += 1;
        self.used[usize::from(shadow.vport())] -= 1;
        shadow.cookie()
    }

    /// Notes that the NIC has emptied `slot` of `cookie`, if that is what it waits for.
    pub(crate) fn left(&mut self, direction: Direction, slot: Slot, cookie: Cookie) {
        let shadow = self.shadow(direction, slot);
        if shadow.is_leaving() && shadow.cookie() == Some(cookie) {
            self.tables[direction.index()].replace(slot.0 as usize, shadow, Shadow::default());
            self.counters[direction.index()].leaving -= 1;
        }
    }

    /// Notes that `cookie` did not get into `slot` after all.
    pub(crate) fn refused(&mut self, direction: Direction, slot: Slot, cookie: Cookie) {
        let shadow = self.shadow(direction, slot);
        if is_resident(shadow) && shadow.cookie() == Some(cookie) {
            self.tables[direction.index()].replace(slot.0 as usize, shadow, Shadow::default());
            self.counters[direction.index()].occupied -= 1;
            self.used[usize::from(shadow.vport())] -= 1;
        }
    }
}
