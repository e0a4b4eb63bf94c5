//! The traces that are timed: what the wire can do at its worst, and captures.

use crate::config::Config;
use firmware_abi::key::protocol;
use flowlog::catalogue::ModelName;
use sim::frames::FrameBatch;
use sim::generate::{Generator, ProtocolWeights, Spec};
use sim::lockstep::Wire;
use sim::rtl::SIZES;

/// Frames, and how the NIC that they cross is set up.
#[derive(Clone, Debug)]
pub struct Trace {
    /// What it is called.
    pub name: String,
    /// The set-up.
    pub config: Config,
    /// The frames with their times.
    pub frames: FrameBatch,
}

/// Time of the first generated frame, Unix ns: within a second, so that no window ends too soon.
const START_NS: u64 = 1_700_000_000_100_000_000;
/// Bytes of a frame without FCS: the shortest and the longest that every network takes.
const LENGTHS: std::ops::RangeInclusive<u32> = 60..=1514;
/// A model whose limits are below what a wire brings.
const LIMITED: &str = "S3.SMALL1";
/// Frames of a generated trace of short frames.
const SHORT_FRAMES: u32 = 40_000;

/// The same with the RTL's sizes, and a punt ring in which a burst finds room.
fn sized(mut config: Config) -> Config {
    config.settings.nic.slots_log2 = SIZES.slots_log2;
    config.settings.nic.punt_ring_log2 = 14;
    config
}

/// A whole UDP datagram in IPv4, from the guest of `guest.toml`, of `length` bytes without FCS, at least 42.
fn udp(flow: u32, length: u32) -> Vec<u8> {
    let ip_bytes = (length.max(42) - 14) as u16;
    let [_, high, middle, low] = flow.to_be_bytes();
    let mut frame = vec![2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x08, 0x00, 0x45, 0];
    frame.extend_from_slice(&ip_bytes.to_be_bytes());
    frame.extend_from_slice(&[0, 0, 0, 0, 64, protocol::UDP, 0, 0, 10, 0, 0, 1, 192, 0, 2, high]);
    frame.extend_from_slice(&[middle, low, 0x12, 0xb5]);
    frame.extend_from_slice(&(ip_bytes - 20).to_be_bytes());
    frame.resize(length.max(42) as usize, 0);
    frame
}

fn frames(all: impl Iterator<Item = (u32, u32)>) -> FrameBatch {
    let mut batch = FrameBatch::new();
    for (flow, length) in all {
        batch.push(START_NS, length, &udp(flow, length));
    }
    at_line_rate(&batch)
}

/// A capture's frames, at their own times and at line rate. What the capture cut off is zeros: a wire carries
/// whole frames.
#[must_use]
pub fn captured(name: &str, config: &Config, frames: &FrameBatch) -> [Trace; 2] {
    let (config, frames) = (sized(config.clone()), whole(frames));
    let dense = at_line_rate(&frames);
    [(format!("{name}, its own times"), frames), (format!("{name}, line rate"), dense)].map(|(name, frames)| Trace {
        name,
        config: config.clone(),
        frames,
    })
}

fn whole(frames: &FrameBatch) -> FrameBatch {
    let mut batch = FrameBatch::new();
    for frame in frames.iter() {
        batch.push_with(frame.time_ns, frame.wire_length, |data| {
            let end = data.len() + frame.wire_length as usize;
            data.extend_from_slice(frame.bytes);
            data.resize(end, 0);
        });
    }
    batch
}

/// The same frames one behind the other on a wire of 100 Gb/s, from the first one's time on.
fn at_line_rate(frames: &FrameBatch) -> FrameBatch {
    let mut batch = FrameBatch::new();
    let mut wire = Wire::default();
    let start_ns = frames.get(0).map_or(0, |frame| frame.time_ns);
    for frame in frames.iter() {
        let offset_ns = wire.free_ps() / 1000;
        wire.carry(0, frame.wire_length.into());
        batch.push(start_ns + offset_ns, frame.wire_length, frame.bytes);
    }
    batch
}

fn mixed(spec: &Spec) -> FrameBatch {
    let mut batch = FrameBatch::new();
    let spec = Spec { snap_length: 2048, start_ns: START_NS, hosts: 1, ..spec.clone() };
    let mut generator = Generator::new(&spec).unwrap_or_else(|error| panic!("a trace of our own: {error}"));
    while generator.read_into(&mut batch, 4096) > 0 {}
    at_line_rate(&batch)
}

/// Line rate in every shape.
///
/// # Panics
/// When the shipped catalogue does not have the model whose limits are asked for.
#[must_use]
pub fn generated() -> Vec<Trace> {
    let any = sized(Config::default_promiscuous());
    let guest = sized(
        Config::parse("guest.toml", include_str!("guest.toml"))
            .unwrap_or_else(|error| panic!("a guest of our own: {error}")),
    );
    let limited = |config: &Config| {
        let mut config = config.clone();
        let model: ModelName = LIMITED.parse().unwrap_or_else(|error| panic!("{LIMITED}: {error}"));
        config.catalogue.set_model(&model).unwrap_or_else(|error| panic!("{LIMITED}: {error}"));
        config
    };
    let (any_limited, guest_limited) = (limited(&any), limited(&guest));
    let short = |flows: u32| frames((0..SHORT_FRAMES).map(move |number| (number % flows, 60)));
    let lengths = |count: u32, flows: u32| {
        let width = LENGTHS.end() - LENGTHS.start() + 1;
        // 617 and 1,455 have no divisor in common: every length comes once in 1,455 frames.
        frames((0..count).map(move |number| (number % flows, LENGTHS.start() + number * 617 % width)))
    };
    let imix = Spec { packets: 20_000, flows: 400, scan_share: 0.0, ..Spec::default() };
    let scan = Spec { packets: 6_000, flows: 6_000, scan_share: 1.0, ..Spec::default() };
    let icmp = Spec {
        packets: 6_000,
        flows: 400,
        scan_share: 0.0,
        protocols: ProtocolWeights { tcp: 0, udp: 0, icmp: 1 },
        ..Spec::default()
    };
    let all = [
        ("64 bytes, 1 flow", &any, short(1)),
        ("64 bytes, 1,000 flows", &any, short(1_000)),
        ("64 bytes out, 1,000 flows", &guest, short(1_000)),
        ("every length to 1,518", &any, lengths(14_550, 64)),
        ("every length out", &guest, lengths(14_550, 64)),
        ("IMIX, 400 flows", &any, mixed(&imix)),
        ("IMIX, all punted", &any, mixed(&icmp)),
        ("SYN scan, all punted", &any, mixed(&scan)),
        ("every length, all punted", &any, lengths(2_910, 2_910)),
        ("64 bytes, policed", &any_limited, short(1_000)),
        ("IMIX, policed", &any_limited, mixed(&imix)),
        ("every length out, shaped", &guest_limited, lengths(14_550, 64)),
    ];
    all.map(|(name, config, frames)| Trace { name: name.to_owned(), config: config.clone(), frames }).into()
}
