//! The suite that every body of the NIC passes: in this process, verilated, on a real bus.
//!
//! ```text
//!   registers ─▶ reset ─▶ attach ─▶ commands, answers, bitmaps by DMA ─▶ interrupts ─▶ what must be refused
//! ```
//!
//! It takes the NIC for itself: what ran on it before is gone, and what it leaves does not run. No traffic is
//! needed. Every wait is bounded, and says what it waited for.

use crate::attach::{Config, RingSizes};
use crate::commands::CommandEvent;
use crate::device::{Device, Iova};
use crate::driver::{Driver, Offload};
use crate::regio::RegIo;
use crate::slots::Cookie;
use firmware_abi::descriptor::{Command, Opcode};
use firmware_abi::hash::{buckets, h3};
use firmware_abi::key::{Direction, FlowKey};
use firmware_abi::limits::{EniFlags, EniLimits};
use firmware_abi::registers::{Control, RingControl, RingFaults, Status, offset};
use firmware_abi::ring::RingId;
use std::fmt::Debug;
use std::os::fd::OwnedFd;
use std::rc::Rc;

/// Looks at the NIC before a wait is given up.
const POLLS: u32 = 20_000;
/// Checks that may fail before the rest is left out.
const FAILURES_MAX: usize = 2;
/// Entries of the rings, as a power of two.
const RING_LOG2: u32 = 6;
/// An address that is mapped nowhere, and that the NIC can drive.
const UNMAPPED: u64 = 1 << (crate::pci::ADDRESS_BITS - 1);
/// What memory holds that nobody may touch.
const CANARY: u64 = 0x6361_6e61_7279_2121;

/// Why a check failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CheckError {
    /// Something is not as it should be.
    #[error("{what}: found {found}, expected {expected}")]
    Differs {
        /// What was looked at.
        what: &'static str,
        /// How it is.
        found: String,
        /// How it should be.
        expected: String,
    },
    /// A step did not work.
    #[error("{what}: {why}")]
    Failed {
        /// What was tried.
        what: &'static str,
        /// Why it did not work.
        why: String,
    },
}

fn same<T: PartialEq + Debug>(what: &'static str, found: T, expected: T) -> Result<(), CheckError> {
    if found == expected {
        return Ok(());
    }
    Err(CheckError::Differs { what, found: format!("{found:x?}"), expected: format!("{expected:x?}") })
}

/// The error of a step.
fn failed<E: std::error::Error>(what: &'static str) -> impl Fn(E) -> CheckError {
    move |error| {
        let (mut why, mut cause) = (error.to_string(), error.source());
        while let Some(error) = cause {
            why = format!("{why}: {error}");
            cause = error.source();
        }
        CheckError::Failed { what, why }
    }
}

/// A check.
type Check<D> = fn(&Rc<D>) -> Result<(), CheckError>;

