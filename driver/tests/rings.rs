//! The rings: phases over many laps, frames that wrap, a NIC that lies, a process that dies.

mod double;

use double::{Shelf, attach, small_config};
use driver::dump::SlotValue;
use driver::{
    Attached, CommandEvent, Cookie, DeviceFaults, Driver, InjectError, NoRoom, Offload, Punt, Removal, RingFault, Slot,
    Table,
};
use firmware_abi::descriptor::{Command, Completion, FlowRecord, Opcode, Status};
use firmware_abi::frame::{Disposition, FrameHeader};
use firmware_abi::key::{Direction, FlowKey};
use firmware_abi::ring::{FRAME_HEADER_BYTES, FRAME_SLOT_BYTES, FRAME_SLOT_DATA_BYTES, RingId, frame_slots, phase};
use std::rc::Rc;

const ENTRIES: u32 = 16;

fn put_record(device: &Shelf, index: u32) {
    let mut record = FlowRecord { cookie: index, ..FlowRecord::default() };
    record.packets_first.set_packets(u64::from(index) + 1);
    record.tail.set_phase(phase(index, 4));
    device.memory("ring-record-4").store((index % ENTRIES) as usize * 64, record);
    device.set_nic_index(RingId::Record, index + 1);
}

/// Writes a frame of `held` bytes into the punt ring: byte *n* is `fill(n)`. The first slot is written last.
fn put_punt(device: &Shelf, index: u32, held: usize, fill: impl Fn(usize) -> u8) -> u32 {
    let memory = device.memory("ring-punt-4");
    let frame: Vec<u8> = (0..held).map(fill).collect();
    let mut header = FrameHeader { time_ns: index.into(), ..FrameHeader::default() };
    header.length.set_held(held as u32);
    for slot in (0..frame_slots(held)).rev() {
        let slot_index = index + slot;
        let start = (slot_index % ENTRIES) as usize * FRAME_SLOT_BYTES;
        let part = frame.chunks(FRAME_SLOT_DATA_BYTES).nth(slot as usize).unwrap_or_default();
        memory.copy_in(start + FRAME_HEADER_BYTES, part);
        header.tail.set_phase(phase(slot_index, 4));
        memory.store(start, header);
    }
    index + frame_slots(held)
}

#[test]
fn records_are_read_once_over_many_laps_and_never_before_they_are_written() {
    let device = Shelf::new(7);
    let (mut driver, _) = attach(&device, &small_config());
    let mut records = Vec::new();
    let mut written = 0;
    for lap in 0..40_u32 {
        for _ in 0..lap % ENTRIES {
            put_record(&device, written);
            written += 1;
        }
        let half = (lap % ENTRIES / 2) as usize;
        assert_eq!(driver.records(&mut records, half), half);
        driver.records(&mut records, 100);
        assert_eq!(driver.records(&mut records, 100), 0);
        assert_eq!(driver.record_index(), written);
        driver.commit();
        assert_eq!(device.host_index(RingId::Record), written);
    }
    let cookies: Vec<u32> = records.iter().map(|record| record.cookie).collect();
    assert_eq!(cookies, (0..written).collect::<Vec<_>>());
    assert!(written > 10 * ENTRIES);
}

#[test]
fn punted_frames_of_all_lengths_wrap_and_come_back_whole_through_the_inject_ring() {
    let device = Shelf::new(7);
    let (mut driver, _) = attach(&device, &small_config());
    let mut index = 0;
    for (number, held) in (0..).zip([0, 60, 1984, 1985, 9216, 3968, 1500, 9000, 9216, 9216, 60, 9216, 7000]) {
        let fill = move |byte: usize| if byte.is_multiple_of(2) { 0xff } else { (byte * 7 + number) as u8 };
        let end = put_punt(&device, index, held, fill);
        device.set_nic_index(RingId::Punt, end);
        let mut punts = Vec::new();
        assert_eq!(driver.punts(&mut punts, 10), Ok(1), "frame {number}");
        let punt = punts[0];
        assert_eq!((punt.index, punt.header.time_ns, punt.held_bytes()), (index, u64::from(index), held));
        let expected: Vec<u8> = (0..held).map(fill).collect();
        let mut bytes = vec![0; 10_000];
        assert_eq!(driver.copy_frame(&punt, 0, &mut bytes), held);
        assert_eq!(&bytes[..held], expected);
        assert_eq!(driver.copy_frame(&punt, held.saturating_sub(5), &mut bytes), held.min(5));

        driver.inject(&punt, Disposition::Forward).expect("there is room");
        driver.commit();
        index = end;
        assert_eq!(driver.punt_index(), index);
        assert_eq!((device.host_index(RingId::Punt), device.host_index(RingId::Inject)), (index, index));
        assert_inject(&device, &punt, &expected);
        device.consume_all();
    }
    assert!(index > 2 * ENTRIES);
    assert_eq!(driver.inject_is_idle(), Ok(true));
    assert_eq!(driver.faults(), DeviceFaults::default());
}

