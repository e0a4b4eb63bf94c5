//! The NIC as a process of its own: a vfio-user server, for a driver on this machine or a virtual machine.
//!
//! ```text
//!   client ─ socket ─▶ socket's thread ─ messages ─▶ this thread: Function ─▶ Card ─▶ client's memory, eventfds
//!                                     ◀─ answers ──                           ▲
//!                                                          traffic: Playback ─┘ by the clock, or in step with the host
//! ```
//!
//! The NIC outlives its clients: when one dies, forwarding and counting go on, and the next one finds it as it is.
//! See [`driver::stage`] for how a host moves its traffic.

mod config;
mod function;
mod link;
mod socket;

use crate::capture::CaptureError;
use crate::frames::FrameBatch;
use crate::playback::Playback;
use driver::regio::RegIo;
use driver::stage::{Command, State};
use firmware_abi::registers::Control;
use firmware_abi::ring::RingId;
use link::{Left, Link};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How traffic and time move.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pace {
    /// By a clock: so many times the traffic's own.
    Clock(f64),
    /// As fast as the NIC takes it.
    Free,
    /// In step with the host, which moves both.
    Host,
}

/// Where frames come from: appends some to an empty batch; false when there are none any more.
pub type Source = Box<dyn FnMut(&mut FrameBatch) -> Result<bool, CaptureError>>;

/// What happens to a NIC that is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A client has come.
    Came,
    /// It has gone; what it gave stays.
    Went,
    /// The function was reset.
    Reset,
    /// The NIC reached for memory that is not mapped: how often by now, and where last.
    Fault {
        /// Accesses, since power-on.
        count: u64,
        /// The last one's address.
        iova: u64,
        /// And its bytes.
        bytes: usize,
    },
    /// All traffic was sent.
    TrafficOver,
}

/// Why a NIC cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Another process serves there.
    #[error("{path}: found another NIC that is served there, expected a path that is free", path = path.display())]
    InUse {
        /// The socket.
        path: PathBuf,
    },
    /// The socket.
    #[error("cannot serve on {path}: {source}", path = path.display())]
    Socket {
        /// The socket.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// From the NIC's first command, by which a driver enables an ENI, to its first frame: as a link takes its time to come up.
const LINK_UP: Duration = Duration::from_millis(50);
/// The longest that the clock sleeps.
const NAP: Duration = Duration::from_millis(1);

/// Listens at `path`. A socket that a dead process left there is replaced.
///
/// # Errors
/// When another process serves there, or there can be no socket.
pub fn listen(path: &Path) -> Result<OwnedFd, ServeError> {
    let failed = |source| ServeError::Socket { path: path.to_owned(), source };
    let is_socket = std::fs::symlink_metadata(path)
        .is_ok_and(|found| std::os::unix::fs::FileTypeExt::is_socket(&found.file_type()));
    if is_socket {
        match UnixStream::connect(path) {
            Ok(_) => return Err(ServeError::InUse { path: path.to_owned() }),
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                std::fs::remove_file(path).map_err(failed)?;
            }
            Err(error) => return Err(failed(error)),
        }
    }
    UnixListener::bind(path).map(OwnedFd::from).map_err(failed)
}

/// A NIC that is served.
pub struct Service {
    link: Link,
    playback: Playback,
    source: Source,
    batch: FrameBatch,
    next: usize,
    pace: Pace,
}

impl Service {
    /// Serves the card of `playback` on the socket `listener`, with traffic from `source`. With `once`, until the first
    /// client goes. `told` hears what happens.
    ///
    /// # Errors
    /// When there is no thread for the socket.
    pub fn new(
        listener: OwnedFd,
        playback: Playback,
        source: Source,
        pace: Pace,
        once: bool,
        told: Box<dyn FnMut(Event)>,
    ) -> io::Result<Self> {
        let ends = socket::listen(listener)?;
        let card = std::rc::Rc::clone(playback.card());
        let state = if pace == Pace::Host { State::Idle } else { State::Live };
        let link = Link::new(card, ends, state, once, told);
        Ok(Self { link, playback, source, batch: FrameBatch::new(), next: 0, pace })
    }

