//! What may stand where in the code, and how long files and functions may be.

use crate::source::{functions, lines_with, masked};
use crate::tree::{Finding, Text, Tree, has_extension};

/// The only files with `unsafe`. Each is argued in its crate's root and block by block.
const UNSAFE_FILES: [&str; 5] = [
    // Memory shared with a device is reached by raw pointers, and by nothing else.
    "driver/src/dma.rs",
    // Files and BARs are mapped into this process.
    "driver/src/mapping.rs",
    // A static that stands for the register layout, so that a selector folds to an offset.
    "driver/src/regio.rs",
    // The prefetch intrinsic.
    "hw-model/src/prefetch.rs",
    // The calls into the verilated RTL.
    "rtl/sim/src/instance.rs",
];

/// Rooms whose product has no clock: time is an argument there.
const TIMELESS: &[&str] = &["firmware-abi/src/", "driver/src/", "hw-model/src/", "rtl/sim/src/", "flowlog/src/"];
/// Rooms whose product has no world around it.
const PURE: &[&str] = &["firmware-abi/src/", "hw-model/src/", "flowlog/src/"];

/// A word that may not stand somewhere.
struct Ban {
    words: &'static [&'static str],
    /// Beginnings of the paths where it may not; empty: in any product code.
    inside: &'static [&'static str],
    /// Files there where it may.
    except: &'static [&'static str],
    expected: &'static str,
}

const EVERYWHERE: &[&str] = &[""];
const PRODUCT: &[&str] = &[];

const BANS: &[Ban] = &[
    Ban {
        words: &["unsafe"],
        inside: EVERYWHERE,
        except: &UNSAFE_FILES,
        expected: "unsafe only in the files that tidy names (UNSAFE_FILES), behind safe functions",
    },
    Ban {
        words: &["todo!", "unimplemented!", "dbg!", "static mut"],
        inside: EVERYWHERE,
        except: &[],
        expected: "finished code; state that is owned by somebody",
    },
    Ban {
        words: &["Instant", "SystemTime"],
        inside: TIMELESS,
        except: &[],
        expected: "time as an argument: only weir and sim have a clock",
    },
    Ban {
        words: &["thread", "thread_rng", "RandomState", "DefaultHasher"],
        inside: TIMELESS,
        except: &[],
        expected: "one thread and no randomness: the same calls give the same bytes",
    },
    Ban {
        words: &["std::fs", "std::env", "std::process", "File", "TcpStream", "TcpListener", "UdpSocket", "stdin"],
        inside: PURE,
        except: &[],
        expected: "neither files nor sockets nor environment: those are weir's, and captures sim's",
    },
    Ban {
        words: &["hw_model"],
        inside: &["weir/", "flowlog/", "driver/", "firmware-abi/"],
        except: &[],
        expected: "the NIC reached through driver and sim: nothing passes the NIC by",
    },
    Ban {
        words: &[".unwrap()"],
        inside: PRODUCT,
        except: &[],
        expected: "an error that says what was found and expected, or an expect that states our own invariant",
    },
    Ban {
        words: &["Box<dyn Error>", "Box<dyn std::error::Error>"],
        inside: PRODUCT,
        except: &[],
        expected: "an enum of what can go wrong",
    },
    Ban {
        words: &["#[allow", "#![allow"],
        inside: PRODUCT,
        except: &[],
        expected: "#[expect(…, reason = \"…\")] on the item",
    },
    Ban {
        words: &["println!", "print!", "eprintln!", "eprint!"],
        inside: &["firmware-abi/src/", "driver/src/", "hw-model/src/", "rtl/sim/src/", "sim/src/", "flowlog/src/"],
        except: &[],
        expected: "text given to the caller: only weir speaks to a terminal",
    },
];

/// Words that stand where they may not.
pub(crate) fn misplaced(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for text in tree.texts.iter().filter(|text| text.is_rust()) {
        let code = masked(&text.text);
        for ban in BANS.iter().filter(|ban| holds_for(ban, text)) {
            for word in ban.words {
                for line in lines_with(&code, word) {
                    let message = format!("found `{word}`, expected {}", ban.expected);
                    findings.push(Finding::new(&text.path, line, message));
                }
            }
        }
    }
    findings.extend(needless(tree, &UNSAFE_FILES, |text| !lines_with(&masked(text), "unsafe").is_empty()));
    findings
}

