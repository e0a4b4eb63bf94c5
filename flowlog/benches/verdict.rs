//! How long one verdict takes, by the number of rules it has to pass.

use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr};

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use flowlog::policy::{
    Attachments, Cidr, Direction, GroupId, Membership, Peer, Policy, PolicyObjects, PortRange, Protocol, Rule,
    RuleAction, RuleId, SecurityGroup,
};
use flowlog::verdict::{EniPolicy, Packet, Track};

const GUEST: IpAddr = IpAddr::V4(Ipv4Addr::new(172, 31, 16, 139));
const REMOTE: IpAddr = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 12));

#[derive(Clone, Copy)]
enum Miss {
    Port,
    Cidr,
    Group,
}

fn id() -> GroupId {
    "sg-bench".parse().expect("a valid id")
}

/// Rules of which only the last one matches; the others fail late, at the test named.
fn policy(rules: u32, miss: Miss) -> EniPolicy {
    let rule = |number| {
        let is_last = number + 1 == rules;
        let elsewhere: Cidr = "10.0.0.0/8".parse().expect("a valid CIDR");
        Rule {
            id: RuleId(number),
            priority: u16::try_from(number).unwrap_or(u16::MAX),
            action: RuleAction::Allow,
            protocol: Protocol::TCP,
            ports: match miss {
                Miss::Port if !is_last => PortRange::single(22),
                _ => PortRange::single(443),
            },
            source_ports: PortRange::ANY,
            icmp_type: None,
            icmp_code: None,
            peer: match miss {
                Miss::Cidr if !is_last => Peer::Cidr(elsewhere),
                Miss::Group if !is_last => Peer::Group(id()),
                _ => Peer::Any,
            },
        }
    };
    let objects = PolicyObjects {
        security_groups: vec![SecurityGroup { id: id(), ingress: (0..rules).map(rule).collect(), egress: Vec::new() }],
        ..PolicyObjects::default()
    };
    let members: Membership =
        (0..1_000).map(|host| (id(), IpAddr::V4(Ipv4Addr::from_bits(0x0a00_0000 + host)))).collect();
    let attachments = Attachments { security_groups: vec![id()], network_acl: None };
    Policy::new(objects).expect("a valid policy").compile(&attachments, &members, 1).expect("known attachments")
}

fn judge(criterion: &mut Criterion) {
    let packet = Packet {
        direction: Direction::Ingress,
        src: REMOTE,
        dst: GUEST,
        protocol: 6,
        src_port: 50_000,
        dst_port: 443,
        icmp: None,
    };
    for (name, miss) in [("port", Miss::Port), ("cidr", Miss::Cidr), ("group", Miss::Group)] {
        let mut group = criterion.benchmark_group(format!("judge/last_of_rules_missed_by_{name}"));
        for rules in [1, 10, 100] {
            let policy = policy(rules, miss);
            group.bench_with_input(BenchmarkId::from_parameter(rules), &policy, |b, policy| {
                b.iter(|| black_box(policy).judge(black_box(&packet), Track::New));
            });
        }
        group.finish();
    }
}

criterion_group!(benches, judge);
criterion_main!(benches);
