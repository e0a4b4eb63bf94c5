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
use driver::regio::RegIo;
use firmware_abi::key::Direction;
use firmware_abi::registers::ring_offsets;
use firmware_abi::ring::{FRAME_HEADER_BYTES, RingId, phase};
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
const WRITTEN_BY_NIC: [RingId; 3] = [RingId::Completion, RingId::Record, RingId::Punt];

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

/// Why the host does not go on.
struct Refused(String);

impl std::fmt::Debug for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
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
    let kind = Outcome::of(&end).kind ^ bench.meter.as_ref().map_or(0, signature);
    // Refusing to go on is as good as going on.
    Outcome { accepted: true, kind }
}

impl Bench {
    fn attach(&mut self) -> Result<(), Refused> {
        self.meter = None;
        let assembly = assemble(&self.config, START_NS).map_err(shape)?;
        let device = Rc::clone(&self.device);
        let attached =
            Meter::attach::<std::convert::Infallible>(device, &assembly.meter, assembly.enis, assembly.subscriptions);
        let (meter, _) = attached.map_err(shape)?;
        self.meter = Some(meter);
        Ok(())
    }

    fn step(&mut self, input: &mut Input<'_>) -> Result<(), Refused> {
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
                card.advance(until, || meter.poll(card.now_ns(), sink)).map_err(shape)?;
                meter.poll(card.now_ns(), sink).map_err(shape)
            }
            _ => self.attach(),
        }
    }

    fn frames(&mut self, count: usize) -> Result<(), Refused> {
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
        card.offer(&frames, || meter.poll(card.now_ns(), sink)).map_err(shape)
    }

    /// Writes an entry that the host will take for the NIC's next, or bytes anywhere in the ring.
    fn scribble(&self, input: &mut Input<'_>) {
        let choice = input.byte();
        let id = WRITTEN_BY_NIC[usize::from(choice) % WRITTEN_BY_NIC.len()];
        let memories = self.device.memories.borrow();
        let prefix = format!("ring-{id:?}").to_lowercase();
        let Some((_, memory)) = memories.iter().find(|(name, _)| name.starts_with(&prefix)) else { return };
        let entries = memory.bytes() / id.entry_bytes();
        let place = input.half();
        let mut bytes = vec![0; id.entry_bytes().min(FRAME_HEADER_BYTES)];
        for (byte, new) in bytes.iter_mut().zip(input.take(FRAME_HEADER_BYTES)) {
            *byte = *new;
        }
        let mut index = u32::from(place);
        if choice & 0x80 == 0 {
            index = self.device.io().load(ring_offsets(id).producer).wrapping_add(u32::from(place % 4));
            if let Some(last) = bytes.last_mut() {
                *last = *last & 0x7f | u8::from(phase(index, entries.ilog2())) << 7;
            }
        }
        memory.copy_in(index as usize % entries * id.entry_bytes(), &bytes);
    }
}

/// An error as words that [`Outcome`] tells apart.
fn shape(error: impl std::fmt::Debug) -> Refused {
    Refused(format!("{error:?}"))
}

/// What a meter did, as far as hostile input may change it.
fn signature(meter: &Meter<Spied>) -> u64 {
    let faults = meter.faults();
    let device = format!("{:?}", meter.driver().faults());
    Outcome::of::<_, ()>(&Ok((faults.last_record, device.contains('1')))).kind ^ faults.commands.min(1) << 1
}

fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = vec![
        vec![0, 7, 0, 7, 3, 0, 1, 0, 7, 3, 0xff, 0xff, 0, 3],
        vec![0, 7, 4, 0, 7, 3, 0xff, 0xff, 4, 0, 5, 3, 0xff, 0xff],
    ];
    // Each ring gets an entry that the NIC did not write, of each kind that there is, and is read.
    for (ring, last_dword) in (0_u8..3).flat_map(|ring| (0_u8..8).map(move |bits| (ring, bits << 4))) {
        let mut forged = vec![0, 7, 1, ring, 0, 0];
        forged.extend([0; FRAME_HEADER_BYTES - 1]);
        forged.extend([last_dword, 3, 1, 0, 0, 3, 3, 0xff, 0xff]);
        seeds.push(forged);
    }
    seeds
}
