//! A NIC that is at least as strict as hardware: registers and rings.

use driver::device::Device;
use driver::regio::RegIo;
use firmware_abi::descriptor::{Command, Completion, Opcode, Status};
use firmware_abi::registers::{Access, BLOCK_BYTES, Errors, REGISTERS, RingFaults};
use firmware_abi::ring::{PHASE_BIT, RingId};
use weir_tests::probe::{Moved, Probe, RING_LOG2, ring_register};

fn errors(set: impl FnOnce(&mut Errors)) -> u32 {
    let mut errors = Errors(0);
    set(&mut errors);
    errors.0
}

fn fault(id: RingId) -> u32 {
    let mut faults = RingFaults(0);
    match id {
        RingId::Command => faults.set_command(true),
        RingId::Completion => faults.set_completion(true),
        RingId::Record => faults.set_record(true),
        RingId::Punt => faults.set_punt(true),
        RingId::Inject => faults.set_inject(true),
    }
    faults.0
}

#[test]
fn a_misaligned_ring_does_not_start() {
    for id in RingId::ALL {
        let mut probe = Probe::powered();
        let base = probe.rings[id as usize].iova().0;
        let alignment = ((id.entry_bytes() << RING_LOG2) as u64).min(4096);
        for offset in [1, 4, 64, alignment / 2] {
            let moved = Moved { errors: errors(|e| e.set_ring_setup(true)), faults: fault(id), ..Moved::default() };
            probe.expect(&format!("{id:?} + {offset}"), &moved, |probe| probe.enable(id, base + offset));
            assert!(!probe_enabled(&probe, id), "{id:?}");
            probe.disable(id);
        }
        probe.enable(id, base);
        assert!(probe_enabled(&probe, id), "{id:?} starts where it may");
    }
}

fn probe_enabled(probe: &Probe, id: RingId) -> bool {
    probe.device.io().ring(id).control().enable()
}

#[test]
fn a_ring_of_impossible_size_or_past_the_end_of_memory_does_not_start() {
    for id in RingId::ALL {
        let mut probe = Probe::powered();
        let moved = Moved { errors: errors(|e| e.set_ring_setup(true)), faults: fault(id), ..Moved::default() };
        for size_log2 in [0, 3, 25, 31, 32, 33, 64, u32::MAX] {
            probe.expect(&format!("{id:?} of 2^{size_log2}"), &moved, |probe| {
                probe.store(ring_register(id, |ring| ring.size_log2), size_log2);
                probe.store(ring_register(id, |ring| ring.control), 1);
            });
            assert!(!probe_enabled(&probe, id));
            probe.disable(id);
        }
        let last = 0_u64.wrapping_sub(((id.entry_bytes() << RING_LOG2) as u64).min(4096));
        probe.expect(&format!("{id:?} past the end"), &moved, |probe| probe.enable(id, last));
    }
}

#[test]
fn a_write_to_what_is_not_there_or_read_only_is_refused_and_counted() {
    let mut probe = Probe::running();
    let refused = Moved {
        counters: vec![("WRITES_REFUSED", 1)],
        errors: errors(|e| e.set_register_write(true)),
        ..Moved::default()
    };
    let known = |at: u32| REGISTERS.iter().find(|register| register.offset == at);
    for at in (0..BLOCK_BYTES as u32).step_by(4) {
        match known(at) {
            Some(register) if register.access != Access::ReadOnly => {}
            register => {
                let name = register.map_or("nothing", |register| register.name);
                probe.expect(&format!("{name} at {at:#x}"), &refused, |probe| probe.store(at, u32::MAX));
            }
        }
    }
    for at in [1, 2, 3, BLOCK_BYTES as u32, BLOCK_BYTES as u32 + 4, 0xffff_fffc, u32::MAX] {
        probe.expect(&format!("{at:#x}"), &refused, |probe| probe.store(at, 1));
    }
    for id in RingId::ALL {
        for at in [
            ring_register(id, |ring| ring.base_lo),
            ring_register(id, |ring| ring.base_hi),
            ring_register(id, |ring| ring.size_log2),
        ] {
            probe.expect(&format!("{id:?} moved while it runs"), &refused, |probe| probe.store(at, 0));
        }
    }
}

