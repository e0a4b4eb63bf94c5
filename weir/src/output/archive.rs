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
use super::retention::{Keep, Removed, Segments};
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
    segments: Segments,
    last: Option<Line>,
    /// The number of the next window.
    next: u64,
}

impl Archive {
    /// The archive in the directory `root`, which exists; what is in it is gone on from.
    ///
    /// # Errors
    /// When its manifest cannot be read or is none of Weir's.
    pub fn open(root: &Path, keep: Keep) -> Result<Self, OutputError> {
        let (manifest, last) = Manifest::resume(root)?;
        let segments = Segments::open(root, keep)?;
        let removed = Removed::read(root)?.map_or(0, |removed| removed.windows);
        let next = last.as_ref().map_or(removed, |last| last.window + 1);
        Ok(Self { root: root.to_owned(), manifest, segments, last, next })
    }

    /// Bytes of its files.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.segments.bytes()
    }

    /// Removes what is not to be kept any longer.
    ///
    /// # Errors
    /// When it cannot be removed: it may be tried again.
    pub fn remove_old(&mut self) -> Result<(), OutputError> {
        let now_ns = self.last.as_ref().map_or(0, |last| last.end_ns);
        self.segments.remove_old(now_ns)
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
        line.window = self.next;
        line.brought_up = self.last.is_some() && waiting.since_bring_up == 0;
        self.place_all(from, &mut line.streams)?;
        if let (Some(first), Some(last)) = (self.segments.ends_before(line.start_ns), &self.last) {
            self.segments.end(self.manifest.end_segment(first)?, last.end_ns);
        }
        let line = self.manifest.append(line)?;
        self.segments.add(&line);
        self.next += 1;
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
            let name =
                if number == 1 { file.path.clone() } else { format!("{folder}/{stem}-again{number}.{extension}") };
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
            records: text.lines().count() as u64,
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
        let waiting = Waiting { target: target.to_owned(), since_bring_up: 0, left_out: false, bytes, line };
        spool.seal(&pending, &waiting).expect("the spool");
    }

    /// Takes in all that waits, as a process does that is new each time; the numbers of the windows that were new.
    fn take_all(spool: &Spool, root: &Path) -> Vec<u64> {
        take_and_keep(spool, root, Keep::default())
    }

    fn take_and_keep(spool: &Spool, root: &Path, keep: Keep) -> Vec<u64> {
        let mut taken = Vec::new();
        for (_, path) in spool.waiting().expect("the spool") {
            let waiting = spool::read(&path).expect("the spool");
            let mut archive = Archive::open(root, keep).expect("the archive");
            let line = archive.take(&path, &waiting).expect("the archive");
            taken.extend(line.map(|line| line.window));
            archive.remove_old().expect("the archive");
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

    /// The second in which a day of windows begins.
    const fn day(number: u64) -> u64 {
        number * 86_400
    }

    fn folders(name: &str) -> (PathBuf, PathBuf, Spool) {
        let base = std::env::temp_dir().join(format!("weir-archive-{name}-{}", std::process::id()));
        let root = base.join("records");
        fs::create_dir_all(&root).expect("a folder");
        let spool = Spool::open(&base.join("spool"), 1 << 20).expect("a spool");
        (base, root, spool)
    }

    fn is_there(root: &Path, second: u64) -> bool {
        root.join(format!("{ENI}/{second}.log")).exists()
    }

    #[test]
    fn days_that_are_too_old_are_removed_whole_and_the_chain_goes_on() {
        let (base, root, spool) = folders("age");
        let keep = Keep { age_ns: Some(day(1) * 1_000_000_000), bytes: None };
        for number in 0..4 {
            spooled(&spool, &root, day(number), "2\n");
            spooled(&spool, &root, day(number) + 5, "2\n");
        }
        assert_eq!(take_and_keep(&spool, &root, keep), [0, 1, 2, 3, 4, 5, 6, 7]);
        let there = |number| [is_there(&root, day(number)), is_there(&root, day(number) + 5)];
        assert_eq!([0, 1, 2, 3].map(there), [[false; 2], [false; 2], [true; 2], [true; 2]]);
        let removed = Removed::read(&root).expect("what was removed").expect("something");
        assert_eq!((removed.windows, removed.until_ns), (4, (day(1) + 6) * 1_000_000_000));
        let checked = crate::check::check_directory(&root, None).expect("a sound directory");
        assert_eq!((checked.windows, checked.removed), (4, Some(removed)));
        let _ = fs::remove_dir_all(&base);
    }

    #[test]
    fn what_is_too_much_is_removed_from_the_oldest_on_and_the_newest_segment_stays() {
        let (base, root, spool) = folders("bytes");
        let keep = Keep { age_ns: None, bytes: Some(40) };
        for second in 0..20 {
            spooled(&spool, &root, second, "2\n2\n");
        }
        assert_eq!(take_and_keep(&spool, &root, keep).len(), 20);
        let bytes = Archive::open(&root, keep).expect("the archive").bytes();
        assert!((24..=40).contains(&bytes), "{bytes} bytes");
        assert!(is_there(&root, 19) && !is_there(&root, 0));
        let checked = crate::check::check_directory(&root, None).expect("a sound directory");
        assert_eq!(checked.windows + checked.removed.map_or(0, |removed| removed.windows), 20);
        let _ = fs::remove_dir_all(&base);
    }

    #[test]
    fn a_removal_that_was_cut_short_is_no_damage_and_is_gone_on_with() {
        let (base, root, spool) = folders("cut");
        for number in 0..3 {
            spooled(&spool, &root, day(number), "2\n");
        }
        let all = Keep::default();
        assert_eq!(take_and_keep(&spool, &root, all), [0, 1, 2]);
        let kept = fs::read_dir(&root).expect("a folder").flatten().map(|entry| entry.path());
        let kept: Vec<(PathBuf, Vec<u8>)> =
            kept.filter(|path| path.is_file()).map(|path| (path.clone(), fs::read(path).expect("a file"))).collect();
        let some = Keep { age_ns: Some(day(1) * 1_000_000_000), bytes: None };
        Archive::open(&root, some).and_then(|mut archive| archive.remove_old()).expect("a removal");
        // The process died before the segment was gone, after its file was.
        for (path, bytes) in kept {
            fs::write(path, bytes).expect("a file");
        }
        let checked = crate::check::check_directory(&root, None).expect("a sound directory");
        assert_eq!(checked.windows, 2);
        drop(Archive::open(&root, some).expect("the archive"));
        assert_eq!(manifest::files(&root).expect("a folder").len(), 2);
        spooled(&spool, &root, day(3), "2\n");
        assert_eq!(take_and_keep(&spool, &root, some), [3]);
        crate::check::check_directory(&root, None).expect("a sound directory");
        let _ = fs::remove_dir_all(&base);
    }
}
