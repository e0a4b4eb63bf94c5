//! How a NIC is found: in the middle of anything, with the host's memory lost, reset, of another
//! version, gone, or lying.

use driver::attach::AttachError;
use driver::device::{Device, DeviceError};
use driver::dma::DmaMemory;
use driver::regio::RegIo;
use driver::window::LedgerImage;
use driver::{Attached, Driver};
use firmware_abi::descriptor::Ledger;
use firmware_abi::key::Direction;
use firmware_abi::registers::offset;
use firmware_abi::time::SECOND_NS;
use flowlog::record::{Entry, SkipReason};
use sim::card::{Card, Frame, SimDevice, SimIo};
use sim::faults::{Crashing, Fuse, Numbers, Removable, flip_a_bit, run_until_crash};
use std::convert::Infallible;
use std::os::fd::OwnedFd;
use std::rc::Rc;
use weir::meter::{Meter, MeterError, lost_window};
use weir_tests::archive::Archive;
use weir_tests::nic;
use weir_tests::rig::{Deaths, Rig, run};
use weir_tests::scenario::Scenario;

#[test]
fn an_attach_that_dies_at_each_of_its_steps_in_turn_is_begun_again_and_loses_nothing() {
    let scenario = Scenario::short(1);
    let calm = run(&scenario, Deaths::default());
    let mut rig = Rig::new(&scenario, Deaths::default());
    // At the first bring-up …
    let steps_of_bring_up = (0..).find(|step| rig.attach_dying_at(*step)).unwrap_or(0);
    assert!(steps_of_bring_up > 30, "{steps_of_bring_up} steps");
    let half = scenario.traffic.packets as usize / 2;
    rig.play_frames(0..half);
    // … and while the NIC runs, with punts waiting and a table that is half full.
    rig.leave(u64::MAX);
    rig.play_frames(half..half + 40);
    let steps_of_resuming = (0..).find(|step| rig.attach_dying_at(*step)).unwrap_or(0);
    assert!(steps_of_resuming > 10, "{steps_of_resuming} steps");
    rig.play_frames(half + 40..scenario.traffic.packets as usize);
    rig.finish();
    rig.archive.check();
    assert_eq!(rig.archive.sums(), calm.archive.sums());
}

/// What the wire gave to a port in a window that began at `start_ns`, up to frame `end`.
fn offered(scenario: &Scenario, start_ns: u64, end: usize, vport: u16, direction: Direction) -> u64 {
    let (frames, ways) = scenario.frames();
    let sent = frames.iter().zip(ways).take(end);
    sent.filter(|(frame, way)| frame.time_ns >= start_ns && *way == (vport, direction)).count() as u64
}

fn assert_conserved(ledger: &LedgerImage) {
    for record in [&ledger.packets, &ledger.bytes] {
        let ends = [
            Ledger::Tallied,
            Ledger::Punted,
            Ledger::Skipped,
            Ledger::Excluded,
            Ledger::NonIp,
            Ledger::Malformed,
            Ledger::Policed,
        ];
        let sum: u64 = ends.iter().map(|end| record.counter(*end as usize)).sum();
        assert_eq!(sum, record.counter(Ledger::Offered as usize), "{ledger:?}");
    }
}

