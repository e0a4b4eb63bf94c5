//! The dumps of `tests/dumps/`: each is what a NIC in that state gives, now. `WEIR_BLESS=1` writes them anew.

use driver::device::Device as _;
use driver::dump::{Extent, MapHash, Presence, capture};
use firmware_abi::registers::offset;
use firmware_abi::ring::RingId;
use sim::card::{Card, Parameters};
use sim::faults::Removable;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use weir::diag::{File, Select, SimOptions, Source};
use weir_tests::probe::{Probe, RING_LOG2};
use weir_tests::rig::{Deaths, Rig};
use weir_tests::scenario::Scenario;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Holds a dump to the committed one.
fn hold(name: &str, file: &File) {
    let path = root().join("tests/dumps").join(name);
    let mut text = serde_json::to_string_pretty(file).expect("JSON");
    text.push('\n');
    if std::env::var_os("WEIR_BLESS").is_some() {
        std::fs::write(&path, &text).expect("a file");
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == text, "tests/dumps/{name} is not what the NIC gives (WEIR_BLESS=1 writes it)");
    assert_eq!(File::load(&path, true).ok().as_ref(), Some(file), "it is read back as it was");
}

/// Dumps are of the model, whatever the other tests run on.
fn model(parameters: Parameters) -> Rc<Card> {
    Card::new(parameters).expect("a NIC")
}

fn simulated(options: &SimOptions) -> File {
    let source = Source::open(&Select::Sim(options.clone())).unwrap_or_else(|error| panic!("{error}"));
    source.take(Extent::Everything).unwrap_or_else(|error| panic!("{error}"))
}

fn small() -> File {
    simulated(&SimOptions {
        captures: vec![root().join("examples/small.pcap")],
        config: Some(root().join("examples/small.toml")),
        ..SimOptions::default()
    })
}

#[test]
fn small_is_a_nic_that_is_well() {
    let file = small();
    assert_eq!(file.nic.presence, Presence::Present);
    assert_eq!(file.nic.moment.map(|moment| moment.skew), Some(driver::dump::Skew::default()));
    hold("small.json", &file);
}

/// A NIC whose host has judged 300 frames and then did not get to run for 300 more.
#[test]
fn overload_is_a_nic_whose_host_is_too_slow() {
    let mut scenario = Scenario { frames_per_change: None, stateful: true, ..Scenario::short(3) };
    scenario.traffic.packets_per_second = 2_000;
    scenario.traffic.packets = 600;
    scenario.meter.rings.punt_log2 = 5;
    let mut rig = Rig::on(model(scenario.parameters), &scenario, Deaths::default());
    rig.present();
    rig.poll();
    rig.play_frames(0..300);
    rig.sleep(u64::MAX);
    rig.play_frames(300..600);
    let now_ns = rig.card.now_ns();
    let meter = rig.present();
    let mut file = File::of(capture(meter.driver().device().io(), Extent::Everything).expect("a picture"));
    let mut host = meter.picture(now_ns);
    host.enis = (0..scenario.ports).filter_map(|port| format!("eni-0000000{port}").parse().ok()).collect();
    (file.driver, file.host) = (Some(meter.driver().dump()), Some(host));
    assert!(file.nic.value(offset::PUNT_DROPS).is_some_and(|drops| drops > 0), "frames found no room");
    hold("overload.json", &file);
}

#[test]
fn stopped_ring_is_a_nic_whose_driver_jumped_an_index() {
    let card = model(Parameters { slots_log2: 7, enis_log2: 1 });
    let probe = Probe::on(card, [RING_LOG2; 5]).set_up();
    probe.store(firmware_abi::registers::ring_offsets(RingId::Command).producer, 1000);
    let nic = capture(probe.device.io(), Extent::Everything).expect("a picture");
    assert_eq!(nic.value(offset::RING_FAULTS), Some(1), "the command ring has stopped");
    hold("stopped-ring.json", &File::of(nic));
}

#[test]
fn gone_is_a_nic_that_fell_off_the_bus() {
    let card = model(Parameters { slots_log2: 7, enis_log2: 1 });
    let device = Removable::new(Rc::new(card.device()));
    device.set_gone(true);
    let nic = capture(device.io(), Extent::Everything).expect("a picture");
    assert_eq!((nic.presence, nic.tables.is_some()), (Presence::Gone, false));
    hold("gone.json", &File::of(nic));
}

#[test]
fn older_map_is_a_dump_of_an_earlier_register_map() {
    let mut file = small();
    file.nic.map_hash = MapHash(0x0123_4567_89ab_cdef);
    // The earlier map had no scratch register, and another name for the clock.
    file.nic.registers.retain(|register| register.offset != offset::SCRATCH);
    for register in file.nic.registers.iter_mut().filter(|register| register.offset == offset::CLOCK_KHZ) {
        register.name = "CLOCK".to_owned();
    }
    hold("older-map.json", &file);
}
