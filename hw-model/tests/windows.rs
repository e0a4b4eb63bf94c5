//! Windows, drain, EXTRACT and READ_ACTIVITY, driven by a host that is only memory.

mod host;

use firmware_abi::descriptor::{Command, FlowRecord, Ledger, LedgerRecord, Opcode, RecordKind, Status, WindowEnd};
use firmware_abi::key::{Direction, SlotAction};
use firmware_abi::time::SECOND_NS;
use host::{Host, Numbers, SCRATCH, START_NS, kind};
use hw_model::Bus as _;
use std::collections::BTreeMap;

const SLOTS_LOG2: u32 = 9;
const FLOWS: u32 = 150;

/// Packets and bytes.
type Sum = (u64, u64);
/// Window, direction, flow.
type Place = (u16, usize, u32);

/// A flow that the host has put into the NIC.
#[derive(Clone)]
struct Entry {
    frame: Vec<u8>,
    slot: [u32; 2],
    /// Number of its last verdict; the cookie has it in its upper half.
    generation: [u32; 2],
}

/// A host with flows in both directions of its NIC, which counts what it sends.
struct Rig {
    host: Host,
    flows: Vec<Entry>,
    numbers: Numbers,
    now_ns: u64,
    sent: BTreeMap<Place, Sum>,
    records: Vec<FlowRecord>,
}

fn cookie(flow: u32, generation: u32) -> u32 {
    generation << 16 | flow
}

impl Rig {
    fn new(seed: u64, record_log2: u32) -> Self {
        let mut host = Host::new(SLOTS_LOG2, record_log2);
        let mut taken = [const { Vec::new() }; 2];
        let mut flows = Vec::new();
        for flow in 0..FLOWS {
            let frame = host::udp(flow, 40 + (flow * 7 % 1000) as u16);
            let slot = Direction::ALL.map(|direction| {
                let key = host::key(&frame, direction);
                let taken = &mut taken[direction.index()];
                let slot = host.place(&key, |slot| taken.contains(&slot)).expect("a slot");
                taken.push(slot);
                host.insert(key, SlotAction::Accept, slot, cookie(flow, 0));
                slot
            });
            flows.push(Entry { frame, slot, generation: [0; 2] });
        }
        let records = host.records(usize::MAX);
        Self { host, flows, numbers: Numbers(seed), now_ns: START_NS, sent: BTreeMap::new(), records }
    }

    /// Sends packets of random flows in window `window`.
    fn send(&mut self, window: u16, packets: usize) {
        for _ in 0..packets {
            self.now_ns += 100;
            let flow = self.numbers.below(u64::from(FLOWS)) as usize;
            let direction = Direction::ALL[self.numbers.below(2) as usize];
            let frame = self.flows[flow].frame.clone();
            self.host.send([(self.now_ns, direction, frame.as_slice())]);
            let sum = self.sent.entry((window, direction.index(), flow as u32)).or_default();
            *sum = (sum.0 + 1, sum.1 + frame.len() as u64 - 14);
        }
    }

    fn turn(&mut self) {
        self.now_ns = (self.now_ns / SECOND_NS + 1) * SECOND_NS;
        self.host.advance(self.now_ns);
    }

    fn take(&mut self, most: usize) -> usize {
        let records = self.host.records(most);
        self.records.extend_from_slice(&records);
        records.len()
    }

    fn command(&self, direction: Direction, flow: usize) -> Command {
        let entry = &self.flows[flow];
        let key = host::key(&entry.frame, direction);
        Command { key, slot: entry.slot[direction.index()], ..Command::default() }
    }

    /// What the flow records of the drains and of EXTRACT add up to.
    fn recorded(&self) -> BTreeMap<Place, Sum> {
        let mut sums: BTreeMap<Place, Sum> = BTreeMap::new();
        for record in self.records.iter().filter(|one| matches!(kind(one), RecordKind::Flow | RecordKind::Evicted)) {
            let direction = record.key.port.direction().index();
            let sum = sums.entry((record.bytes_window.window(), direction, record.cookie & 0xffff)).or_default();
            *sum = (sum.0 + record.packets_first.packets(), sum.1 + record.bytes_window.bytes());
        }
        sums
    }

