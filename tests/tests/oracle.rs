//! Real traffic against an independent count: the public captures and what tshark counted in them.
//!
//! `shared/data/README.md` says where the captures are from and how each is to be compared. They are
//! not part of the repository; what is generated below covers the same rules without them.

use firmware_abi::key::protocol;
use flowlog::catalogue::WindowSeconds;
use flowlog::conservation::{Amount, Equation};
use flowlog::record::WindowBounds;
use sim::capture::{Capture, CaptureErrorKind, PcapWriter};
use sim::frames::FrameBatch;
use std::collections::BTreeMap;
use std::path::Path;
use weir::config::Config;
use weir_tests::packets::{
    ACK, ARP, ETHERNET_BYTES, IPV4, IPV4_BYTES, IPV6, IPV6_BYTES, Packet, QINQ, SYN, VLAN, ethernet, icmp, sctp, tcp,
    udp,
};
use weir_tests::replaying::{FiveTuple, Replayed, captures, read_capture, replay};

const EXACT: [&str; 16] = [
    "synscan.pcap",
    "tls-v4-v6.pcap",
    "many-protocols.pcap",
    "fragments-sctp.pcap",
    "fragments-garbage.pcap",
    "ipv6-fragments.pcap",
    "ipv6-web.pcap",
    "ipv6-esp.pcap",
    "sctp.pcap",
    "igmp-options.pcap",
    "qinq-zoom.pcap",
    "pppoe-qinq.pcap",
    "gnutella.pcap",
    "mixed-synthetic.pcap",
    "dhcp.pcap",
    "dhcpv6.pcap",
];
const HOSTILE: [&str; 3] = ["fuzzed.pcap", "truncated-frames.pcap", "mail.pcapng"];
const WINDOWS: [u64; 3] = [1, 60, 300];

/// The NIC keeps times in steps of 50 µs; tshark's are rounded to 1 µs.
const TIME_STEP_NS: u64 = 51_000;

/// What tshark counted.
#[derive(Debug, Default)]
struct Oracle {
    flows: BTreeMap<FiveTuple, (Amount, WindowBounds)>,
    non_ip: u64,
    malformed: u64,
    excluded: u64,
}

impl Oracle {
    fn read(path: &Path) -> Self {
        let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let mut oracle = Self::default();
        for line in text.lines() {
            let fields: Vec<&str> = line.split('\t').collect();
            if let ["#", counts @ ..] = fields.as_slice() {
                let count = |name: &str| number(counts.iter().find_map(|count| count.strip_prefix(name)), line);
                oracle.non_ip = count("non_ip=");
                oracle.malformed = count("malformed=");
                oracle.excluded = count("excluded=");
                continue;
            }
            let [src, dst, src_port, dst_port, protocol, packets, bytes, first, last] = fields[..] else {
                panic!("{line}: not 9 fields");
            };
            let address = |text: &str| text.parse().unwrap_or_else(|error| panic!("{line}: {error}"));
            let port = |text| number(Some(text), line) as u16;
            let key = (address(src), address(dst), port(src_port), port(dst_port), port(protocol) as u8);
            let amount = Amount { packets: number(Some(packets), line), bytes: number(Some(bytes), line) };
            let times = WindowBounds { start_ns: nanoseconds(first, line), end_ns: nanoseconds(last, line) };
            assert!(oracle.flows.insert(key, (amount, times)).is_none(), "{line}: twice");
        }
        oracle
    }
}

fn number(text: Option<&str>, line: &str) -> u64 {
    text.and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("{line}: found {text:?}, expected a number"))
}

/// Seconds with six decimals.
fn nanoseconds(text: &str, line: &str) -> u64 {
    let (seconds, micros) = text.split_once('.').unwrap_or_else(|| panic!("{line}: {text}"));
    number(Some(seconds), line) * 1_000_000_000 + number(Some(micros), line) * 1_000
}

fn with_window(seconds: u64) -> Config {
    let mut config = Config::default_promiscuous();
    config.settings.window = WindowSeconds::new(seconds).expect("a capture window is 1 to 600 s");
    config
}

