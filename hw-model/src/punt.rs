//! Punts: frames that the host must judge.
//!
//! When the ring has no room, the ENI's credit is used up or host memory cannot be reached, the
//! frame is dropped and counted as skipped, here, where it is lost. The last quarter of the ring is
//! left to retries that come back, so that they are never lost.

use crate::dma::{Bus, DmaFault};
use crate::eni::Enis;
use crate::hash::Hashed;
use crate::nic::Nic;
use crate::parse::{Fragment, Parsed};
use crate::receive::Frame;
use firmware_abi::descriptor::{Ledger, LimitDrop};
use firmware_abi::frame::{FrameHeader, PuntReason};
use firmware_abi::hash::buckets;
use firmware_abi::key::{SlotAction, protocol};
use firmware_abi::ring::{
    FRAME_BYTES_MAX, FRAME_HEADER_BYTES, FRAME_SLOT_DATA_BYTES, RingId, frame_slots, retry_reserve,
};
use std::collections::VecDeque;
use zerocopy::IntoBytes;

/// Whose frames wait in the punt ring, oldest first: (port, slots).
#[derive(Clone, Debug, Default)]
pub struct Credits {
    waiting: VecDeque<(u16, u32)>,
    partly: u32,
}

impl Credits {
    /// Frames of `vport` take `slots`.
    fn take(&mut self, vport: u16, slots: u32, enis: &mut Enis) {
        self.waiting.push_back((vport, slots));
        if let Some(eni) = enis.get_mut(vport) {
            eni.punt_used += slots;
        }
    }

    /// The host gave `slots` back.
    pub(crate) fn give_back(&mut self, slots: u32, enis: &mut Enis) {
        self.partly += slots;
        while let Some(&(vport, held)) = self.waiting.front()
            && held <= self.partly
        {
            self.partly -= held;
            self.waiting.pop_front();
            if let Some(eni) = enis.get_mut(vport) {
                eni.punt_used = eni.punt_used.saturating_sub(held);
            }
        }
    }
}

/// SYN without ACK: the packet that opens a TCP connection.
const TCP_SYN: u8 = 0x02;
const TCP_ACK: u8 = 0x10;

impl<B: Bus> Nic<B> {
    /// Punts a frame that just came in, or skips it.
    pub(crate) fn punt(&mut self, frame: &Frame<'_>, parsed: &Parsed, reason: PuntReason, hashed: Option<&Hashed>) {
        let mut header = self.header(frame, parsed, reason, hashed);
        let opens = parsed.key.protocol != protocol::TCP || parsed.key.tcp_flags & (TCP_SYN | TCP_ACK) == TCP_SYN;
        let over = reason == PuntReason::Miss && opens && !self.enis.admit_new_flow(frame.vport, self.now_ns);
        header.tail.set_over_new_flow_limit(over);
        let held = &frame.bytes[..header.length.held() as usize];
        let mirror = reason == PuntReason::Mirror;
        let written = self.write_punt(header, held, false);
        let engine = &mut self.engines[frame.direction.index()];
        let bank = self.windows.open_bank();
        let Some(ledger) = self.enis.ledger(frame.vport, frame.direction, bank) else { return };
        match written {
            Ok(()) if mirror => engine.counters.mirrored += 1,
            // A lost copy is not a lost packet: the packet itself was tallied.
            Err(_) if mirror => {}
            Ok(()) => {
                ledger.add(Ledger::Punted, parsed.l3_bytes);
                if over {
                    ledger.limit(LimitDrop::NewFlows);
                }
            }
            Err(limit) => {
                engine.counters.skipped += 1;
                ledger.add(Ledger::Skipped, parsed.l3_bytes);
                ledger.limit(limit);
            }
        }
    }

    fn header(&self, frame: &Frame<'_>, parsed: &Parsed, reason: PuntReason, hashed: Option<&Hashed>) -> FrameHeader {
        let mut header = FrameHeader { key: parsed.key, time_ns: self.now_ns, ..FrameHeader::default() };
        header.key.port.set_action_bits(SlotAction::Accept as u8);
        header.aux = match hashed {
            Some(hashed) => buckets(hashed.hash, self.parameters.slots_log2),
            None => [parsed.identification, parsed.icmp],
        };
        header.length.set_wire(frame.wire_length.min(0x1_ffff));
        header.length.set_held(frame.bytes.len().min(FRAME_BYTES_MAX) as u32);
        header.tail.set_l3_bytes(parsed.l3_bytes);
        header.tail.set_window(self.windows.number as u8);
        header.tail.set_code(reason as u8);
        header.tail.set_first_fragment(parsed.fragment == Fragment::First);
        header.tail.set_later_fragment(parsed.fragment == Fragment::Later);
        header
    }

    /// Writes a frame to the punt ring. `returning` frames may use the reserve.
    pub(crate) fn write_punt(&mut self, header: FrameHeader, bytes: &[u8], returning: bool) -> Result<(), LimitDrop> {
        let slots = frame_slots(bytes.len());
        let vport = header.key.port.vport();
        let ring = &mut self.rings[RingId::Punt as usize];
        let reserve = if returning || ring.size_log2 < 2 { 0 } else { retry_reserve(ring.size_log2) };
        if ring.room() < slots + reserve {
            if !returning {
                ring.drops = ring.drops.wrapping_add(1);
            }
            // A ring that host memory failed is not full, it is stopped.
            return Err(if ring.faulted { LimitDrop::SkippedDma } else { LimitDrop::SkippedRing });
        }
        if let Some(eni) = self.enis.get(vport)
            && !returning
            && eni.punt_credit != 0
            && eni.punt_used + slots > eni.punt_credit
        {
            return Err(LimitDrop::SkippedCredit);
        }
        if self.write_slots(header, bytes).is_err() {
            self.rings[RingId::Punt as usize].faulted = true;
            self.dma_refused();
            return Err(LimitDrop::SkippedDma);
        }
        let moved = slots as usize * FRAME_HEADER_BYTES + bytes.len();
        self.counters.dma_write_bytes += moved as u64;
        self.pcie.write(moved as u64);
        self.engines[header.key.port.direction().index()].counters.punts += 1;
        let ring = &mut self.rings[RingId::Punt as usize];
        ring.advance(slots);
        let (vector, crowded) = (ring.vector, ring.used() >= ring.size() / 2);
        self.credits.take(vport, slots, &mut self.enis);
        if crowded {
            self.msix.post_now(vector, self.now_ns);
        } else {
            self.msix.post(vector, self.now_ns);
        }
        Ok(())
    }

    /// The data first, each header after its data, the first header last.
    fn write_slots(&mut self, mut header: FrameHeader, bytes: &[u8]) -> Result<(), DmaFault> {
        let ring = self.rings[RingId::Punt as usize];
        for slot in (0..frame_slots(bytes.len())).rev() {
            let index = ring.producer.wrapping_add(slot);
            let iova = ring.entry(index);
            let from = slot as usize * FRAME_SLOT_DATA_BYTES;
            let part = &bytes[from..bytes.len().min(from + FRAME_SLOT_DATA_BYTES)];
            if !part.is_empty() {
                self.bus.write(iova + FRAME_HEADER_BYTES as u64, part)?;
            }
            header.tail.0 = ring.with_phase(index, header.tail.0);
            let (body, last) = header.as_bytes().split_at(FRAME_HEADER_BYTES - 4);
            debug_assert_eq!(last, header.tail.0.to_le_bytes());
            self.bus.write(iova, body)?;
            self.bus.publish(iova + body.len() as u64, header.tail.0)?;
        }
        Ok(())
    }
}
