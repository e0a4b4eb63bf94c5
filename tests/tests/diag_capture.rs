//! What a dump may do to a NIC, and what it says of the instant that it is of.

use driver::device::Device as _;
use driver::dump::{Extent, Moved, Skew, capture};
use driver::regio::RegIo;
use firmware_abi::key::Direction;
use firmware_abi::registers::{Access, REGISTERS, offset};
use sim::card::{Card, Frame, Parameters, SimIo};
use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::rc::Rc;
use weir_tests::probe::{self, Probe, START_NS};

/// Registers that are watched, with something that happens at a load.
struct Watched<'a> {
    io: &'a SimIo,
    loads: RefCell<Vec<u32>>,
    stores: RefCell<Vec<(u32, u32)>>,
    at_load_of: u32,
    times: Cell<u32>,
    happens: &'a dyn Fn(),
}

impl<'a> Watched<'a> {
    fn new(io: &'a SimIo, at_load_of: u32, times: u32, happens: &'a dyn Fn()) -> Self {
        let times = Cell::new(times);
        Self { io, loads: RefCell::default(), stores: RefCell::default(), at_load_of, times, happens }
    }
}

impl RegIo for Watched<'_> {
    fn load(&self, offset: u32) -> u32 {
        self.loads.borrow_mut().push(offset);
        if offset == self.at_load_of && self.times.get() > 0 {
            self.times.set(self.times.get() - 1);
            (self.happens)();
        }
        self.io.load(offset)
    }

    fn store(&self, offset: u32, value: u32) {
        self.stores.borrow_mut().push((offset, value));
        self.io.store(offset, value);
    }
}

fn running() -> Probe {
    let card = Card::new(Parameters { slots_log2: 7, enis_log2: 1 }).expect("a NIC");
    Probe::on(card, [probe::RING_LOG2; 5]).set_up()
}

fn send(card: &Rc<Card>, after_ns: u64) {
    let bytes = [0; 60];
    let time_ns = START_NS + after_ns;
    let frame = Frame { time_ns, wire_length: 60, bytes: &bytes, vport: 0, direction: Direction::Ingress };
    let done: Result<(), Infallible> = card.offer(&[frame], || Ok(()));
    done.unwrap_or_else(|never| match never {});
}

#[test]
fn a_dump_writes_nothing_but_snapshot_and_the_selects_which_it_puts_back() {
    let probe = running();
    let io = probe.device.io();
    let before = probe.picture();
    io.write(|r| &r.slot_select, 5);
    io.write(|r| &r.eni_select, 1 << 31);
    let watched = Watched::new(io, u32::MAX, 0, &|| ());
    let dump = capture(&watched, Extent::Everything).expect("a picture");
    let allowed = [offset::SNAPSHOT, offset::SLOT_SELECT, offset::ENI_SELECT];
    assert!(watched.stores.borrow().iter().all(|(at, _)| allowed.contains(at)));
    assert_eq!((io.read(|r| &r.slot_select), io.read(|r| &r.eni_select)), (5, 1 << 31));
    assert_eq!(dump.value(offset::SLOT_SELECT), Some(5), "the dump shows them as they were");
    assert_eq!(probe.picture(), before, "nothing has moved");
}

#[test]
fn an_untouched_dump_writes_nothing_at_all() {
    let probe = running();
    let watched = Watched::new(probe.device.io(), u32::MAX, 0, &|| ());
    let dump = capture(&watched, Extent::Untouched).expect("a picture");
    assert_eq!(*watched.stores.borrow(), []);
    assert_eq!((dump.moment, dump.tables.is_some(), dump.registers.len()), (None, false, REGISTERS.len()));
}

#[test]
fn write_only_registers_are_not_read_and_have_no_value() {
    let probe = running();
    let watched = Watched::new(probe.device.io(), u32::MAX, 0, &|| ());
    let dump = capture(&watched, Extent::Everything).expect("a picture");
    for register in REGISTERS.iter().filter(|register| register.access == Access::WriteOnly) {
        assert!(!watched.loads.borrow().contains(&register.offset), "{}", register.name);
        assert_eq!(dump.value(register.offset), None, "{}", register.name);
    }
}

#[test]
fn a_dump_of_a_quiet_nic_is_of_one_instant_and_bears_one_id() {
    let probe = running();
    probe.send(&[0; 60], 1_000);
    let dump = capture(probe.device.io(), Extent::Everything).expect("a picture");
    let moment = dump.moment.expect("an instant");
    assert_eq!(dump.value(offset::SNAPSHOT_ID), Some(moment.snapshot_id));
    assert_eq!(dump.wide(offset::TIME_LO), Some(moment.time_ns));
    assert_eq!(moment.skew, Skew::default());
    let ledgers = dump.ledgers.expect("ledgers");
    assert_eq!(ledgers.iter().map(|ledger| ledger.packets.offered).sum::<u64>(), 1);
}

#[test]
fn what_the_nic_did_while_it_was_read_is_said() {
    let probe = running();
    let card = Rc::clone(&probe.card);
    let happens = || send(&card, 5_000);
    let watched = Watched::new(probe.device.io(), offset::SCRATCH, 1, &happens);
    let dump = capture(&watched, Extent::Everything).expect("a picture");
    let skew = dump.moment.expect("an instant").skew;
    assert_eq!((skew.frames, skew.commands), (1, 0));
    assert!(skew.ns > 0);
    assert_eq!(dump.wide(offset::INGRESS_FRAMES_LO), Some(0), "counters are of the snapshot");
}

#[test]
fn another_readers_snapshot_makes_the_dump_begin_anew_and_in_the_end_fail() {
    let probe = running();
    let io = probe.device.io();
    let happens = || io.write(|r| &r.snapshot, 1);
    let once = Watched::new(io, offset::SCRATCH, 1, &happens);
    let dump = capture(&once, Extent::Registers).expect("the second attempt");
    assert_eq!(dump.value(offset::SNAPSHOT_ID), dump.moment.map(|moment| moment.snapshot_id));
    let happens = || io.write(|r| &r.snapshot, 1);
    let always = Watched::new(io, offset::SCRATCH, u32::MAX, &happens);
    let torn = capture(&always, Extent::Registers).expect_err("no attempt can succeed");
    assert!(matches!(torn.found, Moved::Snapshot(from, to) if to == from + 1), "{torn}");
}

#[test]
fn a_window_that_turns_makes_the_dump_begin_anew() {
    let probe = running();
    let happens = || probe.advance(1_500_000_000);
    let turned = Watched::new(probe.device.io(), offset::SCRATCH, 1, &happens);
    let dump = capture(&turned, Extent::Registers).expect("the second attempt");
    assert_eq!(dump.moment.map(|moment| moment.window), dump.value(offset::WINDOW_NUMBER).map(|number| number as u16));
    assert!(turned.stores.borrow().iter().filter(|(at, _)| *at == offset::SNAPSHOT).count() > 2);
}

#[test]
fn ledgers_are_had_without_selecting_a_slot() {
    let probe = running();
    probe.send(&[0; 60], 1_000);
    let watched = Watched::new(probe.device.io(), u32::MAX, 0, &|| ());
    let dump = capture(&watched, Extent::Ledgers).expect("a picture");
    assert!(watched.stores.borrow().iter().all(|(at, _)| *at != offset::SLOT_SELECT));
    assert_eq!((dump.tables.is_none(), dump.ledgers.map(|ledgers| ledgers.len())), (true, Some(1)));
}
