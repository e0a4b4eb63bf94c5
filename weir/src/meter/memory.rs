//! The product's tables in the driver's arena.

use driver::device::Device;
use driver::table::{Arena, ArenaError, Table, table_bytes};
use flowlog::memory::{Cells, Memory, Value};
use std::convert::Infallible;
use std::marker::PhantomData;
use std::rc::Rc;

/// Tables that outlive the process, and whose changes are undone unless the driver commits them.
pub struct ArenaMemory<D: Device>(pub Rc<Arena<D>>);

/// A table in the arena.
pub struct ArenaCells<T, D: Device>(Table<T, D>);

impl<D: Device + 'static> Memory for ArenaMemory<D> {
    type Cells<T: Value> = ArenaCells<T, D>;
    type Error = ArenaError;

    fn table<T: Value>(&mut self, name: &str, len: usize) -> Result<ArenaCells<T, D>, ArenaError> {
        self.0.table(name, len).map(ArenaCells)
    }
}

impl<T: Value, D: Device> Cells<T> for ArenaCells<T, D> {
    #[inline]
    fn len(&self) -> usize {
        self.0.len()
    }

    #[inline(always)]
    fn get(&self, index: usize) -> T {
        self.0.get(index)
    }

    #[inline(always)]
    fn set(&mut self, index: usize, value: T) {
        self.0.set(index, value);
    }

    #[inline(always)]
    fn replace(&mut self, index: usize, old: T, value: T) {
        self.0.replace(index, old, value);
    }

    #[inline(always)]
    fn set_for_good(&mut self, index: usize, value: T) {
        self.0.set_for_good(index, value);
    }

    #[inline(always)]
    fn set_for_now(&mut self, index: usize, value: T) {
        self.0.set_for_now(index, value);
    }

    #[inline(always)]
    fn prefetch(&self, index: usize) {
        self.0.prefetch(index);
    }
}

/// Holds nothing, and measures what the tables would take in an arena.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Ruler {
    /// Bytes so far.
    pub(super) bytes: usize,
}

/// A table that is only measured.
pub(super) struct Measured<T>(usize, PhantomData<T>);

impl Memory for Ruler {
    type Cells<T: Value> = Measured<T>;
    type Error = Infallible;

    fn table<T: Value>(&mut self, _name: &str, len: usize) -> Result<Measured<T>, Infallible> {
        self.bytes += table_bytes::<T>(len);
        Ok(Measured(len, PhantomData))
    }
}

impl<T: Value> Cells<T> for Measured<T> {
    fn len(&self) -> usize {
        self.0
    }

    fn get(&self, _index: usize) -> T {
        T::new_zeroed()
    }

    fn set(&mut self, _index: usize, _value: T) {}
}
