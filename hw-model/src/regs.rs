//! The register block: what a 32-bit access to BAR0 does.
//!
//! As strict as the hardware: a write to a register that is read-only or not there changes nothing
//! and is counted; an index that jumps past its ring stops the ring; a ring that is misaligned does
//! not start. No read has a side effect.

use crate::dma::Bus;
use crate::engine::EngineCounters;
use crate::nic::{DeviceCounters, Nic};
use crate::record::ledger_record;
use crate::ring_write::Ring;
use firmware_abi::descriptor::RecordKind;
use firmware_abi::key::Direction;
use firmware_abi::registers::{
    Control, EniSelect, ErrorVector, Features, REGISTERS, RingControl, RingFaults, Sizes, SlotSelect, SlotStatus,
    Status, WindowClose, offset, ring_offsets,
};
use firmware_abi::ring::{RingId, SIZE_LOG2};
use firmware_abi::{ABI_VERSION, MAGIC};
use zerocopy::IntoBytes;

/// Bytes of the sixteen dwords of an image.
const IMAGE_BYTES: u32 = 64;
/// Interrupt vectors.
const VECTORS: u8 = 32;

/// Registers that only hold a value, and what SNAPSHOT and the selects have latched.
#[derive(Clone, Debug, Default)]
pub struct Regs {
    error_vector: ErrorVector,
    time_set_lo: u32,
    window_seconds: Option<u32>,
    snapshot_id: u32,
    time: u64,
    window_start: u64,
    engines: [EngineCounters; 2],
    device: DeviceCounters,
    slot_select: SlotSelect,
    slot_status: SlotStatus,
    slot_image: [u32; 16],
    eni_select: EniSelect,
    ledger_images: [[u32; 16]; 3],
    scratch: u32,
}

impl Regs {
    /// The vector of errors, if there is to be an interrupt.
    pub(crate) fn error_vector(&self) -> Option<u8> {
        self.error_vector.enable().then(|| self.error_vector.vector())
    }
}

fn engine_counters(counters: &EngineCounters) -> [u64; 14] {
    [
        counters.frames,
        counters.bytes,
        counters.hits,
        counters.misses,
        counters.punts,
        counters.skipped,
        counters.excluded,
        counters.non_ip,
        counters.malformed,
        counters.forwarded,
        counters.rejected,
        counters.mirrored,
        counters.no_eni,
        counters.limited,
    ]
}

fn device_counters(counters: &DeviceCounters) -> [u64; 11] {
    [
        counters.commands,
        counters.commands_refused,
        counters.injects,
        counters.injects_refused,
        counters.late_retries,
        counters.records,
        counters.dma_read_bytes,
        counters.dma_write_bytes,
        counters.dma_refused,
        counters.writes_refused,
        counters.phase_refused,
    ]
}

const INGRESS_END: u32 = offset::INGRESS_POLICED_HI;
const EGRESS_END: u32 = offset::EGRESS_SHAPED_HI;
const _: () = assert!((INGRESS_END + 4 - offset::INGRESS_FRAMES_LO) / 8 == 14);
const _: () = assert!((EGRESS_END + 4 - offset::EGRESS_FRAMES_LO) / 8 == 14);
const _: () = assert!((offset::PHASE_REFUSED_HI + 4 - offset::COMMANDS_LO) / 8 == 11);

fn half(counters: &[u64], from: u32, at: u32) -> u32 {
    let counter = counters.get(((at - from) / 8) as usize).copied().unwrap_or(0);
    if (at - from).is_multiple_of(8) { counter as u32 } else { (counter >> 32) as u32 }
}

fn dword(image: &[u32; 16], from: u32, at: u32) -> u32 {
    image.get(((at - from) / 4) as usize).copied().unwrap_or(0)
}

/// What of `value` register `at` keeps: the bits of its fields.
fn kept(at: u32, value: u32) -> u32 {
    let fields = REGISTERS.iter().find(|register| register.offset == at).map_or(&[][..], |register| register.fields);
    fields.iter().fold(0, |mask, field| mask | field.mask()) & value
}

