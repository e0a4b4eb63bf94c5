//! A NIC in another process, reached over its vfio-user socket.
//!
//! ```text
//!   load, store ─▶ REGION_READ, REGION_WRITE ─▶ socket ─▶ the NIC's process
//!   dma(name) ──▶ file NAME@IOVA of the state's folder, mapped here ─ DMA_MAP, the file beside it ─▶ mapped there
//!   vector ─────▶ eventfd ─ DEVICE_SET_IRQS, the eventfd beside it ─▶ signalled there
//! ```
//!
//! - A store is posted, as on PCIe: it arrives in order, and before the answer to any load that follows.
//! - A process that dies leaves its memory behind: the files, and the NIC's own mapping of them. The next one finds
//!   a memory by its name, at the same IOVA, and maps it again. Nothing is unmapped on drop for that reason; the
//!   NIC forgets an earlier client's memory at a reset.
//! - When the NIC's process ends, every load gives all ones, as after a surprise removal.

mod wire;

pub use wire::WireError;

use crate::device::{Device, DeviceError, Iova, Memories};
use crate::dma::DmaMemory;
use crate::mapping::Mapping;
use crate::pci;
use crate::regio::RegIo;
use crate::stage;
use firmware_abi::registers::Control;
use rustix::event::{EventfdFlags, eventfd};
use std::cell::RefCell;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use wire::{Request, Wire};

/// Where the first memory lies.
const FIRST_IOVA: u64 = 1 << 32;
/// Memories start at a multiple of this, with as much unmapped behind them.
const GUARD_BYTES: u64 = 2 << 20;
/// The address of memory that the NIC does not reach.
const NOT_MAPPED: Iova = Iova(0);
/// The region that is configuration space.
const CONFIG_REGION: u32 = 7;
/// The index of MSI-X among the kinds of interrupts.
const MSIX: u32 = 2;
/// DATA_EVENTFD and ACTION_TRIGGER.
const SET_EVENTFD: u32 = 1 << 2 | 1 << 5;

/// What a client says of itself: what this version of the protocol has as defaults.
const CAPABILITIES: &[u8] =
    b"{\"capabilities\":{\"max_msg_fds\":1,\"max_data_xfer_size\":1048576,\"migration\":{\"pgsize\":4096}}}\0";

/// Why a NIC process cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// Nobody listens there.
    #[error("cannot connect to {path}: {source}; is `weir nic serve --socket {path}` running?", path = path.display())]
    Connect {
        /// The socket.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It speaks differently.
    #[error("{path}: {source}", path = path.display())]
    Wire {
        /// The socket.
        path: PathBuf,
        /// What went wrong.
        #[source]
        source: WireError,
    },
    /// It is another device.
    #[error(
        "{path}: found the PCI device {found:08x}, expected {:04x}:{:04x}", pci::VENDOR, pci::DEVICE,
        path = path.display()
    )]
    WrongDevice {
        /// The socket.
        path: PathBuf,
        /// Device and vendor.
        found: u32,
    },
    /// The folder of the state that outlives this process.
    #[error("cannot use the folder {path} for memory that outlives the driver: {source}", path = path.display())]
    State {
        /// The folder.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// A BAR of the NIC.
#[derive(Clone, Debug)]
pub struct VfioUserIo {
    wire: Rc<RefCell<Wire>>,
    region: u32,
}

fn access(offset: u64, region: u32, data: &[u8]) -> ([u8; 24], usize) {
    let mut body = [0; 24];
    body[0..8].copy_from_slice(&offset.to_le_bytes());
    body[8..12].copy_from_slice(&region.to_le_bytes());
    body[12..16].copy_from_slice(&(data.len() as u32).to_le_bytes());
    body[16..16 + data.len()].copy_from_slice(data);
    (body, 16 + data.len())
}

impl Wire {
    fn read_region<const N: usize>(&mut self, region: u32, offset: u64) -> Result<[u8; N], WireError> {
        let (mut body, bytes) = access(offset, region, &[]);
        body[12..16].copy_from_slice(&(N as u32).to_le_bytes());
        let mut answer = [0; 64];
        let expected = 16 + N;
        let found = self.call(Request::RegionRead, &body[..bytes], &[], &mut answer)?;
        let data = answer.get(16..found.min(expected)).and_then(|data| data.first_chunk());
        data.copied().ok_or_else(|| WireError::Answer {
            request: Request::RegionRead.to_string(),
            found: format!("{found} bytes"),
            expected: format!("{expected}"),
        })
    }

    fn write_region(&mut self, region: u32, offset: u64, data: &[u8]) -> Result<(), WireError> {
        let (body, bytes) = access(offset, region, data);
        self.call(Request::RegionWrite, &body[..bytes], &[], &mut []).map(drop)
    }
}

impl RegIo for VfioUserIo {
    fn load(&self, offset: u32) -> u32 {
        // What cannot be read is all ones, as on PCIe.
        self.wire.borrow_mut().read_region(self.region, offset.into()).map_or(u32::MAX, u32::from_le_bytes)
    }

    fn store(&self, offset: u32, value: u32) {
        let (body, bytes) = access(offset.into(), self.region, &value.to_le_bytes());
        // A write to a device that is gone is lost, as on PCIe; the next load tells.
        let _ = self.wire.borrow_mut().post(Request::RegionWrite, &body[..bytes]);
    }
}

/// Whose memory an earlier driver left, if the NIC does not run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Past {
    /// This one's, which was reset since: it says what was lost.
    OfThisNic,
    /// Another one's, which is of no use: it is removed.
    OfAnotherNic,
}

