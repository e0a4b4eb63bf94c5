//! A NIC in this process: the model, the memory that it can reach, and the driver's handle of it.
//!
//! ```text
//!   driver ── SimDevice ─┬─ registers ─▶ SimNic ─▶ HostBus ─▶ named DMA memory
//!                        └─ dma(name) ─────────────────────────▲
//! ```
//!
//! A [`Card`] outlives every driver that attaches to it, and so do its named memories: a driver
//! that is dropped finds all as it was. Everything happens on the caller's thread: a register write
//! returns when the NIC has done what it has room for.

use crate::nic::SimNic;
use driver::device::{Device, DeviceError, Iova};
use driver::dma::DmaMemory;
use driver::regio::RegIo;
use hw_model::{BadParameters, Nic};

pub use crate::hostmem::HostBus;
pub use hw_model::report::{EngineReport, Latency};
pub use hw_model::{Frame, Parameters, Report, Sent};

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::os::fd::OwnedFd;
use std::rc::Rc;

/// Where the first memory lies; page 0 and what is around it stay unmapped.
const FIRST_IOVA: u64 = 1 << 32;
/// Memories are aligned to this and have as much unmapped behind them.
const GUARD_BYTES: u64 = 2 << 20;
/// MSI-X vectors.
const VECTORS: u32 = 32;

/// A simulated NIC with its host memory.
#[derive(Debug)]
pub struct Card {
    nic: RefCell<Box<dyn SimNic>>,
    memories: RefCell<BTreeMap<String, DmaMemory>>,
    next_iova: Cell<u64>,
}

impl Card {
    /// A card after power-on.
    ///
    /// # Errors
    /// When no NIC has such parameters.
    pub fn new(parameters: Parameters) -> Result<Rc<Self>, BadParameters> {
        Ok(Self::with_nic(Box::new(Nic::new(parameters, HostBus::default())?)))
    }

    /// A card around `nic`, which was just powered on.
    #[must_use]
    pub fn with_nic(nic: Box<dyn SimNic>) -> Rc<Self> {
        Rc::new(Self {
            nic: RefCell::new(nic),
            memories: RefCell::new(BTreeMap::new()),
            next_iova: Cell::new(FIRST_IOVA),
        })
    }

    /// The driver's handle.
    #[must_use]
    pub fn device(self: &Rc<Self>) -> SimDevice {
        SimDevice { io: SimIo { card: Rc::clone(self) } }
    }

    /// Gives the NIC frames, oldest first. `host` is run wherever the NIC interrupts it.
    ///
    /// # Errors
    /// The first error of `host`; the rest of the frames is lost.
    pub fn offer<E>(&self, frames: &[Frame<'_>], mut host: impl FnMut() -> Result<(), E>) -> Result<(), E> {
        self.nic.borrow_mut().begin(frames);
        while !self.nic.borrow_mut().proceed(frames) {
            host()?;
        }
        Ok(())
    }

    /// Lets time pass until `until_ns`. `host` is run wherever the NIC interrupts it.
    ///
    /// # Errors
    /// The first error of `host`.
    pub fn advance<E>(&self, until_ns: u64, mut host: impl FnMut() -> Result<(), E>) -> Result<(), E> {
        while !self.nic.borrow_mut().advance(until_ns) {
            host()?;
        }
        Ok(())
    }

    /// Moves the time to `until_ns` without a window turning on the way: the open window ends then.
    /// For a stretch in which nothing was captured.
    pub fn sleep(&self, until_ns: u64) {
        self.nic.borrow_mut().sleep(until_ns);
    }

    /// The NIC's time, Unix ns.
    #[must_use]
    pub fn now_ns(&self) -> u64 {
        self.nic.borrow().now_ns()
    }

    /// When something happens next without a frame: an interrupt or a window's end.
    #[must_use]
    pub fn next_event_ns(&self) -> u64 {
        self.nic.borrow().next_event_ns()
    }

    /// Whether frames that leave are kept for [`Self::take_sent`].
    pub fn keep_sent(&self, keep: bool) {
        self.nic.borrow_mut().keep_sent(keep);
    }

    /// Frames that left since last asked.
    pub fn take_sent(&self) -> Vec<Sent> {
        self.nic.borrow_mut().take_sent()
    }

    /// What the NIC says about time, room and load, if it can.
    #[must_use]
    pub fn report(&self) -> Option<Report> {
        self.nic.borrow().report()
    }

    /// What model and RTL did differently first, if the card has both.
    #[must_use]
    pub fn divergence(&self) -> Option<String> {
        self.nic.borrow().divergence()
    }

    /// The NIC itself, for who stands in its host's place.
    #[cfg(feature = "pci")]
    pub(crate) fn nic(&self) -> std::cell::RefMut<'_, Box<dyn SimNic>> {
        self.nic.borrow_mut()
    }

