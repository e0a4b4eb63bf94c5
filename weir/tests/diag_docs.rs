//! The screens of `docs/diagnostics.md`: each command there, run, gives what stands below it. `WEIR_BLESS=1` writes
//! what it gives.

mod cli_support;

use cli_support::*;
use std::path::Path;

const PROMPT: &str = "    $ ";

/// A shell's words, single quotes only.
fn words(line: &str) -> Vec<String> {
    let parts = line.split('\'').enumerate();
    let part = |(number, part): (usize, &str)| match number % 2 {
        0 => part.split_whitespace().map(str::to_owned).collect(),
        _ => vec![part.to_owned()],
    };
    parts.flat_map(part).collect()
}

/// What a command says, as a page shows it.
fn shown(line: &str, folder: &Path) -> String {
    // A page shows the beginning of what is long.
    let (line, most) = match line.split_once(" | head -") {
        Some((line, most)) => (line, most.parse().expect("a number")),
        None => (line, usize::MAX),
    };
    let words = words(line);
    let (name, args) = words.split_first().expect("a command");
    assert_eq!(name, "weir", "{line}");
    let output = command(args).current_dir(folder).output().expect("weir runs");
    let lines = text(&output.stdout).lines().take(most).map(str::to_owned);
    let notes = text(&output.stderr).lines().map(str::to_owned);
    let mut all: Vec<_> = lines.chain(notes).collect();
    if code(&output) != 0 {
        all.push(format!("(exit code {})", code(&output)));
    }
    all.iter().map(|line| format!("    {line}").trim_end().to_owned() + "\n").collect()
}

#[test]
fn the_screens_of_the_diagnostics_page_are_real() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let page = root.join("docs/diagnostics.md");
    let scratch = Scratch::new("diag-docs");
    std::os::unix::fs::symlink(root.join("examples").canonicalize().expect("examples"), scratch.path("examples"))
        .expect("a link");
    std::os::unix::fs::symlink(root.join("tests").canonicalize().expect("tests"), scratch.path("tests"))
        .expect("a link");
    let text = std::fs::read_to_string(&page).expect("the page");
    let (mut found, mut commands) = (String::new(), 0);
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        found.push_str(line);
        found.push('\n');
        let Some(command) = line.strip_prefix(PROMPT) else { continue };
        commands += 1;
        found.push_str(&shown(command, &scratch.path("")));
        while lines.next_if(|next| next.starts_with("    ") && !next.starts_with(PROMPT)).is_some() {}
    }
    assert!(commands >= 12, "{commands} commands");
    if std::env::var_os("WEIR_BLESS").is_some() {
        std::fs::write(&page, &found).expect("the page");
    }
    let text = std::fs::read_to_string(&page).expect("the page");
    let differs = text.lines().zip(found.lines()).position(|(one, other)| one != other);
    let line = |text: &str| text.lines().nth(differs.unwrap_or(0)).unwrap_or("(nothing)").to_owned();
    let place = differs.unwrap_or(0) + 1;
    assert!(text == found, "docs/diagnostics.md:{place}\n  shows {}\n  is    {}", line(&text), line(&found));
}
