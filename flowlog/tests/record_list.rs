//! Custom field lists: as text, as NDJSON, and read back.
#![allow(missing_docs, reason = "a test's name is its documentation")]

#[path = "record_samples/mod.rs"]
mod samples;

use firmware_abi::key::{Direction, protocol};
use flowlog::record::{
    Action, BadFieldList, CommunityId, EndReason, Entry, Field, FieldList, FlowFacts, Icmp, JsonWriter, Layer,
    ListWriter, ParseError, RecordSettings, SkipReason, Skipped, Stream, TcpOpening, TextWriter, Value, VersionToken,
    WindowBounds,
};
use proptest::prelude::*;
use samples::{Family, facts, golden_ping, golden_pong, golden_ssh, key, seeded, stream, window};

fn list(text: &str) -> FieldList {
    text.parse().expect("a field list")
}

fn text_line(list: &FieldList, window: &WindowBounds, entry: &Entry<'_>) -> String {
    let mut out = Vec::new();
    ListWriter::new(&stream(), RecordSettings::default(), list).entry(&mut out, window, entry);
    String::from_utf8(out).expect("text")
}

fn json_line(list: &FieldList, window: &WindowBounds, entry: &Entry<'_>) -> String {
    let mut out = Vec::new();
    JsonWriter::new(&stream(), RecordSettings::default(), list).entry(&mut out, window, entry);
    String::from_utf8(out).expect("text")
}

const SKIPPED: Skipped = Skipped { reason: SkipReason::CreditExhausted, packets: 70_000, bytes: 4_480_000 };

fn ssh_window() -> WindowBounds {
    window(1_418_530_000, 1_418_530_300)
}

#[test]
fn a_list_is_read_with_commas_or_spaces_and_gives_its_header() {
    let list = list("version, srcaddr dstaddr,x-layer");
    assert_eq!(list.fields(), [Field::Version, Field::SrcAddr, Field::DstAddr, Field::Layer]);
    assert_eq!(list.to_string(), "version,srcaddr,dstaddr,x-layer");
    let mut header = Vec::new();
    list.write_header(&mut header);
    assert_eq!(header, b"version srcaddr dstaddr x-layer\n");
    assert_eq!(FieldList::parse_header(&header), Ok(list.clone()));
    let json = serde_json::to_string(&list).expect("JSON");
    assert_eq!(serde_json::from_str::<FieldList>(&json).expect("a list"), list);
}

#[test]
fn a_bad_list_is_refused_with_the_reason() {
    let unknown = "version,scraddr".parse::<FieldList>().expect_err("an error");
    assert_eq!(unknown, BadFieldList::Unknown { number: 2, found: "scraddr".to_owned() });
    let message = unknown.to_string();
    assert!(message.starts_with("field 2, `scraddr`, does not exist; there are: version, account-id, "), "{message}");
    assert!(Field::ALL.iter().all(|field| message.contains(field.as_str())), "{message}");
    let twice = "version bytes version".parse::<FieldList>().expect_err("an error");
    assert_eq!(twice.to_string(), "field 3, `version`, is in the list already as field 1");
    assert_eq!(" , ".parse::<FieldList>(), Err(BadFieldList::Empty));
}

#[test]
fn the_default_list_gives_the_default_line() {
    let window = ssh_window();
    let list = FieldList::default_format();
    let mut entries: Vec<FlowFacts> = seeded(1, 100, Family::Mixed, &window);
    entries.extend([golden_ssh(), golden_ping()]);
    let skipped = Entry::SkipData(SKIPPED);
    for entry in entries.iter().map(Entry::Flow).chain([Entry::NoData, skipped]) {
        let mut line = Vec::new();
        TextWriter::new(&stream(), RecordSettings::default()).entry(&mut line, &window, &entry);
        assert_eq!(text_line(&list, &window, &entry).as_bytes(), line);
    }
}

#[test]
fn every_field_of_a_flow_is_written() {
    let facts = FlowFacts {
        sequence: 41,
        layer: Layer::NetworkAcl,
        rule_id: 4_294_967_295,
        end_reason: EndReason::RuleChange,
        ..golden_pong()
    };
    let window = window(1_432_917_000, 1_432_917_300);
    assert_eq!(
        text_line(&FieldList::all(), &window, &Entry::Flow(&facts)),
        "2 1251762227 eni-lq6mkcis 172.31.16.139 203.0.113.12 0 0 1 4 336 1432917094 1432917142 REJECT OK \
         vpc-8f2k1m9q subnet-3c5p7r1t ins-0a9b8c7d 0 IPv4 172.31.16.139 203.0.113.12 ap-guangzhou egress - \
         network-acl network-acl 4294967295 3 1432917094000000000 1432917142999999999 rule-change 0 \
         1:cfQqw/Kh6+4yqhEKgkCw/m3WoJM= - - - 1432917000000000000 1432917300000000000 41\n"
    );
}

