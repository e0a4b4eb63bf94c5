//! Tidy: holds the house to its own rules.
//!
//! ```text
//!   manifests ─▶ rooms   who may know whom
//!   *.rs ──────▶ code    what may stand where, how long files and functions are   (source: comments and texts masked)
//!   all files ─▶ prose   white space, paths, links, commands and test names that documents promise
//!   README.md ─▶ readme  its commands, run: the output is what it shows
//! ```
//!
//! - A finding names file and line, and what is expected there.
//! - What breaks a rule and cannot be mended now stands in a list with its reason. The lists only
//!   shrink: an entry that is not needed any more is a finding as well.
//! - Every rule is shown a planted breach, so that none can pass by not looking.

mod code;
mod prose;
mod readme;
mod rooms;
mod source;
mod tree;

use tree::{Finding, Tree};

/// Fails with every finding, one a line.
fn hold(rule: &str, findings: &[Finding]) {
    let list: String = findings.iter().map(|finding| format!("\n  {finding}")).collect();
    assert!(findings.is_empty(), "{rule}: {} finding(s){list}\n", findings.len());
}

#[test]
fn nobody_knows_a_room_above() {
    hold("rooms (see docs/architecture.md)", &rooms::broken(&rooms::read()));
}

#[test]
fn only_the_daemons_room_has_a_runtime_and_a_command_line() {
    hold("crates from outside", &rooms::misplaced_crates(&rooms::read()));
}

#[test]
fn code_stands_where_it_may() {
    hold("words with a place of their own", &code::misplaced(&Tree::read()));
}

#[test]
fn every_crate_opens_with_what_it_is() {
    hold("crate documentation", &code::undocumented(&Tree::read()));
}

#[test]
fn files_stay_readable_in_one_sitting() {
    hold("file length", &code::long_files(&Tree::read()));
}

#[test]
fn functions_stay_on_one_screen() {
    hold("function length", &code::long_functions(&Tree::read()));
}

#[test]
fn a_file_is_named_by_a_noun_of_its_own() {
    hold("file names", &code::vague_names(&Tree::read()));
}

#[test]
fn no_file_has_stray_white_space() {
    hold("white space", &prose::white_space(&Tree::read()));
}

#[test]
fn no_file_names_a_place_on_somebodys_machine() {
    hold("paths of a machine", &prose::machine_paths(&Tree::read()));
}

#[test]
fn links_between_documents_lead_somewhere() {
    hold("links", &prose::dead_links(&Tree::read()));
}

#[test]
fn documents_promise_only_what_is_there() {
    hold("commands, files and tests that documents name", &prose::broken_promises(&Tree::read()));
}
