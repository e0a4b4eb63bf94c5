//! The parser's rules, one row each: a frame, and its class, key and bytes.

use firmware_abi::key::Direction;
use hw_model::parse::{Class, Fragment, Parsed, parse};

const SRC4: [u8; 4] = [192, 0, 2, 1];
const DST4: [u8; 4] = [198, 51, 100, 2];
const SRC6: [u8; 16] = [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
const DST6: [u8; 16] = [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2];

/// Ethernet with tags and an EtherType.
fn ether(tags: &[u16], ethertype: u16, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![2; 12];
    for tag in tags {
        frame.extend(tag.to_be_bytes());
        frame.extend([0, 7]);
    }
    frame.extend(ethertype.to_be_bytes());
    frame.extend(payload);
    frame
}

/// IPv4 with options of `options` bytes and the fragment word.
fn ip4(protocol: u8, options: usize, fragment: u16, payload: &[u8]) -> Vec<u8> {
    let header = 20 + options;
    let mut packet = vec![1; header];
    packet[0] = 0x40 | (header / 4) as u8;
    packet[2..4].copy_from_slice(&((header + payload.len()) as u16).to_be_bytes());
    packet[4..6].copy_from_slice(&0xbeef_u16.to_be_bytes());
    packet[6..8].copy_from_slice(&fragment.to_be_bytes());
    packet[9] = protocol;
    packet[12..16].copy_from_slice(&SRC4);
    packet[16..20].copy_from_slice(&DST4);
    packet.extend(payload);
    packet
}

fn ip6(next: u8, payload: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x60, 0, 0, 0];
    packet.extend((payload.len() as u16).to_be_bytes());
    packet.extend([next, 64]);
    packet.extend(SRC6);
    packet.extend(DST6);
    packet.extend(payload);
    packet
}

/// Extension headers of eight bytes each, then `last` and its bytes.
fn extended(kinds: &[u8], last: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for next in kinds.iter().skip(1).chain([&last]) {
        bytes.extend([*next, 0, 0, 0, 0, 0, 0, 0]);
    }
    bytes.extend(payload);
    ip6(kinds.first().copied().unwrap_or(last), &bytes)
}

fn ports(src: u16, dst: u16, rest: usize) -> Vec<u8> {
    let mut bytes = [src.to_be_bytes(), dst.to_be_bytes()].concat();
    bytes.resize(4 + rest, 0);
    bytes
}

fn tcp(flags: u8) -> Vec<u8> {
    let mut header = ports(40000, 443, 16);
    header[13] = flags;
    header
}

fn v4(packet: &[u8]) -> Vec<u8> {
    ether(&[], 0x0800, packet)
}

fn v6(packet: &[u8]) -> Vec<u8> {
    ether(&[], 0x86dd, packet)
}

fn parsed(frame: &[u8]) -> Parsed {
    parse(frame, frame.len() as u32, 5, Direction::Egress)
}

/// Ports, protocol, TCP flags.
type Layer4 = (u16, u16, u8, u8);

