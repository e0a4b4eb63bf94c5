//! What the generator promises of its traffic.

use std::collections::{HashMap, HashSet};

use sim::frames::{Frame, FrameBatch};
use sim::generate::{GATEWAY_MAC, Generator, ProtocolWeights, Spec, SpecError};

/// A frame taken apart by a parser of the test's own.
#[derive(Clone, Debug)]
struct Parsed {
    addresses: (Vec<u8>, Vec<u8>),
    ports: (u16, u16),
    protocol: u8,
    /// TCP only: flags, sequence, acknowledged, payload length.
    tcp: Option<(u8, u32, u32, u32)>,
    vlan: bool,
}

impl Parsed {
    fn flow(&self) -> (Vec<u8>, Vec<u8>, u16, u16, u8) {
        let (from, to) = self.addresses.clone();
        (from, to, self.ports.0, self.ports.1, self.protocol)
    }
}

fn half(bytes: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([bytes[at], bytes[at + 1]])
}

fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from(half(bytes, at)) << 16 | u32::from(half(bytes, at + 2))
}

fn checksum(pieces: &[&[u8]]) -> u16 {
    let mut bytes = pieces.concat();
    bytes.resize(bytes.len().next_multiple_of(2), 0);
    let sum: u64 = (0..bytes.len()).step_by(2).map(|at| u64::from(half(&bytes, at))).sum();
    let folded = (0..4).fold(sum, |sum, _| (sum & 0xffff) + (sum >> 16));
    !(folded as u16)
}

/// Takes a whole frame apart and checks its lengths and checksums on the way.
fn parse(frame: Frame<'_>) -> Parsed {
    let bytes = frame.bytes;
    assert_eq!(bytes.len(), frame.wire_length as usize);
    let vlan = half(bytes, 12) == 0x8100;
    let tag = if vlan { 4 } else { 0 };
    assert!(bytes.len() >= 60 + tag && bytes.len() <= 1_514 + tag);
    let ip = &bytes[14 + tag..];
    let (length, header, protocol, addresses, pseudo_address) = match half(bytes, 12 + tag) {
        0x0800 => {
            assert_eq!((ip[0], checksum(&[&ip[..20]])), (0x45, 0));
            (half(ip, 2) as usize, 20, ip[9], (&ip[12..16], &ip[16..20]), &ip[12..20])
        }
        0x86dd => {
            assert_eq!(ip[0] >> 4, 6);
            (half(ip, 4) as usize + 40, 40, ip[6], (&ip[8..24], &ip[24..40]), &ip[8..40])
        }
        other => panic!("{other:#06x}"),
    };
    assert!(length <= ip.len() && (length == ip.len() || bytes.len() == 60 + tag));
    let payload = &ip[header..length];
    let pseudo = [0, protocol, (payload.len() >> 8) as u8, payload.len() as u8];
    let pseudo: &[&[u8]] = if protocol == 1 { &[] } else { &[pseudo_address, &pseudo] };
    assert_eq!(checksum(&[pseudo, &[payload]].concat()), 0);
    let ports = match protocol {
        6 | 17 => (half(payload, 0), half(payload, 2)),
        _ => (0, 0),
    };
    if protocol == 17 {
        assert_eq!(half(payload, 4) as usize, payload.len());
    }
    let data = payload.len() as u32;
    let tcp = (protocol == 6).then(|| (payload[13], word(payload, 4), word(payload, 8), data - 20));
    let addresses = (addresses.0.to_vec(), addresses.1.to_vec());
    Parsed { addresses, ports, protocol, tcp, vlan }
}

fn generate(spec: &Spec) -> FrameBatch {
    let mut generator = Generator::new(spec).expect("a possible spec");
    let mut batch = FrameBatch::new();
    while generator.read_into(&mut batch, 100) > 0 {}
    assert_eq!(generator.remaining(), 0);
    assert_eq!(batch.len() as u64, spec.packets);
    batch
}

fn whole() -> Spec {
    Spec { packets: 30_000, flows: 5_001, snap_length: 2_000, ..Spec::default() }
}

/// FNV-1a over everything a batch holds.
fn fingerprint(batch: &FrameBatch) -> u64 {
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    batch.iter().fold(0xcbf2_9ce4_8422_2325, |hash, frame| {
        let hash = frame.time_ns.to_le_bytes().iter().fold(hash, step);
        let hash = frame.wire_length.to_le_bytes().iter().fold(hash, step);
        frame.bytes.iter().fold(hash, step)
    })
}

#[test]
fn the_same_spec_gives_the_same_bytes_on_every_machine() {
    let spec = Spec { packets: 20_000, ..Spec::default() };
    let first = fingerprint(&generate(&spec));
    assert_eq!(first, fingerprint(&generate(&spec)));
    assert_eq!(first, GOLDEN, "{first:#018x}");
    let other = Spec { seed: 2, ..spec };
    assert_ne!(first, fingerprint(&generate(&other)));
}

/// Changes whenever the traffic does: then it is to be changed on purpose.
const GOLDEN: u64 = 0x35f0_988b_92e5_b130;

