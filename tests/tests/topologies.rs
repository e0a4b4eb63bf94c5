//! Beside a load balancer or a NAT gateway the records show the ENI's own leg, never the far one.

use firmware_abi::key::{Direction, protocol};
use firmware_abi::time::SECOND_NS;
use flowlog::conservation::{Equation, Proof};
use flowlog::record::{Action, Entry, WindowBounds};
use flowlog::window::Sealed;
use sim::card::{Card, Frame, Parameters, SimDevice};
use sim::faults::Numbers;
use sim::topology::{Forwarding, Hop, Listener, LoadBalancer, NatGateway, Passage, Presented, Refusal};
use sim::wire::Wire;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4};
use std::rc::Rc;
use weir::assembly::assemble;
use weir::config::Config;
use weir::meter::{Meter, Sink};
use weir_tests::nic;

const START_NS: u64 = 1_700_000_000 * SECOND_NS;
const GUEST_MAC: [u8; 6] = [0x52, 0x54, 0, 0, 0, 0x10];
const DEVICE_MAC: [u8; 6] = [2, 0, 0, 0, 0, 1];
const GATEWAY_MAC: [u8; 6] = [2, 0, 0, 0, 0, 2];
const GUEST: Ipv4Addr = Ipv4Addr::new(172, 31, 16, 10);
const CLIENT: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 5);
const PEER: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 44);
const VIP: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 80);
const BALANCER: Ipv4Addr = Ipv4Addr::new(100, 64, 0, 9);
const NAT: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 200);
const LICENCE: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 16);

const CONFIG: &str = r#"
settings.window = "1s"
settings.licence_activation.addresses = ["198.51.100.16"]
account = [{ id = "1251762227" }]
vpc = [{ id = "vpc-main", account = "1251762227", cidrs = ["172.31.0.0/16"] }]
subnet = [{ id = "subnet-front", vpc = "vpc-main", cidrs = ["172.31.16.0/24"] }]
eni = [{ id = "eni-guest001", subnet = "subnet-front", mac = "52:54:00:00:00:10", addresses = ["172.31.16.10"] }]
flow_log = [{ id = "fl-all", scope = "eni-guest001", destinations = ["stdout"] }]
"#;

/// Direction, source, destination, protocol, packets, bytes.
type Line = (Direction, SocketAddr, SocketAddr, u8, u64, u64);

/// What was published.
#[derive(Default)]
struct Book {
    lines: Vec<Line>,
    proofs: Vec<Proof>,
}

impl Sink for Book {
    type Error = Infallible;

    fn entry(&mut self, _: usize, _: &WindowBounds, entry: &Entry<'_>) -> Result<(), Infallible> {
        if let Entry::Flow(facts) = entry {
            assert_eq!(facts.action, Action::Accept);
            let source = SocketAddr::new(facts.source(), facts.key.src_port);
            let destination = SocketAddr::new(facts.destination(), facts.key.dst_port);
            let (packets, bytes) = (facts.packets, facts.bytes);
            self.lines.push((facts.direction(), source, destination, facts.key.protocol, packets, bytes));
        }
        Ok(())
    }

    fn sealed(&mut self, sealed: &Sealed) -> Result<(), Infallible> {
        self.proofs.extend(sealed.proofs.iter().copied());
        Ok(())
    }
}

/// The device beside the guest.
type Device = Box<dyn FnMut(u64, &mut [u8]) -> Passage>;

/// A guest behind its NIC, a device beside it, and the outside.
struct World {
    card: Rc<Card>,
    meter: Meter<SimDevice>,
    wire: Wire,
    book: Book,
    device: Device,
    now_ns: u64,
    /// What reached the outside.
    outside: Vec<Vec<u8>>,
    /// What reached the guest.
    guest: Vec<Vec<u8>>,
}

impl World {
    fn new(device: impl FnMut(u64, &mut [u8]) -> Passage + 'static) -> Self {
        let config = Config::parse("topologies.toml", CONFIG).expect("a sound configuration");
        let assembly = assemble(&config, START_NS).expect("sound rules");
        let card = nic::card(Parameters { slots_log2: 10, enis_log2: 0 });
        card.keep_sent(true);
        let nic = Rc::new(card.device());
        let attached = Meter::attach::<Infallible>(nic, &assembly.meter, assembly.enis, assembly.subscriptions);
        Self {
            meter: attached.expect("the NIC can be had").0,
            wire: Wire::new(&assembly.taps),
            card,
            book: Book::default(),
            device: Box::new(device),
            now_ns: START_NS,
            outside: Vec::new(),
            guest: Vec::new(),
        }
    }

