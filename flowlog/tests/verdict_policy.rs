//! Policies as text: how they are read and written, and what is refused.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use flowlog::policy::{
    AddressSet, Attachments, Cidr, GroupId, Membership, Peer, Policy, PolicyObjects, PortRange, Protocol,
    RULES_PER_LIST_MAX, Rule,
};
use serde_json::{Value, json};

fn rule(changes: Value) -> Value {
    let mut rule = json!({
        "id": 1, "priority": 100, "action": "allow", "protocol": "tcp", "peer": "any"
    });
    for (field, value) in changes.as_object().unwrap() {
        rule[field] = value.clone();
    }
    rule
}

fn group_with(ingress: Vec<Value>) -> Value {
    json!({ "security_groups": [{ "id": "sg-web", "ingress": ingress }] })
}

/// What is said about a policy that is refused.
fn fault(policy: Value) -> String {
    let objects: PolicyObjects = serde_json::from_value(policy).unwrap();
    Policy::new(objects).unwrap_err().to_string()
}

fn unreadable<T: serde::de::DeserializeOwned + std::fmt::Debug>(value: Value) -> String {
    serde_json::from_value::<T>(value).unwrap_err().to_string()
}

#[test]
fn a_policy_is_written_as_it_was_read() {
    let text = json!({
        "tracked_flows": "reevaluate",
        "timeouts": {
            "tcp_established_seconds": 3600, "tcp_other_seconds": 60, "udp_seconds": 10,
            "udp_stream_seconds": 20, "other_seconds": 30
        },
        "security_groups": [
            { "id": "sg-web",
              "ingress": [
                rule(json!({"ports": "8000-8080", "peer": "10.0.0.0/8"})),
                rule(json!({"id": 2, "ports": "80", "peer": "2001:db8::/32"})),
                rule(json!({"id": 3, "protocol": "icmp", "icmp_type": 8, "icmp_code": 0})) ],
              "egress": [
                rule(json!({"protocol": "47", "peer": "sg-web", "action": "deny"})) ] }],
        "network_acls": [
            { "id": "acl-front",
              "ingress": [rule(json!({"protocol": "udp", "source_ports": "53"}))],
              "egress": [] }]
    });
    let objects: PolicyObjects = serde_json::from_value(text.clone()).unwrap();
    assert_eq!(serde_json::to_value(&objects).unwrap(), text);
    assert_eq!(Policy::new(objects.clone()).unwrap().objects(), &objects);
}

#[test]
fn numbers_and_names_of_a_protocol_are_the_same() {
    for (written, protocol, name) in [
        (json!(6), Protocol::TCP, "tcp"),
        (json!("17"), Protocol::UDP, "udp"),
        (json!("icmp"), Protocol::ICMP, "icmp"),
        (json!(58), Protocol::ICMPV6, "icmpv6"),
        (json!("any"), Protocol::Any, "any"),
        (json!(255), Protocol::Number(255), "255"),
    ] {
        assert_eq!(serde_json::from_value::<Protocol>(written).unwrap(), protocol);
        assert_eq!(protocol.to_string(), name);
    }
}

#[test]
fn ports_are_a_number_or_a_range_or_any() {
    let range = |first, last| PortRange { first, last };
    for (written, ports, text) in [
        (json!(80), range(80, 80), "80"),
        (json!("8000-8080"), range(8000, 8080), "8000-8080"),
        (json!("0-65535"), PortRange::ANY, "any"),
        (json!("any"), PortRange::ANY, "any"),
    ] {
        assert_eq!(serde_json::from_value::<PortRange>(written).unwrap(), ports);
        assert_eq!(ports.to_string(), text);
    }
}

#[test]
fn an_address_alone_is_a_block_of_one() {
    let peer: Peer = "10.0.0.1".parse().unwrap();
    assert_eq!(peer.to_string(), "10.0.0.1/32");
    let peer: Peer = "2001:db8::1".parse().unwrap();
    assert_eq!(peer.to_string(), "2001:db8::1/128");
}

#[test]
fn an_ipv4_block_never_matches_an_ipv6_address() {
    let everything: Cidr = "0.0.0.0/0".parse().unwrap();
    let mapped: IpAddr = "::ffff:10.0.0.1".parse().unwrap();
    assert!(everything.contains("10.0.0.1".parse().unwrap()));
    assert!(!everything.contains(mapped));
}

