//! Injects: frames that the host has judged.
//!
//! A retry re-enters at the lookup and is tallied in the window that the parser stamped, if that
//! is still open; else it is punted once more as late. A frame with a verdict only passes the gate:
//! the host has counted it, and the ledger counted it as punted when it went there.

use crate::dma::Bus;
use crate::gate::Outgoing;
use crate::hash::Hashed;
use crate::nic::Nic;
use crate::ring_read::Unreadable;
use crate::timing::constants::{HOST_PUNT_NS, HOST_WAKE_NS};
use firmware_abi::descriptor::Ledger;
use firmware_abi::frame::{Disposition, FrameHeader, PuntReason};
use firmware_abi::hash::buckets;
use firmware_abi::key::{Direction, SlotAction};
use firmware_abi::ring::{FRAME_BYTES_MAX, FRAME_HEADER_BYTES, FRAME_SLOT_DATA_BYTES, RingId, frame_slots};

impl<B: Bus> Nic<B> {
    /// Takes what the host has submitted.
    pub(crate) fn run_injects(&mut self) {
        let mut position = 0;
        while self.rings[RingId::Inject as usize].pending() {
            let mut entry = [0; FRAME_HEADER_BYTES];
            match self.rings[RingId::Inject as usize].front(&mut self.bus, &mut entry) {
                Ok(()) => {}
                Err(Unreadable::Dma) => return self.dma_refused(),
                Err(Unreadable::Phase) => {
                    self.rings[RingId::Inject as usize].release(1);
                    self.counters.phase_refused += 1;
                    self.error(|errors| errors.set_phase(true));
                    continue;
                }
            }
            let header: FrameHeader = zerocopy::transmute!(entry);
            let slots = frame_slots(header.length.held() as usize);
            if !self.sound(&header) || slots > self.rings[RingId::Inject as usize].used() {
                self.rings[RingId::Inject as usize].release(1);
                self.counters.injects_refused += 1;
                self.error(|errors| errors.set_inject(true));
                continue;
            }
            position += 1;
            if !self.inject(&header, position) {
                // A retry that must go back found no room: it waits, and all behind it.
                return;
            }
            let moved = slots as usize * FRAME_HEADER_BYTES + header.length.held() as usize;
            self.counters.dma_read_bytes += moved as u64;
            self.rings[RingId::Inject as usize].release(slots);
            self.counters.injects += 1;
        }
    }

    #[inline]
    fn sound(&self, header: &FrameHeader) -> bool {
        Disposition::from_bits(header.tail.code()).is_some()
            && header.length.held() as usize <= FRAME_BYTES_MAX
            && header.length.held() <= header.length.wire()
            && self.enis.enabled(header.key.port.vport())
    }

    /// One frame; false if it has to wait.
    #[inline]
    fn inject(&mut self, header: &FrameHeader, position: u64) -> bool {
        let direction = header.key.port.direction();
        let fetched = self.pcie.read(FRAME_HEADER_BYTES as u64 + u64::from(header.length.held()));
        match Disposition::from_bits(header.tail.code()) {
            Some(Disposition::Forward) => self.send_injected(header, direction),
            Some(Disposition::Drop) => self.engine(direction).counters.rejected += 1,
            Some(Disposition::Retry) | None => {
                if !self.retry(header, direction) {
                    return false;
                }
            }
        }
        let waited = self.now_ns.saturating_sub(header.time_ns) + HOST_WAKE_NS + position * HOST_PUNT_NS;
        // The header is the host's: its time may be any.
        self.punt_latency.add(waited.saturating_mul(1000).saturating_add(fetched));
        true
    }

    #[inline(never)]
    fn retry(&mut self, header: &FrameHeader, direction: Direction) -> bool {
        let hashed = Hashed::of(&header.key);
        if header.tail.window() != self.windows.number as u8 {
            if !self.send_back(header, PuntReason::Late, hashed.hash) {
                return false;
            }
            self.counters.late_retries += 1;
            return true;
        }
        let Some(found) = self.engine(direction).lookup.find(&hashed) else {
            return self.send_back(header, PuntReason::Miss, hashed.hash);
        };
        let bank = self.windows.open_bank();
        let tick = self.windows.tick(header.time_ns);
        let bytes = header.tail.l3_bytes();
        let end = self.engine(direction).hit(found, bank, bytes, header.key.tcp_flags, tick);
        if let Some(ledger) = self.enis.ledger(header.key.port.vport(), direction, bank) {
            ledger.transfer(Ledger::Punted, end, bytes);
        }
        if found.1 == SlotAction::Reject {
            self.engine(direction).counters.rejected += 1;
        } else {
            self.send_injected(header, direction);
        }
        true
    }

    /// Punts a retry again. It stays in the ledger as punted.
    #[inline(never)]
    fn send_back(&mut self, header: &FrameHeader, reason: PuntReason, hash: u64) -> bool {
        let mut again = *header;
        again.aux = buckets(hash, self.parameters.slots_log2);
        again.tail.set_code(reason as u8);
        let Some(bytes) = self.injected_bytes(header) else { return false };
        self.write_punt(&again, again.key.port.vport(), &bytes, true).is_ok()
    }

    #[inline]
    fn send_injected(&mut self, header: &FrameHeader, direction: Direction) {
        let outgoing = Outgoing {
            vport: header.key.port.vport(),
            direction,
            l3_bytes: header.tail.l3_bytes(),
            // What the shaper drops is counted in the window in which it does.
            bank: self.windows.open_bank(),
        };
        let engine = &mut self.engines[direction.index()];
        if self.gate.forward(outgoing, self.now_ns, &mut self.enis, &mut engine.counters) && self.gate.keep {
            self.hold_injected(header, direction);
        }
    }

    /// The bytes are fetched only where somebody looks at them.
    #[inline(never)]
    fn hold_injected(&mut self, header: &FrameHeader, direction: Direction) {
        let bytes = self.injected_bytes(header).unwrap_or_default();
        self.gate.hold(header.key.port.vport(), direction, header.time_ns, header.length.wire(), &bytes);
    }

    /// The frame behind the header at the front of the inject ring.
    fn injected_bytes(&mut self, header: &FrameHeader) -> Option<Vec<u8>> {
        let ring = self.rings[RingId::Inject as usize];
        let mut bytes = vec![0; header.length.held() as usize];
        for (slot, part) in bytes.chunks_mut(FRAME_SLOT_DATA_BYTES).enumerate() {
            let iova = ring.entry(ring.consumer.wrapping_add(slot as u32)) + FRAME_HEADER_BYTES as u64;
            if self.bus.read(iova, part).is_err() {
                self.dma_refused();
                return None;
            }
        }
        Some(bytes)
    }
}
