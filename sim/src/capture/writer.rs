//! Writes captures: classic pcap, nanoseconds, little-endian, Ethernet.

use std::io::{self, Write};

use super::classic::MAGIC_NANOSECONDS;
use super::error::PACKET_LENGTH_MAX;
use crate::frames::{Frame, FrameBatch};

const BUFFER: usize = 256 << 10;
const LINK_TYPE_ETHERNET: u32 = 1;

/// A capture file that is being written. Frames are gathered in a buffer of its own, so the
/// target needs none. Call [`finish`](Self::finish) at the end: dropping it loses what is still in
/// the buffer.
#[derive(Debug)]
pub struct PcapWriter<W: Write> {
    target: W,
    buffer: Vec<u8>,
    snap_length: u32,
}

impl<W: Write> PcapWriter<W> {
    /// Starts a capture that keeps at most `snap_length` bytes of each frame; 0, or more than
    /// [`PACKET_LENGTH_MAX`], stands for that limit. The file header waits in the buffer, so this
    /// cannot fail.
    pub fn new(target: W, snap_length: u32) -> Self {
        let snap_length = match snap_length {
            0 => PACKET_LENGTH_MAX,
            length => length.min(PACKET_LENGTH_MAX),
        };
        let mut buffer = Vec::with_capacity(BUFFER);
        buffer.extend_from_slice(&MAGIC_NANOSECONDS.to_le_bytes());
        buffer.extend_from_slice(&2_u16.to_le_bytes());
        buffer.extend_from_slice(&4_u16.to_le_bytes());
        buffer.extend_from_slice(&[0; 8]);
        buffer.extend_from_slice(&snap_length.to_le_bytes());
        buffer.extend_from_slice(&LINK_TYPE_ETHERNET.to_le_bytes());
        Self { target, buffer, snap_length }
    }

    /// Writes one frame. The format's seconds end in the year 2106; a later time is written as that
    /// last second.
    ///
    /// # Errors
    ///
    /// When the target cannot be written to.
    pub fn write(&mut self, frame: Frame<'_>) -> io::Result<()> {
        let kept = frame.bytes.get(..self.snap_length as usize);
        let kept = kept.unwrap_or(frame.bytes);
        let seconds = u32::try_from(frame.time_ns / 1_000_000_000).unwrap_or(u32::MAX);
        let nanoseconds = (frame.time_ns % 1_000_000_000) as u32;
        let captured = kept.len() as u32;
        let wire_length = frame.wire_length.max(captured);
        self.buffer.extend_from_slice(&seconds.to_le_bytes());
        self.buffer.extend_from_slice(&nanoseconds.to_le_bytes());
        self.buffer.extend_from_slice(&captured.to_le_bytes());
        self.buffer.extend_from_slice(&wire_length.to_le_bytes());
        self.buffer.extend_from_slice(kept);
        if self.buffer.len() >= BUFFER {
            self.drain()?;
        }
        Ok(())
    }

    /// Writes all frames of a batch.
    ///
    /// # Errors
    ///
    /// When the target cannot be written to.
    pub fn write_batch(&mut self, batch: &FrameBatch) -> io::Result<()> {
        batch.iter().try_for_each(|frame| self.write(frame))
    }

    /// Writes what is left in the buffer, flushes the target and gives it back.
    ///
    /// # Errors
    ///
    /// When the target cannot be written to or flushed.
    pub fn finish(mut self) -> io::Result<W> {
        self.drain()?;
        self.target.flush()?;
        Ok(self.target)
    }

    fn drain(&mut self) -> io::Result<()> {
        self.target.write_all(&self.buffer)?;
        self.buffer.clear();
        Ok(())
    }
}
