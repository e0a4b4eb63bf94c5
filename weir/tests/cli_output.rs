//! `weir replay --output` and `weir check`: what is written can be proved.

mod cli_support;

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Output;

use cli_support::*;
use sim::generate::{Spec, host_ipv4};

/// Two hosts of the generated traffic with rules that refuse some of it, and flow logs that filter.
fn config(refused: &Path) -> String {
    let (first, second) = (host_ipv4(0), host_ipv4(1));
    format!(
        r#"
[[account]]
id = "1251762227"
[[vpc]]
id = "vpc-main"
account = "1251762227"
cidrs = ["0.0.0.0/0"]
[[subnet]]
id = "subnet-main"
vpc = "vpc-main"
cidrs = ["0.0.0.0/0"]
[[eni]]
id = "eni-0000000a"
subnet = "subnet-main"
addresses = ["{first}"]
security_groups = ["sg-some"]
[[eni]]
id = "eni-0000000b"
subnet = "subnet-main"
addresses = ["{second}"]
security_groups = ["sg-some"]
[[security_group]]
id = "sg-some"
ingress = [{{ id = 1, priority = 1, action = "allow", protocol = "tcp", ports = "0-32767", peer = "any" }}]
[[flow_log]]
id = "fl-all"
scope = "vpc-main"
[[flow_log]]
id = "fl-refused"
scope = "vpc-main"
traffic = "REJECT"
fields = "interface-id srcaddr dstaddr packets bytes action log-status flow-direction"
destinations = ["dir:{}"]
"#,
        refused.display()
    )
}

fn replay(capture: &Path, directory: &Path, more: &[&str]) -> Output {
    let window = if more.iter().any(|option| option.starts_with("--window")) { None } else { Some("--window=5s") };
    let args = ["replay"].into_iter().chain(window).chain(more.iter().copied()).map(OsStr::new);
    weir(args.chain(["--output".as_ref(), directory.as_os_str(), capture.as_os_str()]))
}

fn check(directory: &Path) -> Output {
    weir(["check".as_ref(), directory.as_os_str()])
}

fn records_of(directory: &Path) -> Vec<PathBuf> {
    let names = tree(directory).into_iter().map(|(name, _)| name);
    names.filter(|name| name != Path::new("manifest.ndjson")).map(|name| directory.join(name)).collect()
}

#[test]
fn a_directory_has_a_file_per_window_and_check_passes_it() {
    let scratch = Scratch::new("directory");
    let capture = scratch.capture("a.pcap", &small());
    for (form, extension) in [("text", "log"), ("ndjson", "ndjson")] {
        let directory = scratch.path(form);
        let output = replay(&capture, &directory, &["--format", form]);
        assert_eq!((code(&output), output.stdout.len()), (0, 0), "{}", text(&output.stderr));
        let names: Vec<String> = tree(&directory).iter().map(|(name, _)| name.display().to_string()).collect();
        let file = |time: &str| format!("eni-00000000/20231114T22{time}Z.{extension}");
        let expected = ["1320", "1325", "1330", "1335"].map(file);
        assert_eq!(names[..4], expected);
        assert_eq!(names[4..], ["manifest.ndjson"]);
        let output = check(&directory);
        assert_eq!(code(&output), 0, "{}", text(&output.stderr));
        assert!(text(&output.stdout).contains("4 windows, 4 files"), "{}", text(&output.stdout));
        let joined: String = tree(&directory)[..4].iter().map(|(_, bytes)| text(bytes)).collect();
        let format = format!("--format={form}");
        assert_eq!(joined, stdout(["replay".as_ref(), "--window=5s".as_ref(), format.as_ref(), capture.as_os_str()]));
    }
}

#[test]
fn the_same_input_twice_gives_the_same_directory() {
    let scratch = Scratch::new("same_directory");
    let capture = scratch.capture("a.pcap", &small());
    let (one, two) = (scratch.path("one"), scratch.path("two"));
    for directory in [&one, &two] {
        assert_eq!(code(&replay(&capture, directory, &["--rotate-size=4k"])), 0);
    }
    assert_eq!(tree(&one), tree(&two));
}

