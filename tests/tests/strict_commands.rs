//! A NIC that is at least as strict as hardware: commands, injected frames, host memory.

use driver::device::Device;
use firmware_abi::descriptor::{
    Command, Completion, FlowRecord, Ledger, LedgerRecord, LimitDrop, Opcode, RecordKind, Status,
};
use firmware_abi::frame::{Disposition, FrameHeader};
use firmware_abi::key::FlowKey;
use firmware_abi::limits::EniLimits;
use firmware_abi::registers::{Errors, RingFaults, offset};
use firmware_abi::ring::RingId;
use weir_tests::probe::{Moved, Probe, frame, key, slot_of};
use zerocopy::IntoBytes;

const UNMAPPED: u64 = 0x7000_0000_0000;

fn refused_command() -> Moved {
    let mut errors = Errors(0);
    errors.set_command(true);
    Moved {
        counters: vec![("COMMANDS", 1), ("COMMANDS_REFUSED", 1), ("DMA_READ_BYTES", 64), ("DMA_WRITE_BYTES", 16)],
        errors: errors.0,
        indices: vec![(RingId::Command, 1, 1), (RingId::Completion, 1, 0)],
        ..Moved::default()
    }
}

#[track_caller]
fn assert_refused(probe: &mut Probe, opcode: u8, command: Command, status: Status, more: &Moved) {
    let mut moved = refused_command();
    moved.counters.extend(more.counters.iter().copied());
    moved.errors |= more.errors;
    let what = format!("opcode {opcode}, expected {status:?}");
    let mut found = None;
    probe.expect(&what, &moved, |probe| {
        let completion = probe.command(opcode, command);
        found = Status::from_bits(completion.tail.status_bits());
        assert_eq!((completion.sequence, completion.slot, completion.cookie), (77, command.slot, command.cookie));
    });
    assert_eq!(found, Some(status), "{what}");
    probe.settle();
}

fn insert(port: u16, half: u32, cookie: u32) -> Command {
    let key = key(port);
    Command { key, slot: slot_of(&key, half), cookie, ..Command::default() }
}

#[track_caller]
fn assert_taken(probe: &mut Probe, opcode: Opcode, command: Command) {
    let completion = probe.command(opcode as u8, command);
    assert_eq!(Status::from_bits(completion.tail.status_bits()), Some(Status::Ok), "{opcode:?}");
    probe.settle();
}

#[test]
fn a_command_to_a_slot_that_is_not_as_it_says_is_refused() {
    let (mut probe, more) = (Probe::running(), Moved::default());
    assert_taken(&mut probe, Opcode::Insert, insert(1, 0, 5));
    let taken = insert(1, 0, 6);
    assert_refused(&mut probe, Opcode::Insert as u8, taken, Status::SlotInUse, &more);
    let wrong = Command { slot: (slot_of(&key(2), 0) + 8) % 64, ..insert(2, 0, 7) };
    assert_refused(&mut probe, Opcode::Insert as u8, wrong, Status::WrongBucket, &more);
    for slot in [128, 129, u32::MAX] {
        for opcode in [Opcode::Insert, Opcode::Update, Opcode::Delete, Opcode::ReadSlot] {
            let past = Command { slot, ..insert(1, 0, 8) };
            assert_refused(&mut probe, opcode as u8, past, Status::BadSlot, &more);
        }
    }
    for opcode in [Opcode::Update, Opcode::Delete, Opcode::ReadSlot] {
        let empty = Command { slot: taken.slot + 1, ..taken };
        assert_refused(&mut probe, opcode as u8, empty, Status::SlotEmpty, &more);
    }
    for opcode in [Opcode::Update, Opcode::Delete] {
        let other = Command { key: key(2), ..taken };
        assert_refused(&mut probe, opcode as u8, other, Status::KeyMismatch, &more);
    }
}