/// Runs all checks on `device`; `told` hears the outcome of each. Answers how many failed: when some did, the rest says
/// nothing new, and is left out.
pub fn run<D: Device + 'static>(device: &Rc<D>, mut told: impl FnMut(&'static str, &Result<(), CheckError>)) -> usize {
    let checks: [(&'static str, Check<D>); 9] = [
        ("a register keeps what is written", registers_keep),
        ("a register that is read only refuses, and that is counted", read_only_refuses),
        ("a reset forgets", reset_forgets),
        ("commands are answered", commands_are_answered),
        ("a flow is put into its slot, and taken out", flow_comes_and_goes),
        ("a bitmap of many pages is written", bitmap_is_written),
        ("an interrupt comes when there is an answer", interrupt_comes),
        ("a masked interrupt waits", masked_interrupt_waits),
        ("what is mapped nowhere is not written", stray_write_is_refused),
    ];
    let mut failures = 0;
    let mut tell = |name, result: Result<(), CheckError>| {
        failures += usize::from(result.is_err());
        told(name, &result);
        failures
    };
    for (name, check) in checks {
        if tell(name, check(device)) == FAILURES_MAX {
            return FAILURES_MAX;
        }
    }
    match device.set_bus_master(true) {
        Ok(true) => drop(tell("without bus mastering nothing is written or raised", not_a_master(device))),
        Ok(false) => {}
        Err(error) => drop(tell("bus mastering can be switched", Err(failed("switching it")(error)))),
    }
    tell("it ends as it began", reset_forgets(device))
}

/// Waits, a bounded number of looks.
fn wait<D: Device>(device: &D, what: &'static str, mut is_over: impl FnMut() -> bool) -> Result<(), CheckError> {
    for _ in 0..POLLS {
        if is_over() {
            return Ok(());
        }
        // A read takes its time on any bus.
        if device.io().read(|r| &r.magic) == u32::MAX {
            return Err(CheckError::Failed { what, why: "the NIC is gone: every read gives all ones".to_owned() });
        }
        device.relax();
    }
    Err(CheckError::Failed { what, why: format!("waited {POLLS} polls in vain") })
}

fn counter<D: Device>(device: &D, low: u32) -> u64 {
    let io = device.io();
    io.write(|r| &r.snapshot, 1);
    u64::from(io.load(low + 4)) << 32 | u64::from(io.load(low))
}

fn registers_keep<D: Device>(device: &Rc<D>) -> Result<(), CheckError> {
    let io = device.io();
    for value in [0, u32::MAX, 0xa5a5_5a5a, 1] {
        io.write(|r| &r.scratch, value);
        same("SCRATCH", io.read(|r| &r.scratch), value)?;
    }
    same("MAGIC", io.read(|r| &r.magic), firmware_abi::MAGIC)
}

fn read_only_refuses<D: Device>(device: &Rc<D>) -> Result<(), CheckError> {
    let io = device.io();
    let before = counter(&**device, offset::WRITES_REFUSED_LO);
    io.store(offset::MAGIC, 0);
    same("MAGIC after a write", io.read(|r| &r.magic), firmware_abi::MAGIC)?;
    same("WRITES_REFUSED", counter(&**device, offset::WRITES_REFUSED_LO), before + 1)
}

fn reset<D: Device>(device: &Rc<D>) -> Result<(), CheckError> {
    device.reset().map_err(failed("reset"))?;
    let io = device.io();
    let mut control = Control::default();
    control.set_reset(true);
    io.write(|r| &r.control, control.0);
    wait(&**device, "STATUS.ready after reset", || {
        let status = io.read(|r| &r.status);
        status != u32::MAX && Status(status).ready()
    })
}

fn reset_forgets<D: Device>(device: &Rc<D>) -> Result<(), CheckError> {
    let io = device.io();
    io.write(|r| &r.scratch, 7);
    reset(device)?;
    same("SCRATCH after reset", io.read(|r| &r.scratch), 0)?;
    same("CONTROL after reset", io.read(|r| &r.control), 0)?;
    same("RING_FAULTS after reset", io.read(|r| &r.ring_faults), 0)
}

/// A driver on a NIC that was reset, with one ENI.
fn attach<D: Device + 'static>(device: &Rc<D>) -> Result<Driver<D>, CheckError> {
    reset(device)?;
    let log2 = RING_LOG2;
    let rings =
        RingSizes { command_log2: log2, completion_log2: log2, record_log2: log2, punt_log2: log2, inject_log2: log2 };
    let config = Config { rings, window_seconds: 600, polls_max: POLLS, ..Config::default() };
    let (mut driver, _) = Driver::attach(Rc::clone(device), &config).map_err(failed("attaching the driver"))?;
    let mut flags = EniFlags(0);
    flags.set_enabled(true);
    driver.set_eni(0, EniLimits::default(), flags).map_err(failed("SET_ENI"))?;
    expect(&mut driver, "the answer to SET_ENI", |event| matches!(event, CommandEvent::EniSet { vport: 0 }))?;
    Ok(driver)
}

