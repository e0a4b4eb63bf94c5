//! Texts that people write: the configuration, shipped tables, and every short form in them.

use crate::{Outcome, Target};
use flowlog::catalogue::{
    Destination, FlowLogId, InstanceId, LicencePresets, Mac, ModelName, ModelTable, RegionTable, SubnetId,
    TrafficFilter, VpcId,
};
use flowlog::policy::{AclId, Cidr, GroupId, Peer, PortRange, Protocol};
use flowlog::record::{AccountId, EniId, Label};
use std::fmt::{Debug, Display};
use std::str::FromStr;
use weir::config::{Config, Nanoseconds, parse_window};

/// `weir.toml`.
pub(super) const CONFIG: Target = Target { name: "config", read: config, seeds: config_seeds, words: WORDS };
/// Comma-separated tables.
pub(super) const TABLES: Target =
    Target { name: "tables", read: tables, seeds: table_seeds, words: &[",", "\"", "\n"] };
/// Protocols, ports, CIDRs, ids, durations.
pub(super) const POLICY: Target = Target { name: "policy_text", read: policy, seeds: policy_seeds, words: WORDS };

const WORDS: &[&str] = &[
    "[[eni]]\n",
    "[[policy_change]]\n",
    "[[security_group]]\n",
    "[settings]\n",
    "id = ",
    "\"",
    "any",
    "tcp",
    "sg-",
    "acl-",
    "eni-",
    "10.0.0.0/8",
    "::/0",
    "/33",
    "-",
    "80-79",
    "0-65535",
    "60s",
    "ms",
    "S3.LARGE8",
    "[",
    "]",
    "=",
    "18446744073709551616",
    "ff:ff:ff:ff:ff:ff",
    "\n",
];

/// An error names file and place; what is accepted can be set up.
fn config(input: &[u8]) -> Outcome {
    let text = String::from_utf8_lossy(input);
    let read = Config::parse("weir.toml", &text);
    let result = match &read {
        Err(error) => {
            let message = error.to_string();
            assert!(message.starts_with("weir.toml:"), "an error without a place: {message}");
            Err(error)
        }
        Ok(config) => {
            let assembled = weir::assembly::assemble(config, 1_700_000_000_000_000_000).is_ok();
            Ok((assembled, config.policy_timeline(1_700_000_000_000_000_000).is_ok()))
        }
    };
    Outcome::of(&result)
}

fn config_seeds() -> Vec<Vec<u8>> {
    let promiscuous = include_bytes!("../../../weir/src/config/promiscuous.toml").to_vec();
    vec![include_bytes!("../../../docs/weir.example.toml").to_vec(), promiscuous, Vec::new()]
}

fn tables(input: &[u8]) -> Outcome {
    let text = String::from_utf8_lossy(input);
    let (models, regions, licences) =
        (ModelTable::parse(&text), RegionTable::parse(&text), LicencePresets::parse(&text));
    if let Ok(table) = &models {
        assert!(table.profiles().iter().all(|profile| table.profile(&profile.name()).is_ok()), "a model is not found");
    }
    let models = models.map(|table| table.profiles().len().min(3));
    let each = Outcome::of(&models).and(Outcome::of(&regions)).and(Outcome::of(&licences));
    Outcome { accepted: models.is_ok() || regions.is_ok() || licences.is_ok(), ..each }
}

fn table_seeds() -> Vec<Vec<u8>> {
    let head = |text: &str| text.lines().take(6).collect::<Vec<_>>().join("\n").into_bytes();
    vec![
        head(include_str!("../../../flowlog/data/instance_models.csv")),
        head(include_str!("../../../flowlog/data/regions.csv")),
        head(include_str!("../../../flowlog/data/licence_activation.csv")),
    ]
}

/// What is read and shown reads the same again.
fn shown<T: FromStr<Err: Debug> + Display + PartialEq + Debug>(text: &str) -> bool {
    let Ok(value) = text.parse::<T>() else { return false };
    let again = value.to_string().parse::<T>();
    assert!(again.as_ref().is_ok_and(|again| *again == value), "`{text}` is shown as `{value}`, which reads {again:?}");
    true
}

fn policy(input: &[u8]) -> Outcome {
    let text = String::from_utf8_lossy(input);
    let read = [
        shown::<Protocol>(&text),
        shown::<PortRange>(&text),
        shown::<Cidr>(&text),
        shown::<Peer>(&text),
        shown::<GroupId>(&text),
        shown::<AclId>(&text),
        shown::<VpcId>(&text),
        shown::<SubnetId>(&text),
        shown::<InstanceId>(&text),
        shown::<FlowLogId>(&text),
        shown::<Mac>(&text),
        shown::<ModelName>(&text),
        AccountId::parse(input).is_some(),
        EniId::parse(input).is_some(),
        Label::parse(input).is_some(),
        text.parse::<Nanoseconds>().is_ok(),
        parse_window(&text).is_ok(),
        text.parse::<Destination>().is_ok(),
        text.parse::<TrafficFilter>().is_ok(),
    ];
    let kind = read.iter().fold(1, |bits, read| bits << 1 | u64::from(*read));
    Outcome { accepted: read.contains(&true), kind }
}

fn policy_seeds() -> Vec<Vec<u8>> {
    let texts = [
        "any",
        "tcp",
        "58",
        "8000-8080",
        "10.0.0.0/8",
        "2001:db8::/32",
        "192.0.2.1",
        "sg-web",
        "acl-1",
        "vpc-a",
        "subnet-a",
        "ins-a",
        "i-a",
        "fl-a",
        "52:54:00:12:34:56",
        "S3.LARGE8",
        "C3.14XLARGE",
        "1251762227",
        "eni-lq6mkcis",
        "500ms",
        "5m",
    ];
    texts.map(|text| text.as_bytes().to_vec()).into()
}
