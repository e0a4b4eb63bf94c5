//! The golden lines of the specification, byte for byte, from the traffic that they describe; and
//! the lines of windows in which there was nothing, or something was lost.

use firmware_abi::key::Direction;
use firmware_abi::time::SECOND_NS;
use flowlog::conservation::Amount;
use flowlog::record::{ParsedBody, SkipReason, Skipped, parse_line};
use sim::card::Frame;
use sim::frames::FrameBatch;
use weir::config::Config;
use weir_tests::packets::{ACK, Packet, SYN};
use weir_tests::replaying::{Bench, Collected, replay};

/// Both guests of the TCP lines; SSH is allowed, nothing else.
const TCP_RULES: &str = r#"
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
id = "eni-lq6mkcis"
subnet = "subnet-main"
addresses = ["172.31.16.21", "172.31.9.12"]
security_groups = ["sg-ssh"]

[[security_group]]
id = "sg-ssh"
ingress = [{ id = 1, priority = 10, action = "allow", protocol = "tcp", ports = 22, peer = "172.31.0.0/16" }]
"#;

/// Pings are let in by group and ACL; answers are stopped by the ACL.
const PING_RULES: &str = r#"
[settings.record]
version_token = "V1"

[[account]]
id = "1251762227"

[[vpc]]
id = "vpc-main"
account = "1251762227"
cidrs = ["172.31.0.0/16"]

[[subnet]]
id = "subnet-main"
vpc = "vpc-main"
cidrs = ["172.31.16.0/24"]
network_acl = "acl-one-way"

[[eni]]
id = "eni-lq6mkcis"
subnet = "subnet-main"
addresses = ["172.31.16.139"]
security_groups = ["sg-ping"]

[[security_group]]
id = "sg-ping"
ingress = [{ id = 1, priority = 10, action = "allow", protocol = "icmp", peer = "any" }]

[[network_acl]]
id = "acl-one-way"
ingress = [{ id = 1, priority = 10, action = "allow", protocol = "any", peer = "any" }]
egress = [{ id = 1, priority = 10, action = "deny", protocol = "icmp", peer = "any" }]
"#;

fn config(text: &str) -> Config {
    Config::parse("golden.toml", text).unwrap_or_else(|error| panic!("{error}"))
}

fn push(batch: &mut FrameBatch, time_ns: u64, packet: &Packet) {
    let frame = packet.frame();
    batch.push(time_ns, frame.len() as u32, &frame);
}

/// Twenty packets of 4,249 bytes in all: SYN and 19 segments, spread over a minute.
const TCP_PACKETS: u64 = 20;
const TCP_START_SECONDS: u64 = 1_418_530_010;

fn tcp_packet(number: u64, src: &str, dst: &str, ports: (u16, u16)) -> Packet {
    match number {
        0 => Packet::tcp(src, dst, ports, SYN, 0),
        1 => Packet::tcp(src, dst, ports, ACK, 3_449 - 18 * 140),
        _ => Packet::tcp(src, dst, ports, ACK, 140),
    }
}

/// Every record's line parses back to the same line.
fn parse_back(lines: &[&str]) {
    for line in lines {
        let parsed = parse_line(line).unwrap_or_else(|error| panic!("{line}: {error}"));
        let mut again = Vec::new();
        parsed.write_line(&mut again);
        assert_eq!(std::str::from_utf8(&again), Ok(format!("{line}\n").as_str()));
    }
}

