//! Every diagnostic command on every saved dump gives what is written beside the dump; and a simulated NIC gives the
//! same JSON as the dump that was made of it. `WEIR_BLESS=1` writes the golden files anew.

mod cli_support;

use cli_support::*;
use std::path::{Path, PathBuf};

fn dumps() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/dumps")
}

/// The dumps, by name.
const DUMPS: [&str; 5] = ["small", "overload", "stopped-ring", "gone", "older-map"];

/// Every command that looks at something, and takes `--dump`.
const COMMANDS: [&str; 26] = [
    "regs dump",
    "regs dump --changed",
    "regs read STATUS ERRORS *_DROPS INGRESS_FRAMES ERRORS_CLEAR",
    "regs read STATUS INGRESS_FRAMES ERRORS_CLEAR --json",
    "regs at 0x26 0x1c",
    "regs explain BUILD.body CONTROL",
    "regs diff small.json",
    "regs diff small.json --volatile --json",
    "regs expect bring-up.expect",
    "regs expect bring-up.expect --json",
    "flows dump",
    "flows dump --json",
    "flows top -n 3 --by packets",
    "flows find tcp :443 accept",
    "flows why tcp 10.0.145.70:49490 > 192.168.0.3:6379",
    "flows why 192.168.0.3 10.0.145.70 6379 49490 6 --json",
    "rings",
    "rings --json",
    "rings record",
    "tables",
    "tables --json",
    "counters",
    "counters --json",
    "counters --check",
    "counters --check --json",
    "health diagnose",
];

fn run(words: &[String]) -> String {
    let output = command(words).current_dir(dumps()).output().expect("weir runs");
    let mut shown = format!("{}{}", text(&output.stdout), text(&output.stderr));
    if code(&output) != 0 {
        shown.push_str(&format!("exit code {}\n", code(&output)));
    }
    shown
}

/// A command's words: a 5-tuple with an arrow is one.
fn words(command: &str) -> Vec<String> {
    command.split_whitespace().map(str::to_owned).collect()
}

fn session(dump: &str) -> String {
    let mut out = String::new();
    for command in COMMANDS.iter().chain(&["health", "health diagnose --json"]) {
        let mut words = words(command);
        words.extend(["--dump".to_owned(), format!("{dump}.json")]);
        let mut shown = run(&words);
        let mut line = format!("$ weir {command} --dump {dump}.json");
        if shown.contains("expected 0x8fcf") || shown.contains("names and fields may be others (--any-map") {
            // Refused, as it must be; with a warning it is shown.
            out.push_str(&format!("{line}\n{shown}\n"));
            words.push("--any-map".to_owned());
            shown = run(&words);
            line.push_str(" --any-map");
        }
        out.push_str(&format!("{line}\n{shown}\n"));
    }
    out
}

#[test]
fn every_command_on_every_dump_gives_its_golden_output() {
    for dump in DUMPS {
        let path = dumps().join(format!("{dump}.golden"));
        let found = session(dump);
        if std::env::var_os("WEIR_BLESS").is_some() {
            std::fs::write(&path, &found).expect("a file");
        }
        let golden = std::fs::read_to_string(&path).unwrap_or_default();
        let differs = golden.lines().zip(found.lines()).position(|(one, other)| one != other);
        let place = differs.map_or(golden.lines().count().min(found.lines().count()), |line| line) + 1;
        let line = |text: &str| text.lines().nth(place - 1).unwrap_or("(nothing)").to_owned();
        assert!(golden == found, "{dump}.golden:{place}\n  golden {}\n  found  {}", line(&golden), line(&found));
    }
}

#[test]
fn a_dump_there_is_for_every_golden_file_and_the_other_way_round() {
    let names = |extension: &str| {
        let entries = std::fs::read_dir(dumps()).expect("a folder").flatten().map(|entry| entry.path());
        let of = entries.filter(|path| path.extension().is_some_and(|found| found == extension));
        let mut names: Vec<_> = of.filter_map(|path| Some(path.file_stem()?.to_string_lossy().into_owned())).collect();
        names.sort();
        names
    };
    let mut all = DUMPS.map(str::to_owned).to_vec();
    all.sort();
    assert_eq!((names("json"), names("golden")), (all.clone(), all));
}

#[test]
fn a_simulated_nic_gives_the_same_json_and_text_as_its_dump() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let sim = ["--sim", "examples/small.pcap", "--config", "examples/small.toml"].map(str::to_owned);
    for command in COMMANDS.iter().filter(|command| !command.contains("small.json")) {
        let command = command.replace("bring-up.expect", "tests/dumps/bring-up.expect");
        let both = [sim.to_vec(), vec!["--dump".to_owned(), "tests/dumps/small.json".to_owned()]];
        let [live, saved] = both.map(|source| {
            let words = words(&command).into_iter().chain(source);
            cli_support::command(words).current_dir(&root).output().expect("weir runs")
        });
        // With the rules at hand, `why` also says what they would say of a new flow.
        if command.starts_with("flows why") {
            let text = text(&live.stdout);
            assert!(text.contains("by_rules") || text.contains("by the rules"), "{text}");
            continue;
        }
        assert_eq!(text(&live.stdout), text(&saved.stdout), "{command}");
        assert_eq!(code(&live), code(&saved), "{command}");
    }
}

#[test]
fn decoding_a_dump_is_dumping_it() {
    let dumped = run(&words("regs dump --dump small.json"));
    assert_eq!(run(&words("regs decode small.json")), dumped);
    assert!(dumped.lines().count() > 200);
}
