//! Host memory at the far end of the RTL's AXI4 master.
//!
//! ```text
//!   AW, W ─▶ gather a burst ─▶ all of it mapped? ─ yes ▶ write, last dword of each beat last ─▶ B OKAY
//!                                                 └ no ─▶ nothing is written ─▶ B SLVERR
//!   AR ─▶ a beat of 64 bytes, or SLVERR if it is not all mapped ─▶ R
//! ```

use crate::hostmem::HostBus;
use hw_model::{Bus, DmaFault};
use rtl_sim::tops::{WeirTopIn, WeirTopOut};
use std::collections::VecDeque;

/// Bytes of a beat.
const BEAT_BYTES: usize = 64;
/// The response to an access outside mapped memory: SLVERR (AMBA AXI4 specification, A3.4.4).
const SLVERR: u8 = 2;

/// A bus that can say beforehand whether an access would fault.
pub trait Mapped: Bus {
    /// Whether the NIC may touch all of the `bytes` bytes at `iova`.
    fn is_mapped(&self, iova: u64, bytes: usize) -> bool;
}

impl Mapped for HostBus {
    fn is_mapped(&self, iova: u64, bytes: usize) -> bool {
        self.covers(iova, bytes)
    }
}

/// A beat of write data.
#[derive(Clone, Copy, Debug)]
struct Data {
    words: [u32; 16],
    strobes: u64,
}

impl Data {
    /// The bytes that are to be written, as one run: where it begins, and what it is.
    fn run(&self, bytes: &mut [u8; BEAT_BYTES]) -> (usize, usize) {
        for (bytes, word) in bytes.chunks_exact_mut(4).zip(self.words) {
            bytes.copy_from_slice(&word.to_le_bytes());
        }
        let from = self.strobes.trailing_zeros() as usize;
        let to = BEAT_BYTES - self.strobes.leading_zeros() as usize;
        (from.min(to), to)
    }
}

/// The memory's side of the five channels.
#[derive(Debug, Default)]
pub(super) struct Memory {
    /// Write bursts that were announced: address, beats.
    writes: VecDeque<(u64, usize)>,
    data: VecDeque<Data>,
    /// Responses that the master has not taken.
    done: VecDeque<u8>,
    reads: VecDeque<([u32; 16], u8, bool)>,
}

impl Memory {
    /// What the memory drives in the next cycle.
    pub(super) fn drive(&self, inputs: &mut WeirTopIn) {
        inputs.axi_awready_i = 1;
        inputs.axi_wready_i = 1;
        inputs.axi_arready_i = 1;
        inputs.axi_bvalid_i = u8::from(!self.done.is_empty());
        inputs.axi_bresp_i = self.done.front().copied().unwrap_or(0);
        inputs.axi_rvalid_i = u8::from(!self.reads.is_empty());
        if let Some((words, response, last)) = self.reads.front() {
            inputs.axi_rdata_i = *words;
            inputs.axi_rresp_i = *response;
            inputs.axi_rlast_i = u8::from(*last);
        }
    }

    /// What was handed over in a cycle in which [`Self::drive`] held.
    pub(super) fn take(&mut self, outputs: &WeirTopOut, bus: &mut impl Mapped) {
        if !self.done.is_empty() && outputs.axi_bready_o != 0 {
            self.done.pop_front();
        }
        if !self.reads.is_empty() && outputs.axi_rready_o != 0 {
            self.reads.pop_front();
        }
        if outputs.axi_awvalid_o != 0 {
            self.writes.push_back((outputs.axi_awaddr_o, usize::from(outputs.axi_awlen_o) + 1));
        }
        if outputs.axi_wvalid_o != 0 {
            self.data.push_back(Data { words: outputs.axi_wdata_o, strobes: outputs.axi_wstrb_o });
        }
        if outputs.axi_arvalid_o != 0 {
            self.read(outputs.axi_araddr_o, usize::from(outputs.axi_arlen_o) + 1, bus);
        }
        while let Some((address, beats)) = self.writes.front().copied()
            && self.data.len() >= beats
        {
            self.writes.pop_front();
            let burst: Vec<_> = self.data.drain(..beats).collect();
            self.done.push_back(if write(address, &burst, bus).is_ok() { 0 } else { SLVERR });
        }
    }

    fn read(&mut self, address: u64, beats: usize, bus: &mut impl Mapped) {
        let first = address & !(BEAT_BYTES as u64 - 1);
        for beat in 0..beats {
            let mut bytes = [0; BEAT_BYTES];
            let fault = bus.read(first.wrapping_add((beat * BEAT_BYTES) as u64), &mut bytes).is_err();
            let mut words = [0; 16];
            for (word, bytes) in words.iter_mut().zip(bytes.chunks_exact(4)) {
                *word = bytes.first_chunk().map_or(0, |bytes| u32::from_le_bytes(*bytes));
            }
            self.reads.push_back((words, if fault { SLVERR } else { 0 }, beat + 1 == beats));
        }
    }
}

/// Writes a burst: all of it or, on a fault, nothing.
fn write(address: u64, burst: &[Data], bus: &mut impl Mapped) -> Result<(), DmaFault> {
    let first = address & !(BEAT_BYTES as u64 - 1);
    let at = |beat: usize, from: usize| first.wrapping_add((beat * BEAT_BYTES + from) as u64);
    let mut bytes = [0; BEAT_BYTES];
    for (beat, data) in burst.iter().enumerate() {
        let (from, to) = data.run(&mut bytes);
        if !bus.is_mapped(at(beat, from), to - from) {
            return Err(DmaFault { iova: at(beat, from), bytes: to - from });
        }
    }
    for (beat, data) in burst.iter().enumerate() {
        let (from, to) = data.run(&mut bytes);
        // Entries end with a whole dword; the end of a frame, where nobody waits for it, may not.
        match bytes[from..to].split_last_chunk::<4>().filter(|_| to.is_multiple_of(4)) {
            Some((body, last)) => {
                if !body.is_empty() {
                    bus.write(at(beat, from), body)?;
                }
                bus.publish(at(beat, to - 4), u32::from_le_bytes(*last))?;
            }
            None => bus.write(at(beat, from), &bytes[from..to])?,
        }
    }
    Ok(())
}
