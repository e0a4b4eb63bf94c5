//! A file that appears under its name when it is whole.

use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::OutputError;
use super::manifest::hex;

/// A file under a temporary name, and later under its own.
pub(super) struct Part {
    path: PathBuf,
    temporary: PathBuf,
    hasher: Sha256,
    named: bool,
    kept: bool,
    /// Bytes written.
    pub(super) bytes: u64,
    /// Records in it.
    pub(super) records: u64,
}

impl Part {
    /// Begins the file `folder/name`.
    pub(super) fn create(folder: &Path, name: &str) -> Result<(Self, File), OutputError> {
        let path = folder.join(name);
        if path.exists() {
            return Err(OutputError::InTheWay { path });
        }
        let temporary = folder.join(format!(".{name}.tmp"));
        let file = File::create(&temporary).map_err(OutputError::file("create", &temporary))?;
        let part = Self { path, temporary, hasher: Sha256::new(), named: false, kept: false, bytes: 0, records: 0 };
        Ok((part, file))
    }

    /// Begins a file of the spool, where its folder's name says whether it is whole.
    pub(super) fn spooled(folder: &Path, name: &str) -> Result<(Self, File), OutputError> {
        fs::create_dir_all(folder).map_err(OutputError::file("create the directory", folder))?;
        let path = folder.join(name);
        let file = File::create(&path).map_err(OutputError::file("create", &path))?;
        let temporary = path.clone();
        let part = Self { path, temporary, hasher: Sha256::new(), named: false, kept: false, bytes: 0, records: 0 };
        Ok((part, file))
    }

    /// Opens it again, to append to it.
    pub(super) fn reopen(&self) -> Result<File, OutputError> {
        let file = OpenOptions::new().append(true).open(&self.temporary);
        file.map_err(OutputError::file("open", &self.temporary))
    }

    /// Appends to it.
    pub(super) fn write(&mut self, file: &mut File, bytes: &[u8]) -> Result<(), OutputError> {
        file.write_all(bytes).map_err(OutputError::file("write", &self.path))?;
        self.hasher.update(bytes);
        self.bytes += bytes.len() as u64;
        Ok(())
    }

    /// It is whole: makes it lasting and gives it its name.
    pub(super) fn name(&mut self) -> Result<(), OutputError> {
        let file = File::open(&self.temporary).map_err(OutputError::file("open", &self.temporary))?;
        file.sync_all().map_err(OutputError::file("sync", &self.path))?;
        fs::rename(&self.temporary, &self.path).map_err(OutputError::file("create", &self.path))?;
        self.named = true;
        Ok(())
    }

    /// A manifest lists it: it stays.
    pub(super) fn keep(&mut self) {
        self.kept = true;
    }

    /// Its name, without the folder.
    pub(super) fn file_name(&self) -> String {
        self.path.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// The hash of its bytes.
    pub(super) fn sha256(&self) -> String {
        hex(&self.hasher.clone().finalize())
    }
}

impl Drop for Part {
    /// What no manifest lists is taken away again.
    fn drop(&mut self) {
        if !self.kept {
            let _ = fs::remove_file(if self.named { &self.path } else { &self.temporary });
        }
    }
}
