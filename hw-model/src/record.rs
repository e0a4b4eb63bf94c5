//! Records: what the drain and EXTRACT hand to the host.
//!
//! A drain says which window has opened, walks the closed bank's slots, then the ledgers of the enabled ports, then writes
//! WINDOW_END. When the record ring is full it waits; nothing is ever dropped here.

use crate::dma::Bus;
use crate::eni::Counts;
use crate::lookup::Slot;
use crate::nic::Nic;
use crate::tally::Counter;
use crate::window::{Drain, DrainStage, Windows};
use firmware_abi::descriptor::{
    BytesWindow, FlowRecord, LedgerRecord, PacketsFirst, RecordKind, RecordTail, WindowEnd,
};
use firmware_abi::key::{Direction, Port};
use firmware_abi::ring::{DESCRIPTOR_BYTES, RingId};

impl Drain {
    /// Whether the walk is past a slot.
    pub(crate) fn passed(&self, direction: Direction, slot: u32) -> bool {
        match self.stage {
            DrainStage::Start => false,
            DrainStage::Slots(Direction::Ingress, at) => direction == Direction::Ingress && slot < at,
            DrainStage::Slots(Direction::Egress, at) => direction == Direction::Ingress || slot < at,
            DrainStage::Ledgers(..) | DrainStage::End => true,
        }
    }
}

impl<B: Bus> Nic<B> {
    fn push_record(&mut self, record: &[u8; DESCRIPTOR_BYTES]) -> bool {
        let ring = &mut self.rings[RingId::Record as usize];
        if ring.push(&mut self.bus, record).is_err() {
            self.dma_refused();
            return false;
        }
        let ring = &self.rings[RingId::Record as usize];
        let (vector, crowded) = (ring.vector, ring.used() >= ring.size() / 2);
        self.counters.records += 1;
        self.counters.dma_write_bytes += DESCRIPTOR_BYTES as u64;
        self.pcie.write(DESCRIPTOR_BYTES as u64);
        if crowded {
            self.msix.post_now(vector, self.now_ns);
        } else {
            self.msix.post(vector, self.now_ns);
        }
        true
    }

    /// Emits and clears what a slot counted in window `number`, if it counted anything.
    pub(crate) fn emit_counts(&mut self, kind: RecordKind, direction: Direction, slot: u32, number: u16) -> bool {
        let bank = Windows::bank(number);
        let engine = &mut self.engines[direction.index()];
        let counter = engine.tally.peek(bank, slot);
        if counter.packets == 0 {
            return true;
        }
        let Some(entry) = engine.lookup.slot(slot) else { return true };
        let mut record = flow_record(entry, &counter, number);
        record.tail.set_kind_bits(kind as u8);
        if !self.push_record(&zerocopy::transmute!(record)) {
            return false;
        }
        self.engine(direction).tally.take(bank, slot);
        true
    }

    /// Answers READ_SLOT of a slot in use; false if the record could not be written.
    pub(crate) fn emit_slot(&mut self, direction: Direction, slot: u32) -> bool {
        let Some(mut record) = self.slot_image(direction, slot) else { return true };
        record.packets_first.0 = u64::from(slot);
        record.bytes_window.set_bytes(0);
        record.tail.0 = 0;
        record.tail.set_kind_bits(RecordKind::Slot as u8);
        self.push_record(&zerocopy::transmute!(record))
    }

    /// A slot in use with the counts of the open bank.
    pub(crate) fn slot_image(&self, direction: Direction, slot: u32) -> Option<FlowRecord> {
        let engine = &self.engines[direction.index()];
        let entry = engine.lookup.slot(slot).filter(|entry| entry.is_valid())?;
        let counter = engine.tally.peek(self.windows.open_bank(), slot);
        Some(flow_record(entry, &counter, self.windows.number))
    }

    /// Goes on with the drain as far as the record ring has room.
    pub(crate) fn drain(&mut self) {
        while let Some(drain) = self.windows.drain {
            if self.rings[RingId::Record as usize].room() == 0 {
                return;
            }
            let goes_on = match drain.stage {
                DrainStage::Start => {
                    let started = self.announce_window();
                    if started {
                        self.drain_timing.begin();
                        self.stage(DrainStage::Slots(Direction::Ingress, 0));
                    }
                    started
                }
                DrainStage::Slots(direction, from) => {
                    self.drain_slots(direction, from, drain.number);
                    true
                }
                DrainStage::Ledgers(vport, direction, which) => {
                    self.drain_ledger(vport, direction, which, drain.number)
                }
                DrainStage::End => return self.end_window(&drain),
            };
            if !goes_on {
                return;
            }
        }
    }

    /// Emits WINDOW_START of the open window.
    pub(crate) fn announce_window(&mut self) -> bool {
        let mut record = WindowEnd { start_ns: self.windows.start_ns, ..WindowEnd::default() };
        record.window.set_window(self.windows.number);
        record.tail.set_kind_bits(RecordKind::WindowStart as u8);
        self.push_record(&zerocopy::transmute!(record))
    }

