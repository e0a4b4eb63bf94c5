//! The verdict against a reference written apart from it.
//!
//! The reference shares no code and no idea with the engine: it picks the next rule by searching
//! for the smallest one left, compares prefixes one bit at a time, spells port ranges out, and
//! looks group members up by walking over all ENIs. The engine gets the same rules as text. The
//! space is small (few addresses, ports and protocols), so that matches and ties are frequent.
//!
//! The seed is printed; `WEIR_SEED` sets another one.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use flowlog::policy::{Attachments, Direction, GroupId, Membership, Policy, PolicyObjects, RuleId};
use flowlog::verdict::{Action, EniPolicy, Layer, Packet, Track};

#[path = "verdict_reference/naive.rs"]
mod naive;

use naive::{BothWays, NaivePacket, NaivePeer, NaiveRule, NaiveVerdict, World, naive_groups, naive_verdict};

const RULE_SETS: usize = 30_000;
const PACKETS_PER_RULE_SET: usize = 12;
const DEFAULT_SEED: u64 = 0x5eed_0001;

const ADDRESSES: [&str; 8] =
    ["10.0.0.1", "10.0.0.2", "10.0.1.1", "192.0.2.7", "2001:db8::1", "2001:db8::2", "2001:db8:1::1", "::ffff:10.0.0.1"];
const PREFIXES: [(&str, usize); 14] = [
    ("10.0.0.1", 32),
    ("10.0.0.0", 31),
    ("10.0.0.2", 31),
    ("10.0.0.0", 24),
    ("10.0.0.0", 8),
    ("128.0.0.0", 1),
    ("0.0.0.0", 0),
    ("2001:db8::1", 128),
    ("2001:db8::2", 127),
    ("2001:db8::", 64),
    ("2001:db8::", 32),
    ("::ffff:10.0.0.0", 104),
    ("::ffff:0.0.0.0", 96),
    ("::", 0),
];
const GROUPS: [&str; 4] = ["sg-a", "sg-b", "sg-c", "sg-d"];
const PORTS: [u16; 5] = [0, 79, 80, 81, 65_535];

/// Numbers from a seed (splitmix64).
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.roll() % bound as u64) as usize
    }

    fn one_in(&mut self, chances: usize) -> bool {
        self.below(chances) == 0
    }

    fn pick<T: Clone>(&mut self, items: &[T]) -> T {
        items[self.below(items.len())].clone()
    }
}

fn some_range(dice: &mut Dice) -> Option<(u16, u16)> {
    let (a, b) = (dice.pick(&PORTS), dice.pick(&PORTS));
    // Wide ranges would be spelt out port by port: keep them rare.
    match (a.min(b), a.max(b)) {
        (low, 65_535) if low < 65_535 && !dice.one_in(20) => Some((low, 81)),
        range => Some(range),
    }
    .filter(|(low, high)| low <= high && (*low, *high) != (0, 65_535))
}

fn some_rule(dice: &mut Dice, id: u32, is_acl: bool) -> NaiveRule {
    let protocol = dice.pick(&[None, Some(6), Some(6), Some(17), Some(1), Some(58), Some(47)]);
    let has_ports = matches!(protocol, Some(6 | 17));
    let is_icmp = matches!(protocol, Some(1 | 58));
    NaiveRule {
        id,
        priority: dice.pick(&[1, 2, 2, 3]),
        allows: !dice.one_in(3),
        protocol,
        to_ports: (has_ports && !dice.one_in(3)).then(|| some_range(dice)).flatten(),
        from_ports: (has_ports && is_acl && dice.one_in(3)).then(|| some_range(dice)).flatten(),
        icmp_type: (is_icmp && !dice.one_in(3)).then(|| dice.pick(&[0, 8, 128, 129])),
        icmp_code: (is_icmp && dice.one_in(3)).then(|| dice.pick(&[0, 1])),
        peer: match dice.below(4) {
            0 => NaivePeer::Everyone,
            1 => NaivePeer::CarriersOf(dice.pick(&GROUPS)),
            _ => {
                let (prefix, length) = dice.pick(&PREFIXES);
                NaivePeer::Prefix(prefix, length)
            }
        },
    }
}

