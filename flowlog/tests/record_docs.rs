//! The examples on the page about the record are what the code writes.
#![allow(missing_docs, reason = "a test's name is its documentation")]

#[path = "record_samples/mod.rs"]
mod samples;

use flowlog::record::{
    Entry, Field, FieldList, FlowFacts, IcmpPorts, JsonWriter, ListWriter, RecordSettings, RecordTimes, SkipReason,
    Skipped, TcpOpening, TextWriter, VersionToken, parse_line,
};
use samples::{golden_ping, golden_pong, golden_ssh, stream, window};

const PAGE: &str = include_str!("../../docs/record.md");

fn assert_shown(example: Vec<u8>) {
    let example = String::from_utf8(example).expect("text");
    assert!(PAGE.contains(&example), "docs/record.md does not show:\n{example}");
}

fn ssh() -> FlowFacts {
    let mut facts = FlowFacts { tcp_opening: TcpOpening::Syn, rule_id: 1022, ..golden_ssh() };
    facts.key.tcp_flags = 0x1b;
    facts
}

const SKIPPED: Skipped = Skipped { reason: SkipReason::CreditExhausted, packets: 70_000, bytes: 4_480_000 };

#[test]
fn the_lines_of_14_fields_on_the_page_are_real() {
    let tcp = window(1_418_530_000, 1_418_530_300);
    let icmp = window(1_432_917_000, 1_432_917_300);
    let mut out = Vec::new();
    let mut writer = TextWriter::new(&stream(), RecordSettings::default());
    writer.flow(&mut out, &tcp, &ssh());
    writer.flow(&mut out, &icmp, &golden_ping());
    writer.flow(&mut out, &icmp, &golden_pong());
    writer.entry(&mut out, &icmp, &Entry::SkipData(SKIPPED));
    writer.entry(&mut out, &tcp, &Entry::NoData);
    assert_shown(out);
}

#[test]
fn the_effect_of_each_setting_on_the_page_is_real() {
    let icmp = window(1_432_917_000, 1_432_917_300);
    for settings in [
        RecordSettings { version_token: VersionToken::V1, ..RecordSettings::default() },
        RecordSettings { icmp_ports: IcmpPorts::IdTypecode, ..RecordSettings::default() },
        RecordSettings { record_times: RecordTimes::Window, ..RecordSettings::default() },
    ] {
        let mut out = Vec::new();
        TextWriter::new(&stream(), settings).flow(&mut out, &icmp, &golden_ping());
        assert_shown(out);
    }
}

#[test]
fn the_custom_list_and_the_ndjson_on_the_page_are_real() {
    let tcp = window(1_418_530_000, 1_418_530_300);
    let list: FieldList = "interface-id,srcaddr,dstaddr,dstport,tcp-flags,flow-direction,action,x-layer,x-rule-id,\
                           x-skip-reason,x-skipped-packets,log-status"
        .parse()
        .expect("a list");
    let mut text = Vec::new();
    list.write_header(&mut text);
    let mut writer = ListWriter::new(&stream(), RecordSettings::default(), &list);
    writer.entry(&mut text, &tcp, &Entry::Flow(&ssh()));
    writer.entry(&mut text, &tcp, &Entry::SkipData(SKIPPED));
    assert_shown(text);

    let mut json = Vec::new();
    let mut writer = JsonWriter::new(&stream(), RecordSettings::default(), &FieldList::all());
    writer.entry(&mut json, &tcp, &Entry::Flow(&ssh()));
    assert_shown(json);
}

#[test]
fn the_error_on_the_page_is_real() {
    let line =
        "2 1251762227 eni-lq6mkcis 172.31.16.139 172.31.16.21 20641 66000 6 20 4249 1418530010 1418530070 ACCEPT OK";
    let error = parse_line(line).expect_err("an error");
    assert_shown(format!("{error}\n").into_bytes());
}

#[test]
fn the_page_has_a_row_for_every_field_and_every_word() {
    for field in Field::ALL {
        assert!(PAGE.contains(&format!("| `{field}` |")), "docs/record.md has no row for {field}");
    }
    let reasons = SkipReason::ALL.iter().map(|each| each.as_str());
    for word in reasons.chain(flowlog::record::EndReason::ALL.iter().map(|each| each.as_str())) {
        assert!(PAGE.contains(&format!("`{word}`")), "docs/record.md does not explain {word}");
    }
}
