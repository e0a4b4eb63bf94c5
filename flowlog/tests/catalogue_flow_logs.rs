//! The flow log: filters, immutability; and the catalogue it lives in.

use std::collections::BTreeMap;

use firmware_abi::key::FlowKey;
use flowlog::catalogue::{
    Account, CaptureFilter, Catalogue, Destination, Eni, FlowLog, FlowLogChange, FlowLogLabels, FlowLogSpec, Instance,
    Mac, RegionTable, Scope, Subnet, TrafficFilter, Vpc, WindowSeconds,
};
use flowlog::policy::{GroupId, Protocol};
use flowlog::record::{Action, EndReason, EniId, Field, FieldList, FlowFacts, Layer, TcpOpening};

fn eni_id(text: &str) -> EniId {
    text.parse().expect("an ENI id")
}

fn subnet(id: &str, cidr: &str) -> Subnet {
    Subnet {
        id: id.parse().expect("an id"),
        vpc: "vpc-a".parse().expect("an id"),
        cidrs: vec![cidr.parse().expect("a CIDR")],
        network_acl: None,
    }
}

fn eni(id: &str, subnet: &str, addresses: &[&str]) -> Eni {
    Eni {
        id: eni_id(id),
        subnet: subnet.parse().expect("an id"),
        instance: None,
        mac: None,
        addresses: addresses.iter().map(|a| a.parse().expect("an address")).collect(),
        promiscuous: false,
        security_groups: Vec::new(),
    }
}

/// A VPC 10.0.0.0/16 with two subnets, an instance that may have two ENIs of six addresses, and
/// one ENI, 10.0.1.1.
fn catalogue() -> Catalogue {
    let mut catalogue = Catalogue::new();
    let account = "1251762227".parse().expect("an account");
    catalogue.add_account(Account { id: account, name: String::new() }).expect("added");
    let vpc = Vpc {
        id: "vpc-a".parse().expect("an id"),
        account,
        name: String::new(),
        cidrs: vec!["10.0.0.0/16".parse().expect("a CIDR")],
    };
    catalogue.add_vpc(vpc).expect("added");
    catalogue.add_subnet(subnet("subnet-a", "10.0.1.0/24")).expect("added");
    catalogue.add_subnet(subnet("subnet-b", "10.0.2.0/24")).expect("added");
    let instance = Instance {
        id: "ins-a".parse().expect("an id"),
        model: "S3.SMALL1".parse().expect("a model"),
        region: RegionTable::shipped().find("Guangzhou").ok().cloned(),
    };
    catalogue.add_instance(instance).expect("added");
    let mut first = eni("eni-aaaaaaaa", "subnet-a", &["10.0.1.1"]);
    first.mac = Some("52:54:00:00:00:01".parse().expect("a MAC"));
    first.instance = Some("ins-a".parse().expect("an id"));
    first.security_groups = vec!["sg-a".parse().expect("an id")];
    catalogue.add_eni(first).expect("added");
    catalogue
}

fn spec(scope: &str) -> FlowLogSpec {
    FlowLogSpec {
        scope: scope.parse().expect("a scope"),
        traffic: TrafficFilter::All,
        filter: None,
        fields: FieldList::default_format(),
        window: WindowSeconds::default(),
        destinations: vec![Destination::Stdout],
    }
}

fn flow_log(id: &str, spec: FlowLogSpec) -> FlowLog {
    FlowLog::new(id.parse().expect("an id"), FlowLogLabels::default(), spec).expect("a flow log")
}

/// 10.0.1.1:40000 to 192.0.2.7:443, TCP.
fn flow(action: Action) -> FlowFacts {
    let mut key = FlowKey { src_port: 40_000, dst_port: 443, protocol: 6, ..FlowKey::default() };
    key.src[..4].copy_from_slice(&[10, 0, 1, 1]);
    key.dst[..4].copy_from_slice(&[192, 0, 2, 7]);
    FlowFacts {
        key,
        packets: 1,
        bytes: 40,
        first_ns: 0,
        last_ns: 0,
        sequence: 0,
        action,
        layer: Layer::SecurityGroup,
        rule_id: 1,
        policy_epoch: 0,
        end_reason: EndReason::WindowEnd,
        tcp_opening: TcpOpening::Unknown,
        icmp: None,
    }
}

