//! The limits of an instance's model: twice the load offered, egress shows it all, ingress what was
//! admitted, and what a limit stopped has a name and a counter.

use firmware_abi::key::Direction::{self, Egress, Ingress};
use firmware_abi::time::SECOND_NS;
use flowlog::conservation::{Amount, Equation, LimitDrops};
use flowlog::record::Action;
use sim::card::{Card, Frame, Parameters, SimDevice};
use sim::faults::Fuse;
use sim::frames::FrameBatch;
use sim::generate::{Generator, ProtocolWeights, Spec};
use sim::wire::Wire;
use std::convert::Infallible;
use std::rc::Rc;
use weir::assembly::{Assembly, assemble};
use weir::config::Config;
use weir::meter::Meter;
use weir_tests::archive::Archive;
use weir_tests::nic;

const START_NS: u64 = 1_700_000_000 * SECOND_NS;

/// One VPC, in which `instances` and `enis` are.
fn config(instances: &str, enis: &str) -> Config {
    let text = format!(
        r#"
settings.window = "1s"
settings.nic.slots_log2 = 14
account = [{{ id = "1251762227" }}]
vpc = [{{ id = "vpc-main", account = "1251762227", cidrs = ["192.168.0.0/16"] }}]
subnet = [{{ id = "subnet-main", vpc = "vpc-main", cidrs = ["192.168.0.0/24"] }}]
flow_log = [{{ id = "fl-all", scope = "vpc-main", destinations = ["stdout"] }}]
instance = [{instances}]
eni = [{enis}]
"#
    );
    Config::parse("limits.toml", &text).expect("a sound configuration")
}