impl<B: Bus> Nic<B> {
    /// Reads a register. `at` is a byte offset into BAR0; what is not there reads 0.
    #[must_use]
    pub fn register_read(&self, at: u32) -> u32 {
        if !at.is_multiple_of(4) {
            return 0;
        }
        if let Some((id, register)) = ring_register(at) {
            return self.ring_read(id, register);
        }
        let regs = &self.regs;
        match at {
            offset::MAGIC => MAGIC,
            offset::ABI_VERSION => ABI_VERSION,
            offset::BUILD => firmware_abi::registers::Body::Model as u32 * (1 << 24),
            offset::FEATURES => self.features().0,
            offset::SIZES => self.sizes().0,
            offset::CLOCK_KHZ => 250_000,
            offset::CONTROL => u32::from(self.enabled),
            offset::STATUS => self.status().0,
            offset::ERRORS => self.errors.0,
            offset::VECTOR_MASK => self.msix.mask,
            offset::VECTOR_PENDING => self.msix.pending,
            offset::ERROR_VECTOR => regs.error_vector.0,
            offset::RING_FAULTS => self.ring_faults().0,
            offset::TIME_LO => regs.time as u32,
            offset::TIME_HI => (regs.time >> 32) as u32,
            offset::TIME_SET_LO => regs.time_set_lo,
            offset::WINDOW_SECONDS => regs.window_seconds.unwrap_or(self.windows.seconds),
            offset::WINDOW_NUMBER => u32::from(self.windows.number),
            offset::WINDOW_OVERRUNS => self.windows.overruns,
            offset::WINDOW_START_LO => regs.window_start as u32,
            offset::WINDOW_START_HI => (regs.window_start >> 32) as u32,
            offset::SNAPSHOT_ID => regs.snapshot_id,
            offset::INGRESS_FRAMES_LO..=INGRESS_END => {
                half(&engine_counters(&regs.engines[0]), offset::INGRESS_FRAMES_LO, at)
            }
            offset::EGRESS_FRAMES_LO..=EGRESS_END => {
                half(&engine_counters(&regs.engines[1]), offset::EGRESS_FRAMES_LO, at)
            }
            offset::COMMANDS_LO..=offset::PHASE_REFUSED_HI => {
                half(&device_counters(&regs.device), offset::COMMANDS_LO, at)
            }
            offset::SLOT_SELECT => regs.slot_select.0,
            offset::SLOT_STATUS => regs.slot_status.0,
            offset::ENI_SELECT => regs.eni_select.0,
            offset::SCRATCH => regs.scratch,
            _ => self.image_read(at),
        }
    }

    fn image_read(&self, at: u32) -> u32 {
        let images = [
            (offset::SLOT_DATA, &self.regs.slot_image),
            (offset::LEDGER_PACKETS, &self.regs.ledger_images[0]),
            (offset::LEDGER_BYTES, &self.regs.ledger_images[1]),
            (offset::LEDGER_LIMITS, &self.regs.ledger_images[2]),
        ];
        images
            .into_iter()
            .find(|(from, _)| (*from..from + IMAGE_BYTES).contains(&at))
            .map_or(0, |(from, image)| dword(image, from, at))
    }

    fn ring_read(&self, id: RingId, register: u32) -> u32 {
        let offsets = ring_offsets(id);
        let ring = &self.rings[id as usize];
        match register {
            at if at == offsets.base_lo => ring.base as u32,
            at if at == offsets.base_hi => (ring.base >> 32) as u32,
            at if at == offsets.size_log2 => ring.size_log2,
            at if at == offsets.producer => ring.producer,
            at if at == offsets.consumer => ring.consumer,
            at if at == offsets.control => u32::from(ring.enabled) | u32::from(ring.vector) << 8,
            at if at == offsets.drops => ring.drops,
            _ => ring.high_water,
        }
    }

    fn features(&self) -> Features {
        let mut features = Features(0);
        features.set_limits(true);
        features.set_read_activity(true);
        features.set_inject_verdict(true);
        features.set_mirror(true);
        features.set_slot_window(true);
        features
    }

