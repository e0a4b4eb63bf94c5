//! Frames on their way from a source (a capture, the generator) to a simulated NIC.
//!
//! ```text
//! Capture ─┐
//! Merged  ─┼─ read_into ─▶ FrameBatch ── iter ─▶ NIC
//! Generator┘                  ▲                   │
//!                             └───── clear ───────┘
//! ```
//!
//! A batch is filled, read and cleared again. Its memory is kept, so that once it has grown to its
//! working size a packet costs no allocation. A source that already holds many frames in one piece
//! of memory hands over the piece and the places inside it: one copy per batch, not one per frame.

/// One frame of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// When the frame was seen, in nanoseconds since 1970-01-01 UTC.
    pub time_ns: u64,
    /// Bytes the frame had on the wire, from the destination address to the last byte before the
    /// frame check sequence. Never less than `bytes.len()`.
    pub wire_length: u32,
    /// The part of the frame that was captured, from the destination address on.
    pub bytes: &'a [u8],
}

/// Where a frame of the batch is, and what is known of it besides its bytes.
#[derive(Clone, Copy, Debug, Default)]
struct FrameInfo {
    time_ns: u64,
    offset: usize,
    snap_length: u32,
    wire_length: u32,
}

/// Ethernet frames in the order in which their source gave them, owned and reused.
#[derive(Clone, Debug, Default)]
pub struct FrameBatch {
    data: Vec<u8>,
    frames: Vec<FrameInfo>,
}

impl FrameBatch {
    /// An empty batch that owns no memory yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { data: Vec::new(), frames: Vec::new() }
    }

    /// An empty batch with room for `frames` frames and `bytes` bytes of them.
    #[must_use]
    pub fn with_capacity(frames: usize, bytes: usize) -> Self {
        Self { data: Vec::with_capacity(bytes), frames: Vec::with_capacity(frames) }
    }

    /// Forgets all frames and keeps the memory.
    pub fn clear(&mut self) {
        self.data.clear();
        self.frames.clear();
    }

    /// How many frames the batch holds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.frames.len()
    }

    /// Whether the batch holds no frame.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// Appends a frame. A `wire_length` below the number of bytes is raised to it.
    pub fn push(&mut self, time_ns: u64, wire_length: u32, bytes: &[u8]) {
        let offset = self.data.len();
        self.data.extend_from_slice(bytes);
        self.record(time_ns, wire_length, offset);
    }

    /// Appends a frame that `write` appends to the vector it is given. `write` must only append:
    /// what is there already belongs to earlier frames.
    pub fn push_with(&mut self, time_ns: u64, wire_length: u32, write: impl FnOnce(&mut Vec<u8>)) {
        let offset = self.data.len();
        write(&mut self.data);
        assert!(self.data.len() >= offset, "a frame's writer only appends");
        self.record(time_ns, wire_length, offset);
    }

    /// Frame number `index`, counted from 0, or `None` past the end.
    #[must_use]
    pub fn get(&self, index: usize) -> Option<Frame<'_>> {
        self.frames.get(index).map(|info| self.frame(info))
    }

    /// All frames, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Frame<'_>> + DoubleEndedIterator {
        self.frames.iter().map(|info| self.frame(info))
    }

    /// The frames from number `first` on, at most `most`, up to one of `until_ns` or later.
    #[inline]
    pub fn before(&self, first: usize, most: usize, until_ns: u64) -> impl ExactSizeIterator<Item = Frame<'_>> {
        let frames = self.frames.get(first..).unwrap_or(&[]);
        let frames = frames.get(..most).unwrap_or(frames);
        let count = frames.iter().position(|info| info.time_ns >= until_ns).unwrap_or(frames.len());
        frames[..count].iter().map(|info| self.frame(info))
    }

    /// Appends frames that lie inside one piece of memory, one behind the other, at most `most`:
    /// those that `next` tells of, until it knows none. The piece is copied once, up to the end of
    /// the last. Answers how many there were.
    #[inline]
    pub(crate) fn push_run(&mut self, piece: &[u8], most: usize, mut next: impl FnMut() -> Option<Place>) -> usize {
        let (first, base) = (self.frames.len(), self.data.len());
        self.frames.resize(first + most, FrameInfo::default());
        let (mut count, mut end) = (0, 0);
        for info in &mut self.frames[first..] {
            let Some(Place { time_ns, wire_length, offset, snap_length }) = next() else { break };
            end = offset + snap_length as usize;
            *info =
                FrameInfo { time_ns, offset: base + offset, snap_length, wire_length: wire_length.max(snap_length) };
            count += 1;
        }
        self.frames.truncate(first + count);
        self.append(&piece[..end]);
        count
    }

    fn append(&mut self, piece: &[u8]) {
        // In pieces that stay below what a C library's memcpy takes for large: its byte-string
        // instruction starts slowly.
        for part in piece.chunks(1024) {
            self.data.extend_from_slice(part);
        }
    }

    fn record(&mut self, time_ns: u64, wire_length: u32, offset: usize) {
        let snap_length = u32::try_from(self.data.len() - offset).unwrap_or(u32::MAX);
        self.frames.push(FrameInfo { time_ns, offset, snap_length, wire_length: wire_length.max(snap_length) });
    }

    #[inline]
    fn frame(&self, info: &FrameInfo) -> Frame<'_> {
        Frame {
            time_ns: info.time_ns,
            wire_length: info.wire_length,
            bytes: &self.data[info.offset..info.offset + info.snap_length as usize],
        }
    }
}