#[test]
fn an_index_that_jumps_stops_its_ring_and_moves_nothing() {
    for id in RingId::ALL {
        for jump in [(1 << RING_LOG2) + 1, 1 << 31, u32::MAX] {
            let mut probe = Probe::running();
            let own = ring_register(id, if id.host_produces() { |ring| ring.producer } else { |ring| ring.consumer });
            let moved = Moved { errors: errors(|e| e.set_index(true)), faults: fault(id), ..Moved::default() };
            let index = probe.next[id as usize].wrapping_add(jump);
            probe.expect(&format!("{id:?} by {jump}"), &moved, |probe| probe.store(own, index));
        }
    }
    // A NIC's ring cannot be given back what was never in it.
    for id in [RingId::Completion, RingId::Record, RingId::Punt] {
        let mut probe = Probe::running();
        let moved = Moved { errors: errors(|e| e.set_index(true)), faults: fault(id), ..Moved::default() };
        let (at, index) = (ring_register(id, |ring| ring.consumer), probe.next[id as usize] + 1);
        probe.expect(&format!("{id:?} by 1"), &moved, |probe| probe.store(at, index));
    }
}

#[test]
fn a_command_of_the_wrong_lap_is_answered_so_and_not_executed() {
    let mut probe = Probe::running();
    let moved = Moved {
        counters: vec![("PHASE_REFUSED", 1), ("DMA_WRITE_BYTES", 16)],
        errors: errors(|e| e.set_phase(true)),
        indices: vec![(RingId::Command, 1, 1), (RingId::Completion, 1, 0)],
        ..Moved::default()
    };
    probe.expect("wrong phase", &moved, |probe| {
        let at = (probe.next[RingId::Command as usize] % (1 << RING_LOG2)) as usize * 64;
        let mut command = Command::default();
        command.tail.set_opcode_bits(Opcode::SetEni as u8);
        probe.put(RingId::Command, command);
        let last: u32 = probe.rings[0].load(at + 60);
        probe.rings[0].store(at + 60, last ^ PHASE_BIT);
        probe.doorbell(RingId::Command);
    });
    let completion: Completion = probe.take(RingId::Completion).expect("it is answered");
    assert_eq!(Status::from_bits(completion.tail.status_bits()), Some(Status::BadPhase));
}

#[test]
fn an_inject_of_the_wrong_lap_is_counted_and_not_executed() {
    let mut probe = Probe::running();
    let moved = Moved {
        counters: vec![("PHASE_REFUSED", 1)],
        errors: errors(|e| e.set_phase(true)),
        indices: vec![(RingId::Inject, 1, 1)],
        ..Moved::default()
    };
    probe.expect("wrong phase", &moved, |probe| {
        probe.put(RingId::Inject, firmware_abi::frame::FrameHeader::default());
        let memory = &probe.rings[RingId::Inject as usize];
        let last: u32 = memory.load(60);
        memory.store(60, last ^ PHASE_BIT);
        probe.doorbell(RingId::Inject);
    });
}

#[test]
fn sticky_errors_stay_until_they_are_cleared_one_by_one() {
    let probe = Probe::running();
    probe.store(0, 1);
    probe.store(ring_register(RingId::Punt, |ring| ring.consumer), 1 << 20);
    let both = errors(|e| {
        e.set_register_write(true);
        e.set_index(true);
    });
    assert_eq!(probe.picture().errors.0, both);
    probe.store(firmware_abi::registers::offset::ERRORS_CLEAR, errors(|e| e.set_register_write(true)));
    assert_eq!(probe.picture().errors.0, errors(|e| e.set_index(true)));
}