#[test]
fn the_traffic_filter_chooses_by_verdict() {
    for (filter, accept, reject) in [("ALL", true, true), ("accept", true, false), ("REJECT", false, true)] {
        let filter: TrafficFilter = filter.parse().expect("a filter");
        assert_eq!(filter.matches(Action::Accept), accept);
        assert_eq!(filter.matches(Action::Reject), reject);
    }
}

#[test]
fn an_empty_capture_filter_matches_every_flow() {
    assert!(CaptureFilter::default().matches(&flow(Action::Accept)));
}

#[test]
fn every_given_list_of_a_capture_filter_must_match() {
    let filter = CaptureFilter {
        sources: vec!["2001:db8::/32".parse().expect("a CIDR"), "10.0.1.0/24".parse().expect("a CIDR")],
        destinations: vec!["192.0.2.7".parse().expect("a CIDR")],
        source_ports: vec!["1024-65535".parse().expect("ports")],
        destination_ports: vec!["80".parse().expect("ports"), "443".parse().expect("ports")],
        protocols: vec![Protocol::UDP, Protocol::TCP],
    };
    let flow = flow(Action::Accept);
    assert!(filter.matches(&flow));
    let misses = [
        CaptureFilter { sources: vec!["10.0.2.0/24".parse().expect("a CIDR")], ..filter.clone() },
        CaptureFilter { destinations: vec!["::/0".parse().expect("a CIDR")], ..filter.clone() },
        CaptureFilter { source_ports: vec!["22".parse().expect("ports")], ..filter.clone() },
        CaptureFilter { destination_ports: vec!["444".parse().expect("ports")], ..filter.clone() },
        CaptureFilter { protocols: vec![Protocol::ICMP], ..filter.clone() },
    ];
    for miss in misses {
        assert!(!miss.matches(&flow), "{miss:?}");
    }
}

#[test]
fn name_and_tags_of_a_flow_log_may_change() {
    let mut log = flow_log("fl-a", spec("vpc-a"));
    let tags = BTreeMap::from([("team".to_owned(), "net".to_owned())]);
    let change = FlowLogChange { name: Some("new".to_owned()), tags: Some(tags.clone()), ..FlowLogChange::default() };
    log.modify(change).expect("changed");
    let labels = FlowLogLabels { name: "new".to_owned(), tags };
    assert_eq!(log, FlowLog::new("fl-a".parse().expect("an id"), labels, spec("vpc-a")).expect("a flow log"));
}

#[test]
fn any_other_change_is_refused_and_changes_nothing() {
    let changes = [
        ("scope", FlowLogChange { scope: Some("vpc-b".parse().expect("a scope")), ..FlowLogChange::default() }),
        ("traffic filter", FlowLogChange { traffic: Some(TrafficFilter::Reject), ..FlowLogChange::default() }),
        ("capture filter", FlowLogChange { filter: Some(Some(CaptureFilter::default())), ..FlowLogChange::default() }),
        (
            "field list",
            FlowLogChange {
                fields: Some(FieldList::new([Field::Version]).expect("a list")),
                ..FlowLogChange::default()
            },
        ),
        (
            "window",
            FlowLogChange { window: Some(WindowSeconds::new(1).expect("a window")), ..FlowLogChange::default() },
        ),
        ("destinations", FlowLogChange { destinations: Some(Vec::new()), ..FlowLogChange::default() }),
    ];
    for (attribute, change) in changes {
        let mut log = flow_log("fl-a", spec("vpc-a"));
        let change = FlowLogChange { name: Some("new".to_owned()), ..change };
        assert_eq!(
            log.modify(change).expect_err("refused").to_string(),
            format!(
                "found a change of {attribute} of flow log fl-a, expected only name or tags: \
                 delete the flow log and create a new one"
            )
        );
        assert_eq!(log, flow_log("fl-a", spec("vpc-a")));
    }
}

#[test]
fn a_change_to_the_present_value_is_none() {
    let mut log = flow_log("fl-a", spec("vpc-a"));
    let change = FlowLogChange { traffic: Some(TrafficFilter::All), ..FlowLogChange::default() };
    assert_eq!(log.modify(change), Ok(()));
}

