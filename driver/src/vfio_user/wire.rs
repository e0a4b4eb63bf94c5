//! Messages of vfio-user 0.1, as a client sends them.
//!
//! ```text
//!   id 2 │ command 2 │ bytes 4 │ flags 4 │ error 4 │ body …        little-endian; file descriptors beside it
//! ```
//!
//! A command that wants an answer waits for the one with its id. A command that wants none, as a posted write
//! on PCIe, is answered only if it fails: such an answer is passed over when it comes by.

use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
use std::io::{self, IoSlice, Read};
use std::mem::MaybeUninit;
use std::os::fd::BorrowedFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

/// What a message asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub(super) enum Request {
    Version = 1,
    DmaMap = 2,
    IrqInfo = 7,
    SetIrqs = 8,
    RegionRead = 9,
    RegionWrite = 10,
    Reset = 13,
}

impl std::fmt::Display for Request {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Version => "VERSION",
            Self::DmaMap => "DMA_MAP",
            Self::IrqInfo => "DEVICE_GET_IRQ_INFO",
            Self::SetIrqs => "DEVICE_SET_IRQS",
            Self::RegionRead => "REGION_READ",
            Self::RegionWrite => "REGION_WRITE",
            Self::Reset => "DEVICE_RESET",
        })
    }
}

/// Why a message came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum WireError {
    /// The NIC's process has ended, or has closed the socket.
    #[error("the NIC's process is gone")]
    Gone,
    /// It does not answer.
    #[error("{request}: no answer within {} s; a NIC process serves one client at a time", ANSWER_TIME.as_secs())]
    Silent {
        /// What was asked for.
        request: String,
    },
    /// It refuses.
    #[error("{request} was refused, error {error}")]
    Refused {
        /// What was asked for.
        request: String,
        /// Its reason, an errno; 0 where it gives none.
        error: u32,
    },
    /// It does not speak as it should.
    #[error("{request}: found {found}, expected {expected}")]
    Answer {
        /// What was asked for.
        request: String,
        /// What came.
        found: String,
        /// What should have come.
        expected: String,
    },
    /// The socket.
    #[error("{request}: {source}")]
    Socket {
        /// What was asked for.
        request: String,
        /// What went wrong.
        #[source]
        source: io::Error,
    },
}

const HEADER_BYTES: usize = 16;
/// The longest message that this client sends or takes.
const MESSAGE_BYTES: usize = 4096;
const FLAG_NO_REPLY: u32 = 1 << 4;
const FLAG_ERROR: u32 = 1 << 5;
/// After this a NIC counts as dead.
const ANSWER_TIME: Duration = Duration::from_secs(5);

/// A connection.
#[derive(Debug)]
pub(super) struct Wire {
    stream: UnixStream,
    next_id: u16,
    inbox: Vec<u8>,
    /// Why the connection is of no use any more.
    broken: Option<String>,
}

fn dword(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..).and_then(|rest| rest.first_chunk()).map_or(0, |dword| u32::from_le_bytes(*dword))
}

impl Wire {
    pub(super) fn connect(path: &Path) -> io::Result<Self> {
        let stream = UnixStream::connect(path)?;
        stream.set_read_timeout(Some(ANSWER_TIME))?;
        stream.set_write_timeout(Some(ANSWER_TIME))?;
        Ok(Self { stream, next_id: 0, inbox: Vec::with_capacity(2 * MESSAGE_BYTES), broken: None })
    }

    /// Why the connection is of no use any more.
    pub(super) fn broken(&self) -> Option<String> {
        self.broken.clone()
    }

    /// Remembers what broke the connection: one in which an answer was missed is out of step for good.
    fn note<T>(&mut self, result: Result<T, WireError>) -> Result<T, WireError> {
        if let Err(error) = &result
            && !matches!(error, WireError::Refused { .. })
        {
            self.broken.get_or_insert(error.to_string());
        }
        result
    }

    /// Sends a command that is not answered.
    pub(super) fn post(&mut self, request: Request, body: &[u8]) -> Result<(), WireError> {
        self.send(request, FLAG_NO_REPLY, body, &[]).map(drop)
    }

