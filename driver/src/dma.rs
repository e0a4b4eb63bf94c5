//! Memory that the NIC reads and writes while the host does.
//!
//! ```text
//!   DmaMemory { pointer, bytes, IOVA, keep-alive }        a clone is another handle
//!      load / store        one value, one bounds check, volatile words
//!      load_acquire        the dword with the phase bit, before the entry is copied out
//!      copy_out / copy_in  frames
//! ```
//!
//! # Why this is sound
//!
//! - No reference to this memory is ever made: it is read and written by copies through raw
//!   pointers, so a write of the device never breaks a promise made to the compiler.
//! - Values are `FromBytes`: whatever a racing or lying device leaves behind is *some* value.
//!   What it means is checked by those who read it.
//! - A handle is neither `Send` nor `Sync`: within the process all accesses are of one thread.
//! - Loads and stores are volatile, so that none is repeated, left out or moved past another. Those
//!   of memory that only the host uses are plain, with `order_stores` where their order counts: a
//!   process that dies leaves its stores in program order, so the compiler is all there is to hold.
//!
//! On a restart the memory is found again by its name; see [`crate::device::Device::dma`].

use crate::device::{DeviceError, Iova};
use rustix::mm::{Advice, MapFlags, ProtFlags, madvise, mmap_anonymous, munmap};
use std::any::Any;
use std::ffi::c_void;
use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::ptr::{NonNull, null_mut};
use std::rc::Rc;
use std::sync::atomic::{AtomicU32, Ordering, compiler_fence, fence};
use zerocopy::{FromBytes, Immutable, IntoBytes};

/// What [`DmaMemory`] is aligned to, bytes; typed accesses may ask for no more.
const ALIGNMENT: usize = 8;
/// Memory from this size on is aligned to it, and asked to be backed by huge pages.
const HUGE_PAGE_BYTES: usize = 2 << 20;
const PAGE_BYTES: usize = 4096;
/// Of the cache, and what long copies go by.
const LINE_BYTES: usize = 64;

/// Runs a block for each of the words that a `T` is copied in: the widest that its alignment allows.
/// Copied as a whole, a structure's volatile access would be split into its fields, down to bytes.
macro_rules! by_words {
    ($value:ty, |$word:ident, $index:ident| $copy:block) => {
        match (align_of::<$value>(), size_of::<$value>()) {
            (8, bytes) if bytes.is_multiple_of(8) => {
                type $word = u64;
                for $index in 0..bytes / 8 $copy
            }
            (4.., bytes) if bytes.is_multiple_of(4) => {
                type $word = u32;
                for $index in 0..bytes / 4 $copy
            }
            (_, bytes) => {
                type $word = u8;
                for $index in 0..bytes $copy
            }
        }
    };
}

/// A handle of memory shared with the NIC; the memory lives as long as any handle.
#[derive(Clone)]
pub struct DmaMemory {
    pointer: NonNull<u8>,
    bytes: usize,
    iova: Iova,
    keep: Rc<dyn Any>,
}

impl std::fmt::Debug for DmaMemory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "DmaMemory {{ iova: {}, bytes: {} }}", self.iova, self.bytes)
    }
}

/// Keeps stores before it before stores after it, as seen by a process that maps the memory once this
/// one has died: its stores are then in the order of the program, if the compiler kept it.
#[inline(always)]
pub(crate) fn order_stores() {
    compiler_fence(Ordering::SeqCst);
}

#[cold]
#[inline(never)]
#[track_caller]
fn out_of_bounds(offset: usize, size: usize, bytes: usize) -> ! {
    panic!("access of {size} bytes at {offset} in DMA memory of {bytes} bytes");
}

impl DmaMemory {
    /// Memory that was mapped by someone else.
    ///
    /// # Safety
    /// `pointer` is valid for reads and writes of `bytes` bytes for as long as `keep` lives, is
    /// aligned to 8, and nothing in this process makes a reference to that memory or accesses it
    /// from another thread without synchronising.
    #[must_use]
    pub unsafe fn from_raw(pointer: NonNull<u8>, bytes: usize, iova: Iova, keep: Rc<dyn Any>) -> Self {
        assert!(pointer.addr().get().is_multiple_of(ALIGNMENT), "DMA memory is aligned to 8 bytes");
        Self { pointer, bytes, iova, keep }
    }

