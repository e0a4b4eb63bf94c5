//! The NIC on a real PCIe bus, by the kernel's VFIO.
//!
//! ```text
//!   sysfs: is it ours, has it an IOMMU, is it bound? ─▶ group, container, device file     by pci-driver
//!   BAR0 ─ mmap ─▶ Registers: one load or store an access
//!   memfd, of huge pages if there are any ─ mmap ─▶ DmaMemory ─ map ─▶ IOMMU: the NIC reaches that and nothing else
//!   MSI-X vector ─▶ eventfd
//! ```
//!
//! - One memory is one mapping of the IOMMU. In huge pages that is one entry for 2 MiB; in pages of 4 KiB it is 512,
//!   which takes longer to set up and costs the device more misses of the IOMMU's cache: [`VfioDevice::pages`] says
//!   how much memory is which.
//! - When the last file of a device is closed, and so when the process dies, the kernel resets it and drops its
//!   mappings. A driver that is started anew finds a NIC that does not run.
//!
//! What is known of pci-driver 0.1.4, and what is done here about it:
//!
//! - Bus mastering is off after opening: without it neither DMA nor MSI-X happens. It is switched on.
//! - It loses the last byte of each range of valid addresses: see `addresses::ranges`.
//! - It reads the bytes of the class code in reverse: the NIC is known by vendor, device and its MAGIC.
//! - INTx fires once only, and there is no error interrupt: MSI-X is used, and a removal is seen by reading.
//! - There is no hot reset: the function's own, FLR, is used, after which the kernel restores configuration space.
//! - Its errors often say nothing: what can be wrong is looked up in sysfs first.

mod addresses;
pub mod sysfs;

use crate::device::{Device, DeviceError, Iova, Memories};
use crate::dma::DmaMemory;
use crate::mapping::{Mapping, Registers};
use crate::pci::{self, Address};
use crate::stage;
use pci_driver::backends::vfio::VfioPciDevice;
use pci_driver::device::PciDevice;
use pci_driver::regions::{AsPciSubregion, MappedOwningPciRegion, PciRegion, Permissions};
use rustix::event::{EventfdFlags, eventfd};
use rustix::fs::{MemfdFlags, ftruncate, memfd_create};
use rustix::process::{Resource, getrlimit};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io;
use std::ops::Range;
use std::os::fd::{AsRawFd, OwnedFd};
use std::rc::Rc;
use sysfs::{Sysfs, VFIO_PCI};

const HUGE_PAGE_BYTES: usize = 2 << 20;
const PAGE_BYTES: usize = 4096;

/// Why a device cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Nothing is there.
    #[error("no PCI device {address}; `weir nic list` lists those that fit")]
    NoDevice {
        /// Where it should be.
        address: Address,
    },
    /// Something else is there.
    #[error("{address} is {vendor:04x}:{device:04x}, expected {:04x}:{:04x}", pci::VENDOR, pci::DEVICE)]
    WrongDevice {
        /// Where.
        address: Address,
        /// Its vendor.
        vendor: u16,
        /// Its device number.
        device: u16,
    },
    /// The machine has no IOMMU, or it is off.
    #[error(
        "{address} has no IOMMU group: switch VT-d or AMD-Vi on in the firmware, and boot with intel_iommu=on (AMD \
         needs nothing)"
    )]
    NoIommu {
        /// The device.
        address: Address,
    },
    /// Another driver has it.
    #[error(
        "{address} is bound to {}, expected {VFIO_PCI}; as root: weir nic bind {address}, or\n  modprobe {VFIO_PCI}\n  \
         echo {VFIO_PCI} > /sys/bus/pci/devices/{address}/driver_override\n  echo {address} > \
         /sys/bus/pci/devices/{address}/driver/unbind\n  echo {address} > /sys/bus/pci/drivers_probe",
        found.as_deref().unwrap_or("no driver")
    )]
    NotBound {
        /// The device.
        address: Address,
        /// What has it.
        found: Option<String>,
    },
    /// The file of its group may not be opened.
    #[error("no permission for /dev/vfio/{group}; as root: chown {user} /dev/vfio/{group}", user = rustix::process::getuid().as_raw())]
    Permission {
        /// The group.
        group: u32,
    },
    /// Another process has it.
    #[error("/dev/vfio/{group} is open in another process, expected it to be free")]
    InUse {
        /// The group.
        group: u32,
    },
    /// Another device of its group has another driver.
    #[error("IOMMU group {group} is not viable: {others} must be bound to {VFIO_PCI}, or to no driver")]
    NotViable {
        /// The group.
        group: u32,
        /// The other devices, with their drivers.
        others: String,
    },
    /// Something else.
    #[error("{address}: {what}: {source}")]
    Os {
        /// The device.
        address: Address,
        /// What was tried.
        what: &'static str,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
}