#[test]
fn every_flow_appears_and_no_other() {
    for (packets, flows, scan_share) in [
        (30_000, 5_000, 0.05),
        (5_000, 5_000, 0.3),
        (100, 99, 0.0),
        (100, 1, 0.0),
        (1_000, 2, 0.0),
        (500, 499, 1.0),
        (10, 1_000, 0.1),
    ] {
        let spec = Spec { packets, flows, scan_share, ..whole() };
        let batch = generate(&spec);
        let flows_seen: HashSet<_> = batch.iter().map(|frame| parse(frame).flow()).collect();
        assert_eq!(flows_seen.len() as u64, packets.min(flows.into()), "{spec:?}");
    }
}

#[test]
fn frames_are_valid_and_their_shares_are_about_what_was_asked() {
    let spec = Spec { zipf_exponent: 0.0, ..whole() };
    let batch = generate(&spec);
    let (mut ipv6, mut vlan, mut protocols) = (0, 0, HashMap::new());
    for frame in &batch {
        let parsed = parse(frame);
        ipv6 += usize::from(parsed.addresses.0.len() == 16);
        vlan += usize::from(parsed.vlan);
        *protocols.entry(parsed.protocol).or_insert(0_usize) += 1;
    }
    let share = |count: usize| count as f64 / batch.len() as f64;
    assert!((share(ipv6) - 0.2).abs() < 0.03);
    assert!((share(vlan) - 0.1).abs() < 0.03);
    assert!((share(protocols[&6]) - 0.8).abs() < 0.03);
    assert!((share(protocols[&17]) - 0.17).abs() < 0.03);
    assert!((share(protocols[&1] + protocols[&58]) - 0.03).abs() < 0.01);
}

#[test]
fn a_cut_frame_is_the_start_of_the_whole_one() {
    let spec = whole();
    let whole = generate(&spec);
    for snap_length in [1, 20, 96] {
        let cut = generate(&Spec { snap_length, ..spec.clone() });
        for (cut, whole) in cut.iter().zip(whole.iter()) {
            assert_eq!((cut.time_ns, cut.wire_length), (whole.time_ns, whole.wire_length));
            let kept = whole.bytes.len().min(snap_length as usize);
            assert_eq!(cut.bytes, &whole.bytes[..kept]);
        }
    }
}

#[test]
fn times_never_go_back_and_keep_the_rate() {
    let spec = whole();
    let batch = generate(&spec);
    let times: Vec<_> = batch.iter().map(|frame| frame.time_ns - spec.start_ns).collect();
    assert!(times.is_sorted());
    for (slot, time) in (0..).zip(&times) {
        assert!((slot * 1_000..=slot * 1_000 + 1_000).contains(time));
    }
}

#[test]
fn tcp_connections_open_count_and_close_in_order() {
    let spec = Spec { flows: 200, scan_share: 0.0, protocols: ProtocolWeights { tcp: 1, udp: 0, icmp: 0 }, ..whole() };
    let batch = generate(&spec);
    let mut connections: HashMap<_, Vec<(bool, Parsed)>> = HashMap::new();
    for frame in &batch {
        let to_host = frame.bytes[6..12] == GATEWAY_MAC;
        let parsed = parse(frame);
        let client = if to_host { parsed.addresses.0.clone() } else { parsed.addresses.1.clone() };
        connections.entry(client).or_default().push((to_host, parsed));
    }
    assert_eq!(connections.len(), 100);
    let mut closed = 0;
    for packets in connections.values() {
        let mut expected = [None; 2];
        let mut flags_seen = Vec::new();
        for (to_host, parsed) in packets {
            let (flags, sequence, acknowledged, payload) = parsed.tcp.expect("TCP only");
            let (own, other) = if *to_host { (0, 1) } else { (1, 0) };
            assert_eq!(sequence, expected[own].unwrap_or(sequence));
            if flags & 0x10 != 0 {
                assert_eq!(acknowledged, expected[other].unwrap_or(acknowledged));
            }
            let counted = payload + u32::from(flags & 3 != 0);
            expected[own] = Some(sequence.wrapping_add(counted));
            flags_seen.push((*to_host, flags & !8));
        }
        closed += check_order(&flags_seen);
    }
    assert!(closed > 100);
}

/// Checks the order of flags and answers how often the connection was closed.
fn check_order(flags: &[(bool, u8)]) -> usize {
    let opening = [(true, 0x02), (false, 0x12), (true, 0x10)];
    let closing = [(true, 0x11), (false, 0x11), (true, 0x10)];
    let rounds: Vec<_> = flags.chunk_by(|_, next| next.1 != 0x02).collect();
    let (last, whole) = rounds.split_last().expect("at least one packet");
    for round in whole {
        assert!(round.starts_with(&opening) && round.ends_with(&closing));
        let data = &round[3..round.len() - 3];
        assert!(data.iter().all(|(_, flags)| *flags == 0x10));
    }
    let opened = last.len().min(3);
    assert_eq!(last[..opened], opening[..opened]);
    whole.len()
}

#[test]
fn figures_out_of_range_are_refused_by_name() {
    let refused = |spec: Spec| Generator::new(&spec).expect_err("out of range").to_string();
    let good = Spec::default();
    let flows = refused(Spec { flows: 0, ..good.clone() });
    assert_eq!(flows, "flows is 0; expected 1 to 16777216");
    let share = refused(Spec { ipv6_share: f64::NAN, ..good.clone() });
    assert_eq!(share, "ipv6_share is NaN; expected 0 to 1");
    let rate = Spec { packets_per_second: 0, ..good };
    assert!(matches!(Generator::new(&rate), Err(SpecError::Count { .. })));
}
