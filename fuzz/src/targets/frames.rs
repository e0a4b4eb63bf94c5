//! Frames, as the NIC's parser sees them.
//!
//! An input is two bytes of wire length (0: as long as the frame is) and the frame.

use super::captures::generated;
use crate::{Outcome, Target};
use firmware_abi::key::{Direction, protocol};
use hw_model::parse::{Class, Fragment, HEADER_BYTES_MAX, Parsed, parse};

/// The parser.
pub(super) const FRAME: Target = Target { name: "frame", read: frame, seeds, words: &[] };

const VPORT: u16 = 5;

fn frame(input: &[u8]) -> Outcome {
    let (length, bytes) = input.split_at(input.len().min(2));
    let claimed = length.iter().fold(0, |number, byte| number << 8 | u32::from(*byte));
    let wire_length = if claimed == 0 { bytes.len() as u32 } else { claimed };
    let parsed = parse(bytes, wire_length, VPORT, Direction::Egress);
    check(&parsed, wire_length);
    let head = bytes.get(..HEADER_BYTES_MAX).unwrap_or(bytes);
    let from_head = parse(head, wire_length, VPORT, Direction::Egress);
    assert_eq!(format!("{parsed:?}"), format!("{from_head:?}"), "the parser looked past its {HEADER_BYTES_MAX} bytes");
    let accepted = matches!(parsed.class, Class::Flow | Class::HostOnly | Class::Excluded);
    let shape = (parsed.class, parsed.fragment, parsed.key.port.ip6(), protocol_kind(parsed.key.protocol));
    Outcome { accepted, ..Outcome::of::<_, ()>(&Ok(shape)) }
}

fn protocol_kind(number: u8) -> &'static str {
    match number {
        protocol::TCP => "tcp",
        protocol::UDP => "udp",
        protocol::SCTP => "sctp",
        protocol::ICMP | protocol::ICMPV6 => "icmp",
        _ => "other",
    }
}

/// What the rules of the NIC say of any frame.
fn check(parsed: &Parsed, wire_length: u32) {
    let key = &parsed.key;
    assert!(parsed.l3_bytes <= wire_length, "{parsed:?} on {wire_length} bytes");
    assert_eq!((key.port.vport(), key.port.direction()), (VPORT, Direction::Egress), "{parsed:?}");
    assert_eq!(key.port.action_bits(), 0, "{parsed:?}");
    if !matches!(parsed.class, Class::Flow | Class::HostOnly) {
        return;
    }
    let has_ports = matches!(key.protocol, protocol::TCP | protocol::UDP | protocol::SCTP);
    if !has_ports || parsed.fragment == Fragment::Later {
        assert_eq!((key.src_port, key.dst_port), (0, 0), "{parsed:?}");
    }
    if !key.port.ip6() {
        assert_eq!([&key.src[4..], &key.dst[4..]], [&[0; 12][..]; 2], "{parsed:?}");
    }
    if parsed.class == Class::Flow {
        assert_eq!(parsed.fragment, Fragment::Whole, "{parsed:?}");
    }
}

fn seeds() -> Vec<Vec<u8>> {
    let generated = generated(24);
    let mut seeds: Vec<Vec<u8>> = generated.iter().map(|frame| [&[0, 0], frame.bytes].concat()).collect();
    // IPv6 with hop-by-hop, routing, fragment and destination options; then UDP.
    let mut chain = vec![0, 0];
    chain.extend([2; 12]);
    chain.extend([0x86, 0xdd, 0x60, 0, 0, 0, 0, 44, 0, 64]);
    chain.extend([0x20; 32]);
    chain.extend([43, 0, 1, 4, 0, 0, 0, 0]);
    chain.extend([44, 0, 0, 0, 0, 0, 0, 0]);
    chain.extend([60, 0, 0, 1, 0, 0, 0, 9]);
    chain.extend([17, 0, 1, 4, 0, 0, 0, 0]);
    chain.extend([0, 53, 0, 53, 0, 12, 0, 0, 1, 2, 3, 4]);
    seeds.push(chain);
    // IPv4 with options, the first fragment of a TCP segment, behind two tags.
    let mut tagged = vec![0, 0];
    tagged.extend([2; 12]);
    tagged.extend([0x88, 0xa8, 0, 1, 0x81, 0, 0, 2, 8, 0, 0x46, 0, 0, 44, 0, 7, 0x20, 0, 64, 6, 0, 0]);
    tagged.extend([10, 0, 0, 1, 10, 0, 0, 2, 1, 1, 1, 0]);
    tagged.extend([0, 80, 0, 81, 0, 0, 0, 0, 0, 0, 0, 0, 0x50, 2, 0, 0, 0, 0, 0, 0]);
    seeds.push(tagged);
    seeds
}
