//! Frames through NIC, driver, slow path and windows: whatever they are, the equations close.
//!
//! An input is frames: a byte of time (10 ms each), a byte of length, the bytes.

use super::captures::generated;
use super::input::Input;
use crate::{Outcome, Target};
use flowlog::record::{Entry, WindowBounds};
use flowlog::window::Sealed;
use sim::frames::FrameBatch;
use std::convert::Infallible;
use std::rc::Rc;
use weir::body::Body;
use weir::config::Config;
use weir::meter::Sink;
use weir::replay::Replay;

/// The whole way of a packet.
pub(super) const REPLAY: Target = Target { name: "replay", read: replay, seeds, words: &[] };

const START_NS: u64 = 1_700_000_000_000_000_000;
const TICK_NS: u64 = 10_000_000;
/// A small NIC, so that its limits are soon reached.
const SETTINGS: &str = "\n[settings]\nwindow = \"1s\"\n[settings.nic]\nslots_log2 = 7\n\
    command_ring_log2 = 6\ncompletion_ring_log2 = 6\nrecord_ring_log2 = 8\npunt_ring_log2 = 6\ninject_ring_log2 = 6\n";

/// Counts records, and looks at each window's proof.
#[derive(Default)]
pub(super) struct Proofs {
    pub(super) records: u64,
    pub(super) windows: u64,
    pub(super) skipped: bool,
    /// Whether the equations must hold.
    pub(super) honest: bool,
}

impl Sink for Proofs {
    type Error = Infallible;

    fn entry(&mut self, _: usize, _: &WindowBounds, _: &Entry<'_>) -> Result<(), Infallible> {
        self.records += 1;
        Ok(())
    }

    fn sealed(&mut self, sealed: &Sealed) -> Result<(), Infallible> {
        self.windows += 1;
        for proof in &sealed.proofs {
            self.skipped |= proof.equation.skipped.packets > 0;
            assert!(proof.equation.holds() || !self.honest, "window {}: {proof:?}", sealed.number);
        }
        Ok(())
    }
}

/// The built-in configuration, on a small NIC.
pub(super) fn small() -> Config {
    let text = include_str!("../../../weir/src/config/promiscuous.toml");
    let mut config =
        Config::parse("small.toml", &format!("{text}{SETTINGS}")).unwrap_or_else(|error| panic!("{error}"));
    config.settings.host.flows_max = 4_096;
    config.settings.host.connections_max = 4_096;
    config
}

fn replay(input: &[u8]) -> Outcome {
    let mut input = Input(input);
    let mut batch = FrameBatch::new();
    let mut time_ns = START_NS;
    while !input.is_empty() {
        time_ns += u64::from(input.byte()) * TICK_NS;
        let length = input.byte();
        let bytes = input.take(length.into());
        batch.push(time_ns, bytes.len() as u32, bytes);
    }
    let sink = |_: &weir::assembly::Assembly| Proofs { honest: true, ..Proofs::default() };
    let mut replay = Replay::start(Rc::new(small()), &Body::Model, START_NS, sink).expect("the NIC comes up");
    replay.frames(&batch).expect("frames are taken");
    let finished = replay.finish().expect("the last window ends");
    let counts = finished.counts;
    assert_eq!(counts.frames, batch.len() as u64, "{counts:?}");
    let sink = &finished.sink;
    let sizes = [sink.records, sink.windows, u64::from(sink.skipped), finished.meter.faults().records];
    let kind = sizes.iter().fold(1, |kind, size| kind << 8 | (*size).min(200));
    Outcome { accepted: finished.meter.faults().records == 0, kind }
}

fn seeds() -> Vec<Vec<u8>> {
    let program = |packets: u64, tick: u8| {
        let mut program = Vec::new();
        for frame in &generated(packets) {
            let bytes = frame.bytes.get(..frame.bytes.len().min(90)).unwrap_or_default();
            program.extend([tick, bytes.len() as u8]);
            program.extend(bytes);
        }
        program
    };
    vec![program(40, 9), program(200, 0), Vec::new()]
}