    fn sizes(&self) -> Sizes {
        let mut sizes = Sizes(0);
        sizes.set_slots_log2(self.parameters.slots_log2 as u8);
        sizes.set_ways_log2(3);
        sizes.set_enis_log2(self.parameters.enis_log2 as u8);
        sizes.set_vectors(VECTORS);
        sizes
    }

    fn status(&self) -> Status {
        let mut status = Status(0);
        status.set_ready(true);
        status.set_running(self.enabled);
        status.set_draining(self.windows.drain.is_some());
        let record = &self.rings[RingId::Record as usize];
        status.set_record_ring_full(self.windows.drain.is_some() && record.room() == 0);
        status.set_ring_fault(self.ring_faults().0 != 0);
        status.set_dma_fault(self.errors.dma());
        status
    }

    fn ring_faults(&self) -> RingFaults {
        let bits = self.rings.iter().map(|ring| u32::from(ring.faulted) << ring.id as u32);
        RingFaults(bits.sum())
    }

    /// Writes a register. The effect is there when this returns, as far as there is room for it.
    pub fn register_write(&mut self, at: u32, value: u32) {
        self.write(at, value);
        self.fire_if_due();
    }

    fn write(&mut self, at: u32, value: u32) {
        if at.is_multiple_of(4)
            && let Some((id, register)) = ring_register(at)
        {
            return self.ring_write(id, register, value);
        }
        match at {
            offset::CONTROL => self.control(Control(value)),
            offset::ERRORS_CLEAR => self.errors.0 &= !value,
            offset::VECTOR_MASK => self.msix.set_mask(value, &mut self.bus),
            offset::ERROR_VECTOR => self.regs.error_vector = ErrorVector(kept(at, value)),
            offset::TIME_SET_LO => self.regs.time_set_lo = value,
            offset::TIME_SET_HI => self.set_time(u64::from(value) << 32 | u64::from(self.regs.time_set_lo)),
            offset::WINDOW_SECONDS => {
                let value = kept(at, value);
                self.regs.window_seconds = Some(value);
                self.windows.set_seconds(value.clamp(1, 600), self.now_ns);
            }
            offset::WINDOW_CLOSE => {
                if WindowClose(value).close() {
                    self.turn_window();
                }
            }
            offset::SNAPSHOT => self.snapshot(),
            offset::SLOT_SELECT => self.select_slot(SlotSelect(kept(at, value))),
            offset::ENI_SELECT => self.select_eni(EniSelect(kept(at, value))),
            offset::SCRATCH => self.regs.scratch = value,
            _ => self.refuse_write(),
        }
    }

    fn refuse_write(&mut self) {
        self.counters.writes_refused += 1;
        self.error(|errors| errors.set_register_write(true));
    }

    fn control(&mut self, control: Control) {
        if control.reset() {
            self.reset();
            return;
        }
        if control.enable() && !self.enabled {
            // Nothing was counted before: the first window starts at its aligned boundary.
            self.windows.set_time(self.now_ns);
            if self.rings[RingId::Record as usize].room() > 0 {
                self.announce_window();
            }
        }
        self.enabled = control.enable();
    }

    fn set_time(&mut self, now_ns: u64) {
        self.now_ns = now_ns;
        if !self.enabled {
            self.windows.set_time(now_ns);
        }
    }

    fn snapshot(&mut self) {
        let regs = &mut self.regs;
        regs.snapshot_id = regs.snapshot_id.wrapping_add(1);
        regs.time = self.now_ns;
        regs.window_start = self.windows.start_ns;
        regs.engines = [self.engines[0].counters, self.engines[1].counters];
        regs.device = self.counters;
    }

    fn select_slot(&mut self, select: SlotSelect) {
        let direction = if select.egress() { Direction::Egress } else { Direction::Ingress };
        let image = self.slot_image(direction, select.slot());
        self.regs.slot_select = select;
        self.regs.slot_status = SlotStatus(0);
        self.regs.slot_status.set_valid(image.is_some());
        self.regs.slot_status.set_bank(self.windows.open_bank() == 1);
        self.regs.slot_image = image.map_or([0; 16], |record| dwords(record.as_bytes()));
    }