/// What may be chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// The most MSI-X vectors to use, 1 to 32.
    pub vectors_max: u32,
    /// Whether huge pages are used, if there are any.
    pub huge_pages: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { vectors_max: 32, huge_pages: true }
    }
}

/// Host memory by the size of its pages, bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pages {
    /// In pages of 2 MiB.
    pub huge_bytes: usize,
    /// In pages of 4 KiB.
    pub small_bytes: usize,
}

/// A NIC on PCIe.
#[derive(Debug)]
pub struct VfioDevice {
    io: Registers<MappedOwningPciRegion>,
    stage: Option<Registers<MappedOwningPciRegion>>,
    pci: VfioPciDevice,
    ranges: Vec<Range<u64>>,
    memories: Memories,
    /// Bytes of each mapping of the IOMMU, by its address.
    mapped: RefCell<BTreeMap<u64, u64>>,
    vectors: Vec<OwnedFd>,
    pages: Cell<Pages>,
    options: Options,
}

/// What is wrong with the device at `address`, as far as sysfs tells; else its group.
fn look(sysfs: &Sysfs, address: Address) -> Result<u32, OpenError> {
    let listed = sysfs.find(address).ok_or(OpenError::NoDevice { address })?;
    if (listed.vendor, listed.device) != (pci::VENDOR, pci::DEVICE) {
        return Err(OpenError::WrongDevice { address, vendor: listed.vendor, device: listed.device });
    }
    let group = listed.group.ok_or(OpenError::NoIommu { address })?;
    if listed.driver.as_deref() != Some(VFIO_PCI) {
        return Err(OpenError::NotBound { address, found: listed.driver });
    }
    let is_foreign = |driver: &Option<String>| driver.as_deref().is_some_and(|driver| driver != VFIO_PCI);
    let others: Vec<_> = sysfs.group(group).into_iter().filter(|other| is_foreign(&other.driver)).collect();
    if others.is_empty() {
        return Ok(group);
    }
    let name = |other: &sysfs::Listed| format!("{} ({})", other.address, other.driver.as_deref().unwrap_or_default());
    Err(OpenError::NotViable { group, others: others.iter().map(name).collect::<Vec<_>>().join(", ") })
}

/// Whether the file of `group` can be opened; it is closed again.
fn try_group(address: Address, group: u32) -> Result<(), OpenError> {
    match OpenOptions::new().read(true).write(true).open(format!("/dev/vfio/{group}")) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Err(OpenError::Permission { group }),
        Err(error) if error.kind() == io::ErrorKind::ResourceBusy => Err(OpenError::InUse { group }),
        Err(source) => Err(OpenError::Os { address, what: "opening its IOMMU group", source }),
    }
}

