//! A transaction is all or nothing, wherever the process dies.

mod double;

use double::Shelf;
use driver::{Arena, ArenaError, Table};
use std::cell::Cell;
use std::rc::Rc;

type Wide = [u64; 4];

const JOURNAL_BYTES: usize = 4096;
const TABLES_BYTES: usize = 4096;

struct Tables {
    arena: Arena<Shelf>,
    narrow: Table<u32, Shelf>,
    wide: Table<Wide, Shelf>,
}

fn open(device: &Rc<Shelf>) -> Tables {
    let arena = Arena::open(Rc::clone(device), "state", JOURNAL_BYTES, TABLES_BYTES).expect("it opens");
    let narrow = arena.table("narrow", 6).expect("it fits");
    let wide = arena.table("wide", 3).expect("it fits");
    Tables { arena, narrow, wide }
}

type Image = (Vec<u32>, Vec<Wide>);

fn image(tables: &Tables) -> Image {
    let narrow = (0..tables.narrow.len()).map(|index| tables.narrow.get(index)).collect();
    (narrow, (0..tables.wide.len()).map(|index| tables.wide.get(index)).collect())
}

/// Transaction `number`: changes of both tables, one place twice.
fn transaction(tables: &Tables, number: u32) {
    tables.narrow.set(number as usize, number + 1);
    tables.wide.update(1, |wide| wide[2] += u64::from(number) + 10);
    tables.narrow.set(5, number * 7 + 1);
    tables.wide.set(2, [u64::from(number); 4]);
    tables.narrow.set(5, number * 9 + 2);
    tables.wide.update(1, |wide| wide[0] ^= 0xff << number);
    // A batch that changes one value thrice.
    let items = [0, 3, 0, 9, 0_usize];
    let index_of = |item: &usize| Some(*item).filter(|index| *index < tables.narrow.len());
    tables.narrow.update_all(&items, index_of, |item, value| *value = *value * 3 + *item as u32 + number);
    tables.arena.commit();
}

const TRANSACTIONS: u32 = 4;
/// Ten changes of three steps each, and the commit's own.
const TRANSACTION_STEPS: u64 = 10 * 3 + 1;

/// The tables after each number of transactions.
fn images() -> Vec<Image> {
    let tables = open(&Shelf::new(7));
    let mut images = vec![image(&tables)];
    images.extend((0..TRANSACTIONS).map(|number| {
        transaction(&tables, number);
        image(&tables)
    }));
    images
}

/// Runs all transactions on a new device and dies at `step`; the device, and how many had ended.
fn die_at(step: u64) -> (Rc<Shelf>, usize, bool) {
    let device = Shelf::new(7);
    let ended = Cell::new(0);
    let tables = open(&device);
    let survived = device.crash_at(step, || {
        for number in 0..TRANSACTIONS {
            transaction(&tables, number);
            ended.set(ended.get() + 1);
        }
    });
    (Rc::clone(&device), ended.get(), survived.is_some())
}

#[test]
fn a_crash_at_any_step_leaves_the_whole_transaction_or_nothing_of_it() {
    let images = images();
    let mut step = 0;
    loop {
        let (device, ended, survived) = die_at(step);
        if survived {
            break;
        }
        let found = image(&open(&device));
        // The last step of a transaction comes after its commit took effect.
        let is_whole = found == images[ended] || found == images[ended + 1];
        assert!(is_whole, "step {step}: {found:?} after {ended} transactions");
        step += 1;
    }
    assert_eq!(step, u64::from(TRANSACTIONS) * TRANSACTION_STEPS, "every step was tried");
}

#[test]
fn a_crash_during_the_recovery_from_a_crash_changes_nothing() {
    let images = images();
    for step in 0..u64::from(TRANSACTIONS) * TRANSACTION_STEPS {
        for again in 0.. {
            let (device, ended, _) = die_at(step);
            let recovered = device.crash_at(again, || drop(open(&device))).is_some();
            let found = image(&open(&device));
            let is_whole = found == images[ended] || found == images[ended + 1];
            assert!(is_whole, "step {step}, then {again}: {found:?} after {ended} transactions");
            if recovered {
                break;
            }
        }
    }
}

#[test]
fn an_arena_half_made_is_made_anew() {
    for step in 0.. {
        let device = Shelf::new(7);
        let survived = device.crash_at(step, || drop(open(&device))).is_some();
        let tables = open(&device);
        assert_eq!(image(&tables), (vec![0; 6], vec![[0; 4]; 3]), "step {step}");
        transaction(&tables, 0);
        assert_eq!(image(&open(&device)), images()[1], "step {step}");
        if survived {
            assert!(step > 4, "making an arena takes steps");
            break;
        }
    }
}

#[test]
fn a_table_of_another_shape_is_refused_with_both_shapes() {
    let device = Shelf::new(7);
    drop(open(&device));
    let arena = Arena::open(Rc::clone(&device), "state", JOURNAL_BYTES, TABLES_BYTES).expect("it opens");
    let error = arena.table::<u32>("narrow", 7).err().expect("another length");
    assert_eq!(error.to_string(), "the state holds table `narrow` of 6 × 4 bytes, expected `narrow` of 7 × 4 bytes");
    let arena = Arena::open(Rc::clone(&device), "state", JOURNAL_BYTES, TABLES_BYTES).expect("it opens");
    assert!(matches!(arena.table::<u32>("other", 6), Err(ArenaError::Table { .. })));
}

#[test]
fn a_table_bigger_than_the_arena_is_refused() {
    let device = Shelf::new(7);
    let arena = Arena::open(device, "state", JOURNAL_BYTES, TABLES_BYTES).expect("it opens");
    let error = arena.table::<u64>("big", 1000).err().expect("8,000 bytes in 4,096");
    assert_eq!(error.to_string(), "no room for table `big` of 1000 × 8 bytes: 4096 bytes are free");
}

#[test]
fn the_journal_says_how_many_changes_it_has_room_for() {
    let tables = open(&Shelf::new(7));
    let room = tables.arena.room::<Wide>();
    for expected in (0..room).rev() {
        tables.wide.set(0, [1; 4]);
        assert_eq!(tables.arena.room::<Wide>(), expected);
    }
    tables.arena.commit();
    assert_eq!(tables.arena.room::<Wide>(), room);
}

#[test]
#[should_panic(expected = "a transaction outgrew the journal")]
fn a_transaction_that_outgrows_the_journal_is_a_bug() {
    let tables = open(&Shelf::new(7));
    for _ in 0..1000 {
        tables.wide.set(0, [1; 4]);
    }
}

#[test]
fn a_journal_that_makes_no_sense_is_refused_and_nothing_is_restored() {
    let device = Shelf::new(7);
    let tables = open(&device);
    transaction(&tables, 0);
    let memory = device.memory("state");
    memory.store(4096, 1_u64 << 40);
    let error = Arena::open(Rc::clone(&device), "state", JOURNAL_BYTES, TABLES_BYTES).err().expect("nonsense");
    assert!(error.to_string().contains("the journal claims 1099511627776 bytes in use"), "{error}");
    // A footer that points past the arena.
    memory.store(4096 + 64, [0_u32, 0, u32::MAX, 8]);
    memory.store(4096, 16_u64);
    let error = Arena::open(device, "state", JOURNAL_BYTES, TABLES_BYTES).err().expect("nonsense");
    assert!(error.to_string().contains("impossible"), "{error}");
    assert_eq!(image(&tables), images()[1]);
}