/// The inject ring holds `punt` at the same index, since both rings are of one size here.
fn assert_inject(device: &Shelf, punt: &Punt, frame: &[u8]) {
    let memory = device.memory("ring-inject-4");
    let mut found = Vec::new();
    for index in punt.index..punt.index + punt.slots() {
        let start = (index % ENTRIES) as usize * FRAME_SLOT_BYTES;
        let mut expected = punt.header;
        expected.tail.set_code(Disposition::Forward as u8);
        expected.tail.set_phase(phase(index, 4));
        assert_eq!(memory.load::<FrameHeader>(start), expected);
        let mut part = [0; FRAME_SLOT_DATA_BYTES];
        memory.copy_out(start + FRAME_HEADER_BYTES, &mut part);
        found.extend(part);
    }
    assert_eq!(&found[..frame.len()], frame);
}

#[test]
fn a_punt_that_is_put_back_comes_again() {
    let device = Shelf::new(7);
    let (mut driver, _) = attach(&device, &small_config());
    let mut index = 0;
    for _ in 0..4 {
        index = put_punt(&device, index, 3000, |_| 1);
    }
    device.set_nic_index(RingId::Punt, index);
    let mut punts = Vec::new();
    assert_eq!(driver.punts(&mut punts, 10), Ok(4));
    driver.put_back(&punts[1]);
    driver.commit();
    assert_eq!(device.host_index(RingId::Punt), 2);
    let mut again = Vec::new();
    assert_eq!(driver.punts(&mut again, 10), Ok(3));
    assert_eq!(again, punts[1..]);
}

#[test]
fn a_full_inject_ring_is_an_outcome_and_its_register_is_read_once_a_transaction() {
    let device = Shelf::new(7);
    let (mut driver, _) = attach(&device, &small_config());
    let end = put_punt(&device, 0, 9216, |_| 1);
    device.set_nic_index(RingId::Punt, end);
    let mut punts = Vec::new();
    assert_eq!(driver.punts(&mut punts, 1), Ok(1));
    let reads = driver.rings()[4].register_reads;
    for _ in 0..3 {
        assert_eq!(driver.inject(&punts[0], Disposition::Retry), Ok(()));
    }
    let full = Err(InjectError::NoRoom(NoRoom { ring: RingId::Inject }));
    for _ in 0..5 {
        assert_eq!(driver.inject(&punts[0], Disposition::Retry), full);
    }
    assert_eq!(driver.rings()[4].register_reads, reads + 1);
    driver.put_back(&punts[0]);
    driver.commit();
    assert_eq!(driver.inject_is_idle(), Ok(false));
    device.consume_all();
    assert_eq!(driver.inject_is_idle(), Ok(true));
}

#[test]
fn a_nic_that_lies_about_a_frame_or_an_index_is_a_fault_and_never_a_panic() {
    let ring = RingId::Punt;
    let too_long = |found| RingFault::FrameLength { ring, index: 1, found, most: 9216 };
    // A frame that is too long, or one whose second slot never came.
    for (held, slots, expected) in
        [(9217, 5, too_long(9217)), (16383, 9, too_long(16383)), (3000, 1, RingFault::Phase { ring, index: 2 })]
    {
        let device = Shelf::new(7);
        let (mut driver, _) = attach(&device, &small_config());
        put_punt(&device, 0, 60, |_| 1);
        put_punt(&device, 1, held, |_| 1);
        let after = (1 + slots) as usize * FRAME_SLOT_BYTES;
        device.memory("ring-punt-4").store(after, FrameHeader::default());
        let mut punts = Vec::new();
        assert_eq!(driver.punts(&mut punts, 9), Err(expected));
        assert_eq!(punts.len(), 1, "those before the fault are given");
        assert_eq!(driver.faults(), DeviceFaults { completions: 0, rings: 1 });
    }
    let device = Shelf::new(7);
    let (mut driver, _) = attach(&device, &small_config());
    device.set_nic_index(ring, 17);
    assert_eq!(driver.punt_producer(), Err(RingFault::Index { ring, found: 17, low: 0, high: 16 }));
    assert_eq!(driver.inject_is_idle(), Ok(true));
    device.set_nic_index(RingId::Inject, 1);
    let expected = RingFault::Index { ring: RingId::Inject, found: 1, low: 0, high: 0 };
    assert_eq!(driver.inject_is_idle(), Err(expected));
    assert_eq!(driver.faults(), DeviceFaults { completions: 0, rings: 2 });
}