/// A frame of a run: where it starts in the piece of memory, and what is known of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    pub(crate) time_ns: u64,
    pub(crate) wire_length: u32,
    pub(crate) offset: usize,
    pub(crate) snap_length: u32,
}

impl<'a> IntoIterator for &'a FrameBatch {
    type Item = Frame<'a>;
    type IntoIter = Frames<'a>;

    fn into_iter(self) -> Frames<'a> {
        Frames { batch: self, next: 0 }
    }
}

/// The frames of a batch, in order.
#[derive(Clone, Debug)]
pub struct Frames<'a> {
    batch: &'a FrameBatch,
    next: usize,
}

impl<'a> Iterator for Frames<'a> {
    type Item = Frame<'a>;

    #[inline]
    fn next(&mut self) -> Option<Frame<'a>> {
        let frame = self.batch.get(self.next)?;
        self.next += 1;
        Some(frame)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.batch.len() - self.next;
        (left, Some(left))
    }
}

impl ExactSizeIterator for Frames<'_> {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cleared_batch_keeps_its_memory_and_gives_the_new_frames_only() {
        let mut batch = FrameBatch::new();
        batch.push(1, 60, &[1; 60]);
        batch.push_with(2, 1500, |data| data.extend_from_slice(&[2; 96]));
        let memory = (batch.data.capacity(), batch.frames.capacity());
        batch.clear();
        assert!(batch.is_empty());
        assert_eq!(batch.get(0), None);
        batch.push(3, 0, &[3; 4]);
        assert_eq!((batch.data.capacity(), batch.frames.capacity()), memory);
        let frame = Frame { time_ns: 3, wire_length: 4, bytes: &[3; 4] };
        assert_eq!(batch.iter().collect::<Vec<_>>(), [frame]);
        assert_eq!((&batch).into_iter().collect::<Vec<_>>(), [frame]);
    }

    #[test]
    fn a_run_of_frames_follows_the_frames_that_were_there_before() {
        let mut batch = FrameBatch::new();
        batch.push(1, 2, &[9, 9]);
        let place = |time_ns, wire_length, offset, snap_length| Place { time_ns, wire_length, offset, snap_length };
        let mut places = [place(2, 100, 1, 2), place(3, 0, 4, 1)].into_iter();
        assert_eq!(batch.push_run(&[0, 1, 2, 0, 4, 0], 4, || places.next()), 2);
        let seen: Vec<_> = batch.iter().map(|frame| (frame.time_ns, frame.wire_length, frame.bytes.to_vec())).collect();
        let expected = [(1, 2, vec![9, 9]), (2, 100, vec![1, 2]), (3, 1, vec![4])];
        assert_eq!(seen, expected);
        assert_eq!(batch.push_run(&[7, 7], 1, || Some(place(4, 0, 0, 2))), 1, "no more than asked for");
    }

    #[test]
    fn the_frames_before_a_time_end_at_the_first_that_is_not() {
        let mut batch = FrameBatch::new();
        for time_ns in [5, 1, 9, 2] {
            batch.push(time_ns, 0, &[]);
        }
        let times = |first, most, until_ns| -> Vec<u64> {
            batch.before(first, most, until_ns).map(|frame| frame.time_ns).collect()
        };
        assert_eq!(times(0, 10, 9), [5, 1]);
        assert_eq!(times(0, 1, 9), [5]);
        assert_eq!(times(1, 10, u64::MAX), [1, 9, 2]);
        assert_eq!(times(2, 10, 9), [0; 0]);
        assert_eq!(times(5, 10, 9), [0; 0]);
    }
}
