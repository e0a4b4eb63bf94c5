//! Diagnostic commands beside their views: writing, watching, bundles, snapshots, what is refused.

mod cli_support;

use cli_support::*;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn small() -> String {
    root().join("examples/small.pcap").display().to_string()
}

fn dump(name: &str) -> String {
    root().join("tests/dumps").join(name).display().to_string()
}

/// Standard output, standard error, exit code.
fn said(args: &[&str]) -> (String, String, i32) {
    let output = weir(args);
    (text(&output.stdout).to_owned(), text(&output.stderr).to_owned(), code(&output))
}

#[test]
fn a_write_is_shown_from_old_to_new_confirmed_and_leaves_a_line() {
    let scratch = Scratch::new("diag-write");
    let audit = scratch.path("audit.log");
    let (sim, log) = (small(), audit.display().to_string());
    let args = ["regs", "write", "VECTOR_MASK", "0x5", "--sim", &sim, "--slots-log2", "7"];
    let (_, nobody, exit) = said(&args);
    assert_eq!(exit, 2);
    assert!(nobody.contains("VECTOR_MASK at 0x030: 0x00000000 → 0x00000005"), "{nobody}");
    assert!(nobody.contains("expected a terminal or --yes"), "{nobody}");
    let (_, told, exit) = said(&[&args[..], &["--yes", "--audit", &log]].concat());
    assert_eq!(exit, 0, "{told}");
    let line = std::fs::read_to_string(&audit).expect("the audit's file");
    for part in ["uid=", "device=sim:", "write VECTOR_MASK", "old=0x00000000", "new=0x00000005", "reads=0x00000005"] {
        assert!(line.contains(part) && told.contains(part), "{part} in {line}");
    }
}

#[test]
fn a_write_of_a_field_keeps_the_others_and_one_that_cannot_be_is_refused() {
    let sim = small();
    let write =
        |register, value| said(&["regs", "write", register, value, "--yes", "--sim", &sim, "--slots-log2", "7"]);
    let (_, told, exit) = write("PUNT_CONTROL.vector", "9");
    assert_eq!(exit, 0, "{told}");
    assert!(told.contains("0x00000301 → 0x00000901") && told.contains("vector: 3 → 9"), "{told}");
    let (_, told, exit) = write("ERRORS_CLEAR", "1");
    assert_eq!(exit, 0, "{told}");
    assert!(told.contains("write-only → 0x00000001") && told.contains("reads=write-only"), "{told}");
    for (register, value, reason) in [
        ("STATUS", "1", "read only"),
        ("PUNT_CONTROL.vector", "256", "a number up to 0xff"),
        ("VECTOR_MASK", "many", "a number up to"),
        ("STATSU", "1", "perhaps STATUS"),
    ] {
        let (_, told, exit) = write(register, value);
        assert_eq!(exit, 2, "{told}");
        assert!(told.contains(reason), "{told}");
    }
    let saved = dump("small.json");
    let (_, told, exit) = said(&["regs", "write", "VECTOR_MASK", "1", "--yes", "--dump", &saved]);
    assert_eq!(exit, 2);
    assert!(told.contains("expected a NIC that can be written to"), "{told}");
}

#[test]
fn watching_shows_what_changed_and_rates_until_the_capture_ends() {
    let sim = small();
    let watch = |more: &[&str]| {
        let args = ["regs", "watch", "INGRESS_FRAMES", "STATUS", "--sim", &sim, "--at", "+0s", "--interval", "20s"];
        said(&[&args[..], more].concat())
    };
    let (shown, _, exit) = watch(&[]);
    assert_eq!(exit, 0);
    let looks = shown.matches("REGISTER").count();
    assert!(looks >= 4, "a look every 20 s of a minute:\n{shown}");
    assert!(shown.contains('+') && shown.contains("RATE/S"), "{shown}");
    let (json, _, _) = watch(&["--count", "2", "--json"]);
    let looks: Vec<serde_json::Value> = json.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    assert_eq!((looks.len(), &looks[1]["registers"][1]["name"]), (2, &"INGRESS_FRAMES".into()));
    let counter = &looks[1]["registers"][1];
    let (before, after) = (&looks[0]["registers"][1]["value"], &counter["value"]);
    let step = after.as_u64().unwrap_or(0) - before.as_u64().unwrap_or(0);
    assert_eq!(counter["per_second"].as_f64(), Some(step as f64 / 20.0));
    assert!(counter["changed_bits"].as_u64().is_some_and(|bits| bits != 0));
}