/// The directory of the captures, or a loud word that they are not there.
fn captures_or_skip(what: &str) -> Option<std::path::PathBuf> {
    let found = captures();
    if found.is_none() {
        eprintln!("SKIPPED: {what}: the public captures are not there (set WEIR_CAPTURES)");
    }
    found
}

fn read_whole(path: &Path) -> FrameBatch {
    let capture = Capture::open(path).unwrap_or_else(|error| panic!("{error}"));
    let (batch, error) = read_capture(capture);
    assert_eq!(error, None, "{}", path.display());
    batch
}

fn is_in_order(batch: &FrameBatch) -> bool {
    batch.iter().zip(batch.iter().skip(1)).all(|(before, after)| before.time_ns <= after.time_ns)
}

/// First and last packet over all records of each 5-tuple.
fn times(replayed: &Replayed) -> BTreeMap<FiveTuple, WindowBounds> {
    let mut times: BTreeMap<FiveTuple, WindowBounds> = BTreeMap::new();
    for (_, _, facts) in &replayed.collected.records {
        let now = WindowBounds { start_ns: facts.first_ns, end_ns: facts.last_ns };
        let seen = times.entry(replayed.collected.five_tuple(facts)).or_insert(now);
        seen.start_ns = seen.start_ns.min(now.start_ns);
        seen.end_ns = seen.end_ns.max(now.end_ns);
    }
    times
}

fn compare(place: &str, batch: &FrameBatch, replayed: &Replayed, oracle: &Oracle) {
    let expected: BTreeMap<FiveTuple, Amount> = oracle.flows.iter().map(|(key, (amount, _))| (*key, *amount)).collect();
    let found = replayed.collected.sums();
    for (key, amount) in &expected {
        assert_eq!(found.get(key), Some(amount), "{place}: {key:?}");
    }
    let beside: Vec<_> = found.keys().filter(|key| !expected.contains_key(key)).collect();
    assert!(beside.is_empty(), "{place}: records of flows that tshark has not seen: {beside:?}");

    let all = replayed.collected.proved(place);
    let aside = [all.non_ip, all.malformed, all.excluded].map(|amount| amount.packets);
    assert_eq!(aside, [oracle.non_ip, oracle.malformed, oracle.excluded], "{place}: non-IP, malformed, excluded");
    let nowhere = [all.policed, all.rejected, all.skipped];
    assert_eq!(nowhere, [Amount::default(); 3], "{place}: policed, REJECT, skipped");
    assert_eq!(all.offered.packets, batch.len() as u64, "{place}: every frame entered");

    // Where a capture goes back in time, the NIC does not.
    if is_in_order(batch) {
        for (key, times) in times(replayed) {
            let expected = oracle.flows[&key].1;
            let near = |found: u64, expected: u64| found.abs_diff(expected) <= TIME_STEP_NS;
            let right = near(times.start_ns, expected.start_ns) && near(times.end_ns, expected.end_ns);
            assert!(right, "{place}: {key:?}: found {times:?}, expected {expected:?}");
        }
    }
}

fn compare_all(seconds: u64) {
    let Some(directory) = captures_or_skip("real traffic against tshark") else { return };
    for name in EXACT {
        let batch = read_whole(&directory.join(name));
        let oracle = Oracle::read(&directory.join(format!("{name}.flows.tsv")));
        let replayed = replay(with_window(seconds), &batch);
        compare(&format!("{name}, windows of {seconds} s"), &batch, &replayed, &oracle);
    }
}

#[test]
fn records_of_real_traffic_equal_tsharks_count_in_windows_of_1_s() {
    compare_all(WINDOWS[0]);
}

#[test]
fn records_of_real_traffic_equal_tsharks_count_in_windows_of_60_s() {
    compare_all(WINDOWS[1]);
}

#[test]
fn records_of_real_traffic_equal_tsharks_count_in_windows_of_300_s() {
    compare_all(WINDOWS[2]);
}

