//! The files of the project, and what is found in them.

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

/// Folders that hold nothing of ours.
const SKIPPED_FOLDERS: [&str; 5] = ["target", ".git", ".venv", "venv", "__pycache__"];
/// Files and folders that others write: crashing inputs are bytes, the lock is Cargo's.
const NOT_OURS: [&str; 3] = ["fuzz/regressions/", "Cargo.lock", "LICENSE-APACHE"];

/// Something that breaks a rule.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    /// The file, from the project's root.
    pub(crate) file: String,
    /// The line, from 1; 0 for the file as a whole.
    pub(crate) line: usize,
    /// What was found and what is expected.
    pub(crate) message: String,
}

impl Finding {
    pub(crate) fn new(file: &str, line: usize, message: impl Into<String>) -> Self {
        Self { file: file.to_owned(), line, message: message.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, line, message } = self;
        if *line == 0 { write!(f, "{file}: {message}") } else { write!(f, "{file}:{line}: {message}") }
    }
}

/// A text file.
#[derive(Debug)]
pub(crate) struct Text {
    /// Its path from the project's root, with `/`.
    pub(crate) path: String,
    /// What it holds.
    pub(crate) text: String,
}

impl Text {
    pub(crate) fn is_rust(&self) -> bool {
        has_extension(&self.path, "rs")
    }

    pub(crate) fn is_markdown(&self) -> bool {
        has_extension(&self.path, "md")
    }

    /// Code of a library or a program, neither test nor bench.
    pub(crate) fn is_product(&self) -> bool {
        let for_tests = ["tests/", "fuzz/"].iter().any(|room| self.path.starts_with(room));
        self.is_rust() && self.path.contains("/src/") && !for_tests
    }
}

pub(crate) fn has_extension(path: &str, extension: &str) -> bool {
    Path::new(path).extension().is_some_and(|found| found == extension)
}

/// Every file of the project.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    /// Those that are text, in the order of their paths.
    pub(crate) texts: Vec<Text>,
    /// Paths of all files and folders.
    pub(crate) paths: BTreeSet<String>,
}

impl Tree {
    /// Reads the project that this test is part of.
    pub(crate) fn read() -> Self {
        let mut tree = Self::default();
        tree.walk(&root(), "");
        tree.texts.sort_by(|a, b| a.path.cmp(&b.path));
        assert!(tree.texts.len() > 50, "the project's root was not found");
        tree
    }

    /// A project of these files, to show a rule a breach.
    #[cfg(test)]
    pub(crate) fn of(files: &[(&str, &str)]) -> Self {
        let mut tree = Self::default();
        for (path, text) in files {
            tree.paths.insert((*path).to_owned());
            tree.texts.push(Text { path: (*path).to_owned(), text: (*text).to_owned() });
        }
        tree
    }

    fn walk(&mut self, folder: &Path, prefix: &str) {
        let Ok(entries) = fs::read_dir(folder) else { return };
        for entry in entries.flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let path = format!("{prefix}{name}");
            let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
            // In a worktree, `.git` is a file.
            if (is_folder || name == ".git") && SKIPPED_FOLDERS.contains(&name.as_str()) {
                continue;
            }
            self.paths.insert(path.clone());
            if is_folder {
                self.walk(&entry.path(), &format!("{path}/"));
            } else if !NOT_OURS.iter().any(|not_ours| path.starts_with(not_ours))
                && let Ok(text) = fs::read_to_string(entry.path())
            {
                self.texts.push(Text { path, text });
            }
        }
    }

    /// The text of the file at `path`.
    pub(crate) fn text(&self, path: &str) -> Option<&str> {
        self.texts.iter().find(|text| text.path == path).map(|text| text.text.as_str())
    }

    /// Rust that a person wrote.
    pub(crate) fn hand_written(&self) -> impl Iterator<Item = &Text> {
        self.texts.iter().filter(|text| text.is_rust() && !text.path.starts_with("firmware-abi/src/registers"))
    }
}

/// The project's root.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}
