//! Finding the NIC as it is: identity, bring-up, re-attach, reading the table back.

mod double;

use double::{Shelf, attach, small_config};
use driver::regio::RegIo;
use driver::{Attached, Config, Cookie, Driver, Offload, Slot, Verification, VerifyError};
use firmware_abi::descriptor::{Command, Completion, FlowRecord, Opcode, RecordKind, Status};
use firmware_abi::key::{Direction, FlowKey};
use firmware_abi::registers::{RingControl, offset};
use firmware_abi::ring::{PHASE_BIT, RingId, phase};
use std::rc::Rc;

fn refusal(device: &Rc<Shelf>, config: &Config) -> String {
    Driver::attach(Rc::clone(device), config).err().expect("a refusal").to_string()
}

#[test]
fn another_device_or_none_is_refused() {
    let device = Shelf::new(7);
    device.registers.store(offset::MAGIC, u32::MAX);
    assert_eq!(refusal(&device, &small_config()), "no flow-tally NIC: MAGIC reads 0xffffffff, expected 0x57454952");
}

#[test]
fn another_major_version_or_an_older_minor_is_refused_with_both_versions() {
    let device = Shelf::new(7);
    let ours = firmware_abi::ABI_VERSION;
    let (major, minor) = (ours >> 16, ours & 0xffff);
    device.registers.store(offset::ABI_VERSION, ours + 0x0001_0000);
    assert_eq!(
        refusal(&device, &small_config()),
        format!("the NIC's ABI is {}.{minor}, this driver needs {major}.{minor} or a later minor", major + 1)
    );
    device.registers.store(offset::ABI_VERSION, ours - 0x0001_0000 + 9);
    assert!(refusal(&device, &small_config()).contains("or a later minor"));
    device.registers.store(offset::ABI_VERSION, ours + 1);
    assert_eq!(attach(&device, &small_config()).1, Attached::Fresh, "a later minor is welcome");
}

#[test]
fn impossible_sizes_are_refused_with_what_is_possible() {
    let device = Shelf::new(6);
    assert_eq!(refusal(&device, &small_config()), "the NIC reports slots_log2 6, expected 7 to 24");
    let mut config = small_config();
    config.rings.punt_log2 = 3;
    assert_eq!(refusal(&Shelf::new(7), &config), "ring-punt is 3, expected 4 to 24");
    let config = Config { window_seconds: 601, ..small_config() };
    assert_eq!(refusal(&Shelf::new(7), &config), "window_seconds is 601, expected 1 to 600");
}

#[test]
fn a_nic_that_never_gets_ready_is_given_up_and_the_wait_is_named() {
    let device = Shelf::new(7);
    device.registers.store(offset::STATUS, 0);
    assert_eq!(refusal(&device, &small_config()), "waited 10 polls in vain for STATUS.ready after reset");
}

#[test]
fn bring_up_sets_time_window_rings_and_starts_the_nic() {
    let device = Shelf::new(7);
    let config = Config { window_seconds: 60, start_time_ns: 0x1234_5678_9abc_def0, ..small_config() };
    assert_eq!(attach(&device, &config).1, Attached::Fresh);
    let load = |at| device.registers.load(at);
    assert_eq!((load(offset::TIME_SET_LO), load(offset::TIME_SET_HI)), (0x9abc_def0, 0x1234_5678));
    assert_eq!(load(offset::WINDOW_SECONDS), 60);
    for id in RingId::ALL {
        let ring = device.registers.ring(id);
        assert_eq!(ring.size_log2(), config.rings.log2(id));
        assert!(ring.base_iova() != 0 && ring.base_iova().is_multiple_of(4096));
        let mut control = RingControl::default();
        control.set_enable(true);
        control.set_vector(id as u8);
        assert_eq!(ring.control(), control);
    }
    assert_eq!(load(offset::CONTROL), 1);
}

#[test]
fn a_bring_up_that_dies_at_any_step_is_begun_anew() {
    for step in 0.. {
        let device = Shelf::new(7);
        let survived = device.crash_at(step, || drop(attach(&device, &small_config()))).is_some();
        let (_, attached) = attach(&device, &small_config());
        // The very last steps come after the NIC and its state were marked as up.
        assert!(matches!(attached, Attached::Fresh | Attached::Resumed), "step {step}: {attached:?}");
        if survived {
            assert_eq!(attached, Attached::Resumed);
            break;
        }
    }
}

