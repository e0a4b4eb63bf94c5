//! Where a daemon keeps what.
//!
//! ```text
//!   STATE  lasts        records/       the directory of records
//!   RUN    until the host restarts, in memory
//!          arena…/      the driver's memory, which the NIC shares
//!          spool/       windows on their way to STATE
//!          api.sock     the control API
//!          nic.sock, nic.pid, guests.toml   the simulated NIC of a daemon without a configuration
//! ```

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};

use crate::output::manifest::hash;

/// Why a daemon has no home.
#[derive(Debug, thiserror::Error)]
pub enum HomeError {
    /// A folder.
    #[error("cannot {what} {path}: {source}", path = path.display())]
    Folder {
        /// What could not be done.
        what: &'static str,
        /// To which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Another user's.
    #[error("{path}: found a folder of user {found}, expected one of user {expected}", path = path.display())]
    Foreign {
        /// The folder.
        path: PathBuf,
        /// Whose it is.
        found: u32,
        /// Who runs this.
        expected: u32,
    },
    /// Another daemon runs there.
    #[error("another daemon works in {path}, expected none; name another folder with --state", path = path.display())]
    InUse {
        /// The folder.
        path: PathBuf,
    },
}

/// The folders of a daemon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Home {
    /// What lasts.
    pub state: PathBuf,
    /// What the next process goes on from.
    pub run: PathBuf,
}

/// Who holds this has the home for itself.
#[derive(Debug)]
pub struct Lock(#[expect(dead_code, reason = "held, not read: closing it ends the lock")] File);

fn folder_of(variable: &str) -> Option<PathBuf> {
    std::env::var_os(variable).filter(|value| !value.is_empty()).map(PathBuf::from)
}

impl Home {
    /// The home with this state, and memory in `run`; or what systemd gives, or the user's own.
    #[must_use]
    pub fn new(state: Option<&Path>, run: Option<&Path>) -> Self {
        let own = || {
            let base = folder_of("XDG_STATE_HOME").or_else(|| Some(folder_of("HOME")?.join(".local/state")));
            base.unwrap_or_default().join("weir")
        };
        let given = state.map(Path::to_owned).or_else(|| folder_of("STATE_DIRECTORY")).unwrap_or_else(own);
        let state = std::path::absolute(&given).unwrap_or(given);
        let in_memory = || {
            let user = rustix::process::geteuid().as_raw();
            let name = hash(state.as_os_str().as_encoded_bytes());
            PathBuf::from(format!("/dev/shm/weir-{user}")).join(&name[..12])
        };
        let run = run.map(Path::to_owned).or_else(|| folder_of("RUNTIME_DIRECTORY")).unwrap_or_else(in_memory);
        Self { state, run }
    }

    /// Makes the folders, and takes them for this process alone.
    ///
    /// # Errors
    /// When they cannot be used, or another daemon does.
    pub fn open(&self) -> Result<Lock, HomeError> {
        for path in [&self.state, &self.run] {
            let failed = |what| move |source| HomeError::Folder { what, path: path.clone(), source };
            DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(failed("create the directory"))?;
            let (found, expected) =
                (fs::metadata(path).map_err(failed("open"))?.uid(), rustix::process::geteuid().as_raw());
            if found != expected {
                return Err(HomeError::Foreign { path: path.clone(), found, expected });
            }
        }
        let path = self.run.join("lock");
        let failed = |source| HomeError::Folder { what: "open", path: path.clone(), source };
        let file =
            OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&path).map_err(failed)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Lock(file)),
            Err(rustix::io::Errno::WOULDBLOCK) => Err(HomeError::InUse { path: self.run.clone() }),
            Err(error) => Err(failed(error.into())),
        }
    }

    /// The directory of records.
    #[must_use]
    pub fn records(&self) -> PathBuf {
        self.state.join("records")
    }

    /// Windows on their way to the disk.
    #[must_use]
    pub fn spool(&self) -> PathBuf {
        self.run.join("spool")
    }

    /// The socket of the control API.
    #[must_use]
    pub fn api(&self) -> PathBuf {
        self.run.join("api.sock")
    }

    /// The driver's memory of the NIC that is called `name`.
    #[must_use]
    pub fn arena(&self, name: &str) -> PathBuf {
        self.run.join(format!("arena-{}", &hash(name.as_bytes())[..12]))
    }
}
