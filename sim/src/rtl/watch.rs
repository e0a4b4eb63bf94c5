//! When what passed the RTL's ports, in cycles.

use firmware_abi::descriptor::{FlowRecord, RecordKind, WindowEnd};
use firmware_abi::frame::FrameHeader;
use firmware_abi::registers::offset;
use firmware_abi::ring::{DESCRIPTOR_BYTES, FRAME_SLOT_BYTES, frame_slots};
use rtl_sim::tops::{WeirTopIn, WeirTopOut};
use std::collections::VecDeque;

/// Where a ring lies, as its registers were last written.
#[derive(Clone, Copy, Debug, Default)]
struct Place {
    base: u64,
    size_log2: u32,
}

impl Place {
    /// The number of the entry that begins at `address`.
    fn entry(&self, address: u64, entry_bytes: u64) -> Option<u32> {
        let offset = address.checked_sub(self.base)?;
        let entry = offset / entry_bytes;
        (offset.is_multiple_of(entry_bytes) && entry < 1 << self.size_log2).then_some(entry as u32)
    }

    fn set_low(&mut self, value: u32) {
        self.base = self.base & !0xffff_ffff | u64::from(value);
    }

    fn set_high(&mut self, value: u32) {
        self.base = self.base & 0xffff_ffff | u64::from(value) << 32;
    }
}

/// What a burst of frames of one direction did, and the drains that ended.
#[derive(Clone, Debug, Default)]
pub(crate) struct Watch {
    /// A frame's first beat was taken, ...
    pub(crate) first_in: Vec<u64>,
    /// ... and its last.
    pub(crate) last_in: Vec<u64>,
    /// The first beat of a frame left, ...
    pub(crate) first_out: Vec<u64>,
    /// ... and the last of any.
    pub(crate) last_out: u64,
    /// The header of a punted frame, its last write, went to host memory.
    pub(crate) punts: Vec<u64>,
    /// Where a WINDOW_END was written, and how long it says that the drain took, ns.
    pub(crate) window_ends: Vec<(u64, u64)>,
    in_frame: bool,
    out_frame: bool,
    punt_ring: Place,
    record_ring: Place,
    punt_next: u32,
    /// Bursts of the DMA that are not over: where the next beat goes, and how many there are.
    writes: VecDeque<(u64, u32)>,
}

impl Watch {
    /// A burst begins; the next punt goes to entry `punt_next`.
    pub(super) fn begin(&mut self, punt_next: u32) {
        self.first_in.clear();
        self.last_in.clear();
        self.first_out.clear();
        self.punts.clear();
        (self.last_out, self.punt_next) = (0, punt_next);
    }

    /// The host writes a register.
    pub(super) fn register_written(&mut self, register: u32, value: u32) {
        match register {
            offset::PUNT_BASE_LO => self.punt_ring.set_low(value),
            offset::PUNT_BASE_HI => self.punt_ring.set_high(value),
            offset::PUNT_SIZE_LOG2 => self.punt_ring.size_log2 = value & 31,
            offset::RECORD_BASE_LO => self.record_ring.set_low(value),
            offset::RECORD_BASE_HI => self.record_ring.set_high(value),
            offset::RECORD_SIZE_LOG2 => self.record_ring.size_log2 = value & 31,
            _ => {}
        }
    }

    /// What `inputs` and `outputs` hand over in `cycle`.
    pub(super) fn observe(&mut self, inputs: &WeirTopIn, outputs: &WeirTopOut, cycle: u64) {
        if inputs.in_valid_i & outputs.in_ready_o != 0 {
            if !self.in_frame {
                self.first_in.push(cycle);
            }
            self.in_frame = inputs.in_valid_i & inputs.in_last_i == 0;
            if !self.in_frame {
                self.last_in.push(cycle);
            }
        }
        if outputs.out_valid_o & inputs.out_ready_i != 0 {
            if !self.out_frame {
                self.first_out.push(cycle);
            }
            self.out_frame = outputs.out_valid_o & outputs.out_last_o == 0;
            self.last_out = cycle;
        }
        if outputs.axi_awvalid_o & inputs.axi_awready_i != 0 {
            self.writes.push_back((outputs.axi_awaddr_o, u32::from(outputs.axi_awlen_o) + 1));
        }
        if outputs.axi_wvalid_o & inputs.axi_wready_i != 0 {
            self.beat_written(outputs, cycle);
        }
    }

    fn beat_written(&mut self, outputs: &WeirTopOut, cycle: u64) {
        let Some((address, left)) = self.writes.front_mut() else { return };
        let at = *address;
        (*address, *left) = (at + DESCRIPTOR_BYTES as u64, *left - 1);
        if *left == 0 {
            self.writes.pop_front();
        }
        if let Some(entry) = self.punt_ring.entry(at, FRAME_SLOT_BYTES as u64)
            && entry == self.punt_next & ((1 << self.punt_ring.size_log2) - 1)
        {
            let header: FrameHeader = zerocopy::transmute!(outputs.axi_wdata_o);
            self.punt_next = self.punt_next.wrapping_add(frame_slots(header.length.held() as usize));
            self.punts.push(cycle);
        }
        if self.record_ring.entry(at, DESCRIPTOR_BYTES as u64).is_some() {
            let record: FlowRecord = zerocopy::transmute!(outputs.axi_wdata_o);
            if RecordKind::from_bits(record.tail.kind_bits()) == Some(RecordKind::WindowEnd) {
                let end: WindowEnd = zerocopy::transmute!(record);
                self.window_ends.push((at, end.drain_ns));
            }
        }
    }
}