fn some_list(dice: &mut Dice, is_acl: bool) -> Vec<NaiveRule> {
    let length = dice.below(8) as u32;
    (1..=length).map(|id| some_rule(dice, id, is_acl)).collect()
}

fn some_world(dice: &mut Dice) -> World {
    let mut groups = BTreeMap::new();
    for name in GROUPS {
        groups.insert(name, [some_list(dice, false), some_list(dice, false)]);
    }
    let mut attached = GROUPS.to_vec();
    for index in (1..attached.len()).rev() {
        attached.swap(index, dice.below(index + 1));
    }
    attached.truncate(dice.below(5));
    let enis = (0..dice.below(5))
        .map(|_| {
            let carried = (0..dice.below(3)).map(|_| dice.pick(&GROUPS)).collect();
            (dice.pick(&ADDRESSES), carried)
        })
        .collect();
    World {
        groups,
        acl: (!dice.one_in(4)).then(|| [some_list(dice, true), some_list(dice, true)]),
        attached,
        enis,
        is_reevaluating: dice.one_in(2),
    }
}

fn some_packet(dice: &mut Dice) -> NaivePacket {
    let protocol = dice.pick(&[6, 6, 17, 1, 58, 47, 132]);
    let has_ports = matches!(protocol, 6 | 17 | 132) && !dice.one_in(8);
    let mut port = || {
        if has_ports { dice.pick(&PORTS) } else { 0 }
    };
    let (from_port, to_port) = (port(), port());
    let is_icmp = matches!(protocol, 1 | 58) && !dice.one_in(8);
    NaivePacket {
        outward: dice.one_in(2),
        src: dice.pick(&ADDRESSES),
        dst: dice.pick(&ADDRESSES),
        protocol,
        from_port,
        to_port,
        icmp: is_icmp.then(|| (dice.pick(&[0, 8, 128, 129]), dice.pick(&[0, 1]))),
    }
}

