//! Records as lines of 14 fields.
#![allow(missing_docs, reason = "a test's name is its documentation")]

#[path = "record_samples/mod.rs"]
mod samples;

use firmware_abi::key::{Direction, protocol};
use flowlog::record::{
    Action, Entry, FlowFacts, IcmpPorts, RecordSettings, RecordTimes, SkipReason, Skipped, TextWriter, VersionToken,
    WindowBounds,
};
use proptest::prelude::*;
use samples::{
    Family, SECOND_NS, facts, golden_ping, golden_pong, golden_rdp, golden_ssh, key, seeded, stream, window,
};
use std::net::Ipv6Addr;

fn line(settings: RecordSettings, window: &WindowBounds, entry: &Entry<'_>) -> String {
    let mut out = Vec::new();
    TextWriter::new(&stream(), settings).entry(&mut out, window, entry);
    String::from_utf8(out).expect("text")
}

fn flow_line(settings: RecordSettings, window: &WindowBounds, facts: &FlowFacts) -> String {
    line(settings, window, &Entry::Flow(facts))
}

const V1: RecordSettings =
    RecordSettings { version_token: VersionToken::V1, icmp_ports: IcmpPorts::Zero, record_times: RecordTimes::Packets };

#[test]
fn the_golden_lines_come_out_byte_for_byte() {
    let two = RecordSettings::default();
    let tcp = window(1_418_530_000, 1_418_530_300);
    let icmp = window(1_432_917_000, 1_432_917_300);
    assert_eq!(
        flow_line(two, &tcp, &golden_ssh()),
        "2 1251762227 eni-lq6mkcis 172.31.16.139 172.31.16.21 20641 22 6 20 4249 1418530010 1418530070 ACCEPT OK\n"
    );
    assert_eq!(
        flow_line(two, &tcp, &golden_rdp()),
        "2 1251762227 eni-lq6mkcis 172.31.9.69 172.31.9.12 49761 3389 6 20 4249 1418530010 1418530070 REJECT OK\n"
    );
    assert_eq!(
        flow_line(V1, &icmp, &golden_ping()),
        "V1 1251762227 eni-lq6mkcis 203.0.113.12 172.31.16.139 0 0 1 4 336 1432917027 1432917142 ACCEPT OK\n"
    );
    assert_eq!(
        flow_line(V1, &icmp, &golden_pong()),
        "V1 1251762227 eni-lq6mkcis 172.31.16.139 203.0.113.12 0 0 1 4 336 1432917094 1432917142 REJECT OK\n"
    );
}

#[test]
fn status_lines_have_14_fields_and_the_bounds_of_the_window() {
    let window = WindowBounds { start_ns: 1_431_280_876_400_000_000, end_ns: 1_431_280_934_900_000_000 };
    let skipped = Skipped { reason: SkipReason::RingFull, packets: 10, bytes: 840 };
    assert_eq!(
        line(RecordSettings::default(), &window, &Entry::NoData),
        "2 1251762227 eni-lq6mkcis - - - - - - - 1431280876 1431280934 - NODATA\n"
    );
    assert_eq!(
        line(V1, &window, &Entry::SkipData(skipped)),
        "V1 1251762227 eni-lq6mkcis - - - - - - - 1431280876 1431280934 - SKIPDATA\n"
    );
}

#[test]
fn icmp_ports_can_be_identifier_and_type_code() {
    let settings = RecordSettings { icmp_ports: IcmpPorts::IdTypecode, ..RecordSettings::default() };
    let window = window(1_432_917_000, 1_432_917_300);
    assert_eq!(
        flow_line(settings, &window, &golden_ping()),
        "2 1251762227 eni-lq6mkcis 203.0.113.12 172.31.16.139 4711 2048 1 4 336 1432917027 1432917142 ACCEPT OK\n"
    );
    let unseen = FlowFacts { icmp: None, ..golden_ping() };
    assert!(flow_line(settings, &window, &unseen).contains(" 172.31.16.139 0 0 1 4 "));
    assert!(flow_line(settings, &window, &golden_ssh()).contains(" 20641 22 6 "), "TCP keeps its ports");
}

