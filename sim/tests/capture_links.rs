//! How packets of other link types become Ethernet frames.

mod capture_bytes;

use capture_bytes::*;
use sim::capture::{GROUP_MAC, HOST_MAC, OTHER_MAC, PEER_MAC};

const SENDER: [u8; 6] = [0x52, 0x54, 0, 1, 2, 3];
const BROADCAST: [u8; 6] = [0xff; 6];

/// The only frame of a capture of one packet with 100 bytes more on the wire than captured.
fn converted(link: u32, packet: &[u8]) -> (u32, Vec<u8>) {
    let mut file = pcap(Order::Little, 0xa1b2_c3d4, link);
    let wire = packet.len() as u32 + 100;
    file.extend(record(Order::Little, 0, 0, wire, packet));
    let frames = frames(&file);
    assert_eq!(frames.len(), 1);
    (frames[0].1, frames[0].2.clone())
}

fn ethernet(to: [u8; 6], from: [u8; 6], ethertype: u16, payload: &[u8]) -> (u32, Vec<u8>) {
    let ethertype = ethertype.to_be_bytes();
    let frame = [&to[..], &from[..], &ethertype[..], payload].concat();
    (frame.len() as u32 + 100, frame)
}

#[test]
fn raw_ip_gets_the_type_of_its_version() {
    let v4 = [0x45, 1, 2, 3, 4];
    let v6 = [0x60, 1, 2, 3, 4];
    for link in [12, 14, 101] {
        assert_eq!(converted(link, &v4), ethernet(HOST_MAC, PEER_MAC, 0x0800, &v4));
        assert_eq!(converted(link, &v6), ethernet(HOST_MAC, PEER_MAC, 0x86dd, &v6));
        assert_eq!(converted(link, &[0x10]), ethernet(HOST_MAC, PEER_MAC, 0x0800, &[0x10]));
        assert_eq!(converted(link, &[]), ethernet(HOST_MAC, PEER_MAC, 0x0800, &[]));
    }
    assert_eq!(converted(228, &v6), ethernet(HOST_MAC, PEER_MAC, 0x0800, &v6));
    assert_eq!(converted(229, &v4), ethernet(HOST_MAC, PEER_MAC, 0x86dd, &v4));
}

#[test]
fn loopback_gets_the_type_of_its_family_in_either_byte_order() {
    let families = [(2_u32, 0x0800), (10, 0x86dd), (24, 0x86dd), (28, 0x86dd), (30, 0x86dd), (7, 0x88b5)];
    for (family, ethertype) in families {
        for header in [family.to_le_bytes(), family.to_be_bytes()] {
            for link in [0, 108] {
                let packet = [&header[..], &[0x45, 9]].concat();
                let expected = ethernet(HOST_MAC, PEER_MAC, ethertype, &[0x45, 9]);
                assert_eq!(converted(link, &packet), expected);
            }
        }
    }
}

fn cooked(kind: u16, address_length: u16, protocol: u16, payload: &[u8]) -> Vec<u8> {
    let (kind, length, protocol) = (kind.to_be_bytes(), address_length.to_be_bytes(), protocol.to_be_bytes());
    [&kind[..], &[0, 1], &length, &SENDER, &[0, 0], &protocol, payload].concat()
}

fn cooked2(kind: u16, address_length: u16, protocol: u16, payload: &[u8]) -> Vec<u8> {
    let protocol = protocol.to_be_bytes();
    let middle = [0, 0, 0, 0, 0, 3, 0, 1, kind as u8, address_length as u8];
    [&protocol[..], &middle, &SENDER, &[0, 0], payload].concat()
}

type Cooked = fn(u16, u16, u16, &[u8]) -> Vec<u8>;
const COOKED: [(u32, Cooked); 2] = [(113, cooked), (276, cooked2)];

#[test]
fn cooked_packets_keep_their_sender_and_show_their_direction() {
    let receivers = [HOST_MAC, BROADCAST, GROUP_MAC, OTHER_MAC, PEER_MAC];
    for (link, cooked) in COOKED {
        for (kind, receiver) in (0..).zip(receivers) {
            let seen = converted(link, &cooked(kind, 6, 0x0800, &[0x45, 1]));
            assert_eq!(seen, ethernet(receiver, SENDER, 0x0800, &[0x45, 1]));
            let unnamed = if kind == 4 { HOST_MAC } else { PEER_MAC };
            let seen = converted(link, &cooked(kind, 0, 0x86dd, &[0x60, 1]));
            assert_eq!(seen, ethernet(receiver, unnamed, 0x86dd, &[0x60, 1]));
        }
    }
}

#[test]
fn cooked_tags_stay_and_kernel_protocols_are_not_ip() {
    for (link, cooked) in COOKED {
        let tagged = [0, 5, 0x08, 0, 0x45];
        let seen = converted(link, &cooked(0, 6, 0x8100, &tagged));
        assert_eq!(seen, ethernet(HOST_MAC, SENDER, 0x8100, &tagged));
        let seen = converted(link, &cooked(0, 6, 0x000c, &[1]));
        assert_eq!(seen, ethernet(HOST_MAC, SENDER, 0x88b5, &[1]));
        // LLC: a length, that of the payload on the wire, in place of the type.
        let seen = converted(link, &cooked(0, 6, 4, &[0xaa, 0xaa, 3]));
        assert_eq!(seen, ethernet(HOST_MAC, SENDER, 103, &[0xaa, 0xaa, 3]));
    }
}

#[test]
fn a_packet_shorter_than_its_link_header_becomes_a_frame_without_a_type() {
    for (link, length) in [(0, 3), (108, 0), (113, 15), (276, 19)] {
        let mut file = pcap(Order::Little, 0xa1b2_c3d4, link);
        file.extend(record(Order::Little, 0, 0, 60, &vec![1; length]));
        let expected = [HOST_MAC, PEER_MAC].concat();
        assert_eq!(frames(&file), [(0, 14, expected)]);
    }
}

#[test]
fn fcs_is_taken_off_before_the_packet_is_converted() {
    let mut file = pcap(Order::Little, 0xa1b2_c3d4, 0x2400_0000 | 101);
    file.extend(record(Order::Little, 0, 0, 8, &[0x45, 0, 0, 0, 1, 1, 1, 1]));
    let (_, frame) = ethernet(HOST_MAC, PEER_MAC, 0x0800, &[0x45, 0, 0, 0]);
    assert_eq!(frames(&file), [(0, 18, frame)]);
}