fn rules_as_text(rules: &[NaiveRule]) -> String {
    let mut text = String::from("[");
    for (index, rule) in rules.iter().enumerate() {
        if index > 0 {
            text.push(',');
        }
        let action = if rule.allows { "allow" } else { "deny" };
        let _ = write!(text, r#"{{"id":{},"priority":{},"action":"{action}""#, rule.id, rule.priority);
        let _ = match rule.protocol {
            None => write!(text, r#","protocol":"any""#),
            Some(6) => write!(text, r#","protocol":"tcp""#),
            Some(number) => write!(text, r#","protocol":{number}"#),
        };
        for (field, range) in [("ports", rule.to_ports), ("source_ports", rule.from_ports)] {
            let _ = match range {
                None => Ok(()),
                Some((low, high)) if low == high => write!(text, r#","{field}":{low}"#),
                Some((low, high)) => write!(text, r#","{field}":"{low}-{high}""#),
            };
        }
        for (field, value) in [("icmp_type", rule.icmp_type), ("icmp_code", rule.icmp_code)] {
            if let Some(value) = value {
                let _ = write!(text, r#","{field}":{value}"#);
            }
        }
        let _ = match &rule.peer {
            NaivePeer::Everyone => write!(text, r#","peer":"any"}}"#),
            NaivePeer::Prefix(prefix, length) => write!(text, r#","peer":"{prefix}/{length}"}}"#),
            NaivePeer::CarriersOf(group) => write!(text, r#","peer":"{group}"}}"#),
        };
    }
    text.push(']');
    text
}

fn list_as_text(id: &str, lists: &BothWays) -> String {
    format!(r#"{{"id":"{id}","ingress":{},"egress":{}}}"#, rules_as_text(&lists[0]), rules_as_text(&lists[1]))
}

fn compile(world: &World) -> EniPolicy {
    let tracked = if world.is_reevaluating { "reevaluate" } else { "keep" };
    let groups: Vec<String> = world.groups.iter().map(|(id, lists)| list_as_text(id, lists)).collect();
    let acls: Vec<String> = world.acl.iter().map(|lists| list_as_text("acl-a", lists)).collect();
    let text = format!(
        r#"{{"tracked_flows":"{tracked}","security_groups":[{}],"network_acls":[{}]}}"#,
        groups.join(","),
        acls.join(",")
    );
    let objects: PolicyObjects = serde_json::from_str(&text).expect(&text);
    let attachments = Attachments {
        security_groups: world.attached.iter().map(|id| id.parse().unwrap()).collect(),
        network_acl: world.acl.as_ref().map(|_| "acl-a".parse().unwrap()),
    };
    let membership: Membership = world
        .enis
        .iter()
        .flat_map(|(address, carried)| {
            carried.iter().map(|group| (group.parse::<GroupId>().unwrap(), address.parse().unwrap()))
        })
        .collect();
    Policy::new(objects)
        .expect("the reference writes valid policies")
        .compile(&attachments, &membership, 7)
        .expect("the reference attaches what it wrote")
}

fn as_packet(packet: &NaivePacket) -> Packet {
    Packet {
        direction: if packet.outward { Direction::Egress } else { Direction::Ingress },
        src: packet.src.parse().unwrap(),
        dst: packet.dst.parse().unwrap(),
        protocol: packet.protocol,
        src_port: packet.from_port,
        dst_port: packet.to_port,
        icmp: packet.icmp,
    }
}

fn seed() -> u64 {
    let seed = std::env::var("WEIR_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(DEFAULT_SEED);
    println!("WEIR_SEED={seed}");
    seed
}

/// How often each outcome occurred, to show that the random space reaches all of them.
type Census = BTreeMap<String, usize>;

fn note(census: &mut Census, (accepts, layer, rule): NaiveVerdict) {
    let rule = RuleId(rule).meaning().unwrap_or("a written rule");
    *census.entry(format!("{accepts} {layer} {rule}")).or_default() += 1;
}

fn compare(seed: u64, rule_sets: usize) -> Census {
    let mut dice = Dice(seed);
    let mut census = Census::new();
    for index in 0..rule_sets {
        let world = some_world(&mut dice);
        let policy = compile(&world);
        for _ in 0..PACKETS_PER_RULE_SET {
            let packet = some_packet(&mut dice);
            for track in [Track::New, Track::ReplyOfAccepted, Track::Tracked] {
                let expected = naive_verdict(&world, &packet, track);
                let explained = policy.explain(&as_packet(&packet), track);
                let found = policy.judge(&as_packet(&packet), track);
                assert_eq!(explained.verdict, found, "judge and explain differ");
                let action = found.action == Action::Accept;
                let layer = match found.layer {
                    Layer::SecurityGroup => "sg",
                    Layer::NetworkAcl => "acl",
                };
                assert_eq!(
                    (action, layer, found.rule.0),
                    expected,
                    "seed {seed}, rule set {index}, {track:?}\n{packet:#?}\n{world:#?}"
                );
                note(&mut census, expected);
            }
            let is_remembered = !world.is_reevaluating || naive_groups(&world, &packet).0;
            assert_eq!(
                policy.reply_track(&as_packet(&packet)) == Track::ReplyOfAccepted,
                is_remembered,
                "seed {seed}, rule set {index}, reply to\n{packet:#?}\n{world:#?}"
            );
        }
    }
    census
}

#[test]
fn the_engine_agrees_with_the_naive_reference_on_every_random_rule_set_and_packet() {
    let census = compare(seed(), RULE_SETS);
    for (outcome, count) in &census {
        println!("{count:>8}  {outcome}");
    }
    let possible = [
        "false acl a written rule",
        "false acl implicit deny of the network ACL, egress",
        "false acl implicit deny of the network ACL, ingress",
        "false sg a written rule",
        "false sg implicit deny of the security groups, egress",
        "false sg implicit deny of the security groups, ingress",
        "true acl a written rule",
        "true sg a written rule",
        "true sg allowed by the tracked connection",
    ];
    let reached: Vec<&str> = census.keys().map(String::as_str).collect();
    assert_eq!(reached, possible);
    assert!(census.values().all(|count| *count > 1_000), "{census:#?}");
}

#[test]
fn one_seed_run_twice_gives_the_same_outcomes() {
    let seed = seed();
    assert_eq!(compare(seed, 200), compare(seed, 200));
}