#[test]
fn an_eni_that_is_not_there_or_has_its_quota_gets_no_slot() {
    let (mut probe, more) = (Probe::running(), Moved::default());
    for vport in [1, 2, 4_095] {
        let mut key = key(3);
        key.port.set_vport(vport);
        let command = Command { key, slot: slot_of(&key, 0), ..Command::default() };
        assert_refused(&mut probe, Opcode::Insert as u8, command, Status::BadEni, &more);
    }
    probe.set_eni(0, EniLimits { slot_quota: 1, ..EniLimits::default() });
    probe.settle();
    assert_taken(&mut probe, Opcode::Insert, insert(4, 0, 1));
    assert_refused(&mut probe, Opcode::Insert as u8, insert(5, 0, 2), Status::Quota, &more);
    assert_taken(&mut probe, Opcode::Delete, insert(4, 0, 1));
    assert_taken(&mut probe, Opcode::Insert, insert(5, 0, 2));
}

#[test]
fn unknown_opcodes_and_senseless_arguments_are_refused() {
    let (mut probe, more) = (Probe::running(), Moved::default());
    for opcode in 8..=255 {
        assert_refused(&mut probe, opcode, insert(1, 0, 1), Status::BadOpcode, &more);
    }
    let bitmap = probe.device.dma("bitmap", 4096).expect("memory").iova().0;
    for (slot, cookie, arg) in [
        (0, 0, bitmap),
        (0, 128, bitmap),
        (0, 511, bitmap),
        (64, 512, bitmap),
        (512, 512, bitmap),
        (0, 1024, bitmap),
        (u32::MAX, 512, bitmap),
        (0, 512, bitmap + 4),
    ] {
        let command = Command { slot, cookie, arg, ..Command::default() };
        assert_refused(&mut probe, Opcode::ReadActivity as u8, command, Status::BadArgument, &more);
    }
    let limits = [
        EniLimits { reserved: 1, ..EniLimits::default() },
        EniLimits { packets_per_second: 1, ..EniLimits::default() },
        EniLimits { kilobits_per_second: 1, ..EniLimits::default() },
        EniLimits { new_flows_per_second: 1, ..EniLimits::default() },
    ];
    for limits in limits {
        let mut command = Command::default();
        command.as_mut_bytes()[..36].copy_from_slice(limits.as_bytes());
        assert_refused(&mut probe, Opcode::SetEni as u8, command, Status::BadArgument, &more);
    }
    let mut key = FlowKey::default();
    key.port.set_vport(2);
    assert_refused(&mut probe, Opcode::SetEni as u8, Command { key, ..Command::default() }, Status::BadEni, &more);
}

#[test]
fn activity_that_cannot_be_written_is_not_forgotten() {
    let mut probe = Probe::running();
    assert_taken(&mut probe, Opcode::Insert, insert(1, 1, 5));
    probe.send(&frame(1), 1000);
    let mut errors = Errors(0);
    errors.set_dma(true);
    let more = Moved { counters: vec![("DMA_REFUSED", 1)], errors: errors.0, ..Moved::default() };
    let command = Command { cookie: 512, arg: UNMAPPED, ..Command::default() };
    assert_refused(&mut probe, Opcode::ReadActivity as u8, command, Status::DmaFault, &more);
    let bitmap = probe.device.dma("bitmap", 4096).expect("memory");
    assert_taken(&mut probe, Opcode::ReadActivity, Command { arg: bitmap.iova().0, ..command });
    let slot = insert(1, 1, 5).slot;
    let word: u64 = bitmap.load(slot as usize / 64 * 8);
    assert_eq!(word, 1 << (slot % 64));
}