fn key(number: u32) -> FlowKey {
    FlowKey { src_port: number as u16, protocol: 17, ..FlowKey::default() }
}

fn complete(device: &Shelf, index: u32, command: &Command, status: u8) {
    let Command { sequence, slot, cookie, .. } = *command;
    let mut completion = Completion { sequence, slot, cookie, ..Completion::default() };
    completion.tail.set_opcode_bits(command.tail.opcode_bits());
    completion.tail.set_status_bits(status);
    completion.tail.set_phase(phase(index, 4));
    device.memory("ring-completion-4").store((index % ENTRIES) as usize * 16, completion);
    device.set_nic_index(RingId::Completion, index + 1);
}

fn events(driver: &mut Driver<Shelf>) -> Vec<CommandEvent> {
    let mut events = Vec::new();
    driver.completions(100, |event| events.push(event));
    driver.commit();
    events
}

#[test]
fn a_removed_slot_takes_no_flow_until_the_nic_has_confirmed() {
    let device = Shelf::new(7);
    let (mut driver, _) = attach(&device, &small_config());
    let command = |index: usize| device.memory("ring-command-6").load::<Command>(index * 64);
    let insert = |driver: &mut Driver<Shelf>, number| driver.insert(key(number), Cookie(number), [0, 0], |_| None);
    // One bucket of each half: 16 flows.
    for number in 0..16 {
        assert!(matches!(insert(&mut driver, number), Ok(Offload::Placed(_))));
    }
    assert_eq!(insert(&mut driver, 16), Ok(Offload::Full));
    assert_eq!(driver.remove(Slot(3), key(6)), Ok(Removal::Asked(Cookie(6))));
    assert_eq!(driver.remove(Slot(3), key(6)), Ok(Removal::NotThere));
    driver.commit();
    assert_eq!(insert(&mut driver, 16), Ok(Offload::Full), "the slot is leaving");
    let counters = driver.slot_counters(Direction::Ingress);
    assert_eq!((counters.occupied, counters.leaving, counters.rejected), (15, 1, 2));

    let delete = command(16);
    assert_eq!((delete.tail.opcode_bits(), delete.tail.complete()), (Opcode::Delete as u8, true));
    complete(&device, 0, &delete, Status::Ok as u8);
    let (direction, slot, cookie) = (Direction::Ingress, Slot(3), Cookie(6));
    assert_eq!(events(&mut driver), [CommandEvent::Removed { direction, slot, cookie }]);
    let placed = insert(&mut driver, 16);
    assert!(matches!(placed, Ok(Offload::Placed(placement)) if placement.slot == Slot(3)), "{placed:?}");
    driver.commit();
    let again = command(17);
    assert_eq!((again.slot, again.cookie, again.tail.complete()), (3, 16, false));

    complete(&device, 1, &again, Status::Quota as u8);
    let (opcode, status, cookie) = (Opcode::Insert, Status::Quota, Cookie(16));
    assert_eq!(events(&mut driver), [CommandEvent::Failed { opcode, status, direction, slot, cookie }]);
    let counters = driver.slot_counters(direction);
    assert_eq!((counters.occupied, counters.leaving, driver.slots_used_by(0)), (15, 0, 15));
}

#[test]
fn a_completion_that_makes_no_sense_is_counted_and_passed_over() {
    let device = Shelf::new(7);
    let (mut driver, _) = attach(&device, &small_config());
    let fence = driver.fence().expect("there is room");
    driver.commit();
    let good: Command = device.memory("ring-command-6").load(0);
    complete(&device, 0, &good, 99);
    let mut bad = good;
    bad.tail.set_opcode_bits(200);
    complete(&device, 1, &bad, 0);
    bad.tail.set_opcode_bits(Opcode::Delete as u8);
    bad.slot = 128;
    complete(&device, 2, &bad, 0);
    bad.slot = 5;
    bad.sequence = 0x1234_5678;
    complete(&device, 3, &bad, 0);
    complete(&device, 4, &good, 0);
    let removed = CommandEvent::Removed { direction: Direction::Ingress, slot: Slot(5), cookie: Cookie(bad.cookie) };
    assert_eq!(events(&mut driver), [removed, CommandEvent::Fenced(fence)]);
    assert_eq!(driver.faults(), DeviceFaults { completions: 3, rings: 0 });
    assert_eq!(device.host_index(RingId::Completion), 5);
}

