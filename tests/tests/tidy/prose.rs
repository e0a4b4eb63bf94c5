//! White space, machine paths, links, and what documents promise: commands, files, tests.

use crate::source::{functions, masked};
use crate::tree::{Finding, Text, Tree, has_extension};
use std::collections::BTreeSet;

/// Endings of files whose white space is ours to keep.
const LAID_OUT: [&str; 7] = ["rs", "toml", "md", "py", "rdl", "sv", "sh"];

/// Trailing blanks, tabs, carriage returns, a missing or a second line feed at the end.
pub(crate) fn white_space(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for Text { path, text } in &tree.texts {
        let laid_out = LAID_OUT.iter().any(|extension| has_extension(path, extension));
        if !laid_out && path != "Makefile" {
            continue;
        }
        for (number, line) in (1..).zip(text.split_terminator('\n')) {
            let mut find = |message: &str| findings.push(Finding::new(path, number, message));
            if line.ends_with([' ', '\t', '\r']) {
                find("white space at the end of the line");
            }
            if laid_out && line.contains('\t') {
                find("a tab, expected spaces");
            }
        }
        if !text.is_empty() && (!text.ends_with('\n') || text.ends_with("\n\n")) {
            findings.push(Finding::new(path, text.lines().count(), "expected one line feed at the end"));
        }
    }
    findings
}

/// Beginnings of paths that exist on one machine only. In two halves: this file is read as well.
const MACHINE_PATHS: [&str; 4] =
    [concat!("/wo", "rk/"), concat!("/far", "m/"), concat!("/ro", "ot/"), concat!("/ho", "me/")];

/// Paths of a machine that somebody worked on.
pub(crate) fn machine_paths(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for Text { path, text } in &tree.texts {
        for (number, line) in (1..).zip(text.lines()) {
            let known = MACHINE_PATHS.into_iter().find(|prefix| starts_in(line, prefix));
            if let Some(prefix) = known.or_else(|| scratch_folder(line)) {
                let message = format!("found a path in {prefix}…, expected one within the project");
                findings.push(Finding::new(path, number, message));
            }
        }
    }
    findings
}

/// Whether an absolute path in `line` starts with `prefix`: a folder of that name within the project does not.
fn starts_in(line: &str, prefix: &str) -> bool {
    let within_path = |c: char| c.is_alphanumeric() || ['.', '_', '-', '}', '*'].contains(&c);
    line.match_indices(prefix).any(|(at, _)| !line[..at].ends_with(within_path))
}

/// A named folder under the temporary one, like those that a person makes for a day.
fn scratch_folder(line: &str) -> Option<&'static str> {
    let temporary = concat!("/tm", "p/");
    line.match_indices(temporary).find_map(|(at, _)| {
        let rest = line[at + temporary.len()..].trim_start_matches(|c: char| c.is_ascii_lowercase());
        let named = rest.len() < line[at + temporary.len()..].len();
        (named && rest.starts_with('-')).then_some(temporary)
    })
}

/// Links of Markdown files that lead to no file, or to no heading of it.
pub(crate) fn dead_links(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for page in tree.texts.iter().filter(|text| text.is_markdown()) {
        for (number, line) in (1..).zip(page.text.lines()) {
            for (at, _) in line.match_indices("](") {
                let target = line[at + 2..].split(')').next().unwrap_or_default();
                if target.contains("://") || target.starts_with("mailto:") {
                    continue;
                }
                if let Some(message) = dead(tree, page, target) {
                    findings.push(Finding::new(&page.path, number, message));
                }
            }
        }
    }
    findings
}

