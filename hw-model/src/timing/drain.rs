//! A drain: rows of 64 slots one after the other, each as long as its last record's answer takes.
//!
//! ```text
//!   scan ─ SLOT_CYCLES ─▶ record ─▶ burst, up to 16 that follow on each other ─▶ link ─▶ answer ─▶ outcomes
//! ```
//!
//! Everything is one a cycle: scans, records, beats, outcomes. A burst goes when it is full, at the end of a page, or
//! when no record follows. At most 16 records are on their way.

use super::Board;
use super::constants::*;

/// Records of a burst, and on their way, at most.
const BURST: usize = 16;
/// Entries of a page of 4 KiB, which no burst leaves.
const PAGE_ENTRIES: u32 = 64;

/// Cycles of the engine that the drain at hand has taken so far.
#[derive(Clone, Debug, Default)]
pub struct DrainTiming {
    cycles: u64,
    /// The row at hand; times are counted from when its bits were there.
    row: Option<u32>,
    jobs: usize,
    scan: u64,
    /// When the last slot's record was made, or it was found that there is none.
    made: u64,
    /// Records of the burst that is being gathered.
    gathered: usize,
    link: u64,
    outcomes: u64,
    /// When the last slots were done with.
    over: [u64; BURST],
}

impl DrainTiming {
    /// A drain begins.
    pub fn begin(&mut self) {
        *self = Self { cycles: DRAIN_CYCLES, ..Self::default() };
    }

    /// A touched slot in `row`. It has counted, and its record goes to `entry` of the ring; or it has not.
    #[inline]
    pub fn slot(&mut self, board: &Board, row: u32, entry: Option<u32>) {
        if self.row != Some(row) {
            self.end_row(board);
            *self = Self { cycles: self.cycles, row: Some(row), ..Self::default() };
        }
        let job = self.jobs;
        let first = if job == 0 { 0 } else { self.scan + 1 };
        self.scan = if job < BURST { first } else { first.max(self.over[job % BURST] + DRAIN_ROOM_CYCLES) };
        let made = (self.scan + DRAIN_SLOT_CYCLES).max(if job == 0 { 0 } else { self.made + 1 });
        if made > self.made + 1 || entry.is_none() {
            // Nothing follows on what is gathered.
            self.send(board, self.made + 1);
        }
        (self.jobs, self.made) = (job + 1, made);
        match entry {
            Some(entry) => {
                self.gathered += 1;
                if self.gathered == BURST || entry % PAGE_ENTRIES == PAGE_ENTRIES - 1 {
                    self.send(board, made);
                }
            }
            None => self.over[job % BURST] = made - 1,
        }
    }

    /// What is gathered goes at `closed`.
    fn send(&mut self, board: &Board, closed: u64) {
        let count = std::mem::take(&mut self.gathered);
        if count == 0 {
            return;
        }
        let begin = (closed + DRAIN_SEND_CYCLES).max(self.link);
        self.link = begin + count as u64;
        let answered = self.link + board.answer_cycles() + 1;
        let first = answered.max(self.outcomes);
        self.outcomes = first + count as u64;
        for (number, job) in (self.jobs - count..self.jobs).enumerate() {
            self.over[job % BURST] = first + number as u64;
        }
    }

    fn end_row(&mut self, board: &Board) {
        self.send(board, self.made + 1);
        if self.jobs > 0 {
            self.cycles += self.outcomes.max(self.made + 1);
        }
    }

    /// A port that is not enabled.
    #[inline]
    pub fn no_port(&mut self) {
        self.cycles += DRAIN_PORT_CYCLES;
    }

    /// The ledger of a port and direction: packets, bytes and, if any limit stopped one, by limits.
    pub fn ledger(&mut self, board: &Board, limited: bool) {
        let more = if limited { DRAIN_LIMITS_CYCLES } else { 0 };
        self.cycles += DRAIN_PORT_CYCLES + DRAIN_LEDGER_CYCLES + more + board.answer_cycles();
    }

    /// How long the drain took, over `slots` slots of each direction, ns.
    #[must_use]
    pub fn end(&mut self, board: &Board, slots: u32) -> u64 {
        self.end_row(board);
        self.jobs = 0;
        let rows = 2 * u64::from(slots).div_ceil(64);
        (self.cycles + rows * DRAIN_ROW_CYCLES + board.answer_cycles()) * board.engine_ps / 1000
    }
}
