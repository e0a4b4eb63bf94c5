//! `weir replay`: captures in, records out.

mod cli_support;

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _};
use std::process::Stdio;

use cli_support::*;
use flowlog::record::{FieldList, ParsedBody, parse_line};
use sim::generate::Spec;

/// Packets and bytes of each source, destination, ports and protocol, over all records.
fn sums(records: &str) -> BTreeMap<String, (u64, u64)> {
    let mut sums = BTreeMap::new();
    for line in records.lines() {
        if let ParsedBody::Flow(flow) = parse_line(line).expect("a record").body {
            let key = format!("{} {} {} {} {}", flow.src, flow.dst, flow.src_port, flow.dst_port, flow.protocol);
            let sum: &mut (u64, u64) = sums.entry(key).or_default();
            sum.0 += flow.packets;
            sum.1 += flow.bytes;
        }
    }
    sums
}

fn packets(records: &str) -> u64 {
    sums(records).values().map(|sum| sum.0).sum()
}

#[test]
fn every_packet_of_a_capture_is_in_a_record_of_standard_output() {
    let scratch = Scratch::new("every_packet");
    let capture = scratch.capture("a.pcap", &small());
    let output = weir(["replay".as_ref(), capture.as_os_str()]);
    assert_eq!(code(&output), 0);
    assert_eq!(packets(text(&output.stdout)), 2_000);
    let summary = text(&output.stderr);
    assert!(summary.starts_with("2000 frames, 1 window of 300 s, "), "{summary}");
    assert!(summary.contains("wire_rx 2000 = policer_drop 0 + ACCEPT 2000 + REJECT 0"), "{summary}");
    assert!(summary.contains("residual 0\n"), "{summary}");
}

#[test]
fn the_same_input_twice_gives_the_same_bytes() {
    let scratch = Scratch::new("same_bytes");
    let capture = scratch.capture("a.pcap", &small());
    for form in [["--format", "text"], ["--format", "ndjson"]] {
        let run = || {
            let args = ["replay", "--window", "5s", "--stats", "json", "-v"].map(std::ffi::OsStr::new);
            let output = weir(args.into_iter().chain(form.map(std::ffi::OsStr::new)).chain([capture.as_os_str()]));
            assert_eq!(code(&output), 0);
            (output.stdout, output.stderr)
        };
        assert_eq!(run(), run());
    }
}

#[test]
fn the_pace_of_a_clock_changes_no_byte() {
    let scratch = Scratch::new("pace");
    let capture = scratch.capture("a.pcap", &small());
    let replay = ["replay", "--window", "2s"].map(std::ffi::OsStr::new);
    let fast = stdout(replay.into_iter().chain([capture.as_os_str()]));
    let begun = std::time::Instant::now();
    let paced = stdout(replay.into_iter().chain(["--speed".as_ref(), "40".as_ref(), capture.as_os_str()]));
    assert!(begun.elapsed().as_millis() >= 400, "20 s at 40 times their pace take half a second");
    assert_eq!(fast, paced);
}

#[test]
fn a_capture_is_read_from_standard_input() {
    let scratch = Scratch::new("stdin");
    let frames = frames_of(&small());
    let capture = scratch.file("a.pcap", capture_of(&frames));
    let from_file = stdout(["replay".as_ref(), capture.as_os_str()]);
    let from_pipe = weir_with_stdin(&["replay", "-"], &capture_of(&frames));
    assert_eq!(code(&from_pipe), 0, "{}", text(&from_pipe.stderr));
    assert_eq!(text(&from_pipe.stdout), from_file);
    assert_eq!(code(&weir_with_stdin(&["replay", "-", "-"], b"")), 2);
}

#[test]
fn several_captures_are_merged_by_time() {
    let scratch = Scratch::new("merged");
    let frames = frames_of(&small());
    let whole = scratch.file("whole.pcap", capture_of(&frames));
    let even = scratch.file("even.pcap", capture_of(&some_of(&frames, |number| number % 2 == 0)));
    let odd = scratch.file("odd.pcap", capture_of(&some_of(&frames, |number| number % 2 == 1)));
    let replay = |files: &[&std::path::PathBuf]| {
        stdout(["replay".as_ref(), "--window=5s".as_ref()].into_iter().chain(files.iter().map(|file| file.as_os_str())))
    };
    assert_eq!(replay(&[&whole]), replay(&[&even, &odd]));
}