impl VfioDevice {
    /// Opens the NIC at `address`.
    ///
    /// # Errors
    /// When it is not there, not ours to have, or not a NIC of this kind.
    pub fn open(address: Address, options: Options) -> Result<Self, OpenError> {
        let failed = |what| move |source| OpenError::Os { address, what, source };
        let pci = open_pci(address)?;
        set_master(&pci, true).map_err(failed("switching bus mastering on"))?;
        let io = map_bar(&pci, 0).map_err(failed("mapping BAR0"))?;
        let stage =
            pci.bar(stage::BAR).map(|_| map_bar(&pci, stage::BAR)).transpose().map_err(failed("mapping BAR4"))?;
        let vectors = enable_vectors(&pci, options.vectors_max).map_err(failed("enabling MSI-X"))?;
        let ranges = addresses::ranges(pci.iommu().valid_iova_ranges());
        Ok(Self {
            io,
            stage,
            pci,
            ranges,
            memories: Memories::default(),
            mapped: RefCell::default(),
            vectors,
            pages: Cell::default(),
            options,
        })
    }

    /// How much memory is in which pages.
    #[must_use]
    pub fn pages(&self) -> Pages {
        self.pages.get()
    }

    /// New memory of at least `bytes` bytes: of huge pages, if there are any and they would be used; that is answered too.
    fn memory(&self, bytes: usize) -> io::Result<(Mapping, bool)> {
        if self.options.huge_pages && bytes >= HUGE_PAGE_BYTES / 2 {
            let whole = bytes.next_multiple_of(HUGE_PAGE_BYTES);
            // Where there are none, this is refused, at the latest when it is mapped.
            if let Ok(mapping) = new_memory(MemfdFlags::HUGETLB | MemfdFlags::HUGE_2MB, whole) {
                return Ok((mapping, true));
            }
        }
        Ok((new_memory(MemfdFlags::empty(), bytes.next_multiple_of(PAGE_BYTES))?, false))
    }

    fn count_pages(&self, bytes: usize, is_huge: bool) {
        let mut pages = self.pages.get();
        *(if is_huge { &mut pages.huge_bytes } else { &mut pages.small_bytes }) += bytes;
        self.pages.set(pages);
    }
}

fn new_memory(flags: MemfdFlags, bytes: usize) -> io::Result<Mapping> {
    let file = memfd_create("weir", MemfdFlags::CLOEXEC | flags)?;
    ftruncate(&file, bytes as u64)?;
    Mapping::new(&file, 0, bytes)
}

/// The registers alone of the NIC at `address`, which is told nothing. When they are dropped, and nobody else has the
/// device open, Linux resets it.
///
/// # Errors
/// As of [`VfioDevice::open`].
pub fn registers(address: Address) -> Result<Registers<MappedOwningPciRegion>, OpenError> {
    let pci = open_pci(address)?;
    map_bar(&pci, 0).map_err(|source| OpenError::Os { address, what: "mapping BAR0", source })
}

/// Opens the device, if it is one to be had.
fn open_pci(address: Address) -> Result<VfioPciDevice, OpenError> {
    let sysfs = Sysfs::default();
    let group = look(&sysfs, address)?;
    try_group(address, group)?;
    let failed = |source| OpenError::Os { address, what: "opening it through VFIO", source };
    VfioPciDevice::open(sysfs.device(address)).map_err(failed)
}

/// Lets the NIC reach host memory and raise MSI-X, or forbids it.
fn set_master(device: &VfioPciDevice, on: bool) -> io::Result<()> {
    let command = pci::COMMAND_MEMORY | if on { pci::COMMAND_MASTER } else { 0 };
    device.config().as_subregion().write_le_u16(pci::offset::COMMAND as u64, command)
}

fn map_bar(pci: &VfioPciDevice, index: usize) -> io::Result<Registers<MappedOwningPciRegion>> {
    let bar = pci.bar(index).ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "the device has no such BAR"))?;
    Registers::of_bar(bar.map(.., Permissions::ReadWrite)?)
}

fn enable_vectors(pci: &VfioPciDevice, most: u32) -> io::Result<Vec<OwnedFd>> {
    let interrupts = pci.interrupts();
    let count = interrupts.msi_x().max().min(most.max(1) as usize);
    let make = || eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC);
    let vectors = (0..count).map(|_| make()).collect::<Result<Vec<_>, _>>()?;
    let raw: Vec<_> = vectors.iter().map(AsRawFd::as_raw_fd).collect();
    interrupts.msi_x().enable(&raw)?;
    Ok(vectors)
}

