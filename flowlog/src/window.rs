//! Capture windows on the host: tallies, the seal, and what a window says.
//!
//! ```text
//!   hardware records ─fold─┐                  ┌▶ one OK record per flow and action
//!                          ├▶ tallies ─ seal ─┼▶ or NODATA; perhaps SKIPDATA     (decided here only)
//!   host's own counts ─────┘                  └▶ a proof per ENI and direction
//! ```
//!
//! Two windows are in the works at a time: the oldest that is not published, and the one after it.
//! Their tallies lie in two banks, as the NIC's do: the low bit of a window's number is its bank.
//! A flow's tally is found by its number. What has a tally is on its bank's list, once.

use crate::flows::{FlowId, Flows};
use crate::memory::{Cells, Memory};
use crate::slowpath::Outcome;
use crate::tally::{tick_of, time_of};
use firmware_abi::descriptor::{FlowRecord, LedgerRecord, RecordKind, WindowEnd};
use firmware_abi::key::Direction;
use firmware_abi::time::tick_base_ns;
use zerocopy::{FromBytes, Immutable, IntoBytes};

pub use crate::seal::{LostSide, Sealed};
pub use crate::tally::Tally;

/// What the host itself did with packets of an ENI and direction, other than recording them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub(crate) struct HostCounts {
    pub(crate) excluded: [u64; 2],
    pub(crate) policed: [u64; 2],
    pub(crate) skipped: [u64; 2],
    pub(crate) over_limit: u64,
}

/// The NIC's ledger of an ENI and direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub(crate) struct HardwareLedger {
    pub(crate) packets: [u64; 8],
    pub(crate) bytes: [u64; 8],
    pub(crate) limits: [u64; 8],
}

/// How far the oldest window has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Stage {
    /// It is open, or its end has not been read yet.
    #[default]
    Open,
    /// Its end has been read: nothing more comes from the NIC's counters.
    Ended,
    /// It is complete and being published: until that is done nothing else may change, so that it
    /// says the same however often it is begun.
    Publishing,
    /// It is published; its tallies are being cleared.
    Published,
}

/// Numbers of the windows that outlive the process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub(crate) struct State {
    /// [`Stage`], as a number.
    pub(crate) stage: u32,
    /// The oldest window that is not published and cleared.
    pub(crate) number: u32,
    /// Entries of each bank's list.
    pub(crate) listed: [u32; 2],
    /// Entries of the oldest window's list that are cleared.
    pub(crate) cleared: u32,
    /// The punt ring's producer at its end.
    pub(crate) punt_producer: u32,
    /// Tick base of each bank's window, Unix ns.
    pub(crate) base_ns: [u64; 2],
    /// The oldest window's bounds.
    pub(crate) start_ns: u64,
    pub(crate) end_ns: u64,
    /// Overruns since power-on, and the drain's time.
    pub(crate) overruns: u64,
    pub(crate) drain_ns: u64,
    /// Windows published.
    pub(crate) published: u64,
    /// Windows have begun.
    pub(crate) started: u64,
}

/// Something that cannot be if the device is honest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordFault {
    /// A cookie that no flow has.
    #[error("a record names flow {found}, expected one below {flows}")]
    Cookie {
        /// The cookie.
        found: u32,
        /// Flows known.
        flows: usize,
    },
    /// An ENI that was never configured.
    #[error("a ledger names port {found}, expected one below {ports}")]
    Port {
        /// The port.
        found: u16,
        /// Ports configured.
        ports: usize,
    },
    /// A kind that this host does not know, or did not ask for.
    #[error("a record of kind {found}, expected 0 to 5 or 7")]
    Kind {
        /// The kind.
        found: u8,
    },
    /// A window that is neither the oldest in the works nor the next.
    #[error("a record of window {found}, expected {expected} or the next")]
    Window {
        /// The window.
        found: u16,
        /// The oldest in the works.
        expected: u16,
    },
}

/// The windows of a NIC.
pub struct Windows<M: Memory> {
    pub(crate) tallies: [M::Cells<Tally>; 2],
    pub(crate) lists: [M::Cells<u32>; 2],
    pub(crate) host: [M::Cells<HostCounts>; 2],
    pub(crate) ledgers: M::Cells<HardwareLedger>,
    pub(crate) state: M::Cells<State>,
    pub(crate) now: State,
    /// What is written down.
    settled: State,
    pub(crate) ports: usize,
}