    fn stage(&mut self, stage: DrainStage) {
        if let Some(drain) = &mut self.windows.drain {
            drain.stage = stage;
        }
    }

    /// The touched slots from `from` on, as far as there is room in a ring that has not failed.
    fn drain_slots(&mut self, direction: Direction, from: u32, number: u16) {
        let bank = Windows::bank(number);
        let (mut next, mut records) = (from, 0);
        let stage = loop {
            if self.rings[RingId::Record as usize].room() == 0 {
                break DrainStage::Slots(direction, next);
            }
            let Some(slot) = self.engines[direction.index()].tally.next_touched(bank, next) else {
                break match direction {
                    Direction::Ingress => DrainStage::Slots(Direction::Egress, 0),
                    Direction::Egress => DrainStage::Ledgers(0, Direction::Ingress, 0),
                };
            };
            let counted = self.engines[direction.index()].tally.peek(bank, slot).packets > 0;
            let entry = counted.then_some(self.rings[RingId::Record as usize].producer);
            if counted && !self.emit_counts(RecordKind::Flow, direction, slot, number) {
                break DrainStage::Slots(direction, slot);
            }
            self.engine(direction).tally.pass(bank, slot);
            next = slot + 1;
            records += u64::from(counted);
            self.drain_timing.slot(&self.board, ((slot / 64) << 1) | direction.index() as u32, entry);
        };
        if let Some(drain) = &mut self.windows.drain {
            drain.records += records;
            drain.stage = stage;
        }
    }

    fn drain_ledger(&mut self, vport: u16, direction: Direction, which: u8, number: u16) -> bool {
        let Some(eni) = self.enis.get(vport) else {
            self.stage(DrainStage::End);
            return true;
        };
        let next_port = DrainStage::Ledgers(vport + 1, Direction::Ingress, 0);
        if !eni.flags.enabled() {
            self.drain_timing.no_port();
            self.stage(next_port);
            return true;
        }
        let counts = eni.ledgers[direction.index()][Windows::bank(number)];
        let kind = [RecordKind::LedgerPackets, RecordKind::LedgerBytes, RecordKind::LedgerLimits][usize::from(which)];
        if kind != RecordKind::LedgerLimits || counts.limits != [0; 8] {
            let record = ledger_record(&counts, kind, vport, direction, number);
            if !self.push_record(&zerocopy::transmute!(record)) {
                return false;
            }
        }
        if which < 2 {
            self.stage(DrainStage::Ledgers(vport, direction, which + 1));
            return true;
        }
        self.drain_timing.ledger(&self.board, counts.limits != [0; 8]);
        if let Some(ledger) = self.enis.ledger(vport, direction, Windows::bank(number)) {
            *ledger = Counts::default();
        }
        self.stage(match direction {
            Direction::Ingress => DrainStage::Ledgers(vport, Direction::Egress, 0),
            Direction::Egress => next_port,
        });
        true
    }

    fn end_window(&mut self, drain: &Drain) {
        let mut record = WindowEnd {
            start_ns: drain.bounds_ns.0,
            end_ns: drain.bounds_ns.1,
            records: drain.records,
            punt_producer: drain.punt_producer,
            overruns: self.windows.overruns,
            drain_ns: self.drain_timing.clone().end(&self.board, self.engines[0].lookup.len()),
            ..WindowEnd::default()
        };
        record.window.set_window(drain.number);
        record.tail.set_kind_bits(RecordKind::WindowEnd as u8);
        if !self.push_record(&zerocopy::transmute!(record)) {
            return;
        }
        self.drain_ns_max = self.drain_ns_max.max(record.drain_ns);
        self.windows.drain = None;
        let vector = self.rings[RingId::Record as usize].vector;
        self.msix.post_now(vector, self.now_ns);
    }
}

/// What a slot counted in window `number`, of kind 0.
#[inline]
fn flow_record(slot: &Slot, counter: &Counter, number: u16) -> FlowRecord {
    let mut key = slot.key();
    key.tcp_flags = counter.tcp_flags;
    FlowRecord {
        key,
        packets_first: PacketsFirst::new(counter.packets, counter.first_tick),
        bytes_window: BytesWindow::new(counter.bytes, number),
        cookie: slot.cookie(),
        tail: RecordTail::new(counter.last_tick, RecordKind::Flow),
    }
}

/// A ledger as the host sees it.
pub(crate) fn ledger_record(
    counts: &Counts,
    kind: RecordKind,
    vport: u16,
    direction: Direction,
    number: u16,
) -> LedgerRecord {
    let values = match kind {
        RecordKind::LedgerBytes => &counts.bytes,
        RecordKind::LedgerLimits => &counts.limits,
        _ => &counts.packets,
    };
    let mut record = LedgerRecord::default();
    for (index, value) in values.iter().enumerate() {
        record.set_counter(index, *value);
    }
    let mut port = Port(0);
    port.set_vport(vport);
    port.set_egress(direction == Direction::Egress);
    record.port_window.set_bytes(u64::from(port.0));
    record.port_window.set_window(number);
    record.tail.set_kind_bits(kind as u8);
    record
}
