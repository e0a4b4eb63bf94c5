//! Why records cannot be written.

use std::io;
use std::path::{Path, PathBuf};

use flowlog::record::EniId;

/// Why records cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum OutputError {
    /// Whoever read standard output has closed it: no error to them.
    #[error("standard output was closed")]
    Closed,
    /// Standard output takes no more.
    #[error("cannot write to standard output: {0}")]
    Stdout(io::Error),
    /// A file or directory.
    #[error("cannot {what} {}: {source}", path.display())]
    File {
        /// What could not be done.
        what: &'static str,
        /// To which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The directory holds another run's records.
    #[error("{} exists: found another run's records, expected none; name another directory, or replace them with --overwrite", manifest.display())]
    Occupied {
        /// Its manifest.
        manifest: PathBuf,
    },
    /// The directory's manifest is not one that can be replaced.
    #[error("cannot replace what {} lists: {reason}", manifest.display())]
    NotReplaced {
        /// The manifest.
        manifest: PathBuf,
        /// Why.
        reason: String,
    },
    /// What waits for its way to the disk is too much.
    #[error("the spool is full: found more than {bytes} bytes")]
    SpoolFull {
        /// Its bound.
        bytes: u64,
    },
    /// A file of that name is there and no manifest lists it.
    #[error("{} exists: found a file that no manifest lists, expected none", path.display())]
    InTheWay {
        /// The file.
        path: PathBuf,
    },
    /// Only files can be compressed or Parquet.
    #[error(
        "the records of {eni} go to standard output: found Parquet or compression, expected a directory (--output)"
    )]
    NoStdout {
        /// The ENI.
        eni: EniId,
    },
    /// Two flow logs write one ENI's records to one directory.
    #[error("two flow logs write the records of {eni} to {}, expected one", path.display())]
    Shared {
        /// The ENI.
        eni: EniId,
        /// The directory.
        path: PathBuf,
    },
}

impl OutputError {
    /// From an error of standard output.
    #[must_use]
    pub fn stdout(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe { Self::Closed } else { Self::Stdout(error) }
    }

    /// For `map_err`.
    pub(crate) fn file(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |source| Self::File { what, path, source }
    }
}