#[test]
fn a_host_that_lost_its_memory_gets_the_open_windows_counts_of_the_nic() {
    let scenario = Scenario { frames_per_change: None, ..Scenario::narrow(2) };
    let (before, after) = (4_000, 4_300);
    let mut rig = Rig::new(&scenario, Deaths::default());
    rig.present();
    rig.play_frames(0..before);
    rig.leave(u64::MAX);
    rig.play_frames(before..after);
    assert!(rig.card.forget("state"), "the arena was there");
    rig.change_archive().proofs().for_each(|proof| assert!(proof.equation.holds(), "{proof:?}"));
    rig.leave(0);
    rig.may_be_found = |attached| matches!(attached, Attached::HostRestart { .. });
    rig.present();
    let Some(Attached::HostRestart { window, ledgers }) = rig.attached.take() else { panic!("{:?}", rig.attached) };
    assert_eq!(window.start_ns % SECOND_NS, 0, "{window:?}");
    let mut seen = 0;
    for vport in 0..scenario.ports {
        for direction in Direction::ALL {
            let expected = offered(&scenario, window.start_ns, after, vport, direction);
            let ledger = ledgers.iter().find(|ledger| (ledger.vport, ledger.direction) == (vport, direction));
            let found = ledger.map_or(0, |ledger| ledger.packets.counter(Ledger::Offered as usize));
            assert_eq!(found, expected, "port {vport} {direction:?}");
            ledger.into_iter().for_each(assert_conserved);
            seen += found;
        }
    }
    assert!(seen >= 300, "only {seen} packets in the open window");
    let lost = lost_window(&window, &ledgers, scenario.ports);
    assert_eq!(lost.proofs.iter().map(|proof| proof.equation.offered.packets).sum::<u64>(), seen);
    for proof in &lost.proofs {
        assert!(proof.equation.holds(), "{proof:?}");
        let recorded = proof.equation.accepted.packets + proof.equation.rejected.packets;
        assert_eq!((recorded, proof.limits.skipped_restart > 0), (0, proof.equation.skipped.packets > 0), "{proof:?}");
        let Some(Entry::SkipData(skipped)) = lost.status_entry(proof.vport, 0) else { panic!("{proof:?}") };
        assert_eq!(skipped.reason, SkipReason::HostRestart, "{proof:?}");
    }
    rig.play_frames(after..scenario.traffic.packets as usize);
    rig.finish();
    rig.archive.check();
    let total = rig.archive.total(|proof| proof.equation.offered.packets);
    assert_eq!(total, scenario.traffic.packets - after as u64, "the run after it counts everything again");
}

#[test]
fn a_nic_that_was_reset_under_a_live_host_is_brought_up_anew() {
    let scenario = Scenario { frames_per_change: None, ..Scenario::narrow(3) };
    let mut rig = Rig::new(&scenario, Deaths::default());
    rig.present();
    rig.play_frames(0..2_000);
    rig.leave(0);
    rig.card.device().reset().expect("it can be reset");
    rig.change_archive();
    rig.may_be_found = |attached| *attached == Attached::DeviceRestart;
    rig.present();
    assert_eq!(rig.attached, Some(Attached::DeviceRestart));
    rig.play_frames(2_000..scenario.traffic.packets as usize);
    rig.finish();
    rig.archive.check();
    let total = rig.archive.total(|proof| proof.equation.offered.packets);
    assert_eq!(total, scenario.traffic.packets - 2_000);
}

/// A device with another value in one of its registers.
struct Foreign {
    device: SimDevice,
    io: ForeignIo,
}

struct ForeignIo {
    io: SimIo,
    at: u32,
    value: u32,
}

impl Foreign {
    fn new(card: &Rc<Card>, at: u32, value: u32) -> Rc<Self> {
        let device = card.device();
        Rc::new(Self { io: ForeignIo { io: device.io().clone(), at, value }, device })
    }
}

impl RegIo for ForeignIo {
    fn load(&self, offset: u32) -> u32 {
        if offset == self.at { self.value } else { self.io.load(offset) }
    }

    fn store(&self, offset: u32, value: u32) {
        self.io.store(offset, value);
    }
}

impl Device for Foreign {
    type Io = ForeignIo;

    fn io(&self) -> &ForeignIo {
        &self.io
    }

    fn dma(&self, name: &str, bytes: usize) -> Result<DmaMemory, DeviceError> {
        self.device.dma(name, bytes)
    }

    fn vector(&self, index: u32) -> Result<OwnedFd, DeviceError> {
        self.device.vector(index)
    }

    fn reset(&self) -> Result<(), DeviceError> {
        self.device.reset()
    }
}

fn refusal<D: Device>(device: Rc<D>) -> AttachError {
    match Driver::attach(device, &driver::Config::default()) {
        Ok((_, attached)) => panic!("attached: {attached:?}"),
        Err(error) => error,
    }
}

