//! A directory of records that outlives the process which writes it: windows go into it from the spool.
//!
//! A window's files get their names when they are whole and lasting, and then the manifest gets its line. A process
//! that dies in between leaves files that no line lists; the window comes again, and they are found to be its own.

use std::fs;
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::thread;

use super::OutputError;
use super::manifest::{FileLine, Line, Manifest, StreamLine};
use super::pack::{Packing, hash_of};
use super::part::{make_folder, sync_folder, temporary};
use super::spool::Waiting;

/// Names that are tried for a file.
const NAMES_MAX: u32 = 1000;
/// Files that are written at a time.
const WRITERS: usize = 8;

/// A directory of records.
#[derive(Debug)]
pub struct Archive {
    root: PathBuf,
    manifest: Manifest,
    last: Option<Line>,
}

impl Archive {
    /// The archive in the directory `root`, which exists; what is in it is gone on from.
    ///
    /// # Errors
    /// When its manifest cannot be read or is none of Weir's.
    pub fn open(root: &Path) -> Result<Self, OutputError> {
        let (manifest, last) = Manifest::resume(root)?;
        Ok(Self { root: root.to_owned(), manifest, last })
    }

    /// Takes in the window in the folder `from`; its line, or none if it was in it already.
    ///
    /// # Errors
    /// When it cannot be written: it may be tried again.
    pub fn take(&mut self, from: &Path, waiting: &Waiting) -> Result<Option<Line>, OutputError> {
        let mut line = waiting.line.clone();
        let bounds = |line: &Line| (line.start_ns, line.end_ns);
        if self.last.as_ref().map(bounds) == Some(bounds(&line)) {
            return Ok(None);
        }
        line.window = self.last.as_ref().map_or(0, |last| last.window + 1);
        line.brought_up = self.last.is_some() && waiting.since_bring_up == 0;
        self.place_all(from, &mut line.streams)?;
        let line = self.manifest.append(line)?;
        self.last = Some(line.clone());
        Ok(Some(line))
    }

    /// Copies all files, some at a time: a disk makes several of them last as fast as one.
    fn place_all(&self, from: &Path, streams: &mut [StreamLine]) -> Result<(), OutputError> {
        let share = streams.len().div_ceil(WRITERS).max(1);
        thread::scope(|scope| {
            let mut writers = Vec::with_capacity(WRITERS);
            for streams in streams.chunks_mut(share) {
                let write = || streams.iter_mut().try_for_each(|stream| self.place_stream(from, stream));
                let writer = thread::Builder::new().name("writer".to_owned()).spawn_scoped(scope, write);
                writers.push(writer.map_err(OutputError::file("start a thread that writes to", &self.root))?);
            }
            let joined = writers.into_iter().map(|writer| writer.join().unwrap_or_else(|panic| resume_unwind(panic)));
            joined.collect()
        })
    }

    fn place_stream(&self, from: &Path, stream: &mut StreamLine) -> Result<(), OutputError> {
        let bad = |error| OutputError::file("read the field list of", from)(std::io::Error::other(error));
        let packing = stream.packing().map_err(bad)?;
        for file in &mut stream.files {
            self.place(from, &packing, file)?;
            sync_folder(&self.root.join(&file.path))?;
        }
        Ok(())
    }

    /// Brings a file here, packed, and says in `file` what it is now.
    fn place(&self, from: &Path, packing: &Packing, file: &mut FileLine) -> Result<(), OutputError> {
        let (source, path) = (from.join(&file.path), self.root.join(&file.path));
        make_folder(&self.root, &path)?;
        let temporary = temporary(&path);
        let packed = packing.pack(&source, &temporary)?;
        if packed.lines_sha256 != file.sha256 {
            let message = format!("found the SHA-256 {}, expected {}", packed.lines_sha256, file.sha256);
            return Err(OutputError::file("copy", &source)(std::io::Error::other(message)));
        }
        (file.bytes, file.sha256) = (packed.bytes, packed.sha256);
        let (folder, name) = file.path.rsplit_once('/').unwrap_or(("", &file.path));
        let (stem, extension) = name.split_once('.').unwrap_or((name, ""));
        for number in 1..=NAMES_MAX {
            let name = if number == 1 { file.path.clone() } else { format!("{folder}/{stem}-again{number}.{extension}") };
            let path = self.root.join(&name);
            let is_there = path.exists();
            if is_there && hash_of(&path).is_ok_and(|(_, found)| found == file.sha256) {
                fs::remove_file(&temporary).map_err(OutputError::file("remove", &temporary))?;
            } else if is_there {
                continue;
            } else {
                fs::rename(&temporary, &path).map_err(OutputError::file("create", &path))?;
            }
            file.path = name;
            return Ok(());
        }
        Err(OutputError::InTheWay { path })
    }
}