#[test]
fn a_bundle_has_what_a_report_needs_without_secrets_and_is_read_again() {
    let scratch = Scratch::new("diag-bundle");
    let config = std::fs::read_to_string(root().join("docs/weir.example.toml")).expect("the example");
    let config = scratch.file("weir.toml", config);
    let lines: String = (0..50).map(|line| format!("line {line} token=s3cret\n")).collect();
    let log = scratch.file("weir.log", lines);
    let bundle = scratch.path("report.tar.zst");
    let [config, log, bundle] = [config, log, bundle].map(|path| path.display().to_string());
    let saved = dump("overload.json");
    let args = ["bundle", "-o", &bundle, "--dump", &saved, "--config", &config, "--log", &log, "--log-lines", "10"];
    let (_, told, exit) = said(&args);
    assert_eq!(exit, 0, "{told}");
    let packed = std::fs::read(&bundle).expect("the bundle");
    let mut archive = tar::Archive::new(zstd::Decoder::new(packed.as_slice()).expect("zstd"));
    let mut members = std::collections::BTreeMap::new();
    for entry in archive.entries().expect("an archive") {
        let mut entry = entry.expect("an entry");
        let name = entry.path().expect("a name").display().to_string();
        let mut bytes = String::new();
        std::io::Read::read_to_string(&mut entry, &mut bytes).expect("text");
        members.insert(name, bytes);
    }
    let names: Vec<_> = members.keys().map(|name| name.trim_start_matches("report/")).collect();
    let expected = [
        "config.json",
        "counters.json",
        "equations.json",
        "health.json",
        "log.txt",
        "rings.json",
        "snapshot.json",
        "versions.json",
    ];
    assert_eq!(names, expected);
    let log = &members["report/log.txt"];
    assert!(log.starts_with("line 40 token=[redacted]") && log.lines().count() == 10, "{log}");
    let config = &members["report/config.json"];
    assert!(config.contains("eni-") && config.contains("[redacted]") && !config.contains("\"example\""), "{config}");
    let health = |file: &str| said(&["health", "diagnose", "--json", "--dump", file]);
    assert_eq!(health(&bundle), health(&saved));
}

#[test]
fn a_snapshot_is_saved_packed_or_plain_and_read_back_the_same() {
    let scratch = Scratch::new("diag-snapshot");
    let [plain, packed] = ["s.json", "s.json.zst"].map(|name| scratch.path(name).display().to_string());
    let sim = small();
    for file in [&plain, &packed] {
        let (out, told, exit) = said(&["snapshot", "--sim", &sim, "--at", "+30s", "--slots-log2", "9", "-o", file]);
        assert_eq!((out.as_str(), exit), ("", 0), "{told}");
        assert!(told.starts_with("snapshot 1 in "), "{told}");
    }
    let (first, second) = (stdout(["snapshot", "--dump", &plain]), stdout(["snapshot", "--dump", &packed]));
    assert!(first == second && first == std::fs::read_to_string(&plain).expect("the file"));
    let sizes = [&plain, &packed].map(|file| std::fs::metadata(file).map_or(0, |data| data.len()));
    assert!(sizes[1] * 3 < sizes[0], "{sizes:?}");
}

#[test]
fn what_is_no_dump_is_told_with_its_file() {
    let scratch = Scratch::new("diag-damage");
    let saved = std::fs::read_to_string(dump("stopped-ring.json")).expect("a dump");
    let newer = saved.replacen("\"weir_dump\": 1", "\"weir_dump\": 2", 1);
    let other = saved.replacen("\"nic\"", "\"card\"", 1);
    for (name, bytes, reason) in [
        ("empty", String::new(), "expected what `weir snapshot` writes"),
        ("text", "STATUS 3\n".to_owned(), "expected what `weir snapshot` writes"),
        ("cut", saved[..saved.len() / 2].to_owned(), "found no dump"),
        ("newer", newer, "found a dump in form 2, expected form 1"),
        ("other", other, "unknown field `card`"),
    ] {
        let file = scratch.file(name, bytes).display().to_string();
        let (_, told, exit) = said(&["rings", "--dump", &file]);
        assert_eq!(exit, 3, "{name}: {told}");
        assert!(told.contains(name) && told.contains(reason), "{name}: {told}");
    }
    let (_, told, exit) = said(&["rings", "--dump", "no-such.json"]);
    assert_eq!(exit, 3);
    assert!(told.contains("no-such.json"), "{told}");
}

