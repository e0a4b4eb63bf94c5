//! Traffic onto the ports of a card: which frame crosses which ENI, and what one guest sends to another.

use crate::card::{Card, Frame};
use crate::frames::{self, FrameBatch};
use crate::wire::Wire;
use firmware_abi::key::Direction;
use std::rc::Rc;

/// Frames that the NIC gets at a time: as many as it asks memory for ahead.
pub const BATCH: usize = 64;

/// Traffic onto the ports of a card.
#[derive(Debug)]
pub struct Playback {
    card: Rc<Card>,
    wire: Wire,
    hairpin: bool,
    batch: usize,
    /// What is added to the time of every frame, ns.
    shift_ns: u64,
    frames: u64,
    unclaimed: u64,
}

impl Playback {
    /// Onto `card`, whose ENIs are on `wire`. With `hairpin`, what an ENI of this host sends to another arrives there.
    #[must_use]
    pub fn new(card: Rc<Card>, wire: Wire, hairpin: bool) -> Self {
        card.keep_sent(hairpin);
        Self { card, wire, hairpin, batch: BATCH, shift_ns: 0, frames: 0, unclaimed: 0 }
    }

    /// The card.
    #[must_use]
    pub fn card(&self) -> &Rc<Card> {
        &self.card
    }

    /// Adds `shift_ns` (wrapping) to the time of every frame from now on.
    pub fn set_shift_ns(&mut self, shift_ns: u64) {
        self.shift_ns = shift_ns;
    }

    /// Gives the NIC so many frames at a time, at least 1. What comes of them is the same.
    pub fn set_batch(&mut self, frames: usize) {
        self.batch = frames.max(1);
    }

    /// Frames that crossed an ENI.
    #[must_use]
    pub fn frames(&self) -> u64 {
        self.frames
    }

    /// Frames that crossed none.
    #[must_use]
    pub fn unclaimed(&self) -> u64 {
        self.unclaimed
    }

    /// Sends frame number `first` and those behind it, until the NIC has enough or one is of `until_ns`, by the frames'
    /// own time, or later. `host` is run, with the NIC's time, wherever the NIC interrupts it. Answers the number of the next.
    ///
    /// # Errors
    /// The first error of `host`.
    pub fn send<'a, E>(
        &mut self,
        batch: &'a FrameBatch,
        first: usize,
        until_ns: u64,
        ready: &mut Vec<Frame<'a>>,
        mut host: impl FnMut(u64) -> Result<(), E>,
    ) -> Result<usize, E> {
        let mut next = first;
        let mut frames = batch.before(first, 1, u64::MAX);
        while frames.len() > 0 {
            next += frames.len();
            self.route(frames, ready);
            frames = batch.before(next, self.batch - ready.len(), until_ns);
        }
        let card = &self.card;
        let result = card.offer(ready, || host(card.now_ns()));
        ready.clear();
        result?;
        self.deliver(host)?;
        Ok(next)
    }

    /// Appends the frames that cross an ENI.
    fn route<'a>(&mut self, frames: impl ExactSizeIterator<Item = frames::Frame<'a>>, ready: &mut Vec<Frame<'a>>) {
        let (frame_count, ready_before, shift_ns) = (frames.len(), ready.len(), self.shift_ns);
        match self.wire.takes_all() {
            Some(vport) => ready.extend(frames.map(|frame| offered(&frame, vport, Direction::Ingress, shift_ns))),
            None => ready.extend(frames.filter_map(|frame| {
                let route = self.wire.route(&frame);
                let egress = route.egress.map(|vport| offered(&frame, vport, Direction::Egress, shift_ns));
                egress.or_else(|| route.ingress.map(|vport| offered(&frame, vport, Direction::Ingress, shift_ns)))
            })),
        }
        let claimed = ready.len() - ready_before;
        self.frames += claimed as u64;
        self.unclaimed += (frame_count - claimed) as u64;
    }

    /// What one guest sent to another of the same host arrives there.
    fn deliver<E>(&mut self, mut host: impl FnMut(u64) -> Result<(), E>) -> Result<(), E> {
        if !self.hairpin {
            return Ok(());
        }
        let sent = self.card.take_sent();
        let mut arriving = Vec::new();
        for frame in sent.iter().filter(|frame| frame.direction == Direction::Egress) {
            let seen = frames::Frame { time_ns: frame.time_ns, wire_length: frame.wire_length, bytes: &frame.bytes };
            let Some(vport) = self.wire.route(&seen).ingress.filter(|vport| *vport != frame.vport) else { continue };
            arriving.push(offered(&seen, vport, Direction::Ingress, 0));
        }
        let card = &self.card;
        card.offer(&arriving, || host(card.now_ns()))?;
        // Nothing that arrived goes out again.
        card.take_sent();
        Ok(())
    }

    /// Lets time pass until `until_ns`, by the NIC's time. `host` is run as in [`Self::send`].
    ///
    /// # Errors
    /// The first error of `host`.
    pub fn advance<E>(&mut self, until_ns: u64, mut host: impl FnMut(u64) -> Result<(), E>) -> Result<(), E> {
        let card = &self.card;
        card.advance(until_ns, || host(card.now_ns()))?;
        self.deliver(host)
    }
}

/// A frame as the NIC gets it.
#[inline(always)]
fn offered<'a>(frame: &frames::Frame<'a>, vport: u16, direction: Direction, shift_ns: u64) -> Frame<'a> {
    let time_ns = frame.time_ns.wrapping_add(shift_ns);
    Frame { time_ns, wire_length: frame.wire_length, bytes: frame.bytes, vport, direction }
}