#[test]
fn status_records_have_what_they_have_and_no_more() {
    let window = ssh_window();
    let list = list("log-status,srcaddr,start,end,x-skip-reason,x-skipped-packets,x-skipped-bytes,x-rule-id,region");
    assert_eq!(
        text_line(&list, &window, &Entry::SkipData(SKIPPED)),
        "SKIPDATA - 1418530000 1418530300 credit-exhausted 70000 4480000 - ap-guangzhou\n"
    );
    assert_eq!(text_line(&list, &window, &Entry::NoData), "NODATA - 1418530000 1418530300 - - - - ap-guangzhou\n");
    assert_eq!(
        json_line(&list, &window, &Entry::NoData),
        "{\"log-status\":\"NODATA\",\"srcaddr\":null,\"start\":1418530000,\"end\":1418530300,\"x-skip-reason\":null,\
         \"x-skipped-packets\":null,\"x-skipped-bytes\":null,\"x-rule-id\":null,\"region\":\"ap-guangzhou\"}\n"
    );
}

#[test]
fn a_stream_without_labels_has_none() {
    let bare = Stream { vpc_id: None, subnet_id: None, instance_id: None, region: None, ..stream() };
    let list = list("version vpc-id subnet-id instance-id region");
    let settings = RecordSettings { version_token: VersionToken::V1, ..RecordSettings::default() };
    let mut out = Vec::new();
    ListWriter::new(&bare, settings, &list).entry(&mut out, &ssh_window(), &Entry::NoData);
    JsonWriter::new(&bare, settings, &list).entry(&mut out, &ssh_window(), &Entry::NoData);
    let json = r#"{"version":"V1","vpc-id":null,"subnet-id":null,"instance-id":null,"region":null}"#;
    assert_eq!(String::from_utf8(out).expect("text"), format!("V1 - - - -\n{json}\n"));
}

/// NDJSON and text, read back, hold the same values.
fn same_facts(window: &WindowBounds, entry: &Entry<'_>) {
    let all = FieldList::all();
    let text = text_line(&all, window, entry);
    let record = all.parse_line(text.as_bytes()).expect("a record");
    let mut again = Vec::new();
    record.write_line(&mut again);
    assert_eq!(again, text.as_bytes());

    let json = json_line(&all, window, entry);
    let object: serde_json::Map<String, serde_json::Value> = serde_json::from_str(&json).expect("an object");
    assert_eq!(object.len(), Field::ALL.len());
    let mut places = Vec::new();
    for (field, value) in record.iter() {
        places.push(json.find(&format!("\"{field}\":")).expect("the key"));
        let expected = match value {
            Value::Absent => serde_json::Value::Null,
            Value::Number(number) => number.into(),
            Value::Address(address) => address.to_string().into(),
            Value::Text("2") if field == Field::Version => 2.into(),
            Value::Text(text) => text.into(),
        };
        assert_eq!(object[field.as_str()], expected, "{field}");
    }
    assert!(places.is_sorted(), "keys are in the list's order");
}

#[test]
fn text_and_ndjson_of_a_record_hold_the_same_facts() {
    let window = ssh_window();
    for facts in seeded(7, 500, Family::Mixed, &window) {
        same_facts(&window, &Entry::Flow(&facts));
    }
    for facts in [golden_ping(), golden_pong(), FlowFacts { icmp: None, ..golden_ping() }] {
        same_facts(&window, &Entry::Flow(&facts));
    }
    same_facts(&window, &Entry::NoData);
    for reason in SkipReason::ALL {
        same_facts(&window, &Entry::SkipData(Skipped { reason: *reason, ..SKIPPED }));
    }
}

