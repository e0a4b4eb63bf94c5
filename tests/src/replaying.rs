//! Replays in a test: frames in, everything that came out.
//!
//! ```text
//!   replay:  Config + FrameBatch ─▶ Replay ─▶ Replayed { Collected, counts, … }
//!   Bench:   Config ─▶ card and meter; the test is the guest, the wire and the clock
//! ```

use crate::nic;
use firmware_abi::key::Direction;
use firmware_abi::time::SECOND_NS;
use flowlog::conservation::{Amount, Equation};
use flowlog::record::{Entry, FlowFacts, RecordSettings, Skipped, TextWriter, WindowBounds};
use flowlog::window::Sealed;
use sim::capture::{Capture, CaptureError};
use sim::card::{Card, Frame, Parameters, Sent, SimDevice};
use sim::frames::FrameBatch;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use weir::assembly::{Assembly, assemble, outlets};
use weir::body::Body;
use weir::config::Config;
use weir::meter::{Meter, MeterFaults, MeterStatistics, Sink};
use weir::replay::{Replay, ReplayCounts};

/// Source, destination, their ports, protocol: as records write them.
pub type FiveTuple = (IpAddr, IpAddr, u16, u16, u8);

/// A sink that keeps everything, in order.
pub struct Collected {
    settings: RecordSettings,
    writers: Vec<TextWriter>,
    /// The records: stream, window, facts.
    pub records: Vec<(usize, WindowBounds, FlowFacts)>,
    /// NODATA (none) and SKIPDATA: stream, window, what was skipped.
    pub statuses: Vec<(usize, WindowBounds, Option<Skipped>)>,
    /// The seals.
    pub seals: Vec<Sealed>,
    /// All lines of the default format, in the order in which they came.
    pub text: Vec<u8>,
}

impl Collected {
    /// For the streams of `config`.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        let settings = config.settings.record;
        let outlets = outlets(&config.catalogue);
        let writers = outlets.iter().map(|outlet| TextWriter::new(&outlet.stream, settings)).collect();
        Self { settings, writers, records: Vec::new(), statuses: Vec::new(), seals: Vec::new(), text: Vec::new() }
    }

    /// The lines.
    ///
    /// # Panics
    /// When they are no text.
    #[must_use]
    pub fn lines(&self) -> Vec<&str> {
        std::str::from_utf8(&self.text).expect("records are ASCII").lines().collect()
    }

    /// A record's 5-tuple.
    #[must_use]
    pub fn five_tuple(&self, facts: &FlowFacts) -> FiveTuple {
        let ports = facts.ports(&self.settings);
        (facts.source(), facts.destination(), ports.src, ports.dst, facts.key.protocol)
    }

    /// Packets and bytes over all records of each 5-tuple.
    #[must_use]
    pub fn sums(&self) -> BTreeMap<FiveTuple, Amount> {
        let mut sums: BTreeMap<FiveTuple, Amount> = BTreeMap::new();
        for (_, _, facts) in &self.records {
            sums.entry(self.five_tuple(facts)).or_default().add(facts.packets, facts.bytes);
        }
        sums
    }

    /// All equations together. Each must hold, windows must be gapless and numbered without gaps, and
    /// the records of each must be those that the equations state.
    ///
    /// # Panics
    /// When that is not so.
    #[must_use]
    pub fn proved(&self, place: &str) -> Equation {
        let mut all = Equation::default();
        for (expected, sealed) in (0..).zip(&self.seals) {
            assert_eq!(sealed.index, expected, "{place}: windows are numbered without gaps");
            for proof in &sealed.proofs {
                assert_eq!(proof.equation.residual(), (0, 0), "{place}: {:?}: {proof:#?}", sealed.bounds);
                all.add(&proof.equation);
            }
        }
        for pair in self.seals.windows(2) {
            assert_eq!(pair[0].bounds.end_ns, pair[1].bounds.start_ns, "{place}: windows are gapless");
        }
        let mut recorded = Amount::default();
        for (_, bounds, facts) in &self.records {
            assert!(self.seals.iter().any(|sealed| sealed.bounds == *bounds), "{place}: {bounds:?} was sealed");
            recorded.add(facts.packets, facts.bytes);
        }
        assert_eq!(recorded, all.accepted.plus(all.rejected), "{place}: the records are those of the equations");
        all
    }

    /// Every record in short, sorted: direction, 5-tuple, packets, bytes, action, layer, rule.
    #[must_use]
    pub fn judged(&self) -> Vec<String> {
        let judged = self.records.iter().map(|(_, _, facts)| {
            let (src, dst, src_port, dst_port, ip_protocol) = self.five_tuple(facts);
            let direction = match facts.direction() {
                Direction::Ingress => "in ",
                Direction::Egress => "out",
            };
            let FlowFacts { packets, bytes, action, layer, rule_id, .. } = *facts;
            format!(
                "{direction} {src} {dst} {src_port} {dst_port} {ip_protocol} {packets} {bytes} {action} {layer} {rule_id}"
            )
        });
        let mut judged: Vec<String> = judged.collect();
        judged.sort_unstable();
        judged
    }
}

