//! One flow engine: the stages of a direction and their counters.

use crate::lookup::Lookup;
use crate::tally::Tally;
use crate::timing::{Board, EngineTiming};
use firmware_abi::descriptor::Ledger;
use firmware_abi::key::SlotAction;

/// The counters of one engine, since reset.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EngineCounters {
    /// Frames offered, those for no ENI too.
    pub frames: u64,
    /// Packets that hit a slot.
    pub hits: u64,
    /// Packets that hit none.
    pub misses: u64,
    /// Bytes of the frames, without FCS.
    pub bytes: u64,
    /// Frames punted, copies and returned retries too.
    pub punts: u64,
    /// Frames lost for want of ring, credit or host memory.
    pub skipped: u64,
    /// Frames of excluded kinds.
    pub excluded: u64,
    /// Frames without IP.
    pub non_ip: u64,
    /// Broken packets.
    pub malformed: u64,
    /// Frames forwarded.
    pub forwarded: u64,
    /// Frames dropped by a verdict.
    pub rejected: u64,
    /// Copies punted for a mirror slot.
    pub mirrored: u64,
    /// Frames for a port that is not enabled.
    pub no_eni: u64,
    /// Frames stopped by the policer (ingress) or the shaper (egress).
    pub limited: u64,
}

/// One engine.
#[derive(Debug)]
pub struct Engine {
    /// The flow table.
    pub lookup: Lookup,
    /// Its counters by slot.
    pub tally: Tally,
    /// Its stages' time.
    pub timing: EngineTiming,
    /// Its counters.
    pub counters: EngineCounters,
}

impl Engine {
    /// An engine with `2^slots_log2` slots, timed as on `board`.
    #[must_use]
    pub fn new(slots_log2: u32, board: Board) -> Self {
        Self {
            lookup: Lookup::new(slots_log2),
            tally: Tally::new(slots_log2),
            timing: EngineTiming::new(board),
            counters: EngineCounters::default(),
        }
    }
    /// Counts a packet that hit the slot `found`, and says where in the ledger it ends.
    #[inline]
    pub fn hit(&mut self, found: (u32, SlotAction), bank: usize, bytes: u32, tcp_flags: u8, tick: u32) -> Ledger {
        let (slot, action) = found;
        self.counters.hits += 1;
        if action == SlotAction::NoLog {
            self.counters.excluded += 1;
            self.tally.touch(slot);
            return Ledger::Excluded;
        }
        self.tally.add(bank, slot, bytes, tcp_flags, tick);
        Ledger::Tallied
    }
}