#[test]
fn text_that_cannot_be_read_is_named_with_what_was_expected() {
    let cases = [
        (
            unreadable::<PortRange>(json!("80-")),
            "found `80-`, expected ports: any, a port 0 to 65535, or a range like 8000-8080",
        ),
        (
            unreadable::<PortRange>(json!(65_536)),
            "found `65536`, expected ports: any, a port 0 to 65535, or a range like 8000-8080",
        ),
        (
            unreadable::<Protocol>(json!("+6")),
            "found `+6`, expected a protocol: any, tcp, udp, icmp, icmpv6 or a number 0 to 255",
        ),
        (
            unreadable::<Protocol>(json!(256)),
            "found `256`, expected a protocol: any, tcp, udp, icmp, icmpv6 or a number 0 to 255",
        ),
        (
            unreadable::<Peer>(json!("10.0.0.0/33")),
            "found `10.0.0.0/33`, expected any, a CIDR like 10.0.0.0/8 or 2001:db8::/32, an \
             address, or sg-…",
        ),
        (
            unreadable::<GroupId>(json!("sg-")),
            "found `sg-`, expected a security group id: sg- and 1 to 32 of a-z, 0-9, -",
        ),
        (unreadable::<PortRange>(json!(1.5)), "expected a number or text"),
    ];
    for (found, expected) in cases {
        assert_eq!(found, expected);
    }
}

#[test]
fn an_unknown_field_is_refused() {
    let error = unreadable::<Rule>(rule(json!({"port": 80})));
    assert!(error.starts_with("unknown field `port`"), "{error}");
}

#[test]
fn a_rule_without_a_peer_is_refused() {
    let mut rule = rule(json!({}));
    rule.as_object_mut().unwrap().remove("peer");
    assert_eq!(unreadable::<Rule>(rule), "missing field `peer`");
}

#[test]
fn an_inverted_port_range_is_refused_with_the_right_one() {
    assert_eq!(
        fault(group_with(vec![rule(json!({"ports": "90-80"}))])),
        "security group sg-web, ingress rule 1: found ports 90-80, expected the lower one first: \
         80-90"
    );
}

#[test]
fn ports_on_a_protocol_without_ports_are_refused() {
    assert_eq!(
        fault(group_with(vec![rule(json!({"ports": 80, "protocol": "any"}))])),
        "security group sg-web, ingress rule 1: found ports 80 with protocol any, expected tcp, \
         udp or 132 (sctp), or no ports"
    );
}

#[test]
fn source_ports_in_a_security_group_are_refused() {
    assert_eq!(
        fault(group_with(vec![rule(json!({"source_ports": 53}))])),
        "security group sg-web, ingress rule 1: found source_ports 53, expected none: only \
         network ACLs match source ports"
    );
}

#[test]
fn an_icmp_type_on_another_protocol_is_refused() {
    assert_eq!(
        fault(group_with(vec![rule(json!({"icmp_type": 8}))])),
        "security group sg-web, ingress rule 1: found icmp_type 8 with protocol tcp, expected \
         icmp or icmpv6, or none"
    );
}

#[test]
fn a_second_rule_of_one_id_is_refused_but_not_across_directions() {
    assert_eq!(
        fault(group_with(vec![rule(json!({})), rule(json!({}))])),
        "security group sg-web, ingress rule 1: found id 1 for a second time, expected ids unique \
         in their list"
    );
    let both = json!({ "network_acls": [
        { "id": "acl-a", "ingress": [rule(json!({}))], "egress": [rule(json!({}))] }
    ]});
    assert!(Policy::new(serde_json::from_value(both).unwrap()).is_ok());
}

#[test]
fn a_reserved_rule_id_is_refused() {
    assert_eq!(
        fault(group_with(vec![rule(json!({"id": 4_000_000_000_u32}))])),
        "security group sg-web, ingress rule 4000000000: found id 4000000000, expected one below \
         4000000000: the rest is reserved"
    );
    let highest = group_with(vec![rule(json!({"id": 3_999_999_999_u32}))]);
    assert!(Policy::new(serde_json::from_value(highest).unwrap()).is_ok());
}

