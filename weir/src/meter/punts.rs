//! Punts: judged in batches, so that the memory that each will need is on its way early.

use super::{Meter, MeterError};
use driver::device::Device;
use driver::frames::Punt;
use driver::ring::RingFault;
use driver::{Cookie, Offload};
use firmware_abi::frame::{Disposition, PuntReason};
use flowlog::flows::{Flow, FlowId, Hashes};
use flowlog::slowpath::{Judgement, Outcome};

/// Punts in one transaction.
pub(super) const BATCH: usize = 64;
/// Flows that are not even tried after one found the table full: the search for moves is long, and a
/// slot does not come free that soon.
const FULL_WAIT: u32 = 64;
/// Changes of a [`Flow`] that a punt may need journal room for.
const CHANGES_PER_PUNT: usize = 24;

impl<D: Device + 'static> Meter<D> {
    /// Judges the punts that wait; returns how many were done.
    pub(super) fn take_punts<S: std::error::Error + 'static>(&mut self) -> Result<usize, MeterError<S>> {
        let mut punts = std::mem::take(&mut self.punts);
        punts.clear();
        self.driver.punts(&mut punts, BATCH)?;
        let mut hashes = [Hashes::default(); BATCH];
        self.prefetch_punts(&punts, &mut hashes);
        let mut done = 0;
        let mut result = Ok(());
        self.punt_waits = false;
        for (punt, hashes) in punts.iter().zip(&hashes) {
            match self.take_punt(punt, hashes) {
                Ok(true) => done += 1,
                Ok(false) => {
                    self.driver.put_back(punt);
                    break;
                }
                Err(error) => {
                    result = Err(error);
                    break;
                }
            }
        }
        self.statistics.punts += done as u64;
        self.punts = punts;
        result.map(|()| done)
    }

    /// Hashes the keys, and asks for index cells, then flows and tallies.
    fn prefetch_punts(&self, punts: &[Punt], hashes: &mut [Hashes; BATCH]) {
        for (pair, hashes) in punts.chunks(2).zip(hashes.chunks_exact_mut(2)) {
            let keys = [pair[0], pair[pair.len() - 1]].map(|punt| punt.header.key.plain());
            hashes.copy_from_slice(&Hashes::of_two(keys.each_ref()));
            for hash in hashes {
                self.slow.flows.prefetch_index(hash.own);
                self.slow.flows.prefetch_index(hash.reversed);
            }
        }
        for (punt, hashes) in punts.iter().zip(hashes) {
            if let Some(flow) = self.slow.flows.prefetch_flow(hashes.own) {
                self.windows.prefetch(flow, u16::from(punt.header.tail.window()));
            } else {
                self.slow.flows.prefetch_flow(hashes.reversed);
            }
        }
    }

    /// Judges one punt; false if it has to wait.
    fn take_punt<S: std::error::Error + 'static>(
        &mut self,
        punt: &Punt,
        hashes: &Hashes,
    ) -> Result<bool, MeterError<S>> {
        let header = &punt.header;
        let Some(window) = self.windows.of_stamp(header.tail.window()) else { return self.let_pass(punt) };
        if self.driver.arena().room::<Flow>() < CHANGES_PER_PUNT || !self.driver.can_inject(punt)? {
            return Ok(false);
        }
        let reason = PuntReason::from_bits(header.tail.code());
        if reason == Some(PuntReason::Mirror) {
            return Ok(true);
        }
        let judgement = self.slow.judge(header, hashes);
        let may_retry = self.windows.is_open(window) && self.may_retry(punt)?;
        if may_retry && (judgement.in_nic || judgement.offload && self.place(&judgement, punt)?) {
            self.statistics.retries += 1;
            self.retry_slots += punt.slots();
            self.driver.inject(punt, Disposition::Retry)?;
            return Ok(true);
        }
        self.count(&judgement, punt, window);
        let disposition = if judgement.outcome.forwards() { Disposition::Forward } else { Disposition::Drop };
        self.driver.inject(punt, disposition)?;
        Ok(true)
    }

    /// A punt of a window that cannot be counted yet. It waits, unless one of the ended window lies
    /// behind it: then it goes round once more.
    fn let_pass<S: std::error::Error + 'static>(&mut self, punt: &Punt) -> Result<bool, MeterError<S>> {
        self.punt_waits = true;
        if !self.closing.rotate || !self.driver.can_inject(punt)? || !self.may_retry(punt)? {
            return Ok(false);
        }
        self.retry_slots += punt.slots();
        self.driver.inject(punt, Disposition::Retry)?;
        Ok(true)
    }

    /// Whether a punt of the ended window waits behind others that cannot be counted yet.
    pub(super) fn ended_window_has_punts(&mut self) -> Result<bool, RingFault> {
        let mut punts = std::mem::take(&mut self.punts);
        punts.clear();
        let result = self.driver.punts(&mut punts, usize::MAX);
        let ended = self.windows.oldest();
        let found = punts.iter().any(|punt| self.windows.of_stamp(punt.header.tail.window()) == Some(ended));
        if let Some(first) = punts.first() {
            self.driver.put_back(first);
        }
        self.punts = punts;
        result.map(|_| found)
    }

    /// Whether another retry may be on its way: each must find room in the punt ring to come back.
    fn may_retry(&mut self, punt: &Punt) -> Result<bool, RingFault> {
        if self.retry_slots + punt.slots() <= self.retry_slots_max {
            return Ok(true);
        }
        if self.driver.inject_is_idle()? {
            self.retry_slots = 0;
            return Ok(true);
        }
        Ok(false)
    }

    fn count(&mut self, judgement: &Judgement, punt: &Punt, window: u16) {
        let header = &punt.header;
        let (bytes, flags) = (header.tail.l3_bytes(), header.key.tcp_flags);
        let recorded = matches!(judgement.outcome, Outcome::Accept | Outcome::Reject | Outcome::AcceptAndDrop);
        if let (true, Some(flow)) = (recorded, judgement.flow) {
            self.windows.count(flow, window, bytes, flags, header.time_ns);
        }
        if !matches!(judgement.outcome, Outcome::Accept | Outcome::Reject) {
            let port = header.key.port;
            self.windows.count_aside(judgement.outcome, port.vport(), port.direction(), window, bytes);
        }
    }

    /// Gives a flow a slot, if there is one for it.
    fn place(&mut self, judgement: &Judgement, punt: &Punt) -> Result<bool, RingFault> {
        let Some(counting) = judgement.flow else { return Ok(false) };
        let entry = self.slow.flows.get(counting);
        let direction = entry.key.port.direction();
        let primary = self.slow.flows.get(self.slow.primary(counting));
        if !self.offload.deserves_slot(u64::from(primary.progress.seen()), self.driver.fill(direction)) {
            return Ok(false);
        }
        let wait = &mut self.full_waits[direction.index()];
        if *wait > 0 {
            *wait -= 1;
            self.statistics.no_slot += 1;
            return Ok(false);
        }
        let flows = &self.slow.flows;
        let key_of = |cookie: Cookie| flows.checked(cookie.0).map(|flow| flows.get(flow).hardware_key());
        match self.driver.insert(entry.hardware_key(), Cookie(counting.0), punt.header.aux, key_of)? {
            Offload::Placed(placement) => {
                for step in placement.moves.iter() {
                    self.slow.set_slot(FlowId(step.cookie.0), Some(step.to.0));
                }
                self.slow.set_slot(counting, Some(placement.slot.0));
                self.ageing.renew(direction, placement.slot.0);
                self.statistics.offloaded += 1;
                Ok(true)
            }
            refused @ (Offload::Full | Offload::OverQuota | Offload::NoRoom) => {
                if refused == Offload::Full {
                    self.full_waits[direction.index()] = FULL_WAIT;
                }
                self.statistics.no_slot += 1;
                Ok(false)
            }
        }
    }
}