#[test]
fn every_frame_of_a_hostile_capture_is_accounted_for() {
    let Some(directory) = captures_or_skip("hostile captures") else { return };
    for name in HOSTILE {
        let batch = read_whole(&directory.join(name));
        for seconds in WINDOWS {
            let place = format!("{name}, windows of {seconds} s");
            let all = replay(with_window(seconds), &batch).collected.proved(&place);
            assert_eq!(all.offered.packets, batch.len() as u64, "{place}: every frame entered");
            assert_eq!(all.skipped, Amount::default(), "{place}: skipped");
        }
    }
}

/// The second packet's record header has an impossible length. The shared TSV counts two frames
/// without IP: Wireshark, whose reader made it, guesses another form of record header than the
/// file's magic number names. By the magic number there is one packet, and it is IP.
#[test]
fn what_comes_before_a_corrupt_place_is_counted_and_the_error_names_the_place() {
    let Some(directory) = captures_or_skip("a corrupt capture") else { return };
    let path = directory.join("corrupt-file.pcap");
    let (batch, error) = read_capture(Capture::open(&path).expect("its header is sound"));
    let error = error.expect("the second packet is damaged");
    assert_eq!(error.kind, CaptureErrorKind::ImpossiblePacketLength { found: 0x53fe_6000 });
    // 24 of the file header, 16 of the record header, 188 of the first packet.
    assert_eq!(error.offset, 24 + 16 + 188);
    assert_eq!(error.file, path.display().to_string());

    let replayed = replay(with_window(60), &batch);
    let all = replayed.collected.proved("corrupt-file.pcap");
    let one = Amount { packets: 1, bytes: 174 };
    assert_eq!(all, Equation { offered: one, accepted: one, ..Equation::default() });
    let lines = replayed.collected.lines();
    assert_eq!(lines, ["2 0 eni-00000000 192.168.0.0 0.0.16.64 256 0 6 1 174 1508525002 1508525002 ACCEPT OK"]);
}

// ---- Generated captures: what is in each frame is known, since it was put there. ----

/// A capture and what must come of it.
#[derive(Default)]
struct Script {
    frames: Vec<(u32, Vec<u8>)>,
    flows: BTreeMap<FiveTuple, Amount>,
    aside: Equation,
}

impl Script {
    /// A packet that counts in the flow with these ports.
    fn flow(&mut self, packet: &Packet, ports: (u16, u16)) {
        self.tagged_flow(packet, &[], ports);
    }

    fn tagged_flow(&mut self, packet: &Packet, tags: &[u16], ports: (u16, u16)) {
        let key = (packet.src, packet.dst, ports.0, ports.1, packet.protocol);
        self.flows.entry(key).or_default().add(1, packet.layer3().len() as u64);
        self.whole(packet.tagged(tags));
    }

    fn excluded(&mut self, packet: &Packet) {
        self.aside.excluded.add(1, packet.layer3().len() as u64);
        self.whole(packet.frame());
    }

    /// A frame whose layer 3 starts at byte `layer3`.
    fn non_ip(&mut self, frame: Vec<u8>, layer3: usize) {
        self.aside.non_ip.add(1, frame.len().saturating_sub(layer3) as u64);
        self.whole(frame);
    }

    fn malformed(&mut self, layer3: &[u8], ethertype: u16) {
        self.aside.malformed.add(1, layer3.len() as u64);
        self.whole(ethernet(&[], ethertype, layer3));
    }

    fn whole(&mut self, frame: Vec<u8>) {
        self.frames.push((frame.len() as u32, frame));
    }

