//! The other commands, help and completions.

mod cli_support;

use cli_support::*;

#[test]
fn models_are_listed_with_what_is_assumed_marked() {
    let table = stdout(["models", "S3"]);
    assert!(table.starts_with("MODEL") && table.contains("S3.LARGE ") && !table.contains("M3."), "{table}");
    assert!(table.contains("~ marks a figure that is assumed"));
    let json = stdout(["models", "--json"]);
    let models: serde_json::Value = serde_json::from_str(&json).expect("an array");
    assert!(models.as_array().is_some_and(|models| models.len() > 13));
    assert!(models[0]["packets_per_second"]["assumed"].is_boolean());
    let unknown = weir(["models", "Z9"]);
    assert_eq!(code(&unknown), 2);
    assert!(text(&unknown.stderr).contains("found model family `Z9`"));
}

#[test]
fn generated_captures_are_the_same_each_time_and_can_be_replayed() {
    let scratch = Scratch::new("generate");
    let (one, two) = (scratch.path("one.pcap"), scratch.path("two.pcap"));
    let options = ["generate", "--packets=20k", "--flows=1.5k", "--pps=1k", "--seed=3", "--ipv6-share=0.5"];
    for out in [&one, &two] {
        assert_eq!(stdout(options.map(std::ffi::OsStr::new).into_iter().chain([out.as_os_str()])), "");
    }
    let bytes = std::fs::read(&one).expect("a capture");
    assert_eq!(bytes, std::fs::read(&two).expect("a capture"));
    let piped = weir(options.into_iter().chain(["-"]));
    assert_eq!(piped.stdout, bytes);
    assert!(!scratch.path("one.pcap.tmp").exists());
    let output = weir(["replay".as_ref(), "--stats=json".as_ref(), one.as_os_str()]);
    let stats: serde_json::Value = serde_json::from_slice(&output.stderr).expect("one object");
    assert_eq!(stats["frames"], 20_000);
    for wrong in ["--packets=many", "--zipf=9", "--flows=0", "--start=+5s"] {
        assert_eq!(code(&weir(["generate", wrong, "-"])), 2, "{wrong}");
    }
    let nowhere = scratch.path("no/such/out.pcap");
    let output = weir(["generate".as_ref(), "--packets=10".as_ref(), "--flows=2".as_ref(), nowhere.as_os_str()]);
    assert_eq!(code(&output), 4);
    assert!(text(&output.stderr).contains("no/such/out.pcap"));
}

#[test]
fn completions_are_there_for_three_shells() {
    for (shell, word) in [("bash", "complete -F _weir"), ("zsh", "#compdef weir"), ("fish", "complete -c weir")] {
        let script = stdout(["completions", shell]);
        assert!(script.contains(word) && script.contains("replay"), "{shell}");
    }
    assert_eq!(code(&weir(["completions", "tcsh"])), 2);
}

#[test]
fn help_of_every_command_has_examples() {
    let help = stdout(["--help"]);
    assert!(
        help.contains("Examples:\n  weir replay capture.pcap")
            && help.contains("Exit codes:")
            && help.contains("NO_COLOR")
    );
    let of_daemon: &[&str] = if cfg!(feature = "pci") { &["run", "eni", "flowlog"] } else { &[] };
    for command in ["replay", "check", "models", "generate", "completions"].iter().chain(of_daemon).copied() {
        assert!(help.contains(&format!("  {command} ")), "{command}");
        let help = stdout([command, "--help"]);
        assert!(help.contains(&format!("Examples:\n  weir {command}")), "{help}");
    }
    assert!(stdout(["replay", "--help"]).contains("Exit codes: 0"));
}

#[test]
fn wrong_usage_is_exit_code_2_and_version_is_0() {
    for wrong in [&["replay"][..], &["repaly", "x"], &["replay", "--format", "xml", "x"], &[], &["check"]] {
        let output = weir(wrong);
        assert_eq!((code(&output), output.stdout.len()), (2, 0), "{wrong:?}");
        assert!(text(&output.stderr).contains("--help"), "{wrong:?}: {}", text(&output.stderr));
    }
    assert!(stdout(["--version"]).starts_with("weir "));
}

#[cfg(not(feature = "rtl"))]
#[test]
fn what_needs_the_rtl_says_how_to_build_a_weir_that_has_it() {
    let scratch = Scratch::new("no_rtl");
    let capture = scratch.capture("a.pcap", &small());
    for command in [&["lockstep"][..], &["replay", "--nic=rtl"]] {
        let args = command.iter().map(std::ffi::OsStr::new).chain([capture.as_os_str()]);
        let refused = weir(args);
        assert_eq!(code(&refused), 2, "{command:?}");
        assert!(text(&refused.stderr).contains("expected one built with `--features rtl`"), "{command:?}");
        assert_eq!(text(&refused.stdout), "", "{command:?}");
    }
}

#[test]
fn a_trace_is_refused_where_there_is_no_rtl_to_trace() {
    let scratch = Scratch::new("no_trace");
    let capture = scratch.capture("a.pcap", &small());
    let refused = weir(["replay".as_ref(), "--trace=waves.vcd".as_ref(), capture.as_os_str()]);
    assert_eq!(code(&refused), 2);
    assert!(text(&refused.stderr).contains("found --trace with the model, expected it with --nic rtl"));
    assert!(!scratch.path("waves.vcd").exists());
}
