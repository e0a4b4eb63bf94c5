//! Punts: frames that the host must judge.
//!
//! When the ring has no room, the ENI's credit is used up or host memory cannot be reached, the
//! frame is dropped and counted as skipped, here, where it is lost. The last quarter of the ring is
//! left to retries that come back, so that they are never lost.

use crate::dma::{Bus, DmaFault};
use crate::eni::Enis;
use crate::nic::Nic;
use crate::parse::Fragment;
use crate::receive::{Frame, Staged};
use crate::ring_write::Ring;
use firmware_abi::descriptor::{Ledger, LimitDrop};
use firmware_abi::frame::{FrameHeader, FrameLength, FrameTail, PuntReason};
use firmware_abi::hash::buckets;
use firmware_abi::key::{FlowKey, protocol};
use firmware_abi::ring::{
    FRAME_BYTES_MAX, FRAME_HEADER_BYTES, FRAME_SLOT_DATA_BYTES, RingId, frame_slots, retry_reserve,
};
use std::collections::VecDeque;

/// Frames of one port that wait in the punt ring one behind the other, and the slots that each takes.
#[derive(Clone, Copy, Debug, Default)]
struct Run {
    vport: u16,
    slots: u32,
    frames: u32,
}

/// Whose frames wait in the punt ring.
#[derive(Clone, Debug, Default)]
pub struct Credits {
    /// All runs but the newest, oldest first.
    older: VecDeque<Run>,
    newest: Run,
    partly: u32,
}

impl Credits {
    /// A frame of `vport` takes `slots`.
    #[inline]
    fn take(&mut self, vport: u16, slots: u32) {
        if (self.newest.vport, self.newest.slots) != (vport, slots) {
            self.begin_run(vport, slots);
        }
        self.newest.frames += 1;
    }

    #[inline(never)]
    fn begin_run(&mut self, vport: u16, slots: u32) {
        let before = std::mem::replace(&mut self.newest, Run { vport, slots, frames: 0 });
        if before.frames > 0 {
            self.older.push_back(before);
        }
    }

    /// The host gave `slots` back. A frame's credit comes back when all its slots have.
    pub(crate) fn give_back(&mut self, slots: u32, enis: &mut Enis) {
        self.partly += slots;
        loop {
            let run = self.older.front_mut().unwrap_or(&mut self.newest);
            if run.frames == 0 || run.slots > self.partly {
                return;
            }
            let frames = run.frames.min(self.partly / run.slots);
            self.partly -= frames * run.slots;
            run.frames -= frames;
            if let Some(eni) = enis.get_mut(run.vport) {
                eni.punt_used = eni.punt_used.saturating_sub(frames * run.slots);
            }
            if run.frames == 0 {
                self.older.pop_front();
            }
        }
    }
}

/// SYN without ACK: the packet that opens a TCP connection.
const TCP_SYN: u8 = 0x02;
const TCP_ACK: u8 = 0x10;

impl<B: Bus> Nic<B> {
    /// Punts a frame that just came in, or skips it.
    #[inline(never)]
    pub(crate) fn punt(&mut self, frame: &Frame<'_>, staged: &Staged, reason: PuntReason) {
        let mut header = self.header(frame, staged, reason);
        let asks = reason == PuntReason::Miss && self.enis.limited(frame.vport) && opens(&header.key);
        let over = asks && !self.enis.admit_new_flow(frame.vport, self.now_ns);
        if over {
            header.tail.set_over_new_flow_limit(true);
        }
        let held = &frame.bytes[..header.length.held() as usize];
        let mirror = reason == PuntReason::Mirror;
        let written = self.write_punt(&header, frame.vport, held, false);
        let engine = &mut self.engines[frame.direction.index()];
        self.punts.take(&engine.timing, held.len(), asks, written.is_ok());
        let bank = self.windows.open_bank();
        let Some(ledger) = self.enis.ledger(frame.vport, frame.direction, bank) else { return };
        match written {
            Ok(()) if mirror => engine.counters.mirrored += 1,
            // A lost copy is not a lost packet: the packet itself was tallied.
            Err(_) if mirror => {}
            Ok(()) => {
                ledger.add(Ledger::Punted, staged.l3_bytes);
                if over {
                    ledger.limit(LimitDrop::NewFlows);
                }
            }
            Err(limit) => {
                engine.counters.skipped += 1;
                ledger.add(Ledger::Skipped, staged.l3_bytes);
                ledger.limit(limit);
            }
        }
    }