    /// Zeroed memory of this process, for a device that lives in it: `name` is for the error.
    ///
    /// # Errors
    /// When there is no such memory.
    pub fn heap(name: &str, bytes: usize, iova: Iova) -> Result<Self, DeviceError> {
        let heap = HeapMemory::zeroed(bytes).map_err(|source| DeviceError::DmaMemory {
            name: name.to_owned(),
            bytes,
            source,
        })?;
        let pointer = heap.pointer;
        // SAFETY: `pointer` is the start of a page-aligned mapping of `bytes` bytes that `heap`
        // unmaps when it is dropped, and `heap` is the keep-alive. It gives out no references.
        Ok(unsafe { Self::from_raw(pointer, bytes, iova, Rc::new(heap)) })
    }

    /// A handle of `bytes` bytes of this memory, from `offset` on (a multiple of 8).
    ///
    /// # Panics
    /// When they are not within it.
    #[must_use]
    pub fn slice(&self, offset: usize, bytes: usize) -> Self {
        assert!(offset.is_multiple_of(ALIGNMENT), "a slice starts at a multiple of 8");
        self.check(offset, bytes);
        // SAFETY: `offset` is within the allocation that `pointer` is the start of.
        let pointer = unsafe { self.pointer.add(offset) };
        Self { pointer, bytes, iova: self.iova.offset(offset), keep: Rc::clone(&self.keep) }
    }

    /// Bytes of the memory.
    #[must_use]
    #[inline]
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Where the NIC finds it.
    #[must_use]
    #[inline]
    pub const fn iova(&self) -> Iova {
        self.iova
    }

    #[inline(always)]
    #[track_caller]
    fn check(&self, offset: usize, size: usize) {
        if offset > self.bytes || self.bytes - offset < size {
            out_of_bounds(offset, size, self.bytes);
        }
    }

    /// The address of a `T` at `offset`: in bounds and aligned.
    #[inline(always)]
    #[track_caller]
    fn at<T>(&self, offset: usize) -> *mut T {
        const { assert!(align_of::<T>() <= ALIGNMENT) };
        if !offset.is_multiple_of(align_of::<T>()) || offset > self.bytes || self.bytes - offset < size_of::<T>() {
            out_of_bounds(offset, size_of::<T>(), self.bytes);
        }
        // SAFETY: `offset` plus the size of `T` is within the memory, as was just checked.
        unsafe { self.pointer.add(offset).cast().as_ptr() }
    }

    /// A copy of the value at `offset`.
    ///
    /// # Panics
    /// When it is out of bounds or not aligned.
    #[must_use]
    #[inline(always)]
    #[track_caller]
    pub fn load<T: FromBytes + Copy>(&self, offset: usize) -> T {
        let from = self.at::<T>(offset);
        let mut value = MaybeUninit::<T>::uninit();
        let to = value.as_mut_ptr();
        by_words!(T, |Word, index| {
            // SAFETY: `at` gives an aligned address of a whole `T` within live memory, `to` is that of
            // one, and word `index` is within both. The device may write at the same time: the access
            // is volatile, so the compiler takes nothing for granted about what it reads.
            unsafe { to.cast::<Word>().add(index).write(from.cast::<Word>().add(index).read_volatile()) }
        });
        // SAFETY: every byte of `value` was written, and any bytes are a `T`: a torn value too.
        unsafe { value.assume_init() }
    }

