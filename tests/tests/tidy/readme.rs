//! The README's commands, run: their output is what it shows.

use crate::tree::{Tree, root};
use std::fs;
use std::path::{Path, PathBuf};

/// A command of the README and what it says the output begins with.
struct Shown {
    arguments: Vec<String>,
    output: String,
}

/// Blocks of `text` that follow a block with a `replay`.
fn shown(readme: &str) -> Vec<Shown> {
    let mut shown = Vec::new();
    let mut command = None;
    for block in readme.split("```").skip(1).step_by(2) {
        let (language, body) = block.split_once('\n').unwrap_or_default();
        let line = body.trim_end().strip_prefix("$ cargo run --release -- replay ");
        if let (Some(line), "sh") = (line, language) {
            command = Some(words(line));
        } else if let ("text", Some(arguments)) = (language, command.take()) {
            shown.push(Shown { arguments, output: body.to_owned() });
        }
    }
    shown
}

/// As a shell splits them, double quotes only.
fn words(line: &str) -> Vec<String> {
    let parts = line.split('"').enumerate();
    let part = |(number, part): (usize, &str)| match number % 2 {
        0 => part.split_whitespace().map(str::to_owned).collect(),
        _ => vec![part.to_owned()],
    };
    parts.flat_map(part).collect()
}

fn scratch(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(name)
}

/// Runs `weir` in this process, paths of `examples/` seen from the project's root.
fn weir(arguments: &[String]) {
    let from_root = |word: &String| match word.starts_with("examples/") {
        true => root().join(word).into_os_string(),
        false => word.into(),
    };
    let all = std::iter::once("weir".into()).chain(arguments.iter().map(from_root));
    let code = weir::cli::run(all);
    assert_eq!(format!("{code:?}"), format!("{:?}", std::process::ExitCode::SUCCESS), "{arguments:?}");
}

/// The records of a directory, in the order of its files.
fn records(folder: &Path, into: &mut String) {
    let mut paths: Vec<_> = fs::read_dir(folder).expect("a directory").flatten().map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            records(&path, into);
        } else if path.extension().is_none_or(|extension| extension != "jsonl" && extension != "json") {
            into.push_str(&fs::read_to_string(&path).expect("text"));
        }
    }
}

#[test]
fn the_output_in_the_readme_is_real() {
    let tree = Tree::read();
    let all = shown(tree.text("README.md").expect("there is a README"));
    assert_eq!(all.len(), 2, "commands with their output");
    for (number, Shown { arguments, output }) in all.iter().enumerate() {
        let folder = scratch(&format!("readme-{number}"));
        let _ = fs::remove_dir_all(&folder);
        let mut all = vec!["replay".to_owned(), "-q".to_owned(), "--output".to_owned(), folder.display().to_string()];
        all.extend(arguments.iter().cloned());
        weir(&all);
        let mut found = String::new();
        records(&folder, &mut found);
        assert!(found.starts_with(output.as_str()), "{arguments:?}\nthe README shows\n{output}\nand it is\n{found}");
    }
}

#[test]
fn the_example_is_what_generate_makes() {
    let made = scratch("small.pcap");
    let options = "generate -q --packets 480 --flows 12 --pps 8 --hosts 3 --ipv6-share 0.3 --scan-share 0.2 --seed 4";
    let mut arguments = words(options);
    arguments.push(made.display().to_string());
    weir(&arguments);
    let committed = fs::read(root().join("examples/small.pcap")).expect("examples/small.pcap");
    assert!(fs::read(&made).expect("the capture") == committed, "examples/small.pcap is not made by `weir {options}`");
    assert!(committed.len() <= 60_000, "{} bytes", committed.len());
}