    #[inline]
    fn header(&self, frame: &Frame<'_>, staged: &Staged, reason: PuntReason) -> FrameHeader {
        let held = frame.bytes.len().min(FRAME_BYTES_MAX) as u32;
        let mut tail = FrameTail::new(staged.l3_bytes, self.windows.number as u8, reason as u8);
        match staged.fragment {
            Fragment::Whole => {}
            Fragment::First => tail.set_first_fragment(true),
            Fragment::Later => tail.set_later_fragment(true),
        }
        FrameHeader {
            // Its action is to accept, which is 0.
            key: staged.key(),
            time_ns: self.now_ns,
            aux: match reason {
                PuntReason::Miss | PuntReason::Late => buckets(staged.hash(), self.parameters.slots_log2),
                PuntReason::Fragment | PuntReason::Icmp | PuntReason::Mirror => [staged.identification, staged.icmp],
            },
            length: FrameLength::new(frame.wire_bytes(), held),
            tail,
        }
    }

    /// Writes a frame of port `vport` to the punt ring. `returning` frames may use the reserve.
    #[inline]
    pub(crate) fn write_punt(
        &mut self,
        header: &FrameHeader,
        vport: u16,
        bytes: &[u8],
        returning: bool,
    ) -> Result<(), LimitDrop> {
        let slots = frame_slots(bytes.len());
        let ring = &mut self.rings[RingId::Punt as usize];
        let reserve = if returning || ring.size_log2 < 2 { 0 } else { retry_reserve(ring.size_log2) };
        if ring.room() < slots + reserve {
            if !returning {
                ring.drops = ring.drops.wrapping_add(1);
            }
            // A ring that host memory failed is not full, it is stopped.
            return Err(if ring.faulted { LimitDrop::SkippedDma } else { LimitDrop::SkippedRing });
        }
        let mut eni = self.enis.get_mut(vport);
        if let Some(eni) = &eni
            && !returning
            && eni.punt_credit != 0
            && eni.punt_used + slots > eni.punt_credit
        {
            return Err(LimitDrop::SkippedCredit);
        }
        if write_slots(ring, &mut self.bus, header, bytes).is_err() {
            ring.faulted = true;
            self.dma_refused();
            return Err(LimitDrop::SkippedDma);
        }
        if let Some(eni) = &mut eni {
            eni.punt_used += slots;
        }
        ring.advance(slots);
        let (vector, crowded) = (ring.vector, ring.used() >= ring.size() / 2);
        let moved = slots as usize * FRAME_HEADER_BYTES + bytes.len();
        self.counters.dma_write_bytes += moved as u64;
        self.pcie.write(moved as u64);
        self.engines[header.key.port.direction().index()].counters.punts += 1;
        self.credits.take(vport, slots);
        if crowded {
            self.msix.post_now(vector, self.now_ns);
        } else {
            self.msix.post(vector, self.now_ns);
        }
        Ok(())
    }
}

/// Whether it is a packet that opens a flow, as far as it tells.
fn opens(key: &FlowKey) -> bool {
    key.protocol != protocol::TCP || key.tcp_flags & (TCP_SYN | TCP_ACK) == TCP_SYN
}

/// The data first, each header after its data, the first header last.
#[inline]
fn write_slots(ring: &Ring, bus: &mut impl Bus, header: &FrameHeader, bytes: &[u8]) -> Result<(), DmaFault> {
    let (first, others) = bytes.split_at(bytes.len().min(FRAME_SLOT_DATA_BYTES));
    if !others.is_empty() {
        write_others(ring, bus, header, others)?;
    }
    write_slot(ring, bus, 0, header, first)
}

/// All slots of a frame but the first, the last first.
#[inline(never)]
fn write_others(ring: &Ring, bus: &mut impl Bus, header: &FrameHeader, bytes: &[u8]) -> Result<(), DmaFault> {
    for (slot, part) in bytes.chunks(FRAME_SLOT_DATA_BYTES).enumerate().rev() {
        write_slot(ring, bus, slot as u32 + 1, header, part)?;
    }
    Ok(())
}

#[inline]
fn write_slot(ring: &Ring, bus: &mut impl Bus, slot: u32, header: &FrameHeader, part: &[u8]) -> Result<(), DmaFault> {
    let index = ring.producer.wrapping_add(slot);
    let tail = FrameTail(ring.with_phase(index, header.tail.0));
    bus.post_frame(ring.entry(index), &zerocopy::transmute!(FrameHeader { tail, ..*header }), part)
}