    /// Puts `value` at `offset`.
    ///
    /// # Panics
    /// When it is out of bounds or not aligned.
    #[inline(always)]
    #[track_caller]
    pub fn store<T: IntoBytes + Immutable + Copy>(&self, offset: usize, value: T) {
        let to = self.at::<T>(offset);
        let from = &raw const value;
        by_words!(T, |Word, index| {
            // SAFETY: `at` gives an aligned address of a whole `T` within live, writable memory, `from`
            // is that of one, and word `index` is within both. `T` has no padding, so all its bytes are
            // initialised. Nobody in this process holds a reference to the memory.
            unsafe { to.cast::<Word>().add(index).write_volatile(from.cast::<Word>().add(index).read()) }
        });
    }

    /// Puts `value` at `offset`, in memory that the device does not read. Whoever needs an order of
    /// such stores that outlives the process puts [`order_stores`] between them.
    ///
    /// # Panics
    /// When it is out of bounds or not aligned.
    #[inline(always)]
    #[track_caller]
    pub(crate) fn store_own<T: IntoBytes + Immutable + Copy>(&self, offset: usize, value: T) {
        // SAFETY: `at` gives an aligned address within live, writable memory; `T` has no padding.
        // Nobody in this process holds a reference to it.
        unsafe { self.at::<T>(offset).write(value) }
    }

    /// As [`Self::store_own`]: `first` at `offset`, a multiple of 8, and `second` at the next multiple
    /// of 8 behind it.
    ///
    /// # Panics
    /// When they are out of bounds or not aligned.
    #[inline(always)]
    #[track_caller]
    pub(crate) fn store_own_pair<A, B>(&self, offset: usize, first: A, second: B)
    where
        A: IntoBytes + Immutable + Copy,
        B: IntoBytes + Immutable + Copy,
    {
        let behind = const {
            assert!(align_of::<A>() <= ALIGNMENT && align_of::<B>() <= ALIGNMENT);
            size_of::<A>().next_multiple_of(ALIGNMENT)
        };
        let bytes = behind + size_of::<B>();
        if !offset.is_multiple_of(ALIGNMENT) || offset > self.bytes || self.bytes - offset < bytes {
            out_of_bounds(offset, bytes, self.bytes);
        }
        // SAFETY: both are within live, writable memory and aligned, as was just checked; neither has
        // padding. Nobody in this process holds a reference to it.
        unsafe {
            let to = self.pointer.add(offset).as_ptr();
            to.cast::<A>().write(first);
            to.add(behind).cast::<B>().write(second);
        }
    }

    /// The dword at `offset`; loads after it see all that the device stored before it.
    ///
    /// # Panics
    /// When it is out of bounds or not aligned.
    #[must_use]
    #[inline(always)]
    #[track_caller]
    pub fn load_acquire(&self, offset: usize) -> u32 {
        // SAFETY: `at` gives an address aligned for a `u32` within live memory. The device is the
        // only one to write it meanwhile, with a single store of a dword.
        unsafe { AtomicU32::from_ptr(self.at::<u32>(offset)) }.load(Ordering::Acquire)
    }

    /// Puts the dword `value` at `offset` after all stores before it.
    ///
    /// # Panics
    /// When it is out of bounds or not aligned.
    #[inline(always)]
    #[track_caller]
    pub fn store_release(&self, offset: usize, value: u32) {
        // The fence orders the volatile stores before it too, which a release store alone would not.
        fence(Ordering::Release);
        // SAFETY: as in `load_acquire`, and the memory is writable.
        unsafe { AtomicU32::from_ptr(self.at::<u32>(offset)) }.store(value, Ordering::Release);
    }

    /// Fills `to` with the bytes from `offset` on.
    ///
    /// # Panics
    /// When they are out of bounds.
    #[inline]
    #[track_caller]
    pub fn copy_out(&self, offset: usize, to: &mut [u8]) {
        self.check(offset, to.len());
        // SAFETY: source and destination are valid for `to.len()` bytes and apart, since no
        // reference to this memory exists. A device that writes meanwhile changes which bytes are
        // copied; none is interpreted before it is in `to`.
        unsafe { self.pointer.add(offset).as_ptr().copy_to_nonoverlapping(to.as_mut_ptr(), to.len()) }
    }