    /// Through a capture file and the NIC, in windows of each length.
    fn check(self, what: &str) {
        let mut written = FrameBatch::new();
        for (number, (wire_length, bytes)) in (0_u64..).zip(&self.frames) {
            written.push(1_700_000_000_123_456_789 + number * 150_000_000, *wire_length, bytes);
        }
        let mut writer = PcapWriter::new(Vec::new(), 0);
        for frame in &written {
            writer.write(frame).expect("a vector takes it");
        }
        let file = std::io::Cursor::new(writer.finish().expect("a vector takes it"));
        let (batch, error) = read_capture(Capture::from_reader(what, file).expect("it is a capture"));
        assert_eq!((error, batch.len()), (None, self.frames.len()), "{what}");
        for seconds in WINDOWS {
            let place = format!("{what}, windows of {seconds} s");
            let replayed = replay(with_window(seconds), &batch);
            assert_eq!(replayed.collected.sums(), self.flows, "{place}");
            let found = replayed.collected.proved(&place);
            let accepted = self.flows.values().fold(Amount::default(), |sum, flow| sum.plus(*flow));
            let expected = Equation { accepted, ..self.aside };
            assert_eq!(found, Equation { offered: expected.accounted(), ..expected }, "{place}");
        }
    }
}

const A4: &str = "10.1.0.1";
const B4: &str = "10.1.0.2";
const A6: &str = "2001:db8::1";
const B6: &str = "2001:db8::2";
const GRE: u8 = 47;
const ESP: u8 = 50;
const NO_NEXT_HEADER: u8 = 59;

/// The same, over IPv4 and over IPv6.
fn both_versions(mut each: impl FnMut(&'static str, &'static str)) {
    each(A4, B4);
    each(A6, B6);
}

#[test]
fn up_to_two_vlan_tags_are_looked_behind_and_never_counted() {
    let mut script = Script::default();
    both_versions(|a, b| {
        let packet = Packet::tcp(a, b, (40_000, 443), ACK, 100);
        for tags in [&[][..], &[VLAN], &[QINQ], &[QINQ, VLAN], &[VLAN, VLAN]] {
            script.tagged_flow(&packet, tags, (40_000, 443));
        }
        script.non_ip(packet.tagged(&[QINQ, VLAN, VLAN]), ETHERNET_BYTES + 8);
    });
    script.check("tags");
}

#[test]
fn every_ip_protocol_is_a_flow_and_only_three_have_ports() {
    let mut script = Script::default();
    both_versions(|a, b| {
        script.flow(&Packet::tcp(a, b, (1, 2), SYN, 0), (1, 2));
        script.flow(&Packet::tcp(a, b, (1, 2), ACK, 1_400), (1, 2));
        script.flow(&Packet::udp(a, b, (3, 4), 7), (3, 4));
        for _ in 0..3 {
            script.flow(&Packet::new(a, b, protocol::SCTP, sctp(5, 6, 16)), (5, 6));
        }
        for ip_protocol in [0xfd, ESP, GRE, NO_NEXT_HEADER, 89] {
            script.flow(&Packet::new(a, b, ip_protocol, vec![0x77; 40]), (0, 0));
            script.flow(&Packet::new(a, b, ip_protocol, Vec::new()), (0, 0));
        }
        // A TCP header cut off behind its ports by a tiny packet still has them.
        script.flow(&Packet::new(a, b, protocol::TCP, vec![0, 9, 0, 8]), (9, 8));
    });
    for (kind, identifier) in [(8, 1), (0, 1), (8, 2), (3, 0), (11, 0)] {
        script.flow(&Packet::new(A4, B4, protocol::ICMP, icmp(kind, identifier, 56)), (0, 0));
        script.flow(&Packet::new(A6, B6, protocol::ICMPV6, icmp(kind + 120, identifier, 16)), (0, 0));
    }
    script.flow(&Packet::new(A4, "224.0.0.2", 2, vec![0x16; 8]).with_options(1), (0, 0));
    script.flow(&Packet::udp(A4, "255.255.255.255", (137, 137), 50), (137, 137));
    script.flow(&Packet::udp(A6, "ff02::fb", (5353, 5353), 50), (5353, 5353));
    script.check("protocols");
}