    /// The ledgers say what the flow records say.
    fn check_ledgers(&self) {
        let mut tallied: BTreeMap<(u16, usize), u64> = BTreeMap::new();
        for ((window, direction, _), (packets, _)) in self.recorded() {
            *tallied.entry((window, direction)).or_default() += packets;
        }
        let mut ledgers = 0;
        for record in self.records.iter().filter(|one| kind(one) == RecordKind::LedgerPackets) {
            let ledger: LedgerRecord = zerocopy::transmute!(*record);
            let (_, direction) = ledger.port();
            let window = ledger.port_window.window();
            let expected = tallied.get(&(window, direction.index())).copied().unwrap_or_default();
            assert_eq!(ledger.counter(Ledger::Tallied as usize), expected, "window {window}, {direction:?}");
            assert_eq!(ledger.counter(Ledger::Offered as usize), expected, "window {window}, {direction:?}");
            ledgers += 1;
        }
        assert!(ledgers >= 2);
    }
}

/// Two windows of traffic; the first one drains in pieces of `piece` records while the second is open.
fn two_windows(record_log2: u32, piece: usize) -> Rig {
    let mut rig = Rig::new(9, record_log2);
    rig.send(0, 3_000);
    rig.turn();
    for _ in 0..60 {
        rig.send(1, 20);
        rig.take(piece);
    }
    while rig.take(piece) > 0 {}
    rig.turn();
    while rig.take(piece) > 0 {}
    rig
}

#[test]
fn a_drain_through_a_tiny_ring_gives_the_same_records_as_through_a_large_one() {
    let large = two_windows(12, usize::MAX);
    for (record_log2, piece) in [(4, 16), (4, 7), (5, 11), (6, 64)] {
        let tiny = two_windows(record_log2, piece);
        assert_eq!(tiny.records, large.records, "ring of 2^{record_log2}, pieces of {piece}");
    }
    assert_eq!(large.recorded(), large.sent);
    large.check_ledgers();
    let ends: Vec<WindowEnd> = large
        .records
        .iter()
        .filter(|one| kind(one) == RecordKind::WindowEnd)
        .map(|record| zerocopy::transmute!(*record))
        .collect();
    let flows = |window: u16| large.sent.keys().filter(|place| place.0 == window).count() as u64;
    assert_eq!(ends.iter().map(|end| end.records).collect::<Vec<_>>(), [flows(0), flows(1)]);
    assert_eq!(ends.iter().map(|end| end.overruns).collect::<Vec<_>>(), [0, 0]);
    assert_eq!((ends[0].start_ns, ends[0].end_ns), (START_NS, START_NS + SECOND_NS));
    assert_eq!((ends[1].start_ns, ends[1].end_ns), (START_NS + SECOND_NS, START_NS + 2 * SECOND_NS));
}

#[test]
fn a_boundary_that_comes_while_draining_is_deferred_counted_and_loses_nothing() {
    let mut rig = Rig::new(3, 4);
    rig.send(0, 2_000);
    rig.turn();
    rig.send(1, 500);
    // The record ring is full, and the second window should have ended by now.
    rig.turn();
    rig.send(1, 500);
    let late_ns = rig.now_ns;
    while rig.take(16) > 0 {}
    rig.turn();
    while rig.take(16) > 0 {}
    assert_eq!(rig.recorded(), rig.sent);
    rig.check_ledgers();
    let ends: Vec<WindowEnd> = rig
        .records
        .iter()
        .filter(|one| kind(one) == RecordKind::WindowEnd)
        .map(|record| zerocopy::transmute!(*record))
        .collect();
    assert_eq!(ends[1].end_ns, late_ns, "the window ended when the drain was done");
    assert_eq!((ends[0].overruns, ends[1].overruns), (1, 1));
    assert_eq!(ends[2].start_ns, ends[1].end_ns, "no gap");
}

#[test]
fn extract_gives_exact_residuals_whatever_drains_and_whatever_is_sent_meanwhile() {
    for seed in 1..=12 {
        let mut rig = Rig::new(seed, 4 + (seed % 3) as u32);
        let mut asked = 0;
        for window in 0..4_u16 {
            for _ in 0..40 {
                let packets = rig.numbers.below(60) as usize;
                rig.send(window, packets);
                let flow = rig.numbers.below(u64::from(FLOWS)) as usize;
                let direction = Direction::ALL[rig.numbers.below(2) as usize];
                let mut command = rig.command(direction, flow);
                rig.flows[flow].generation[direction.index()] += 1;
                command.cookie = cookie(flow as u32, rig.flows[flow].generation[direction.index()]);
                rig.host.submit(Opcode::Update, command);
                asked += 1;
                let most = rig.numbers.below(12) as usize;
                rig.take(most);
            }
            // A window ends only once the one before is out.
            while rig.take(5) > 0 {}
            rig.turn();
        }
        while rig.take(5) > 0 {}
        let mut done = 0;
        while let Some(completion) = rig.host.completion() {
            assert_eq!(completion.tail.status_bits(), Status::Ok as u8);
            done += 1;
        }
        assert_eq!(done, asked, "seed {seed}: every command is answered once there is room");
        assert_eq!(rig.recorded(), rig.sent, "seed {seed}");
        rig.check_ledgers();
        // No record mixes two verdicts: none comes after one of a later verdict of its flow.
        let mut last: BTreeMap<(usize, u32), u32> = BTreeMap::new();
        for record in rig.records.iter().filter(|one| kind(one) == RecordKind::Evicted) {
            let key = (record.key.port.direction().index(), record.cookie & 0xffff);
            let before = last.insert(key, record.cookie >> 16);
            assert!(before.is_none_or(|before| before < record.cookie >> 16), "seed {seed}: {record:?}");
        }
    }
}