impl<M: Memory> Windows<M> {
    /// Windows for `flows` flows and `ports` ENIs.
    pub fn new(memory: &mut M, flows: usize, ports: usize) -> Result<Self, M::Error> {
        let sides = ports * 2;
        let tallies = [memory.table("tallies 0", flows)?, memory.table("tallies 1", flows)?];
        let lists = [memory.table("tally list 0", flows)?, memory.table("tally list 1", flows)?];
        let host = [memory.table("host counts 0", sides)?, memory.table("host counts 1", sides)?];
        let ledgers = memory.table("ledgers", sides)?;
        let state: M::Cells<State> = memory.table("windows", 1)?;
        let now = state.get(0);
        Ok(Self { tallies, lists, host, ledgers, state, now, settled: now, ports })
    }

    /// Writes down what changed besides the tallies; before each commit.
    pub fn settle(&mut self) {
        if self.settled != self.now {
            self.state.replace(0, self.settled, self.now);
            self.settled = self.now;
        }
    }

    /// How far the oldest window has come.
    #[must_use]
    pub fn stage(&self) -> Stage {
        match self.now.stage {
            0 => Stage::Open,
            1 => Stage::Ended,
            2 => Stage::Publishing,
            _ => Stage::Published,
        }
    }

    /// The oldest window that is not yet published.
    #[must_use]
    pub fn oldest(&self) -> u16 {
        self.now.number as u16
    }

    /// When the oldest window that is not yet published started, Unix ns.
    #[must_use]
    pub fn start_ns(&self) -> u64 {
        self.now.start_ns
    }

    /// The punt ring's producer when the oldest window ended.
    #[must_use]
    pub fn punt_producer(&self) -> u32 {
        self.now.punt_producer
    }

    /// The window that a frame stamped with `low` is to be counted in: the oldest or the next. None
    /// while it must wait because the oldest is not published.
    #[must_use]
    #[inline]
    pub fn of_stamp(&self, low: u8) -> Option<u16> {
        let ahead = low.wrapping_sub(self.now.number as u8);
        (ahead < 2).then(|| (self.now.number as u16).wrapping_add(u16::from(ahead)))
    }

    /// Whether `window` can still be counted by the hardware.
    #[must_use]
    #[inline]
    pub fn is_open(&self, window: u16) -> bool {
        window != self.oldest() || self.stage() == Stage::Open
    }

    /// Asks for a flow's tallies.
    #[inline]
    pub fn prefetch(&self, flow: FlowId, window: u16) {
        self.tallies[usize::from(window & 1)].prefetch(flow.index());
    }

    #[inline]
    fn add(&mut self, flow: FlowId, window: u16, change: impl FnOnce(&mut Tally)) {
        let bank = usize::from(window & 1);
        let old = self.tallies[bank].get(flow.index());
        if old.is_empty() {
            // Undone, it lies behind the list's end.
            self.lists[bank].set_for_good(self.now.listed[bank] as usize, flow.0);
            self.now.listed[bank] += 1;
        }
        let mut tally = old;
        change(&mut tally);
        self.tallies[bank].replace(flow.index(), old, tally);
    }

    /// Counts a packet that the host judged.
    #[inline]
    pub fn count(&mut self, flow: FlowId, window: u16, bytes: u32, flags: u8, time_ns: u64) {
        let tick = tick_of(time_ns);
        self.add(flow, window, |tally| tally.add(1, u64::from(bytes), flags, tick, tick));
    }

    /// Counts a packet that the host judged and that no record will have.
    pub fn count_aside(&mut self, outcome: Outcome, vport: u16, direction: Direction, window: u16, bytes: u32) {
        let (bank, side) = (usize::from(window & 1), usize::from(vport) * 2 + direction.index());
        if side >= self.host[bank].len() {
            return;
        }
        let mut counts = self.host[bank].get(side);
        let add = |amount: &mut [u64; 2]| {
            amount[0] += 1;
            amount[1] += u64::from(bytes);
        };
        match outcome {
            Outcome::Excluded => add(&mut counts.excluded),
            Outcome::Policed => {
                add(&mut counts.policed);
                counts.over_limit += 1;
            }
            Outcome::AcceptAndDrop => counts.over_limit += 1,
            Outcome::Unlogged(_) => add(&mut counts.skipped),
            Outcome::Accept | Outcome::Reject => {}
        }
        self.host[bank].set(side, counts);
    }