    /// A frame comes from outside, past the device, to the NIC's wire.
    fn arrive(&mut self, mut frame: Vec<u8>) -> Passage {
        let passage = (self.device)(self.now_ns, &mut frame);
        if !matches!(passage, Passage::Refused(_)) {
            let seen = sim::frames::Frame { time_ns: self.now_ns, wire_length: frame.len() as u32, bytes: &frame };
            assert_eq!(self.wire.route(&seen).ingress, Some(0), "it is for the guest");
            self.cross(&frame, Direction::Ingress);
        }
        passage
    }

    /// The guest sends a frame.
    fn send(&mut self, frame: &[u8]) {
        self.cross(frame, Direction::Egress);
    }

    fn cross(&mut self, bytes: &[u8], direction: Direction) {
        let frame = Frame { time_ns: self.now_ns, wire_length: bytes.len() as u32, bytes, vport: 0, direction };
        self.card.offer(&[frame], || self.meter.poll(self.card.now_ns(), &mut self.book)).expect("the meter goes on");
        self.pass(1_000_000);
    }

    /// Lets time pass, and takes what leaves the NIC where it goes.
    fn pass(&mut self, by_ns: u64) {
        self.now_ns += by_ns;
        let polled = self.card.advance(self.now_ns, || self.meter.poll(self.card.now_ns(), &mut self.book));
        polled.expect("the meter goes on");
        for mut sent in self.card.take_sent() {
            if sent.direction == Direction::Ingress {
                self.guest.push(sent.bytes);
            } else if !matches!((self.device)(self.now_ns, &mut sent.bytes), Passage::Refused(_)) {
                self.outside.push(sent.bytes);
            }
        }
    }

    /// The guest answers everything that it got, the outside everything that it got, in turn.
    fn converse(&mut self, rounds: usize) {
        for _ in 0..rounds {
            for frame in std::mem::take(&mut self.guest) {
                self.send(&answer(&frame));
            }
            for frame in std::mem::take(&mut self.outside) {
                assert_ne!(self.arrive(answer(&frame)), Passage::Untouched, "answers come to the device");
            }
        }
    }

    /// Publishes everything, and proves it: the records, and the sums of both directions.
    fn finish(mut self) -> (Vec<Line>, [Equation; 2]) {
        self.pass(2 * SECOND_NS);
        let mut sums = [Equation::default(); 2];
        for proof in &self.book.proofs {
            assert_eq!(proof.equation.residual(), (0, 0), "{proof:#?}");
            sums[proof.direction.index()].add(&proof.equation);
        }
        self.book.lines.sort_unstable();
        (self.book.lines, sums)
    }
}

fn at(address: Ipv4Addr, port: u16) -> SocketAddrV4 {
    SocketAddrV4::new(address, port)
}

fn word(frame: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([frame[at], frame[at + 1]])
}

/// The sum of RFC 1071; 0xffff over what has a right checksum.
fn sum(parts: &[&[u8]]) -> u16 {
    let words = parts.iter().flat_map(|part| part.chunks(2));
    let total: u32 = words.map(|pair| u32::from(pair[0]) << 8 | pair.get(1).map_or(0, |low| u32::from(*low))).sum();
    let once = (total & 0xffff) + (total >> 16);
    ((once & 0xffff) + (once >> 16)) as u16
}

/// The sum over layer 4, with the addresses where they count.
fn layer4_sum(frame: &[u8]) -> u16 {
    let ip = if word(frame, 12) == 0x8100 { 18 } else { 14 };
    let (layer4, end) = (ip + usize::from(frame[ip] & 15) * 4, ip + usize::from(word(frame, ip + 2)));
    let bytes = &frame[layer4..end];
    if frame[ip + 9] == protocol::ICMP {
        return sum(&[bytes]);
    }
    sum(&[&frame[ip + 12..ip + 20], &[0, frame[ip + 9]], &(bytes.len() as u16).to_be_bytes(), bytes])
}