#[test]
fn a_removal_while_its_window_drains_leaves_one_record_in_each_window() {
    let mut rig = Rig::new(1, 4);
    let frame = rig.flows[9].frame.clone();
    let bytes = frame.len() as u64 - 14;
    rig.send(0, 2_000);
    rig.host.send([(rig.now_ns, Direction::Egress, frame.as_slice())]);
    rig.turn();
    // The drain waits for room, and the flow goes on in the other bank.
    rig.host.send([(rig.now_ns + 1, Direction::Egress, frame.as_slice())]);
    let command = rig.command(Direction::Egress, 9);
    rig.host.submit(Opcode::Delete, command);
    assert_eq!(rig.host.completion(), None, "a removal waits for room in the record ring");
    // It still counts until it takes effect; then its packets miss.
    rig.host.send([(rig.now_ns + 2, Direction::Egress, frame.as_slice())]);
    while rig.take(3) > 0 {}
    assert_eq!(rig.host.completion().map(|done| done.tail.status_bits()), Some(Status::Ok as u8));
    let of_flow: Vec<(RecordKind, u16, u64, u64)> = rig
        .records
        .iter()
        .filter(|one| matches!(kind(one), RecordKind::Flow | RecordKind::Evicted))
        .filter(|one| one.cookie == 9 && one.key.port.egress())
        .map(|one| (kind(one), one.bytes_window.window(), one.packets_first.packets(), one.bytes_window.bytes()))
        .collect();
    let first = rig.sent.get(&(0, 1, 9)).copied().unwrap_or_default();
    assert_eq!(of_flow, [(RecordKind::Flow, 0, first.0 + 1, first.1 + bytes), (RecordKind::Evicted, 1, 2, 2 * bytes)]);
    assert_eq!(rig.host.command(Opcode::ReadSlot, command).map(|done| done.tail.status_bits()), Some(4));
}

#[test]
fn read_activity_tells_what_was_touched_since_the_last_time_and_leaves_the_counters() {
    let mut rig = Rig::new(1, 10);
    let read = |rig: &mut Rig, arg: u64, first: u32, count: u32| {
        let mut command = Command { slot: first, cookie: count, arg, ..Command::default() };
        command.key.port.set_egress(true);
        let status = rig.host.command(Opcode::ReadActivity, command).map(|done| done.tail.status_bits());
        let mut bits = [0; 64];
        rig.host.nic.bus_mut().read(SCRATCH, &mut bits).expect("it is mapped");
        (status, bits)
    };
    let ok = Some(Status::Ok as u8);
    assert_eq!(read(&mut rig, SCRATCH, 0, 512), (ok, [0; 64]), "programming is no activity");
    let mut expected = [0_u8; 64];
    for flow in [3, 77, 140] {
        let frame = rig.flows[flow].frame.clone();
        rig.host.send([(START_NS, Direction::Egress, frame.as_slice())]);
        let slot = rig.flows[flow].slot[1] as usize;
        expected[slot / 8] |= 1 << (slot % 8);
    }
    let frame = rig.flows[5].frame.clone();
    rig.host.send([(START_NS, Direction::Ingress, frame.as_slice())]);
    let refused = Some(Status::BadArgument as u8);
    for (arg, first, count) in [(SCRATCH + 4, 0, 512), (SCRATCH, 8, 512), (SCRATCH, 0, 64), (SCRATCH, 512, 512)] {
        assert_eq!(read(&mut rig, arg, first, count), (refused, [0; 64]), "at {arg:#x}, {count} from {first}");
    }
    assert_eq!(read(&mut rig, 8, 0, 512).0, Some(Status::DmaFault as u8));
    assert_eq!(read(&mut rig, SCRATCH, 0, 512), (ok, expected), "what was refused has cleared nothing");
    assert_eq!(read(&mut rig, SCRATCH, 0, 512), (ok, [0; 64]));
    rig.turn();
    rig.take(usize::MAX);
    assert_eq!(rig.recorded().values().map(|sum| sum.0).sum::<u64>(), 4, "the counters stayed");
}
