//! The flow table of one engine: two halves of eight-way buckets, and slots whose number the host chose.
//!
//! ```text
//!   hash ─▶ bucket of half 0: 8 tags ─┐
//!       └─▶ bucket of half 1: 8 tags ─┴─▶ candidates ─▶ compare the whole key ─▶ slot
//! ```
//!
//! The hardware reads all 16 keys of both buckets in one cycle. The model keeps 16-bit tags beside
//! them, so that it touches one key at most; the result is the same.
//! Where a key lies in two slots (a host moving it), the lower half wins, then the lower way.

use crate::hash::Hashed;
use crate::memory::Memory;
use crate::prefetch::prefetch;
use firmware_abi::hash::{WAYS, buckets, first_slot};
use firmware_abi::key::{FlowKey, SlotAction};
use zerocopy::{FromBytes, Immutable, IntoBytes};

const WAYS_USIZE: usize = WAYS as usize;

/// One slot: a key with its action, and the host's cookie.
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable)]
#[repr(C, align(64))]
pub struct Slot {
    /// The compared bits.
    pub identity: [u64; 5],
    /// The host's number of the flow.
    pub cookie: u32,
    /// What to do with a hit.
    pub action: u8,
    /// 1 if it is in use.
    valid: u8,
    /// To a cache line.
    reserved: [u8; 18],
}

