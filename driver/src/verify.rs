//! Reading the NIC's table back after a re-attach.
//!
//! ```text
//!   FENCE ──▶ its completion: all older commands are done, and their records lie before the
//!             record ring's producer ("floor")
//!   READ_SLOT for each slot ──▶ completion: OK, or empty ──┐ paired in order: both rings
//!                           └─▶ record of kind Slot ───────┘ keep the order of the commands
//! ```
//!
//! What is expected of a slot is taken from the shadow when its READ_SLOT is written, so the driver
//! goes on inserting and removing meanwhile. Slots that are leaving are not asked about. Other records
//! take their ordinary way. After another crash it starts over: answers to the questions of an earlier
//! process lie before the fence or the floor.

use crate::commands::{Answer, Fence};
use crate::slots::{Cookie, Slot};
use firmware_abi::descriptor::{FlowRecord, Status};
use firmware_abi::key::Direction;
use std::collections::VecDeque;

/// Questions that may be open at a time.
const OPEN_MAX: usize = 256;

/// Why the table could not be confirmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// A slot holds another flow than the host put there.
    #[error("{direction:?} slot {} holds {found:?}, expected {expected:?}", slot.0)]
    TableMismatch {
        /// Its table.
        direction: Direction,
        /// The slot.
        slot: Slot,
        /// The flow that the host put there, if any.
        expected: Option<Cookie>,
        /// The flow that the NIC has there, if any.
        found: Option<Cookie>,
    },
    /// No answer came for too long.
    #[error(transparent)]
    Wait(#[from] WaitError),
}

/// A bounded wait has ended without what it was for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("waited {polls} polls in vain for {what}")]
pub struct WaitError {
    /// What did not come.
    pub what: &'static str,
    /// How often was looked.
    pub polls: u32,
}

/// How far the read-back has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verification {
    /// The table is what the host thinks it is, or was never in doubt.
    Done,
    /// This many slots have not been confirmed.
    Pending {
        /// Slots of both directions.
        slots: u32,
    },
}

/// What a slot must hold.
#[derive(Clone, Copy)]
pub(crate) struct Expectation {
    pub(crate) direction: Direction,
    pub(crate) slot: Slot,
    pub(crate) cookie: Option<Cookie>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Start,
    Fencing(Fence),
    Reading { record_floor: u32 },
}

pub(crate) struct ReadBack {
    stage: Stage,
    /// Slots asked about, ingress first.
    asked: u32,
    slots: u32,
    open: VecDeque<Expectation>,
    /// Completed with OK, the record is still to come.
    answered: VecDeque<Expectation>,
    /// Come before their completions.
    records: VecDeque<FlowRecord>,
    mismatch: Option<VerifyError>,
    quiet_polls: u32,
    polls_max: u32,
}

impl ReadBack {
    /// A read-back of `slots` slots of both directions.
    pub(crate) fn new(slots: u32, polls_max: u32) -> Self {
        Self {
            stage: Stage::Start,
            asked: 0,
            slots,
            open: VecDeque::new(),
            answered: VecDeque::new(),
            records: VecDeque::new(),
            mismatch: None,
            quiet_polls: 0,
            polls_max,
        }
    }

    pub(crate) fn needs_fence(&self) -> bool {
        self.stage == Stage::Start
    }

    pub(crate) fn fencing(&mut self, fence: Fence) {
        self.stage = Stage::Fencing(fence);
    }

    pub(crate) fn is_waiting_for(&self, fence: Fence) -> bool {
        self.stage == Stage::Fencing(fence)
    }

    /// The fence has completed; records from index `record_floor` on are later than it.
    pub(crate) fn fenced(&mut self, record_floor: u32) {
        self.stage = Stage::Reading { record_floor };
        self.quiet_polls = 0;
    }

    /// The next slot to ask about, if one may be asked about now.
    pub(crate) fn next_question(&self) -> Option<(Direction, Slot)> {
        let reading = matches!(self.stage, Stage::Reading { .. });
        let open = self.open.len() + self.answered.len();
        if !reading || open >= OPEN_MAX || self.asked >= self.slots {
            return None;
        }
        let a_direction = self.slots / 2;
        Some((Direction::ALL[(self.asked / a_direction) as usize], Slot(self.asked % a_direction)))
    }

    /// The question was asked, or, without an expectation, is not to be.
    pub(crate) fn asked(&mut self, expectation: Option<Expectation>) {
        self.asked += 1;
        self.open.extend(expectation);
    }

    /// Takes in the answer to a READ_SLOT.
    pub(crate) fn completed(&mut self, answer: &Answer) {
        if !matches!(self.stage, Stage::Reading { .. }) {
            return;
        }
        let Some(expectation) = self.open.pop_front() else { return };
        self.quiet_polls = 0;
        if answer.status == Status::Ok {
            self.answered.push_back(expectation);
            self.pair();
        } else if expectation.cookie.is_some() {
            self.report(expectation, None);
        }
    }

    /// Takes in a record of kind Slot that had index `index` in the ring.
    pub(crate) fn record(&mut self, index: u32, record: &FlowRecord) {
        let Stage::Reading { record_floor } = self.stage else { return };
        if (index.wrapping_sub(record_floor) as i32) < 0 || self.records.len() > OPEN_MAX {
            return;
        }
        self.quiet_polls = 0;
        self.records.push_back(*record);
        self.pair();
    }

    fn pair(&mut self) {
        while let (Some(expectation), Some(record)) = (self.answered.front().copied(), self.records.front().copied()) {
            self.answered.pop_front();
            self.records.pop_front();
            let found = Cookie(record.cookie);
            if expectation.cookie != Some(found) || record.key.port.direction() != expectation.direction {
                self.report(expectation, Some(found));
            }
        }
    }

    /// Keeps the first mismatch.
    fn report(&mut self, expectation: Expectation, found: Option<Cookie>) {
        let Expectation { direction, slot, cookie: expected } = expectation;
        self.mismatch.get_or_insert(VerifyError::TableMismatch { direction, slot, expected, found });
    }

    /// How far it has come; to be called once a poll.
    pub(crate) fn poll(&mut self) -> Result<Verification, VerifyError> {
        if let Some(mismatch) = self.mismatch {
            return Err(mismatch);
        }
        let open = (self.open.len() + self.answered.len()) as u32;
        let slots = self.slots - self.asked + open;
        if slots == 0 && matches!(self.stage, Stage::Reading { .. }) {
            return Ok(Verification::Done);
        }
        self.quiet_polls += 1;
        if self.quiet_polls > self.polls_max {
            return Err(WaitError { what: "the table to be read back", polls: self.polls_max }.into());
        }
        Ok(Verification::Pending { slots })
    }
}