#[test]
fn a_disabled_flow_log_writes_nothing_until_it_is_enabled() {
    let mut catalogue = catalogue();
    let (id, eni) = ("fl-a".parse().expect("an id"), eni_id("eni-aaaaaaaa"));
    catalogue.add_flow_log(flow_log("fl-a", spec("subnet-a"))).expect("added");
    assert!(catalogue.writes(&eni, &flow(Action::Accept)));
    catalogue.flow_log_mut(&id).expect("there").disable();
    assert!(!catalogue.writes(&eni, &flow(Action::Accept)));
    catalogue.flow_log_mut(&id).expect("there").enable();
    assert!(catalogue.writes(&eni, &flow(Action::Accept)));
}

#[test]
fn a_flow_log_writes_the_enis_of_its_scope_only() {
    let mut catalogue = catalogue();
    catalogue.add_eni(eni("eni-bbbbbbbb", "subnet-b", &["10.0.2.1"])).expect("added");
    catalogue.add_flow_log(flow_log("fl-a", spec("subnet-b"))).expect("added");
    let covers = |id| catalogue.flow_logs_of(&eni_id(id)).count();
    assert_eq!((covers("eni-aaaaaaaa"), covers("eni-bbbbbbbb")), (0, 1));
}

#[test]
fn a_second_flow_log_of_an_eni_needs_another_destination() {
    for (first, second) in
        [("vpc-a", "eni-aaaaaaaa"), ("eni-aaaaaaaa", "subnet-a"), ("vpc-a", "subnet-b"), ("vpc-a", "vpc-a")]
    {
        let mut catalogue = catalogue();
        catalogue.add_flow_log(flow_log("fl-a", spec(first))).expect("added");
        assert_eq!(
            catalogue.add_flow_log(flow_log("fl-b", spec(second))).expect_err("refused").to_string(),
            format!(
                "found destination stdout for {second}, expected one flow log per ENI and \
                 destination: fl-a on {first} writes there already"
            )
        );
        let other = FlowLogSpec { destinations: vec![Destination::Directory("x".to_owned())], ..spec(second) };
        catalogue.add_flow_log(flow_log("fl-b", other)).expect("added");
    }
}

#[test]
fn scopes_beside_each_other_may_share_a_destination() {
    let mut catalogue = catalogue();
    catalogue.add_flow_log(flow_log("fl-a", spec("subnet-b"))).expect("added");
    catalogue.add_flow_log(flow_log("fl-b", spec("eni-aaaaaaaa"))).expect("added");
}

#[test]
fn a_deleted_flow_log_gives_its_destination_back() {
    let mut catalogue = catalogue();
    catalogue.add_flow_log(flow_log("fl-a", spec("vpc-a"))).expect("added");
    catalogue.delete_flow_log(&"fl-a".parse().expect("an id")).expect("deleted");
    catalogue.add_flow_log(flow_log("fl-b", spec("vpc-a"))).expect("added");
}

#[test]
fn things_without_flow_logs_are_refused_as_a_scope() {
    for (text, kind) in [
        ("cdb-1a2b3c4d", "a database"),
        ("vpngw-1a2b3c4d", "a VPN gateway"),
        ("pcx-1a2b3c4d", "a peering connection"),
        ("classic", "a classic network"),
    ] {
        assert_eq!(
            text.parse::<Scope>().expect_err("refused").to_string(),
            format!(
                "found `{text}`, {kind}, but flow logs are supported only on ENIs of instances in \
                 a VPC: expected the id of an ENI (eni-…), a subnet (subnet-…) or a VPC (vpc-…)"
            )
        );
    }
}

#[test]
fn an_eni_is_found_by_each_address_and_by_its_mac() {
    let mut catalogue = catalogue();
    catalogue.add_eni(eni("eni-bbbbbbbb", "subnet-b", &["10.0.2.1", "10.0.2.9"])).expect("added");
    let by = |text: &str| catalogue.eni_by_address(text.parse().expect("an address")).map(|e| e.id);
    assert_eq!(by("10.0.1.1"), Some(eni_id("eni-aaaaaaaa")));
    assert_eq!(by("10.0.2.9"), Some(eni_id("eni-bbbbbbbb")));
    assert_eq!(by("10.0.2.2"), None);
    let mac: Mac = "52-54-00-00-00-01".parse().expect("a MAC");
    assert_eq!(catalogue.eni_by_mac(mac).map(|e| e.id), Some(eni_id("eni-aaaaaaaa")));
}