    /// Puts `from` at `offset`.
    ///
    /// # Panics
    /// When it is out of bounds.
    #[inline]
    #[track_caller]
    pub fn copy_in(&self, offset: usize, from: &[u8]) {
        self.check(offset, from.len());
        // SAFETY: as in `copy_out`, the other way round; the memory is writable.
        unsafe { self.pointer.add(offset).as_ptr().copy_from_nonoverlapping(from.as_ptr(), from.len()) }
    }

    /// Puts `lines` times 64 bytes of `from`, starting at `from_offset`, at `offset`. The two are of
    /// different memories.
    ///
    /// # Panics
    /// When either side is out of bounds.
    #[inline(always)]
    #[track_caller]
    pub(crate) fn copy_lines_from(&self, offset: usize, from: &Self, from_offset: usize, lines: usize) {
        self.check(offset, lines * LINE_BYTES);
        from.check(from_offset, lines * LINE_BYTES);
        // SAFETY: `offset` and `from_offset` are within the memories.
        let (mut to, mut from) = unsafe { (self.pointer.add(offset), from.pointer.add(from_offset)) };
        for _ in 0..lines {
            // SAFETY: as many lines are within live memory on both sides; a line is bytes, so it is
            // aligned anywhere. Racing writes of the device as in `copy_out`.
            unsafe {
                to.cast::<[u8; LINE_BYTES]>().write(from.cast::<[u8; LINE_BYTES]>().read());
                (to, from) = (to.add(LINE_BYTES), from.add(LINE_BYTES));
            }
        }
    }

    /// Puts `bytes` bytes of `from`, starting at `from_offset`, at `offset`.
    ///
    /// # Panics
    /// When either side is out of bounds.
    #[inline]
    #[track_caller]
    pub fn copy_from(&self, offset: usize, from: &Self, from_offset: usize, bytes: usize) {
        self.check(offset, bytes);
        from.check(from_offset, bytes);
        // SAFETY: both sides are within live memory; they may be slices of the same memory and
        // overlap, which `copy` allows. Racing writes of the device as in `copy_out`.
        unsafe { self.pointer.add(offset).as_ptr().copy_from(from.pointer.add(from_offset).as_ptr(), bytes) }
    }

    /// Sets all of it to 0.
    pub fn zero(&self) {
        // SAFETY: the whole of live, writable memory to which no reference exists.
        unsafe { self.pointer.as_ptr().write_bytes(0, self.bytes) }
    }

    /// Asks the cache for the line at `offset`. Never faults; past the end it does nothing useful.
    #[inline(always)]
    pub fn prefetch(&self, offset: usize) {
        let address = self.pointer.as_ptr().wrapping_add(offset);
        #[cfg(target_arch = "x86_64")]
        // SAFETY: a prefetch is a hint: it reads nothing and does not fault on any address.
        unsafe {
            use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
            _mm_prefetch::<_MM_HINT_T0>(address.cast_const().cast());
        }
        #[cfg(not(target_arch = "x86_64"))]
        let _ = address;
    }
}

/// An array in memory that only the host uses: one comparison an access.
#[derive(Clone, Debug)]
pub(crate) struct OwnArray<T> {
    memory: DmaMemory,
    length: usize,
    value: PhantomData<T>,
}

impl<T: FromBytes + IntoBytes + Immutable + Copy> OwnArray<T> {
    /// The first `length` values of `memory`.
    ///
    /// # Panics
    /// When it has not as many.
    pub(crate) fn new(memory: DmaMemory, length: usize) -> Self {
        const { assert!(align_of::<T>() <= ALIGNMENT) };
        assert!(length.checked_mul(size_of::<T>()).is_some_and(|bytes| bytes <= memory.bytes), "an array's memory");
        Self { memory, length, value: PhantomData }
    }

    /// Values that it holds.
    #[inline]
    pub(crate) const fn len(&self) -> usize {
        self.length
    }

