//! The cases of the specification's table of verdicts, as packets through the NIC: each compares
//! every record there is. And what is stateful about security groups.

use firmware_abi::key::Direction;
use firmware_abi::time::SECOND_NS;
use flowlog::conservation::Amount;
use sim::frames::FrameBatch;
use weir::config::Config;
use weir_tests::packets::{ACK, Packet, SYN};
use weir_tests::replaying::{Bench, Replayed, replay};

const PEER: &str = "203.0.113.12";
const GUEST: &str = "172.31.16.139";
/// The start of a window of 300 s.
const START_NS: u64 = 1_432_917_000 * SECOND_NS;

/// The ids of the rules, and those of the implicit denials and of the group's memory.
const GROUP_RULE: u32 = 11;
const ACL_IN_RULE: u32 = 21;
const ACL_OUT_RULE: u32 = 22;
const GROUP_IN_DEFAULT: u32 = 4_000_000_001;
const GROUP_OUT_DEFAULT: u32 = 4_000_000_002;
const ACL_OUT_DEFAULT: u32 = 4_000_000_004;
const TRACKED: u32 = 4_000_000_010;

const ALLOW: &str = "allow";
const DENY: &str = "deny";

/// One guest; ACL in, group in and ACL out each have one rule. The group lets nothing out by rule.
fn rules(acl_in: &str, group_in: &str, acl_out: &str, more: &str) -> Config {
    let text = format!(
        r#"
[settings]
window = "300s"
{more}

[[account]]
id = "1251762227"

[[vpc]]
id = "vpc-main"
account = "1251762227"
cidrs = ["172.31.0.0/16"]

[[subnet]]
id = "subnet-front"
vpc = "vpc-main"
cidrs = ["172.31.16.0/24"]
network_acl = "acl-front"

[[eni]]
id = "eni-lq6mkcis"
subnet = "subnet-front"
addresses = ["{GUEST}"]
security_groups = ["sg-web"]

[[security_group]]
id = "sg-web"
ingress = [{{ id = {GROUP_RULE}, priority = 10, action = "{group_in}", protocol = "any", peer = "any" }}]

[[network_acl]]
id = "acl-front"
ingress = [{{ id = {ACL_IN_RULE}, priority = 10, action = "{acl_in}", protocol = "any", peer = "any" }}]
egress = [{{ id = {ACL_OUT_RULE}, priority = 10, action = "{acl_out}", protocol = "any", peer = "any" }}]
"#
    );
    parse(&text)
}