/// Commits, and waits for an answer.
fn expect<D: Device + 'static>(
    driver: &mut Driver<D>,
    what: &'static str,
    mut is_it: impl FnMut(&CommandEvent) -> bool,
) -> Result<(), CheckError> {
    driver.commit();
    let device = Rc::clone(driver.device());
    let (mut found, mut refused) = (false, None);
    wait(&*device, what, || {
        driver.completions(64, |event| {
            found |= is_it(&event);
            refused = refused.take().or(Some(event).filter(|event| matches!(event, CommandEvent::Failed { .. })));
        });
        driver.commit();
        found || refused.is_some()
    })?;
    refused.map_or(Ok(()), |refused| Err(CheckError::Failed { what, why: format!("{refused:?}") }))
}

fn fence<D: Device + 'static>(driver: &mut Driver<D>) -> Result<(), CheckError> {
    let fence = driver.fence().map_err(failed("FENCE"))?;
    expect(driver, "the answer to FENCE", |event| *event == CommandEvent::Fenced(fence))
}

fn commands_are_answered<D: Device + 'static>(device: &Rc<D>) -> Result<(), CheckError> {
    let mut driver = attach(device)?;
    // More than the rings hold: they wrap.
    for _ in 0..3 << RING_LOG2 {
        fence(&mut driver)?;
    }
    same("COMMANDS_REFUSED", counter(&**device, offset::COMMANDS_REFUSED_LO), 0)
}

fn a_flow() -> FlowKey {
    let mut key = FlowKey { src_port: 443, dst_port: 50_000, protocol: 6, ..FlowKey::default() };
    (key.src[0], key.dst[0]) = (10, 192);
    key
}

fn flow_comes_and_goes<D: Device + 'static>(device: &Rc<D>) -> Result<(), CheckError> {
    let mut driver = attach(device)?;
    let key = a_flow();
    let both = buckets(h3(&key.identity()), driver.sizes().slots_log2().into());
    let slot = match driver.insert(key, Cookie(77), both, |_| None).map_err(failed("INSERT"))? {
        Offload::Placed(placement) => placement.slot,
        other => return Err(CheckError::Failed { what: "INSERT", why: format!("{other:?}") }),
    };
    fence(&mut driver)?;
    let held = driver.slot(Direction::Ingress, slot).map(|record| (record.key.identity(), record.cookie));
    same("the slot", held, Some((key.identity(), 77)))?;
    driver.remove(slot, key).map_err(failed("DELETE"))?;
    let is_removed = |event: &CommandEvent| matches!(event, CommandEvent::Removed { cookie: Cookie(77), .. });
    expect(&mut driver, "the answer to DELETE", is_removed)?;
    same("the slot after DELETE", driver.slot(Direction::Ingress, slot).map(|record| record.cookie), None)
}

fn bitmap_is_written<D: Device + 'static>(device: &Rc<D>) -> Result<(), CheckError> {
    let mut driver = attach(device)?;
    let before = counter(&**device, offset::DMA_WRITE_BYTES_LO);
    driver.request_activity(Direction::Egress).map_err(failed("READ_ACTIVITY"))?;
    let is_read = |event: &CommandEvent| *event == CommandEvent::ActivityRead { direction: Direction::Egress };
    expect(&mut driver, "the answer to READ_ACTIVITY", is_read)?;
    let touched: u32 = driver.activity(Direction::Egress).map(u64::count_ones).sum();
    same("touched slots of an empty table", touched, 0)?;
    let bytes = driver.activity(Direction::Egress).count() as u64 * 8;
    let written = counter(&**device, offset::DMA_WRITE_BYTES_LO) - before;
    same("at least as many bytes as the bitmap has were written", written >= bytes, true)
}

/// Whether an interrupt came since last asked.
fn came(vector: &OwnedFd) -> bool {
    rustix::io::read(vector, &mut [0; 8]).is_ok()
}

