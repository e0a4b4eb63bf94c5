//! Several captures as one, in order of time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::path::Path;

use super::{Capture, CaptureError};
use crate::frames::FrameBatch;

/// Frames read ahead of each capture.
const AHEAD: usize = 256;

/// Several captures merged by time. Of frames with the same time, those of the capture that was
/// named first come first. Within one capture the order is kept as it is, also where its time goes
/// backwards.
#[derive(Debug)]
pub struct Merged {
    inputs: Vec<Input>,
    /// Time of the next frame of each input that has one, with the input's number.
    next: BinaryHeap<Reverse<(u64, usize)>>,
    error: Option<CaptureError>,
}

#[derive(Debug)]
struct Input {
    capture: Capture,
    ahead: FrameBatch,
    taken: usize,
}

impl Input {
    /// Time of the next frame, or `None` at the end.
    fn next_time(&mut self) -> Result<Option<u64>, CaptureError> {
        if self.taken == self.ahead.len() {
            self.ahead.clear();
            self.taken = 0;
            self.capture.read_into(&mut self.ahead, AHEAD)?;
        }
        Ok(self.ahead.get(self.taken).map(|frame| frame.time_ns))
    }
}

impl Merged {
    /// Opens the files; `-` is standard input.
    ///
    /// # Errors
    ///
    /// The first file's that cannot be opened or is no capture.
    pub fn open<P: AsRef<Path>>(paths: &[P]) -> Result<Self, CaptureError> {
        let captures = paths.iter().map(|path| Capture::open(path.as_ref()));
        Ok(Self::new(captures.collect::<Result<_, _>>()?))
    }

    /// Merges captures that are open already.
    #[must_use]
    pub fn new(captures: Vec<Capture>) -> Self {
        let inputs: Vec<_> =
            captures.into_iter().map(|capture| Input { capture, ahead: FrameBatch::new(), taken: 0 }).collect();
        let mut merged = Self { next: BinaryHeap::with_capacity(inputs.len()), inputs, error: None };
        if merged.inputs.len() > 1 {
            for index in 0..merged.inputs.len() {
                merged.queue(index);
            }
        }
        merged
    }

    /// Appends up to `max` frames to the batch and answers how many. 0 is the end, if `max` is not.
    ///
    /// # Errors
    ///
    /// A capture's error comes when its next frame would be needed to go on, after all frames before
    /// it were delivered: nothing is delivered out of order, and nothing after an error. From
    /// then on every call answers the same error.
    pub fn read_into(&mut self, batch: &mut FrameBatch, max: usize) -> Result<usize, CaptureError> {
        if let [input] = self.inputs.as_mut_slice() {
            return input.capture.read_into(batch, max);
        }
        let mut added = 0;
        while added < max && self.error.is_none() {
            let Some(Reverse((_, index))) = self.next.pop() else {
                break;
            };
            let Some(input) = self.inputs.get_mut(index) else {
                break;
            };
            if let Some(frame) = input.ahead.get(input.taken) {
                batch.push(frame.time_ns, frame.wire_length, frame.bytes);
                input.taken += 1;
                added += 1;
            }
            self.queue(index);
        }
        match &self.error {
            Some(error) if added == 0 && max > 0 => Err(error.clone()),
            _ => Ok(added),
        }
    }

    /// Bytes read so far of all files, compressed as they are.
    #[must_use]
    pub fn position(&self) -> u64 {
        let positions = self.inputs.iter().map(|input| input.capture.position());
        positions.fold(0, u64::saturating_add)
    }

    /// Size of all files, or `None` if one of them is not a file.
    #[must_use]
    pub fn size(&self) -> Option<u64> {
        let mut sizes = self.inputs.iter().map(|input| input.capture.size());
        sizes.try_fold(0, |sum: u64, size| Some(sum.saturating_add(size?)))
    }

    fn queue(&mut self, index: usize) {
        let Some(input) = self.inputs.get_mut(index) else {
            return;
        };
        match input.next_time() {
            Ok(Some(time_ns)) => self.next.push(Reverse((time_ns, index))),
            Ok(None) => {}
            // The first error stays: it is the one that nothing may be delivered after.
            Err(error) => self.error = Some(self.error.take().unwrap_or(error)),
        }
    }
}