impl Sink for Collected {
    type Error = Infallible;

    fn entry(&mut self, stream: usize, window: &WindowBounds, entry: &Entry<'_>) -> Result<(), Infallible> {
        self.writers[stream].entry(&mut self.text, window, entry);
        match entry {
            Entry::Flow(facts) => self.records.push((stream, *window, **facts)),
            Entry::NoData => self.statuses.push((stream, *window, None)),
            Entry::SkipData(skipped) => self.statuses.push((stream, *window, Some(*skipped))),
        }
        Ok(())
    }

    fn sealed(&mut self, sealed: &Sealed) -> Result<(), Infallible> {
        self.seals.push(sealed.clone());
        Ok(())
    }
}

/// What came of a replay.
pub struct Replayed {
    /// The records.
    pub collected: Collected,
    /// What happened besides.
    pub counts: ReplayCounts,
    /// What the meter did.
    pub statistics: MeterStatistics,
}

/// Replays all frames of `batch`, from the first one's time to the end of the last one's window.
///
/// # Panics
/// When there is no frame, or anything fails.
#[must_use]
pub fn replay(mut config: Config, batch: &FrameBatch) -> Replayed {
    config.settings.nic.slots_log2 = nic::slots_log2(config.settings.nic.slots_log2);
    replay_on(&nic::body(), config, batch)
}

/// As [`replay`], on this NIC.
///
/// # Panics
/// As [`replay`], and when model and RTL differ.
#[must_use]
pub fn replay_on(body: &Body, config: Config, batch: &FrameBatch) -> Replayed {
    let first = batch.get(0).expect("a replay starts with a frame");
    let collected = Collected::new(&config);
    let mut replay = Replay::start(Rc::new(config), body, first.time_ns, |_| collected).expect("the replay starts");
    replay.frames(batch).expect("the frames are replayed");
    let finished = replay.finish().expect("the replay comes to its end");
    let faults = finished.meter.faults();
    assert_eq!(faults, MeterFaults::default(), "the NIC and its driver agree");
    Replayed { collected: finished.sink, counts: finished.counts, statistics: finished.meter.statistics() }
}

/// Reads a whole capture, and why it ended early, if it did.
pub fn read_capture(mut capture: Capture) -> (FrameBatch, Option<CaptureError>) {
    let mut batch = FrameBatch::new();
    loop {
        match capture.read_into(&mut batch, 1 << 12) {
            Ok(0) => return (batch, None),
            Ok(_) => {}
            Err(error) => return (batch, Some(error)),
        }
    }
}