    /// Folds records of the NIC into their windows. `refused` is told of each that cannot be of an
    /// honest NIC: it changes nothing.
    // By itself, since within a poll its values would not stay in registers.
    #[inline(never)]
    pub fn fold_all(&mut self, records: &[FlowRecord], flows: &Flows<M>, mut refused: impl FnMut(RecordFault)) {
        for (number, record) in records.iter().enumerate() {
            if let Some(soon) = records.get(number + AHEAD) {
                let bank = usize::from(soon.bytes_window.window() & 1);
                self.tallies[bank].prefetch(soon.cookie as usize);
            }
            if let Err(fault) = self.fold(record, flows) {
                refused(fault);
            }
        }
    }

    /// Folds a record of the NIC into its window.
    #[inline]
    pub fn fold(&mut self, record: &FlowRecord, flows: &Flows<M>) -> Result<(), RecordFault> {
        if record.tail.kind_bits() <= RecordKind::Evicted as u8 {
            return self.fold_flow(record, flows);
        }
        self.fold_other(record)
    }

    #[cold]
    fn fold_other(&mut self, record: &FlowRecord) -> Result<(), RecordFault> {
        let found = record.tail.kind_bits();
        match RecordKind::from_bits(found) {
            Some(RecordKind::LedgerPackets | RecordKind::LedgerBytes | RecordKind::LedgerLimits) => {
                self.fold_ledger(&zerocopy::transmute!(*record), found)
            }
            Some(RecordKind::WindowEnd) => self.end(&zerocopy::transmute!(*record)),
            Some(RecordKind::WindowStart) => self.start(&zerocopy::transmute!(*record)),
            Some(RecordKind::Flow | RecordKind::Evicted | RecordKind::Slot) | None => Err(RecordFault::Kind { found }),
        }
    }

    #[inline]
    fn known(&self, window: u16) -> Result<u16, RecordFault> {
        if window.wrapping_sub(self.oldest()) < 2 {
            return Ok(window);
        }
        Err(RecordFault::Window { found: window, expected: self.oldest() })
    }

    #[inline]
    fn fold_flow(&mut self, record: &FlowRecord, flows: &Flows<M>) -> Result<(), RecordFault> {
        let window = self.known(record.bytes_window.window())?;
        let flow = flows
            .checked(record.cookie)
            .ok_or(RecordFault::Cookie { found: record.cookie, flows: flows.used() as usize })?;
        let base = tick_of(self.now.base_ns[usize::from(window & 1)]);
        let first = base.wrapping_add(record.packets_first.first_tick());
        let last = base.wrapping_add(record.tail.last_tick());
        let (packets, bytes) = (record.packets_first.packets(), record.bytes_window.bytes());
        self.add(flow, window, |tally| tally.add(packets, bytes, record.key.tcp_flags, first, last));
        Ok(())
    }

    fn fold_ledger(&mut self, record: &LedgerRecord, kind: u8) -> Result<(), RecordFault> {
        self.known(record.port_window.window())?;
        let (vport, direction) = record.port();
        let side = usize::from(vport) * 2 + direction.index();
        if side >= self.ledgers.len() {
            return Err(RecordFault::Port { found: vport, ports: self.ports });
        }
        let mut ledger = self.ledgers.get(side);
        let counters = std::array::from_fn(|index| record.counter(index));
        if kind == RecordKind::LedgerPackets as u8 {
            // The first of a window's ledgers: the limits of the last one no longer hold.
            ledger = HardwareLedger { packets: counters, ..HardwareLedger::default() };
        } else if kind == RecordKind::LedgerBytes as u8 {
            ledger.bytes = counters;
        } else {
            ledger.limits = counters;
        }
        self.ledgers.set(side, ledger);
        Ok(())
    }