    #[inline(always)]
    #[track_caller]
    fn at(&self, index: usize, count: usize) -> *mut T {
        if index >= self.length || self.length - index < count {
            out_of_bounds(index.wrapping_mul(size_of::<T>()), count * size_of::<T>(), self.memory.bytes);
        }
        // SAFETY: the memory holds `length` values, as was seen when the array was made.
        unsafe { self.memory.pointer.cast::<T>().add(index).as_ptr() }
    }

    /// A copy of value `index`: the compiler may leave out what is not used of it.
    ///
    /// # Panics
    /// When there is no such value.
    #[inline(always)]
    #[track_caller]
    pub(crate) fn load(&self, index: usize) -> T {
        // SAFETY: `at` gives an address within live memory, aligned since the memory is to 8, and any
        // bytes are a `T`. All accesses are of this thread. Were the device to write here after all,
        // the bytes read would be some `T` still.
        unsafe { self.at(index, 1).read() }
    }

    /// A copy of the `N` values from `first` on.
    ///
    /// # Panics
    /// When there are not as many.
    #[inline(always)]
    #[track_caller]
    pub(crate) fn load_array<const N: usize>(&self, first: usize) -> [T; N] {
        // SAFETY: as in `load`, for `N` values in a row.
        unsafe { self.at(first, N).cast::<[T; N]>().read() }
    }

    /// Puts `value` in the place of value `index`. Whoever needs an order of such stores that outlives
    /// the process puts [`order_stores`] between them.
    ///
    /// # Panics
    /// When there is no such value.
    #[inline(always)]
    #[track_caller]
    pub(crate) fn store(&self, index: usize, value: T) {
        // SAFETY: `at` gives an aligned address within live, writable memory; `T` has no padding.
        // Nobody in this process holds a reference to it.
        unsafe { self.at(index, 1).write(value) }
    }

    /// Asks the cache for value `index`; any index is allowed.
    #[inline(always)]
    pub(crate) fn prefetch(&self, index: usize) {
        self.memory.prefetch(index.wrapping_mul(size_of::<T>()));
    }
}

/// Pages of this process: zeroed, and taken only when they are touched.
struct HeapMemory {
    pointer: NonNull<u8>,
    mapping: *mut c_void,
    mapped_bytes: usize,
}

impl HeapMemory {
    fn zeroed(bytes: usize) -> Result<Self, std::io::Error> {
        let huge = bytes >= HUGE_PAGE_BYTES;
        // A mapping is aligned to a page; to align it further, take more and start within it.
        let spare = if huge { HUGE_PAGE_BYTES } else { 0 };
        let mapped_bytes = bytes
            .max(1)
            .checked_next_multiple_of(PAGE_BYTES)
            .and_then(|bytes| bytes.checked_add(spare))
            .ok_or(std::io::ErrorKind::OutOfMemory)?;
        // SAFETY: a new private mapping, placed where the kernel likes, touches no other memory.
        let mapping =
            unsafe { mmap_anonymous(null_mut(), mapped_bytes, ProtFlags::READ | ProtFlags::WRITE, MapFlags::PRIVATE) }?;
        let skipped = if huge { mapping.addr().next_multiple_of(HUGE_PAGE_BYTES) - mapping.addr() } else { 0 };
        // SAFETY: `skipped` is less than `spare`, so `bytes` bytes of the mapping follow it.
        let start = unsafe { mapping.cast::<u8>().add(skipped) };
        let pointer = NonNull::new(start).ok_or(std::io::ErrorKind::OutOfMemory)?;
        if huge {
            // SAFETY: the range is within the mapping; the advice changes how it is backed, not what it
            // holds. A refusal costs speed only.
            let _ = unsafe { madvise(start.cast(), bytes, Advice::LinuxHugepage) };
        }
        Ok(Self { pointer, mapping, mapped_bytes })
    }
}

impl Drop for HeapMemory {
    fn drop(&mut self) {
        // SAFETY: mapped in `zeroed` with this length and unmapped only here; no handle is left, as
        // each keeps this alive. A failure leaves it mapped.
        let _ = unsafe { munmap(self.mapping, self.mapped_bytes) };
    }
}