/// Where the public captures are: `WEIR_CAPTURES`, or beside the workspace. None if they are not there.
#[must_use]
pub fn captures() -> Option<PathBuf> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/pcaps");
    let directory = std::env::var_os("WEIR_CAPTURES").map_or_else(beside, PathBuf::from);
    directory.is_dir().then_some(directory)
}

/// A card and its meter, without a replay between them and the test.
pub struct Bench {
    /// The card.
    pub card: Rc<Card>,
    /// The meter.
    pub meter: Meter<SimDevice>,
    /// What it published.
    pub collected: Collected,
    window_ns: u64,
}

impl Bench {
    /// Powers a NIC on at `start_ns`. `adjust` may change what `config` sets up.
    ///
    /// # Panics
    /// When it cannot be set up so.
    #[must_use]
    pub fn new(config: &Config, start_ns: u64, adjust: impl FnOnce(&mut Assembly)) -> Self {
        Self::on(nic::card, config, start_ns, adjust)
    }

    /// As [`Self::new`], on a card that `card` makes.
    ///
    /// # Panics
    /// As [`Self::new`].
    #[must_use]
    pub fn on(
        card: impl FnOnce(Parameters) -> Rc<Card>,
        config: &Config,
        start_ns: u64,
        adjust: impl FnOnce(&mut Assembly),
    ) -> Self {
        let mut assembly = assemble(config, start_ns).expect("the rules fit the ENIs");
        adjust(&mut assembly);
        let enis_log2 = assembly.enis.len().next_power_of_two().trailing_zeros();
        let card = card(Parameters { slots_log2: config.settings.nic.slots_log2, enis_log2 });
        card.keep_sent(true);
        let window_ns = u64::from(assembly.meter.window_seconds) * SECOND_NS;
        let Assembly { meter, enis, subscriptions, .. } = assembly;
        let attached = Meter::attach::<Infallible>(Rc::new(card.device()), &meter, enis, subscriptions);
        let (meter, _) = attached.expect("the meter attaches");
        Self { card, meter, collected: Collected::new(config), window_ns }
    }

    /// Gives the NIC frames; the host runs whenever it is interrupted, unless it is `absent`.
    ///
    /// # Panics
    /// When the meter fails.
    pub fn offer(&mut self, frames: &[Frame<'_>], absent: bool) {
        let Self { card, meter, collected, .. } = self;
        let poll = || if absent { Ok(()) } else { meter.poll(card.now_ns(), collected) };
        card.offer(frames, poll).expect("the meter goes on");
    }

    /// One frame of the first ENI, and the time that its verdict takes; what left the NIC over it.
    pub fn cross(&mut self, time_ns: u64, direction: Direction, frame: &[u8]) -> Vec<Sent> {
        let wire_length = frame.len() as u32;
        self.offer(&[Frame { time_ns, wire_length, bytes: frame, vport: 0, direction }], false);
        self.advance(time_ns + SECOND_NS / 1000);
        self.card.take_sent()
    }

    /// Lets time pass.
    ///
    /// # Panics
    /// When the meter fails.
    pub fn advance(&mut self, until_ns: u64) {
        let Self { card, meter, collected, .. } = self;
        card.advance(until_ns, || meter.poll(card.now_ns(), collected)).expect("the meter goes on");
        self.meter.poll(self.card.now_ns(), &mut self.collected).expect("the meter goes on");
    }

    /// Lets the open window end, and publishes it.
    ///
    /// # Panics
    /// When it is not published within ten seconds.
    #[must_use]
    pub fn finish(mut self) -> Collected {
        let end_ns = (self.card.now_ns() / self.window_ns + 1) * self.window_ns;
        let mut now_ns = end_ns;
        self.advance(now_ns);
        while self.meter.open_since_ns() < end_ns {
            now_ns += SECOND_NS / 1000;
            assert!(now_ns < end_ns + 10 * SECOND_NS, "the window is published in time");
            self.advance(now_ns);
        }
        self.collected
    }
}