/// A frame of TCP, UDP or an ICMP echo, with right checksums; a request's identifier is the source's port.
fn packet(ip_protocol: u8, from: SocketAddrV4, to: SocketAddrV4, payload: &[u8]) -> Vec<u8> {
    let header = if ip_protocol == protocol::TCP { 20 } else { 8 };
    let mut frame = [&GATEWAY_MAC[..], &GUEST_MAC, &[8, 0]].concat();
    let length = (20 + header + payload.len()) as u16;
    frame.extend([0x45, 0, (length >> 8) as u8, length as u8, 0, 0, 0x40, 0, 64, ip_protocol, 0, 0]);
    frame.extend([from.ip().octets(), to.ip().octets()].concat());
    frame.extend([from.port().to_be_bytes(), to.port().to_be_bytes()].concat());
    frame.resize(34 + header, 0);
    frame.extend(payload);
    let checksum_at = match ip_protocol {
        protocol::TCP => {
            frame[46..48].copy_from_slice(&[0x50, 0x10]);
            50
        }
        protocol::UDP => {
            frame[38..40].copy_from_slice(&(length - 20).to_be_bytes());
            40
        }
        _ => {
            frame[34..40].copy_from_slice(&[8, 0, 0, 0, (from.port() >> 8) as u8, from.port() as u8]);
            36
        }
    };
    let ip_sum = !sum(&[&frame[14..34]]);
    frame[24..26].copy_from_slice(&ip_sum.to_be_bytes());
    let checksum = !layer4_sum(&frame);
    frame[checksum_at..checksum_at + 2].copy_from_slice(&checksum.to_be_bytes());
    frame
}

/// The frame back to who sent it: no sum changes when addresses and ports change sides.
fn answer(frame: &[u8]) -> Vec<u8> {
    let mut back = frame.to_vec();
    for (one, other, length) in [(0, 6, 6), (26, 30, 4), (34, 36, 2)] {
        if one != 34 || frame[23] != protocol::ICMP {
            back[one..one + length].copy_from_slice(&frame[other..other + length]);
            back[other..other + length].copy_from_slice(&frame[one..one + length]);
        }
    }
    back
}

/// Source and destination of a frame without tags.
fn ends(frame: &[u8]) -> (SocketAddrV4, SocketAddrV4) {
    let address = |at: usize| Ipv4Addr::new(frame[at], frame[at + 1], frame[at + 2], frame[at + 3]);
    (at(address(26), word(frame, 34)), at(address(30), word(frame, 36)))
}

fn hop() -> Hop {
    Hop { mac: DEVICE_MAC, neighbours: BTreeMap::from([(GUEST, GUEST_MAC)]), gateway: GATEWAY_MAC }
}

fn balancer(presented: Presented, backends: &[SocketAddrV4]) -> LoadBalancer {
    let listener = Listener { protocol: protocol::TCP, port: 443, backends: backends.to_vec() };
    LoadBalancer::new(VIP, hop(), presented, 16, 60 * SECOND_NS).with(listener)
}

fn gateway() -> NatGateway {
    let ssh = Forwarding { protocol: protocol::TCP, port: 2222, to: at(GUEST, 22) };
    NatGateway::new(NAT, (Ipv4Addr::new(172, 31, 0, 0), 16), hop(), 20_000..=20_002, 60 * SECOND_NS).with(ssh)
}

/// The two records of a conversation of `packets` packets each way, of 50 bytes each.
fn both_ways(guest: SocketAddrV4, other: SocketAddrV4, ip_protocol: u8, packets: u64) -> Vec<Line> {
    let (guest, other) = (SocketAddr::V4(guest), SocketAddr::V4(other));
    vec![
        (Direction::Ingress, other, guest, ip_protocol, packets, packets * 50),
        (Direction::Egress, guest, other, ip_protocol, packets, packets * 50),
    ]
}

const PAYLOAD: [u8; 10] = *b"0123456789";

#[test]
fn inbound_by_a_load_balancer_that_keeps_the_client_shows_the_client_and_the_private_address() {
    let mut lb = balancer(Presented::Client, &[at(GUEST, 8443)]);
    let mut world = World::new(move |now_ns, frame| lb.pass(now_ns, frame));
    world.arrive(packet(protocol::TCP, at(CLIENT, 50_000), at(VIP, 443), &PAYLOAD));
    assert_eq!(ends(&world.guest[0]), (at(CLIENT, 50_000), at(GUEST, 8443)));
    world.converse(4);
    let last = answer(&world.guest[0]);
    world.send(&last);
    assert_eq!(ends(&world.outside[0]), (at(VIP, 443), at(CLIENT, 50_000)), "the client sees only the VIP");
    let (lines, sums) = world.finish();
    assert_eq!(lines, both_ways(at(GUEST, 8443), at(CLIENT, 50_000), protocol::TCP, 5));
    assert_eq!(sums.map(|sum| sum.offered.packets), [5, 5]);
}