/// The NIC of another process.
#[derive(Debug)]
pub struct VfioUserDevice {
    io: VfioUserIo,
    stage: VfioUserIo,
    state: PathBuf,
    memories: Memories,
    vectors: u32,
    msix_control: u64,
}

impl VfioUserDevice {
    /// Connects to the NIC that serves `socket`; memory that outlives this process is in the folder `state`. `past` says
    /// what becomes of what is there, if the NIC does not run.
    ///
    /// # Errors
    /// When there is no such NIC, or the folder cannot be used.
    pub fn connect(socket: &Path, state: &Path, past: Past) -> Result<Self, ConnectError> {
        let mut wire = call(socket)?;
        let failed = |source| ConnectError::Wire { path: socket.to_owned(), source };
        let vectors = irq_count(&mut wire).map_err(failed)?;
        let msix_control = find_capability(&mut wire, pci::CAP_MSIX).map_err(failed)? + 2;
        let unusable = |source| ConnectError::State { path: state.to_owned(), source };
        fs::create_dir_all(state).map_err(unusable)?;
        let wire = Rc::new(RefCell::new(wire));
        let device = Self {
            io: VfioUserIo { wire: Rc::clone(&wire), region: 0 },
            stage: VfioUserIo { wire, region: stage::BAR as u32 },
            state: state.to_owned(),
            memories: Memories::default(),
            vectors,
            msix_control,
        };
        device.enable().map_err(failed)?;
        if past == Past::OfAnotherNic && !Control(device.io.read(|r| &r.control)).enable() {
            device.forget().map_err(unusable)?;
        }
        device.map_again().map_err(|error| match error {
            DeviceError::DmaMemory { source, .. } => unusable(source),
            other => unusable(io::Error::other(other.to_string())),
        })?;
        Ok(device)
    }

    /// Lets the NIC reach host memory and raise MSI-X.
    fn enable(&self) -> Result<(), WireError> {
        self.set_master(true)?;
        let mut wire = self.io.wire.borrow_mut();
        wire.write_region(CONFIG_REGION, self.msix_control, &pci::MSIX_ENABLE.to_le_bytes())
    }

    fn set_master(&self, on: bool) -> Result<(), WireError> {
        let command = pci::COMMAND_MEMORY | if on { pci::COMMAND_MASTER } else { 0 };
        let mut wire = self.io.wire.borrow_mut();
        wire.write_region(CONFIG_REGION, pci::offset::COMMAND as u64, &command.to_le_bytes())
    }

    /// Removes the memories of an earlier driver.
    fn forget(&self) -> io::Result<()> {
        for (name, iova, _) in self.files() {
            fs::remove_file(self.file_of(&name, iova))?;
        }
        Ok(())
    }

    fn file_of(&self, name: &str, iova: Iova) -> PathBuf {
        self.state.join(format!("{name}@{:x}", iova.0))
    }