#[test]
fn the_longest_record_fits() {
    let longest = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff";
    let key = key(longest, longest, (65_535, 65_535), 58, Direction::Egress);
    let facts = FlowFacts {
        sequence: u64::MAX,
        rule_id: u32::MAX,
        policy_epoch: u32::MAX,
        first_ns: u64::MAX,
        last_ns: u64::MAX,
        icmp: Some(Icmp { kind: 255, code: 255, identifier: 65_535 }),
        ..facts(key, u64::MAX, u64::MAX, 0, 0, Action::Reject)
    };
    let window = WindowBounds { start_ns: u64::MAX, end_ns: u64::MAX };
    same_facts(&window, &Entry::Flow(&facts));
    same_facts(&window, &Entry::SkipData(Skipped { packets: u64::MAX, bytes: u64::MAX, ..SKIPPED }));
}

#[test]
fn tcp_flags_follow_the_rule_of_aws() {
    let (fin, syn, rst, psh, ack, urg, ece) = (1, 2, 4, 8, 16, 32, 64);
    let cases = [
        (TcpOpening::Unknown, 0, 0),
        (TcpOpening::Unknown, ack, 0),
        (TcpOpening::Unknown, psh | ack | urg, 0),
        (TcpOpening::Unknown, syn | ece, 2),
        (TcpOpening::Unknown, syn | ack, 18),
        (TcpOpening::SynAck, syn | ack, 18),
        (TcpOpening::Syn, syn | ack, 2),
        (TcpOpening::Syn, syn | psh | ack | fin, 3),
        (TcpOpening::SynAck, syn | psh | ack | fin, 19),
        (TcpOpening::SynAck, psh | ack | fin, 1),
        (TcpOpening::SynAck, syn | rst | ack, 22),
        (TcpOpening::Unknown, rst | ack, 4),
    ];
    for (tcp_opening, flags, expected) in cases {
        let mut facts = FlowFacts { tcp_opening, ..golden_ssh() };
        facts.key.tcp_flags = flags;
        assert_eq!(facts.aws_tcp_flags(), expected, "{tcp_opening} {flags:#x}");
        facts.key.protocol = protocol::UDP;
        assert_eq!(facts.aws_tcp_flags(), 0);
    }
}

#[test]
fn the_reject_reason_is_the_layer_of_what_was_refused() {
    let list = list("action,reject-reason,x-layer");
    let window = ssh_window();
    for (action, layer, expected) in [
        (Action::Accept, Layer::SecurityGroup, "ACCEPT - security-group\n"),
        (Action::Reject, Layer::SecurityGroup, "REJECT security-group security-group\n"),
        (Action::Reject, Layer::NetworkAcl, "REJECT network-acl network-acl\n"),
    ] {
        let facts = FlowFacts { action, layer, ..golden_ssh() };
        assert_eq!(text_line(&list, &window, &Entry::Flow(&facts)), expected);
    }
}

