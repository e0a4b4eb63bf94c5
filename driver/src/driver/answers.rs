//! What the NIC answers: completions, and the table that is read back after a re-attach.

use super::Driver;
use crate::commands::{Answer, CommandEvent, Fence};
use crate::device::Device;
use crate::regio::RegIo;
use crate::slots::{Cookie, VPORTS};
use crate::verify::{Expectation, Verification, VerifyError};
use firmware_abi::descriptor::{Opcode, Status};
use firmware_abi::ring::RingId;

impl<D: Device> Driver<D> {
    /// Takes in the completions that wait, `most` at most, and tells `event` what they mean; returns
    /// how many there were.
    pub fn completions(&mut self, most: usize, mut event: impl FnMut(CommandEvent)) -> usize {
        let mut count = 0;
        while count < most && self.arena.room::<u64>() > 0 {
            let Some(completion) = self.commands.completion() else { break };
            count += 1;
            match Answer::of(completion).filter(|answer| self.is_possible(answer)) {
                Some(answer) => {
                    self.commands.learn(&answer);
                    self.take_in(&answer, &mut event);
                }
                None => self.faults.completions += 1,
            }
        }
        count
    }

    /// Whether the answer is about a slot or port that there is.
    fn is_possible(&self, answer: &Answer) -> bool {
        let limit_log2 = if answer.opcode == Opcode::SetEni { VPORTS.ilog2() } else { self.slots.slots_log2() };
        answer.slot.0 >> limit_log2 == 0
    }

    fn take_in(&mut self, answer: &Answer, event: &mut impl FnMut(CommandEvent)) {
        let Answer { opcode, status, direction, slot, cookie, .. } = *answer;
        if opcode == Opcode::ReadSlot {
            if let Some(read_back) = &mut self.read_back {
                read_back.completed(answer);
            }
            return;
        }
        if status != Status::Ok {
            match (opcode, status) {
                (Opcode::Insert, _) => self.slots.refused(direction, slot, Cookie(cookie)),
                (Opcode::Delete, Status::SlotEmpty) => self.slots.left(direction, slot, Cookie(cookie)),
                _ => {}
            }
            return event(CommandEvent::Failed { opcode, status, direction, slot, cookie: Cookie(cookie) });
        }
        match opcode {
            Opcode::Delete => {
                self.slots.left(direction, slot, Cookie(cookie));
                event(CommandEvent::Removed { direction, slot, cookie: Cookie(cookie) });
            }
            Opcode::ReadActivity => event(CommandEvent::ActivityRead { direction }),
            Opcode::SetEni => event(CommandEvent::EniSet { vport: slot.0 as u16 }),
            Opcode::Fence => self.fenced(Fence(cookie), event),
            Opcode::Nop | Opcode::Insert | Opcode::Update | Opcode::ReadSlot => {}
        }
    }

    fn fenced(&mut self, fence: Fence, event: &mut impl FnMut(CommandEvent)) {
        match &mut self.read_back {
            Some(read_back) if read_back.is_waiting_for(fence) => {
                read_back.fenced(self.device.io().ring(RingId::Record).producer());
            }
            _ => event(CommandEvent::Fenced(fence)),
        }
    }

    /// Goes on reading the table back after a re-attach: to be called once a poll, before the
    /// commit, until it is done.
    ///
    /// # Errors
    /// When the NIC's table is not what the host put there, or it does not answer.
    pub fn verify(&mut self) -> Result<Verification, VerifyError> {
        let Some(mut read_back) = self.read_back.take() else { return Ok(Verification::Done) };
        if read_back.needs_fence()
            && let Ok(fence) = self.fence()
        {
            read_back.fencing(fence);
        }
        while let Some((direction, slot)) = read_back.next_question() {
            let shadow = self.slots.shadow(direction, slot);
            if shadow.is_leaving() {
                read_back.asked(None);
            } else if self.reserve_commands(1).is_ok() {
                self.commands.read_slot(direction, slot);
                read_back.asked(Some(Expectation { direction, slot, cookie: shadow.cookie() }));
            } else {
                break;
            }
        }
        let progress = read_back.poll();
        if progress != Ok(Verification::Done) {
            self.read_back = Some(read_back);
        }
        progress
    }
}