fn holds_for(ban: &Ban, text: &Text) -> bool {
    let inside = match ban.inside {
        [] => text.is_product(),
        prefixes => prefixes.iter().any(|prefix| text.path.starts_with(prefix)),
    };
    inside && !ban.except.contains(&text.path.as_str())
}

/// Entries of a list of exceptions whose file does not need one.
fn needless(tree: &Tree, list: &[&str], needs: impl Fn(&str) -> bool) -> Vec<Finding> {
    let idle = |path: &&&str| !tree.text(path).is_some_and(&needs);
    let strike = |path: &&str| Finding::new(path, 0, "needs no exception any more: strike it from tidy's list");
    list.iter().filter(idle).map(strike).collect()
}

/// Crates whose root does not say what they are.
pub(crate) fn undocumented(tree: &Tree) -> Vec<Finding> {
    let opens = |text: &&Text| !text.text.starts_with("//! ");
    let say = |text: &Text| Finding::new(&text.path, 1, "expected `//!` and what this file is");
    tree.hand_written().filter(opens).map(say).collect()
}

/// The most lines of a file that a person wrote.
const FILE_LINES_MAX: usize = 500;
/// Longer files, each with the reason.
const LONG_FILES: [(&str, &str); 1] =
    [("weir/tests/config_errors.rs", "one table: a row for each way in which a configuration can be wrong")];

/// Files that are too long.
pub(crate) fn long_files(tree: &Tree) -> Vec<Finding> {
    let long = |text: &str| text.lines().count() > FILE_LINES_MAX;
    let listed = LONG_FILES.map(|(path, _)| path);
    let mut findings: Vec<_> = tree
        .hand_written()
        .filter(|text| long(&text.text) && !listed.contains(&text.path.as_str()))
        .map(|text| {
            let message = format!("{} lines, expected at most {FILE_LINES_MAX}", text.text.lines().count());
            Finding::new(&text.path, 0, message)
        })
        .collect();
    findings.extend(needless(tree, &listed, long));
    findings
}

/// The most lines of a function.
const FUNCTION_LINES_MAX: usize = 70;
/// Longer functions: file, name, reason.
const LONG_FUNCTIONS: [(&str, &str, &str); 0] = [];

/// Functions that are too long.
pub(crate) fn long_functions(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut needed = Vec::new();
    for text in tree.hand_written() {
        for function in functions(&masked(&text.text)) {
            if function.lines <= FUNCTION_LINES_MAX {
                continue;
            }
            let entry = |(path, name, _): &&(&str, &str, &str)| *path == text.path && *name == function.name;
            if let Some(entry) = LONG_FUNCTIONS.iter().find(entry) {
                needed.push(entry);
                continue;
            }
            let (name, lines) = (&function.name, function.lines);
            let message = format!("`{name}` has {lines} lines, expected at most {FUNCTION_LINES_MAX}");
            findings.push(Finding::new(&text.path, function.line, message));
        }
    }
    for entry in LONG_FUNCTIONS.iter().filter(|entry| !needed.contains(entry)) {
        let message = format!("`{}` needs no exception any more: strike it from tidy's list", entry.1);
        findings.push(Finding::new(entry.0, 0, message));
    }
    findings
}

/// Names that say nothing of what is inside.
const VAGUE: [&str; 11] =
    ["util", "utils", "helper", "helpers", "common", "manager", "managers", "misc", "stuff", "shared", "lib2"];
/// Ends of type names that say as little.
const VAGUE_ENDS: [&str; 4] = ["Manager", "Helper", "Utils", "Util"];

