//! The seam: what the driver asks of whatever stands on the other side of PCIe.
//!
//! ```text
//!   Driver ──▶ Device ──┬─▶ VFIO: a mapped BAR, pinned shared memory, eventfds
//!                       ├─▶ a NIC process: a socket, files that both map, eventfds
//!                       └─▶ the simulator: the model in process, its host memory
//! ```
//!
//! A driver can be dropped at any instruction and started anew on the same device. What a body
//! must give for that to lose nothing:
//!
//! - [`Device::dma`] with the same name and size gives the same memory at the same IOVA after the
//!   process that asked first has died, and zeroed memory when the name is new.
//! - Register writes reach the NIC in program order, after the stores that came before them.

use crate::dma::DmaMemory;
use crate::regio::RegIo;
use std::os::fd::OwnedFd;

/// An address as the NIC sees it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Iova(pub u64);

impl Iova {
    /// The address `bytes` further on.
    #[must_use]
    pub const fn offset(self, bytes: usize) -> Self {
        Self(self.0 + bytes as u64)
    }
}

impl std::fmt::Display for Iova {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:#x}", self.0)
    }
}

/// Why a [`Device`] could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum DeviceError {
    /// A name was asked for again with another size.
    #[error("DMA memory `{name}` has {found} bytes, expected {expected}")]
    DmaSize {
        /// The memory's name.
        name: String,
        /// Bytes that it has.
        found: usize,
        /// Bytes that were asked for.
        expected: usize,
    },
    /// The memory cannot be had.
    #[error("no DMA memory `{name}` of {bytes} bytes")]
    DmaMemory {
        /// The memory's name.
        name: String,
        /// Bytes that were asked for.
        bytes: usize,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The device has no such interrupt vector.
    #[error("no interrupt vector {index}: the device has {available}")]
    Vector {
        /// The vector that was asked for.
        index: u32,
        /// Vectors that the device has.
        available: u32,
    },
    /// The operating system refused.
    #[error("{what} failed")]
    Os {
        /// What was tried.
        what: &'static str,
        /// Why it failed.
        #[source]
        source: std::io::Error,
    },
}

/// The memories of a device, by name.
#[cfg(feature = "pci")]
#[derive(Debug, Default)]
pub(crate) struct Memories(std::cell::RefCell<std::collections::BTreeMap<String, DmaMemory>>);

#[cfg(feature = "pci")]
impl Memories {
    /// The memory of this name, if there is one: it has as many bytes, or that is an error.
    pub(crate) fn known(&self, name: &str, bytes: usize) -> Option<Result<DmaMemory, DeviceError>> {
        let memory = self.0.borrow().get(name).cloned()?;
        let (found, expected) = (memory.bytes(), bytes);
        let is_same = found == expected;
        Some(is_same.then_some(memory).ok_or_else(|| DeviceError::DmaSize { name: name.to_owned(), found, expected }))
    }

    /// Remembers a memory by its name.
    pub(crate) fn insert(&self, name: &str, memory: DmaMemory) -> DmaMemory {
        self.0.borrow_mut().insert(name.to_owned(), memory.clone());
        memory
    }

    /// The address behind the last of them; none if there are none.
    pub(crate) fn end(&self) -> Option<u64> {
        self.0.borrow().values().map(|memory| memory.iova().0 + memory.bytes() as u64).max()
    }
}

/// A NIC as the host can reach it. Bodies: VFIO, a NIC process, and the simulator's model in this process.
pub trait Device {
    /// How its registers are reached.
    type Io: RegIo;

    /// BAR0.
    fn io(&self) -> &Self::Io;

    /// DMA memory that outlives the process: the same name and size give the same memory at the
    /// same IOVA after a re-attach; zeroed when new. Aligned to its size or 4,096 bytes, whichever
    /// is smaller.
    ///
    /// # Errors
    /// When there is none, or the name stands for another size.
    fn dma(&self, name: &str, bytes: usize) -> Result<DmaMemory, DeviceError>;

    /// The registers by which the traffic and the time of a simulated NIC are moved
    /// ([`crate::stage`]); a real card has none.
    fn stage(&self) -> Option<&Self::Io> {
        None
    }

    /// As [`Self::dma`], for memory that only the host uses: the NIC need not reach it, and where it can be kept away it is.
    ///
    /// # Errors
    /// As [`Self::dma`].
    fn state(&self, name: &str, bytes: usize) -> Result<DmaMemory, DeviceError> {
        self.dma(name, bytes)
    }

    /// MSI-X vectors that the host has granted, 1 at least. The NIC may have more.
    fn vectors(&self) -> u32 {
        32
    }

    /// An eventfd that becomes readable when MSI-X vector `index` fires.
    ///
    /// # Errors
    /// When the device has no such vector.
    fn vector(&self, index: u32) -> Result<OwnedFd, DeviceError>;

    /// Lets the NIC reach host memory and raise interrupts, or forbids it; false where there is no such switch. It is on
    /// from the beginning.
    ///
    /// # Errors
    /// When it cannot be switched.
    fn set_bus_master(&self, _on: bool) -> Result<bool, DeviceError> {
        Ok(false)
    }

    /// Why it does not answer, if that is known: what cannot be read is all ones, whatever the reason.
    fn trouble(&self) -> Option<String> {
        None
    }

    /// Resets the function: its DMA has stopped when this returns.
    ///
    /// # Errors
    /// When the device cannot be reset.
    fn reset(&self) -> Result<(), DeviceError>;

    /// Called between any two effects that outlive the process: stores to shared memory, register
    /// writes. A body for crash tests may unwind instead of returning; all others leave it empty.
    #[inline(always)]
    fn step(&self) {}

    /// Called in each turn of a bounded wait: a simulated device lets time pass.
    #[inline]
    fn relax(&self) {
        std::hint::spin_loop();
    }
}
