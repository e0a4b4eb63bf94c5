//! Reading lines of 14 fields, and of 13.
#![allow(missing_docs, reason = "a test's name is its documentation")]

use flowlog::record::{
    Action, Field, ParseError, ParsedBody, ParsedFlow, ParsedRecord, SecondSpan, Version, parse_line,
};
use proptest::prelude::*;

const SSH: &str =
    "2 1251762227 eni-lq6mkcis 172.31.16.139 172.31.16.21 20641 22 6 20 4249 1418530010 1418530070 ACCEPT OK";

const GOLDEN: [&str; 4] = [
    SSH,
    "2 1251762227 eni-lq6mkcis 172.31.9.69 172.31.9.12 49761 3389 6 20 4249 1418530010 1418530070 REJECT OK",
    "V1 1251762227 eni-lq6mkcis 203.0.113.12 172.31.16.139 0 0 1 4 336 1432917027 1432917142 ACCEPT OK",
    "V1 1251762227 eni-lq6mkcis 172.31.16.139 203.0.113.12 0 0 1 4 336 1432917094 1432917142 REJECT OK",
];

fn written(record: &ParsedRecord) -> String {
    let mut out = Vec::new();
    record.write_line(&mut out);
    String::from_utf8(out).expect("text")
}

#[test]
fn golden_lines_parse_and_are_written_back_byte_for_byte() {
    for line in GOLDEN {
        let record = parse_line(line).expect("a record");
        assert_eq!(written(&record), format!("{line}\n"));
        assert_eq!(parse_line(format!("{line}\n")), Ok(record));
        assert_eq!(parse_line(format!("{line}\r\n")), Ok(record));
    }
    let expected = ParsedRecord {
        version: Version::Two,
        account: "1251762227".parse().expect("an account"),
        eni: "eni-lq6mkcis".parse().expect("an ENI"),
        seconds: SecondSpan { start: 1_418_530_010, end: 1_418_530_070 },
        body: ParsedBody::Flow(ParsedFlow {
            src: [172, 31, 16, 139].into(),
            dst: [172, 31, 16, 21].into(),
            src_port: 20641,
            dst_port: 22,
            protocol: 6,
            packets: 20,
            bytes: 4249,
            action: Action::Accept,
        }),
    };
    assert_eq!(parse_line(SSH), Ok(expected));
}

#[test]
fn status_lines_of_13_fields_parse_and_are_written_with_14() {
    for (status, body) in [("NODATA", ParsedBody::NoData), ("SKIPDATA", ParsedBody::SkipData)] {
        let old = format!("V1 1251762227 eni-lq6mkcis - - - - - - 1431280876 1431280934 - {status}");
        let new = format!("V1 1251762227 eni-lq6mkcis - - - - - - - 1431280876 1431280934 - {status}");
        let record = parse_line(&old).expect("a record");
        assert_eq!(record.body, body);
        assert_eq!(record.seconds, SecondSpan { start: 1_431_280_876, end: 1_431_280_934 });
        assert_eq!(parse_line(&new), Ok(record));
        assert_eq!(written(&record), format!("{new}\n"));
    }
}

#[test]
fn all_four_version_tokens_are_read_and_kept() {
    for (token, version) in [("1", Version::One), ("2", Version::Two), ("V1", Version::V1), ("V2", Version::V2)] {
        let line = SSH.replacen('2', token, 1);
        let record = parse_line(&line).expect("a record");
        assert_eq!((record.version, written(&record)), (version, format!("{line}\n")));
    }
}

/// The message for `line` with its field number `number` replaced.
fn complaint(line: &str, number: usize, by: &str) -> String {
    let mut fields: Vec<_> = line.split(' ').collect();
    fields[number - 1] = by;
    parse_line(fields.join(" ")).expect_err("an error").to_string()
}

#[test]
fn an_error_names_the_field_and_what_was_found_and_expected() {
    let cases = [
        (1, "3", "field 1, version: found `3`, expected 1, 2, V1 or V2"),
        (2, "12x", "field 2, account-id: found `12x`, expected 1 to 20 digits"),
        (
            3,
            "eni-LQ6MKCIS",
            "field 3, interface-id: found `eni-LQ6MKCIS`, expected `eni-` and 8 lower-case letters or digits",
        ),
        (4, "172.31.16.256", "field 4, srcaddr: found `172.31.16.256`, expected an IPv4 or IPv6 address"),
        (5, "::1", "field 5, dstaddr: found `::1`, expected an address of the same IP version as srcaddr"),
        (6, "65536", "field 6, srcport: found `65536`, expected a number from 0 to 65535"),
        (7, "-1", "field 7, dstport: found `-1`, expected a number from 0 to 65535"),
        (8, "256", "field 8, protocol: found `256`, expected a number from 0 to 255"),
        (
            9,
            "020",
            "field 9, packets: found `020`, expected a number from 0 to 18446744073709551615, without leading zeros",
        ),
        (
            10,
            "18446744073709551616",
            "field 10, bytes: found `18446744073709551616`, expected a number from 0 to 18446744073709551615, without leading zeros",
        ),
        (11, "", "field 11, start: found ``, expected a number from 0 to 18446744073709551615, without leading zeros"),
        (12, "-", "field 12, end: found `-`, expected a number from 0 to 18446744073709551615, without leading zeros"),
        (13, "-", "field 13, action: found `-`, expected ACCEPT or REJECT"),
        (14, "ok", "field 14, log-status: found `ok`, expected OK, NODATA or SKIPDATA"),
        (14, "NODATA", "field 4, srcaddr: found `172.31.16.139`, expected `-`, as on every NODATA or SKIPDATA line"),
    ];
    for (number, by, expected) in cases {
        assert_eq!(complaint(SSH, number, by), expected);
    }
}