/// A row of the reference data of the Community ID specification: addresses, "ports", protocol.
type Baseline = (&'static str, &'static str, (u16, u16), u8, &'static str);

const BASELINE: [Baseline; 17] = [
    ("128.232.110.120", "66.35.250.204", (34855, 80), 6, "1:LQU9qZlK+B5F3KDmev6m5PMibrg="),
    ("66.35.250.204", "128.232.110.120", (80, 34855), 6, "1:LQU9qZlK+B5F3KDmev6m5PMibrg="),
    ("192.168.1.52", "8.8.8.8", (54585, 53), 17, "1:d/FP5EW3wiY1vCndhwleRRKHowQ="),
    ("8.8.8.8", "192.168.1.52", (53, 54585), 17, "1:d/FP5EW3wiY1vCndhwleRRKHowQ="),
    ("192.168.170.8", "192.168.170.56", (7, 7), 132, "1:MP2EtRCAUIZvTw6MxJHLV7N7JDs="),
    ("10.1.12.2", "10.1.12.1", (0, 0), 46, "1:KHlLkgoJW7ifUTyTSgyVfkFHzKw="),
    ("192.168.0.89", "192.168.0.1", (8, 0), 1, "1:X0snYXpgwiv9TZtqg64sgzUn6Dk="),
    ("192.168.0.1", "192.168.0.89", (0, 0), 1, "1:X0snYXpgwiv9TZtqg64sgzUn6Dk="),
    ("10.0.0.1", "10.0.0.2", (11, 0), 1, "1:YHxtAirCG//0OzkcVAukqKQN9xM="),
    (
        "2607:f8b0:400c:c03::1a",
        "2001:470:e5bf:dead:4957:2174:e82c:4887",
        (25, 63943),
        6,
        "1:/qFaeAR+gFe1KYjMzVDsMv+wgU4=",
    ),
    ("fe80::200:86ff:fe05:80da", "fe80::260:97ff:fe07:69ea", (135, 0), 58, "1:dGHyGvjMfljg6Bppwm3bg0LO8TY="),
    ("fe80::260:97ff:fe07:69ea", "fe80::200:86ff:fe05:80da", (136, 0), 58, "1:dGHyGvjMfljg6Bppwm3bg0LO8TY="),
    ("3ffe:501:1800:2345::2", "3ffe:507:0:1:200:86ff:fe05:80da", (3, 0), 58, "1:2ObVBgIn28oZvibYZhZMBgh7WdQ="),
    (
        "3ffe:501:410:0:2c0:dfff:fe47:33e",
        "3ffe:507:0:1:200:86ff:fe05:80da",
        (1, 4),
        58,
        "1:hLZd0XGWojozrvxqE0dWB1iM6R0=",
    ),
    ("3ffe:507:0:1:200:86ff:fe05:80da", "3ffe:501:0:1001::2", (128, 0), 58, "1:+TW+HtLHvV1xnGhV1lv7XoJrqQg="),
    ("fe80::200:86ff:fe05:80da", "ff02::2", (133, 0), 58, "1:hO+sN4H+MG5MY/8hIrXPqc4ZQz0="),
    ("fe80::260:97ff:fe07:69ea", "ff02::1", (134, 0), 58, "1:pkvHqCL88/tg1k4cPigmZXUtL00="),
];

#[test]
fn community_ids_are_those_of_the_specification() {
    for (src, dst, (first, second), number, expected) in BASELINE {
        let is_icmp = [protocol::ICMP, protocol::ICMPV6].contains(&number);
        let ports = if is_icmp { (0, 0) } else { (first, second) };
        let mut facts = facts(key(src, dst, ports, number, Direction::Ingress), 1, 60, 1, 2, Action::Accept);
        if is_icmp {
            assert_eq!(CommunityId::of(&facts), None, "no type, no identifier");
            facts.icmp = Some(Icmp { kind: first as u8, code: second as u8, identifier: 9 });
        }
        let id = CommunityId::of(&facts).expect("an identifier");
        assert_eq!(id.as_str(), expected, "{src} {dst} {first} {second}");
    }
}

#[test]
fn a_listed_line_that_is_wrong_is_refused_with_the_field() {
    let list = list("version,srcaddr,x-first-ns,log-status");
    let error = |line: &str| list.parse_line(line.as_bytes()).expect_err("an error");
    assert_eq!(error("2 ::1 5"), ParseError::FieldCount { found: 3, expected: 4 });
    assert_eq!(error("2 ::1 5 OK OK"), ParseError::FieldCount { found: 5, expected: 4 });
    assert_eq!(error("2 ::g 5 OK").to_string(), "field 2, srcaddr: found `::g`, expected an IPv4 or IPv6 address");
    assert!(error("2 - x OK").to_string().starts_with("field 3, x-first-ns: found `x`, expected a number"));
    assert!(error("2 - - -").to_string().starts_with("field 4, log-status: found `-`, expected OK"));
    let record = list.parse_line(b"2 - 5 OK\r\n").expect("a record");
    assert_eq!(record.get(Field::FirstNs), Some(Value::Number(5)));
    assert_eq!(record.get(Field::SrcAddr), Some(Value::Absent));
    assert_eq!(record.get(Field::Bytes), None);
}

proptest! {
    #[test]
    fn any_list_of_any_flow_is_read_back_as_it_was_written(
        picks in proptest::sample::subsequence(Field::ALL.to_vec(), 1..Field::ALL.len()).prop_shuffle(),
        seed in any::<u64>(),
    ) {
        let window = ssh_window();
        let list = FieldList::new(picks).expect("a list");
        for facts in seeded(seed, 4, Family::Mixed, &window) {
            let line = text_line(&list, &window, &Entry::Flow(&facts));
            let record = list.parse_line(line.as_bytes()).expect("a record");
            let mut again = Vec::new();
            record.write_line(&mut again);
            prop_assert_eq!(again, line.into_bytes());
            let json = json_line(&list, &window, &Entry::Flow(&facts));
            prop_assert!(serde_json::from_str::<serde_json::Value>(&json).is_ok());
        }
    }

    #[test]
    fn any_bytes_are_a_listed_record_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = FieldList::all().parse_line(&bytes);
        let _ = FieldList::parse_header(&bytes);
    }
}
