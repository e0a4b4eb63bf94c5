//! Runs the `weir` binary, and makes captures for it.
#![allow(dead_code, reason = "each test program uses a part of it")]

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use sim::capture::PcapWriter;
use sim::frames::FrameBatch;
use sim::generate::{Generator, Spec};

/// A directory of the test's own, empty at the start and gone at the end.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    pub(crate) fn new(name: &str) -> Self {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).expect("a scratch directory");
        Self(path)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// A file with these bytes.
    pub(crate) fn file(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, bytes).expect("a file");
        path
    }

    /// A capture of this traffic.
    pub(crate) fn capture(&self, name: &str, spec: &Spec) -> PathBuf {
        self.file(name, capture_of(&frames_of(spec)))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// 1970-based start of all traffic here: 2023-11-14T22:13:20Z.
pub(crate) const START_S: u64 = 1_700_000_000;

/// Twenty seconds of a few hundred flows.
pub(crate) fn small() -> Spec {
    Spec { packets: 2_000, flows: 300, packets_per_second: 100, ..Spec::default() }
}

pub(crate) fn frames_of(spec: &Spec) -> FrameBatch {
    let mut frames = FrameBatch::new();
    let mut generator = Generator::new(spec).expect("a sound spec");
    while generator.read_into(&mut frames, 4096) > 0 {}
    frames
}

pub(crate) fn capture_of(frames: &FrameBatch) -> Vec<u8> {
    let mut writer = PcapWriter::new(Vec::new(), 0);
    writer.write_batch(frames).expect("memory");
    writer.finish().expect("memory")
}

/// The frames that `keep` keeps of their numbers.
pub(crate) fn some_of(frames: &FrameBatch, keep: impl Fn(usize) -> bool) -> FrameBatch {
    let mut some = FrameBatch::new();
    for (number, frame) in frames.iter().enumerate().filter(|(number, _)| keep(*number)) {
        let _ = number;
        some.push(frame.time_ns, frame.wire_length, frame.bytes);
    }
    some
}

pub(crate) fn weir<A: AsRef<std::ffi::OsStr>>(args: impl IntoIterator<Item = A>) -> Output {
    command(args).output().expect("weir runs")
}

pub(crate) fn command<A: AsRef<std::ffi::OsStr>>(args: impl IntoIterator<Item = A>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_weir"));
    command.args(args).env_remove("NO_COLOR");
    command
}

/// Runs `weir` with something on its standard input.
pub(crate) fn weir_with_stdin(args: &[&str], input: &[u8]) -> Output {
    let mut command = command(args);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("weir runs");
    let mut stdin = child.stdin.take().expect("a pipe");
    let input = input.to_vec();
    let writer = std::thread::spawn(move || stdin.write_all(&input));
    let output = child.wait_with_output().expect("weir ends");
    let _ = writer.join();
    output
}

pub(crate) fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("UTF-8")
}

pub(crate) fn code(output: &Output) -> i32 {
    output.status.code().expect("an exit code")
}

/// Standard output of a run that must go well.
pub(crate) fn stdout<A: AsRef<std::ffi::OsStr>>(args: impl IntoIterator<Item = A>) -> String {
    let output = weir(args);
    assert_eq!(code(&output), 0, "{}", text(&output.stderr));
    text(&output.stdout).to_owned()
}

/// All files below a directory, with their bytes.
pub(crate) fn tree(root: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a directory") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(root).expect("below").to_owned();
                files.push((name, fs::read(&path).expect("a file")));
            }
        }
    }
    files.sort();
    files
}
