//! The model's large memories: zeroed, and in large pages where there are any.
//!
//! A flow table is read at random places. With pages of 4 KiB nearly every look is a miss in the
//! processor's translation cache, which then costs as much as the look itself.
//!
//! What lies in them has no alignment of its own, so that a look is one comparison with the length;
//! the pages are aligned, and so is an entry whose size is a power of two.

use memmap2::MmapMut;
use std::marker::PhantomData;
use std::ops::{Index, IndexMut};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// An array of fixed length, in pages of its own.
#[derive(Debug)]
pub struct Memory<T> {
    pages: MmapMut,
    values: PhantomData<T>,
}

impl<T: FromBytes + IntoBytes + Immutable + KnownLayout + Unaligned> Memory<T> {
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

    /// A value, if there is one of this number.
    #[inline]
    #[must_use]
    pub fn get(&self, index: u32) -> Option<&T> {
        let at = index as usize * size_of::<T>();
        T::ref_from_bytes(self.pages.get(at..at + size_of::<T>())?).ok()
    }
}

/// A value that is known to be there: of a slot that the model found itself.
impl<T: FromBytes + IntoBytes + Immutable + KnownLayout + Unaligned> Index<u32> for Memory<T> {
    type Output = T;

    #[inline]
    fn index(&self, index: u32) -> &T {
        let at = index as usize * size_of::<T>();
        match T::ref_from_bytes(&self.pages[at..at + size_of::<T>()]) {
            Ok(value) => value,
            Err(_) => unreachable!("as many bytes as a value has, which asks for no alignment"),
        }
    }
}

impl<T: FromBytes + IntoBytes + Immutable + KnownLayout + Unaligned> IndexMut<u32> for Memory<T> {
    #[inline]
    fn index_mut(&mut self, index: u32) -> &mut T {
        let at = index as usize * size_of::<T>();
        match T::mut_from_bytes(&mut self.pages[at..at + size_of::<T>()]) {
            Ok(value) => value,
            Err(_) => unreachable!("as many bytes as a value has, which asks for no alignment"),
        }
    }
}