#[test]
fn a_nic_that_was_reset_under_its_state_is_brought_up_anew_and_the_state_is_wiped() {
    let device = Shelf::new(7);
    let (mut driver, _) = attach(&device, &small_config());
    insert(&mut driver, 1);
    driver.commit();
    drop(driver);
    device.registers.store(offset::CONTROL, 0);
    for id in RingId::ALL {
        device.registers.ring(id).set_host_index(0);
    }
    let (driver, attached) = attach(&device, &small_config());
    assert_eq!(attached, Attached::DeviceRestart);
    assert_eq!(driver.dump().slots, []);
}

#[test]
fn a_nic_that_runs_while_the_host_lost_its_memory_is_reported_with_its_ledgers() {
    let device = Shelf::new(7);
    // Another NIC's rings: the state in memory, which is new, cannot be this one's.
    device.registers.store(offset::CONTROL, 1);
    device.registers.store(offset::LEDGER_PACKETS, 5);
    device.registers.store(offset::WINDOW_NUMBER, 7);
    let (_, attached) = attach(&device, &small_config());
    let Attached::HostRestart { window, ledgers } = attached else { panic!("{attached:?}") };
    assert_eq!(window.number, 7);
    // The double shows one ledger under every number: four ports, both directions.
    assert_eq!(ledgers.len(), 8);
    assert_eq!((ledgers[3].vport, ledgers[3].direction, ledgers[3].packets.counter(0)), (1, Direction::Egress, 5));
}

#[test]
fn other_ring_sizes_than_the_running_nic_has_are_refused() {
    let device = Shelf::new(7);
    drop(attach(&device, &small_config()));
    let mut config = small_config();
    config.rings.record_log2 = 5;
    assert_eq!(refusal(&device, &config), "the running NIC's Record ring has 2^4 entries, expected 2^5");
}

fn key(number: u32) -> FlowKey {
    FlowKey { src_port: number as u16, protocol: 6, ..FlowKey::default() }
}

fn insert(driver: &mut Driver<Shelf>, number: u32) {
    let outcome = driver.insert(key(number), Cookie(number), [number % 8, number % 8], |cookie| Some(key(cookie.0)));
    assert!(matches!(outcome, Ok(Offload::Placed(_))), "{outcome:?}");
}

/// Answers all READ_SLOT and FENCE commands from index `from` on as a NIC with `slots` would.
struct Answers {
    device: Rc<Shelf>,
    commands: u32,
    completions: u32,
    records: u32,
}

impl Answers {
    fn answer(&mut self, holds: impl Fn(Direction, Slot) -> Option<Cookie>) {
        let commands = self.device.memory("ring-command-6");
        let records_room = self.device.host_index(RingId::Record).wrapping_add(16);
        let completions_room = self.device.host_index(RingId::Completion).wrapping_add(16);
        while self.commands != self.device.host_index(RingId::Command)
            && self.completions != completions_room
            && self.records != records_room
        {
            let command: Command = commands.load((self.commands % 64) as usize * 64);
            self.commands += 1;
            let direction = Direction::ALL[(command.sequence & 1) as usize];
            let mut status = Status::Ok;
            if command.tail.opcode_bits() == Opcode::ReadSlot as u8 {
                match holds(direction, Slot(command.slot)) {
                    Some(cookie) => self.record(direction, cookie),
                    None => status = Status::SlotEmpty,
                }
            }
            self.complete(&command, status);
        }
        self.device.set_nic_index(RingId::Command, self.commands);
    }

    fn complete(&mut self, command: &Command, status: Status) {
        let Command { sequence, slot, cookie, .. } = *command;
        let mut completion = Completion { sequence, slot, cookie, ..Completion::default() };
        completion.tail.set_opcode_bits(command.tail.opcode_bits());
        completion.tail.set_status_bits(status as u8);
        completion.tail.set_phase(phase(self.completions, 4));
        self.device.memory("ring-completion-4").store((self.completions % 16) as usize * 16, completion);
        self.completions += 1;
        self.device.set_nic_index(RingId::Completion, self.completions);
    }

