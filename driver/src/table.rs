//! Host state that outlives the process: typed tables in one named memory, changed by transactions.
//!
//! ```text
//!   arena "state":  directory 4 KiB │ journal │ table 0 │ table 1 │ …
//!                   magic, layout, one line a table {name, offset, length, size}
//! ```
//!
//! - [`Table::set`] saves the old value in the journal, then stores the new one; [`Arena::commit`]
//!   makes all changes since the last one permanent. A crash in between undoes them at the next attach.
//! - Tables are named again, in the same order and with the same shape, by every process that
//!   attaches. Another shape is refused: memory is never read as what it is not.
//! - On a restart: the magic is written last when the arena is made and cleared first when it is
//!   wiped, so an arena half made is made anew.

use crate::device::{Device, DeviceError};
use crate::dma::{DmaMemory, OwnArray, order_stores};
use crate::journal::{self, Journal, JournalError};
use std::cell::Cell;
use std::rc::Rc;
use zerocopy::{FromBytes, Immutable, IntoBytes};

const DIRECTORY_BYTES: usize = 4096;
const LINE_BYTES: usize = 64;
/// Bytes of a table's name at most.
const NAME_BYTES: usize = 32;
/// Tables that an arena can hold.
pub const TABLES_MAX: usize = DIRECTORY_BYTES / LINE_BYTES - 1;
const MAGIC: u64 = u64::from_le_bytes(*b"weirhost");
/// How many items ahead values are fetched.
const AHEAD: usize = 32;
/// Of directory and journal; the tables' own layout is in the directory.
const LAYOUT_VERSION: u32 = 1;

/// The first line of the directory.
#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable)]
#[repr(C, align(8))]
struct Head {
    magic: u64,
    /// Not 0 once anything was written behind the directory's first line.
    dirty: u64,
    layout_version: u32,
    tables: u32,
    journal_bytes: u64,
}

const DIRTY_AT: usize = std::mem::offset_of!(Head, dirty);
const TABLES_AT: usize = std::mem::offset_of!(Head, tables);

/// A table's line of the directory.
#[derive(Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C, align(8))]
struct Line {
    name: [u8; NAME_BYTES],
    offset: u64,
    length: u64,
    value_bytes: u64,
    reserved: u64,
}

const _: () = assert!(size_of::<Line>() == LINE_BYTES);

/// What a table looks like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableShape {
    /// Its name.
    pub name: String,
    /// Its values.
    pub length: usize,
    /// Bytes of a value.
    pub value_bytes: usize,
}

impl std::fmt::Display for TableShape {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "`{}` of {} × {} bytes", self.name, self.length, self.value_bytes)
    }
}

/// Why an arena or a table of it cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum ArenaError {
    /// The memory itself.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// The undo log.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// Made by a driver with another idea of an arena.
    #[error("the state is laid out in version {found}, this driver knows {expected}")]
    Layout {
        /// The memory's version.
        found: u32,
        /// This driver's.
        expected: u32,
    },
    /// Made with another size of journal.
    #[error("the state has a journal of {found} bytes, expected {expected}")]
    JournalSize {
        /// The memory's size.
        found: u64,
        /// The size that was asked for.
        expected: usize,
    },
    /// Another table stands where this one is asked for.
    #[error("the state holds table {found}, expected {expected}")]
    Table {
        /// What the memory holds.
        found: TableShape,
        /// What was asked for.
        expected: TableShape,
    },
    /// The tables are bigger than the memory.
    #[error("no room for table {table}: {bytes_free} bytes are free")]
    Full {
        /// What was asked for.
        table: TableShape,
        /// Bytes that are left.
        bytes_free: usize,
    },
}

/// Bytes of an arena that a table takes.
#[must_use]
pub const fn table_bytes<T>(length: usize) -> usize {
    (length * size_of::<T>()).next_multiple_of(LINE_BYTES)
}

/// Named memory that holds tables and the journal of their changes.
pub struct Arena<D: Device> {
    memory: DmaMemory,
    journal: Rc<Journal<D>>,
    /// Tables named so far by this process.
    named: Cell<usize>,
    next_offset: Cell<usize>,
    new: bool,
}

impl<D: Device> Arena<D> {
    /// The arena in the memory `name`, with room for `tables_bytes` of tables (each as
    /// [`table_bytes`] says). What an earlier process left uncommitted is undone.
    ///
    /// # Errors
    /// When the memory cannot be had, or holds something else.
    pub fn open(device: Rc<D>, name: &str, journal_bytes: usize, tables_bytes: usize) -> Result<Self, ArenaError> {
        let journal_bytes = (journal_bytes + journal::HEADER_BYTES).next_multiple_of(DIRECTORY_BYTES);
        let bytes = DIRECTORY_BYTES + journal_bytes + tables_bytes.next_multiple_of(DIRECTORY_BYTES);
        let memory = device.state(name, bytes)?;
        let head: Head = memory.load(0);
        let new = head.magic != MAGIC;
        if new {
            Self::format(&device, &memory, journal_bytes as u64);
        } else if head.layout_version != LAYOUT_VERSION {
            return Err(ArenaError::Layout { found: head.layout_version, expected: LAYOUT_VERSION });
        } else if head.journal_bytes != journal_bytes as u64 {
            return Err(ArenaError::JournalSize { found: head.journal_bytes, expected: journal_bytes });
        }
        let log = memory.slice(DIRECTORY_BYTES, journal_bytes);
        let journal = Rc::new(Journal::attach(device, log, &memory)?);
        let next_offset = Cell::new(DIRECTORY_BYTES + journal_bytes);
        Ok(Self { memory, journal, named: Cell::new(0), next_offset, new })
    }