    /// Sends a command, and fills `answer` with what comes back behind the header; how many bytes that were.
    pub(super) fn call(
        &mut self,
        request: Request,
        body: &[u8],
        fds: &[BorrowedFd<'_>],
        answer: &mut [u8],
    ) -> Result<usize, WireError> {
        let id = self.send(request, 0, body, fds)?;
        let result = self.answer(request, id, answer);
        self.note(result)
    }

    fn send(&mut self, request: Request, flags: u32, body: &[u8], fds: &[BorrowedFd<'_>]) -> Result<u16, WireError> {
        if self.broken.is_some() {
            return Err(WireError::Gone);
        }
        let id = self.next_id;
        self.next_id = id.wrapping_add(1);
        let mut message = [0; HEADER_BYTES + 256];
        let bytes = HEADER_BYTES + body.len();
        message[0..2].copy_from_slice(&id.to_le_bytes());
        message[2..4].copy_from_slice(&(request as u16).to_le_bytes());
        message[4..8].copy_from_slice(&(bytes as u32).to_le_bytes());
        message[8..12].copy_from_slice(&flags.to_le_bytes());
        message[HEADER_BYTES..bytes].copy_from_slice(body);
        let result = self.write(&message[..bytes], fds).map_err(|source| failed(request, source));
        self.note(result).map(|()| id)
    }

    fn write(&self, mut message: &[u8], fds: &[BorrowedFd<'_>]) -> io::Result<()> {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut beside = SendAncillaryBuffer::new(&mut space);
        if !fds.is_empty() && !beside.push(SendAncillaryMessage::ScmRights(fds)) {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "more than one file descriptor with a message"));
        }
        while !message.is_empty() {
            match sendmsg(&self.stream, &[IoSlice::new(message)], &mut beside, SendFlags::NOSIGNAL) {
                Ok(sent) => {
                    message = &message[sent..];
                    beside.clear();
                }
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    fn answer(&mut self, request: Request, id: u16, answer: &mut [u8]) -> Result<usize, WireError> {
        loop {
            self.fill(request, HEADER_BYTES)?;
            let bytes = dword(&self.inbox, 4) as usize;
            if !(HEADER_BYTES..=MESSAGE_BYTES).contains(&bytes) {
                return Err(WireError::Answer {
                    request: request.to_string(),
                    found: format!("an answer of {bytes} bytes"),
                    expected: format!("{HEADER_BYTES} to {MESSAGE_BYTES}"),
                });
            }
            self.fill(request, bytes)?;
            let found = dword(&self.inbox, 0) as u16;
            let (is_error, error) = (dword(&self.inbox, 8) & FLAG_ERROR != 0, dword(&self.inbox, 12));
            let count = (bytes - HEADER_BYTES).min(answer.len());
            if found == id && !is_error {
                answer[..count].copy_from_slice(&self.inbox[HEADER_BYTES..HEADER_BYTES + count]);
            }
            self.inbox.drain(..bytes);
            match (found == id, is_error) {
                (true, true) => return Err(WireError::Refused { request: request.to_string(), error }),
                (true, false) => return Ok(count),
                // A posted command that was refused: lost, as on PCIe.
                (false, true) => {}
                (false, false) => {
                    return Err(WireError::Answer {
                        request: request.to_string(),
                        found: format!("an answer to message {found}"),
                        expected: format!("one to message {id}"),
                    });
                }
            }
        }
    }

    /// Reads until there are `bytes` bytes.
    fn fill(&mut self, request: Request, bytes: usize) -> Result<(), WireError> {
        let mut part = [0; MESSAGE_BYTES];
        while self.inbox.len() < bytes {
            match self.stream.read(&mut part) {
                Ok(0) => return Err(WireError::Gone),
                Ok(count) => self.inbox.extend_from_slice(&part[..count]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(failed(request, error)),
            }
        }
        Ok(())
    }
}

fn failed(request: Request, source: io::Error) -> WireError {
    match source.kind() {
        io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset => WireError::Gone,
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => WireError::Silent { request: request.to_string() },
        _ => WireError::Socket { request: request.to_string(), source },
    }
}
