//! Capture windows: gapless, each packet in exactly one, times inside, the same bytes every time.

use firmware_abi::time::SECOND_NS;
use flowlog::catalogue::WindowSeconds;
use flowlog::conservation::{Amount, Equation};
use flowlog::record::WindowBounds;
use sim::frames::{Frame, FrameBatch};
use sim::generate::{Generator, Spec};
use std::collections::BTreeMap;
use std::net::IpAddr;
use weir::config::Config;
use weir_tests::packets::{ACK, IPV4, Packet, SYN, VLAN};
use weir_tests::replaying::{Collected, FiveTuple, replay};

/// The start of a window of 300 s, and so of one of any length here.
const START_NS: u64 = 1_700_000_100 * SECOND_NS;
/// The NIC keeps times in steps of 50 µs.
const TICK_NS: u64 = 50_000;
const A: &str = "10.0.0.1";
const B: &str = "10.0.0.2";

fn config(window_seconds: u64) -> Config {
    let mut config = Config::default_promiscuous();
    config.settings.window = WindowSeconds::new(window_seconds).expect("a capture window is 1 to 600 s");
    config
}

/// TCP packets of 100 bytes of one flow at these times after the start.
fn at(times_ns: &[u64]) -> FrameBatch {
    let mut batch = FrameBatch::new();
    for (time_ns, number) in times_ns.iter().zip(0..) {
        let flags = if number == 0 { SYN } else { ACK };
        let frame = Packet::tcp(A, B, (1_000, 80), flags, 60).frame();
        batch.push(START_NS + time_ns, frame.len() as u32, &frame);
    }
    batch
}

/// Packets of each window by its number, which counts from the start.
fn packets_by_window(collected: &Collected, window_seconds: u64) -> Vec<u64> {
    let mut packets = vec![0; collected.seals.len()];
    for (_, bounds, facts) in &collected.records {
        packets[((bounds.start_ns - START_NS) / (window_seconds * SECOND_NS)) as usize] += facts.packets;
    }
    packets
}

#[test]
fn a_packet_at_a_cut_is_in_exactly_the_later_window() {
    let cut = SECOND_NS;
    for (what, before) in [
        ("a new flow", vec![]),
        ("a flow of one packet, known to the host", vec![cut - 3]),
        ("a flow that the hardware counts", vec![cut / 4, cut / 3, cut / 2, cut - 1]),
    ] {
        let mut times = before.clone();
        times.extend([cut, cut + 1, 2 * cut - 1, 2 * cut]);
        // So that the first window is there in every case.
        times.insert(0, 0);
        let collected = replay(config(1), &at(&times)).collected;
        let all = collected.proved(what);
        assert_eq!(all.offered.packets, times.len() as u64, "{what}");
        assert_eq!(packets_by_window(&collected, 1), [before.len() as u64 + 1, 3, 1], "{what}");
        for (sealed, number) in collected.seals.iter().zip(0..) {
            let (start_ns, end_ns) = (START_NS + number * cut, START_NS + (number + 1) * cut);
            assert_eq!(sealed.bounds, WindowBounds { start_ns, end_ns }, "{what}");
            assert_eq!(sealed.overruns, 0, "{what}");
        }
    }
}

#[test]
fn times_of_a_record_are_its_first_and_last_packet_in_its_window() {
    // Every 130 ms over seven seconds: no packet at a cut.
    let times: Vec<u64> = (0..54).map(|number| 7_000_000 + number * 130_000_000).collect();
    let collected = replay(config(2), &at(&times)).collected;
    let _ = collected.proved("every 130 ms");
    assert_eq!(collected.records.len(), 4);
    for (_, bounds, facts) in &collected.records {
        let inside: Vec<u64> = times
            .iter()
            .map(|time| START_NS + time)
            .filter(|time| (bounds.start_ns..bounds.end_ns).contains(time))
            .collect();
        assert_eq!(facts.packets, inside.len() as u64, "{bounds:?}");
        let [first, last] = [inside[0], inside[inside.len() - 1]].map(|time| time - time % TICK_NS);
        assert_eq!((facts.first_ns, facts.last_ns), (first, last), "{bounds:?}");
    }
    let seconds = |line: &str| line.split(' ').skip(10).take(2).map(str::to_owned).collect::<Vec<_>>();
    let lines: Vec<_> = collected.lines().iter().map(|line| seconds(line)).collect();
    let expected = [(100, 101), (102, 103), (104, 105), (106, 106)];
    let expected = expected.map(|(start, end)| [start, end].map(|second: u64| (1_700_000_000 + second).to_string()));
    assert_eq!(lines, expected);
}

#[test]
fn a_capture_that_goes_back_in_time_counts_where_the_nic_is_and_its_times_are_clipped() {
    let times = [100_000_000, 1_200_000_000, 900_000_000, 1_300_000_000];
    let collected = replay(config(1), &at(&times)).collected;
    let _ = collected.proved("backwards");
    assert_eq!(packets_by_window(&collected, 1), [1, 3]);
    for (_, bounds, facts) in &collected.records {
        let clipped = facts.packet_times(bounds);
        assert!(bounds.start_ns <= clipped.start_ns && clipped.end_ns <= bounds.end_ns, "{bounds:?}: {facts:?}");
        assert_eq!(clipped.seconds().start, clipped.start_ns / SECOND_NS);
        assert!(clipped.start_ns <= clipped.end_ns, "{bounds:?}: {facts:?}");
    }
}

