//! Line rate, in the RTL: both wires full, frames of every length, windows that turn and drain, commands all the while.
//!
//! 64-byte packets come at 148.8 M/s, and nothing may be late, lost, or made to wait. One flow, four, and 100,000 in each
//! direction, or as many as fill three quarters of the tables that the RTL was built with: `make line-rate` builds them
//! large enough. The real driver sets up and serves the card.
#![cfg(feature = "rtl")]

use driver::slots::Slot;
use driver::{Cookie, Removal};
use firmware_abi::descriptor::{FlowRecord, RecordKind};
use firmware_abi::key::Direction;
use sim::card::{Card, HostBus};
use sim::faults::Numbers;
use sim::rtl::{Line, Passed, RtlNic, SIZES, TWO_CLOCKS, Traffic};
use std::convert::Infallible;
use std::rc::Rc;
use weir_tests::flows::{Flows, key, write_frame};

/// The clock of a 100G MAC's 512-bit port, 322.27 MHz, which carries every length.
const FRONT_PS: u64 = 3_103;
/// The flow engine's, 250 MHz: it carries every rate of packets.
const ENGINE_PS: u64 = 4_000;
/// Without their FCS, as the stream carries them.
const SHORTEST: usize = 64 - 4;
const LONGEST: usize = 1_518 - 4;
/// Of two beats, and the most beats of all: 281 M/s.
const WORST: usize = 65;
/// The host comes this often.
const ROUND_NS: u64 = 20_000;
/// A beat is taken at the first edge behind it; the second of two may come just behind the first.
const LATE_CYCLES: u64 = 2;
/// Every drain is over by then: 100 ms.
const WAITS_MAX: u64 = 1_000;
/// No run takes as long.
const CYCLES_MAX: u64 = 4_000_000;
const FRAMES_OF_A_LENGTH: u64 = 24;

/// Frames of each of some lengths in turn, of flows drawn at random.
struct Lengths {
    lengths: Vec<usize>,
    frames_each: u64,
    flows: u32,
    sent: [u64; 2],
    numbers: Numbers,
}

impl Traffic for Lengths {
    fn frame(&mut self, direction: usize, frame: &mut Vec<u8>) {
        let at = self.sent[direction] / self.frames_each;
        if let Some(bytes) = self.lengths.get(at as usize) {
            self.sent[direction] += 1;
            write_frame(frame, self.numbers.below(u64::from(self.flows)) as u32, *bytes);
        }
    }
}

/// What records said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Counted {
    packets: [u64; 2],
    windows: u64,
}

/// A card with flows in both tables, and its host.
struct Rig {
    card: Rc<Card>,
    line: Line,
    flows: Flows,
    numbers: Numbers,
    counted: Counted,
    /// A flow beyond those that are sent, which comes and goes.
    spare: Option<Slot>,
    closing: bool,
    commands: u64,
}

impl Rig {
    fn new() -> Self {
        let nic = RtlNic::new(HostBus::default(), 1);
        let line = nic.line();
        let card = Card::with_nic(Box::new(nic));
        card.keep_sent(false);
        let flows = Flows::new(&card, SIZES.slots_log2, 100_000.min(13 << (SIZES.slots_log2 - 4)));
        let (numbers, counted) = (Numbers::new(1), Counted::default());
        Self { card, line, flows, numbers, counted, spare: None, closing: false, commands: 0 }
    }

    /// Takes what the NIC has said.
    fn take(&mut self) {
        self.flows.take_answers();
        let mut records: Vec<FlowRecord> = Vec::new();
        while self.flows.driver.records(&mut records, usize::MAX) > 0 {}
        for record in records {
            match RecordKind::from_bits(record.tail.kind_bits()) {
                Some(RecordKind::Flow | RecordKind::Evicted) => {
                    let packets = record.packets_first.packets();
                    self.counted.packets[record.key.port.direction().index()] += packets;
                }
                Some(RecordKind::WindowEnd) => {
                    self.counted.windows += 1;
                    self.closing = false;
                }
                _ => {}
            }
        }
        self.flows.driver.commit();
    }

    /// One visit of the host: it changes, adds and removes flows, asks for activity, as far as there is room for commands
    /// (they wait while a window drains), and ends windows.
    fn work(&mut self) {
        self.take();
        for direction in Direction::ALL {
            for _ in 0..4 {
                let flow = self.numbers.below(u64::from(self.flows.count())) as u32;
                let slot = self.flows.slot(direction, flow);
                let done = self.flows.driver.update(slot, key(direction, flow), Cookie(flow));
                self.commands += u64::from(done.is_ok());
            }
            if self.numbers.happens(100) {
                self.commands += u64::from(self.flows.driver.request_activity(direction).is_ok());
            }
        }
        let spare = self.flows.count();
        match self.spare {
            None => self.spare = self.flows.insert(Direction::Egress, spare),
            Some(slot) => {
                let key = key(Direction::Egress, spare);
                let removal = self.flows.driver.remove(slot, key).expect("an honest NIC");
                self.spare.take_if(|_| matches!(removal, Removal::Asked(_)));
            }
        }
        self.flows.driver.commit();
        if !self.closing && self.numbers.happens(300) {
            self.close();
        }
    }

