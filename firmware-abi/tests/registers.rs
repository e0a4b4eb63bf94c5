//! The register table is sound, and made from the SystemRDL that lies beside it.

mod fnv;

use firmware_abi::registers::{
    Access, BLOCK_BYTES, Body, Build, COUNTERS, Field, REGISTERS, Register, RingControl, SOURCE_HASH, Sizes,
    UnknownValue, ring_offsets,
};
use firmware_abi::ring::RingId;
use std::collections::BTreeSet;

fn register_at(offset: u32) -> &'static Register {
    REGISTERS.iter().find(|register| register.offset == offset).expect("a register at the offset")
}

#[test]
fn the_generated_registers_are_those_of_the_rdl_file() {
    let source = fnv::fnv1a(include_bytes!("../rdl/weir.rdl"));
    assert_eq!(
        source, SOURCE_HASH,
        "rdl/weir.rdl was edited: run generate/generate.py (its head says how) and commit what it writes"
    );
}

#[test]
fn every_register_has_a_place_of_its_own_in_the_block() {
    let mut names = BTreeSet::new();
    let mut last = None;
    for register in REGISTERS {
        assert_eq!(register.offset % 4, 0, "{} is aligned", register.name);
        assert!(register.offset as usize + 4 <= BLOCK_BYTES, "{} is in the block", register.name);
        assert!(last < Some(register.offset), "{} follows the one before", register.name);
        assert!(names.insert(register.name), "{} is named once", register.name);
        last = Some(register.offset);
    }
}

#[test]
fn fields_do_not_overlap_and_hold_the_reset_value() {
    for register in REGISTERS {
        let mut taken = 0u32;
        assert!(!register.fields.is_empty(), "{} has a field", register.name);
        for field in register.fields {
            assert!(field.lsb <= field.msb && field.msb < 32, "{}.{}", register.name, field.name);
            assert_eq!(taken & field.mask(), 0, "{}.{} overlaps another field", register.name, field.name);
            taken |= field.mask();
        }
        assert_eq!(register.reset & !taken, 0, "{} resets bits that it does not have", register.name);
    }
}

#[test]
fn every_register_and_field_and_value_is_described() {
    for register in REGISTERS {
        assert!(register.description.ends_with('.'), "{}", register.name);
        for field in register.fields {
            assert!(field.description.ends_with('.'), "{}.{}", register.name, field.name);
            for value in field.values {
                assert!(value.description.ends_with('.'), "{}.{}.{}", register.name, field.name, value.name);
                assert_eq!(value.value & !(field.mask() >> field.lsb), 0, "{} fits its field", value.name);
            }
        }
    }
}

#[test]
fn each_ring_is_where_its_number_says_and_the_host_writes_only_its_own_index() {
    for (number, id) in (0u32..).zip(RingId::ALL) {
        let ring = ring_offsets(id);
        let offsets = [
            ring.base_lo,
            ring.base_hi,
            ring.size_log2,
            ring.producer,
            ring.consumer,
            ring.control,
            ring.drops,
            ring.high_water,
        ];
        assert_eq!(
            offsets,
            core::array::from_fn(|index| ring_offsets(RingId::Command).base_lo + number * 0x20 + 4 * index as u32)
        );
        let (own, other) =
            if id.host_produces() { (ring.producer, ring.consumer) } else { (ring.consumer, ring.producer) };
        assert_eq!(register_at(own).access, Access::ReadWrite, "{id:?}");
        assert_eq!(register_at(other).access, Access::ReadOnly, "{id:?}");
    }
}

#[test]
fn each_counter_is_a_pair_of_registers_and_no_other_register_is_a_counter() {
    let mut halves = Vec::new();
    for counter in COUNTERS {
        for (offset, half) in [(counter.lo, "LO"), (counter.lo + 4, "HI")] {
            let register = register_at(offset);
            assert_eq!(register.name, format!("{}_{half}", counter.name));
            assert_eq!(register.access, Access::ReadOnly);
            assert!(register.counter);
            halves.push(offset);
        }
        assert_eq!(counter.lo % 8, 0, "{} can be read by one 64-bit access one day", counter.name);
    }
    let flagged: Vec<u32> =
        REGISTERS.iter().filter(|register| register.counter).map(|register| register.offset).collect();
    assert_eq!(flagged, halves);
}

#[test]
fn a_field_is_cut_out_of_its_register() {
    let field = Field { name: "", msb: 11, lsb: 8, access: Access::ReadOnly, description: "", values: &[] };
    assert_eq!(field.mask(), 0xf00);
    assert_eq!(field.extract(0xabcd_e3ff), 3);
    let whole = Field { msb: 31, lsb: 0, ..field };
    assert_eq!(whole.mask(), u32::MAX);
}

#[test]
fn the_value_types_agree_with_the_table() {
    let sizes = register_at(firmware_abi::registers::offset::SIZES);
    let value = Sizes(0x0080_c311 | 5 << 20);
    let cut: Vec<u32> = sizes.fields.iter().map(|field| field.extract(value.0)).collect();
    let typed = [value.slots_log2(), value.ways_log2(), value.enis_log2(), value.vectors()].map(u32::from);
    assert_eq!(cut, typed);

    let mut control = RingControl(0);
    control.set_enable(true);
    control.set_vector(0x2a);
    assert_eq!(control.0, 0x2a01);
}

#[test]
fn an_enumerated_field_with_an_unknown_number_is_an_error_that_names_it() {
    assert_eq!(Build(0x0100_0007).body(), Ok(Body::Model));
    assert_eq!(Build(0xff00_0007).body(), Err(UnknownValue { field: "BUILD.body", found: 0xff }));
    let text = Build(0xff00_0000).body().expect_err("255 is no body").to_string();
    assert_eq!(text, "BUILD.body holds 255, which has no meaning");
}