#[test]
fn times_are_clipped_to_the_window_or_are_its_bounds() {
    let window = window(1_418_530_020, 1_418_530_060);
    let clipped = flow_line(RecordSettings::default(), &window, &golden_ssh());
    assert!(clipped.contains(" 4249 1418530020 1418530060 ACCEPT"), "{clipped}");
    let inside = FlowFacts {
        first_ns: 1_418_530_030 * SECOND_NS + 999_999_999,
        last_ns: 1_418_530_031 * SECOND_NS,
        ..golden_ssh()
    };
    let settings = RecordSettings { record_times: RecordTimes::Window, ..RecordSettings::default() };
    let packets = flow_line(RecordSettings::default(), &window, &inside);
    assert!(packets.contains(" 4249 1418530030 1418530031 ACCEPT"), "{packets}");
    let bounds = flow_line(settings, &window, &inside);
    assert!(bounds.contains(" 4249 1418530020 1418530060 ACCEPT"), "{bounds}");
}

#[test]
fn one_writer_gives_each_line_the_bytes_that_a_new_writer_gives() {
    let mut out = Vec::new();
    let mut expected = String::new();
    let mut writer = TextWriter::new(&stream(), RecordSettings::default());
    for start in [0, 999, 1_418_529_950, 1_418_530_250, 9_999_999_900, 18_446_743_773] {
        let window = window(start, start + 300);
        for facts in seeded(start, 200, Family::Mixed, &window) {
            writer.flow(&mut out, &window, &facts);
            expected += &flow_line(RecordSettings::default(), &window, &facts);
        }
        writer.entry(&mut out, &window, &Entry::NoData);
        expected += &line(RecordSettings::default(), &window, &Entry::NoData);
    }
    assert_eq!(String::from_utf8(out).expect("text"), expected);
}

/// The address as a record of this flow holds it.
fn written(address: Ipv6Addr, direction: Direction) -> String {
    let key = key(&address.to_string(), "::", (1, 2), protocol::UDP, direction);
    let facts = facts(key, 1, 48, 1_418_530_010, 1_418_530_070, Action::Accept);
    let line = flow_line(RecordSettings::default(), &window(1_418_530_000, 1_418_530_300), &facts);
    line.split(' ').nth(3).expect("a source").to_owned()
}

#[test]
fn ipv6_addresses_of_every_shape_are_as_the_standard_library_has_them() {
    let groups = [0x1, 0x20, 0x345, 0x6789, 0xabcd, 0xef0, 0xff, 0xffff_u16];
    for shape in 0..=255_u32 {
        for turn in 0..8 {
            let mut segments = groups;
            segments.rotate_left(turn);
            for (at, segment) in segments.iter_mut().enumerate() {
                *segment *= u16::from(shape >> at & 1 == 1);
            }
            let address = Ipv6Addr::from(segments);
            for direction in Direction::ALL {
                assert_eq!(written(address, direction), address.to_string());
            }
        }
    }
    for group in 0..=u16::MAX {
        let address = Ipv6Addr::from([0x2001, 0xdb8, 0, 1, group, 1, 0, 1]);
        assert_eq!(written(address, Direction::Ingress), address.to_string());
    }
}

#[test]
fn ipv4_mapped_addresses_end_in_dotted_form_and_others_do_not() {
    for text in ["::ffff:192.0.2.128", "::ffff:0.0.0.0", "64:ff9b::c000:280", "::c000:280", "::ffff:0:c000:280"] {
        assert_eq!(written(text.parse().expect("an address"), Direction::Ingress), text);
    }
}

/// The line as anyone would write it.
fn plain_line(facts: &FlowFacts, window: &WindowBounds) -> String {
    let seconds = |ns: u64| ns.clamp(window.start_ns, window.end_ns) / SECOND_NS;
    format!(
        "2 1251762227 eni-lq6mkcis {} {} {} {} {} {} {} {} {} {} OK\n",
        facts.source(),
        facts.destination(),
        facts.key.src_port,
        facts.key.dst_port,
        facts.key.protocol,
        facts.packets,
        facts.bytes,
        seconds(facts.first_ns),
        seconds(facts.last_ns),
        facts.action
    )
}

