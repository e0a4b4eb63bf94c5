//! Frames on the RTL's 512-bit streams: in a row, or at the wire's pace.

use super::watch::Watch;
use super::{BEAT_BYTES, CYCLE_PS, CYCLES_MAX, Mapped, RtlNic};
use firmware_abi::frame::WIRE_BYTES_MAX;
use firmware_abi::key::Direction;
use firmware_abi::registers::offset;
use firmware_abi::ring::FRAME_BYTES_MAX;
use hw_model::timing::{Board, Wire, beats};
use hw_model::{Frame, Sent};

/// Bits of `frame_user_t` and `sent_user_t`, one after the other for each direction.
const FRAME_USER_BITS: usize = 33;
const SENT_USER_BITS: usize = 97;

/// What the RTL runs on here: one clock, and memory that answers in the next cycle.
pub(crate) const BOARD: Board = Board::bench(CYCLE_PS);

impl<B: Mapped> RtlNic<B> {
    /// Notes from now on when what passes the ports. Before the host sets anything up.
    ///
    /// # Panics
    /// When the RTL was built with two clocks: times are cycles of one.
    pub(crate) fn set_watch(&mut self) {
        assert_eq!(rtl_sim::tops::TWO_CLOCKS, 0, "two clocks (WEIR_RTL_TWO_CLOCKS), expected one");
        self.watch = Some(Box::default());
    }

    /// What was noted.
    pub(crate) fn watch_mut(&mut self) -> Option<&mut Watch> {
        self.watch.as_deref_mut()
    }

    /// Sends a burst, each frame's last beat with the first edge at which a 100 Gb/s wire has its last bit, and waits
    /// for quiet behind it. The wire offers a frame at its time, counted from `start_ns`.
    pub(crate) fn send_paced(&mut self, frames: &[Frame<'_>], start_ns: u64) {
        let punt_next = self.register_read(offset::PUNT_PRODUCER);
        if let Some(watch) = &mut self.watch {
            watch.begin(punt_next);
        }
        let start = self.cycles;
        let mut wire = Wire::default();
        for frame in frames {
            let offered_ps = frame.time_ns.saturating_sub(start_ns) * 1000;
            let last = wire.carry(offered_ps, frame.wire_bytes().into()).div_ceil(CYCLE_PS);
            let first = start + last + 1 - beats(frame.bytes.len() as u64).min(last + 1);
            while self.cycles < first {
                self.clock();
            }
            self.set_time(frame.time_ns);
            self.send(frame);
        }
        self.settle();
    }

    /// Puts a frame on its stream.
    pub(super) fn send(&mut self, frame: &Frame<'_>) {
        let index = frame.direction.index();
        let held = &frame.bytes[..frame.bytes.len().min(FRAME_BYTES_MAX)];
        let user = u64::from(frame.wire_length.min(WIRE_BYTES_MAX)) << 16 | u64::from(frame.vport);
        set_field(&mut self.inputs.in_user_i, FRAME_USER_BITS * index, FRAME_USER_BITS, user);
        self.inputs.in_valid_i = 1 << index;
        // A frame of which nothing is known is a beat without bytes.
        for beat in 0..held.len().div_ceil(BEAT_BYTES).max(1) {
            let bytes = &held[beat * BEAT_BYTES..held.len().min((beat + 1) * BEAT_BYTES)];
            let mut data = [0; BEAT_BYTES];
            data[..bytes.len()].copy_from_slice(bytes);
            for (word, bytes) in self.inputs.in_data_i[16 * index..].iter_mut().zip(data.chunks_exact(4)) {
                *word = bytes.first_chunk().map_or(0, |bytes| u32::from_le_bytes(*bytes));
            }
            let last = (beat + 1) * BEAT_BYTES >= held.len();
            self.inputs.in_bytes_i = (bytes.len() as u16) << (7 * index);
            self.inputs.in_last_i = u8::from(last) << index;
            let end = self.cycles + CYCLES_MAX;
            loop {
                if self.edge().stream && self.outputs.in_ready_o >> index & 1 == 1 {
                    break;
                }
                assert!(self.cycles < end, "the RTL takes no frame");
            }
        }
        self.inputs.in_valid_i = 0;
    }

    /// Frames that leave, both directions.
    pub(super) fn take_beats(&mut self) {
        for direction in Direction::ALL {
            let index = direction.index();
            if self.outputs.out_valid_o >> index & 1 == 0 {
                continue;
            }
            let bytes = usize::from(self.outputs.out_bytes_o >> (7 * index) & 0x7f);
            let words = &self.outputs.out_data_o[16 * index..16 * (index + 1)];
            let frame = &mut self.leaving[index];
            let begin = frame.len();
            frame.extend(words.iter().flat_map(|word| word.to_le_bytes()));
            frame.truncate(begin + bytes);
            if self.outputs.out_last_o >> index & 1 == 1 {
                let bytes = std::mem::take(frame);
                if self.keep {
                    let user = |from, bits| field(&self.outputs.out_user_o, SENT_USER_BITS * index + from, bits);
                    self.sent.push(Sent {
                        vport: user(0, 16) as u16,
                        direction,
                        time_ns: user(33, 64),
                        wire_length: user(16, 17) as u32,
                        bytes,
                    });
                }
            }
        }
    }
}

/// `bits` bits (at most 64) from bit `from` on.
fn field(words: &[u32], from: usize, bits: usize) -> u64 {
    let bit = |at: usize| u64::from(words[at / 32] >> (at % 32) & 1);
    (0..bits).fold(0, |value, at| value | bit(from + at) << at)
}

/// Sets `bits` bits (at most 64) from bit `from` on.
fn set_field(words: &mut [u32], from: usize, bits: usize, value: u64) {
    for at in 0..bits {
        let (word, bit) = ((from + at) / 32, (from + at) % 32);
        words[word] = words[word] & !(1 << bit) | ((value >> at & 1) as u32) << bit;
    }
}