    /// Maps what an earlier driver left: a NIC that runs knows it.
    fn map_again(&self) -> Result<(), DeviceError> {
        for (name, iova, file) in self.files() {
            let bytes = file.metadata().map_or(0, |data| data.len()) as usize;
            if bytes > 0 && iova != NOT_MAPPED {
                self.map(&name, &file, bytes, iova)?;
            } else if bytes > 0 {
                self.keep(&name, &file, bytes)?;
            }
        }
        Ok(())
    }

    /// The memories in the state's folder: their names, addresses and files.
    fn files(&self) -> Vec<(String, Iova, File)> {
        let parse = |entry: fs::DirEntry| {
            let text = entry.file_name().into_string().ok()?;
            let (found, iova) = text.rsplit_once('@')?;
            let iova = u64::from_str_radix(iova, 16).ok()?;
            let file = OpenOptions::new().read(true).write(true).open(entry.path()).ok()?;
            Some((found.to_owned(), Iova(iova), file))
        };
        fs::read_dir(&self.state).into_iter().flatten().flatten().filter_map(parse).collect()
    }

    /// Maps `file` here and there.
    fn map(&self, name: &str, file: &File, bytes: usize, iova: Iova) -> Result<DmaMemory, DeviceError> {
        let failed = |source| DeviceError::DmaMemory { name: name.to_owned(), bytes, source };
        let mapping = Rc::new(Mapping::new(file, 0, bytes).map_err(failed)?);
        let mut body = [0; 32];
        body[0..4].copy_from_slice(&32_u32.to_le_bytes());
        // To be read and written.
        body[4..8].copy_from_slice(&3_u32.to_le_bytes());
        body[16..24].copy_from_slice(&iova.0.to_le_bytes());
        body[24..32].copy_from_slice(&(mapping.bytes() as u64).to_le_bytes());
        let sent = self.io.wire.borrow_mut().call(Request::DmaMap, &body, &[file.as_fd()], &mut []);
        sent.map_err(|error| failed(io::Error::other(error.to_string())))?;
        let memory = mapping.memory(0, bytes, iova);
        Ok(self.memories.insert(name, memory))
    }

    /// Maps `file` here alone.
    fn keep(&self, name: &str, file: &File, bytes: usize) -> Result<DmaMemory, DeviceError> {
        let failed = |source| DeviceError::DmaMemory { name: name.to_owned(), bytes, source };
        let memory = Rc::new(Mapping::new(file, 0, bytes).map_err(failed)?).memory(0, bytes, NOT_MAPPED);
        Ok(self.memories.insert(name, memory))
    }

    /// A file of zeros for a memory. It appears under its name when it has its length: a process that dies before leaves
    /// nothing.
    fn new_file(&self, name: &str, bytes: usize, iova: Iova) -> Result<File, DeviceError> {
        let failed = |source| DeviceError::DmaMemory { name: name.to_owned(), bytes, source };
        let (path, unfinished) = (self.file_of(name, iova), self.state.join("unfinished"));
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(true).mode(0o600);
        let file = options.open(&unfinished).map_err(failed)?;
        file.set_len(bytes as u64).map_err(failed)?;
        fs::rename(&unfinished, &path).map_err(failed)?;
        Ok(file)
    }

    /// An address range that no memory has.
    fn free_iova(&self) -> Iova {
        let next = self.memories.end().map_or(0, |end| end + GUARD_BYTES).max(FIRST_IOVA);
        Iova(next.next_multiple_of(GUARD_BYTES))
    }
}

/// Calls the NIC that serves `socket`, and sees that it is one.
fn call(socket: &Path) -> Result<Wire, ConnectError> {
    let connect = |source| ConnectError::Connect { path: socket.to_owned(), source };
    let mut wire = Wire::connect(socket).map_err(connect)?;
    let failed = |source| ConnectError::Wire { path: socket.to_owned(), source };
    greet(&mut wire).map_err(failed)?;
    let found = u32::from_le_bytes(wire.read_region(CONFIG_REGION, 0).map_err(failed)?);
    if found != u32::from(pci::DEVICE) << 16 | u32::from(pci::VENDOR) {
        return Err(ConnectError::WrongDevice { path: socket.to_owned(), found });
    }
    Ok(wire)
}

/// The registers alone of the NIC that serves `socket`, which is told nothing.
///
/// # Errors
/// When there is no such NIC.
pub fn registers(socket: &Path) -> Result<VfioUserIo, ConnectError> {
    Ok(VfioUserIo { wire: Rc::new(RefCell::new(call(socket)?)), region: 0 })
}

