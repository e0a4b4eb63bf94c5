//! The flow table of one engine: two halves of eight-way buckets, and slots whose number the host chose.
//!
//! ```text
//!   hash ─▶ bucket of half 0: 8 tags ─┐
//!       └─▶ bucket of half 1: 8 tags ─┴─▶ candidates ─▶ compare the whole key ─▶ slot
//! ```
//!
//! The hardware reads all 16 keys of both buckets in one cycle. The model keeps a byte of tag for each
//! beside them, so that it hardly ever touches more than one key; the result is the same.
//! Where a key lies in two slots (a host moving it), the lower half wins, then the lower way.

use crate::hash::Hashed;
use crate::memory::Memory;
use crate::prefetch::prefetch;
use firmware_abi::hash::{WAYS, buckets, first_slot};
use firmware_abi::key::{FlowKey, SlotAction};
use zerocopy::little_endian::{U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// One slot, a cache line: a key with its action, and the host's cookie.
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct Slot {
    identity: [U64; 5],
    cookie: U32,
    action: u8,
    valid: u8,
    reserved: [u8; 18],
}

const _: () = assert!(size_of::<Slot>() == 64);

impl Slot {
    fn new(identity: [u64; 5], cookie: u32, action: u8) -> Self {
        Self { identity: identity.map(U64::new), cookie: U32::new(cookie), action, valid: 1, reserved: [0; 18] }
    }

    /// The compared bits.
    #[inline]
    #[must_use]
    pub fn identity(&self) -> [u64; 5] {
        self.identity.map(U64::get)
    }

    /// Whether it holds this key.
    #[inline]
    fn holds(&self, identity: &[u64; 5]) -> bool {
        self.identity().iter().zip(identity).fold(0, |differing, (ours, theirs)| differing | (ours ^ theirs)) == 0
    }

    /// The key with the action in its place.
    #[must_use]
    pub fn key(&self) -> FlowKey {
        let mut key = FlowKey::from_words(self.identity());
        key.port.set_action_bits(self.action);
        key
    }

    /// The host's number of the flow.
    #[must_use]
    pub fn cookie(&self) -> u32 {
        self.cookie.get()
    }

    /// Whether it is in use.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        self.valid != 0
    }

    /// The action.
    #[must_use]
    pub fn action(&self) -> SlotAction {
        SlotAction::from_bits(self.action)
    }
}

/// Tags that the processor's second cache holds anyway need not be asked for.
const TAGS_NEAR: usize = (256 << 10) / size_of::<u64>();

/// The table of one engine.
#[derive(Debug)]
pub struct Lookup {
    slots_log2: u32,
    /// The tags of each bucket, the first way in the lowest byte; 0 where no slot is in use.
    tags: Vec<u64>,
    slots: Memory<Slot>,
    occupied: u32,
    high_water: u32,
    /// A bit of 64 for the hash of each flow that came since [`Self::look_ahead`], so that most of what
    /// was not found ahead can be told to be still missing.
    arrivals: u64,
    /// Counts what may make another slot the first with a key.
    reorders: u32,
}

/// What [`Lookup::ahead`] found. It holds until [`Lookup::look_ahead`].
#[derive(Clone, Copy, Debug)]
pub struct Ahead {
    slot: u32,
    reorders: u32,
}

impl Default for Ahead {
    fn default() -> Self {
        Self { slot: u32::MAX, reorders: 0 }
    }
}

impl Ahead {
    /// The slot whose tag fits, if any.
    #[must_use]
    pub fn slot(&self) -> Option<u32> {
        (self.slot != u32::MAX).then_some(self.slot)
    }
}

impl Lookup {
    /// An empty table of `2^slots_log2` slots.
    #[must_use]
    pub fn new(slots_log2: u32) -> Self {
        let slots = 1usize << slots_log2;
        Self {
            slots_log2,
            tags: vec![0; slots / WAYS as usize],
            slots: Memory::zeroed(slots),
            occupied: 0,
            high_water: 0,
            arrivals: 0,
            reorders: 0,
        }
    }

    /// Number of slots.
    #[must_use]
    pub fn len(&self) -> u32 {
        1 << self.slots_log2
    }

