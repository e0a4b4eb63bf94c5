//! Ageing: slots that saw no packet for a while are given back, and flows that are over forgotten.

use super::{CHORE_BATCH, Meter};
use driver::device::Device;
use driver::offload::IdleAges;
use driver::ring::NoRoom;
use driver::{Removal, Slot};
use firmware_abi::key::Direction;
use firmware_abi::time::SECOND_NS;
use flowlog::flows::{Flow, FlowId};

/// Seconds between two reads of the activity bitmaps.
const INTERVAL_SECONDS: u32 = 10;

/// What ageing remembers; young again after a restart.
#[derive(Debug)]
pub(super) struct Ageing {
    ages: [IdleAges; 2],
    next_ns: u64,
    /// Where the search for flows that are over goes on.
    search: u32,
    searched_seconds: u32,
}

impl Ageing {
    pub(super) fn new(slots: usize) -> Self {
        Self { ages: [IdleAges::new(slots), IdleAges::new(slots)], next_ns: 0, search: 0, searched_seconds: 0 }
    }

    pub(super) fn renew(&mut self, direction: Direction, slot: u32) {
        self.ages[direction.index()].renew(slot);
    }
}

impl<D: Device + 'static> Meter<D> {
    /// Asks for the activity bitmaps when it is time to.
    pub(super) fn age(&mut self, now_ns: u64) -> Result<(), NoRoom> {
        if now_ns < self.ageing.next_ns {
            return Ok(());
        }
        let first = self.ageing.next_ns == 0;
        self.ageing.next_ns = now_ns + u64::from(INTERVAL_SECONDS) * SECOND_NS;
        if first {
            return Ok(());
        }
        for direction in Direction::ALL {
            if self.driver.fill(direction).occupied > 0 {
                self.driver.request_activity(direction)?;
            }
        }
        self.commit();
        Ok(())
    }

    /// A bitmap has come: takes the slots of flows away that were idle for long enough.
    pub(super) fn remove_idle(&mut self, direction: Direction) -> Result<(), NoRoom> {
        let idle_reads = self.offload.idle_reads(INTERVAL_SECONDS);
        let bitmap: Vec<u64> = self.driver.activity(direction).collect();
        let mut idle = Vec::new();
        for (word, touched) in bitmap.iter().enumerate() {
            self.ageing.ages[direction.index()].read(word as u32 * 64, *touched, idle_reads, |slot| idle.push(Slot(slot)));
        }
        for slot in idle {
            if let Some(cookie) = self.driver.flow_in(direction, slot)
                && let Some(flow) = self.slow.flows.checked(cookie.0)
            {
                self.take_out(flow, slot)?;
            }
        }
        Ok(())
    }

    /// Takes a flow out of the NIC.
    pub(super) fn take_out(&mut self, flow: FlowId, slot: Slot) -> Result<(), NoRoom> {
        let key = self.slow.flows.get(flow).hardware_key();
        if self.driver.arena().room::<Flow>() < 8 {
            self.commit();
        }
        if let Ok(Removal::Asked(_)) = self.driver.remove(slot, key) {
            self.slow.set_slot(flow, None);
        }
        Ok(())
    }

    /// Clears the published window, flow by flow: what the NIC saw of each keeps its connection
    /// alive, and a TCP connection that closed gives its slot back.
    pub(super) fn clear(&mut self) {
        loop {
            self.note_seen();
            let done = self.windows.clear(CHORE_BATCH);
            self.commit();
            if done {
                return;
            }
        }
    }

    fn note_seen(&mut self) {
        let batch: Vec<_> = self.windows.uncleared(CHORE_BATCH).collect();
        for (flow, tally) in batch {
            let primary = self.slow.primary(flow);
            let Some(slot) = self.slow.flows.get(primary).slot() else { continue };
            let seconds = (self.windows.last_ns(&tally) / SECOND_NS) as u32;
            self.slow.saw(primary, self.windows.flags(&tally), seconds);
            if self.slow.closing(&self.slow.flows.get(primary)) {
                // A full command ring only leaves the slot for later.
                let _ = self.take_out(flow, Slot(slot));
            }
        }
    }

    /// Forgets flows that are over. Every flow is looked at about once in [`INTERVAL_SECONDS`].
    pub(super) fn expire_some(&mut self, seconds: u32) {
        if seconds.saturating_sub(self.ageing.searched_seconds) < INTERVAL_SECONDS {
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