fn dead(tree: &Tree, page: &Text, target: &str) -> Option<String> {
    let (file, heading) = target.split_once('#').unwrap_or((target, ""));
    let path = if file.is_empty() { page.path.clone() } else { resolve(&page.path, file) };
    if !path.is_empty() && !tree.paths.contains(path.trim_end_matches('/')) {
        return Some(format!("links to {target}, expected a file of the project"));
    }
    let text = tree.text(&path).filter(|_| !heading.is_empty())?;
    let mut headings = text.lines().filter(|line| line.starts_with('#')).map(anchor);
    (!headings.any(|found| found == heading)).then(|| format!("links to {target}, expected a heading of {path}"))
}

/// `link` as seen from the file `page`.
fn resolve(page: &str, link: &str) -> String {
    let mut parts: Vec<&str> = page.split('/').collect();
    parts.pop();
    for part in link.split('/') {
        match part {
            ".." => drop(parts.pop()),
            "." | "" => {}
            name => parts.push(name),
        }
    }
    parts.join("/")
}

/// What a heading is linked by.
fn anchor(heading: &str) -> String {
    let words = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = words.chars().filter(|c| c.is_alphanumeric() || [' ', '-', '_'].contains(c));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

/// Commands, make targets, files and tests that a document names and that are not there.
pub(crate) fn broken_promises(tree: &Tree) -> Vec<Finding> {
    let there = There::of(tree);
    let mut findings = Vec::new();
    for page in tree.texts.iter().filter(|text| text.is_markdown()) {
        for (number, span) in code_spans(&page.text) {
            if let Some(message) = there.misses(tree, &page.path, &span) {
                findings.push(Finding::new(&page.path, number, message));
            }
        }
    }
    findings
}

/// What is there to be named.
struct There {
    commands: BTreeSet<String>,
    targets: BTreeSet<String>,
    functions: BTreeSet<String>,
}

impl There {
    fn of(tree: &Tree) -> Self {
        let command_line = |text: &&Text| text.path.starts_with("weir/src/");
        let mut commands: BTreeSet<String> = ["help".to_owned()].into();
        for text in tree.texts.iter().filter(command_line) {
            commands.extend(subcommands(&text.text));
        }
        let makefile = tree.text("Makefile").unwrap_or_default();
        let target = |line: &str| line.split_once(':').map(|(name, _)| name.to_owned());
        let mut found = BTreeSet::new();
        for text in tree.texts.iter().filter(|text| text.is_rust()) {
            found.extend(functions(&masked(&text.text)).into_iter().map(|function| function.name));
        }
        Self { commands, targets: makefile.lines().filter_map(target).collect(), functions: found }
    }

    /// What `span`, a piece of code in the document `page`, names and is not there.
    fn misses(&self, tree: &Tree, page: &str, span: &str) -> Option<String> {
        let words: Vec<&str> = span.split_whitespace().collect();
        match words.as_slice() {
            ["weir", command, ..] | ["cargo", "run", "--release", "--", command, ..] => {
                let named = command.starts_with(|c: char| c.is_ascii_lowercase());
                (named && !self.commands.contains(*command))
                    .then(|| format!("names the command `weir {command}`, expected one of {:?}", self.commands))
            }
            ["make", target, ..] => (!self.targets.contains(*target))
                .then(|| format!("names `make {target}`, expected a target of the Makefile")),
            [name] if is_test_name(name) => {
                (!self.functions.contains(*name)).then(|| format!("names the test `{name}`, expected a function"))
            }
            [path] if is_path(path) => {
                let there = tree.paths.contains(*path) || tree.paths.contains(&resolve(page, path));
                (!there).then(|| format!("names the file `{path}`, expected it in the project"))
            }
            _ => None,
        }
    }
}

/// The variants of `enum Command`, as clap spells them, and their other names.
fn subcommands(text: &str) -> Vec<String> {
    let code = masked(text);
    let Some((_, body)) = code.split_once("enum Command {") else { return Vec::new() };
    let variants = body.lines().take_while(|line| !line.starts_with('}'));
    let variant = |line: &str| {
        let name: String = line.strip_prefix("    ")?.chars().take_while(char::is_ascii_alphanumeric).collect();
        name.starts_with(|c: char| c.is_ascii_uppercase()).then(|| kebab(&name))
    };
    let alias = |line: &str| {
        let (name, _) = line.trim().strip_prefix("#[command(visible_alias = \"")?.split_once('"')?;
        Some(name.to_owned())
    };
    variants.filter_map(variant).chain(text.lines().filter_map(alias)).collect()
}

fn kebab(name: &str) -> String {
    let mut out = String::new();
    for c in name.chars() {
        if c.is_ascii_uppercase() && !out.is_empty() {
            out.push('-');
        }
        out.push(c.to_ascii_lowercase());
    }
    out
}

/// A sentence in snake case, as tests are named.
fn is_test_name(word: &str) -> bool {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    word.matches('_').count() >= 3 && word.chars().all(allowed)
}

/// A path within the project.
fn is_path(word: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || ['/', '.', '_', '-'].contains(&c);
    let ours = ["rs", "md", "py", "rdl", "pcap"].iter().any(|extension| has_extension(word, extension));
    word.contains('/') && ours && word.chars().all(plain) && !word.starts_with(['/', '.'])
}

/// Pieces of code of a Markdown page with their lines: spans, and lines of blocks after a prompt.
fn code_spans(text: &str) -> Vec<(usize, String)> {
    let mut spans = Vec::new();
    let mut in_block = false;
    for (number, line) in (1..).zip(text.lines()) {
        if line.trim_start().starts_with("```") {
            in_block = !in_block;
        } else if in_block {
            let command = line.trim().trim_start_matches("$ ");
            spans.push((number, command.split(" #").next().unwrap_or(command).to_owned()));
        } else {
            spans.extend(line.split('`').skip(1).step_by(2).map(|span| (number, span.to_owned())));
        }
    }
    spans
}

#[cfg(test)]
mod planted {
    use super::*;

    fn lines(findings: &[Finding]) -> Vec<usize> {
        findings.iter().map(|finding| finding.line).collect()
    }

    #[test]
    fn stray_white_space_is_found() {
        let tree = Tree::of(&[("a.md", "one \n\ttwo\nthree\r\nfour\n\n"), ("b.csv", "one \n")]);
        assert_eq!(lines(&white_space(&tree)), [1, 2, 3, 5]);
    }

    #[test]
    fn paths_of_a_machine_are_found_and_relative_ones_are_not() {
        let [work, .., home] = MACHINE_PATHS;
        let text = format!("a {work}b\n../docs{work}b\n`{home}me/x`\n{}x-y/z\n{}file\n", "/tmp/", "/tmp/");
        assert_eq!(lines(&machine_paths(&Tree::of(&[("a.sh", &text)]))), [1, 3, 4]);
    }

    #[test]
    fn dead_links_are_found() {
        let text = "[a](b.md) [c](../README.md#the-way-of-a-packet)\n[d](c.md)\n[e](../README.md#nowhere)\n";
        let tree = Tree::of(&[("docs/a.md", text), ("docs/b.md", "# B\n"), ("README.md", "## The way of a packet\n")]);
        assert_eq!(lines(&dead_links(&tree)), [2, 3]);
    }

    #[test]
    fn promises_that_are_not_kept_are_found() {
        let page = "`weir replay` `weir fly`\n```sh\n$ cargo run --release -- models # all\n$ make test\n$ make tea\n```\n\
                    `what_is_not_there_yet` `what_is_there_is_found`\n`docs/none.md` `weir/src/cli.rs` `weir [OPTIONS]`\n";
        let cli =
            "enum Command {\n    /// Reads.\n    Replay(Replay),\n    Models,\n}\nfn what_is_there_is_found() {}\n";
        let tree = Tree::of(&[("README.md", page), ("weir/src/cli.rs", cli), ("Makefile", "test: build\n\tcargo\n")]);
        assert_eq!(lines(&broken_promises(&tree)), [1, 5, 7, 8]);
    }
}