#[test]
fn inbound_by_a_load_balancer_with_its_own_address_shows_that_address() {
    let mut lb = balancer(Presented::Own(BALANCER, 30_000..=30_009), &[at(GUEST, 8443)]);
    let mut world = World::new(move |now_ns, frame| lb.pass(now_ns, frame));
    world.arrive(packet(protocol::TCP, at(CLIENT, 50_000), at(VIP, 443), &PAYLOAD));
    world.converse(2);
    assert_eq!(ends(&world.guest[0]), (at(BALANCER, 30_000), at(GUEST, 8443)));
    let last = answer(&world.guest[0]);
    world.send(&last);
    assert_eq!(ends(&world.outside[0]), (at(VIP, 443), at(CLIENT, 50_000)));
    let (lines, _) = world.finish();
    assert_eq!(lines, both_ways(at(GUEST, 8443), at(BALANCER, 30_000), protocol::TCP, 3));
}

#[test]
fn outbound_by_a_load_balancer_shows_its_vip_and_never_the_backend() {
    for presented in [Presented::Client, Presented::Own(BALANCER, 30_000..=30_009)] {
        let own = presented != Presented::Client;
        let mut lb = balancer(presented, &[at(PEER, 8443)]);
        let mut world = World::new(move |now_ns, frame| lb.pass(now_ns, frame));
        world.send(&packet(protocol::TCP, at(GUEST, 40_000), at(VIP, 443), &PAYLOAD));
        let source = if own { at(BALANCER, 30_000) } else { at(GUEST, 40_000) };
        assert_eq!(ends(&world.outside[0]), (source, at(PEER, 8443)));
        for _ in 0..3 {
            let frame = world.outside.remove(0);
            world.arrive(answer(&frame));
            let frame = world.guest.remove(0);
            assert_eq!(ends(&frame), (at(VIP, 443), at(GUEST, 40_000)));
            world.send(&answer(&frame));
        }
        let frame = world.outside.remove(0);
        world.arrive(answer(&frame));
        let (lines, _) = world.finish();
        assert_eq!(lines, both_ways(at(GUEST, 40_000), at(VIP, 443), protocol::TCP, 4));
    }
}

#[test]
fn outbound_by_a_nat_gateway_shows_the_private_address_and_the_public_peer() {
    let mut nat = gateway();
    let mut world = World::new(move |now_ns, frame| nat.pass(now_ns, frame));
    let query = [&PAYLOAD[..], b"more bytes, "].concat();
    world.send(&packet(protocol::UDP, at(GUEST, 40_000), at(PEER, 53), &query));
    assert_eq!(ends(&world.outside[0]), (at(NAT, 20_000), at(PEER, 53)));
    world.converse(1);
    assert_eq!(ends(&world.guest[0]), (at(PEER, 53), at(GUEST, 40_000)));
    world.converse(3);
    let (lines, _) = world.finish();
    assert_eq!(lines, both_ways(at(GUEST, 40_000), at(PEER, 53), protocol::UDP, 4));
}

#[test]
fn inbound_by_a_nat_gateway_shows_the_public_peer_and_the_private_address() {
    let mut nat = gateway();
    let mut world = World::new(move |now_ns, frame| nat.pass(now_ns, frame));
    world.arrive(packet(protocol::TCP, at(PEER, 5_555), at(NAT, 2222), &PAYLOAD));
    world.converse(3);
    let last = answer(&world.guest[0]);
    world.send(&last);
    assert_eq!(ends(&world.outside[0]), (at(NAT, 2222), at(PEER, 5_555)));
    let (lines, _) = world.finish();
    assert_eq!(lines, both_ways(at(GUEST, 22), at(PEER, 5_555), protocol::TCP, 4));
}

