//! Placement: how full the table gets, and what it takes.

mod double;

use double::{Numbers, Shelf, attach};
use driver::{Config, Cookie, Driver, IdleAges, Offload, OffloadPolicy, Slot, offload::Fill};
use firmware_abi::hash::{WAYS, buckets, first_slot};
use firmware_abi::key::{Direction, FlowKey};
use std::rc::Rc;

const SLOTS_LOG2: u32 = 17;
const SLOTS: usize = 1 << SLOTS_LOG2;
const SEED: u64 = 2024;

struct Table {
    device: Rc<Shelf>,
    driver: Driver<Shelf>,
    hashes: Vec<u64>,
    numbers: Numbers,
    /// Where each flow is, kept from what placement says.
    places: Vec<Option<Slot>>,
    moved: usize,
}

/// What became of a flow.
#[derive(PartialEq, Eq)]
enum Fate {
    FirstPlace,
    AfterMoves,
    Rejected,
}

impl Table {
    fn new() -> Self {
        println!("seed {SEED}");
        let device = Shelf::new(SLOTS_LOG2 as u8);
        let config = Config { polls_max: 10, ..Config::default() };
        let (driver, _) = attach(&device, &config);
        Self { device, driver, hashes: vec![], numbers: Numbers(SEED), places: vec![], moved: 0 }
    }

    fn offer(&mut self) -> Fate {
        let hash = self.numbers.next();
        let cookie = Cookie(self.hashes.len() as u32);
        self.hashes.push(hash);
        self.places.push(None);
        let outcome =
            self.driver.insert(FlowKey::default(), cookie, buckets(hash, SLOTS_LOG2), |_| Some(FlowKey::default()));
        let fate = match outcome.expect("an honest NIC") {
            Offload::Placed(placement) => {
                for step in placement.moves.iter() {
                    assert_eq!(self.places[step.cookie.0 as usize], Some(step.from), "who moves was there");
                    self.places[step.cookie.0 as usize] = Some(step.to);
                    self.moved += 1;
                }
                self.places[cookie.0 as usize] = Some(placement.slot);
                if placement.moves.is_empty() { Fate::FirstPlace } else { Fate::AfterMoves }
            }
            Offload::Full => Fate::Rejected,
            other => panic!("{other:?}"),
        };
        if self.hashes.len().is_multiple_of(512) {
            self.driver.commit();
            self.device.consume_all();
        }
        fate
    }

    fn occupied(&self) -> usize {
        self.driver.slot_counters(Direction::Ingress).occupied as usize
    }
}

#[test]
fn a_table_at_80_percent_hardly_ever_needs_a_move_and_one_with_moves_fills_to_99() {
    let mut table = Table::new();
    let mut not_at_first = 0;
    while table.occupied() < SLOTS * 8 / 10 {
        not_at_first += usize::from(table.offer() != Fate::FirstPlace);
    }
    let offered = table.hashes.len();
    println!("at 80 %: {not_at_first} of {offered} did not fit at first");
    assert!(not_at_first * 10_000 < offered, "{not_at_first} of {offered}");

    while table.offer() != Fate::Rejected {}
    let at_first_rejection = table.occupied();
    println!("first rejection at {:.2} %", at_first_rejection as f64 * 100.0 / SLOTS as f64);
    while table.hashes.len() < SLOTS {
        table.offer();
    }
    println!("{SLOTS} offered: {:.2} % full, {} moves", table.occupied() as f64 * 100.0 / SLOTS as f64, table.moved);
    assert!(at_first_rejection * 100 >= SLOTS * 98, "{at_first_rejection}");
    assert!(table.occupied() * 100 >= SLOTS * 99, "{}", table.occupied());
    assert_consistent(&mut table);
}

/// Every placed flow is in one of its buckets, alone, and shadow and counters say the same.
fn assert_consistent(table: &mut Table) {
    let mut seen = vec![false; SLOTS];
    for (hash, place) in table.hashes.iter().zip(&table.places) {
        let Some(slot) = place else { continue };
        assert!(!std::mem::replace(&mut seen[slot.0 as usize], true), "{slot:?} has two flows");
        let firsts = buckets(*hash, SLOTS_LOG2);
        let is_its = (0..2).any(|half| {
            let first = first_slot(half, firsts[half as usize], SLOTS_LOG2);
            (first..first + WAYS).contains(&slot.0)
        });
        assert!(is_its, "{slot:?} is in neither bucket");
    }
    table.driver.commit();
    let mut shadow: Vec<_> = table.driver.dump().slots.iter().map(|value| (value.cookie, value.slot)).collect();
    shadow.sort_unstable();
    let placed = (0..).zip(&table.places).filter_map(|(cookie, place)| Some((Cookie(cookie), (*place)?)));
    let placed: Vec<_> = placed.collect();
    assert!(shadow == placed, "the shadow agrees");
    let counters = table.driver.slot_counters(Direction::Ingress);
    assert_eq!((counters.occupied as usize, counters.leaving, counters.moves as usize), (placed.len(), 0, table.moved));
    assert_eq!(counters.rejected as usize, table.places.len() - placed.len());
    assert_eq!(table.driver.slots_used_by(0), counters.occupied);
}

#[test]
fn a_re_attach_counts_the_slots_anew() {
    let mut table = Table::new();
    for _ in 0..5000 {
        table.offer();
    }
    table.driver.remove(table.places[7].expect("placed"), FlowKey::default()).expect("an honest NIC");
    table.driver.commit();
    let before = table.driver.slot_counters(Direction::Ingress);
    let config = Config { polls_max: 10, ..Config::default() };
    let (driver, _) = attach(&table.device, &config);
    assert_eq!(driver.slot_counters(Direction::Ingress), before);
    assert_eq!(driver.slots_used_by(0), before.occupied);
    assert_eq!(driver.fill(Direction::Ingress), Fill { occupied: 5000, slots: SLOTS as u32 });
}

#[test]
fn a_flow_gets_its_slot_with_its_nth_packet_and_later_when_the_table_is_crowded() {
    let policy = OffloadPolicy { packet_threshold: 3, ..OffloadPolicy::default() };
    let fill = |occupied| Fill { occupied, slots: 1000 };
    let first = |occupied| (1..).find(|packets| policy.deserves_slot(*packets, fill(occupied)));
    assert_eq!((first(0), first(949), first(950), first(1000)), (Some(3), Some(3), Some(6), Some(6)));
    let at_once = OffloadPolicy { packet_threshold: 0, ..policy };
    assert!(at_once.deserves_slot(1, fill(0)));
    assert_eq!((policy.idle_reads(7), policy.idle_reads(0), policy.idle_reads(600)), (9, 60, 1));
}

#[test]
fn a_slot_untouched_for_k_reads_in_a_row_is_idle() {
    let mut ages = IdleAges::new(128);
    let read = |ages: &mut IdleAges, touched| {
        let mut idle = Vec::new();
        ages.read(64, touched, 2, |slot| idle.push(slot));
        idle
    };
    assert_eq!(read(&mut ages, u64::MAX), []);
    assert_eq!(read(&mut ages, !0b110), []);
    assert_eq!(read(&mut ages, !0b111), [65, 66]);
    ages.renew(66);
    assert_eq!(read(&mut ages, !0b1111), [64, 65]);
    let mut idle = Vec::new();
    ages.read(128, 0, 0, |slot| idle.push(slot));
    assert_eq!(idle, [], "past the table");
}