#[test]
fn an_injected_header_that_makes_no_sense_is_refused_and_counted() {
    let mut errors = Errors(0);
    errors.set_inject(true);
    let moved = Moved {
        counters: vec![("INJECTS_REFUSED", 1)],
        errors: errors.0,
        indices: vec![(RingId::Inject, 1, 1)],
        ..Moved::default()
    };
    let sound = {
        let mut header = FrameHeader { key: key(1), ..FrameHeader::default() };
        header.length.set_wire(60);
        header.length.set_held(60);
        header.tail.set_code(Disposition::Forward as u8);
        header
    };
    let with = |change: fn(&mut FrameHeader)| {
        let mut header = sound;
        change(&mut header);
        header
    };
    let mut probe = Probe::running();
    for (what, header) in [
        ("disposition 3", with(|header| header.tail.set_code(3))),
        ("disposition 7", with(|header| header.tail.set_code(7))),
        ("more held than there was", with(|header| header.length.set_held(61))),
        (
            "longer than a frame",
            with(|header| {
                header.length.set_wire(9_217);
                header.length.set_held(9_217);
            }),
        ),
        (
            "cut off by the doorbell",
            with(|header| {
                header.length.set_wire(9_000);
                header.length.set_held(9_000);
            }),
        ),
        ("a port that is not enabled", with(|header| header.key.port.set_vport(1))),
        ("a port that is not there", with(|header| header.key.port.set_vport(4_095))),
    ] {
        probe.expect(what, &moved, |probe| {
            probe.put(RingId::Inject, header);
            probe.doorbell(RingId::Inject);
        });
    }
}

#[test]
fn a_ring_outside_mapped_memory_stops_and_the_rest_goes_on() {
    let mut probe = Probe::running();
    probe.disable(RingId::Command);
    probe.enable(RingId::Command, UNMAPPED);
    let (mut errors, mut faults) = (Errors(0), RingFaults(0));
    errors.set_dma(true);
    faults.set_command(true);
    let moved = Moved {
        counters: vec![("DMA_REFUSED", 1)],
        errors: errors.0,
        faults: faults.0,
        indices: vec![(RingId::Command, 1, 0)],
    };
    probe.expect("command ring", &moved, |probe| {
        probe.put(RingId::Command, insert(1, 0, 1));
        probe.doorbell(RingId::Command);
    });
    // Set up again, nothing that was submitted is skipped: the host says anew where it stands.
    probe.disable(RingId::Command);
    probe.next[0] -= 1;
    probe.doorbell(RingId::Command);
    probe.enable(RingId::Command, probe.rings[0].iova().0);
    assert_taken(&mut probe, Opcode::Insert, insert(1, 0, 1));
    assert_eq!(probe.picture().slots.len(), 1);
}

fn ledger(probe: &Probe, first: u32) -> LedgerRecord {
    use driver::regio::RegIo;
    probe.store(offset::ENI_SELECT, 0);
    let mut words = [0_u32; 16];
    for (word, at) in words.iter_mut().zip((first..).step_by(4)) {
        *word = probe.device.io().load(at);
    }
    zerocopy::transmute!(words)
}

#[test]
fn a_punt_that_host_memory_does_not_take_is_skipped_and_counted_where_it_is_lost() {
    let mut probe = Probe::running();
    assert!(probe.card.unmap("probe-Punt"));
    let (mut errors, mut faults) = (Errors(0), RingFaults(0));
    errors.set_dma(true);
    faults.set_punt(true);
    let lost = vec![("INGRESS_FRAMES", 1), ("INGRESS_BYTES", 60), ("INGRESS_MISSES", 1), ("INGRESS_SKIPPED", 1)];
    let mut moved = Moved { counters: lost.clone(), errors: errors.0, faults: faults.0, ..Moved::default() };
    moved.counters.push(("DMA_REFUSED", 1));
    probe.expect("the first", &moved, |probe| probe.send(&frame(1), 1));
    moved.counters = lost;
    probe.expect("the second finds the ring stopped", &moved, |probe| probe.send(&frame(1), 2));
    let packets = ledger(&probe, offset::LEDGER_PACKETS);
    let found = [Ledger::Offered, Ledger::Skipped, Ledger::Punted].map(|end| packets.counter(end as usize));
    assert_eq!(found, [2, 2, 0]);
    let limits = ledger(&probe, offset::LEDGER_LIMITS);
    let reasons = [LimitDrop::SkippedDma, LimitDrop::SkippedRing, LimitDrop::SkippedCredit];
    assert_eq!(reasons.map(|reason| limits.counter(reason as usize)), [2, 0, 0]);
}