#[test]
fn an_error_in_an_old_status_line_counts_its_13_fields() {
    let old = "V1 1251762227 eni-lq6mkcis - - - - - - 1431280876 1431280934 - NODATA";
    assert!(complaint(old, 10, "x").starts_with("field 10, start: found `x`"));
    assert_eq!(
        complaint(old, 13, "OK"),
        "field 13, log-status: found `OK`, expected NODATA or SKIPDATA, as the line has 13 fields"
    );
}

#[test]
fn a_line_with_another_number_of_fields_is_refused_with_the_number() {
    for (line, found) in [("", 1), ("2 1251762227", 2), (&format!("{SSH} more"), 15), (&SSH.replace(" 6 ", "  6 "), 15)]
    {
        assert_eq!(parse_line(line), Err(ParseError::FieldCount { found, expected: 14 }));
    }
}

#[test]
fn what_an_error_shows_of_a_line_is_short_and_printable() {
    let long = "\u{1b}".repeat(1000);
    let shown = complaint(SSH, 4, &long);
    assert!(shown.len() < 700 && !shown.contains('\u{1b}'), "{shown}");
    let bytes = [SSH.as_bytes(), b"\xff\xfe"].concat();
    let error = parse_line(bytes).expect_err("an error");
    assert!(matches!(error, ParseError::Field { field: Field::LogStatus, number: 14, .. }), "{error}");
}

fn address_pair() -> impl Strategy<Value = (String, String)> {
    let v4 = any::<[std::net::Ipv4Addr; 2]>().prop_map(|pair| pair.map(|each| each.to_string()));
    let v6 = (any::<[u16; 16]>(), any::<u16>()).prop_map(|(mut groups, zeros)| {
        for (at, group) in groups.iter_mut().enumerate() {
            *group *= u16::from(zeros >> at & 1 == 1);
        }
        let half = |from: usize| {
            let mut segments = [0_u16; 8];
            segments.copy_from_slice(&groups[from..from + 8]);
            std::net::Ipv6Addr::from(segments).to_string()
        };
        [half(0), half(8)]
    });
    prop_oneof![v4, v6].prop_map(|[src, dst]| (src, dst))
}

fn canonical_line() -> impl Strategy<Value = String> {
    let head = ("1|2|V1|V2", "[0-9]{1,20}", "eni-[a-z0-9]{8}").prop_map(|(v, a, e)| format!("{v} {a} {e}"));
    let times = any::<[u64; 2]>().prop_map(|[start, end]| format!("{start} {end}"));
    let flow = (address_pair(), any::<[u16; 2]>(), any::<u8>(), any::<[u64; 2]>()).prop_map(
        |((src, dst), [sport, dport], protocol, [packets, bytes])| {
            format!("{src} {dst} {sport} {dport} {protocol} {packets} {bytes}")
        },
    );
    let tail = prop_oneof![Just("ACCEPT OK"), Just("REJECT OK"), Just("- NODATA"), Just("- SKIPDATA")];
    (head, flow, times, tail).prop_map(|(head, flow, times, tail)| {
        let flow = if tail.starts_with('-') { "- - - - - - -".to_owned() } else { flow };
        format!("{head} {flow} {times} {tail}\n")
    })
}

proptest! {
    #[test]
    fn a_canonical_line_is_written_back_byte_for_byte(line in canonical_line()) {
        let record = parse_line(&line);
        prop_assert!(record.is_ok(), "{:?}", record);
        prop_assert_eq!(record.map(|record| written(&record)), Ok(line));
    }

    #[test]
    fn any_bytes_are_a_record_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = parse_line(&bytes);
    }

    #[test]
    fn a_line_with_a_few_other_bytes_is_a_record_or_an_error(
        line in canonical_line(),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut bytes = line.into_bytes();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Ok(record) = parse_line(&bytes) {
            prop_assert_eq!(parse_line(written(&record)), Ok(record));
        }
    }
}