/// The ENI of the generator's host number `host`.
fn eni(host: u8, instance: &str) -> String {
    let last = host + 1;
    let place =
        format!(r#"subnet = "subnet-main", mac = "02:00:00:01:00:{last:02x}", addresses = ["192.168.0.{last}"]"#);
    let instance = if instance.is_empty() { String::new() } else { format!(r#", instance = "{instance}""#) };
    format!(r#"{{ id = "eni-0000000{host}", {place}{instance} }},"#)
}

fn instance(id: &str, model: &str) -> String {
    format!(r#"{{ id = "{id}", model = "{model}", region = "ap-guangzhou" }},"#)
}

/// A NIC that is set up as a configuration says, and what comes out of it.
struct Bench {
    card: Rc<Card>,
    meter: Meter<SimDevice>,
    wire: Wire,
    archive: Archive,
    /// Frames that left the NIC, by direction, if they are kept.
    forwarded: [u64; 2],
}

impl Bench {
    fn new(config: &Config, change: impl FnOnce(&mut Assembly)) -> Self {
        let mut assembly = assemble(config, START_NS).expect("sound rules");
        change(&mut assembly);
        let enis_log2 = assembly.enis.len().next_power_of_two().trailing_zeros();
        let parameters = Parameters { slots_log2: config.settings.nic.slots_log2, enis_log2 };
        let card = nic::card(parameters);
        let device = Rc::new(card.device());
        let meter = Meter::attach::<Infallible>(device, &assembly.meter, assembly.enis, assembly.subscriptions);
        let meter = meter.expect("the NIC can be had").0;
        assert_eq!(meter.faults().commands, 0, "the NIC takes every ENI");
        let (wire, archive) = (Wire::new(&assembly.taps), Archive::new(Fuse::new()));
        Self { card, meter, wire, archive, forwarded: [0; 2] }
    }

    /// Gives the NIC frames.
    fn offer(&mut self, frames: &[Frame<'_>]) {
        for batch in frames.chunks(64) {
            let polled = self.card.offer(batch, || self.meter.poll(self.card.now_ns(), &mut self.archive));
            polled.expect("the meter goes on");
        }
        self.count_sent();
    }

    fn count_sent(&mut self) {
        for sent in self.card.take_sent() {
            self.forwarded[sent.direction.index()] += 1;
        }
    }

    /// Sends generated traffic.
    fn generate(&mut self, spec: &Spec) {
        let mut generator = Generator::new(spec).expect("the figures are in range");
        let mut batch = FrameBatch::new();
        while generator.read_into(&mut batch, 4096) > 0 {
            let framed = |frame: sim::frames::Frame<'_>| {
                let route = self.wire.route(&frame);
                let (vport, direction) = route.egress.map_or((route.ingress, Ingress), |vport| (Some(vport), Egress));
                (vport.expect("it concerns an ENI"), direction)
            };
            let ways: Vec<(u16, Direction)> = batch.iter().map(framed).collect();
            let ready = |(frame, (vport, direction)): (sim::frames::Frame<'_>, (u16, Direction))| {
                (frame.time_ns, frame.wire_length, frame.bytes.to_vec(), vport, direction)
            };
            let ready: Vec<_> = batch.iter().zip(ways).map(ready).collect();
            let frames: Vec<Frame<'_>> = ready
                .iter()
                .map(|(time_ns, wire_length, bytes, vport, direction)| Frame {
                    time_ns: *time_ns,
                    wire_length: *wire_length,
                    bytes,
                    vport: *vport,
                    direction: *direction,
                })
                .collect();
            self.offer(&frames);
            batch.clear();
        }
    }

    /// Sends a UDP packet of `bytes` bytes at layer 3 between client `client` and an ENI.
    fn udp(&mut self, after_ns: u64, vport: u16, direction: Direction, client: u16, bytes: u16) {
        let frame = udp(client, bytes);
        let (time_ns, wire_length) = (START_NS + after_ns, u32::from(bytes) + 14);
        self.offer(&[Frame { time_ns, wire_length, bytes: &frame, vport, direction }]);
    }

    fn advance(&mut self, after_ns: u64) {
        let polled = self.card.advance(START_NS + after_ns, || self.meter.poll(self.card.now_ns(), &mut self.archive));
        polled.expect("the meter goes on");
        self.count_sent();
    }

    /// Publishes everything and checks that it adds up, that nothing was lost, and that no limit made a REJECT.
    fn finish(&mut self) {
        let end_ns = (self.card.now_ns() / SECOND_NS + 2) * SECOND_NS;
        self.advance(end_ns - START_NS);
        self.archive.check();
        let rejected = self.archive.total(|proof| proof.equation.rejected.packets);
        let skipped = self.archive.total(|proof| proof.equation.skipped.packets);
        assert_eq!((rejected, skipped), (0, 0), "a limit is no REJECT, and nothing is lost");
        assert!(self.archive.sums().keys().all(|(_, _, action)| *action == Action::Accept.as_str()));
        assert_eq!((self.meter.faults().commands, self.meter.faults().records), (0, 0));
    }

    /// The equation of an ENI's direction, over all windows.
    fn equation(&self, vport: u16, direction: Direction) -> Equation {
        let mut sum = Equation::default();
        let of = |proof: &&flowlog::conservation::Proof| (proof.vport, proof.direction) == (vport, direction);
        self.archive.proofs().filter(of).for_each(|proof| sum.add(&proof.equation));
        sum
    }

    /// The sum of a drop counter of an ENI's direction.
    fn drops(&self, vport: u16, direction: Direction, which: impl Fn(&LimitDrops) -> u64) -> u64 {
        let of = |proof: &&flowlog::conservation::Proof| (proof.vport, proof.direction) == (vport, direction);
        self.archive.proofs().filter(of).map(|proof| which(&proof.limits)).sum()
    }
}

/// The header of a UDP packet over IPv4 between client `client` and one server.
fn udp(client: u16, bytes: u16) -> [u8; 60] {
    let mut frame = [0; 60];
    frame[12..16].copy_from_slice(&[8, 0, 0x45, 0]);
    frame[16..18].copy_from_slice(&bytes.to_be_bytes());
    frame[22..24].copy_from_slice(&[64, 17]);
    frame[26..30].copy_from_slice(&[10, 0, 0, 1]);
    frame[30..34].copy_from_slice(&[192, 168, 0, 1]);
    frame[34..36].copy_from_slice(&client.to_be_bytes());
    frame[36..38].copy_from_slice(&9_000_u16.to_be_bytes());
    frame[38..40].copy_from_slice(&(bytes - 20).to_be_bytes());
    frame
}

/// Traffic of both directions at a rate.
fn traffic(packets_per_second: u64, seconds: u64) -> Spec {
    Spec {
        packets: packets_per_second * seconds,
        flows: 1_000,
        start_ns: START_NS,
        packets_per_second,
        ipv6_share: 0.0,
        vlan_share: 0.0,
        scan_share: 0.0,
        hosts: 1,
        protocols: ProtocolWeights { tcp: 80, udp: 20, icmp: 0 },
        ..Spec::default()
    }
}

/// Whether `admitted` is what a bucket with a burst of 1/20 s gives of a load that is always above its rate.
#[track_caller]
fn assert_admitted(admitted: u64, rate: u64, seconds: u64, slack: u64) {
    let (least, most) = (rate * seconds - slack, rate * seconds + rate / 20);
    assert!((least..=most).contains(&admitted), "{admitted} admitted, expected {least} to {most}");
}

#[test]
fn twice_the_packets_per_second_shows_what_was_offered_out_and_what_was_admitted_in() {
    let config = config(&instance("ins-one", "S3.LARGE8"), &eni(0, "ins-one"));
    let mut bench = Bench::new(&config, |assembly| assert_eq!(assembly.enis[0].limits.packets_per_second, 450_000));
    let seconds = 2;
    bench.card.keep_sent(true);
    bench.generate(&traffic(2 * 450_000, seconds));
    bench.finish();
    let (inward, outward) = (bench.equation(0, Ingress), bench.equation(0, Egress));
    assert_eq!(inward.offered.packets + outward.offered.packets, 900_000 * seconds);
    assert_eq!(outward.accepted, outward.offered, "egress is recorded before the limiter");
    assert_eq!(inward.offered, inward.accepted.plus(inward.policed), "ingress is recorded behind it");
    let policed = bench.drops(0, Ingress, |limits| limits.policed_packet_rate);
    let shaped = bench.drops(0, Egress, |limits| limits.shaped_packet_rate);
    assert_eq!(policed, inward.policed.packets, "every drop has its reason");
    assert!(policed > 100_000 && shaped > 100_000, "{policed} policed, {shaped} shaped");
    assert_admitted(inward.accepted.packets + outward.accepted.packets - shaped, 450_000, seconds, 1);
    assert_eq!(bench.forwarded, [inward.accepted.packets, outward.accepted.packets - shaped]);
    for direction in Direction::ALL {
        assert_eq!(bench.drops(0, direction, |limits| limits.policed_bit_rate + limits.shaped_bit_rate), 0);
        assert_eq!(bench.drops(0, direction, |limits| limits.connection_limit + limits.new_flow_rate), 0);
    }
    let other = bench.drops(0, Ingress, |limits| limits.shaped_packet_rate);
    assert_eq!(other + bench.drops(0, Egress, |limits| limits.policed_packet_rate), 0);
}

#[test]
fn twice_the_bits_per_second_of_each_direction_is_admitted_by_half_whatever_the_other_does() {
    const BYTES: u64 = 6_000;
    let config = config(&instance("ins-one", "S3.LARGE8"), &eni(0, "ins-one"));
    let rate = 1_500_000_000 / 8;
    let mut bench = Bench::new(&config, |assembly| {
        assert_eq!(u64::from(assembly.enis[0].limits.kilobits_per_second) * 125, rate);
    });
    bench.card.keep_sent(true);
    let packets = 2 * rate / BYTES;
    for number in 0..packets {
        for direction in Direction::ALL {
            bench.udp(number * SECOND_NS / packets, 0, direction, number as u16 % 16, BYTES as u16);
        }
    }
    bench.finish();
    let (inward, outward) = (bench.equation(0, Ingress), bench.equation(0, Egress));
    let offered = Amount { packets, bytes: packets * BYTES };
    assert_eq!((inward.offered, outward.offered, outward.accepted), (offered, offered, offered));
    let policed = bench.drops(0, Ingress, |limits| limits.policed_bit_rate);
    let shaped = bench.drops(0, Egress, |limits| limits.shaped_bit_rate);
    assert_eq!(inward.policed, Amount { packets: policed, bytes: policed * BYTES });
    assert_admitted(inward.accepted.bytes, rate, 1, BYTES);
    assert_admitted(offered.bytes - shaped * BYTES, rate, 1, BYTES);
    assert_eq!(bench.forwarded, [packets - policed, packets - shaped]);
    for direction in Direction::ALL {
        assert_eq!(bench.drops(0, direction, |limits| limits.policed_packet_rate + limits.shaped_packet_rate), 0);
    }
}

/// What two ENIs are let in of 150,000 packets a second each, for a second.
fn admitted_of_two(instances: &str, of: [&str; 2]) -> [u64; 2] {
    let config = config(instances, &[eni(0, of[0]), eni(1, of[1])].concat());
    let mut bench = Bench::new(&config, |_| {});
    for number in 0..150_000 {
        for vport in [0, 1] {
            bench.udp(number * SECOND_NS / 150_000, vport, Ingress, number as u16 % 16, 60);
        }
    }
    bench.finish();
    [0, 1].map(|vport| {
        let equation = bench.equation(vport, Ingress);
        assert_eq!(equation.offered.packets, 150_000);
        assert_eq!(equation.policed.packets, bench.drops(vport, Ingress, |limits| limits.policed_packet_rate));
        equation.accepted.packets
    })
}

#[test]
fn two_enis_of_one_instance_share_its_bucket_and_two_instances_do_not() {
    let both = admitted_of_two(&instance("ins-one", "S3.SMALL1"), ["ins-one", "ins-one"]);
    assert_admitted(both[0] + both[1], 200_000, 1, 1);
    let two = instance("ins-one", "S3.SMALL1") + &instance("ins-two", "S3.SMALL1");
    assert_eq!(admitted_of_two(&two, ["ins-one", "ins-two"]), [150_000; 2]);
    assert_eq!(admitted_of_two(&two, ["ins-two", ""]), [150_000; 2], "without an instance there is no limit");
}

#[test]
fn instances_that_have_no_eni_take_no_number_of_the_nic() {
    let idle: String = ["ins-a", "ins-b", "ins-c"].map(|id| instance(id, "S1.SMALL1")).concat();
    let config = config(&(idle + &instance("ins-z", "S3.SMALL1")), &eni(0, "ins-z"));
    let mut bench = Bench::new(&config, |assembly| {
        assert_eq!((assembly.enis[0].instance, &assembly.meter.connections_max[..]), (0, &[125_000][..]));
    });
    bench.udp(0, 0, Ingress, 1, 60);
    bench.finish();
    assert_eq!(bench.equation(0, Ingress).accepted, Amount { packets: 1, bytes: 60 });
}

#[test]
fn connections_over_the_limit_are_dropped_by_name_until_others_are_over() {
    let config = config(&instance("ins-one", "S3.SMALL1"), &eni(0, "ins-one"));
    let mut bench = Bench::new(&config, |assembly| {
        assert_eq!(assembly.meter.connections_max, [125_000]);
        assembly.meter.connections_max = vec![10];
    });
    bench.card.keep_sent(true);
    for packet in 0..3 {
        for client in 0..14 {
            bench.udp(packet * 1_000_000 + u64::from(client), 0, Ingress, client, 60);
        }
        for client in 100..102 {
            bench.udp(packet * 1_000_000 + u64::from(client), 0, Egress, client, 60);
        }
    }
    bench.advance(SECOND_NS + 100_000_000);
    assert_eq!(bench.forwarded, [30, 0], "what is over the limit does not pass");
    let (inward, outward) = (bench.equation(0, Ingress), bench.equation(0, Egress));
    assert_eq!((inward.offered.packets, inward.accepted.packets, inward.policed.packets), (42, 30, 12));
    assert_eq!((outward.offered.packets, outward.accepted.packets), (6, 6), "egress shows what was offered");
    assert_eq!(bench.drops(0, Ingress, |limits| limits.connection_limit), 12);
    assert_eq!(bench.drops(0, Egress, |limits| limits.connection_limit), 6);
    // A UDP flow that was not answered is over after 30 s; one that has a slot, once that was idle for 60 s.
    for second in 2..100 {
        bench.advance(second * SECOND_NS);
    }
    bench.udp(100 * SECOND_NS, 0, Ingress, 12, 60);
    bench.finish();
    assert_eq!(bench.equation(0, Ingress).accepted.packets, 31);
    assert_eq!(bench.drops(0, Ingress, |limits| limits.connection_limit), 12);
}

#[test]
fn an_eni_that_has_used_up_its_slots_goes_on_by_the_slow_path() {
    let config = config(&instance("ins-one", "S3.SMALL1"), &[eni(0, "ins-one"), eni(1, "")].concat());
    let mut bench = Bench::new(&config, |assembly| {
        assert_eq!(assembly.enis[0].limits.slot_quota, 262_144);
        assembly.enis[0].limits.slot_quota = 8;
    });
    for packet in 0..10 {
        for client in 0..50 {
            let after_ns = packet * 10_000_000 + u64::from(client) * 1_000;
            bench.udp(after_ns, 0, Ingress, client, 60);
            bench.udp(after_ns, 1, Ingress, client, 60);
        }
    }
    bench.finish();
    for vport in [0, 1] {
        assert_eq!(bench.equation(vport, Ingress).accepted, Amount { packets: 500, bytes: 30_000 }, "port {vport}");
    }
    let driver = bench.meter.driver();
    assert_eq!((driver.slots_used_by(0), driver.slots_used_by(1)), (8, 50), "only the one with a quota is short");
    let over = driver.slot_counters(Ingress).over_quota;
    assert_eq!(over, 42 * 9, "each packet of the others, from the second on, asked for a slot");
    assert_eq!(bench.meter.statistics().no_slot, over);
}

#[test]
fn a_model_given_on_the_command_line_limits_the_promiscuous_eni() {
    let mut config = Config::default_promiscuous();
    let model = "S3.SMALL1".parse().expect("a model");
    config.catalogue.set_model(&model).expect("it is supported");
    config.settings.nic.slots_log2 = 10;
    let mut bench = Bench::new(&config, |assembly| {
        let limits = assembly.enis[0].limits;
        assert_eq!((limits.packets_per_second, limits.kilobits_per_second), (200_000, 1_500_000));
        assert_eq!((limits.packet_burst, limits.slot_quota), (10_000, 262_144));
        assert_eq!(assembly.meter.connections_max, [125_000]);
        // The window is 300 s without a configuration.
        assembly.meter.window_seconds = 1;
    });
    for number in 0..400_000 {
        bench.udp(number * SECOND_NS / 400_000, 0, Ingress, number as u16 % 16, 60);
    }
    bench.finish();
    let equation = bench.equation(0, Ingress);
    assert_eq!(equation.offered.packets, 400_000);
    assert_admitted(equation.accepted.packets, 200_000, 1, 1);
    assert_eq!(equation.policed.packets, bench.drops(0, Ingress, |limits| limits.policed_packet_rate));
}

#[test]
fn a_model_or_region_without_support_is_refused_with_the_list_of_those_that_have_it() {
    let refused = |model: &str, region: &str| {
        let text = format!("[[instance]]\nid = \"ins-one\"\nmodel = \"{model}\"\nregion = \"{region}\"\n");
        Config::parse("limits.toml", &text).expect_err("it is refused").to_string()
    };
    let models = "S1 S2 S3 M1 M2 M3 I1 I2 I3 C2 C3 CN3 D1";
    let regions = ["ap-guangzhou", "ap-shanghai", "ap-beijing", "ap-chengdu", "na-siliconvalley"];
    for model in ["S5.LARGE8", "D2.2XLARGE32", "SA4.2XLARGE"] {
        let error = refused(model, "ap-guangzhou");
        let (place, listed) = error.split_once(" supported only on ").unwrap_or_else(|| panic!("{error}"));
        assert!(place.starts_with("limits.toml:3:") && place.contains(model), "{error}");
        let mut listed: Vec<&str> = listed.split_whitespace().collect();
        let mut expected: Vec<&str> = models.split_whitespace().collect();
        listed.sort_unstable();
        expected.sort_unstable();
        assert_eq!(listed, expected);
    }
    let error = refused("S3.LARGE8", "eu-frankfurt");
    assert!(error.starts_with("limits.toml:4:") && error.contains("`eu-frankfurt`"), "{error}");
    for region in regions.into_iter().chain(["Guangzhou", "Shanghai", "Beijing", "Chengdu", "Western US"]) {
        assert!(error.contains(region), "{region} is not in: {error}");
    }
    let mut catalogue = Config::default_promiscuous().catalogue;
    let before = format!("{catalogue:?}");
    let error = catalogue.set_model(&"S5.LARGE8".parse().expect("a model")).expect_err("it is refused").to_string();
    assert!(error.contains("S5.LARGE8") && error.contains("CN3"), "{error}");
    assert_eq!(format!("{catalogue:?}"), before, "nothing has changed");
}