#[test]
fn flow_logs_write_their_own_records_to_their_own_places() {
    let scratch = Scratch::new("flow_logs");
    let spec = Spec { hosts: 2, ipv6_share: 0.0, ..small() };
    let capture = scratch.capture("a.pcap", &spec);
    let (refused, all) = (scratch.path("refused"), scratch.path("all"));
    let config = scratch.file("weir.toml", config(&refused));
    let config = config.to_str().expect("UTF-8");
    for form in ["text", "ndjson"] {
        let output = replay(&capture, &all, &["--config", config, "--overwrite", "--format", form]);
        assert_eq!(code(&output), 0, "{}", text(&output.stderr));
        for directory in [&refused, &all] {
            let output = check(directory);
            assert_eq!(code(&output), 0, "{}", text(&output.stderr));
            assert!(text(&output.stdout).contains("residual 0"));
        }
        let (refused, all) = (records_of(&refused), records_of(&all));
        assert_eq!((refused.len(), all.len()), (8, 8));
        let lines = |files: &[PathBuf]| -> String {
            files.iter().map(|file| fs::read_to_string(file).expect("a file")).collect()
        };
        let (refused, all) = (lines(&refused), lines(&all));
        assert!(refused.contains("REJECT") && !refused.contains("ACCEPT"));
        assert!(all.contains("REJECT") && all.contains("ACCEPT"));
        let header = "interface-id srcaddr dstaddr packets bytes action log-status flow-direction\n";
        assert_eq!(refused.matches(header).count(), if form == "text" { 8 } else { 0 });
    }
}

#[test]
fn a_skipdata_line_stands_after_the_records_of_its_eni_and_its_counts_are_checked() {
    let scratch = Scratch::new("skipdata");
    let spec = Spec { hosts: 2, ipv6_share: 0.0, ..small() };
    let capture = scratch.capture("a.pcap", &spec);
    let (refused, all) = (scratch.path("refused"), scratch.path("all"));
    // More flows than the host has room for.
    let config = format!("[settings.host]\nflows_max = 64\n{}", config(&refused));
    let config = scratch.file("weir.toml", config);
    let config = config.to_str().expect("UTF-8");
    for form in ["text", "ndjson"] {
        let output = replay(&capture, &all, &["--config", config, "--overwrite", "--format", form]);
        assert_eq!(code(&output), 0, "{}", text(&output.stderr));
        assert!(text(&output.stderr).contains("skipped_flow_table"), "{}", text(&output.stderr));
        assert_eq!(code(&check(&all)), 0, "{}", text(&check(&all).stderr));
        assert_eq!(code(&check(&refused)), 0, "{}", text(&check(&refused).stderr));
        for file in records_of(&all) {
            let records = fs::read_to_string(&file).expect("a file");
            let last = records.lines().last().unwrap_or_default();
            assert!(!last.contains("SKIPDATA") || records.matches("SKIPDATA").count() == 1, "{records}");
        }
        assert!(tree(&all).iter().any(|(_, bytes)| text(bytes).contains("SKIPDATA")));
    }
}

#[test]
fn large_windows_are_cut_into_parts_that_hold_whole_records() {
    let scratch = Scratch::new("rotate");
    let capture = scratch.capture("a.pcap", &small());
    let directory = scratch.path("records");
    assert_eq!(code(&replay(&capture, &directory, &["--rotate-size=1k", "--fields=srcaddr packets"])), 0);
    let files = records_of(&directory);
    assert!(files.len() > 4);
    assert!(files[1].ends_with("eni-00000000/20231114T221320Z-002.log"), "{files:?}");
    for file in &files {
        let bytes = fs::read(file).expect("a file");
        assert!(bytes.len() <= 1_000 && bytes.starts_with(b"srcaddr packets\n") && bytes.ends_with(b"\n"));
    }
    assert_eq!(code(&check(&directory)), 0);
}

