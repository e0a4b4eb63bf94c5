//! The stage of a simulated NIC: BAR4, through which its traffic and its time are moved.
//!
//! ```text
//!   host   RUN until t ─▶ poll ─▶ GO_ON ─▶ … ─▶ IDLE ─▶ ADVANCE until t ─▶ …
//!   NIC                 │ interrupt: time stands still until GO_ON
//! ```
//!
//! A real card has none. A NIC process that serves traffic in step with its host (`--speed host`) does nothing
//! until it is told to, and stops at every interrupt until the host has come: so a replay through
//! another process, or through a guest's VFIO, gives the bytes that one in this process gives. Reading
//! has no side effect. A command that is written while another is at work is ignored.

use crate::regio::RegIo;
use std::fmt;

/// The letters WSTG.
pub const MAGIC: u32 = 0x5753_5447;
/// Of this layout.
pub const VERSION: u32 = 1;
/// MSI-X and all others have BARs of their own.
pub const BAR: usize = 4;

/// Offsets of the registers, each of 32 bits; a pair has the low half first.
pub mod offset {
    /// Reads [`super::MAGIC`].
    pub const MAGIC: u32 = 0x00;
    /// Reads [`super::VERSION`].
    pub const VERSION: u32 = 0x04;
    /// Reads a [`super::State`].
    pub const STATE: u32 = 0x08;
    /// Takes a [`super::Command`].
    pub const COMMAND: u32 = 0x0c;
    /// Argument of a command: Unix ns.
    pub const UNTIL: u32 = 0x10;
    /// The NIC's time, Unix ns.
    pub const NOW: u32 = 0x18;
    /// The time of the next frame, Unix ns; all ones when there is none.
    pub const NEXT: u32 = 0x20;
    /// Frames that crossed an ENI.
    pub const FRAMES: u32 = 0x28;
    /// Frames that crossed none.
    pub const UNCLAIMED: u32 = 0x30;
    /// 1 when the source of the frames has ended before its time.
    pub const DAMAGED: u32 = 0x38;
}

/// What a NIC's traffic is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum State {
    /// It flows by a clock, whatever the host does.
    Live = 0,
    /// It waits for a command.
    Idle = 1,
    /// A command is at work.
    Running = 2,
    /// A command is at work, and stands still until [`Command::GoOn`].
    Interrupted = 3,
}

/// What a host may ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Command {
    /// Sends the frames before UNTIL.
    Run = 1,
    /// Lets time pass up to UNTIL.
    Advance = 2,
    /// As [`Self::Advance`], without a window turning on the way.
    Sleep = 3,
    /// The host has come.
    GoOn = 4,
}

impl Command {
    /// The command of these bits.
    #[must_use]
    pub const fn from_bits(bits: u32) -> Option<Self> {
        match bits {
            1 => Some(Self::Run),
            2 => Some(Self::Advance),
            3 => Some(Self::Sleep),
            4 => Some(Self::GoOn),
            _ => None,
        }
    }
}

/// Why a stage cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StageError {
    /// What answers is no stage, or a later one.
    #[error("no stage: BAR4 reads {magic:#010x}, version {version}; expected {MAGIC:#010x}, version {VERSION}")]
    Unknown {
        /// What MAGIC reads.
        magic: u32,
        /// What VERSION reads.
        version: u32,
    },
    /// STATE reads something else.
    #[error("the stage's state reads {found:#x}, expected 0 to 3")]
    State {
        /// What was read.
        found: u32,
    },
    /// The traffic flows by a clock.
    #[error("the NIC's traffic flows by its own clock, expected a NIC that is served with `--speed host`")]
    NotInStep,
    /// A command does not come to its end.
    #[error("the NIC has not ended the stage's {command:?} after {polls} polls")]
    Stalled {
        /// The command.
        command: Command,
        /// How often it was asked.
        polls: u32,
    },
    /// Every read is all ones.
    #[error("the NIC is gone: every read gives all ones")]
    Gone,
}

/// A host's handle of the stage.
#[derive(Clone, Copy)]
pub struct Stage<'a, I> {
    io: &'a I,
}

impl<I> fmt::Debug for Stage<'_, I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Stage")
    }
}

impl<'a, I: RegIo> Stage<'a, I> {
    /// The stage behind `io`, which reaches BAR4.
    ///
    /// # Errors
    /// When there is none.
    pub fn new(io: &'a I) -> Result<Self, StageError> {
        match (io.load(offset::MAGIC), io.load(offset::VERSION)) {
            (MAGIC, VERSION) => Ok(Self { io }),
            (u32::MAX, u32::MAX) => Err(StageError::Gone),
            (magic, version) => Err(StageError::Unknown { magic, version }),
        }
    }

    fn wide(&self, at: u32) -> u64 {
        u64::from(self.io.load(at + 4)) << 32 | u64::from(self.io.load(at))
    }

    /// What the traffic is doing.
    ///
    /// # Errors
    /// When the NIC is gone or answers nonsense.
    pub fn state(&self) -> Result<State, StageError> {
        match self.io.load(offset::STATE) {
            0 => Ok(State::Live),
            1 => Ok(State::Idle),
            2 => Ok(State::Running),
            3 => Ok(State::Interrupted),
            u32::MAX => Err(StageError::Gone),
            found => Err(StageError::State { found }),
        }
    }

    /// Gives a command, up to `until_ns` where that means something.
    pub fn command(&self, command: Command, until_ns: u64) {
        self.io.store(offset::UNTIL, until_ns as u32);
        self.io.store(offset::UNTIL + 4, (until_ns >> 32) as u32);
        self.io.store(offset::COMMAND, command as u32);
    }

    /// The host has come: time goes on.
    pub fn go_on(&self) {
        self.io.store(offset::COMMAND, Command::GoOn as u32);
    }

    /// The NIC's time, Unix ns; steady while it waits for the host.
    #[must_use]
    pub fn now_ns(&self) -> u64 {
        self.wide(offset::NOW)
    }

    /// The time of the next frame, Unix ns.
    #[must_use]
    pub fn next_ns(&self) -> Option<u64> {
        Some(self.wide(offset::NEXT)).filter(|next| *next != u64::MAX)
    }

    /// Frames that crossed an ENI, and frames that crossed none.
    #[must_use]
    pub fn frames(&self) -> (u64, u64) {
        (self.wide(offset::FRAMES), self.wide(offset::UNCLAIMED))
    }

    /// Whether the source of the frames has ended before its time.
    #[must_use]
    pub fn is_damaged(&self) -> bool {
        self.io.load(offset::DAMAGED) != 0
    }
}
