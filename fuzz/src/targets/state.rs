//! The driver and the meter on a NIC that writes nonsense into the rings.
//!
//! An input is a program: frames pass, ring memory is scribbled on, time passes, the host attaches
//! anew. The meter may refuse to go on; it may not panic or hang.

use super::captures::generated;
use super::input::Input;
use super::replay::{Proofs, small};
use crate::{Outcome, Target};
use driver::device::{Device, DeviceError};
use driver::dma::DmaMemory;
use firmware_abi::key::Direction;
use sim::card::{Card, Frame, Parameters, SimDevice, SimIo};
use sim::frames::FrameBatch;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::os::fd::OwnedFd;
use std::rc::Rc;
use weir::assembly::assemble;
use weir::config::Config;
use weir::meter::Meter;

/// Host code that reads what a NIC has written.
pub(super) const STATE: Target = Target { name: "driver_rings", read: state, seeds, words: &[] };

const START_NS: u64 = 1_700_000_000_000_000_000;
const STEPS_MAX: usize = 48;
/// The rings that the NIC writes.
const WRITTEN_BY_NIC: [&str; 3] = ["ring-completion", "ring-record", "ring-punt"];

/// The simulated device, with a look at the memory that it hands out.
struct Spied {
    device: SimDevice,
    memories: RefCell<BTreeMap<String, DmaMemory>>,
}

impl Device for Spied {
    type Io = SimIo;

    fn io(&self) -> &SimIo {
        self.device.io()
    }

    fn dma(&self, name: &str, bytes: usize) -> Result<DmaMemory, DeviceError> {
        let memory = self.device.dma(name, bytes)?;
        self.memories.borrow_mut().insert(name.to_owned(), memory.clone());
        Ok(memory)
    }

    fn vector(&self, index: u32) -> Result<OwnedFd, DeviceError> {
        self.device.vector(index)
    }

    fn reset(&self) -> Result<(), DeviceError> {
        self.device.reset()
    }
}

/// A NIC with its host.
struct Bench {
    card: Rc<Card>,
    device: Rc<Spied>,
    config: Config,
    meter: Option<Meter<Spied>>,
    sink: Proofs,
    traffic: FrameBatch,
    passed: usize,
}

fn state(input: &[u8]) -> Outcome {
    let config = small();
    let parameters = Parameters { slots_log2: config.settings.nic.slots_log2, enis_log2: 0 };
    let card = Card::new(parameters).expect("possible sizes");
    let device = Rc::new(Spied { device: card.device(), memories: RefCell::default() });
    let mut bench =
        Bench { card, device, config, meter: None, sink: Proofs::default(), traffic: generated(64), passed: 0 };
    bench.attach().expect("a NIC that is new comes up");
    let mut input = Input(input);
    let mut end = Ok(());
    for _ in 0..STEPS_MAX {
        if input.is_empty() || end.is_err() {
            break;
        }
        end = bench.step(&mut input);
    }
    let faults = bench.meter.as_ref().map(|meter| meter.faults().records.min(2)).unwrap_or_default();
    let mut outcome = Outcome::of(&end);
    outcome.kind = outcome.kind.wrapping_add(faults);
    Outcome { accepted: end.is_ok(), ..outcome }
}

impl Bench {
    fn attach(&mut self) -> Result<(), String> {
        self.meter = None;
        let assembly = assemble(&self.config, START_NS).map_err(|error| error.to_string())?;
        let device = Rc::clone(&self.device);
        let attached =
            Meter::attach::<std::convert::Infallible>(device, &assembly.meter, assembly.enis, assembly.subscriptions);
        let (meter, _) = attached.map_err(|error| error.to_string())?;
        self.meter = Some(meter);
        Ok(())
    }

    fn step(&mut self, input: &mut Input<'_>) -> Result<(), String> {
        match input.byte() % 5 {
            0 => self.frames(usize::from(input.byte() % 8)),
            1 | 2 => {
                self.scribble(input);
                Ok(())
            }
            3 => {
                let until = self.card.now_ns() + u64::from(input.half()) * 100_000;
                let (card, sink) = (&self.card, &mut self.sink);
                let Some(meter) = &mut self.meter else { return Ok(()) };
                card.advance(until, || meter.poll(card.now_ns(), sink)).map_err(|error| format!("{error:?}"))?;
                meter.poll(card.now_ns(), sink).map_err(|error| format!("{error:?}"))
            }
            _ => self.attach(),
        }
    }

    fn frames(&mut self, count: usize) -> Result<(), String> {
        let (card, sink) = (&self.card, &mut self.sink);
        let Some(meter) = &mut self.meter else { return Ok(()) };
        let time_ns = card.now_ns() + 1_000;
        let chosen = (self.passed..self.passed + count).filter_map(|at| self.traffic.get(at % self.traffic.len()));
        let held: Vec<_> = chosen.collect();
        let frames: Vec<Frame<'_>> = held
            .iter()
            .map(|frame| Frame {
                time_ns,
                wire_length: frame.wire_length,
                bytes: frame.bytes,
                vport: 0,
                direction: Direction::Ingress,
            })
            .collect();
        self.passed += count;
        card.offer(&frames, || meter.poll(card.now_ns(), sink)).map_err(|error| format!("{error:?}"))
    }

    /// Writes bytes near where the NIC writes next, or anywhere in a ring.
    fn scribble(&self, input: &mut Input<'_>) {
        let choice = input.byte();
        let place = usize::from(input.half());
        let length = usize::from(input.byte() % 65);
        let bytes = input.take(length);
        let name = WRITTEN_BY_NIC[usize::from(choice) % WRITTEN_BY_NIC.len()];
        let memories = self.device.memories.borrow();
        let Some(memory) = memories.iter().find(|(found, _)| found.starts_with(name)).map(|(_, memory)| memory) else {
            return;
        };
        let units = memory.bytes() / 4;
        let at = place % units * 4;
        let fits = bytes.len().min(memory.bytes() - at) / 4 * 4;
        memory.copy_in(at, bytes.get(..fits).unwrap_or_default());
    }
}

fn seeds() -> Vec<Vec<u8>> {
    vec![
        vec![0, 7, 0, 7, 3, 0, 1, 0, 7, 3, 0xff, 0xff, 0, 3],
        vec![0, 7, 4, 0, 7, 3, 0xff, 0xff, 4, 0, 5, 3, 0xff, 0xff],
        [&[0, 6][..], &[2, 0, 0, 0, 0], &[0, 6]].concat(),
    ]
}