    fn select_eni(&mut self, select: EniSelect) {
        let direction = if select.egress() { Direction::Egress } else { Direction::Ingress };
        self.regs.eni_select = select;
        let Some(eni) = self.enis.get(select.vport()) else {
            self.regs.ledger_images = [[0; 16]; 3];
            return;
        };
        let counts = eni.ledgers[direction.index()][self.windows.open_bank()];
        let kinds = [RecordKind::LedgerPackets, RecordKind::LedgerBytes, RecordKind::LedgerLimits];
        self.regs.ledger_images = kinds.map(|kind| {
            dwords(ledger_record(&counts, kind, select.vport(), direction, self.windows.number).as_bytes())
        });
    }

    fn ring_write(&mut self, id: RingId, register: u32, value: u32) {
        let offsets = ring_offsets(id);
        let ring = &mut self.rings[id as usize];
        if register == offsets.control {
            return self.ring_control(id, RingControl(value));
        }
        let own = if id.host_produces() { offsets.producer } else { offsets.consumer };
        if register == own {
            return self.doorbell(id, value);
        }
        if ring.enabled {
            return self.refuse_write();
        }
        if register == offsets.base_lo {
            ring.base = ring.base & !0xffff_ffff | u64::from(value);
        } else if register == offsets.base_hi {
            ring.base = ring.base & 0xffff_ffff | u64::from(value) << 32;
        } else if register == offsets.size_log2 {
            ring.size_log2 = kept(register, value);
        } else {
            self.refuse_write();
        }
    }

    fn ring_control(&mut self, id: RingId, control: RingControl) {
        let ring = &mut self.rings[id as usize];
        ring.vector = control.vector();
        if !control.enable() {
            ring.enabled = false;
            ring.faulted = false;
            return;
        }
        if ring.enabled {
            return;
        }
        if !aligned(ring) {
            ring.faulted = true;
            return self.error(|errors| errors.set_ring_setup(true));
        }
        if id.host_produces() {
            ring.consumer = ring.producer;
        } else {
            ring.producer = ring.consumer;
        }
        ring.enabled = true;
        self.pump();
    }

    fn doorbell(&mut self, id: RingId, index: u32) {
        let ring = &mut self.rings[id as usize];
        if !ring.enabled {
            if id.host_produces() {
                ring.producer = index;
            } else {
                ring.consumer = index;
            }
            return;
        }
        let (used, moved) = if id.host_produces() {
            (index.wrapping_sub(ring.consumer), index.wrapping_sub(ring.producer))
        } else {
            (ring.producer.wrapping_sub(index), index.wrapping_sub(ring.consumer))
        };
        if used > ring.size() || moved > ring.size() {
            ring.faulted = true;
            return self.error(|errors| errors.set_index(true));
        }
        if id.host_produces() {
            ring.producer = index;
            ring.high_water = ring.high_water.max(ring.used());
        } else {
            ring.consumer = index;
            if id == RingId::Punt {
                self.credits.give_back(moved, &mut self.enis);
            }
        }
        self.pump();
    }
}

/// Which ring's register lies at `at`.
fn ring_register(at: u32) -> Option<(RingId, u32)> {
    RingId::ALL.into_iter().find_map(|id| {
        let offsets = ring_offsets(id);
        (offsets.base_lo..=offsets.high_water).contains(&at).then_some((id, at))
    })
}

fn aligned(ring: &Ring) -> bool {
    if !SIZE_LOG2.contains(&ring.size_log2) {
        return false;
    }
    let bytes = (ring.id.entry_bytes() as u64) << ring.size_log2;
    ring.base.is_multiple_of(bytes.min(4096)) && ring.base.checked_add(bytes).is_some()
}

fn dwords(bytes: &[u8]) -> [u32; 16] {
    let mut image = [0; 16];
    for (dword, bytes) in image.iter_mut().zip(bytes.chunks_exact(4)) {
        *dword = bytes.first_chunk().map_or(0, |four| u32::from_le_bytes(*four));
    }
    image
}