#[test]
fn text_and_ndjson_say_the_same() {
    let scratch = Scratch::new("forms");
    let capture = scratch.capture("a.pcap", &small());
    let text = stdout(["replay".as_ref(), "--window=5s".as_ref(), capture.as_os_str()]);
    let json = stdout(["replay".as_ref(), "--window=5s".as_ref(), "--format=ndjson".as_ref(), capture.as_os_str()]);
    assert_eq!(text.lines().count(), json.lines().count());
    for (line, object) in text.lines().zip(json.lines()) {
        let object: serde_json::Map<String, serde_json::Value> = serde_json::from_str(object).expect("an object");
        let list = FieldList::default_format();
        assert_eq!(object.len(), FieldList::all().fields().len());
        for (field, word) in list.fields().iter().zip(line.split(' ')) {
            let value = match &object[field.as_str()] {
                serde_json::Value::Null => "-".to_owned(),
                serde_json::Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            assert_eq!(value, word, "{field} of {line}");
        }
    }
}

#[test]
fn a_field_list_has_its_header_line_once_and_chooses_the_fields() {
    let scratch = Scratch::new("fields");
    let capture = scratch.capture("a.pcap", &small());
    let chosen = "srcaddr,dstaddr packets x-rule-id flow-direction";
    let args = ["replay", "--window=5s", "--fields", chosen].map(std::ffi::OsStr::new);
    let records = stdout(args.into_iter().chain([capture.as_os_str()]));
    let mut lines = records.lines();
    assert_eq!(lines.next(), Some("srcaddr dstaddr packets x-rule-id flow-direction"));
    let list: FieldList = chosen.parse().expect("a list");
    let mut count = 0;
    for line in lines {
        list.parse_line(line.as_bytes()).expect("a record of these fields");
        count += 1;
    }
    assert!(count > 300);
    let wrong = weir(["replay", "--fields", "srcaddr dstadr", "x.pcap"]);
    assert_eq!(code(&wrong), 2);
    assert!(text(&wrong.stderr).contains("`dstadr`"), "{}", text(&wrong.stderr));
}

#[test]
fn from_and_to_cut_a_part_of_the_time_out() {
    let scratch = Scratch::new("from_to");
    let capture = scratch.capture("a.pcap", &small());
    let count = |from: &str, to: &str| {
        let args = ["replay", "--from", from, "--to", to].map(std::ffi::OsStr::new);
        packets(&stdout(args.into_iter().chain([capture.as_os_str()])))
    };
    let frames = frames_of(&small());
    let first_ns = frames.get(0).expect("a frame").time_ns;
    let between = |from: u64, to: u64| frames.iter().filter(|frame| (from..to).contains(&frame.time_ns)).count() as u64;
    let second = 1_000_000_000;
    assert_eq!(count("+0s", "+10s"), between(first_ns, first_ns + 10 * second));
    assert_eq!(count("+10s", "+1h"), between(first_ns + 10 * second, u64::MAX));
    let at = |offset: u64| (START_S + offset) * second;
    assert_eq!(count("2023-11-14T22:13:25Z", "1700000010.5"), between(at(5), at(10) + second / 2));
    assert_eq!(count("2024-01-01T00:00:00Z", "2025-01-01T00:00:00Z"), 0);
    let wrong = weir(["replay", "--from", "noon", "x.pcap"]);
    assert_eq!(code(&wrong), 2);
    assert!(text(&wrong.stderr).contains("RFC 3339"), "{}", text(&wrong.stderr));
}

#[test]
fn a_corrupt_capture_gives_what_came_before_and_then_an_error_with_its_place() {
    let scratch = Scratch::new("corrupt");
    let frames = frames_of(&small());
    let half = capture_of(&some_of(&frames, |number| number < 1_000));
    let mut bytes = half.clone();
    bytes.extend_from_slice(&[0xff; 64]);
    let corrupt = scratch.file("corrupt.pcap", &bytes);
    let sound = scratch.file("sound.pcap", &half);
    let output = weir(["replay".as_ref(), corrupt.as_os_str()]);
    assert_eq!(code(&output), 3);
    assert_eq!(text(&output.stdout), stdout(["replay".as_ref(), sound.as_os_str()]));
    let error = text(&output.stderr);
    assert!(error.contains(&format!("corrupt.pcap: at byte {}: impossible packet length", half.len())), "{error}");
    let missing = weir(["replay", "no-such.pcap"]);
    assert_eq!(code(&missing), 3);
    assert!(text(&missing.stderr).contains("no-such.pcap"));
}

#[test]
fn a_capture_without_packets_gives_no_record_and_no_error() {
    let scratch = Scratch::new("no_packets");
    let empty = scratch.file("a.pcap", capture_of(&some_of(&frames_of(&small()), |_| false)));
    let output = weir(["replay".as_ref(), empty.as_os_str()]);
    assert_eq!((code(&output), output.stdout.len()), (0, 0));
    assert!(text(&output.stderr).starts_with("0 frames, 0 windows"));
}

#[test]
fn a_configuration_with_an_unknown_key_is_refused_with_its_line() {
    let scratch = Scratch::new("unknown_key");
    let config = scratch.file("weir.toml", "[settings]\nwindow = \"60s\"\ncolour = \"red\"\n");
    let output = weir(["replay".as_ref(), "--config".as_ref(), config.as_os_str(), "x.pcap".as_ref()]);
    assert_eq!(code(&output), 2);
    let error = text(&output.stderr);
    assert!(error.contains("weir.toml:3:1: found unknown key `colour`"), "{error}");
    for wrong in [["--window", "0s"], ["--window", "601"], ["--slots-log2", "30"], ["--speed", "0"]] {
        let output = weir(["replay"].into_iter().chain(wrong).chain(["x.pcap"]));
        assert_eq!(code(&output), 2, "{wrong:?}");
    }
}

#[test]
fn a_model_limits_what_is_admitted_and_the_drops_have_a_name() {
    let scratch = Scratch::new("model");
    // A hundred thousand packets in a fifth of a second: more than any small model takes.
    let spec = Spec { packets: 100_000, flows: 1_000, packets_per_second: 5_000_000, ..Spec::default() };
    let capture = scratch.capture("a.pcap", &spec);
    let args = ["replay", "--model", "S3.SMALL1", "--stats", "json"].map(std::ffi::OsStr::new);
    let output = weir(args.into_iter().chain([capture.as_os_str()]));
    assert_eq!(code(&output), 0, "{}", text(&output.stderr));
    let stats: serde_json::Value = serde_json::from_slice(&output.stderr).expect("one object");
    assert_eq!(stats["conserved"], true);
    let ingress = &stats["conservation"][0];
    assert_eq!(ingress["offered"]["packets"], 100_000);
    let policed = ingress["policed"]["packets"].as_u64().expect("a number");
    assert!(policed > 0, "{ingress}");
    assert_eq!(packets(text(&output.stdout)) + policed, 100_000);
    let by_limit = ingress["limits"].as_object().expect("limits").values().filter_map(|count| count.as_u64());
    assert_eq!(by_limit.sum::<u64>(), policed, "{ingress}");
    let unknown = weir(["replay", "--model", "Z9.SMALL1", "x.pcap"]);
    assert_eq!(code(&unknown), 2);
    assert!(text(&unknown.stderr).contains("S1 S2 S3 M1"), "{}", text(&unknown.stderr));
}

#[test]
fn statistics_say_the_nics_report_and_go_to_a_file_if_asked() {
    let scratch = Scratch::new("stats");
    let capture = scratch.capture("a.pcap", &small());
    let file = scratch.path("stats.json");
    let args = ["replay", "--quiet", "--seed", "7", "--window=10s", "-v", "--stats-file"].map(std::ffi::OsStr::new);
    let output = weir(args.into_iter().chain([file.as_os_str(), capture.as_os_str()]));
    assert_eq!((code(&output), text(&output.stderr)), (0, ""));
    let stats: serde_json::Value = serde_json::from_slice(&std::fs::read(file).expect("a file")).expect("one object");
    assert_eq!((&stats["seed"], &stats["frames"]), (&7.into(), &2_000.into()));
    assert_eq!(stats["per_window"].as_array().map(Vec::len), Some(2));
    let nic = &stats["nic"];
    assert_eq!(nic["engines"][0]["packets"], 2_000);
    assert!(nic["punt"]["p99_ns"].as_f64().is_some_and(|ns| ns > 0.0));
    assert_eq!(nic["rings"].as_array().map(Vec::len), Some(5));
    let output = weir(["replay".as_ref(), "--stats=text".as_ref(), capture.as_os_str()]);
    let stats = text(&output.stderr);
    for word in ["seed 1", "RESIDUAL", "p99.9", "cycles", "longest drain", "record ring", "first drop"] {
        assert!(stats.contains(word), "{word} in {stats}");
    }
}

#[test]
fn a_reader_that_leaves_early_is_no_error() {
    let scratch = Scratch::new("broken_pipe");
    let spec = Spec { packets: 100_000, flows: 50_000, packets_per_second: 100_000, ..Spec::default() };
    let capture = scratch.capture("a.pcap", &spec);
    let mut child = command(["replay".as_ref(), "--format=ndjson".as_ref(), capture.as_os_str()])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("weir runs");
    let mut first = String::new();
    BufReader::with_capacity(64, child.stdout.take().expect("a pipe")).read_line(&mut first).expect("a line");
    assert!(first.starts_with('{'));
    assert_eq!(child.wait().expect("weir ends").code(), Some(0));
    let mut errors = String::new();
    child.stderr.take().expect("a pipe").read_to_string(&mut errors).expect("UTF-8");
    assert_eq!(errors, "");
}