    /// Makes an arena of memory that has no magic.
    fn format(device: &D, memory: &DmaMemory, journal_bytes: u64) {
        if memory.load::<u64>(DIRTY_AT) != 0 {
            Self::wipe(device, memory);
        }
        memory.store(DIRTY_AT, 1_u64);
        device.step();
        let head = Head { magic: 0, dirty: 1, layout_version: LAYOUT_VERSION, tables: 0, journal_bytes };
        memory.store(0, head);
        device.step();
        memory.store(0, MAGIC);
        device.step();
    }

    /// Forgets everything: the next [`Arena::open`] of this memory finds it new.
    pub(crate) fn wipe(device: &D, memory: &DmaMemory) {
        memory.store(0, 0_u64);
        device.step();
        memory.slice(LINE_BYTES, memory.bytes() - LINE_BYTES).zero();
        device.step();
        memory.store(DIRTY_AT, 0_u64);
        device.step();
    }

    /// Whether no process had made this arena before.
    #[must_use]
    pub const fn is_new(&self) -> bool {
        self.new
    }

    pub(crate) const fn memory(&self) -> &DmaMemory {
        &self.memory
    }

    /// The next table: zeroed if the arena never had it. Every process names the same tables in
    /// the same order.
    ///
    /// # Errors
    /// When another table stands in its place, or there is no room.
    pub fn table<T>(&self, name: &str, length: usize) -> Result<Table<T, D>, ArenaError>
    where
        T: FromBytes + IntoBytes + Immutable + Copy,
    {
        let expected = TableShape { name: name.to_owned(), length, value_bytes: size_of::<T>() };
        let (index, offset) = (self.named.get(), self.next_offset.get());
        let bytes = length.saturating_mul(size_of::<T>());
        let bytes_free = self.memory.bytes() - offset;
        if bytes > bytes_free || index >= TABLES_MAX {
            return Err(ArenaError::Full { table: expected, bytes_free });
        }
        let line_at = (index + 1) * LINE_BYTES;
        let line = expected.line(offset);
        if index < self.memory.load::<u32>(TABLES_AT) as usize {
            let found: Line = self.memory.load(line_at);
            if found != line {
                return Err(ArenaError::Table { found: TableShape::of(&found), expected });
            }
        } else {
            self.memory.store(line_at, line);
            self.journal.device().step();
            self.memory.store(TABLES_AT, index as u32 + 1);
            self.journal.device().step();
        }
        self.named.set(index + 1);
        self.next_offset.set((offset + table_bytes::<T>(length)).min(self.memory.bytes()));
        Ok(Table {
            values: OwnArray::new(self.memory.slice(offset, bytes), length),
            place: offset,
            journal: Rc::clone(&self.journal),
        })
    }

    /// A table of one value.
    ///
    /// # Errors
    /// As for [`Arena::table`].
    pub fn scalar<T>(&self, name: &str) -> Result<Scalar<T, D>, ArenaError>
    where
        T: FromBytes + IntoBytes + Immutable + Copy,
    {
        Ok(Scalar { table: self.table(name, 1)? })
    }

    /// How many more changes of a `T` the open transaction can take before it must be committed.
    /// What a commit itself changes is set aside.
    #[must_use]
    #[inline]
    pub fn room<T>(&self) -> usize {
        self.journal.room(size_of::<T>())
    }

    /// Makes everything since the last commit permanent. The driver's own commit does this and then
    /// rings the doorbells: use that, unless no driver is there.
    #[inline]
    pub fn commit(&self) {
        self.journal.commit();
    }
}

impl TableShape {
    fn line(&self, offset: usize) -> Line {
        assert!(self.name.len() <= NAME_BYTES, "a table's name has at most {NAME_BYTES} bytes");
        let mut name = [0; NAME_BYTES];
        name[..self.name.len()].copy_from_slice(self.name.as_bytes());
        Line {
            name,
            offset: offset as u64,
            length: self.length as u64,
            value_bytes: self.value_bytes as u64,
            reserved: 0,
        }
    }

    fn of(line: &Line) -> Self {
        let name = String::from_utf8_lossy(&line.name).trim_end_matches('\0').to_owned();
        Self { name, length: line.length as usize, value_bytes: line.value_bytes as usize }
    }
}

/// A typed array of fixed length whose changes are undone unless they are committed.
pub struct Table<T, D: Device> {
    values: OwnArray<T>,
    /// Where it starts in the arena.
    place: usize,
    journal: Rc<Journal<D>>,
}