    fn record(&mut self, direction: Direction, cookie: Cookie) {
        let mut record = FlowRecord { cookie: cookie.0, ..FlowRecord::default() };
        record.key.port.set_egress(direction == Direction::Egress);
        record.tail.set_kind_bits(RecordKind::Slot as u8);
        record.tail.set_phase(phase(self.records, 4));
        self.device.memory("ring-record-4").store((self.records % 16) as usize * 64, record);
        self.records += 1;
        self.device.set_nic_index(RingId::Record, self.records);
    }
}

fn read_back(holds: impl Fn(Direction, Slot) -> Option<Cookie>) -> Result<(), VerifyError> {
    let device = Shelf::new(7);
    let (mut driver, _) = attach(&device, &small_config());
    for number in 0..10 {
        insert(&mut driver, number);
    }
    driver.commit();
    assert_eq!(driver.verify(), Ok(Verification::Done), "nothing is in doubt after a fresh start");
    drop(driver);
    let mut answers = Answers { device: Rc::clone(&device), commands: 10, completions: 0, records: 0 };
    // What an earlier process asked is answered before the fence, and does not count.
    answers.record(Direction::Egress, Cookie(99));
    device.set_nic_index(RingId::Command, 10);
    let (mut driver, attached) = attach(&device, &small_config());
    assert_eq!(attached, Attached::Resumed);
    let mut records = Vec::new();
    loop {
        driver.records(&mut records, 16);
        driver.completions(16, |event| panic!("{event:?}"));
        if driver.verify()? == Verification::Done {
            driver.commit();
            assert_eq!(records, [], "answers to the read-back are kept out");
            return Ok(());
        }
        driver.commit();
        answers.answer(&holds);
    }
}

/// What the inserts of `read_back` put where: the first way of bucket `number` in the lower half,
/// the second round in the upper half.
fn held(direction: Direction, slot: Slot) -> Option<Cookie> {
    let bucket = slot.0 % 64 / 8;
    let number = match (slot.0 / 64, slot.0 % 8) {
        (0, 0) => bucket,
        (1, 0) if bucket < 2 => bucket + 8,
        _ => return None,
    };
    (direction == Direction::Ingress).then_some(Cookie(number))
}

#[test]
fn a_table_that_holds_what_the_host_put_there_is_confirmed() {
    assert_eq!(read_back(held), Ok(()));
}

#[test]
fn a_slot_with_another_flow_is_a_mismatch() {
    let found = read_back(|direction, slot| if slot == Slot(16) { Some(Cookie(77)) } else { held(direction, slot) });
    let direction = Direction::Ingress;
    let (expected, found_cookie) = (Some(Cookie(2)), Some(Cookie(77)));
    assert_eq!(found, Err(VerifyError::TableMismatch { direction, slot: Slot(16), expected, found: found_cookie }));
}

#[test]
fn a_slot_that_the_nic_lost_or_invented_is_a_mismatch() {
    let lost = read_back(|direction, slot| held(direction, slot).filter(|cookie| cookie.0 != 9));
    let (direction, slot) = (Direction::Ingress, Slot(72));
    assert_eq!(lost, Err(VerifyError::TableMismatch { direction, slot, expected: Some(Cookie(9)), found: None }));
    let invented = read_back(|direction, slot| {
        if (direction, slot) == (Direction::Egress, Slot(127)) { Some(Cookie(5)) } else { held(direction, slot) }
    });
    let (direction, slot) = (Direction::Egress, Slot(127));
    assert_eq!(invented, Err(VerifyError::TableMismatch { direction, slot, expected: None, found: Some(Cookie(5)) }));
}

#[test]
fn a_nic_that_does_not_answer_the_read_back_is_given_up() {
    let device = Shelf::new(7);
    drop(attach(&device, &small_config()));
    let (mut driver, _) = attach(&device, &small_config());
    let mut polls = 0;
    let error = loop {
        match driver.verify() {
            Ok(_) => driver.commit(),
            Err(error) => break error,
        }
        polls += 1;
    };
    assert_eq!((polls, error.to_string().as_str()), (10, "waited 10 polls in vain for the table to be read back"));
    assert_eq!(PHASE_BIT, 1 << 31);
}