fn parse(text: &str) -> Config {
    Config::parse("case.toml", text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// As [`Collected::judged`](weir_tests::replaying::Collected::judged) writes a ping's request.
fn request(packets: u64, outcome: &str) -> String {
    format!("in  {PEER} {GUEST} 0 0 1 {packets} {} {outcome}", packets * 84)
}

fn reply(packets: u64, outcome: &str) -> String {
    format!("out {GUEST} {PEER} 0 0 1 {packets} {} {outcome}", packets * 84)
}

fn by_group(action: &str, rule: u32) -> String {
    format!("{action} security-group {rule}")
}

fn by_acl(action: &str, rule: u32) -> String {
    format!("{action} network-acl {rule}")
}

/// What of a ping reached whom.
#[derive(Debug, Default, PartialEq, Eq)]
struct Reached {
    guest: usize,
    peer: usize,
}

/// Four requests to a guest that answers what it sees; all records.
fn ping_a_living_guest(config: &Config) -> (Vec<String>, Reached) {
    let mut bench = Bench::new(config, START_NS, |_| ());
    let mut reached = Reached::default();
    for number in 0..4 {
        let time_ns = START_NS + (27 + number) * SECOND_NS;
        let ask = Packet::ping(PEER, GUEST).frame();
        for seen in bench.cross(time_ns, Direction::Ingress, &ask) {
            assert_eq!((seen.direction, &seen.bytes), (Direction::Ingress, &ask), "the guest sees the request whole");
            reached.guest += 1;
            let answer = Packet::pong(GUEST, PEER).frame();
            for sent in bench.cross(time_ns + 2_000_000, Direction::Egress, &answer) {
                assert_eq!((sent.direction, &sent.bytes), (Direction::Egress, &answer), "the answer leaves whole");
                reached.peer += 1;
            }
        }
    }
    let collected = bench.finish();
    let all = collected.proved("ping");
    let offered = 4 + reached.guest as u64;
    assert_eq!(all.offered, Amount { packets: offered, bytes: offered * 84 });
    assert_eq!(collected.statuses, [], "no NODATA and no SKIPDATA");
    (collected.judged(), reached)
}

#[test]
fn v1_reply_to_an_allowed_ping_is_rejected_by_the_stateless_acl() {
    let (records, reached) = ping_a_living_guest(&rules(ALLOW, ALLOW, DENY, ""));
    let expected = [request(4, &by_group("ACCEPT", GROUP_RULE)), reply(4, &by_acl("REJECT", ACL_OUT_RULE))];
    assert_eq!(records, expected);
    assert_eq!(reached, Reached { guest: 4, peer: 0 });
}

#[test]
fn v2_reply_to_an_allowed_ping_needs_no_rule_of_the_stateful_group() {
    let (records, reached) = ping_a_living_guest(&rules(ALLOW, ALLOW, ALLOW, ""));
    let expected = [request(4, &by_group("ACCEPT", GROUP_RULE)), reply(4, &by_acl("ACCEPT", ACL_OUT_RULE))];
    assert_eq!(records, expected);
    assert_eq!(reached, Reached { guest: 4, peer: 4 });
}

#[test]
fn v3_a_ping_that_the_group_rejects_is_never_seen_by_the_guest() {
    let (records, reached) = ping_a_living_guest(&rules(ALLOW, DENY, ALLOW, ""));
    assert_eq!(records, [request(4, &by_group("REJECT", GROUP_RULE))]);
    assert_eq!(reached, Reached::default());
}

#[test]
fn v4_a_ping_that_the_acl_rejects_is_never_seen_by_the_guest() {
    let (records, reached) = ping_a_living_guest(&rules(DENY, ALLOW, ALLOW, ""));
    assert_eq!(records, [request(4, &by_acl("REJECT", ACL_IN_RULE))]);
    assert_eq!(reached, Reached::default());
}

/// A TCP connection of the peer: a handshake, then `rounds` of a segment of 100 bytes each way, one
/// round a second. 3 + 2 · rounds packets.
fn connection(rounds: u64) -> FrameBatch {
    let mut batch = FrameBatch::new();
    let mut push = |time_ns, packet: Packet| {
        let frame = packet.frame();
        batch.push(START_NS + time_ns, frame.len() as u32, &frame);
    };
    let (there, back) = ((50_000, 443), (443, 50_000));
    push(0, Packet::tcp(PEER, GUEST, there, SYN, 0));
    push(1_000_000, Packet::tcp(GUEST, PEER, back, SYN | ACK, 0));
    push(2_000_000, Packet::tcp(PEER, GUEST, there, ACK, 0));
    for round in 1..=rounds {
        push(round * SECOND_NS, Packet::tcp(PEER, GUEST, there, ACK, 60));
        push(round * SECOND_NS + 1_000_000, Packet::tcp(GUEST, PEER, back, ACK, 60));
    }
    batch
}

fn there(packets: u64, bytes: u64, outcome: &str) -> String {
    format!("in  {PEER} {GUEST} 50000 443 6 {packets} {bytes} {outcome}")
}

fn back(packets: u64, bytes: u64, outcome: &str) -> String {
    format!("out {GUEST} {PEER} 443 50000 6 {packets} {bytes} {outcome}")
}

/// Replays [`connection`] of ten rounds under a change 5.5 s after its start, in one window.
fn change_under_a_connection(config: Config) -> Replayed {
    let replayed = replay(config, &connection(10));
    let all = replayed.collected.proved("connection");
    assert_eq!(all.offered, Amount { packets: 23, bytes: 23 * 40 + 20 * 60 });
    assert_eq!(replayed.collected.seals.len(), 1, "all in one window");
    assert_eq!(replayed.collected.statuses, []);
    assert_eq!(replayed.statistics.offloaded, 2, "the hardware counted both directions when the rules changed");
    replayed
}

const DENY_IS_ADDED: &str = r#"
[[policy_change]]
at = "5500ms"
security_group = "sg-web"
ingress = [
    { id = 12, priority = 5, action = "deny", protocol = "tcp", peer = "any" },
    { id = 11, priority = 10, action = "allow", protocol = "any", peer = "any" },
]
"#;

#[test]
fn v5_a_deny_added_mid_window_leaves_an_accepted_connection_alone_under_keep() {
    let replayed = change_under_a_connection(rules(ALLOW, ALLOW, ALLOW, DENY_IS_ADDED));
    // After the change it is the group's memory that allows the connection.
    let expected = [
        there(12, 12 * 40 + 600, &by_group("ACCEPT", TRACKED)),
        back(11, 11 * 40 + 600, &by_acl("ACCEPT", ACL_OUT_RULE)),
    ];
    assert_eq!(replayed.collected.judged(), expected);
}

#[test]
fn v5_a_deny_added_mid_window_splits_an_accepted_connection_under_reevaluate() {
    let config = rules(ALLOW, ALLOW, ALLOW, &format!("tracked_flows = \"reevaluate\"\n{DENY_IS_ADDED}"));
    let replayed = change_under_a_connection(config);
    let mut expected = vec![
        there(7, 7 * 40 + 300, &by_group("ACCEPT", GROUP_RULE)),
        there(5, 5 * 40 + 300, &by_group("REJECT", 12)),
        back(6, 6 * 40 + 300, &by_acl("ACCEPT", ACL_OUT_RULE)),
        back(5, 5 * 40 + 300, &by_group("REJECT", GROUP_OUT_DEFAULT)),
    ];
    expected.sort_unstable();
    assert_eq!(replayed.collected.judged(), expected);
}

#[test]
fn v6_an_acl_flipped_mid_window_gives_two_records_of_the_replies_that_add_up() {
    let flip = "[[policy_change]]\nat = \"2500ms\"\nnetwork_acl = \"acl-front\"\negress = [{ id = 23, priority = 10, action = \
         \"allow\", protocol = \"any\", peer = \"any\" }]\n";
    let mut batch = FrameBatch::new();
    for second in 0..7 {
        for (after_ns, packet) in [(0, Packet::ping(PEER, GUEST)), (400_000, Packet::pong(GUEST, PEER))] {
            let frame = packet.frame();
            batch.push(START_NS + second * SECOND_NS + after_ns, frame.len() as u32, &frame);
        }
    }
    let replayed = replay(rules(ALLOW, ALLOW, DENY, flip), &batch);
    let mut expected = vec![
        request(7, &by_group("ACCEPT", TRACKED)),
        reply(3, &by_acl("REJECT", ACL_OUT_RULE)),
        reply(4, &by_acl("ACCEPT", 23)),
    ];
    expected.sort_unstable();
    assert_eq!(replayed.collected.judged(), expected);
    assert_eq!(replayed.collected.proved("V6").offered, Amount { packets: 14, bytes: 14 * 84 });
}

#[test]
fn v6_the_same_under_a_connection_that_the_hardware_counts() {
    let flip = "[[policy_change]]\nat = \"5500ms\"\nnetwork_acl = \"acl-front\"\negress = [{ id = 23, priority = 10, action = \
         \"allow\", protocol = \"any\", peer = \"any\" }]\n";
    let replayed = change_under_a_connection(rules(ALLOW, ALLOW, DENY, flip));
    let mut expected = vec![
        there(12, 12 * 40 + 600, &by_group("ACCEPT", TRACKED)),
        back(6, 6 * 40 + 300, &by_acl("REJECT", ACL_OUT_RULE)),
        back(5, 5 * 40 + 300, &by_acl("ACCEPT", 23)),
    ];
    expected.sort_unstable();
    assert_eq!(replayed.collected.judged(), expected);
}

#[test]
fn an_acl_without_a_matching_rule_denies_under_a_reserved_id() {
    let remove = "[[policy_change]]\nat = \"0s\"\nnetwork_acl = \"acl-front\"\negress = []\n";
    let replayed = replay(rules(ALLOW, ALLOW, ALLOW, remove), &connection(1));
    let expected = [
        there(3, 3 * 40 + 60, &by_group("ACCEPT", GROUP_RULE)),
        back(2, 2 * 40 + 60, &by_acl("REJECT", ACL_OUT_DEFAULT)),
    ];
    assert_eq!(replayed.collected.judged(), expected);
}

#[test]
fn a_tcp_reply_needs_no_rule_and_the_same_packet_without_a_request_has_none() {
    let replayed = replay(rules(ALLOW, ALLOW, ALLOW, ""), &connection(4));
    let expected = [
        there(6, 6 * 40 + 240, &by_group("ACCEPT", GROUP_RULE)),
        back(5, 5 * 40 + 240, &by_acl("ACCEPT", ACL_OUT_RULE)),
    ];
    assert_eq!(replayed.collected.judged(), expected);

    let mut unasked = FrameBatch::new();
    let frame = Packet::tcp(GUEST, PEER, (443, 50_000), SYN | ACK, 0).frame();
    unasked.push(START_NS, frame.len() as u32, &frame);
    let replayed = replay(rules(ALLOW, ALLOW, ALLOW, ""), &unasked);
    assert_eq!(replayed.collected.judged(), [back(1, 40, &by_group("REJECT", GROUP_OUT_DEFAULT))]);
}

/// One question and one answer of 30 bytes each, so many seconds apart; all records.
fn udp_answer_after(seconds: u64) -> Vec<String> {
    let mut batch = FrameBatch::new();
    let question = Packet::udp(PEER, GUEST, (5_000, 53), 2).frame();
    let answer = Packet::udp(GUEST, PEER, (53, 5_000), 2).frame();
    batch.push(START_NS, question.len() as u32, &question);
    batch.push(START_NS + seconds * SECOND_NS, answer.len() as u32, &answer);
    let collected = replay(rules(ALLOW, ALLOW, ALLOW, ""), &batch).collected;
    assert_eq!(collected.proved("UDP").offered, Amount { packets: 2, bytes: 60 });
    collected.judged()
}

#[test]
fn a_udp_reply_is_refused_once_the_time_out_of_30_s_has_passed() {
    let question = format!("in  {PEER} {GUEST} 5000 53 17 1 30 ACCEPT security-group {GROUP_RULE}");
    let answer = |outcome: &str| format!("out {GUEST} {PEER} 53 5000 17 1 30 {outcome}");
    for (seconds, outcome) in [
        (1, by_acl("ACCEPT", ACL_OUT_RULE)),
        (30, by_acl("ACCEPT", ACL_OUT_RULE)),
        (31, by_group("REJECT", GROUP_OUT_DEFAULT)),
        (200, by_group("REJECT", GROUP_OUT_DEFAULT)),
    ] {
        assert_eq!(udp_answer_after(seconds), [question.clone(), answer(&outcome)], "after {seconds} s");
    }
}

/// The web guest lets SSH in from whatever carries `sg-desk`; two guests beside it, one of which does.
const GROUP_OF_A_GROUP: &str = r#"
[settings]
window = "300s"

[[account]]
id = "1251762227"

[[vpc]]
id = "vpc-main"
account = "1251762227"
cidrs = ["172.31.0.0/16"]

[[subnet]]
id = "subnet-main"
vpc = "vpc-main"
cidrs = ["172.31.0.0/16"]

[[eni]]
id = "eni-0000web0"
subnet = "subnet-main"
addresses = ["172.31.16.1"]
security_groups = ["sg-web"]

[[eni]]
id = "eni-000desk0"
subnet = "subnet-main"
addresses = ["172.31.9.1"]
security_groups = ["sg-desk"]

[[eni]]
id = "eni-00other0"
subnet = "subnet-main"
addresses = ["172.31.9.2"]
security_groups = ["sg-other"]

[[security_group]]
id = "sg-web"
ingress = [{ id = 1, priority = 10, action = "allow", protocol = "tcp", ports = 22, peer = "sg-desk" }]

[[security_group]]
id = "sg-desk"
egress = [{ id = 2, priority = 10, action = "allow", protocol = "any", peer = "any" }]

[[security_group]]
id = "sg-other"
egress = [{ id = 3, priority = 10, action = "allow", protocol = "any", peer = "sg-web" }]
"#;

#[test]
fn a_group_that_another_refers_to_stands_for_the_addresses_that_carry_it() {
    let mut batch = FrameBatch::new();
    for (number, src) in (0_u64..).zip(["172.31.9.1", "172.31.9.2", "203.0.113.9"]) {
        let frame = Packet::tcp(src, "172.31.16.1", (40_000, 22), SYN, 0).frame();
        batch.push(START_NS + number * SECOND_NS, frame.len() as u32, &frame);
    }
    let collected = replay(parse(GROUP_OF_A_GROUP), &batch).collected;
    let line = |way: &str, src: &str, outcome: String| format!("{way} {src} 172.31.16.1 40000 22 6 1 40 {outcome}");
    let mut expected = vec![
        line("out", "172.31.9.1", by_group("ACCEPT", 2)),
        line("in ", "172.31.9.1", by_group("ACCEPT", 1)),
        line("out", "172.31.9.2", by_group("ACCEPT", 3)),
        line("in ", "172.31.9.2", by_group("REJECT", GROUP_IN_DEFAULT)),
        line("in ", "203.0.113.9", by_group("REJECT", GROUP_IN_DEFAULT)),
    ];
    expected.sort_unstable();
    assert_eq!(collected.judged(), expected);
    let vports: Vec<u16> = collected.records.iter().map(|(_, _, facts)| facts.key.port.vport()).collect();
    assert_eq!(vports, [0, 0, 0, 1, 2], "each on its own ENI");
    assert_eq!(collected.proved("groups").offered, Amount { packets: 5, bytes: 200 });
}