impl<T: Clone, D: Device> Clone for Table<T, D> {
    fn clone(&self) -> Self {
        Self { values: self.values.clone(), place: self.place, journal: Rc::clone(&self.journal) }
    }
}

impl<T, D> Table<T, D>
where
    T: FromBytes + IntoBytes + Immutable + Copy,
    D: Device,
{
    /// Values that it holds.
    #[must_use]
    #[inline]
    pub const fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether it holds none.
    #[must_use]
    #[inline]
    pub const fn is_empty(&self) -> bool {
        self.values.len() == 0
    }

    /// Value `index`.
    ///
    /// # Panics
    /// When there is no such value.
    #[must_use]
    #[inline(always)]
    #[track_caller]
    pub fn get(&self, index: usize) -> T {
        self.values.load(index)
    }

    /// The `N` values from `first` on.
    ///
    /// # Panics
    /// When there are not as many.
    #[must_use]
    #[inline(always)]
    #[track_caller]
    pub fn get_array<const N: usize>(&self, first: usize) -> [T; N] {
        self.values.load_array(first)
    }

    /// Puts `value` in the place of value `index`, undone unless committed.
    ///
    /// # Panics
    /// When there is no such value, or the transaction outgrows the journal.
    #[inline(always)]
    #[track_caller]
    pub fn set(&self, index: usize, value: T) {
        self.replace(index, self.get(index), value);
    }

    /// Changes value `index`, undone unless committed; returns what `change` returns.
    ///
    /// # Panics
    /// As for [`Table::set`].
    #[inline(always)]
    #[track_caller]
    pub fn update<R>(&self, index: usize, change: impl FnOnce(&mut T) -> R) -> R {
        let old = self.get(index);
        let mut value = old;
        let result = change(&mut value);
        self.replace(index, old, value);
        result
    }

    /// [`Table::set`] for a caller that has just read the value: `old` must be what it holds.
    ///
    /// # Panics
    /// As for [`Table::set`].
    #[inline(always)]
    #[track_caller]
    pub fn replace(&self, index: usize, old: T, value: T) {
        self.journal.save(self.place + index.wrapping_mul(size_of::<T>()), old);
        self.values.store(index, value);
        order_stores();
        self.journal.device().step();
    }

    /// Changes, for each of `items`, the value that `index_of` names, undone unless committed. Items
    /// without an index are passed over. Quicker than [`Table::update`] one by one: values are fetched
    /// ahead of their use.
    ///
    /// # Panics
    /// As for [`Table::set`].
    #[inline(always)]
    #[track_caller]
    pub fn update_all<I>(
        &self,
        items: &[I],
        index_of: impl Fn(&I) -> Option<usize>,
        mut change: impl FnMut(&I, &mut T),
    ) {
        let fetch = |item: &I| index_of(item).into_iter().for_each(|index| self.prefetch(index));
        items.iter().take(AHEAD).for_each(fetch);
        for (number, item) in items.iter().enumerate() {
            items.get(number + AHEAD).into_iter().for_each(fetch);
            if let Some(index) = index_of(item) {
                self.update(index, |value| change(item, value));
            }
        }
    }

    /// Puts `value` in the place of value `index` for good, whatever becomes of the transaction: only
    /// for what is written again in the same way after a crash.
    ///
    /// # Panics
    /// When there is no such value.
    #[inline(always)]
    #[track_caller]
    pub fn set_for_good(&self, index: usize, value: T) {
        self.values.store(index, value);
        order_stores();
        self.journal.device().step();
    }

    /// Puts `value` in the place of value `index` for this process: what the next one finds there means
    /// nothing to it.
    ///
    /// # Panics
    /// When there is no such value.
    #[inline(always)]
    #[track_caller]
    pub fn set_for_now(&self, index: usize, value: T) {
        self.values.store(index, value);
    }

    /// Asks the cache for value `index`; any index is allowed.
    #[inline(always)]
    pub fn prefetch(&self, index: usize) {
        self.values.prefetch(index);
    }
}

/// A single value whose changes are undone unless they are committed.
pub struct Scalar<T, D: Device> {
    table: Table<T, D>,
}

impl<T: Clone, D: Device> Clone for Scalar<T, D> {
    fn clone(&self) -> Self {
        Self { table: self.table.clone() }
    }
}

impl<T, D> Scalar<T, D>
where
    T: FromBytes + IntoBytes + Immutable + Copy,
    D: Device,
{
    /// The value.
    #[must_use]
    #[inline]
    pub fn get(&self) -> T {
        self.table.get(0)
    }

    /// Puts `value` in its place, undone unless committed.
    #[inline]
    pub fn set(&self, value: T) {
        self.table.set(0, value);
    }

    /// Changes it, undone unless committed; returns what `change` returns.
    #[inline]
    pub fn update<R>(&self, change: impl FnOnce(&mut T) -> R) -> R {
        self.table.update(0, change)
    }
}