#[test]
fn a_flipped_byte_anywhere_is_found_and_its_file_named() {
    let scratch = Scratch::new("flipped");
    let capture = scratch.capture("a.pcap", &small());
    let directory = scratch.path("records");
    assert_eq!(code(&replay(&capture, &directory, &[])), 0);
    for (name, bytes) in tree(&directory) {
        let path = directory.join(&name);
        for at in (0..bytes.len()).step_by(bytes.len() / 7 + 1).chain([bytes.len() - 1]) {
            let mut flipped = bytes.clone();
            flipped[at] ^= 1;
            fs::write(&path, &flipped).expect("a file");
            let output = check(&directory);
            assert_eq!(code(&output), 1, "byte {at} of {}", name.display());
            let error = text(&output.stderr);
            assert!(error.contains(name.to_str().expect("UTF-8")), "byte {at} of {}: {error}", name.display());
        }
        fs::write(&path, &bytes).expect("a file");
    }
    assert_eq!(code(&check(&directory)), 0);
}

#[test]
fn a_manifest_that_lies_with_sound_hashes_is_caught_by_the_sums() {
    let scratch = Scratch::new("lies");
    let capture = scratch.capture("a.pcap", &small());
    let directory = scratch.path("records");
    assert_eq!(code(&replay(&capture, &directory, &["--window=300s"])), 0);
    let manifest = directory.join("manifest.ndjson");
    let line = fs::read_to_string(&manifest).expect("a manifest");
    let (sealed, _) = weir::output::manifest::split_seal(line.trim_end()).expect("a seal");
    let lie = |change: &dyn Fn(&str) -> String, message: &str| {
        let sealed = change(sealed);
        let seal = weir::output::manifest::hash(sealed.as_bytes());
        fs::write(&manifest, format!("{sealed},\"seal\":\"{seal}\"}}\n")).expect("a manifest");
        let output = check(&directory);
        assert_eq!(code(&output), 1);
        assert!(text(&output.stderr).contains(message), "{}", text(&output.stderr));
    };
    lie(
        &|line| line.replacen("\"offered\":{\"packets\":2000", "\"offered\":{\"packets\":2001", 1),
        "residual of 1 packets",
    );
    lie(&|line| line.replace("\"packets\":2000", "\"packets\":1999"), "as the manifest states");
    lie(&|line| line.replace("eni-00000000/2023", "../x/2023"), "expected one inside the directory");
    fs::write(&manifest, &line).expect("a manifest");
    assert_eq!(code(&check(&directory)), 0);
}

#[test]
fn a_known_head_shows_that_the_last_windows_are_missing() {
    let scratch = Scratch::new("head");
    let capture = scratch.capture("a.pcap", &small());
    let directory = scratch.path("records");
    assert_eq!(code(&replay(&capture, &directory, &[])), 0);
    let printed = text(&check(&directory).stdout).to_owned();
    let head = printed.lines().last().and_then(|line| line.strip_prefix("head ")).expect("the head").to_owned();
    let with_head = || code(&weir(["check".as_ref(), directory.as_os_str(), "--head".as_ref(), head.as_ref()]));
    assert_eq!(with_head(), 0);
    let manifest = directory.join("manifest.ndjson");
    let lines = fs::read_to_string(&manifest).expect("a manifest");
    let shorter: String = lines.lines().take(3).map(|line| format!("{line}\n")).collect();
    fs::write(&manifest, shorter).expect("a manifest");
    assert_eq!(code(&check(&directory)), 0);
    assert_eq!(with_head(), 1);
}

#[test]
fn the_records_of_an_earlier_run_are_replaced_only_if_asked() {
    let scratch = Scratch::new("overwrite");
    let capture = scratch.capture("a.pcap", &small());
    let directory = scratch.path("records");
    assert_eq!(code(&replay(&capture, &directory, &[])), 0);
    let before = tree(&directory);
    let again = replay(&capture, &directory, &["--format=ndjson"]);
    assert_eq!(code(&again), 4);
    assert!(text(&again.stderr).contains("manifest.ndjson") && text(&again.stderr).contains("--overwrite"));
    assert_eq!(tree(&directory), before);
    let own = directory.join("notes.txt");
    fs::write(&own, "mine").expect("a file");
    assert_eq!(code(&replay(&capture, &directory, &["--format=ndjson", "--overwrite"])), 0);
    assert!(records_of(&directory).iter().all(|file| file == &own || file.extension() == Some(OsStr::new("ndjson"))));
    assert!(own.exists());
}