impl Device for VfioDevice {
    type Io = Registers<MappedOwningPciRegion>;

    fn io(&self) -> &Self::Io {
        &self.io
    }

    fn stage(&self) -> Option<&Self::Io> {
        self.stage.as_ref()
    }

    fn dma(&self, name: &str, bytes: usize) -> Result<DmaMemory, DeviceError> {
        if let Some(known) = self.memories.known(name, bytes) {
            return known;
        }
        let failed = |source| DeviceError::DmaMemory { name: name.to_owned(), bytes, source };
        let (mapping, is_huge) = self.memory(bytes.max(1)).map_err(failed)?;
        let mapping = Rc::new(mapping);
        let whole = mapping.bytes() as u64;
        let iova = addresses::allocate(&self.ranges, &self.mapped.borrow(), whole).ok_or_else(|| {
            failed(io::Error::new(io::ErrorKind::OutOfMemory, "no room left in the addresses that the IOMMU allows"))
        })?;
        mapping.give(&self.pci.iommu(), iova).map_err(|error| failed(with_limit(error)))?;
        self.mapped.borrow_mut().insert(iova, whole);
        self.count_pages(whole as usize, is_huge);
        let memory = mapping.memory(0, bytes, Iova(iova));
        Ok(self.memories.insert(name, memory))
    }

    /// Neither pinned nor mapped for the NIC.
    fn state(&self, name: &str, bytes: usize) -> Result<DmaMemory, DeviceError> {
        if let Some(known) = self.memories.known(name, bytes) {
            return known;
        }
        let failed = |source| DeviceError::DmaMemory { name: name.to_owned(), bytes, source };
        let memory = new_memory(MemfdFlags::empty(), bytes.max(1).next_multiple_of(PAGE_BYTES)).map_err(failed)?;
        let memory = Rc::new(memory).memory(0, bytes, Iova::default());
        Ok(self.memories.insert(name, memory))
    }

    fn vectors(&self) -> u32 {
        self.vectors.len() as u32
    }

    fn vector(&self, index: u32) -> Result<OwnedFd, DeviceError> {
        let vector = self.vectors.get(index as usize);
        let vector = vector.ok_or(DeviceError::Vector { index, available: self.vectors.len() as u32 })?;
        vector.try_clone().map_err(|source| DeviceError::Os { what: "dup of an eventfd", source })
    }

    fn reset(&self) -> Result<(), DeviceError> {
        let os = |what| move |source| DeviceError::Os { what, source };
        self.pci.reset().map_err(os("function level reset"))?;
        // The kernel restores what was set before.
        set_master(&self.pci, true).map_err(os("switching bus mastering on"))
    }

    fn set_bus_master(&self, on: bool) -> Result<bool, DeviceError> {
        let os = |source| DeviceError::Os { what: "switching bus mastering", source };
        set_master(&self.pci, on).map(|()| true).map_err(os)
    }
}

impl Drop for VfioDevice {
    fn drop(&mut self) {
        // First the NIC stops, then its memory goes. What is refused here, closing the device does.
        let _ = set_master(&self.pci, false);
        let _ = self.pci.interrupts().msi_x().disable();
        for (iova, bytes) in self.mapped.borrow().iter() {
            let _ = self.pci.iommu().unmap(*iova, *bytes as usize);
        }
    }
}

/// The kernel's refusal to pin memory, with what it allows.
fn with_limit(error: io::Error) -> io::Error {
    // ENOMEM, which pci-driver has put into words.
    if !error.to_string().contains("os error 12") {
        return error;
    }
    let limit = getrlimit(Resource::Memlock).current.map_or("unlimited".to_owned(), |bytes| format!("{bytes} bytes"));
    io::Error::other(format!(
        "the kernel does not pin it: the limit for locked memory is {limit} (ulimit -l; for a service LimitMEMLOCK=), \
         expected room for all of the driver's memory"
    ))
}