/// Files, folders and types without a noun of their own.
pub(crate) fn vague_names(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for path in &tree.paths {
        let name = path.rsplit('/').next().unwrap_or(path);
        let stem = ["rs", "py", "sv"].iter().find(|extension| has_extension(name, extension));
        let stem = stem.map_or(name, |extension| &name[..name.len() - extension.len() - 1]);
        if VAGUE.contains(&stem) {
            findings.push(Finding::new(path, 0, "expected the noun of what is inside"));
        }
    }
    for text in tree.hand_written() {
        let code = masked(&text.text);
        for (number, line) in (1..).zip(code.lines()) {
            let mut words = line.split(|c: char| !c.is_alphanumeric() && c != '_');
            let vague = |word: &&str| VAGUE_ENDS.iter().any(|end| word.ends_with(end));
            let defines = ["struct ", "enum ", "trait ", "type "].iter().any(|keyword| line.contains(keyword));
            if let Some(word) = words.find(vague).filter(|_| defines) {
                findings.push(Finding::new(&text.path, number, format!("found `{word}`, expected the noun")));
            }
        }
    }
    findings
}

#[cfg(test)]
mod planted {
    use super::*;

    fn files(findings: &[Finding]) -> Vec<(&str, usize)> {
        findings.iter().map(|finding| (finding.file.as_str(), finding.line)).collect()
    }

    #[test]
    fn words_out_of_place_are_found_and_in_comments_they_are_not() {
        let tree = Tree::of(&[
            ("driver/src/dma.rs", "unsafe {}"),
            ("driver/src/mapping.rs", "unsafe {}"),
            ("driver/src/regio.rs", "unsafe {}"),
            ("hw-model/src/prefetch.rs", "unsafe {}"),
            ("rtl/sim/src/instance.rs", "unsafe {}"),
            ("flowlog/src/a.rs", "// unsafe\nlet a = unsafe { 1 };\nInstant::now();"),
            ("sim/src/b.rs", "let now = Instant::now();\nlet a = b.unwrap();"),
            ("weir/src/c.rs", "use hw_model::Nic;"),
            ("sim/tests/d.rs", "a.unwrap();\ntodo!();"),
        ]);
        let found = misplaced(&tree);
        let expected = [
            ("flowlog/src/a.rs", 2),
            ("flowlog/src/a.rs", 3),
            ("sim/src/b.rs", 2),
            ("weir/src/c.rs", 1),
            ("sim/tests/d.rs", 2),
        ];
        assert_eq!(files(&found), expected);
    }

    #[test]
    fn an_exception_that_is_not_needed_is_found() {
        let unsafe_files = [("driver/src/dma.rs", "unsafe {}"), ("driver/src/mapping.rs", "unsafe {}")];
        let tree = Tree::of(&[unsafe_files[0], unsafe_files[1], ("driver/src/regio.rs", "fn a() {}")]);
        let idle = [("driver/src/regio.rs", 0), ("hw-model/src/prefetch.rs", 0), ("rtl/sim/src/instance.rs", 0)];
        assert_eq!(files(&misplaced(&tree)), idle);
    }

    #[test]
    fn length_is_measured() {
        let body = "    a();\n".repeat(FUNCTION_LINES_MAX - 1);
        let long = format!("fn short() {{\n{}}}\nfn long() {{\n{body}}}\n", "    a();\n".repeat(68));
        let tree = Tree::of(&[("sim/src/a.rs", &long), ("sim/src/b.rs", &"// a\n".repeat(FILE_LINES_MAX + 1))]);
        assert_eq!(files(&long_functions(&tree)), [("sim/src/a.rs", 71)]);
        assert!(files(&long_files(&tree)).contains(&("sim/src/b.rs", 0)));
        assert!(!files(&long_files(&tree)).contains(&("sim/src/a.rs", 0)));
    }

    #[test]
    fn names_without_a_noun_and_files_without_an_opening_are_found() {
        let tree = Tree::of(&[("sim/src/utils.rs", "struct RingManager;"), ("sim/src/ring.rs", "//! A ring.\n")]);
        assert_eq!(files(&vague_names(&tree)), [("sim/src/utils.rs", 0), ("sim/src/utils.rs", 1)]);
        assert_eq!(files(&undocumented(&tree)), [("sim/src/utils.rs", 1)]);
    }
}