#[test]
fn tcp_that_is_accepted_and_tcp_that_is_rejected_give_the_golden_lines() {
    let mut batch = FrameBatch::new();
    for number in 0..TCP_PACKETS {
        // The first at the first second's middle, the last within the last second.
        let time_ns = TCP_START_SECONDS * SECOND_NS + number * 60_200_000_000 / (TCP_PACKETS - 1) + SECOND_NS / 2;
        push(&mut batch, time_ns, &tcp_packet(number, "172.31.16.139", "172.31.16.21", (20_641, 22)));
        push(&mut batch, time_ns, &tcp_packet(number, "172.31.9.69", "172.31.9.12", (49_761, 3_389)));
    }
    let replayed = replay(config(TCP_RULES), &batch);
    let lines = replayed.collected.lines();
    assert_eq!(
        lines,
        [
            "2 1251762227 eni-lq6mkcis 172.31.16.139 172.31.16.21 20641 22 6 20 4249 1418530010 1418530070 ACCEPT OK",
            "2 1251762227 eni-lq6mkcis 172.31.9.69 172.31.9.12 49761 3389 6 20 4249 1418530010 1418530070 REJECT OK",
        ]
    );
    parse_back(&lines);
    let all = replayed.collected.proved("TCP");
    let one = Amount { packets: 20, bytes: 4_249 };
    assert_eq!([all.offered, all.accepted, all.rejected], [one.plus(one), one, one]);
    assert_eq!(replayed.statistics.offloaded, 2, "both were counted by the hardware from the second packet on");
}

#[test]
fn a_ping_whose_answers_the_acl_stops_gives_the_golden_lines() {
    let (peer, guest) = ("203.0.113.12", "172.31.16.139");
    let mut batch = FrameBatch::new();
    let ask = |batch: &mut FrameBatch, seconds: u64| push(batch, seconds * SECOND_NS, &Packet::ping(peer, guest));
    let answer = |batch: &mut FrameBatch, seconds: u64| {
        push(batch, seconds * SECOND_NS + 300_000, &Packet::pong(guest, peer));
    };
    ask(&mut batch, 1_432_917_027);
    for seconds in [1_432_917_094, 1_432_917_120, 1_432_917_142] {
        ask(&mut batch, seconds);
        answer(&mut batch, seconds);
        // The first request is answered late, together with the second.
        if seconds == 1_432_917_094 {
            answer(&mut batch, seconds);
        }
    }
    let replayed = replay(config(PING_RULES), &batch);
    let lines = replayed.collected.lines();
    assert_eq!(
        lines,
        [
            "V1 1251762227 eni-lq6mkcis 203.0.113.12 172.31.16.139 0 0 1 4 336 1432917027 1432917142 ACCEPT OK",
            "V1 1251762227 eni-lq6mkcis 172.31.16.139 203.0.113.12 0 0 1 4 336 1432917094 1432917142 REJECT OK",
        ]
    );
    parse_back(&lines);
    assert_eq!(replayed.collected.proved("ping").offered, Amount { packets: 8, bytes: 672 });
}

#[test]
fn an_idle_window_gives_nodata_and_only_that() {
    let mut batch = FrameBatch::new();
    let start_ns = TCP_START_SECONDS * SECOND_NS;
    push(&mut batch, start_ns, &tcp_packet(0, "172.31.16.139", "172.31.16.21", (20_641, 22)));
    // Two windows on.
    push(&mut batch, start_ns + 600 * SECOND_NS, &tcp_packet(2, "172.31.16.139", "172.31.16.21", (20_641, 22)));
    let replayed = replay(config(TCP_RULES), &batch);
    let lines = replayed.collected.lines();
    assert_eq!(
        lines,
        [
            "2 1251762227 eni-lq6mkcis 172.31.16.139 172.31.16.21 20641 22 6 1 40 1418530010 1418530010 ACCEPT OK",
            "2 1251762227 eni-lq6mkcis - - - - - - - 1418530200 1418530500 - NODATA",
            "2 1251762227 eni-lq6mkcis 172.31.16.139 172.31.16.21 20641 22 6 1 180 1418530610 1418530610 ACCEPT OK",
        ]
    );
    parse_back(&lines);
    let all = replayed.collected.proved("idle");
    assert_eq!(all.offered, Amount { packets: 2, bytes: 220 });
}