    fn start(&mut self, record: &WindowEnd) -> Result<(), RecordFault> {
        let window = record.window.window();
        if self.now.started == 0 {
            self.now.started = 1;
            self.now.number = u32::from(window);
            self.now.start_ns = record.start_ns;
        }
        self.known(window)?;
        self.now.base_ns[usize::from(window & 1)] = tick_base_ns(record.start_ns);
        Ok(())
    }

    fn end(&mut self, record: &WindowEnd) -> Result<(), RecordFault> {
        let window = record.window.window();
        if window != self.oldest() || self.stage() != Stage::Open {
            return Err(RecordFault::Window { found: window, expected: self.oldest() });
        }
        self.now.stage = 1;
        self.now.start_ns = record.start_ns;
        self.now.end_ns = record.end_ns;
        self.now.punt_producer = record.punt_producer;
        self.now.overruns = u64::from(record.overruns);
        self.now.drain_ns = record.drain_ns;
        Ok(())
    }

    /// Whether a flow has counts that are not yet published.
    #[must_use]
    pub fn has_counts(&self, flow: FlowId) -> bool {
        self.tallies.iter().any(|bank| !bank.get(flow.index()).is_empty())
    }

    pub(crate) fn bank(&self) -> usize {
        (self.now.number & 1) as usize
    }

    /// Flows that counted in the oldest window. Each has a place, in the order in which they first did.
    #[must_use]
    pub fn listed(&self) -> usize {
        self.now.listed[self.bank()] as usize
    }

    /// The flow at a place below [`Self::listed`], and what it counted.
    #[must_use]
    #[inline]
    pub fn tally_at(&self, place: usize) -> (FlowId, Tally) {
        let bank = self.bank();
        let flow = FlowId(self.lists[bank].get(place));
        (flow, self.tallies[bank].get(flow.index()))
    }

    /// Asks for the tally that lies a while behind `place`; the flow whose it is.
    #[inline]
    pub fn prefetch_behind(&self, place: usize) -> Option<FlowId> {
        let (bank, ahead) = (self.bank(), place + AHEAD);
        if ahead >= self.now.listed[bank] as usize {
            return None;
        }
        let flow = FlowId(self.lists[bank].get(ahead));
        self.tallies[bank].prefetch(flow.index());
        Some(flow)
    }

    /// When a tally of the oldest window last counted, Unix ns.
    #[must_use]
    pub fn last_ns(&self, tally: &Tally) -> u64 {
        time_of(tally.last, self.now.start_ns)
    }

    /// OR of a tally's TCP flags.
    #[must_use]
    pub fn flags(&self, tally: &Tally) -> u8 {
        (tally.packets_flags >> 56) as u8
    }

    /// The places on the published window's list that [`Self::clear`] will come to next.
    #[must_use]
    pub fn uncleared(&self, most: usize) -> std::ops::Range<usize> {
        let from = self.now.cleared as usize;
        from..self.listed().min(from + most)
    }

    /// Clears up to `most` tallies of the published window; true once all are, and the next window
    /// is the oldest.
    pub fn clear(&mut self, most: usize) -> bool {
        let bank = self.bank();
        let from = self.now.cleared;
        let to = self.now.listed[bank].min(from + most as u32);
        for place in from..to {
            let flow = self.lists[bank].get(place as usize) as usize;
            // A crash comes back to this window's stage, and clears it again.
            self.tallies[bank].set_for_good(flow, Tally::default());
        }
        self.now.cleared = to;
        if to < self.now.listed[bank] {
            return false;
        }
        for side in 0..self.ports * 2 {
            if self.host[bank].get(side) != HostCounts::default() {
                self.host[bank].set(side, HostCounts::default());
            }
        }
        self.now.listed[bank] = 0;
        self.now.cleared = 0;
        self.now.stage = 0;
        self.now.published += 1;
        self.now.number = u32::from(self.oldest().wrapping_add(1));
        self.now.start_ns = self.now.end_ns;
        true
    }

    /// The ended window is complete.
    pub fn begin_publication(&mut self) {
        self.now.stage = 2;
    }

    /// The records of the ended window are out: from now on they are not given again.
    pub fn published(&mut self) {
        self.now.stage = 3;
    }
}

/// How far ahead memory is asked for.
const AHEAD: usize = 16;