#[test]
fn another_version_of_the_contract_is_refused_with_what_was_found_and_expected() {
    let card = nic::card(Scenario::short(1).parameters);
    let error = refusal(Foreign::new(&card, offset::ABI_VERSION, 0x0002_0003));
    let (major, minor) = (firmware_abi::ABI_VERSION >> 16, firmware_abi::ABI_VERSION & 0xffff);
    let expected = format!("the NIC's ABI is 2.3, this driver needs {major}.{minor} or a later minor");
    assert_eq!(error.to_string(), expected);
    let error = refusal(Foreign::new(&card, offset::MAGIC, 0x1234_5678));
    assert_eq!(error.to_string(), "no flow-tally NIC: MAGIC reads 0x12345678, expected 0x57454952");
}

/// Plays traffic to a meter that may fail; how it ended.
fn play<D: Device + 'static>(
    scenario: &Scenario,
    card: &Rc<Card>,
    meter: &mut Meter<D>,
    mut before_each_poll: impl FnMut(u64),
) -> Result<(), MeterError<Infallible>> {
    let (frames, ways) = scenario.frames();
    let mut archive = Archive::new(Fuse::new());
    let mut polls = 0;
    for (frame, (vport, direction)) in frames.iter().zip(ways) {
        let (time_ns, wire_length, bytes) = (frame.time_ns, frame.wire_length, frame.bytes);
        let frame = Frame { time_ns, wire_length, bytes, vport, direction };
        card.offer(&[frame], || {
            polls += 1;
            before_each_poll(polls);
            meter.poll(card.now_ns(), &mut archive)
        })?;
    }
    Ok(())
}

#[test]
fn a_device_that_falls_off_the_bus_is_an_error_and_no_more() {
    let scenario = Scenario::short(4);
    let card = nic::card(scenario.parameters);
    let device = Rc::new(Removable::new(Rc::new(card.device())));
    let enis = scenario.enis(&[(0, 1); 4]);
    let attached = Meter::attach::<Infallible>(Rc::clone(&device), &scenario.meter, enis, scenario.subscriptions());
    let (mut meter, _) = attached.expect("it attaches");
    let error = play(&scenario, &card, &mut meter, |polls| device.set_gone(polls > 100)).expect_err("it is gone");
    let text = format!("{error:?}");
    assert!(matches!(error, MeterError::Ring(_)) && text.contains("found: 4294967295"), "{text}");
    drop(meter);
    let expected = "no flow-tally NIC: MAGIC reads 0xffffffff, expected 0x57454952";
    assert_eq!(refusal(device).to_string(), expected);
}

#[test]
fn a_device_that_lies_in_its_rings_is_counted_or_refused_and_never_believed_blindly() {
    let (mut errors, mut faults) = (0, 0);
    for seed in 0..60 {
        let scenario = Scenario::short(seed);
        let card = nic::card(scenario.parameters);
        let fuse = Fuse::new();
        let device = Rc::new(Crashing::new(Rc::new(card.device()), Rc::clone(&fuse)));
        let (enis, streams) = (scenario.enis(&[(0, 1); 4]), scenario.subscriptions());
        let attached = Meter::attach::<Infallible>(Rc::clone(&device), &scenario.meter, enis, streams);
        let (mut meter, _) = attached.expect("it attaches");
        let rings = [("ring-completion-5", 16 << 5), ("ring-record-5", 64 << 5), ("ring-punt-8", 2048 << 8)];
        let rings = rings.map(|(name, bytes)| device.dma(name, bytes).expect("it is there"));
        let mut numbers = Numbers::new(seed);
        // A watchdog: whatever the device says, no poll goes on for ever.
        fuse.light(5_000_000);
        let ended = run_until_crash(|| {
            play(&scenario, &card, &mut meter, |_| {
                let ring = &rings[numbers.below(3) as usize];
                // Near the start of the punt ring, where the headers of the first laps lie.
                flip_a_bit(ring, &mut numbers);
                flip_a_bit(&rings[2].slice(2048 * numbers.below(256) as usize, 64), &mut numbers);
            })
        });
        let ended = ended.unwrap_or_else(|crash| panic!("seed {seed}: no end after step {}", crash.step));
        errors += u32::from(ended.is_err());
        let found = meter.faults();
        faults += found.records + found.commands + meter.driver().faults().completions + meter.driver().faults().rings;
    }
    println!("{errors} of 60 runs were given up, {faults} lies were counted in the others");
    assert!(errors > 0 && faults > 0, "{errors} errors, {faults} faults");
}
