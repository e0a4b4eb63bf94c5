//! The host's table of flows: one entry for each 5-tuple of an ENI and direction.
//!
//! ```text
//!   key ─hash─▶ index cell {hash 32, number + 1} ─▶ Flow, 64 bytes ─┬─ peer: the flow that answers it
//!                                                                   └─ sibling: the same key, the other action
//! ```
//!
//! A flow's number is the cookie of its slot and the place of its tallies. Its *sibling* exists only
//! to count: packets of one 5-tuple that met the other verdict in the same window are a record of
//! their own. Freed entries are chained through `peer`. The index is made anew by each process, so it
//! needs no undoing.

use crate::memory::{Cells, Memory};
use bitfield::bitfield;
use firmware_abi::hash::{h3, h3_lanes};
use firmware_abi::key::{FlowKey, SlotAction, protocol};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

bitfield! {
    /// What is known of a flow in bits.
    #[derive(Clone, Copy, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
    #[repr(transparent)]
    pub struct Marks(u8);
    impl Debug;
    u8;
    /// Its packets are refused.
    pub rejected, set_rejected: 0;
    /// The network ACL decided, not the security groups.
    pub by_acl, set_by_acl: 1;
    /// It opened a connection that the security groups remember.
    pub tracked, set_tracked: 2;
    /// It only counts for the flow `sibling`, under the other action.
    pub is_sibling, set_is_sibling: 3;
    /// Not captured: licence activation.
    pub excluded, set_excluded: 4;
    /// It would open a connection more than its instance may have.
    pub over_limit, set_over_limit: 5;
    /// In use.
    pub in_use, set_in_use: 6;
}

bitfield! {
    /// Small numbers of a flow.
    #[derive(Clone, Copy, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
    #[repr(transparent)]
    pub struct Progress(u8);
    impl Debug;
    u8;
    /// Packets that the host has seen, up to 31.
    pub seen, set_seen: 4, 0;
    /// A [`crate::record::TcpOpening`].
    pub opening, set_opening: 6, 5;
    /// The sibling's action is the one that holds now.
    pub turned, set_turned: 7;
}

/// One flow. `0` is "none" in `peer`, `slot` and `sibling`, which hold a number + 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C, align(8))]
pub struct Flow {
    /// The key; its `tcp_flags` byte holds [`Marks`], its action bits the [`Space`].
    pub key: FlowKey,
    /// The flow of the other direction, + 1. In a freed entry: the next one, + 1.
    pub peer: u32,
    /// Its slot in the NIC, + 1. Of ICMP, which has none: type << 24 | code << 16 | identifier.
    pub slot: u32,
    /// When the host last knew of a packet, Unix seconds.
    pub last_seen: u32,
    /// The rule that decided.
    pub rule: u32,
    /// The entry of the other action, + 1.
    pub sibling: u32,
    /// Low half of the policy's epoch when it was judged.
    pub epoch: u16,
    /// Packets seen, opening.
    pub progress: Progress,
    /// A [`crate::policy::ConnectionState`], of the flow that opened the connection.
    pub state: u8,
}

const _: () = assert!(size_of::<Flow>() == 64);

/// What an entry's key stands for; kept in the key's action bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Space {
    /// A flow with records: as [`FlowKey::plain`] leaves it.
    Flow = 0,
    /// An ICMP request that may be answered: ports hold its identifier and type.
    IcmpRequest = 2,
}

impl Flow {
    /// The marks.
    #[must_use]
    #[inline]
    pub fn marks(&self) -> Marks {
        Marks(self.key.tcp_flags)
    }

    /// Changes the marks.
    #[inline]
    pub fn mark(&mut self, change: impl FnOnce(&mut Marks)) {
        let mut marks = self.marks();
        change(&mut marks);
        self.key.tcp_flags = marks.0;
    }

    /// Its slot in the NIC.
    #[must_use]
    #[inline]
    pub fn slot(&self) -> Option<u32> {
        if self.is_icmp() { None } else { self.slot.checked_sub(1) }
    }

    /// Whether it is ICMP, whose flows never go to the NIC.
    #[must_use]
    #[inline]
    pub fn is_icmp(&self) -> bool {
        matches!(self.key.protocol, protocol::ICMP | protocol::ICMPV6)
    }

    /// What the NIC is to do with it.
    #[must_use]
    pub fn action(&self) -> SlotAction {
        let marks = self.marks();
        if marks.excluded() {
            SlotAction::NoLog
        } else if marks.rejected() {
            SlotAction::Reject
        } else {
            SlotAction::Accept
        }
    }

    /// The key as a command and a record bear it.
    #[must_use]
    pub fn hardware_key(&self) -> FlowKey {
        let mut key = self.key.plain();
        key.port.set_action_bits(self.action() as u8);
        key
    }
}

/// The table has no room for another flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlowTableFull {
    /// Flows that it holds.
    pub capacity: usize,
}

/// A flow's number: its place in the table, its cookie.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FlowId(pub u32);

impl FlowId {
    /// The place.
    #[must_use]
    #[inline]
    pub const fn index(self) -> usize {
        self.0 as usize
    }

