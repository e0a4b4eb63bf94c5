//! The model's large memories: zeroed, and in large pages where there are any.
//!
//! A flow table is read at random places. With pages of 4 KiB nearly every look is a miss in the
//! processor's translation cache, which then costs as much as the look itself.

use memmap2::MmapMut;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use zerocopy::{FromBytes, Immutable, IntoBytes};

/// An array of fixed length, in pages of its own.
#[derive(Debug)]
pub struct Memory<T> {
    pages: MmapMut,
    values: PhantomData<T>,
}

impl<T: FromBytes + IntoBytes + Immutable> Memory<T> {
    /// `length` zeroed values.
    ///
    /// # Panics
    /// When the system has no memory left, as any allocation does.
    #[must_use]
    pub fn zeroed(length: usize) -> Self {
        let bytes = (length * size_of::<T>()).max(1);
        let pages = match MmapMut::map_anon(bytes) {
            Ok(pages) => pages,
            Err(error) => panic!("no memory of {bytes} bytes for the model: {error}"),
        };
        // Only a hint: without large pages it is slower, and as good.
        #[cfg(target_os = "linux")]
        let _ = pages.advise(memmap2::Advice::HugePage);
        Self { pages, values: PhantomData }
    }
}

impl<T: FromBytes + IntoBytes + Immutable> Deref for Memory<T> {
    type Target = [T];

    #[inline]
    fn deref(&self) -> &[T] {
        <[T]>::ref_from_bytes(&self.pages).unwrap_or_default()
    }
}

impl<T: FromBytes + IntoBytes + Immutable> DerefMut for Memory<T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut [T] {
        <[T]>::mut_from_bytes(&mut self.pages).unwrap_or_default()
    }
}
