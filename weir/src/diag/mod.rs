//! Diagnostics: what a NIC, its driver and its host look like, and what that means.
//!
//! ```text
//!   device ─┐
//!   sim ────┼─▶ Source ─▶ File (saved, or shown as it is) ─▶ regs, flows, rings, tables, counters, health ─▶ Answer
//!   dump ───┘                                              └▶ bundle
//! ```
//!
//! - Every view is a function of a [`File`]: a device, a simulation and a saved dump give the same text and the same
//!   JSON.
//! - Looking changes nothing but latched copies; only `regs::write` writes.

pub mod bundle;
pub mod counters;
pub mod device;
mod file;
pub mod flows;
mod grid;
pub mod health;
mod paint;
mod redact;
pub mod regs;
pub mod rings;
mod sim;
mod source;
pub mod tables;

use std::path::PathBuf;

use driver::dump::{MapHash, Presence};
use serde::Serialize;

pub use file::{File, HostDump, HostFlow, HostSide, LayerAnswer, MeterDump, PublishedDump};
pub use paint::Paint;
pub use redact::Redacted;
pub use sim::SimOptions;
pub use source::{Select, Source};

/// Why a diagnostic command fails.
#[derive(Debug, thiserror::Error)]
pub enum DiagError {
    /// Wrong usage.
    #[error("{0}")]
    Usage(String),
    /// A wrong configuration.
    #[error(transparent)]
    Config(#[from] crate::config::ConfigError),
    /// A capture.
    #[error(transparent)]
    Capture(#[from] ::sim::capture::CaptureError),
    /// A file that is to be read.
    #[error("{path}: {problem}", path = path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// A dump of another register map.
    #[error(
        "{path}: found a dump of the register map {found}, expected {}: names and fields may be others (--any-map \
         shows it all the same)", MapHash::OURS,
        path = path.display()
    )]
    Map {
        /// The file.
        path: PathBuf,
        /// Its map.
        found: MapHash,
    },
    /// A file that is to be written.
    #[error("cannot write {path}: {source}", path = path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The NIC cannot be reached.
    #[error(transparent)]
    Device(#[from] device::OpenError),
    /// No picture could be taken.
    #[error(transparent)]
    Torn(#[from] driver::dump::Torn),
    /// The simulated NIC, or its meter.
    #[error("{0}")]
    Simulation(String),
}

impl DiagError {
    /// The exit code.
    #[must_use]
    pub const fn code(&self) -> u8 {
        match self {
            Self::Usage(_) | Self::Config(_) | Self::Map { .. } => 2,
            Self::Capture(_) | Self::Read { .. } => 3,
            Self::Write { .. } => 4,
            Self::Device(_) | Self::Torn(_) | Self::Simulation(_) => 5,
        }
    }

    /// Wrong usage, from what was found and what is expected.
    pub(crate) fn usage(found: impl std::fmt::Display, expected: &str) -> Self {
        Self::Usage(format!("found {found}, expected {expected}"))
    }
}

/// What a command says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// For standard output.
    pub text: String,
    /// Beside it, for standard error: one line each.
    pub notes: Vec<String>,
    /// The exit code.
    pub code: u8,
}

/// Exit code of what was found not to be as it must be.
const WRONG: u8 = 1;
/// Exit code of a NIC that is gone or is none.
const NO_NIC: u8 = 5;

impl Answer {
    /// A text, with what is to be known of the file that it shows.
    #[must_use]
    pub fn of(file: &File, text: String) -> Self {
        let mut answer = Self { text, ..Self::default() };
        let magic = file.nic.value(firmware_abi::registers::offset::MAGIC).unwrap_or(0);
        match file.nic.presence {
            Presence::Present => {}
            Presence::Gone => {
                answer.code = NO_NIC;
                answer.notes.push("device gone? every read is all ones, also that of MAGIC".to_owned());
            }
            Presence::Foreign => {
                answer.code = NO_NIC;
                let expected = firmware_abi::MAGIC;
                answer.notes.push(format!("no flow-tally NIC: MAGIC reads {magic:#010x}, expected {expected:#010x}"));
            }
        }
        if file.nic.map_hash != MapHash::OURS {
            answer.notes.push(format!("a dump of the register map {}, not of {}", file.nic.map_hash, MapHash::OURS));
        }
        if let Some(moment) = file.nic.moment.filter(|moment| moment.skew.frames > 0 || moment.skew.commands > 0) {
            let skew = moment.skew;
            answer.notes.push(format!(
                "the NIC worked while it was read: {} frames and {} commands in {} ns",
                skew.frames, skew.commands, skew.ns
            ));
        }
        answer
    }

    /// One JSON value.
    #[must_use]
    pub fn json(file: &File, value: &impl Serialize) -> Self {
        Self::of(file, json(value))
    }

    /// Says that something is not as it must be, unless something worse is already said.
    #[must_use]
    pub fn wrong(mut self, is_wrong: bool) -> Self {
        self.code = if is_wrong { self.code.max(WRONG) } else { self.code };
        self
    }
}

/// A value as JSON, over several lines.
pub(crate) fn json(value: &impl Serialize) -> String {
    // Maps with text keys and numbers: there is nothing in it that JSON cannot hold.
    serde_json::to_string_pretty(value).unwrap_or_default() + "\n"
}

/// How a view is to be shown.
#[derive(Clone, Copy, Debug, Default)]
pub struct Show {
    /// As JSON.
    pub json: bool,
    /// Colours.
    pub paint: Paint,
}