#[test]
fn options_and_extension_headers_are_walked_and_padding_is_not_counted() {
    let mut script = Script::default();
    for words in 0..=10 {
        let packet = Packet::udp(A4, B4, (1_000, 53), 30).with_options(words);
        script.flow(&packet, (1_000, 53));
    }
    for extensions in [&[0][..], &[43], &[60], &[51], &[0, 43, 60], &[0, 60, 43, 51]] {
        script.flow(&Packet::tcp(A6, B6, (5, 6), SYN, 9).with_extensions(extensions), (5, 6));
        script.flow(&Packet::new(A6, B6, ESP, vec![1; 24]).with_extensions(extensions), (0, 0));
    }
    let five = Packet::tcp(A6, B6, (5, 6), SYN, 9).with_extensions(&[0, 60, 43, 60, 60]);
    script.malformed(&five.layer3(), IPV6);
    let short = Packet::udp(A4, B4, (7, 7), 1);
    let mut padded = short.frame();
    padded.resize(60, 0xee);
    let key = (short.src, short.dst, 7, 7, protocol::UDP);
    script.flows.insert(key, Amount { packets: 1, bytes: short.layer3().len() as u64 });
    script.whole(padded);
    script.check("options");
}

#[test]
fn a_later_fragment_has_the_ports_of_its_first_one_if_that_came_before_it() {
    let mut script = Script::default();
    both_versions(|a, b| {
        for (ip_protocol, header) in
            [(protocol::UDP, udp(10, 11, 0)), (protocol::TCP, tcp(10, 11, ACK, 0)), (protocol::SCTP, sctp(10, 11, 0))]
        {
            let mut payload = header;
            payload.resize(3_000, 0);
            let datagram = Packet::new(a, b, ip_protocol, payload);
            // In order, and two datagrams mixed.
            for (identification, from, bytes) in
                [(1, 0, 1_480), (2, 0, 1_480), (1, 1_480, 1_480), (2, 2_960, 40), (1, 2_960, 40), (2, 1_480, 1_480)]
            {
                script.flow(&datagram.piece(identification, from, bytes), (10, 11));
            }
            // Out of order: only what follows the first one has its ports.
            script.flow(&datagram.piece(3, 1_480, 1_480), (0, 0));
            script.flow(&datagram.piece(3, 0, 1_480), (10, 11));
            script.flow(&datagram.piece(3, 2_960, 40), (10, 11));
            // Without a first one; and one of the other direction with the same number.
            script.flow(&datagram.piece(4, 1_480, 1_480), (0, 0));
            let back = Packet { src: datagram.dst, dst: datagram.src, ..datagram.clone() };
            script.flow(&back.piece(1, 2_960, 40), (0, 0));
        }
        let other = Packet::new(a, b, GRE, vec![0; 2_000]);
        script.flow(&other.piece(5, 0, 1_480), (0, 0));
        script.flow(&other.piece(5, 1_480, 520), (0, 0));
        let big_ping = Packet::new(a, b, if a == A4 { 1 } else { 58 }, icmp(128, 3, 2_000));
        script.flow(&big_ping.piece(6, 0, 1_480), (0, 0));
        script.flow(&big_ping.piece(6, 1_480, 528), (0, 0));
    });
    // The only fragment of its datagram: whole.
    let atomic = Packet::udp(A6, B6, (20, 21), 100);
    script.flow(&atomic.piece(7, 0, atomic.payload.len()).with_extensions(&[0]), (20, 21));
    script.check("fragments");
}

#[test]
fn dhcp_is_excluded_and_what_only_looks_like_it_is_not() {
    let mut script = Script::default();
    for ports in [(68, 67), (67, 68), (67, 67)] {
        script.excluded(&Packet::udp("0.0.0.0", "255.255.255.255", ports, 300));
    }
    for ports in [(546, 547), (547, 546)] {
        script.excluded(&Packet::udp("fe80::1", "ff02::1:2", ports, 60));
    }
    let long = Packet::udp(A4, B4, (67, 68), 2_000);
    script.excluded(&long.piece(9, 0, 1_480));
    script.excluded(&long.piece(9, 1_480, 528));
    for ports in [(67, 53), (1_068, 67), (68, 546)] {
        script.flow(&Packet::udp(A4, B4, ports, 10), ports);
    }
    script.flow(&Packet::tcp(A4, B4, (68, 67), SYN, 0), (68, 67));
    script.check("DHCP");
}