/// Ten packets in a slot, and record memory that is gone.
fn counted_and_unmapped() -> Probe {
    let mut probe = Probe::running();
    assert_taken(&mut probe, Opcode::Insert, insert(1, 0, 5));
    for packet in 0..10 {
        probe.send(&frame(1), packet);
    }
    assert!(probe.card.unmap("probe-Record"));
    probe
}

/// Puts the record ring into other memory. All that the host had not taken would be lost: the NIC
/// starts to write where the host has come to.
fn set_up_records_again(probe: &mut Probe) {
    probe.disable(RingId::Record);
    let memory = probe.device.dma("probe-Record again", 64 << weir_tests::probe::RING_LOG2).expect("memory");
    probe.rings[RingId::Record as usize] = memory;
    probe.doorbell(RingId::Record);
    probe.enable(RingId::Record, probe.rings[RingId::Record as usize].iova().0);
}

fn records(probe: &mut Probe) -> Vec<FlowRecord> {
    std::iter::from_fn(|| probe.take(RingId::Record)).collect()
}

#[test]
fn a_drain_waits_for_a_record_ring_that_failed_and_loses_nothing() {
    let mut probe = counted_and_unmapped();
    probe.advance(1_000_000_000);
    let picture = probe.picture();
    assert!(picture.errors.dma() && picture.faults.record());
    assert_eq!(picture.counters["DMA_REFUSED"], 1, "it does not try again and again");
    assert_eq!(records(&mut probe).len(), 0);
    set_up_records_again(&mut probe);
    let records = records(&mut probe);
    let kinds: Vec<_> = records.iter().filter_map(|record| RecordKind::from_bits(record.tail.kind_bits())).collect();
    let ledgers = [RecordKind::LedgerPackets, RecordKind::LedgerBytes];
    let mut expected = vec![RecordKind::WindowStart, RecordKind::Flow];
    expected.extend(ledgers.into_iter().chain(ledgers).chain([RecordKind::WindowEnd]));
    assert_eq!(kinds, expected);
    let flow = &records[1];
    assert_eq!((flow.cookie, flow.packets_first.packets(), flow.bytes_window.bytes()), (5, 10, 460));
    assert!(!probe.picture().faults.record());
}

#[test]
fn a_command_that_extracts_waits_for_a_record_ring_that_failed_and_loses_nothing() {
    for (opcode, slots) in [(Opcode::Delete, 0), (Opcode::Update, 1)] {
        let mut probe = counted_and_unmapped();
        let mut command = insert(1, 0, 6);
        command.tail.set_opcode_bits(opcode as u8);
        command.tail.set_complete(true);
        probe.put(RingId::Command, command);
        probe.doorbell(RingId::Command);
        assert!(probe.take::<Completion>(RingId::Completion).is_none(), "{opcode:?} waits");
        assert_eq!(probe.picture().slots.len(), 1, "and nothing has changed");
        set_up_records_again(&mut probe);
        let completion: Completion = probe.take(RingId::Completion).expect("it is answered");
        assert_eq!(Status::from_bits(completion.tail.status_bits()), Some(Status::Ok), "{opcode:?}");
        let records = records(&mut probe);
        let found: Vec<_> = records.iter().map(|r| (r.tail.kind_bits(), r.cookie, r.packets_first.packets())).collect();
        assert_eq!(found, [(RecordKind::Evicted as u8, 5, 10)], "{opcode:?}");
        assert_eq!(probe.picture().slots.len(), slots);
    }
}