#[test]
fn a_reference_to_an_unknown_group_is_refused() {
    let policy = json!({ "network_acls": [
        { "id": "acl-front", "egress": [rule(json!({"peer": "sg-gone"}))] }
    ]});
    assert_eq!(
        fault(policy),
        "network ACL acl-front, egress rule 1: found sg-gone, expected the id of a security group \
         of this policy"
    );
}

#[test]
fn host_bits_are_refused_with_the_corrected_block() {
    assert_eq!(
        fault(group_with(vec![rule(json!({"peer": "10.1.2.3/8"}))])),
        "security group sg-web, ingress rule 1: found 10.1.2.3/8 with host bits set, expected \
         10.0.0.0/8"
    );
}

#[test]
fn a_second_group_of_one_id_is_refused() {
    let policy = json!({ "security_groups": [{ "id": "sg-a" }, { "id": "sg-a" }] });
    assert_eq!(fault(policy), "security group sg-a: found a second definition, expected one");
}

#[test]
fn a_list_past_its_limit_is_refused() {
    let rules = (0..=RULES_PER_LIST_MAX).map(|id| rule(json!({ "id": id }))).collect();
    assert_eq!(fault(group_with(rules)), "security group sg-web, ingress: found 1001 rules, expected at most 1000");
}

#[test]
fn a_timeout_out_of_bounds_is_refused() {
    for (seconds, text) in [(0, "0"), (864_001, "864001")] {
        assert_eq!(
            fault(json!({ "timeouts": { "udp_seconds": seconds } })),
            format!("policy: found udp_seconds = {text}, expected 1 to 864000")
        );
    }
}

#[test]
fn all_faults_are_reported_at_once() {
    let rules = vec![rule(json!({"ports": "90-80"})), rule(json!({"id": 2, "peer": "sg-gone"}))];
    assert_eq!(fault(group_with(rules)).lines().count(), 2);
}

#[test]
fn attachments_must_exist_once_and_within_the_limit() {
    let names: Vec<String> = (0..17).map(|number| format!("sg-{number}")).collect();
    let groups: Vec<Value> = names.iter().map(|id| json!({ "id": id })).collect();
    let objects = serde_json::from_value(json!({ "security_groups": groups })).unwrap();
    let policy = Policy::new(objects).unwrap();
    let refusal = |groups: &[&str], acl: Option<&str>| {
        let attachments = Attachments {
            security_groups: groups.iter().map(|id| id.parse().unwrap()).collect(),
            network_acl: acl.map(|id| id.parse().unwrap()),
        };
        policy.compile(&attachments, &Membership::default(), 1).unwrap_err().to_string()
    };
    assert_eq!(
        refusal(&["sg-x"], None),
        "attachments of the ENI: found sg-x, expected the id of a security group of this policy"
    );
    assert_eq!(refusal(&["sg-1", "sg-1"], None), "attachments of the ENI: found sg-1 attached twice, expected once");
    assert_eq!(
        refusal(&[], Some("acl-x")),
        "attachments of the ENI: found acl-x, expected the id of a network ACL of this policy"
    );
    let all: Vec<&str> = names.iter().map(String::as_str).collect();
    assert_eq!(refusal(&all, None), "attachments of the ENI: found 17 security groups, expected at most 16");
}

#[test]
fn an_address_set_holds_exactly_its_members_whatever_their_order() {
    let v4 = |number: u32| IpAddr::V4(Ipv4Addr::from_bits(0x0a00_0000 + number));
    let v6 = |number: u32| IpAddr::V6(Ipv6Addr::from_bits(u128::from(number) << 64 | 1));
    let members: Vec<IpAddr> =
        (0..2_000).map(|number| number * 3).flat_map(|number| [v4(number), v6(number)]).collect();
    let set: AddressSet = members.iter().copied().collect();
    for number in 0..6_000 {
        let is_member = number % 3 == 0;
        assert_eq!(set.contains(v4(number)), is_member, "{}", v4(number));
        assert_eq!(set.contains(v6(number)), is_member, "{}", v6(number));
    }
    assert_eq!(set.len(), 4_000);
    let twice_and_backwards = members.iter().chain(&members).rev().copied();
    assert_eq!(twice_and_backwards.collect::<AddressSet>(), set);
    assert!(!AddressSet::default().contains(v4(0)));
    assert!(AddressSet::default().is_empty());
}