    /// Runs until the client of a service for one goes, or the source of the frames fails: that is answered.
    pub fn run(&mut self) -> Option<CaptureError> {
        let mut damage = self.refill().err();
        self.link.set_damaged(damage.is_some());
        let ended = match self.pace {
            Pace::Host => self.serve_host(&mut damage),
            Pace::Clock(_) | Pace::Free => self.serve_live(&mut damage),
        };
        let Err(Left) = ended;
        damage
    }

    /// What the traffic has come to.
    #[must_use]
    pub fn playback(&self) -> &Playback {
        &self.playback
    }

    /// Sees to it that there is a next frame, if there is any.
    fn refill(&mut self) -> Result<(), CaptureError> {
        let mut result = Ok(());
        while self.next >= self.batch.len() && !self.link.is_over() {
            self.batch.clear();
            self.next = 0;
            match (self.source)(&mut self.batch) {
                Ok(true) => {}
                Ok(false) => self.link.set_next(None),
                Err(error) => {
                    self.link.set_next(None);
                    result = Err(error);
                }
            }
        }
        if let Some(frame) = self.batch.get(self.next) {
            self.link.set_next(Some(frame.time_ns));
        }
        result
    }

    /// Sends some of the frames before `until_ns`; whether there were any.
    fn send(
        &mut self,
        until_ns: u64,
        damage: &mut Option<CaptureError>,
        host: fn(&mut Link) -> Result<(), Left>,
    ) -> Result<bool, Left> {
        if self.batch.get(self.next).is_none_or(|frame| frame.time_ns >= until_ns) {
            return Ok(false);
        }
        let (link, mut ready) = (&mut self.link, Vec::with_capacity(crate::playback::BATCH));
        self.next = self.playback.send(&self.batch, self.next, until_ns, &mut ready, |_| host(link))?;
        link.set_counts(self.playback.frames(), self.playback.unclaimed());
        if let Err(error) = self.refill() {
            self.link.set_damaged(true);
            *damage = Some(error);
        }
        Ok(true)
    }

    /// In step with the host.
    fn serve_host(&mut self, damage: &mut Option<CaptureError>) -> Result<std::convert::Infallible, Left> {
        loop {
            let (command, until_ns) = self.link.wait_for_command()?;
            match command {
                Command::Run => while self.send(until_ns, damage, Link::wait_for_host)? {},
                Command::Advance => self.playback.advance(until_ns, |_| self.link.wait_for_host())?,
                Command::Sleep => self.playback.card().sleep(until_ns),
                Command::GoOn => {}
            }
        }
    }

    /// By a clock, or without one.
    fn serve_live(&mut self, damage: &mut Option<CaptureError>) -> Result<std::convert::Infallible, Left> {
        loop {
            self.wait_for_link()?;
            let begin_ns = self.playback.card().now_ns();
            let first_ns = self.batch.get(self.next).map_or(begin_ns, |frame| frame.time_ns);
            let shift_ns = begin_ns.wrapping_sub(first_ns);
            self.playback.set_shift_ns(shift_ns);
            let begin = Instant::now();
            while self.is_enabled() {
                let elapsed_ns = match self.pace {
                    Pace::Clock(speed) => (begin.elapsed().as_nanos() as f64 * speed) as u64,
                    Pace::Free | Pace::Host => u64::MAX >> 1,
                };
                self.link.serve_pending()?;
                let now_ns = begin_ns.saturating_add(elapsed_ns);
                if self.send(now_ns.wrapping_sub(shift_ns), damage, |_| Ok(()))? {
                    continue;
                }
                if matches!(self.pace, Pace::Clock(_)) {
                    self.playback.advance(now_ns, |_| Ok::<(), Left>(()))?;
                }
                self.link.serve_for(NAP)?;
            }
        }
    }

    fn is_enabled(&self) -> bool {
        Control(self.link.io().read(|r| &r.control)).enable()
    }

    /// Waits until the NIC is enabled and has been given a command, and a link would be up.
    fn wait_for_link(&mut self) -> Result<(), Left> {
        let mut up = None;
        loop {
            self.link.serve_for(NAP)?;
            if !self.is_enabled() || self.link.io().ring(RingId::Command).consumer() == 0 {
                up = None;
            } else if up.get_or_insert_with(Instant::now).elapsed() >= LINK_UP {
                return Ok(());
            }
        }
    }
}