    /// From a link, where 0 is none.
    #[must_use]
    #[inline]
    pub const fn from_link(link: u32) -> Option<Self> {
        if link == 0 { None } else { Some(Self(link - 1)) }
    }

    /// As a link.
    #[must_use]
    #[inline]
    pub const fn link(self) -> u32 {
        self.0 + 1
    }
}

/// Numbers of the table that outlive the process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
struct Heads {
    /// First freed entry, + 1.
    free: u32,
    /// Entries ever used.
    top: u32,
    /// Entries in use.
    used: u32,
    /// Not 0 once the index may hold something.
    indexed: u32,
}

/// The flows of a NIC.
pub struct Flows<M: Memory> {
    flows: M::Cells<Flow>,
    index: M::Cells<u64>,
    heads: M::Cells<Heads>,
    now: Heads,
    /// Entries ever used, as of the last commit.
    committed_top: u32,
    index_log2: u32,
}

/// A key's place in the index.
#[derive(Clone, Copy, Debug, Default)]
pub struct Hash(u32);

/// The compared bits: everything but the marks.
const KEY_MASK: u64 = 0xffff_00ff_ffff_ffff;

#[inline]
fn words(key: &FlowKey) -> [u64; 5] {
    let mut words = key.words();
    words[4] &= KEY_MASK;
    words
}

impl Hash {
    /// Of a key.
    #[must_use]
    #[inline]
    pub fn of(key: &FlowKey) -> Self {
        Self::spread(h3(&words(key)))
    }

    /// Fibonacci hashing over the linear hash, so that keys in an arithmetic row spread.
    #[inline]
    fn spread(linear: u64) -> Self {
        Self((linear.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as u32)
    }
}

/// The hashes of a flow's key and of the key that answers it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Hashes {
    /// Of the key.
    pub own: Hash,
    /// Of the other direction's.
    pub reversed: Hash,
}

impl Hashes {
    /// Of a key.
    #[must_use]
    pub fn of(key: &FlowKey) -> Self {
        Self { own: Hash::of(key), reversed: Hash::of(&key.reversed()) }
    }

    /// Of two keys, in lanes.
    #[must_use]
    #[inline]
    pub fn of_two(keys: [&FlowKey; 2]) -> [Self; 2] {
        let [first, second] = keys;
        let [a, b, c, d] =
            h3_lanes(&[words(first), words(&first.reversed()), words(second), words(&second.reversed())])
                .map(Hash::spread);
        [Self { own: a, reversed: b }, Self { own: c, reversed: d }]
    }
}

impl<M: Memory> Flows<M> {
    /// A table for `capacity` flows, at least 1.
    pub fn new(memory: &mut M, capacity: usize) -> Result<Self, M::Error> {
        let index_log2 = (capacity.max(8) * 2).next_power_of_two().trailing_zeros();
        let flows = memory.table("flows", capacity)?;
        let index = memory.table("flow index", 1 << index_log2)?;
        let heads: M::Cells<Heads> = memory.table("flow heads", 1)?;
        let now = heads.get(0);
        let mut flows = Self { flows, index, heads, now, committed_top: now.top, index_log2 };
        flows.rebuild_index();
        Ok(flows)
    }

    /// Makes the index of the flows that are there. It is not undone with a transaction, so what an
    /// earlier process left of it may name flows that were.
    fn rebuild_index(&mut self) {
        if self.now.indexed != 0 {
            for place in 0..self.index.len() {
                self.index.set_for_now(place, 0);
            }
        }
        self.now.indexed = 1;
        self.heads.set_for_good(0, self.now);
        for id in self.ids() {
            let flow = self.get(id);
            let marks = flow.marks();
            if marks.in_use() && !marks.is_sibling() {
                self.enter(id, Hash::of(&flow.key));
            }
        }
    }

    /// Writes down what [`Self::insert`] and [`Self::remove`] changed; before each commit.
    pub fn settle(&mut self) {
        if self.heads.get(0) != self.now {
            self.heads.set(0, self.now);
            self.committed_top = self.now.top;
        }
    }

    /// Flows in use.
    #[must_use]
    pub fn used(&self) -> u32 {
        self.now.used
    }

    /// All numbers that were ever used; some may be free.
    pub fn ids(&self) -> impl ExactSizeIterator<Item = FlowId> + use<M> {
        (0..self.now.top).map(FlowId)
    }

    /// The flow `id`.
    #[must_use]
    #[inline]
    pub fn get(&self, id: FlowId) -> Flow {
        self.flows.get(id.index())
    }

    /// The flow with a number that came from outside, if it is one.
    #[must_use]
    #[inline]
    pub fn checked(&self, cookie: u32) -> Option<FlowId> {
        (cookie < self.now.top).then_some(FlowId(cookie))
    }

    /// Changes the flow `id`.
    #[inline]
    pub fn set(&mut self, id: FlowId, flow: Flow) {
        self.flows.set(id.index(), flow);
    }

    fn home(&self, hash: Hash) -> usize {
        (hash.0 >> (32 - self.index_log2)) as usize
    }

