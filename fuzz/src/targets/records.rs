//! Records: lines of the default format, and lines of a field list behind its header.

use crate::{Outcome, Target};
use flowlog::record::{FieldList, parse_line};

/// The default format.
pub(super) const LINE: Target = Target { name: "record_line", read: line, seeds: line_seeds, words: WORDS };
/// A header, a line feed, and a line of its fields.
pub(super) const LIST: Target = Target { name: "record_list", read: list, seeds: list_seeds, words: WORDS };

const WORDS: &[&str] = &[
    " ",
    "-",
    "ACCEPT",
    "REJECT",
    "OK",
    "NODATA",
    "SKIPDATA",
    "V1",
    "2",
    "eni-",
    "::",
    "255.255.255.255",
    "version",
    "account-id",
    "tcp-flags",
    "x-layer",
    "x-community-id",
    "flow-direction",
    "18446744073709551615",
    "\r\n",
    ",",
];

/// What is read and written again reads the same, and is written the same.
fn line(input: &[u8]) -> Outcome {
    let parsed = parse_line(input);
    if let Ok(record) = &parsed {
        let mut text = Vec::new();
        record.write_line(&mut text);
        assert_eq!(parse_line(&text).as_ref(), Ok(record), "of {}", text.escape_ascii());
    }
    Outcome::of(&parsed)
}

fn list(input: &[u8]) -> Outcome {
    let end = input.iter().position(|byte| *byte == b'\n').unwrap_or(input.len());
    let (header, line) = input.split_at(end);
    let list = FieldList::parse_header(header);
    let Ok(fields) = &list else { return Outcome::of(&list) };
    let mut written = Vec::new();
    fields.write_header(&mut written);
    assert_eq!(FieldList::parse_header(&written).as_ref(), Ok(fields));
    let parsed = fields.parse_line(line.get(1..).unwrap_or_default());
    if let Ok(record) = &parsed {
        let mut text = Vec::new();
        record.write_line(&mut text);
        assert_eq!(fields.parse_line(&text).as_ref(), Ok(record), "of {}", text.escape_ascii());
    }
    Outcome::of(&parsed)
}

fn line_seeds() -> Vec<Vec<u8>> {
    [
        "2 1251762227 eni-lq6mkcis 172.31.16.139 172.31.16.21 20641 22 6 20 4249 1418530010 1418530070 ACCEPT OK",
        "V1 1251762227 eni-lq6mkcis 2001:db8::1 fe80::2 0 0 58 4 336 1432917094 1432917142 REJECT OK\n",
        "V1 1251762227 eni-lq6mkcis - - - - - - 1431280876 1431280934 - NODATA",
        "2 1251762227 eni-lq6mkcis - - - - - - - 1431280876 1431280934 - SKIPDATA\r\n",
    ]
    .map(|line| line.as_bytes().to_vec())
    .into()
}

fn list_seeds() -> Vec<Vec<u8>> {
    let mut seeds = vec![
        b"version account-id interface-id srcaddr dstport log-status\n2 1 eni-00000000 10.0.0.1 80 OK\n".to_vec(),
        b"start end x-layer tcp-flags region x-icmp-type-code\n1 2 network-acl 18 ap-x 2048\n".to_vec(),
    ];
    let line = FieldList::default_format();
    let mut default = Vec::new();
    line.write_header(&mut default);
    default.extend(line_seeds().swap_remove(0));
    seeds.push(default);
    seeds
}
