//! Files and BARs in this process's memory.
//!
//! ```text
//!   memfd, huge-page file, tmpfs file ─ mmap ─▶ Mapping ─▶ DmaMemory      both sides of the bus see it
//!   VFIO's BAR ─────────────────────── mmap ─▶ Registers ─▶ RegIo         one load or store an access
//! ```
//!
//! # Why this is sound
//!
//! A mapping is shared with others: with a device, or with another process. No reference into one is
//! ever made; [`DmaMemory`] says how it is read and written. Whoever truncates the file behind a
//! mapping takes the process down with SIGBUS: files come from this process, or from the client
//! of a simulated NIC, whose length is checked when it is mapped.

use crate::device::Iova;
use crate::dma::DmaMemory;
use crate::regio::RegIo;
use firmware_abi::registers::BLOCK_BYTES;
use pci_driver::iommu::PciIommu;
use pci_driver::regions::{MappedOwningPciRegion, Permissions};
use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};
use std::ffi::c_void;
use std::io;
use std::os::fd::AsFd;
use std::ptr::{NonNull, null_mut};
use std::rc::Rc;
use std::sync::atomic::{Ordering, fence};
use volatile_register::RW;

/// A part of a file, mapped for reading and writing, shared with all who map it.
#[derive(Debug)]
pub struct Mapping {
    pointer: NonNull<c_void>,
    bytes: usize,
}

impl Mapping {
    /// Maps `bytes` bytes of `file` from `offset` on, a multiple of the page.
    ///
    /// # Errors
    /// When the kernel refuses, or the file is shorter.
    pub fn new(file: impl AsFd, offset: u64, bytes: usize) -> io::Result<Self> {
        let length = rustix::fs::fstat(&file)?.st_size;
        let end = offset.checked_add(bytes as u64);
        if bytes == 0 || end.is_none_or(|end| end > length.cast_unsigned()) {
            let found =
                format!("found {bytes} bytes from {offset:#x} on in a file of {length}, expected them within it");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, found));
        }
        // SAFETY: a new shared mapping, placed where the kernel likes, touches no other memory.
        let pointer =
            unsafe { mmap(null_mut(), bytes, ProtFlags::READ | ProtFlags::WRITE, MapFlags::SHARED, file, offset) }?;
        let pointer = NonNull::new(pointer).ok_or(io::ErrorKind::OutOfMemory)?;
        Ok(Self { pointer, bytes })
    }

    /// Bytes of it.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Where it is in this process.
    #[must_use]
    pub const fn address(&self) -> NonNull<c_void> {
        self.pointer
    }

    /// Lets a device reach all of it at `iova`.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub(crate) fn give(&self, iommu: &PciIommu<'_>, iova: u64) -> io::Result<()> {
        // SAFETY: the range is mapped and writable, and the device may write it at any time, as the reader and
        // writer of such memory, `DmaMemory`, expects. The kernel pins its pages: were the mapping dropped
        // before the device's, they would stay the device's, and nobody else's.
        unsafe { iommu.map(iova, self.bytes, self.pointer.as_ptr().cast(), Permissions::ReadWrite) }
    }

    /// `bytes` bytes of it from `offset` on, a multiple of 8, which the NIC finds at `iova`.
    ///
    /// # Panics
    /// When they are not within it.
    #[must_use]
    pub fn memory(self: &Rc<Self>, offset: usize, bytes: usize, iova: Iova) -> DmaMemory {
        assert!(offset <= self.bytes && self.bytes - offset >= bytes, "memory within its mapping");
        // SAFETY: `offset` is within the mapping, as was just checked.
        let pointer = unsafe { self.pointer.cast::<u8>().add(offset) };
        // SAFETY: a mapping is aligned to a page, and stays until `self`, the keep-alive, is dropped. It
        // gives out no references, and is of this thread, as its pointer cannot be sent.
        unsafe { DmaMemory::from_raw(pointer, bytes, iova, Rc::clone(self) as Rc<dyn std::any::Any>) }
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: mapped in `new` with this length and unmapped only here; nothing that was made of it
        // is left, as all of that keeps it alive. A failure leaves it mapped.
        let _ = unsafe { munmap(self.pointer.as_ptr(), self.bytes) };
    }
}

/// Registers of a mapped BAR: an access is one load or one store.
#[derive(Debug)]
pub struct Registers<K> {
    cells: NonNull<[RW<u32>; BLOCK_BYTES / 4]>,
    /// Unmaps the BAR when it is dropped.
    _keep: K,
}

impl Registers<MappedOwningPciRegion> {
    /// The registers of a BAR.
    ///
    /// # Errors
    /// When it has fewer.
    pub(crate) fn of_bar(bar: MappedOwningPciRegion) -> io::Result<Self> {
        let (pointer, found) = (NonNull::new(bar.as_mut_ptr()), bar.len());
        // A BAR starts at a page, and the pointer stays valid while the mapping, `keep`, lives.
        let pointer = pointer.filter(|_| found >= BLOCK_BYTES).ok_or_else(|| {
            let found = format!("found a BAR of {found} bytes, expected {BLOCK_BYTES} at least");
            io::Error::new(io::ErrorKind::InvalidData, found)
        })?;
        Ok(Self { cells: pointer.cast(), _keep: bar })
    }
}

impl<K> Registers<K> {
    #[inline(always)]
    fn cell(&self, offset: u32) -> &RW<u32> {
        // SAFETY: `of_bar` has seen that the BAR has as many registers; it stays mapped while `self` lives. A cell
        // is read and written by volatile accesses only, and may change at any time.
        let cells = unsafe { self.cells.as_ref() };
        &cells[offset as usize / 4]
    }
}

impl<K> RegIo for Registers<K> {
    #[inline(always)]
    fn load(&self, offset: u32) -> u32 {
        let value = self.cell(offset).read();
        // What the NIC wrote to memory before it answered is seen after it.
        fence(Ordering::Acquire);
        value
    }

    #[inline(always)]
    fn store(&self, offset: u32, value: u32) {
        fence(Ordering::Release);
        // SAFETY: a store to a register may make the NIC write to memory that was given to it, and to none
        // other: the IOMMU sees to that.
        unsafe { self.cell(offset).write(value) };
    }
}

#[cfg(test)]
mod tests {
    use super::Mapping;
    use crate::device::Iova;
    use rustix::fs::{MemfdFlags, ftruncate, memfd_create};
    use std::rc::Rc;

    #[test]
    fn two_mappings_of_a_file_are_the_same_memory() {
        let file = memfd_create("weir-test", MemfdFlags::CLOEXEC).expect("memory");
        ftruncate(&file, 8192).expect("memory");
        let (one, two) = (Mapping::new(&file, 0, 8192), Mapping::new(&file, 4096, 4096));
        let (one, two) = (Rc::new(one.expect("it is there")), Rc::new(two.expect("it is there")));
        one.memory(4096, 8, Iova(0)).store(0, 7_u64);
        assert_eq!(two.memory(0, 8, Iova(0)).load::<u64>(0), 7);
    }

    #[test]
    fn what_lies_behind_the_end_of_a_file_is_not_mapped() {
        let file = memfd_create("weir-test", MemfdFlags::CLOEXEC).expect("memory");
        ftruncate(&file, 8192).expect("memory");
        for (offset, bytes) in [(4096, 8192), (u64::MAX - 4095, 4096), (0, 0)] {
            let error = Mapping::new(&file, offset, bytes).expect_err("it is too long").to_string();
            assert!(error.contains("in a file of 8192"), "{error}");
        }
    }
}