#[test]
fn a_dump_of_another_register_map_is_refused_and_with_any_map_shown_with_a_warning() {
    let saved = dump("older-map.json");
    let (_, told, exit) = said(&["regs", "read", "SCRATCH", "--dump", &saved]);
    assert_eq!(exit, 2);
    assert!(told.contains("0x0123456789abcdef") && told.contains("--any-map"), "{told}");
    let (shown, told, exit) = said(&["regs", "read", "SCRATCH", "--any-map", "--dump", &saved]);
    assert_eq!(exit, 0);
    assert!(shown.contains("unreadable") && told.contains("note: a dump of the register map"), "{shown}{told}");
}

#[test]
fn nothing_or_too_much_to_look_at_is_wrong_usage() {
    let (sim, saved) = (small(), dump("small.json"));
    for args in [
        &["rings"][..],
        &["rings", "--sim", &sim, "--dump", &saved],
        &["rings", "--device", "03:00", "--dump", &saved],
        &["rings", "--device", "nowhere"],
        &["rings", "--dump", &saved, "--at", "+1s"],
        &["flows", "why", "tcp", "--dump", &saved],
        &["flows", "find", "purple", "--dump", &saved],
        &["regs", "watch", "STATUS", "--dump", &saved],
        &["regs", "diff", &saved],
    ] {
        let (out, told, exit) = said(args);
        assert_eq!((out.as_str(), exit), ("", 2), "{args:?}: {told}");
        assert!(told.contains("error"), "{args:?}: {told}");
    }
}

#[test]
fn completions_know_registers_and_every_command_has_a_manual_page_with_its_examples() {
    let (bash, zsh, fish) =
        (stdout(["completions", "bash"]), stdout(["completions", "zsh"]), stdout(["completions", "fish"]));
    for (shell, script) in [("bash", &bash), ("zsh", &zsh)] {
        assert!(script.contains("INGRESS_FRAMES_LO") && script.contains("ERRORS_CLEAR"), "{shell}");
    }
    let line = "__fish_weir_using_subcommand regs; and __fish_seen_subcommand_from read\" -f -a \"MAGIC";
    assert!(fish.contains(line) && fish.contains("function __fish_weir_using_subcommand"), "fish");
    let scratch = Scratch::new("diag-man");
    let pages = scratch.path("man1").display().to_string();
    assert_eq!(stdout(["man", "--output", &pages]), "");
    for page in ["weir", "weir-regs", "weir-regs-diff", "weir-flows-why", "weir-health", "weir-bundle"] {
        let text = std::fs::read_to_string(Path::new(&pages).join(format!("{page}.1"))).unwrap_or_default();
        assert!(text.contains(".SH NAME") && text.contains("Examples:"), "{page}");
    }
    assert!(stdout(["man"]).contains(".TH weir 1"));
}

#[test]
fn help_of_every_diagnostic_command_has_examples() {
    let commands = [
        "regs",
        "regs ls",
        "regs dump",
        "regs read",
        "regs write",
        "regs at",
        "regs explain",
        "regs watch",
        "regs decode",
        "regs diff",
        "regs expect",
        "flows",
        "flows dump",
        "flows top",
        "flows find",
        "flows why",
        "rings",
        "tables",
        "counters",
        "health",
        "snapshot",
        "bundle",
        "man",
    ];
    for command in commands {
        let help = stdout(command.split(' ').chain(["--help"]));
        assert!(help.contains(&format!("weir {command}")) && help.contains("Examples:"), "{command}: {help}");
        assert!(!help.contains("possible values: MAGIC"), "{command}: a list of all registers");
    }
}
