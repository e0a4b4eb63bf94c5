//! Ageing: slots that saw no packet for a while are given back, and flows that are over forgotten.

use super::{CHORE_BATCH, Meter};
use driver::device::Device;
use driver::offload::IdleAges;
use driver::{Removal, Slot};
use firmware_abi::key::Direction;
use firmware_abi::time::SECOND_NS;
use flowlog::flows::{Flow, FlowId};

/// Seconds between two reads of the activity bitmaps.
const INTERVAL_SECONDS: u32 = 10;
/// Seconds between two searches for flows that are over, where room is plenty.
const SEARCH_SECONDS: u32 = 600;

/// What ageing remembers; young again after a restart.
#[derive(Debug)]
pub(super) struct Ageing {
    ages: [IdleAges; 2],
    next_ns: u64,
    /// Where the search for flows that are over goes on.
    search: u32,
    searched_seconds: u32,
    expiry_is_due: bool,
}

impl Ageing {
    pub(super) fn new(slots: usize, start_seconds: u32) -> Self {
        let ages = [IdleAges::new(slots), IdleAges::new(slots)];
        Self { ages, next_ns: 0, search: 0, searched_seconds: start_seconds, expiry_is_due: false }
    }

    /// A window is out: flows that are over may be forgotten.
    pub(super) fn expiry_is_due(&mut self) {
        self.expiry_is_due = true;
    }

    pub(super) fn renew(&mut self, direction: Direction, slot: u32) {
        self.ages[direction.index()].renew(slot);
    }
}

impl<D: Device + 'static> Meter<D> {
    /// Asks for the activity bitmaps when it is time to.
    pub(super) fn age(&mut self, now_ns: u64) {
        if now_ns < self.ageing.next_ns {
            return;
        }
        let first = self.ageing.next_ns == 0;
        self.ageing.next_ns = now_ns + u64::from(INTERVAL_SECONDS) * SECOND_NS;
        if first {
            return;
        }
        for direction in Direction::ALL {
            if self.driver.fill(direction).occupied > 0 {
                // A full command ring only leaves it for the next time.
                let _ = self.driver.request_activity(direction);
            }
        }
        self.commit();
    }

    /// A bitmap has come: takes the slots of flows away that were idle for long enough.
    pub(super) fn remove_idle(&mut self, direction: Direction) {
        let idle_reads = self.offload.idle_reads(INTERVAL_SECONDS);
        let bitmap: Vec<u64> = self.driver.activity(direction).collect();
        let mut idle = Vec::new();
        for (word, touched) in bitmap.iter().enumerate() {
            self.ageing.ages[direction.index()]
                .read(word as u32 * 64, *touched, idle_reads, |slot| idle.push(Slot(slot)));
        }
        for slot in idle {
            if let Some(cookie) = self.driver.flow_in(direction, slot)
                && let Some(flow) = self.slow.flows.checked(cookie.0)
            {
                self.take_out(flow, slot);
            }
        }
    }

    /// Takes a flow out of the NIC. A full command ring only leaves the slot for later.
    pub(super) fn take_out(&mut self, flow: FlowId, slot: Slot) {
        let key = self.slow.flows.get(flow).hardware_key();
        if self.driver.arena().room::<Flow>() < 8 {
            self.commit();
        }
        if let Ok(Removal::Asked(_)) = self.driver.remove(slot, key) {
            self.slow.set_slot(flow, None);
        }
    }

    /// Clears the published window, flow by flow: what the NIC saw of each keeps its connection
    /// alive, and a TCP connection that closed gives its slot back.
    pub(super) fn clear(&mut self) {
        loop {
            self.note_seen();
            // Tallies are cleared for good: what they say must be permanent before.
            self.commit();
            let done = self.windows.clear(CHORE_BATCH);
            self.commit();
            if done {
                return;
            }
        }
    }

    #[inline(never)]
    fn note_seen(&mut self) {
        for place in self.windows.uncleared(CHORE_BATCH) {
            if let Some(soon) = self.windows.prefetch_behind(place) {
                self.slow.flows.prefetch(soon);
            }
            let (id, tally) = self.windows.tally_at(place);
            if tally.packets() == 0 {
                // Cleared by a process that died before it could commit that: noted already.
                continue;
            }
            let flow = self.slow.flows.get(id);
            let (primary, slot) = if flow.marks().is_sibling() {
                let primary = self.slow.primary(id);
                (primary, self.slow.flows.get(primary).slot())
            } else {
                (id, flow.slot())
            };
            let Some(slot) = slot else { continue };
            let seconds = (self.windows.last_ns(&tally) / SECOND_NS) as u32;
            self.slow.saw(primary, self.windows.flags(&tally), seconds);
            if self.slow.closing(&self.slow.flows.get(primary)) {
                self.take_out(id, Slot(slot));
            }
        }
    }

    /// Forgets flows that are over. Nothing but room depends on how soon, so a table that is half
    /// empty is searched seldom; one that counts connections against a limit, often.
    ///
    /// To be called when all records are taken: as long as a slot is leaving, or a record waits, there
    /// may be counts of a flow that no longer has a slot.
    pub(super) fn expire_some(&mut self, seconds: u32) {
        let leaving = Direction::ALL.iter().any(|direction| self.driver.slot_counters(*direction).leaving > 0);
        if !self.ageing.expiry_is_due || leaving {
            return;
        }
        self.ageing.expiry_is_due = false;
        let pressing = self.limits_connections || self.slow.flows.used() as usize > self.flows_max / 2;
        let interval = if pressing { INTERVAL_SECONDS } else { SEARCH_SECONDS };
        if seconds.saturating_sub(self.ageing.searched_seconds) < interval {
            return;
        }
        self.ageing.searched_seconds = seconds;
        let end = self.slow.flows.ids().len() as u32;
        self.ageing.search = 0;
        while self.ageing.search < end {
            let to = end.min(self.ageing.search + CHORE_BATCH as u32);
            for id in self.ageing.search..to {
                self.slow.flows.prefetch(FlowId(id + 16));
                let windows = &self.windows;
                if self.slow.expire(FlowId(id), seconds, |flow| windows.has_counts(flow)) {
                    self.statistics.expired += 1;
                }
            }
            self.ageing.search = to;
            self.commit();
        }
    }
}