#[test]
fn the_quota_of_an_eni_keeps_its_flows_out_and_nobody_elses() {
    let device = Shelf::new(7);
    let (mut driver, _) = attach(&device, &small_config());
    driver.set_quota(0, 2);
    for number in 0..4 {
        let placed = driver.insert(key(number), Cookie(number), [number, number], |_| None);
        assert_eq!(matches!(placed, Ok(Offload::OverQuota)), number >= 2, "{number}: {placed:?}");
    }
    let mut other = key(9);
    other.port.set_vport(1);
    assert!(matches!(driver.insert(other, Cookie(9), [0, 0], |_| None), Ok(Offload::Placed(_))));
    assert_eq!(driver.slot_counters(Direction::Ingress).over_quota, 2);
}

/// A poll: fold records into a table, give each punted flow a slot, inject it.
fn poll(driver: &mut Driver<Shelf>, tally: &Table<u64, Shelf>) {
    let (mut records, mut punts) = (Vec::new(), Vec::new());
    driver.records(&mut records, 5);
    for record in &records {
        tally.update(record.cookie as usize % tally.len(), |sum| *sum += record.packets_first.packets());
    }
    driver.completions(3, |_| {});
    driver.punts(&mut punts, 2).expect("an honest NIC");
    for punt in &punts {
        let outcome = driver.insert(key(punt.index), Cookie(punt.index), [punt.index % 8; 2], |_| None);
        assert!(matches!(outcome, Ok(Offload::Placed(_))));
        driver.inject(punt, Disposition::Retry).expect("there is room");
    }
    driver.commit();
}

fn prepare() -> (Rc<Shelf>, Driver<Shelf>, Table<u64, Shelf>) {
    let device = Shelf::new(7);
    let (driver, _) = attach(&device, &small_config());
    let tally = driver.arena().table("tally", 4).expect("it fits");
    for index in 0..12 {
        put_record(&device, index);
    }
    let mut end = 0;
    for held in [60, 5000, 1984] {
        end = put_punt(&device, end, held, |byte| byte as u8);
    }
    device.set_nic_index(RingId::Punt, end);
    (device, driver, tally)
}

/// All that a crash must not change: sums, ring indices, shadow, inject ring.
type Outcome = (Vec<u64>, Vec<u32>, Vec<SlotValue>, Vec<FrameHeader>);

fn outcome(device: &Shelf, driver: &Driver<Shelf>, tally: &Table<u64, Shelf>) -> Outcome {
    let sums = (0..tally.len()).map(|index| tally.get(index)).collect();
    let indices = RingId::ALL.map(|id| device.host_index(id)).to_vec();
    let injected = device.memory("ring-inject-4");
    let slot = |index: u32| injected.load::<FrameHeader>(index as usize * FRAME_SLOT_BYTES);
    let slots: Vec<_> = (0..indices[4]).map(slot).collect();
    (sums, indices, driver.dump().slots, slots)
}

#[test]
fn a_driver_that_dies_at_any_step_of_a_poll_goes_on_and_loses_and_doubles_nothing() {
    let (device, mut driver, tally) = prepare();
    for _ in 0..4 {
        poll(&mut driver, &tally);
    }
    let expected = outcome(&device, &driver, &tally);
    assert_eq!(expected.0, [15, 18, 21, 24]);
    for step in 0.. {
        let (device, mut driver, tally) = prepare();
        let survived = device.crash_at(step, || (0..4).for_each(|_| poll(&mut driver, &tally))).is_some();
        drop((driver, tally));
        // The next process dies too, at about the same place.
        let _ = device.crash_at(step / 2, || {
            let (mut driver, attached) = attach(&device, &small_config());
            assert_eq!(attached, Attached::Resumed);
            let tally = driver.arena().table("tally", 4).expect("it fits");
            poll(&mut driver, &tally);
        });
        let (mut driver, attached) = attach(&device, &small_config());
        assert_eq!(attached, Attached::Resumed);
        let tally = driver.arena().table("tally", 4).expect("it fits");
        for _ in 0..4 {
            poll(&mut driver, &tally);
        }
        assert_eq!(outcome(&device, &driver, &tally), expected, "step {step}");
        if survived {
            assert!(step > 80, "{step} steps");
            break;
        }
    }
}