    fn close(&mut self) {
        self.closing = true;
        self.flows.driver.close_window_now();
    }

    fn wait(&mut self, ns: u64) {
        let card = Rc::clone(&self.card);
        let done: Result<(), Infallible> = card.advance(card.now_ns() + ns, || {
            self.take();
            Ok(())
        });
        done.unwrap_or_else(|never| match never {});
    }

    /// Runs both wires until each has sent `frames_each` frames of every length; what became of them, and what
    /// records said of them.
    fn run(&mut self, clock_ps: u64, flows: u32, lengths: Vec<usize>, frames_each: u64) -> (Passed, Counted) {
        let frames = lengths.len() as u64 * frames_each;
        let before = self.counted;
        let numbers = Numbers::new(u64::from(flows));
        let traffic = Lengths { lengths, frames_each, flows, sent: [0; 2], numbers };
        self.line.start(clock_ps, Box::new(traffic));
        while self.line.passed().taken.iter().any(|taken| *taken < frames) {
            self.work();
            self.wait(ROUND_NS);
            let passed = self.line.passed();
            assert!(passed.cycles < CYCLES_MAX, "the wires do not come to their end: {passed:?}, {}", self.moved());
        }
        self.wait(1_000);
        let passed = self.line.stop();
        self.finish();
        let packets = [0, 1].map(|at| self.counted.packets[at] - before.packets[at]);
        (passed, Counted { packets, windows: self.counted.windows - before.windows })
    }

    /// What the NIC has counted.
    fn moved(&self) -> String {
        let counters = self.flows.driver.counters();
        let moved: String =
            counters.iter().filter(|c| c.value > 0).map(|c| format!("{} {}; ", c.name, c.value)).collect();
        format!("{moved}{:?}", self.flows.driver.errors())
    }

    /// Drains everything.
    fn finish(&mut self) {
        self.wait_for_end();
        self.close();
        self.wait_for_end();
    }

    fn wait_for_end(&mut self) {
        for _ in 0..WAITS_MAX {
            if !self.closing {
                return;
            }
            self.wait(100_000);
            self.take();
        }
        panic!("no window ends: {:?}, {}", self.flows.driver.window(), self.moved());
    }

    /// Runs, and checks that every frame was taken at once, counted once, and has left.
    fn check(&mut self, what: &str, clock_ps: u64, flows: u32, lengths: Vec<usize>, frames_each: u64) {
        let frames = lengths.len() as u64 * frames_each;
        let commands = self.commands;
        let (passed, counted) = self.run(clock_ps, flows, lengths, frames_each);
        let commands = self.commands - commands;
        println!("{what}, {flows} flows: {passed:?}, {} windows, {commands} commands", counted.windows);
        assert_eq!(passed.stalls, [0; 2], "{what}, {flows} flows: cycles in which something had to wait");
        assert_eq!((passed.taken, passed.left), ([frames; 2], [frames; 2]), "{what}, {flows} flows: frames");
        assert!(passed.late_cycles.iter().all(|late| *late <= LATE_CYCLES), "{what}, {flows} flows: {passed:?}");
        assert_eq!(counted.packets, [frames; 2], "{what}, {flows} flows: packets in records");
        assert!(counted.windows > 1 && commands > 8, "windows turned, and commands ran");
    }
}

fn numbers_of_flows(rig: &Rig) -> [u32; 3] {
    [1, 4, rig.flows.count()]
}

#[test]
fn both_wires_full_of_any_length_are_taken_at_once_and_counted_whatever_the_host_does() {
    let mut rig = Rig::new();
    let every = || (SHORTEST..=LONGEST).collect::<Vec<_>>();
    // What 250 M beats/s carry of them: all but those of two beats that come too close.
    let slower = || every().into_iter().filter(|bytes| !(65..76).contains(bytes)).collect::<Vec<_>>();
    for flows in numbers_of_flows(&rig) {
        rig.check("64-byte packets at 250 MHz", ENGINE_PS, flows, vec![SHORTEST], 200_000);
        rig.check("the most beats at 322 MHz", FRONT_PS, flows, vec![WORST], 100_000);
        rig.check("every length at 322 MHz", FRONT_PS, flows, every(), FRAMES_OF_A_LENGTH);
    }
    let flows = rig.flows.count();
    rig.check("every length that 250 MHz carry", ENGINE_PS, flows, slower(), FRAMES_OF_A_LENGTH);
}

#[test]
fn a_wire_that_brings_more_than_the_clock_carries_is_late_and_what_waits_is_counted() {
    let mut rig = Rig::new();
    let (beats, _) = rig.run(ENGINE_PS, 4, vec![WORST], 50_000);
    assert!(beats.late_cycles.iter().all(|late| *late > 1_000), "281 M beats/s at 250 MHz: {beats:?}");
    if TWO_CLOCKS {
        // The engine keeps its clock, however slow the stream's is.
        return;
    }
    // A frame in every cycle leaves none to commands: they take theirs when they have waited for long.
    let (frames, counted) = rig.run(2 * ENGINE_PS, 4, vec![SHORTEST], 50_000);
    assert!(frames.stalls.iter().all(|stalls| *stalls > 0), "148.8 M packets/s at 125 MHz: {frames:?}");
    assert_eq!(counted.packets, frames.left, "what waited is counted all the same");
}
