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
use crate::prefetch::prefetch;
use firmware_abi::hash::{WAYS, buckets, first_slot};
use firmware_abi::key::{FlowKey, SlotAction};

const WAYS_USIZE: usize = WAYS as usize;

/// One slot: a key with its action, and the host's cookie.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C, align(64))]
pub struct Slot {
    /// The compared bits.
    pub identity: [u64; 5],
    /// The host's number of the flow.
    pub cookie: u32,
    /// What to do with a hit.
    pub action: u8,
    /// In use.
    pub valid: bool,
}

impl Slot {
    /// The key with the action in its place.
    #[must_use]
    pub fn key(&self) -> FlowKey {
        let mut key = FlowKey::from_words(self.identity);
        key.port.set_action_bits(self.action);
        key
    }

    /// The action.
    #[must_use]
    pub fn action(&self) -> SlotAction {
        SlotAction::from_bits(self.action)
    }
}

/// The table of one engine.
#[derive(Clone, Debug)]
pub struct Lookup {
    slots_log2: u32,
    tags: Vec<[u16; WAYS_USIZE]>,
    slots: Vec<Slot>,
    occupied: u32,
    high_water: u32,
    /// Counts changes of the table, so that what was looked up ahead can be told to be still true.
    changes: u32,
}

/// What [`Lookup::ahead`] found.
#[derive(Clone, Copy, Debug)]
pub struct Ahead {
    slot: u32,
    changes: u32,
}

impl Default for Ahead {
    fn default() -> Self {
        Self { slot: u32::MAX, changes: 0 }
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
            tags: vec![[0; WAYS_USIZE]; slots / WAYS_USIZE],
            slots: vec![Slot::default(); slots],
            occupied: 0,
            high_water: 0,
            changes: 0,
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
                return Ahead { slot: slot as u32, changes: self.changes };
            }
        }
        Ahead { slot: u32::MAX, changes: self.changes }
    }

    /// The slot that holds a key, given what was found ahead.
    #[inline]
    #[must_use]
    pub fn find_ahead(&self, hashed: &Hashed, ahead: Ahead) -> Option<(u32, SlotAction)> {
        if ahead.changes == self.changes {
            // No tag fitted, and none has come.
            let slot = self.slots.get(ahead.slot()? as usize)?;
            if slot.identity == hashed.identity {
                return Some((ahead.slot, slot.action()));
            }
        }
        self.find(hashed)
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
        self.slots[place] = Slot { identity: hashed.identity, cookie, action, valid: true };
        self.tags[place / WAYS_USIZE][place % WAYS_USIZE] = hashed.tag;
        self.occupied += 1;
        self.changes = self.changes.wrapping_add(1);
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
        self.tags[place / WAYS_USIZE][place % WAYS_USIZE] = 0;
        self.occupied -= 1;
        self.changes = self.changes.wrapping_add(1);
    }
}

/// A bit for each way whose tag is `tag`.
#[inline]
fn matching(tags: &[u16; WAYS_USIZE], tag: u16) -> u32 {
    let mut ways = 0;
    for (way, found) in tags.iter().enumerate() {
        ways |= u32::from(*found == tag) << way;
    }
    ways
}