#[test]
fn dhcp_and_licence_activation_are_forwarded_and_counted_and_in_no_record() {
    let mut nat = gateway();
    let mut world = World::new(move |now_ns, frame| nat.pass(now_ns, frame));
    let dhcp_server = Ipv4Addr::new(172, 31, 16, 1);
    let offer = answer(&packet(protocol::UDP, at(GUEST, 68), at(dhcp_server, 67), &PAYLOAD));
    world.send(&packet(protocol::UDP, at(Ipv4Addr::UNSPECIFIED, 68), at(Ipv4Addr::BROADCAST, 67), &PAYLOAD));
    assert_eq!(world.arrive(offer), Passage::Untouched);
    for _ in 0..4 {
        world.send(&packet(protocol::TCP, at(GUEST, 49_000), at(LICENCE, 1688), &PAYLOAD));
        let sent = world.outside.last().cloned().expect("it is forwarded");
        assert_eq!(ends(&sent), (at(NAT, 20_000), at(LICENCE, 1688)));
        assert_eq!(world.arrive(answer(&sent)), Passage::Translated);
    }
    // The same port elsewhere, and another port there, are traffic like any other.
    world.send(&packet(protocol::TCP, at(GUEST, 49_000), at(PEER, 1688), &PAYLOAD));
    world.send(&packet(protocol::TCP, at(GUEST, 49_000), at(LICENCE, 1689), &PAYLOAD));
    assert_eq!((world.outside.len(), world.guest.len()), (7, 5), "everything was forwarded");
    let (lines, sums) = world.finish();
    let to = |address, port| SocketAddr::new(IpAddr::V4(address), port);
    let mut expected = [(PEER, 1688), (LICENCE, 1689)]
        .map(|(peer, port)| (Direction::Egress, to(GUEST, 49_000), to(peer, port), protocol::TCP, 1, 50));
    expected.sort_unstable();
    assert_eq!(lines, expected);
    assert_eq!(sums.map(|sum| (sum.offered.packets, sum.excluded.packets)), [(5, 5), (7, 5)]);
    assert_eq!(sums.map(|sum| sum.excluded.bytes), [38 + 4 * 50, 38 + 4 * 50]);
}

#[test]
fn what_a_device_refuses_never_reaches_the_nic_and_has_a_name() {
    let mut nat = gateway();
    let mut fragment = packet(protocol::UDP, at(PEER, 1), at(NAT, 20_000), &PAYLOAD);
    fragment[20] = 0x20;
    let mut gre = packet(protocol::UDP, at(PEER, 1), at(NAT, 20_000), &PAYLOAD);
    gre[23] = 47;
    let mut spent = packet(protocol::TCP, at(PEER, 1), at(NAT, 2222), &PAYLOAD);
    spent[22] = 1;
    let frames = [
        (packet(protocol::TCP, at(PEER, 1), at(NAT, 2223), &PAYLOAD), Refusal::NoMapping),
        (fragment, Refusal::Fragment),
        (gre, Refusal::Protocol),
        (spent, Refusal::HopLimit),
    ];
    for (frame, refusal) in &frames {
        assert_eq!(nat.pass(START_NS, &mut frame.clone()), Passage::Refused(*refusal));
    }
    assert_eq!(nat.counters().refused, frames.iter().map(|(_, refusal)| (*refusal, 1)).collect());
    let mut world = World::new(move |now_ns, frame| nat.pass(now_ns, frame));
    for (frame, refusal) in frames {
        assert_eq!(world.arrive(frame), Passage::Refused(refusal));
    }
    let (lines, sums) = world.finish();
    assert_eq!((lines, sums), (Vec::new(), [Equation::default(); 2]));
}

#[test]
fn a_port_pool_that_is_exhausted_refuses_until_a_mapping_is_idle() {
    let mut nat = gateway();
    let mut send = |port: u16, at_s: u64| {
        let mut frame = packet(protocol::UDP, at(GUEST, port), at(PEER, 53), &PAYLOAD);
        let passage = nat.pass(START_NS + at_s * SECOND_NS, &mut frame);
        (passage, ends(&frame).0.port(), nat.counters().clone())
    };
    for port in 1..=3 {
        assert_eq!(send(port, 0).1, 19_999 + port);
    }
    assert_eq!(send(2, 30).1, 20_001, "an endpoint keeps its port");
    let (passage, _, counters) = send(4, 59);
    assert_eq!(passage, Passage::Refused(Refusal::PortPoolExhausted));
    assert_eq!((counters.translated, counters.refused), (4, BTreeMap::from([(Refusal::PortPoolExhausted, 1)])));
    assert_eq!(send(4, 60).1, 20_000, "two are idle now");
    assert_eq!(send(5, 61).1, 20_002);
    assert_eq!(send(6, 62).0, Passage::Refused(Refusal::PortPoolExhausted));
}