impl Slot {
    /// The key with the action in its place.
    #[must_use]
    pub fn key(&self) -> FlowKey {
        let mut key = FlowKey::from_words(self.identity);
        key.port.set_action_bits(self.action);
        key
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

/// The table of one engine.
#[derive(Debug)]
pub struct Lookup {
    slots_log2: u32,
    tags: Memory<Row>,
    slots: Memory<Slot>,
    occupied: u32,
    high_water: u32,
    /// Counts flows that came, so that what was not found ahead can be told to be still missing.
    inserts: u32,
    /// Counts what may make another slot the first with a key.
    reorders: u32,
}

/// What [`Lookup::ahead`] found.
#[derive(Clone, Copy, Debug)]
pub struct Ahead {
    slot: u32,
    inserts: u32,
    reorders: u32,
}

impl Default for Ahead {
    fn default() -> Self {
        Self { slot: u32::MAX, inserts: 0, reorders: 0 }
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
            tags: Memory::zeroed(slots / WAYS_USIZE),
            slots: Memory::zeroed(slots),
            occupied: 0,
            high_water: 0,
            inserts: 0,
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

    /// Asks for the tags of a key.
    #[inline]
    pub fn prefetch_tags(&self, hashed: &Hashed) {
        for row in self.rows(hashed.hash) {
            if let Some(tags) = self.tags.get(row) {
                prefetch(tags);
            }
        }
    }

    /// The first slot whose tag fits, and asks for it.
    #[inline]
    #[must_use]
    pub fn ahead(&self, hashed: &Hashed) -> Ahead {
        for row in self.rows(hashed.hash) {
            let Some(tags) = self.tags.get(row) else { break };
            let ways = matching(tags, hashed.tag);
            if ways != 0 {
                let slot = row * WAYS_USIZE + ways.trailing_zeros() as usize;
                if let Some(slot) = self.slots.get(slot) {
                    prefetch(slot);
                }
                return Ahead { slot: slot as u32, inserts: self.inserts, reorders: self.reorders };
            }
        }
        Ahead { slot: u32::MAX, inserts: self.inserts, reorders: self.reorders }
    }

    /// The slot that holds a key, given what was found ahead.
    #[inline]
    #[must_use]
    pub fn find_ahead(&self, hashed: &Hashed, ahead: Ahead) -> Option<(u32, SlotAction)> {
        match ahead.slot() {
            None if ahead.inserts == self.inserts => None,
            Some(slot) if ahead.reorders == self.reorders => match self.slots.get(slot as usize) {
                Some(found) if found.identity == hashed.identity => Some((slot, found.action())),
                _ => self.find(hashed),
            },
            _ => self.find(hashed),
        }
    }

    /// The slot that holds a key.
    #[inline]
    #[must_use]
    pub fn find(&self, hashed: &Hashed) -> Option<(u32, SlotAction)> {
        for row in self.rows(hashed.hash) {
            let mut ways = matching(self.tags.get(row)?, hashed.tag);
            while ways != 0 {
                let number = row * WAYS_USIZE + ways.trailing_zeros() as usize;
                let slot = self.slots.get(number)?;
                if slot.identity == hashed.identity {
                    return Some((number as u32, slot.action()));
                }
                ways &= ways - 1;
            }
        }
        None
    }

    /// A slot by number.
    #[must_use]
    pub fn slot(&self, slot: u32) -> Option<&Slot> {
        self.slots.get(slot as usize)
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
        let place = slot as usize;
        // A flow that moves has two slots for a moment; the first of them counts.
        if self.find(hashed).is_some() {
            self.reorders = self.reorders.wrapping_add(1);
        }
        self.slots[place] = Slot { identity: hashed.identity, cookie, action, valid: 1, reserved: [0; 18] };
        set_tag(&mut self.tags[place / WAYS_USIZE], place % WAYS_USIZE, hashed.tag);
        self.occupied += 1;
        self.inserts = self.inserts.wrapping_add(1);
        self.high_water = self.high_water.max(self.occupied);
    }

    /// Changes what a slot in use does.
    pub fn update(&mut self, slot: u32, action: u8, cookie: u32) {
        let entry = &mut self.slots[slot as usize];
        entry.action = action;
        entry.cookie = cookie;
    }

    /// Empties a slot in use.
    pub fn remove(&mut self, slot: u32) {
        let place = slot as usize;
        self.slots[place] = Slot::default();
        set_tag(&mut self.tags[place / WAYS_USIZE], place % WAYS_USIZE, 0);
        self.occupied -= 1;
        self.reorders = self.reorders.wrapping_add(1);
    }
}

/// A bit for each way whose tag is `tag`, the lowest one certainly, those above it at least.
///
/// The tags of a row lie in two words of four. A word XORed with the tag has a zero where they are
/// equal, and `(x - 1) & !x` has the top bit of the lowest zero lane set; a lane above it may be a
/// false alarm, which the comparison of the whole key finds out.
#[inline]
fn matching(row: &Row, tag: u16) -> u32 {
    const ONES: u64 = 0x0001_0001_0001_0001;
    const TOPS: u64 = 0x8000_8000_8000_8000;
    // Moves bit 15 of lane n to bit 48 + n.
    const GATHER: u64 = 1 << 48 | 1 << 33 | 1 << 18 | 1 << 3;
    let wanted = ONES * u64::from(tag);
    let [low, high] = row.map(|tags| {
        let differing = tags ^ wanted;
        let equal = differing.wrapping_sub(ONES) & !differing & TOPS;
        ((equal >> 15).wrapping_mul(GATHER) >> 48) as u32 & 0xf
    });
    low | high << 4
}

/// The eight tags of a bucket, the first in the lowest bits.
type Row = [u64; WAYS_USIZE / 4];

/// Sets the tag of a way.
fn set_tag(row: &mut Row, way: usize, tag: u16) {
    let shift = way % 4 * 16;
    let word = &mut row[way / 4];
    *word = *word & !(0xffff << shift) | u64::from(tag) << shift;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_way_with_a_tag_is_found_whatever_lies_around_it() {
        for way in 0..WAYS_USIZE {
            for neighbour in [0, 1, 0x8000, 0x8001, 0xfffe, 0xffff] {
                let tag = 0x8000;
                let mut row = Row::default();
                (0..WAYS_USIZE).for_each(|other| set_tag(&mut row, other, neighbour));
                (0..way).for_each(|other| set_tag(&mut row, other, 0x8abc));
                set_tag(&mut row, way, tag);
                let ways = matching(&row, tag);
                assert_eq!(ways.trailing_zeros() as usize, way, "neighbour {neighbour:#x}");
            }
        }
        assert_eq!(matching(&Row::default(), 0x8000), 0);
    }
}
