//! What is wrong in a dump is found, named, and makes the exit code: each test plants one thing.

mod cli_support;

use cli_support::*;
use serde_json::{Value, json};
use std::path::Path;

/// The dump of a NIC that is well, with something changed.
fn planted(scratch: &Scratch, change: impl FnOnce(&mut Value)) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/dumps/small.json");
    let mut dump: Value = serde_json::from_slice(&std::fs::read(path).expect("a dump")).expect("JSON");
    change(&mut dump);
    scratch.file("planted.json", dump.to_string()).display().to_string()
}

fn register<'a>(dump: &'a mut Value, name: &str) -> &'a mut Value {
    let registers = dump["nic"]["registers"].as_array_mut().expect("registers");
    &mut registers.iter_mut().find(|register| register["name"] == name).expect("it is there")["value"]
}

/// Standard output and exit code.
fn said(command: &str, dump: &str) -> (String, i32) {
    let words: Vec<&str> = command.split_whitespace().chain(["--dump", dump]).collect();
    let output = weir(words);
    (format!("{}{}", text(&output.stdout), text(&output.stderr)), code(&output))
}

#[test]
fn a_packet_that_is_in_no_place_is_a_residual_and_red() {
    let scratch = Scratch::new("finding-residual");
    let dump = planted(&scratch, |dump| dump["nic"]["ledgers"][0]["packets"]["tallied"] = json!(53));
    let (shown, exit) = said("counters --check", &dump);
    assert_eq!(exit, 1);
    assert!(shown.contains("tallied 53") && shown.contains("RESIDUAL 1\n") && shown.contains("2 broken"), "{shown}");
    let (shown, exit) = said("counters --check --json", &dump);
    let found: Value = serde_json::from_str(&shown).expect("JSON");
    assert_eq!((exit, &found["conserved"], &found["broken"]), (1, &json!(false), &json!(2)));
    let (shown, exit) = said("health diagnose", &dump);
    assert_eq!(exit, 1);
    assert!(shown.contains("RED  ledger eni-lq6mkcis ingress packets: residual 1"), "{shown}");
}

#[test]
fn a_frame_that_entered_while_the_nic_was_read_leaves_the_equations_open() {
    let scratch = Scratch::new("finding-skew");
    let dump = planted(&scratch, |dump| {
        dump["nic"]["ledgers"][0]["packets"]["offered"] = json!(56);
        dump["nic"]["moment"]["skew"]["frames"] = json!(1);
    });
    let (shown, exit) = said("counters --check", &dump);
    assert_eq!(exit, 0, "{shown}");
    assert!(shown.contains("residual 1, open: 1 frames entered while the NIC was read"), "{shown}");
    assert!(shown.contains("note: the NIC worked while it was read: 1 frames"), "{shown}");
}

#[test]
fn a_slot_that_nic_and_driver_have_otherwise_is_named_and_its_flow_is_stray() {
    let scratch = Scratch::new("finding-stray");
    let dump = planted(&scratch, |dump| dump["nic"]["tables"][0]["entries"][0]["cookie"] = json!(77));
    let slot = "448";
    let (shown, _) = said("tables", &dump);
    let line = format!("ingress slot {slot}: flow 77 in the NIC, flow 3 in the driver's shadow");
    assert!(shown.contains("1 SLOTS DIFFER") && shown.contains(&line), "{shown}");
    let (shown, exit) = said("flows find stray", &dump);
    assert_eq!(exit, 0);
    assert!(shown.contains(&format!("{slot} STRAY")) && shown.contains("1 flow of"), "{shown}");
    let (shown, exit) = said("health diagnose", &dump);
    assert_eq!(exit, 1);
    assert!(shown.contains("RED  ingress table: 1 slots differ") && shown.contains("RED  flows: 1 stray"), "{shown}");
}

#[test]
fn another_device_is_told_from_one_that_is_gone() {
    let scratch = Scratch::new("finding-foreign");
    let dump = planted(&scratch, |dump| {
        dump["nic"]["presence"] = json!("foreign");
        *register(dump, "MAGIC") = json!(0x1234_5678);
    });
    let (shown, exit) = said("regs read MAGIC", &dump);
    assert_eq!(exit, 5);
    assert!(shown.contains("no flow-tally NIC: MAGIC reads 0x12345678, expected 0x57454952"), "{shown}");
    let (shown, exit) = said("health diagnose", &dump);
    assert_eq!(exit, 5);
    assert!(shown.contains("another device") && !shown.contains("gone"), "{shown}");
}

#[test]
fn every_sticky_error_and_every_refusal_is_red_with_what_it_means() {
    let scratch = Scratch::new("finding-errors");
    let dump = planted(&scratch, |dump| {
        *register(dump, "ERRORS") = json!(0x7f);
        *register(dump, "DMA_REFUSED_LO") = json!(9);
        *register(dump, "STATUS") = json!(0b1001);
    });
    let (shown, exit) = said("health diagnose", &dump);
    assert_eq!(exit, 1);
    for error in ["register_write", "ring_setup", "dma", "command", "phase", "inject", "index"] {
        assert!(shown.contains(&format!("RED  ERRORS.{error}: 1")), "{error} in {shown}");
    }
    for found in ["DMA_REFUSED: 9", "STATUS.running: 0", "STATUS.record_ring_full: 1"] {
        assert!(shown.contains(&format!("RED  {found}\n")), "{found} in {shown}");
    }
    assert_eq!(said("health", &dump).0, "RED: 10 red, 0 amber (weir health diagnose)\n");
}

#[test]
fn an_index_past_its_ring_is_impossible_and_a_ring_that_is_off_under_traffic_is_red() {
    let scratch = Scratch::new("finding-rings");
    let dump = planted(&scratch, |dump| {
        *register(dump, "RECORD_PRODUCER") = json!(100_000);
        *register(dump, "PUNT_CONTROL") = json!(0x300);
    });
    let (shown, _) = said("rings", &dump);
    assert!(shown.contains("IMPOSSIBLE") && shown.contains(" off "), "{shown}");
    let (shown, exit) = said("health diagnose", &dump);
    assert_eq!(exit, 1);
    assert!(shown.contains("RED  record ring: 99,988 in use of 65,536"), "{shown}");
    assert!(shown.contains("RED  punt ring: off"), "{shown}");
}

#[test]
fn a_flow_that_two_verdicts_met_is_explained_in_both_entries() {
    let scratch = Scratch::new("finding-sibling");
    let dump = planted(&scratch, |dump| {
        let mut sibling = dump["host"]["flows"][1].clone();
        (sibling["cookie"], sibling["sibling_of"]) = (json!(900), json!(1));
        (sibling["verdict"], sibling["slot"]) = (json!("REJECT"), Value::Null);
        dump["host"]["flows"].as_array_mut().expect("flows").push(sibling);
    });
    let (shown, exit) = said("flows why tcp 10.0.125.176:59128 > 192.168.0.3:443", &dump);
    assert_eq!(exit, 0);
    assert!(shown.contains(": ACCEPT by") && shown.contains(": REJECT by"), "{shown}");
    assert!(shown.contains("counts for the flow 1 what met this verdict"), "{shown}");
}