#[test]
fn a_directory_that_cannot_be_written_is_named_and_nothing_half_written_is_left() {
    let scratch = Scratch::new("unwritable");
    let capture = scratch.capture("a.pcap", &small());
    let file = scratch.file("file", "no directory");
    let output = replay(&capture, &file.join("records"), &[]);
    assert_eq!(code(&output), 4);
    assert!(text(&output.stderr).contains("file/records"), "{}", text(&output.stderr));
    // A directory where the second window's file should be: the first window stays whole.
    let directory = scratch.path("records");
    fs::create_dir_all(directory.join("eni-00000000/20231114T221325Z.log")).expect("a directory");
    let output = replay(&capture, &directory, &[]);
    assert_eq!(code(&output), 4);
    assert!(text(&output.stderr).contains("eni-00000000/20231114T221325Z.log"), "{}", text(&output.stderr));
    let names: Vec<String> = tree(&directory).iter().map(|(name, _)| name.display().to_string()).collect();
    assert_eq!(names, ["eni-00000000/20231114T221320Z.log", "manifest.ndjson"]);
    assert_eq!(code(&check(&directory)), 0);
    // Who may write everywhere cannot be refused by permissions.
    let locked = scratch.path("locked");
    fs::create_dir_all(&locked).expect("a directory");
    fs::set_permissions(&locked, fs::Permissions::from_mode(0o500)).expect("permissions");
    if fs::write(locked.join("probe"), "").is_err() {
        let output = replay(&capture, &locked, &[]);
        assert_eq!(code(&output), 4);
        assert!(text(&output.stderr).contains("locked"), "{}", text(&output.stderr));
    }
}

#[test]
fn a_full_disk_is_an_error_of_standard_output() {
    let full = Path::new("/dev/full");
    if !full.exists() {
        return;
    }
    let scratch = Scratch::new("full");
    let capture = scratch.capture("a.pcap", &small());
    let target = fs::OpenOptions::new().write(true).open(full).expect("a device");
    let output = command(["replay".as_ref(), capture.as_os_str()]).stdout(target).output().expect("weir runs");
    assert_eq!(code(&output), 4);
    assert!(text(&output.stderr).contains("cannot write to standard output"), "{}", text(&output.stderr));
}

#[test]
fn check_of_captures_prints_both_equations_of_each_window() {
    let scratch = Scratch::new("check_captures");
    let capture = scratch.capture("a.pcap", &small());
    let table = stdout(["check".as_ref(), "--window=10s".as_ref(), capture.as_os_str()]);
    // A header; packets and bytes of two directions in two windows and in all.
    assert_eq!(table.lines().count(), 1 + 2 * 2 * 3, "{table}");
    assert!(table.lines().skip(1).all(|line| line.ends_with(" 0")), "{table}");
    let json = stdout(["check".as_ref(), "--json".as_ref(), "--window=10s".as_ref(), capture.as_os_str()]);
    let json: serde_json::Value = serde_json::from_str(&json).expect("one object");
    assert_eq!(json["conserved"], true);
    assert_eq!(json["per_window"].as_array().map(Vec::len), Some(2));
    assert_eq!(json["conservation"][0]["offered"]["packets"], 2_000);
    assert_eq!(json["conservation"][0]["residual"]["bytes"], 0);
    let nowhere = weir(["check", "no-such-directory"]);
    assert_eq!(code(&nowhere), 3);
}

#[test]
fn a_directory_whose_manifest_is_in_segments_is_refused_and_replaced_as_a_whole() {
    let scratch = Scratch::new("segments");
    let capture = scratch.capture("a.pcap", &small());
    let directory = scratch.path("records");
    assert_eq!(code(&replay(&capture, &directory, &[])), 0);
    fs::rename(directory.join("manifest.ndjson"), directory.join("manifest-000000000000.ndjson")).expect("a segment");
    let output = replay(&capture, &directory, &[]);
    assert_eq!(code(&output), 4);
    assert!(text(&output.stderr).contains("manifest-000000000000.ndjson"), "{}", text(&output.stderr));
    assert_eq!(code(&replay(&capture, &directory, &["--overwrite"])), 0);
    assert_eq!(code(&check(&directory)), 0);
    assert!(!directory.join("manifest-000000000000.ndjson").exists());
}