#[test]
fn a_load_balancer_takes_its_backends_in_turn_and_names_what_it_has_no_room_for() {
    let backends = [at(GUEST, 1), at(GUEST, 2)];
    let mut lb = LoadBalancer::new(VIP, hop(), Presented::Client, 3, SECOND_NS)
        .with(Listener { protocol: protocol::TCP, port: 443, backends: backends.to_vec() })
        .with(Listener { protocol: protocol::TCP, port: 80, backends: Vec::new() });
    let mut send = |client: u16, port: u16, at_ns: u64| {
        let mut frame = packet(protocol::TCP, at(CLIENT, client), at(VIP, port), &PAYLOAD);
        let passage = lb.pass(START_NS + at_ns, &mut frame);
        (passage, ends(&frame).1.port())
    };
    assert_eq!([1, 2, 3, 1, 2].map(|client| send(client, 443, 0).1), [1, 2, 1, 1, 2]);
    assert_eq!(send(4, 443, 0).0, Passage::Refused(Refusal::SessionTableFull));
    assert_eq!(send(4, 444, 0).0, Passage::Refused(Refusal::NoListener));
    assert_eq!(send(4, 443, SECOND_NS), (Passage::Translated, 2), "the idle ones are gone");
    assert_eq!(send(5, 80, SECOND_NS).0, Passage::Refused(Refusal::NoBackend));
    let mut own = balancer(Presented::Own(BALANCER, 7..=7), &backends);
    let mut frames = [1, 2].map(|client| packet(protocol::TCP, at(CLIENT, client), at(VIP, 443), &PAYLOAD));
    assert_eq!(own.pass(START_NS, &mut frames[0]), Passage::Translated);
    assert_eq!(own.pass(START_NS, &mut frames[1]), Passage::Refused(Refusal::PortPoolExhausted));
}

#[test]
fn every_checksum_is_right_after_each_translation_and_a_missing_one_stays_missing() {
    let mut numbers = Numbers::new(17);
    let mut lb = balancer(Presented::Own(BALANCER, 1_000..=60_000), &[at(GUEST, 8443)]);
    let mut nat = NatGateway::new(NAT, (GUEST, 32), hop(), 1..=65_535, u64::MAX);
    for case in 0..5_000 {
        let ip_protocol = [protocol::TCP, protocol::UDP, protocol::ICMP][numbers.below(3) as usize];
        let payload: Vec<u8> = (0..numbers.below(40)).map(|_| numbers.next_bits() as u8).collect();
        let peer = at(Ipv4Addr::from_bits(0xcb00_7100 | numbers.below(256) as u32), numbers.next_bits() as u16);
        let mut frame = packet(ip_protocol, at(GUEST, numbers.next_bits() as u16), peer, &payload);
        let original = frame.clone();
        let bare = ip_protocol == protocol::UDP && numbers.below(4) == 0;
        if bare {
            frame[40..42].fill(0);
        }
        if numbers.below(3) == 0 && ip_protocol == protocol::TCP {
            frame = packet(ip_protocol, peer, at(VIP, 443), &payload);
            if lb.pass(START_NS + case * 60 * SECOND_NS, &mut frame) != Passage::Translated {
                panic!("case {case}: {:?}", lb.counters());
            }
        } else {
            assert_eq!(nat.pass(START_NS, &mut frame), Passage::Translated, "case {case}");
            assert_eq!(frame[26..30], NAT.octets(), "case {case}");
        }
        assert_eq!((sum(&[&frame[14..34]]), frame[22]), (0xffff, 63), "case {case}: IPv4");
        assert_eq!(frame[6..12], DEVICE_MAC, "case {case}");
        if bare {
            assert_eq!(frame[40..42], [0, 0], "case {case}");
        } else {
            assert_eq!(layer4_sum(&frame), 0xffff, "case {case}: layer 4");
        }
        if frame[26..30] == NAT.octets() {
            let mut back = answer(&frame);
            if ip_protocol == protocol::ICMP {
                // An echo reply: its type is 0, and its checksum by so much more.
                back[34] = 0;
                let checksum = u32::from(word(&back, 36)) + 0x800;
                back[36..38].copy_from_slice(&((checksum + (checksum >> 16)) as u16).to_be_bytes());
            }
            assert_eq!(nat.pass(START_NS, &mut back), Passage::Translated, "case {case}");
            assert_eq!((&back[..6], &back[30..34]), (&GUEST_MAC[..], &GUEST.octets()[..]), "case {case}");
            assert!(bare || layer4_sum(&back) == 0xffff, "case {case}: the answer");
            let port_at = if ip_protocol == protocol::ICMP { (38, 38) } else { (36, 34) };
            assert_eq!(word(&back, port_at.0), word(&original, port_at.1), "case {case}: the guest's port");
        }
    }
}