fn greet(wire: &mut Wire) -> Result<(), WireError> {
    let mut body = [0; 4 + CAPABILITIES.len()];
    body[2..4].copy_from_slice(&1_u16.to_le_bytes());
    body[4..].copy_from_slice(CAPABILITIES);
    let mut answer = [0; 4];
    wire.call(Request::Version, &body, &[], &mut answer)?;
    if answer[0..2] != [0, 0] {
        return Err(WireError::Answer {
            request: Request::Version.to_string(),
            found: format!("version {}.{}", answer[0], answer[2]),
            expected: "version 0".to_owned(),
        });
    }
    Ok(())
}

fn irq_count(wire: &mut Wire) -> Result<u32, WireError> {
    let mut body = [0; 16];
    body[0..4].copy_from_slice(&16_u32.to_le_bytes());
    body[8..12].copy_from_slice(&MSIX.to_le_bytes());
    let mut answer = [0; 16];
    wire.call(Request::IrqInfo, &body, &[], &mut answer)?;
    Ok(u32::from_le_bytes([answer[12], answer[13], answer[14], answer[15]]))
}

/// Where the capability `wanted` is in configuration space.
fn find_capability(wire: &mut Wire, wanted: u8) -> Result<u64, WireError> {
    let [mut at] = wire.read_region(CONFIG_REGION, pci::offset::CAPABILITIES as u64)?;
    // There is room for 48 of them.
    for _ in 0..48 {
        if at == 0 {
            break;
        }
        let [id, next] = wire.read_region(CONFIG_REGION, at.into())?;
        if id == wanted {
            return Ok(at.into());
        }
        at = next;
    }
    Err(WireError::Answer {
        request: Request::RegionRead.to_string(),
        found: "no such capability".to_owned(),
        expected: format!("the PCI capability {wanted:#04x}"),
    })
}

fn os(what: &'static str) -> impl Fn(WireError) -> DeviceError {
    move |error| DeviceError::Os { what, source: io::Error::other(error.to_string()) }
}

impl Device for VfioUserDevice {
    type Io = VfioUserIo;

    fn io(&self) -> &VfioUserIo {
        &self.io
    }

    fn stage(&self) -> Option<&VfioUserIo> {
        Some(&self.stage)
    }

    fn dma(&self, name: &str, bytes: usize) -> Result<DmaMemory, DeviceError> {
        if let Some(known) = self.memories.known(name, bytes) {
            return known;
        }
        let iova = self.free_iova();
        let file = self.new_file(name, bytes, iova)?;
        self.map(name, &file, bytes, iova)
    }

    fn state(&self, name: &str, bytes: usize) -> Result<DmaMemory, DeviceError> {
        if let Some(known) = self.memories.known(name, bytes) {
            return known;
        }
        let file = self.new_file(name, bytes, NOT_MAPPED)?;
        self.keep(name, &file, bytes)
    }

    fn vectors(&self) -> u32 {
        self.vectors
    }

    fn vector(&self, index: u32) -> Result<OwnedFd, DeviceError> {
        if index >= self.vectors {
            return Err(DeviceError::Vector { index, available: self.vectors });
        }
        let failed = |what| move |errno: rustix::io::Errno| DeviceError::Os { what, source: errno.into() };
        let made = eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC).map_err(failed("eventfd"))?;
        let mut body = [0; 20];
        for (at, value) in [20, SET_EVENTFD, MSIX, index, 1].into_iter().enumerate() {
            body[at * 4..at * 4 + 4].copy_from_slice(&value.to_le_bytes());
        }
        let mut wire = self.io.wire.borrow_mut();
        wire.call(Request::SetIrqs, &body, &[made.as_fd()], &mut []).map_err(os("setting an interrupt"))?;
        Ok(made)
    }

    fn reset(&self) -> Result<(), DeviceError> {
        self.io.wire.borrow_mut().call(Request::Reset, &[], &[], &mut []).map_err(os("reset"))?;
        // A reset forgets who may do what; and the memory of earlier clients, which is this one's by now.
        self.enable().map_err(os("reset"))
    }

    fn trouble(&self) -> Option<String> {
        self.io.wire.borrow().broken()
    }

    fn set_bus_master(&self, on: bool) -> Result<bool, DeviceError> {
        self.set_master(on).map(|()| true).map_err(os("switching bus mastering"))
    }
}
