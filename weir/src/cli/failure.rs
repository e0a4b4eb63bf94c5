//! Why a command fails, and the exit code that says so.

use std::error::Error;
use std::io::IsTerminal as _;

use sim::capture::CaptureError;

use crate::check::CheckError;
use crate::config::ConfigError;
use crate::diag::DiagError;
use crate::meter::MeterError;
use crate::output::OutputError;
use crate::replay::ReplayError;

/// Why a command fails.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// Packets or bytes are missing or doubled.
    #[error(
        "CONSERVATION IS BROKEN: {broken} equations have a residual. What crossed the NIC is not \
         what was logged plus what was skipped; this must never happen, please report it"
    )]
    Conservation {
        /// Equations that do not hold.
        broken: u64,
    },
    /// A directory of records is not what was written.
    #[error(transparent)]
    Check(CheckError),
    /// Wrong usage.
    #[error("{0}")]
    Usage(String),
    /// A wrong configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A capture.
    #[error(transparent)]
    Capture(#[from] CaptureError),
    /// A capture of another process.
    #[error("the NIC's traffic ended early: what serves it says why")]
    CutShort,
    /// Records or other output.
    #[error(transparent)]
    Output(#[from] OutputError),
    /// Records are not on disk yet.
    #[error("{0}")]
    Undelivered(String),
    /// The NIC cannot be reached.
    #[error("{0}")]
    Device(String),
    /// A diagnostic command.
    #[error(transparent)]
    Diagnosis(#[from] DiagError),
    /// A diagnostic command has said all there is to say.
    #[error("")]
    Found {
        /// The exit code that says it as well.
        code: u8,
    },
    /// The NIC, its driver, or the meter.
    #[error(transparent)]
    Replay(ReplayError<OutputError>),
}

impl Failure {
    /// Wrong usage, from any error.
    pub(super) fn usage(error: impl std::fmt::Display) -> Self {
        Self::Usage(error.to_string())
    }

    /// A NIC that cannot be reached, from any error.
    #[cfg(feature = "pci")]
    pub(super) fn device(error: impl std::fmt::Display) -> Self {
        Self::Device(error.to_string())
    }

    /// The exit code.
    #[must_use]
    pub fn code(&self) -> u8 {
        match self {
            Self::Output(OutputError::Closed) => 0,
            Self::Conservation { .. } | Self::Replay(ReplayError::Diverged(_)) => 1,
            Self::Check(CheckError::Read { .. }) => 4,
            Self::Check(_) => 1,
            Self::Usage(_) | Self::Config(_) | Self::Output(OutputError::NoStdout { .. }) => 2,
            Self::Capture(_) | Self::CutShort => 3,
            Self::Output(_) | Self::Undelivered(_) => 4,
            Self::Replay(ReplayError::Policy(_) | ReplayError::PolicyChange(_) | ReplayError::Body(_)) => 2,
            Self::Device(_) | Self::Replay(_) => 5,
            Self::Diagnosis(error) => error.code(),
            Self::Found { code } => *code,
        }
    }

    /// What to tell the user; nothing when it is no error to them.
    #[must_use]
    pub fn message(&self) -> Option<String> {
        if self.code() == 0 || matches!(self, Self::Found { .. }) {
            return None;
        }
        let mut message = self.to_string();
        // Only these keep their reasons to themselves.
        let mut cause = if let Self::Replay(error) = self { error.source() } else { None };
        while let Some(error) = cause {
            let reason = error.to_string();
            if !message.ends_with(&reason) {
                message = format!("{message}: {reason}");
            }
            cause = error.source();
        }
        Some(message)
    }
}

impl From<ReplayError<OutputError>> for Failure {
    fn from(error: ReplayError<OutputError>) -> Self {
        match error {
            ReplayError::Meter(MeterError::Sink(error)) => Self::Output(error),
            error => Self::Replay(error),
        }
    }
}

/// What stands before every message, in colour where that is wanted.
pub(super) fn label() -> String {
    let colour = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    if colour { "\u{1b}[1;31mweir: error:\u{1b}[0m ".to_owned() } else { "weir: error: ".to_owned() }
}