#[test]
fn frames_without_ip_are_counted_as_such() {
    let mut script = Script::default();
    script.non_ip(ethernet(&[], ARP, &[0; 28]), ETHERNET_BYTES);
    script.non_ip(ethernet(&[VLAN], ARP, &[0; 42]), ETHERNET_BYTES + 4);
    // PPPoE and MPLS with IP in them, LLDP, an IEEE 802.3 length.
    let inner = Packet::tcp(A4, B4, (1, 2), ACK, 5).layer3();
    for ethertype in [0x8864, 0x8847, 0x88cc, 0x0040] {
        script.non_ip(ethernet(&[], ethertype, &inner), ETHERNET_BYTES);
    }
    // Too short to have an EtherType, or one behind a tag.
    script.non_ip(vec![0xff; 13], ETHERNET_BYTES);
    script.non_ip(ethernet(&[VLAN], IPV4, &[])[..16].to_vec(), ETHERNET_BYTES);
    script.check("non-IP");
}

#[test]
fn broken_packets_are_counted_as_malformed() {
    let mut script = Script::default();
    let good4 = Packet::tcp(A4, B4, (1, 2), ACK, 20).layer3();
    let good6 = Packet::tcp(A6, B6, (1, 2), ACK, 20).layer3();
    let with = |packet: &[u8], at: usize, bytes: &[u8]| {
        let mut packet = packet.to_vec();
        packet[at..at + bytes.len()].copy_from_slice(bytes);
        packet
    };
    // Total length: 0, below the header, below the header with options, beyond the frame.
    for total in [0_u16, 19, good4.len() as u16 + 1, u16::MAX] {
        script.malformed(&with(&good4, 2, &total.to_be_bytes()), IPV4);
    }
    script.malformed(&with(&with(&good4, 0, &[0x46]), 2, &[0, 23]), IPV4);
    // A header of four words; the other version, either way.
    script.malformed(&with(&good4, 0, &[0x44]), IPV4);
    script.malformed(&with(&good4, 0, &[0x65]), IPV4);
    script.malformed(&with(&good6, 0, &[0x40]), IPV6);
    // A payload beyond the frame; extension headers beyond the payload.
    script.malformed(&with(&good6, 4, &[0xff, 0xff]), IPV6);
    script.malformed(&with(&with(&good6, 6, &[60]), 41, &[9]), IPV6);
    // Cut off inside the IP header, and no byte behind Ethernet.
    for bytes in [0, 1, IPV4_BYTES - 1] {
        script.malformed(&good4[..bytes], IPV4);
    }
    for bytes in [0, 1, IPV6_BYTES - 1] {
        script.malformed(&good6[..bytes], IPV6);
    }
    // Too short for ports.
    for ip_protocol in [protocol::TCP, protocol::UDP, protocol::SCTP] {
        script.malformed(&Packet::new(A4, B4, ip_protocol, vec![0; 3]).layer3(), IPV4);
        script.malformed(&Packet::new(A6, B6, ip_protocol, vec![0; 3]).layer3(), IPV6);
    }
    script.check("malformed");
}

#[test]
fn a_frame_cut_short_by_the_capture_counts_in_full_if_its_headers_are_there() {
    let mut script = Script::default();
    both_versions(|a, b| {
        let packet = Packet::tcp(a, b, (1, 2), ACK, 1_400);
        let (frame, bytes) = (packet.frame(), packet.layer3().len());
        let key = (packet.src, packet.dst, 1, 2, protocol::TCP);
        let headers = frame.len() - packet.payload.len();
        for held in [headers + 4, headers + 20, 200, frame.len()] {
            script.flows.entry(key).or_default().add(1, bytes as u64);
            script.frames.push((frame.len() as u32, frame[..held].to_vec()));
        }
        // Without the ports nobody knows the flow.
        for held in [ETHERNET_BYTES, headers - 1, headers + 3] {
            script.aside.malformed.add(1, bytes as u64);
            script.frames.push((frame.len() as u32, frame[..held].to_vec()));
        }
    });
    script.check("cut short");
}
