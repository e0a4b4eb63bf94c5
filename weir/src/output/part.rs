//! A file that appears under its name when it is whole.

use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::OutputError;
use super::manifest::hex;
use super::pack::Packing;

/// A file under a temporary name, and later under its own.
pub(super) struct Part {
    /// Its path below the directory.
    pub(super) path: String,
    target: PathBuf,
    temporary: PathBuf,
    hasher: Sha256,
    packed: Option<String>,
    named: bool,
    kept: bool,
    /// Bytes written.
    pub(super) bytes: u64,
    /// Records in it.
    pub(super) records: u64,
}

impl Part {
    /// Begins the file `path` below `root`.
    pub(super) fn create(root: &Path, path: String) -> Result<(Self, File), OutputError> {
        let target = root.join(&path);
        if target.exists() {
            return Err(OutputError::InTheWay { path: target });
        }
        let temporary = temporary(&target);
        Self::begin(root, path, target, temporary)
    }

    /// Begins a file of the spool, where its folder's name says whether it is whole.
    pub(super) fn spooled(root: &Path, path: String) -> Result<(Self, File), OutputError> {
        let target = root.join(&path);
        Self::begin(root, path, target.clone(), target)
    }

    fn begin(root: &Path, path: String, target: PathBuf, temporary: PathBuf) -> Result<(Self, File), OutputError> {
        make_folder(root, &target)?;
        let file = File::create(&temporary).map_err(OutputError::file("create", &temporary))?;
        let (hasher, packed) = (Sha256::new(), None);
        let part = Self { path, target, temporary, hasher, packed, named: false, kept: false, bytes: 0, records: 0 };
        Ok((part, file))
    }

    /// Opens it again, to append to it.
    pub(super) fn reopen(&self) -> Result<File, OutputError> {
        let file = OpenOptions::new().append(true).open(&self.temporary);
        file.map_err(OutputError::file("open", &self.temporary))
    }

    /// Appends to it.
    pub(super) fn write(&mut self, file: &mut File, bytes: &[u8]) -> Result<(), OutputError> {
        file.write_all(bytes).map_err(OutputError::file("write", &self.target))?;
        self.hasher.update(bytes);
        self.bytes += bytes.len() as u64;
        Ok(())
    }

    /// It is whole: packs it, makes it lasting and gives it its name.
    pub(super) fn name(&mut self, packing: &Packing) -> Result<(), OutputError> {
        if packing.is_plain() {
            let file = File::open(&self.temporary).map_err(OutputError::file("open", &self.temporary))?;
            file.sync_all().map_err(OutputError::file("sync", &self.target))?;
        } else {
            let lines = self.temporary.with_extension("lines");
            fs::rename(&self.temporary, &lines).map_err(OutputError::file("create", &lines))?;
            let packed = packing.pack(&lines, &self.temporary);
            fs::remove_file(&lines).map_err(OutputError::file("remove", &lines))?;
            let packed = packed?;
            (self.bytes, self.packed) = (packed.bytes, Some(packed.sha256));
        }
        fs::rename(&self.temporary, &self.target).map_err(OutputError::file("create", &self.target))?;
        self.named = true;
        sync_folder(&self.target)
    }

    /// A manifest lists it: it stays.
    pub(super) fn keep(&mut self) {
        self.kept = true;
    }

    /// The hash of its bytes.
    pub(super) fn sha256(&self) -> String {
        self.packed.clone().unwrap_or_else(|| hex(&self.hasher.clone().finalize()))
    }
}

/// The name that a file has before it is whole.
pub(super) fn temporary(target: &Path) -> PathBuf {
    target.with_file_name(format!(".{}.tmp", target.file_name().unwrap_or_default().to_string_lossy()))
}

/// Makes the folder of a file, if there is none, and its name lasting up to `root`.
pub(super) fn make_folder(root: &Path, target: &Path) -> Result<(), OutputError> {
    let folder = target.parent().unwrap_or(root);
    if folder.is_dir() {
        return Ok(());
    }
    fs::create_dir_all(folder).map_err(OutputError::file("create the directory", folder))?;
    let mut above = folder;
    while above != root && above.parent().is_some() {
        sync_folder(above)?;
        above = above.parent().unwrap_or(root);
    }
    Ok(())
}

/// Makes the name of a file or folder lasting.
pub(super) fn sync_folder(target: &Path) -> Result<(), OutputError> {
    let folder = target.parent().unwrap_or(target);
    let synced = File::open(folder).and_then(|folder| folder.sync_all());
    synced.map_err(OutputError::file("sync", folder))
}

impl Drop for Part {
    /// What no manifest lists is taken away again.
    fn drop(&mut self) {
        if !self.kept {
            let _ = fs::remove_file(if self.named { &self.target } else { &self.temporary });
        }
    }
}