    /// How long model and RTL took, if the card has both and measures that.
    #[cfg(feature = "rtl")]
    #[must_use]
    pub fn measured(&self) -> Option<crate::lockstep::Measured> {
        self.nic.borrow().measured()
    }

    /// Takes a memory away from the NIC: its accesses fault from now on. False if there is none.
    pub fn unmap(&self, name: &str) -> bool {
        let Some(memory) = self.memories.borrow().get(name).map(DmaMemory::iova) else { return false };
        self.nic.borrow_mut().unmap(memory);
        true
    }

    /// Forgets a memory, as a reboot of the host would: asked for again, it is new.
    pub fn forget(&self, name: &str) -> bool {
        self.unmap(name) && self.memories.borrow_mut().remove(name).is_some()
    }
}

/// BAR0 of a [`Card`].
#[derive(Clone, Debug)]
pub struct SimIo {
    card: Rc<Card>,
}

impl RegIo for SimIo {
    #[inline]
    fn load(&self, offset: u32) -> u32 {
        self.card.nic.borrow_mut().register_read(offset)
    }

    #[inline]
    fn store(&self, offset: u32, value: u32) {
        self.card.nic.borrow_mut().register_write(offset, value);
    }
}

/// A [`Card`], as the driver reaches it.
#[derive(Clone, Debug)]
pub struct SimDevice {
    io: SimIo,
}

impl Device for SimDevice {
    type Io = SimIo;

    fn io(&self) -> &SimIo {
        &self.io
    }

    fn dma(&self, name: &str, bytes: usize) -> Result<DmaMemory, DeviceError> {
        let card = &self.io.card;
        let mut memories = card.memories.borrow_mut();
        if let Some(memory) = memories.get(name) {
            if memory.bytes() != bytes {
                return Err(DeviceError::DmaSize { name: name.to_owned(), found: memory.bytes(), expected: bytes });
            }
            return Ok(memory.clone());
        }
        let iova = card.next_iova.get();
        let memory = DmaMemory::heap(name, bytes, Iova(iova))?;
        card.next_iova.set((iova + bytes as u64 + GUARD_BYTES).next_multiple_of(GUARD_BYTES));
        card.nic.borrow_mut().map(&memory);
        memories.insert(name.to_owned(), memory.clone());
        Ok(memory)
    }

    fn vector(&self, index: u32) -> Result<OwnedFd, DeviceError> {
        use rustix::event::{EventfdFlags, eventfd};
        if index >= VECTORS {
            return Err(DeviceError::Vector { index, available: VECTORS });
        }
        let os = |what| move |errno: rustix::io::Errno| DeviceError::Os { what, source: errno.into() };
        let made = eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC).map_err(os("eventfd"))?;
        let given = made.try_clone().map_err(|source| DeviceError::Os { what: "dup of an eventfd", source })?;
        self.io.card.nic.borrow_mut().set_vector(index as u8, Some(made));
        Ok(given)
    }

    fn reset(&self) -> Result<(), DeviceError> {
        let mut control = firmware_abi::registers::Control(0);
        control.set_reset(true);
        self.io.write(|r| &r.control, control.0);
        Ok(())
    }
}