fn interrupt_comes<D: Device + 'static>(device: &Rc<D>) -> Result<(), CheckError> {
    let mut driver = attach(device)?;
    let vector = driver.vector(RingId::Completion).map_err(failed("the completion ring's vector"))?;
    for _ in 0..8 {
        fence(&mut driver)?;
        wait(&**device, "an interrupt after an answer", || came(&vector))?;
    }
    Ok(())
}

fn masked_interrupt_waits<D: Device + 'static>(device: &Rc<D>) -> Result<(), CheckError> {
    let mut driver = attach(device)?;
    let vector = driver.vector(RingId::Completion).map_err(failed("the completion ring's vector"))?;
    fence(&mut driver)?;
    wait(&**device, "an interrupt after an answer", || came(&vector))?;
    let io = device.io();
    io.write(|r| &r.vector_mask, u32::MAX);
    fence(&mut driver)?;
    wait(&**device, "VECTOR_PENDING", || io.read(|r| &r.vector_pending) != 0)?;
    same("interrupts while masked", came(&vector), false)?;
    io.write(|r| &r.vector_mask, 0);
    wait(&**device, "the interrupt after unmasking", || came(&vector))
}

/// Completions are to go where nothing is mapped.
fn stray_write_is_refused<D: Device + 'static>(device: &Rc<D>) -> Result<(), CheckError> {
    reset(device)?;
    let io = device.io();
    let memory = |name, bytes| device.dma(name, bytes).map_err(failed("memory"));
    let canary = memory("selftest-canary", 1 << 16)?;
    for at in (0..canary.bytes()).step_by(8) {
        canary.store(at, CANARY);
    }
    let commands = memory("selftest-commands", RingId::Command.entry_bytes() << RING_LOG2)?;
    commands.zero();
    let mut enable = RingControl::default();
    enable.set_enable(true);
    for (id, base) in [(RingId::Command, commands.iova()), (RingId::Completion, Iova(UNMAPPED))] {
        io.ring(id).place(base.0, RING_LOG2);
        io.ring(id).set_control(enable);
    }
    let mut control = Control::default();
    control.set_enable(true);
    io.write(|r| &r.control, control.0);
    let mut command = Command::default();
    command.tail.set_opcode_bits(Opcode::Fence as u8);
    command.tail.set_complete(true);
    command.tail.set_phase(true);
    commands.store(0, command);
    io.ring(RingId::Command).set_host_index(1);
    let faults = || RingFaults(io.read(|r| &r.ring_faults));
    wait(&**device, "RING_FAULTS.completion", || faults().completion())?;
    same("DMA_REFUSED is above 0", counter(&**device, offset::DMA_REFUSED_LO) > 0, true)?;
    let touched = (0..canary.bytes()).step_by(8).filter(|at| canary.load::<u64>(*at) != CANARY).count();
    same("words of other memory that changed", touched, 0)?;
    // It goes on after a reset.
    fence(&mut attach(device)?)
}

/// Neither DMA nor interrupts without leave; and the wait says what it was for.
fn not_a_master<D: Device + 'static>(device: &Rc<D>) -> Result<(), CheckError> {
    let mut driver = attach(device)?;
    let vector = driver.vector(RingId::Completion).map_err(failed("the completion ring's vector"))?;
    fence(&mut driver)?;
    wait(&**device, "an interrupt after an answer", || came(&vector))?;
    let switch = |on| device.set_bus_master(on).map(drop).map_err(failed("switching bus mastering"));
    switch(false)?;
    let answered = fence(&mut driver);
    switch(true)?;
    let in_vain = CheckError::Failed { what: "the answer to FENCE", why: format!("waited {POLLS} polls in vain") };
    same("a command without bus mastering", answered, Err(in_vain))?;
    same("interrupts without bus mastering", came(&vector), false)?;
    drop(driver);
    fence(&mut attach(device)?)
}
