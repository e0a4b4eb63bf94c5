//! Where the product's state lives: typed tables that somebody else keeps.
//!
//! Flows, tallies and windows must survive the process that works on them. This room knows no
//! shared memory and no journal, so it asks for tables and leaves it to the [`Memory`] whether a
//! change can be undone: [`Heap`] forgets with the process, the driver's arena does not.

use std::convert::Infallible;
use zerocopy::{FromBytes, Immutable, IntoBytes};

/// What a table may hold: plain bytes, any of which make a value.
pub trait Value: FromBytes + IntoBytes + Immutable + Copy + 'static {}
impl<T: FromBytes + IntoBytes + Immutable + Copy + 'static> Value for T {}

/// A typed array of fixed length, zeroed when new.
pub trait Cells<T> {
    /// Values in it.
    fn len(&self) -> usize;
    /// Whether it has none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// The value at `index`, which is below [`Self::len`].
    fn get(&self, index: usize) -> T;
    /// Changes the value at `index`, which is below [`Self::len`].
    fn set(&mut self, index: usize, value: T);
    /// As [`Self::set`], by a caller that has just read the value: `old` is what it holds.
    #[inline]
    fn replace(&mut self, index: usize, _old: T, value: T) {
        self.set(index, value);
    }
    /// As [`Self::set`], and not to be undone: only for what is written again in the same way if a
    /// crash should undo what is around it.
    #[inline]
    fn set_for_good(&mut self, index: usize, value: T) {
        self.set(index, value);
    }
    /// As [`Self::set`], for this process only: the next one makes the value anew.
    #[inline]
    fn set_for_now(&mut self, index: usize, value: T) {
        self.set(index, value);
    }
    /// Asks for a value that will be needed soon. A hint.
    #[inline]
    fn prefetch(&self, _index: usize) {}
}

/// Hands out tables.
pub trait Memory {
    /// A table of `T`.
    type Cells<T: Value>: Cells<T>;
    /// Why there is none.
    type Error;

    /// The table `name` with `len` values. After a restart the same calls in the same order give
    /// the tables as they were.
    fn table<T: Value>(&mut self, name: &str, len: usize) -> Result<Self::Cells<T>, Self::Error>;
}

/// Tables that end with the process.
#[derive(Clone, Copy, Debug, Default)]
pub struct Heap;

impl Memory for Heap {
    type Cells<T: Value> = Vec<T>;
    type Error = Infallible;

    fn table<T: Value>(&mut self, _name: &str, len: usize) -> Result<Vec<T>, Infallible> {
        Ok(vec![T::new_zeroed(); len])
    }
}

impl<T: Value> Cells<T> for Vec<T> {
    fn len(&self) -> usize {
        Vec::len(self)
    }

    #[inline]
    fn get(&self, index: usize) -> T {
        self[index]
    }

    #[inline]
    fn set(&mut self, index: usize, value: T) {
        self[index] = value;
    }
}