#[test]
fn what_is_in_no_flow_does_not_make_a_window_idle_or_fill_it() {
    let mut batch = FrameBatch::new();
    let start_ns = TCP_START_SECONDS * SECOND_NS;
    push(&mut batch, start_ns, &Packet::udp("172.31.9.69", "172.31.9.12", (67, 68), 300));
    let replayed = replay(config(TCP_RULES), &batch);
    assert_eq!(replayed.collected.lines(), ["2 1251762227 eni-lq6mkcis - - - - - - - 1418529900 1418530200 - NODATA"]);
    assert_eq!(replayed.collected.proved("DHCP only").excluded, Amount { packets: 1, bytes: 328 });
}

/// Packets of `count` flows at once, while the host does not run.
fn storm(bench: &mut Bench, start_ns: u64, count: u16) {
    let packet = |port: u16| Packet::tcp("172.31.16.139", "172.31.16.21", (1_000 + port, 22), SYN, 0).frame();
    let frames: Vec<Vec<u8>> = (0..count).map(packet).collect();
    for (bytes, number) in frames.iter().zip(0..) {
        let (wire_length, time_ns) = (bytes.len() as u32, start_ns + number * 1_000);
        bench.offer(&[Frame { time_ns, wire_length, bytes, vport: 0, direction: Direction::Ingress }], true);
    }
}

fn check_skipped(collected: &Collected, counted: u64, reason: SkipReason) {
    let skipped = Amount { packets: 100 - counted, bytes: (100 - counted) * 40 };
    let all = collected.proved("storm");
    assert_eq!(all.offered, Amount { packets: 100, bytes: 4_000 });
    assert_eq!(all.accepted, Amount { packets: counted, bytes: counted * 40 });
    assert_eq!(all.skipped, skipped);
    let statuses: Vec<_> = collected.statuses.iter().map(|(_, _, skipped)| *skipped).collect();
    assert_eq!(statuses, [Some(Skipped { reason, packets: skipped.packets, bytes: skipped.bytes })]);

    let lines = collected.lines();
    assert_eq!(lines.len() as u64, counted + 1, "one line for each flow that was counted, and one SKIPDATA");
    let last = "2 1251762227 eni-lq6mkcis - - - - - - - 1418529900 1418530200 - SKIPDATA";
    assert_eq!(lines.last(), Some(&last));
    parse_back(&lines);
}

#[test]
fn a_window_in_which_the_punt_ring_was_full_has_its_records_and_one_skipdata() {
    let start_ns = TCP_START_SECONDS * SECOND_NS;
    let mut bench = Bench::new(&config(TCP_RULES), start_ns, |assembly| assembly.meter.rings.punt_log2 = 6);
    storm(&mut bench, start_ns, 100);
    // Of 64 places, a quarter is left to retries.
    check_skipped(&bench.finish(), 48, SkipReason::RingFull);
}

#[test]
fn a_window_in_which_the_punt_credit_was_used_up_says_so() {
    let start_ns = TCP_START_SECONDS * SECOND_NS;
    let mut bench = Bench::new(&config(TCP_RULES), start_ns, |assembly| {
        assembly.enis[0].limits.punt_credit = 10;
    });
    storm(&mut bench, start_ns, 100);
    check_skipped(&bench.finish(), 10, SkipReason::CreditExhausted);
}

#[test]
fn the_oldest_samples_of_status_lines_parse() {
    for (line, expected) in [
        ("V1 1251762227 eni-lq6mkcis - - - - - - 1431280876 1431280934 - NODATA", ParsedBody::NoData),
        ("V1 1251762227 eni-lq6mkcis - - - - - - 1431280876 1431280934 - SKIPDATA", ParsedBody::SkipData),
    ] {
        let parsed = parse_line(line).unwrap_or_else(|error| panic!("{line}: {error}"));
        assert_eq!(parsed.body, expected, "{line}");
        assert_eq!((parsed.seconds.start, parsed.seconds.end), (1_431_280_876, 1_431_280_934), "{line}");
    }
}