/// What it is called, the frame, and what is expected: class, layer 4, place in the datagram, identification.
type FragmentRow = (&'static str, Vec<u8>, Class, Layer4, Fragment, u32);

/// Checks class, layer-3 bytes and layer 4; for what has a key, addresses and port as well.
#[track_caller]
fn expect(what: &str, frame: &[u8], class: Class, l3_bytes: u32, layer4: Layer4) {
    let found = parsed(frame);
    assert_eq!((found.class, found.l3_bytes), (class, l3_bytes), "{what}");
    if matches!(class, Class::NonIp | Class::Malformed) {
        return;
    }
    let key = found.key;
    assert_eq!((key.src_port, key.dst_port, key.protocol, key.tcp_flags), layer4, "{what}");
    assert_eq!((key.port.vport(), key.port.direction(), key.port.action_bits()), (5, Direction::Egress, 0), "{what}");
    if key.port.ip6() {
        assert_eq!((key.src, key.dst), (SRC6, DST6), "{what}");
    } else {
        assert_eq!((&key.src[..4], &key.dst[..4]), (&SRC4[..], &DST4[..]), "{what}");
        assert_eq!((&key.src[4..], &key.dst[4..]), (&[0; 12][..], &[0; 12][..]), "{what}");
    }
}

#[test]
fn tags_are_opened_up_to_two_and_padding_is_not_counted() {
    let udp = ip4(17, 0, 0, &ports(1000, 2000, 8));
    let flow = (1000, 2000, 17, 0);
    expect("no tag", &v4(&udp), Class::Flow, 32, flow);
    expect("802.1Q", &ether(&[0x8100], 0x0800, &udp), Class::Flow, 32, flow);
    expect("802.1ad", &ether(&[0x88a8], 0x0800, &udp), Class::Flow, 32, flow);
    expect("both", &ether(&[0x88a8, 0x8100], 0x0800, &udp), Class::Flow, 32, flow);
    expect("three", &ether(&[0x88a8, 0x8100, 0x8100], 0x0800, &udp), Class::NonIp, 36, flow);
    let mut padded = v4(&udp);
    padded.resize(60, 0xee);
    expect("padding", &padded, Class::Flow, 32, flow);
}

#[test]
fn what_is_not_ip_counts_all_behind_its_ethernet_header() {
    for (what, ethertype) in [("ARP", 0x0806), ("MPLS", 0x8847), ("PPPoE", 0x8864), ("802.3 length", 46)] {
        expect(what, &ether(&[], ethertype, &[0; 46]), Class::NonIp, 46, (0, 0, 0, 0));
        expect(what, &ether(&[0x8100], ethertype, &[0; 46]), Class::NonIp, 46, (0, 0, 0, 0));
    }
    expect("cut before the EtherType", &[2; 13], Class::NonIp, 0, (0, 0, 0, 0));
    expect("nothing", &[], Class::NonIp, 0, (0, 0, 0, 0));
}

#[test]
fn ports_and_flags_are_those_of_tcp_udp_and_sctp_and_of_nothing_else() {
    for options in [0, 4, 40] {
        let l3 = 20 + options as u32;
        expect("TCP", &v4(&ip4(6, options, 0, &tcp(0x12))), Class::Flow, l3 + 20, (40000, 443, 6, 0x12));
        expect("UDP", &v4(&ip4(17, options, 0, &ports(53, 9, 4))), Class::Flow, l3 + 8, (53, 9, 17, 0));
        expect("SCTP", &v4(&ip4(132, options, 0, &ports(7, 8, 8))), Class::Flow, l3 + 12, (7, 8, 132, 0));
        expect("GRE", &v4(&ip4(47, options, 0, &[9; 30])), Class::Flow, l3 + 30, (0, 0, 47, 0));
        expect("no payload", &v4(&ip4(47, options, 0, &[])), Class::Flow, l3, (0, 0, 47, 0));
    }
    expect("TCP of 4 bytes", &v4(&ip4(6, 0, 0, &ports(1, 2, 0))), Class::Flow, 24, (1, 2, 6, 0));
    expect("TCP of 14 bytes", &v4(&ip4(6, 0, 0, &tcp(0x29)[..14])), Class::Flow, 34, (40000, 443, 6, 0x29));
    let outer = v4(&ip4(4, 0, 0, &ip4(6, 0, 0, &tcp(2))));
    expect("the outer header of a tunnel", &outer, Class::Flow, 60, (0, 0, 4, 0));
}

#[test]
fn what_is_broken_is_malformed_and_counts_all_behind_the_ethernet_header() {
    let udp = ip4(17, 0, 0, &ports(1, 2, 4));
    let with = |at: usize, byte: u8| {
        let mut packet = udp.clone();
        packet[at] = byte;
        v4(&packet)
    };
    let rows: [(&str, Vec<u8>); 12] = [
        ("version 6 in IPv4", with(0, 0x65)),
        ("header of 16 bytes", with(0, 0x44)),
        ("header longer than the packet", with(0, 0x4f)),
        ("total length longer than the frame", with(3, 29)),
        ("total length 19", with(3, 19)),
        ("total length 0", with(3, 0)),
        ("UDP of 3 bytes", v4(&ip4(17, 0, 0, &[1, 2, 3]))),
        ("TCP of 3 bytes", v4(&ip4(6, 0, 0, &[1, 2, 3]))),
        ("SCTP without a header", v4(&ip4(132, 0, 0, &[]))),
        ("IPv4 cut off", v4(&udp[..19])),
        ("version 4 in IPv6", {
            let mut packet = ip6(17, &ports(1, 2, 4));
            packet[0] = 0x40;
            v6(&packet)
        }),
        ("IPv6 cut off", v6(&ip6(17, &ports(1, 2, 4))[..39])),
    ];
    for (what, frame) in rows {
        expect(what, &frame, Class::Malformed, frame.len() as u32 - 14, (0, 0, 0, 0));
    }
}

#[test]
fn four_extension_headers_are_walked_and_a_fifth_is_malformed() {
    let udp = ports(53, 4000, 4);
    let flow = (53, 4000, 17, 0);
    expect("none", &v6(&ip6(17, &udp)), Class::Flow, 48, flow);
    for kind in [0, 43, 60] {
        expect("one", &v6(&extended(&[kind], 17, &udp)), Class::Flow, 56, flow);
    }
    expect("four", &v6(&extended(&[0, 60, 43, 60], 17, &udp)), Class::Flow, 80, flow);
    expect("five", &v6(&extended(&[0, 60, 43, 60, 60], 17, &udp)), Class::Malformed, 88, flow);
    let mut ah = vec![17, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    ah.extend(&udp);
    expect("AH of 12 bytes", &v6(&ip6(51, &ah)), Class::Flow, 60, flow);
    expect("no next header", &v6(&extended(&[60], 59, &[])), Class::Flow, 48, (0, 0, 59, 0));
    let mut long = vec![17, 20, 0, 0, 0, 0, 0, 0];
    long.resize(168, 0);
    long.extend(&udp);
    expect("ports behind 192 bytes", &v6(&ip6(60, &long)), Class::Malformed, 216, flow);
    let mut past = extended(&[60], 17, &[]);
    past[41] = 3;
    expect("an extension past the end", &v6(&past), Class::Malformed, 48, flow);
    expect("payload longer than the frame", &v6(&ip6(17, &udp)[..47]), Class::Malformed, 47, flow);
}

#[test]
fn fragments_are_for_the_host_and_only_the_first_has_ports() {
    let udp = ports(1000, 2000, 4);
    let rows: [FragmentRow; 6] = [
        ("don't fragment", v4(&ip4(17, 0, 0x4000, &udp)), Class::Flow, (1000, 2000, 17, 0), Fragment::Whole, 0),
        ("first", v4(&ip4(17, 0, 0x2000, &udp)), Class::HostOnly, (1000, 2000, 17, 0), Fragment::First, 0xbeef),
        ("middle", v4(&ip4(17, 0, 0x2001, &udp)), Class::HostOnly, (0, 0, 17, 0), Fragment::Later, 0xbeef),
        ("last", v4(&ip4(17, 0, 0x0001, &[1])), Class::HostOnly, (0, 0, 17, 0), Fragment::Later, 0xbeef),
        ("first of a protocol", v4(&ip4(47, 0, 0x2000, &[])), Class::HostOnly, (0, 0, 47, 0), Fragment::First, 0xbeef),
        ("offset and no flag", v4(&ip4(6, 0, 0x0100, &[])), Class::HostOnly, (0, 0, 6, 0), Fragment::Later, 0xbeef),
    ];
    for (what, frame, class, layer4, fragment, identification) in rows {
        expect(what, &frame, class, frame.len() as u32 - 14, layer4);
        let found = parsed(&frame);
        assert_eq!((found.fragment, found.identification), (fragment, identification), "{what}");
    }
    for (what, word, fragment, class, src_port) in [
        ("first in IPv6", 1_u16, Fragment::First, Class::HostOnly, 1000),
        ("later in IPv6", 8, Fragment::Later, Class::HostOnly, 0),
        ("atomic in IPv6", 0, Fragment::Whole, Class::Flow, 1000),
    ] {
        let mut header = vec![17, 0];
        header.extend(word.to_be_bytes());
        header.extend(0xdead_beef_u32.to_be_bytes());
        header.extend(&udp);
        let found = parsed(&v6(&ip6(44, &header)));
        let identification = if fragment == Fragment::Whole { 0 } else { 0xdead_beef };
        assert_eq!((found.class, found.fragment, found.identification), (class, fragment, identification), "{what}");
        assert_eq!((found.key.src_port, found.key.protocol, found.l3_bytes), (src_port, 17, 56), "{what}");
    }
}

#[test]
fn icmp_is_for_the_host_with_type_code_and_identifier() {
    let echo = [8, 0, 0, 0, 0x12, 0x34, 0, 1];
    expect("ICMP", &v4(&ip4(1, 0, 0, &echo)), Class::HostOnly, 28, (0, 0, 1, 0));
    assert_eq!(parsed(&v4(&ip4(1, 0, 0, &echo))).icmp, 0x0800_1234);
    expect("ICMPv6", &v6(&ip6(58, &[128, 0, 0, 0, 0x12, 0x34])), Class::HostOnly, 46, (0, 0, 58, 0));
    assert_eq!(parsed(&v6(&ip6(58, &[128, 0, 0, 0, 0x12, 0x34]))).icmp, 0x8000_1234);
    assert_eq!(parsed(&v4(&ip4(1, 0, 0, &[3, 1, 0, 0]))).icmp, 0x0301_0000);
    expect("ICMP of a byte", &v4(&ip4(1, 0, 0, &[8])), Class::HostOnly, 21, (0, 0, 1, 0));
    assert_eq!(parsed(&v4(&ip4(1, 0, 0, &[8]))).icmp, 0);
}

#[test]
fn dhcp_is_excluded_only_where_both_ports_are_its_own() {
    let rows = [
        (68, 67, Class::Excluded),
        (67, 68, Class::Excluded),
        (67, 67, Class::Excluded),
        (546, 547, Class::Excluded),
        (547, 546, Class::Excluded),
        (67, 546, Class::Flow),
        (67, 69, Class::Flow),
        (1024, 67, Class::Flow),
        (546, 53, Class::Flow),
    ];
    for (src, dst, class) in rows {
        expect("IPv4", &v4(&ip4(17, 0, 0, &ports(src, dst, 40))), class, 64, (src, dst, 17, 0));
        expect("IPv4, options", &v4(&ip4(17, 8, 0, &ports(src, dst, 40))), class, 72, (src, dst, 17, 0));
        expect("IPv6", &v6(&ip6(17, &ports(src, dst, 40))), class, 84, (src, dst, 17, 0));
        expect("IPv6, options", &v6(&extended(&[60], 17, &ports(src, dst, 40))), class, 92, (src, dst, 17, 0));
        let tcp = ports(src, dst, 16);
        expect("TCP", &v4(&ip4(6, 0, 0, &tcp)), Class::Flow, 40, (src, dst, 6, 0));
    }
}

#[test]
fn a_capture_cut_short_is_judged_by_the_length_on_the_wire() {
    let frame = v4(&ip4(6, 0, 0, &[&tcp(0x18)[..], &[0; 1000]].concat()));
    let cut = parse(&frame[..54], frame.len() as u32, 5, Direction::Egress);
    assert_eq!((cut.class, cut.l3_bytes, cut.key), (Class::Flow, 1040, parsed(&frame).key));
    let headless = parse(&frame[..36], frame.len() as u32, 5, Direction::Egress);
    assert_eq!((headless.class, headless.l3_bytes), (Class::Malformed, 1040));
}