#[test]
fn a_long_gap_of_the_capture_is_one_window() {
    let day_ns = 86_400 * SECOND_NS;
    let replayed = replay(config(1), &at(&[0, 500_000_000, 3 * day_ns + 250_000_000, 3 * day_ns + SECOND_NS]));
    assert_eq!(replayed.counts.gaps, 1);
    let collected = replayed.collected;
    let all = collected.proved("gap");
    assert_eq!(all.accepted, Amount { packets: 4, bytes: 400 });
    let bounds: Vec<_> = collected.seals.iter().map(|sealed| sealed.bounds).collect();
    let bound = |from_ns, to_ns| WindowBounds { start_ns: START_NS + from_ns, end_ns: START_NS + to_ns };
    let expected = [
        bound(0, SECOND_NS),
        bound(SECOND_NS, 3 * day_ns),
        bound(3 * day_ns, 3 * day_ns + SECOND_NS),
        bound(3 * day_ns + SECOND_NS, 3 * day_ns + 2 * SECOND_NS),
    ];
    assert_eq!(bounds, expected);
    let statuses: Vec<_> = collected.statuses.iter().map(|(_, bounds, skipped)| (*bounds, *skipped)).collect();
    assert_eq!(statuses, [(expected[1], None)], "one NODATA for the gap");
}

#[test]
fn a_gap_that_is_not_long_is_written_window_by_window() {
    let replayed = replay(config(1), &at(&[0, 40 * SECOND_NS]));
    assert_eq!((replayed.counts.gaps, replayed.collected.seals.len()), (0, 41));
    let _ = replayed.collected.proved("40 s");
    assert_eq!(replayed.collected.statuses.len(), 39);
}

/// 200,000 frames of 20,000 flows in 30 s, IPv4 and IPv6, with and without tags.
fn traffic() -> FrameBatch {
    let spec = Spec {
        seed: 7,
        packets: 200_000,
        flows: 20_000,
        start_ns: START_NS + 345_678_901,
        packets_per_second: 6_667,
        ..Spec::default()
    };
    let mut batch = FrameBatch::new();
    Generator::new(&spec).expect("such traffic can be").read_into(&mut batch, spec.packets as usize);
    batch
}

/// What the generator wrote into a frame: fixed headers behind at most one tag, nothing else.
fn look(frame: &Frame<'_>) -> (FiveTuple, u64) {
    let word = |at: usize| u16::from_be_bytes([frame.bytes[at], frame.bytes[at + 1]]);
    let layer3 = if word(12) == VLAN { 18 } else { 14 };
    let ip = &frame.bytes[layer3..];
    let (src, dst, protocol, bytes, header): (IpAddr, IpAddr, u8, u16, usize) = if word(layer3 - 2) == IPV4 {
        let address = |at: usize| -> IpAddr { [ip[at], ip[at + 1], ip[at + 2], ip[at + 3]].into() };
        (address(12), address(16), ip[9], word(layer3 + 2), 20)
    } else {
        let address = |at: usize| -> IpAddr { <[u8; 16]>::try_from(&ip[at..at + 16]).expect("16 bytes").into() };
        (address(8), address(24), ip[6], word(layer3 + 4) + 40, 40)
    };
    let ports = if matches!(protocol, 6 | 17) { (word(layer3 + header), word(layer3 + header + 2)) } else { (0, 0) };
    ((src, dst, ports.0, ports.1, protocol), bytes.into())
}

#[test]
fn under_traffic_every_window_has_exactly_what_was_sent_in_it() {
    let batch = traffic();
    let mut expected: BTreeMap<(u64, FiveTuple), Amount> = BTreeMap::new();
    for frame in &batch {
        let (key, bytes) = look(&frame);
        expected.entry((frame.time_ns - frame.time_ns % SECOND_NS, key)).or_default().add(1, bytes);
    }
    let replayed = replay(config(1), &batch);
    let collected = &replayed.collected;
    let mut found: BTreeMap<(u64, FiveTuple), Amount> = BTreeMap::new();
    for (_, bounds, facts) in &collected.records {
        let sum = found.entry((bounds.start_ns, collected.five_tuple(facts))).or_default();
        sum.add(facts.packets, facts.bytes);
        let inside = bounds.start_ns - TICK_NS < facts.first_ns && facts.last_ns < bounds.end_ns;
        assert!(inside && facts.first_ns <= facts.last_ns, "{bounds:?}: {facts:?}");
    }
    assert_eq!(found.len(), collected.records.len(), "one record for each window and flow");
    assert!(found == expected, "records of {} flows and windows, expected {}", found.len(), expected.len());

    let all = collected.proved("traffic");
    let sent = expected.values().fold(Amount::default(), |sum, flow| sum.plus(*flow));
    assert_eq!(all, Equation { offered: sent, accepted: sent, ..Equation::default() });
    assert_eq!((sent.packets, collected.seals.len()), (200_000, 31));
    assert!(replayed.statistics.offloaded > 1_000, "the hardware counted: {:?}", replayed.statistics);
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    let batch = traffic();
    let run = || {
        let collected = replay(config(1), &batch).collected;
        let seals = format!("{:?}", collected.seals);
        let facts = format!("{:?}", collected.records);
        (collected.text, seals, facts)
    };
    let (first, second) = (run(), run());
    assert!(first.0 == second.0, "the same lines");
    assert!(first.1 == second.1, "the same seals");
    assert!(first.2 == second.2, "the same facts of every record");
}