    /// Asks for a key's index cell.
    #[inline]
    pub fn prefetch_index(&self, hash: Hash) {
        self.index.prefetch(self.home(hash));
    }

    /// Asks for the flow that a key probably has; its number, if there is one.
    #[inline]
    pub fn prefetch_flow(&self, hash: Hash) -> Option<FlowId> {
        let cell = self.index.get(self.home(hash));
        if (cell >> 32) as u32 != hash.0 {
            return None;
        }
        let id = FlowId::from_link(cell as u32)?;
        self.flows.prefetch(id.index());
        Some(id)
    }

    /// Asks for the flow `id`.
    #[inline]
    pub fn prefetch(&self, id: FlowId) {
        self.flows.prefetch(id.index());
    }

    /// The flow with `key`.
    #[must_use]
    #[inline]
    pub fn find(&self, key: &FlowKey, hash: Hash) -> Option<FlowId> {
        let wanted = words(key);
        let mask = self.index.len() - 1;
        let mut place = self.home(hash);
        loop {
            let cell = self.index.get(place);
            let id = FlowId::from_link(cell as u32)?;
            if (cell >> 32) as u32 == hash.0 && words(&self.get(id).key) == wanted {
                return Some(id);
            }
            place = (place + 1) & mask;
        }
    }

    fn allocate(&mut self) -> Result<FlowId, FlowTableFull> {
        let id = if let Some(id) = FlowId::from_link(self.now.free) {
            self.now.free = self.get(id).peer;
            id
        } else if (self.now.top as usize) < self.flows.len() {
            self.now.top += 1;
            FlowId(self.now.top - 1)
        } else {
            return Err(FlowTableFull { capacity: self.flows.len() });
        };
        self.now.used += 1;
        Ok(id)
    }

    /// Fills an entry that was just allocated.
    fn fill(&mut self, id: FlowId, flow: Flow) {
        if id.link() > self.committed_top {
            // Never used before this transaction: undone, it is out of reach.
            self.flows.set_for_good(id.index(), flow);
        } else {
            self.flows.set(id.index(), flow);
        }
    }

    /// Adds a flow whose key is not in the table.
    pub fn insert(&mut self, mut flow: Flow, hash: Hash) -> Result<FlowId, FlowTableFull> {
        let id = self.allocate()?;
        flow.mark(|marks| marks.set_in_use(true));
        self.fill(id, flow);
        self.enter(id, hash);
        Ok(id)
    }

    /// Puts a flow into the index.
    #[inline]
    fn enter(&mut self, id: FlowId, hash: Hash) {
        let mask = self.index.len() - 1;
        let mut place = self.home(hash);
        while self.index.get(place) as u32 != 0 {
            place = (place + 1) & mask;
        }
        self.index.set_for_now(place, u64::from(hash.0) << 32 | u64::from(id.link()));
    }

    /// Adds the sibling of `primary`, which has none.
    pub fn insert_sibling(&mut self, primary: FlowId) -> Result<FlowId, FlowTableFull> {
        let id = self.allocate()?;
        let mut flow = self.get(primary);
        let mut sibling = Flow { sibling: primary.link(), peer: 0, ..flow };
        sibling.mark(|marks| {
            marks.set_is_sibling(true);
            marks.set_tracked(false);
            marks.set_in_use(true);
        });
        flow.sibling = id.link();
        self.set(id, sibling);
        self.set(primary, flow);
        Ok(id)
    }

    /// Frees a flow, and its sibling; unlinks its peer.
    pub fn remove(&mut self, id: FlowId) {
        let flow = self.get(id);
        self.unindex(id, Hash::of(&flow.key));
        if let Some(peer) = FlowId::from_link(flow.peer) {
            let mut other = self.get(peer);
            if other.peer == id.link() {
                other.peer = 0;
                self.set(peer, other);
            }
        }
        if let Some(sibling) = FlowId::from_link(flow.sibling) {
            self.free(sibling);
        }
        self.free(id);
    }

    fn free(&mut self, id: FlowId) {
        self.set(id, Flow { peer: self.now.free, ..Flow::default() });
        self.now.free = id.link();
        self.now.used -= 1;
    }

    /// Takes a key out of the index and moves up what had to give way to it.
    fn unindex(&mut self, id: FlowId, hash: Hash) {
        let mask = self.index.len() - 1;
        let mut hole = self.home(hash);
        while self.index.get(hole) as u32 != id.link() {
            if self.index.get(hole) as u32 == 0 {
                return;
            }
            hole = (hole + 1) & mask;
        }
        let mut place = hole;
        loop {
            place = (place + 1) & mask;
            let cell = self.index.get(place);
            if cell as u32 == 0 {
                break;
            }
            let home = self.home(Hash((cell >> 32) as u32));
            // It may move up only if the hole is not before its home.
            if (place.wrapping_sub(home) & mask) >= (place.wrapping_sub(hole) & mask) {
                self.index.set_for_now(hole, cell);
                hole = place;
            }
        }
        self.index.set_for_now(hole, 0);
    }
}