    /// Whether no slot is in use.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.occupied == 0
    }

    /// Slots in use now, and at most.
    #[must_use]
    pub fn occupancy(&self) -> (u32, u32) {
        (self.occupied, self.high_water)
    }

    /// The rows of tags of a key's two buckets.
    #[inline]
    fn rows(&self, hash: u64) -> [usize; 2] {
        let [low, high] = buckets(hash, self.slots_log2);
        [low as usize, self.tags.len() / 2 + high as usize]
    }

    /// The ways of a row whose tag fits; see [`matching`].
    #[inline]
    fn ways(&self, row: usize, hashed: &Hashed) -> u64 {
        self.tags.get(row).map_or(0, |tags| matching(*tags, hashed.tag()))
    }

    /// Whether it helps to ask for tags ahead.
    #[inline]
    #[must_use]
    pub fn is_far(&self) -> bool {
        self.tags.len() > TAGS_NEAR
    }

    /// Asks for the tags of a key.
    #[inline]
    pub fn prefetch_tags(&self, hash: u64) {
        for row in self.rows(hash) {
            if let Some(tags) = self.tags.get(row) {
                prefetch(tags);
            }
        }
    }

    /// What was found ahead until now is not asked for again.
    #[inline]
    pub fn look_ahead(&mut self) {
        self.arrivals = 0;
    }

    /// The first slot whose tag fits, and asks for it.
    #[inline]
    #[must_use]
    pub fn ahead(&self, hashed: &Hashed) -> Ahead {
        let [low, high] = self.rows(hashed.hash);
        let (mut row, mut ways) = (low, self.ways(low, hashed));
        if ways == 0 {
            (row, ways) = (high, self.ways(high, hashed));
        }
        let mut slot = u32::MAX;
        if ways != 0 {
            slot = first_way(row, ways);
            prefetch(&self.slots[slot]);
        }
        Ahead { slot, reorders: self.reorders }
    }

    /// The slot that holds a key, given what was found ahead.
    #[inline]
    #[must_use]
    pub fn find_ahead(&self, hashed: &Hashed, ahead: Ahead) -> Option<(u32, SlotAction)> {
        match ahead.slot() {
            None if self.arrivals & arrival(hashed.hash) == 0 => return None,
            Some(slot) if ahead.reorders == self.reorders => {
                let found = &self.slots[slot];
                if found.holds(&hashed.identity) {
                    return Some((slot, found.action()));
                }
            }
            _ => {}
        }
        self.find(hashed)
    }

    /// The slot that holds a key.
    #[must_use]
    pub fn find(&self, hashed: &Hashed) -> Option<(u32, SlotAction)> {
        for row in self.rows(hashed.hash) {
            let mut ways = self.ways(row, hashed);
            while ways != 0 {
                let number = first_way(row, ways);
                let slot = &self.slots[number];
                if slot.holds(&hashed.identity) {
                    return Some((number, slot.action()));
                }
                ways &= ways - 1;
            }
        }
        None
    }

    /// A slot by number.
    #[inline]
    #[must_use]
    pub fn slot(&self, slot: u32) -> Option<&Slot> {
        self.slots.get(slot)
    }

    /// Whether `slot` lies in one of the key's two buckets.
    #[must_use]
    pub fn belongs(&self, hash: u64, slot: u32) -> bool {
        let [low, high] = buckets(hash, self.slots_log2);
        let [low, high] = [first_slot(0, low, self.slots_log2), first_slot(1, high, self.slots_log2)];
        (low..low + WAYS).contains(&slot) || (high..high + WAYS).contains(&slot)
    }

    /// Fills an empty slot. The caller has checked that it exists, is empty and belongs to the key.
    pub fn insert(&mut self, slot: u32, hashed: &Hashed, action: u8, cookie: u32) {
        // A flow that moves has two slots for a moment; the first of them counts.
        if self.find(hashed).is_some() {
            self.reorders = self.reorders.wrapping_add(1);
        }
        self.set(slot, Slot::new(hashed.identity, cookie, action), hashed.tag());
        self.occupied += 1;
        self.arrivals |= arrival(hashed.hash);
        self.high_water = self.high_water.max(self.occupied);
    }

    /// Changes what a slot in use does.
    pub fn update(&mut self, slot: u32, action: u8, cookie: u32) {
        let entry = &mut self.slots[slot];
        entry.action = action;
        entry.cookie = U32::new(cookie);
    }

    /// Empties a slot in use.
    pub fn remove(&mut self, slot: u32) {
        self.set(slot, Slot::default(), 0);
        self.occupied -= 1;
        self.reorders = self.reorders.wrapping_add(1);
    }

    fn set(&mut self, slot: u32, value: Slot, tag: u8) {
        self.slots[slot] = value;
        let row = &mut self.tags[(slot / WAYS) as usize];
        *row = with_tag(*row, slot % WAYS, tag);
    }
}

/// The top bit of the byte of each way whose tag is `tag`: the lowest one certainly, those above it
/// at least.
///
/// A row XORed with the tag has a zero byte where they are equal, and `(x - 1) & !x` has the top bit
/// of the lowest zero byte set; a byte above it may be a false alarm, which the comparison of the
/// whole key finds out.
#[inline]
fn matching(row: u64, tag: u8) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const TOPS: u64 = 0x8080_8080_8080_8080;
    let differing = row ^ (ONES * u64::from(tag));
    differing.wrapping_sub(ONES) & !differing & TOPS
}

/// The bit of a hash in [`Lookup::arrivals`].
#[inline]
fn arrival(hash: u64) -> u64 {
    1 << (hash % 64)
}

/// The slot of the lowest way in `ways`, which is not 0.
#[inline]
fn first_way(row: usize, ways: u64) -> u32 {
    row as u32 * WAYS + ways.trailing_zeros() / 8
}

/// A row with the tag of a way set.
fn with_tag(row: u64, way: u32, tag: u8) -> u64 {
    let shift = way * 8;
    row & !(0xff << shift) | u64::from(tag) << shift
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_way_with_a_tag_is_found_whatever_lies_around_it() {
        for way in 0..WAYS {
            for neighbour in [0, 1, 0x7f, 0x81, 0xfe, 0xff] {
                let tag = 0x80;
                let mut row = (0..WAYS).fold(0, |row, other| with_tag(row, other, neighbour));
                row = (0..way).fold(row, |row, other| with_tag(row, other, 0xbc));
                row = with_tag(row, way, tag);
                assert_eq!(first_way(3, matching(row, tag)), 3 * WAYS + way, "neighbour {neighbour:#x}");
            }
        }
        assert_eq!(matching(0, 0x80), 0);
    }
}
