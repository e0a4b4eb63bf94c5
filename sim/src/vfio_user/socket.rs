//! The socket's side: messages of vfio-user into calls of the NIC's thread, and answers back.
//!
//! A write is answered when it is on its way, as PCIe posts it; a read waits for all that came before.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::mpsc::{Receiver, Sender, channel};
use vfio_bindings::bindings::vfio::{
    VFIO_IRQ_INFO_EVENTFD, VFIO_PCI_CONFIG_REGION_INDEX, VFIO_PCI_MSIX_IRQ_INDEX, VFIO_PCI_NUM_IRQS,
    VFIO_PCI_NUM_REGIONS, VFIO_REGION_INFO_FLAG_READ, VFIO_REGION_INFO_FLAG_WRITE, vfio_region_info,
};
use vfio_user::{DmaMapFlags, DmaUnmapFlags, IrqInfo, Server, ServerBackend, ServerRegion};

use super::config::{BAR_BYTES, BARS, CONFIG_BYTES, VECTORS};

/// What a client asks of the NIC.
#[derive(Debug)]
pub(super) enum Message {
    /// Fill as many bytes; answered.
    Read { region: u32, offset: u64, bytes: usize },
    /// Not answered.
    Write { region: u32, offset: u64, data: Vec<u8> },
    /// Answered.
    Map { iova: u64, bytes: u64, offset: u64, file: File },
    /// Answered.
    Unmap { iova: u64, bytes: u64 },
    /// Answered.
    Vectors { start: u32, count: u32, fds: Vec<OwnedFd> },
    /// Answered.
    Reset,
    /// Not answered.
    Left,
}

/// What comes back.
pub(super) type Answer = io::Result<Vec<u8>>;

/// The NIC's end of both channels.
pub(super) type Ends = (Receiver<Message>, Sender<Answer>);

/// The socket's end.
struct Backend {
    messages: Sender<Message>,
    answers: Receiver<Answer>,
}

fn ended() -> io::Error {
    io::Error::other("the NIC has ended")
}

impl Backend {
    fn tell(&self, message: Message) -> io::Result<()> {
        self.messages.send(message).map_err(|_| ended())
    }

    fn ask(&self, message: Message) -> Answer {
        self.tell(message)?;
        self.answers.recv().map_err(|_| ended())?
    }
}

impl ServerBackend for Backend {
    fn region_read(&mut self, region: u32, offset: u64, data: &mut [u8]) -> io::Result<()> {
        let read = self.ask(Message::Read { region, offset, bytes: data.len() })?;
        data.copy_from_slice(&read);
        Ok(())
    }

    fn region_write(&mut self, region: u32, offset: u64, data: &[u8]) -> io::Result<()> {
        self.tell(Message::Write { region, offset, data: data.to_vec() })
    }

    fn dma_map(
        &mut self,
        flags: DmaMapFlags,
        offset: u64,
        iova: u64,
        bytes: u64,
        file: Option<File>,
    ) -> io::Result<()> {
        // What has no file, or may not be written, is no memory for a NIC: its accesses fault.
        match file.filter(|_| flags.contains(DmaMapFlags::READ_WRITE)) {
            Some(file) => self.ask(Message::Map { iova, bytes, offset, file }).map(drop),
            None => Ok(()),
        }
    }

    fn dma_unmap(&mut self, flags: DmaUnmapFlags, iova: u64, bytes: u64) -> io::Result<()> {
        let (iova, bytes) = if flags.contains(DmaUnmapFlags::UNMAP_ALL) { (0, u64::MAX) } else { (iova, bytes) };
        self.ask(Message::Unmap { iova, bytes }).map(drop)
    }

    fn reset(&mut self) -> io::Result<()> {
        self.ask(Message::Reset).map(drop)
    }

    fn set_irqs(&mut self, index: u32, _flags: u32, start: u32, count: u32, fds: Vec<File>) -> io::Result<()> {
        if index != VFIO_PCI_MSIX_IRQ_INDEX {
            // There are no others: nothing to switch off.
            return Ok(());
        }
        let fds = fds.into_iter().map(OwnedFd::from).collect();
        self.ask(Message::Vectors { start, count, fds }).map(drop)
    }
}

fn regions() -> Vec<ServerRegion> {
    let bytes = |index: u32| match index {
        VFIO_PCI_CONFIG_REGION_INDEX => CONFIG_BYTES,
        index if BARS.contains(&(index as usize)) => BAR_BYTES,
        _ => 0,
    };
    let region = |index| {
        let size = bytes(index) as u64;
        let flags = if size > 0 { VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE } else { 0 };
        let argsz = size_of::<vfio_region_info>() as u32;
        let region_info = vfio_region_info { argsz, flags, index, size, ..Default::default() };
        ServerRegion { region_info, sparse_areas: Vec::new(), mmap_fd: None }
    };
    (0..VFIO_PCI_NUM_REGIONS).map(region).collect()
}

fn irqs() -> Vec<IrqInfo> {
    let irq = |index| {
        let is_msix = index == VFIO_PCI_MSIX_IRQ_INDEX;
        IrqInfo {
            index,
            flags: if is_msix { VFIO_IRQ_INFO_EVENTFD } else { 0 },
            count: if is_msix { VECTORS } else { 0 },
        }
    };
    (0..VFIO_PCI_NUM_IRQS).map(irq).collect()
}

/// Serves one client after the other on `listener`, on a thread of its own, for as long as the other ends live.
///
/// # Errors
/// When there is no thread.
pub(super) fn listen(listener: OwnedFd) -> io::Result<Ends> {
    let (messages, inbox) = channel();
    let (outbox, answers) = channel();
    let serve = move || {
        let server = Server::from_owned_fd(listener, true, irqs(), regions());
        let mut backend = Backend { messages, answers };
        loop {
            // However a client ends: the next one.
            let _ = server.run(&mut backend);
            if backend.tell(Message::Left).is_err() {
                break;
            }
        }
    };
    std::thread::Builder::new().name("vfio-user".to_owned()).spawn(serve)?;
    Ok((inbox, outbox))
}