#[cfg(test)]
mod tests {
    use super::super::manifest::{self, Written};
    use super::super::spool::{self, Spool};
    use super::*;
    use crate::output::{Compression, Format};
    use std::fs::OpenOptions;
    use std::io::Write as _;

    const ENI: &str = "eni-00000000";

    /// A window of a second with one file, in the spool.
    fn spooled(spool: &Spool, target: &Path, second: u64, text: &str) {
        let path = format!("{ENI}/{second}.log");
        let eni = ENI.parse().expect("an ENI");
        let file = FileLine {
            path: path.clone(),
            records: 1,
            bytes: text.len() as u64,
            sha256: manifest::hash(text.as_bytes()),
        };
        let stream = StreamLine {
            eni,
            flow_log: "fl-all".to_owned(),
            format: Format::Text,
            compression: Compression::None,
            fields: "version".to_owned(),
            header: false,
            filtered: false,
            written: Written::default(),
            files: vec![file],
        };
        let (start_ns, end_ns) = (second * 1_000_000_000, (second + 1) * 1_000_000_000);
        let line = Line {
            window: 0,
            brought_up: false,
            start: String::new(),
            end: String::new(),
            start_ns,
            end_ns,
            conservation: Vec::new(),
            streams: vec![stream],
            previous: String::new(),
            seal: String::new(),
        };
        let pending = spool.begin().expect("the spool");
        fs::create_dir(pending.folder.join(ENI)).expect("the spool");
        fs::write(pending.folder.join(path), text).expect("the spool");
        let bytes = text.len() as u64;
        let waiting = Waiting { target: target.to_owned(), since_bring_up: second, left_out: false, bytes, line };
        spool.seal(&pending, &waiting).expect("the spool");
    }

    /// Takes in all that waits, as a process does that is new each time; the numbers of the windows that were new.
    fn take_all(spool: &Spool, root: &Path) -> Vec<u64> {
        let mut taken = Vec::new();
        for (_, path) in spool.waiting().expect("the spool") {
            let waiting = spool::read(&path).expect("the spool");
            let line = Archive::open(root).and_then(|mut archive| archive.take(&path, &waiting)).expect("the archive");
            taken.extend(line.map(|line| line.window));
            spool.remove(&path, &waiting).expect("the spool");
        }
        taken
    }

    #[test]
    fn windows_that_come_again_are_kept_once_and_half_a_line_is_taken_away() {
        let base = std::env::temp_dir().join(format!("weir-archive-{}", std::process::id()));
        let root = base.join("records");
        fs::create_dir_all(&root).expect("a folder");
        let spool = Spool::open(&base.join("spool"), 1000).expect("a spool");
        spooled(&spool, &root, 5, "a");
        spooled(&spool, &root, 6, "b");
        // A process died before it could take it out of the spool, or the meter published it again.
        spooled(&spool, &root, 6, "b");
        assert_eq!((spool.windows(), spool.bytes()), (3, 3));
        assert_eq!(take_all(&spool, &root), [0, 1]);
        assert_eq!((spool.windows(), spool.bytes()), (0, 0));
        let path = root.join(manifest::NAME);
        let whole = fs::read(&path).expect("the manifest");
        // A process died while it wrote a line: the window's file is there.
        let mut torn = OpenOptions::new().append(true).open(&path).expect("the manifest");
        torn.write_all(&whole[..40]).expect("the manifest");
        fs::write(root.join(format!("{ENI}/7.log")), "c").expect("a file");
        spooled(&spool, &root, 7, "c");
        let spool = Spool::open(&base.join("spool"), 1000).expect("a spool");
        assert_eq!((spool.windows(), spool.bytes()), (1, 1));
        assert_eq!(take_all(&spool, &root), [2]);
        // A file of that name, with other bytes, is another window's.
        fs::write(root.join(format!("{ENI}/8.log")), "x").expect("a file");
        spooled(&spool, &root, 8, "d");
        assert_eq!(take_all(&spool, &root), [3]);
        assert_eq!(fs::read(root.join(format!("{ENI}/8-again2.log"))).expect("a file"), b"d");
        let checked = fs::read_to_string(&path).expect("the manifest");
        assert!(checked.as_bytes().starts_with(&whole) && checked.lines().count() == 4, "{checked}");
        let _ = fs::remove_dir_all(&base);
    }
}