#[test]
fn a_stream_names_all_that_an_eni_belongs_to() {
    let stream = catalogue().stream(&eni_id("eni-aaaaaaaa")).expect("a stream");
    let text = |label: Option<flowlog::record::Label>| label.map(|l| l.as_str().to_owned());
    assert_eq!(stream.account.as_str(), "1251762227");
    assert_eq!(text(stream.vpc_id).as_deref(), Some("vpc-a"));
    assert_eq!(text(stream.subnet_id).as_deref(), Some("subnet-a"));
    assert_eq!(text(stream.instance_id).as_deref(), Some("ins-a"));
    assert_eq!(text(stream.region).as_deref(), Some("ap-guangzhou"));
}

#[test]
fn membership_holds_the_addresses_of_the_enis_that_carry_a_group() {
    let group: GroupId = "sg-a".parse().expect("an id");
    let members = catalogue().membership().of(&group);
    assert_eq!(members.len(), 1);
    assert!(members.contains("10.0.1.1".parse().expect("an address")));
}

#[test]
fn an_instance_takes_no_more_enis_and_addresses_than_its_model_allows() {
    let mut catalogue = catalogue();
    let on_instance = |id: &str, addresses: &[&str]| Eni {
        instance: Some("ins-a".parse().expect("an id")),
        ..eni(id, "subnet-b", addresses)
    };
    let seven = ["10.0.2.1", "10.0.2.2", "10.0.2.3", "10.0.2.4", "10.0.2.5", "10.0.2.6", "10.0.2.7"];
    assert_eq!(
        catalogue.add_eni(on_instance("eni-bbbbbbbb", &seven)).expect_err("refused").to_string(),
        "found 7 IPv4 addresses, expected at most 6: ins-a is of model S3.SMALL1"
    );
    catalogue.add_eni(on_instance("eni-bbbbbbbb", &seven[..6])).expect("added");
    assert_eq!(
        catalogue.add_eni(on_instance("eni-cccccccc", &["10.0.2.7"])).expect_err("refused").to_string(),
        "found 3 ENIs on ins-a, expected at most 2: it is of model S3.SMALL1"
    );
}

#[test]
fn a_window_is_1_to_600_seconds() {
    for seconds in [1, 60, 300, 600] {
        assert!(WindowSeconds::new(seconds).is_ok(), "{seconds}");
    }
    for seconds in [0, 601, u64::MAX] {
        assert_eq!(
            WindowSeconds::new(seconds).expect_err("refused").to_string(),
            format!("found a window of {seconds} s, expected 1 to 600 s")
        );
    }
}

#[test]
fn a_mac_is_one_station_s() {
    for text in [
        "",
        "52:54:00:12:34",
        "52:54:00:12:34:56:78",
        "01:00:5e:00:00:01",
        "00:00:00:00:00:00",
        "ff:ff:ff:ff:ff:ff",
        "52:54:0:12:34:56",
        "+1:54:00:12:34:56",
    ] {
        assert!(text.parse::<Mac>().is_err(), "{text}");
    }
    assert_eq!("52:54:00:AB:cd:01".parse::<Mac>().expect("a MAC").to_string(), "52:54:00:ab:cd:01");
}

#[test]
fn a_model_set_for_all_holds_for_every_instance_and_for_enis_that_had_none() {
    let mut catalogue = catalogue();
    catalogue.add_eni(eni("eni-bbbbbbbb", "subnet-b", &["10.0.2.1"])).expect("added");
    catalogue.set_model(&"C3.2XLARGE16".parse().expect("a model")).expect("set");
    for (eni, instance) in [("eni-aaaaaaaa", "ins-a"), ("eni-bbbbbbbb", "ins-bbbbbbbb")] {
        let eni = catalogue.eni(&eni_id(eni)).expect("an ENI");
        let id = eni.instance.as_ref().expect("an instance");
        assert_eq!(id.as_str(), instance);
        let profile = catalogue.profile_of(id).expect("a profile");
        assert_eq!(profile.packets_per_second.value, 1_000_000);
    }
    let positions = ["eni-aaaaaaaa", "eni-bbbbbbbb"].map(|id| catalogue.eni_position(&eni_id(id)));
    assert_eq!(positions, [Some(0), Some(1)]);
}

#[test]
fn an_unsupported_model_is_not_set() {
    let mut catalogue = catalogue();
    assert!(catalogue.set_model(&"S5.LARGE8".parse().expect("a model")).is_err());
    let id = "ins-a".parse().expect("an id");
    assert_eq!(catalogue.profile_of(&id).map(|profile| profile.family.as_str()), Some("S3"));
}
