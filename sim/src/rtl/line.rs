//! Traffic on both wires at their full rate, for as long as it is wanted, whatever else the NIC is asked to do.
//!
//! ```text
//!   frames ─▶ 100 Gb/s: preamble, bytes, FCS, gap ─▶ beats, each when its last byte is there ─▶ stream
//! ```
//!
//! The wire does not wait: a beat that the stream does not take at once is late, and a wire that is faster than
//! the stream makes every beat later than the one before. The time of the NIC runs with the clock.

use super::{BEAT_BYTES, Mapped, RtlNic};
use rtl_sim::tops::{WeirTopIn, WeirTopOut};
use std::cell::RefCell;
use std::rc::Rc;

/// One byte at 100 Gb/s.
const BYTE_PS: u64 = 80;
/// Preamble, FCS and inter-frame gap, which the stream does not carry.
const OVERHEAD_BYTES: u64 = 24;

impl<B: Mapped> RtlNic<B> {
    /// The wires, for traffic at their full rate. While there is any, time runs with the clock, no call waits until
    /// nothing moves, and frames come by no other way.
    #[must_use]
    pub fn line(&self) -> Line {
        self.line.clone()
    }

    /// Clocks until the time is there; false if an interrupt came first.
    pub(super) fn run_until(&mut self, until_ns: u64) -> bool {
        while self.now_ns() < until_ns && !self.fired {
            self.clock();
        }
        !std::mem::take(&mut self.fired)
    }
}

/// What goes over both wires next.
pub trait Traffic {
    /// Writes the next frame of ingress (0) or egress (1) into `frame`, which is empty; none ends that wire's.
    fn frame(&mut self, direction: usize, frame: &mut Vec<u8>);
}

/// What became of the traffic, by direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Passed {
    /// Frames that the NIC took whole.
    pub taken: [u64; 2],
    /// Frames that left the NIC.
    pub left: [u64; 2],
    /// Cycles in which the NIC said that something had to wait.
    pub stalls: [u64; 2],
    /// The longest that a beat was there and not taken, cycles.
    pub late_cycles: [u64; 2],
    /// Cycles of the clock.
    pub cycles: u64,
}

/// One wire, up to the stream.
#[derive(Default)]
struct Wire {
    frame: Vec<u8>,
    /// Beats of it that were taken.
    beats: usize,
    /// When its first byte came.
    begin_ps: u64,
    ended: bool,
}

impl Wire {
    /// When the next beat is there.
    fn due_ps(&self) -> u64 {
        self.begin_ps + self.frame.len().min((self.beats + 1) * BEAT_BYTES) as u64 * BYTE_PS
    }

    fn next_frame(&mut self, direction: usize, traffic: &mut dyn Traffic) {
        self.begin_ps += (self.frame.len() as u64 + OVERHEAD_BYTES) * BYTE_PS;
        self.beats = 0;
        self.frame.clear();
        traffic.frame(direction, &mut self.frame);
        self.ended = self.frame.is_empty();
    }

    /// Puts the next beat on the stream.
    fn drive(&self, direction: usize, inputs: &mut WeirTopIn) {
        let bytes = &self.frame[self.beats * BEAT_BYTES..self.frame.len().min((self.beats + 1) * BEAT_BYTES)];
        let words = &mut inputs.in_data_i[16 * direction..][..16];
        words.fill(0);
        for (word, bytes) in words.iter_mut().zip(bytes.chunks(4)) {
            let mut whole = [0; 4];
            whole[..bytes.len()].copy_from_slice(bytes);
            *word = u32::from_le_bytes(whole);
        }
        let shift = 7 * direction;
        inputs.in_bytes_i = inputs.in_bytes_i & !(0x7f << shift) | (bytes.len() as u16) << shift;
        let last = u8::from((self.beats + 1) * BEAT_BYTES >= self.frame.len());
        inputs.in_last_i = inputs.in_last_i & !(1 << direction) | last << direction;
    }
}

struct Running {
    traffic: Box<dyn Traffic>,
    cycle_ps: u64,
    now_ps: u64,
    wires: [Wire; 2],
    passed: Passed,
}

/// The wires of an [`super::RtlNic`], in the hand of who says what goes over them.
#[derive(Clone, Default)]
pub struct Line(Rc<RefCell<Option<Running>>>);

impl Line {
    /// Starts `traffic` on both wires. From now on time runs with the clock, whose period is `cycle_ps`; the stream's, if
    /// it has its own.
    pub fn start(&self, cycle_ps: u64, traffic: Box<dyn Traffic>) {
        let mut running =
            Running { traffic, cycle_ps, now_ps: 0, wires: Default::default(), passed: Passed::default() };
        for (direction, wire) in running.wires.iter_mut().enumerate() {
            wire.next_frame(direction, &mut *running.traffic);
        }
        *self.0.borrow_mut() = Some(running);
    }

    /// What has become of it so far.
    #[must_use]
    pub fn passed(&self) -> Passed {
        self.0.borrow().as_ref().map_or_else(Passed::default, |running| running.passed)
    }

    /// Ends it: time is again what the NIC is told. Nothing may be under way.
    pub fn stop(&self) -> Passed {
        self.0.borrow_mut().take().map_or_else(Passed::default, |running| running.passed)
    }

    pub(super) fn is_running(&self) -> bool {
        self.0.borrow().is_some()
    }

    /// The period of the clock, while there is traffic.
    pub(super) fn cycle_ps(&self) -> Option<u64> {
        self.0.borrow().as_ref().map(|running| running.cycle_ps)
    }

    /// What the wires drive in the next cycle.
    pub(super) fn drive(&self, inputs: &mut WeirTopIn) {
        let Some(running) = &mut *self.0.borrow_mut() else { return };
        let before_ns = running.now_ps / 1000;
        running.now_ps += running.cycle_ps;
        running.passed.cycles += 1;
        inputs.time_ns_i = inputs.time_ns_i.wrapping_add(running.now_ps / 1000 - before_ns);
        inputs.in_valid_i = 0;
        // Port 0, and all of the frame is there.
        inputs.in_user_i.fill(0);
        for (direction, wire) in running.wires.iter_mut().enumerate() {
            if wire.ended || wire.due_ps() > running.now_ps {
                continue;
            }
            let late = &mut running.passed.late_cycles[direction];
            *late = (*late).max((running.now_ps - wire.due_ps()) / running.cycle_ps);
            inputs.in_valid_i |= 1 << direction;
            wire.drive(direction, inputs);
        }
    }

    /// What was taken, and what left, in a cycle in which [`Self::drive`] held.
    pub(super) fn take(&self, inputs: &WeirTopIn, outputs: &WeirTopOut) {
        let Some(running) = &mut *self.0.borrow_mut() else { return };
        let left = outputs.out_valid_o & outputs.out_last_o;
        for (direction, wire) in running.wires.iter_mut().enumerate() {
            running.passed.left[direction] += u64::from(left >> direction & 1);
            running.passed.stalls[direction] += u64::from(outputs.stall_o >> direction & 1);
            if inputs.in_valid_i & outputs.in_ready_o & 1 << direction == 0 {
                continue;
            }
            wire.beats += 1;
            if wire.beats * BEAT_BYTES >= wire.frame.len() {
                running.passed.taken[direction] += 1;
                wire.next_frame(direction, &mut *running.traffic);
            }
        }
    }
}