/// Numbers of every length.
fn number() -> impl Strategy<Value = u64> {
    (any::<u64>(), 0..64_u32).prop_map(|(number, shift)| number >> shift)
}

proptest! {
    #[test]
    fn any_line_is_what_a_plain_writer_writes(
        addresses in any::<[[u8; 16]; 2]>(),
        ip6 in any::<bool>(),
        egress in any::<bool>(),
        ports in any::<[u16; 2]>(),
        protocol in any::<u8>().prop_filter("ICMP has no ports", |each| ![1, 58].contains(each)),
        counts in [number(), number()],
        times in [number(), number()],
        bounds in [number(), number()],
        reject in any::<bool>(),
    ) {
        let mut facts = golden_ssh();
        (facts.key.src, facts.key.dst) = (addresses[0], addresses[1]);
        (facts.key.src_port, facts.key.dst_port, facts.key.protocol) = (ports[0], ports[1], protocol);
        facts.key.port.set_ip6(ip6);
        facts.key.port.set_egress(egress);
        [facts.packets, facts.bytes] = counts;
        [facts.first_ns, facts.last_ns] = times;
        facts.action = if reject { Action::Reject } else { Action::Accept };
        let window = WindowBounds { start_ns: bounds[0].min(bounds[1]), end_ns: bounds[0].max(bounds[1]) };
        prop_assert_eq!(flow_line(RecordSettings::default(), &window, &facts), plain_line(&facts, &window));
    }
}

#[test]
fn numbers_at_every_power_of_ten_are_right() {
    let window = window(1_418_530_000, 1_418_530_300);
    for power in 0..20 {
        for near in [-1_i64, 0, 1] {
            let number = 10_u64.pow(power).wrapping_add_signed(near);
            let facts = FlowFacts { packets: number, bytes: u64::MAX - number, ..golden_ssh() };
            assert_eq!(flow_line(RecordSettings::default(), &window, &facts), plain_line(&facts, &window));
        }
    }
    for port in 0..=u16::MAX {
        let mut facts = golden_ssh();
        (facts.key.src_port, facts.key.dst_port) = (port, !port);
        facts.packets = u64::from(port) * 1_531;
        assert_eq!(flow_line(RecordSettings::default(), &window, &facts), plain_line(&facts, &window));
    }
}

#[test]
fn the_longest_line_fits() {
    let longest = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff";
    let key = key(longest, longest, (65_535, 65_535), 255, Direction::Egress);
    let facts =
        FlowFacts { first_ns: u64::MAX, last_ns: u64::MAX, ..facts(key, u64::MAX, u64::MAX, 0, 0, Action::Reject) };
    let mut stream = stream();
    stream.account = "12345678901234567890".parse().expect("an account");
    let mut out = Vec::new();
    let window = WindowBounds { start_ns: 0, end_ns: u64::MAX };
    TextWriter::new(&stream, V1).flow(&mut out, &window, &facts);
    let numbers = "18446744073709551615 18446744073709551615 18446744073 18446744073";
    let expected =
        format!("V1 12345678901234567890 eni-lq6mkcis {longest} {longest} 65535 65535 255 {numbers} REJECT OK\n");
    assert_eq!(String::from_utf8(out).expect("text"), expected);
}

#[test]
fn settings_are_read_by_name_and_unknown_ones_refused() {
    let text = r#"{"version_token":"V1","icmp_ports":"id_typecode","record_times":"window"}"#;
    let settings: RecordSettings = serde_json::from_str(text).expect("settings");
    assert_eq!(
        settings,
        RecordSettings {
            version_token: VersionToken::V1,
            icmp_ports: IcmpPorts::IdTypecode,
            record_times: RecordTimes::Window
        }
    );
    assert_eq!(serde_json::to_string(&settings).expect("JSON"), text);
    assert_eq!(serde_json::from_str::<RecordSettings>("{}").expect("settings"), RecordSettings::default());
    let error = serde_json::from_str::<RecordSettings>(r#"{"icmp":"zero"}"#).expect_err("an unknown field");
    assert!(error.to_string().contains("unknown field `icmp`"), "{error}");
}
