//! Memory shared with the device: nothing outside of it can be reached.

use driver::{DmaMemory, Iova};
use std::panic::catch_unwind;

fn memory() -> DmaMemory {
    DmaMemory::heap("test", 128, Iova(0x4000)).expect("128 bytes")
}

#[test]
fn it_starts_zeroed_and_holds_what_is_stored() {
    let memory = memory();
    assert_eq!(memory.load::<[u64; 16]>(0), [0; 16]);
    memory.store(64, [1_u64, 2, 3, 4, 5, 6, 7, 8]);
    memory.store_release(60, 0x8000_0001);
    assert_eq!(memory.load_acquire(60), 0x8000_0001);
    assert_eq!(memory.load::<[u64; 8]>(64), [1, 2, 3, 4, 5, 6, 7, 8]);
    memory.zero();
    assert_eq!(memory.load::<[u64; 16]>(0), [0; 16]);
}

#[test]
fn a_slice_is_the_same_memory_further_on() {
    let memory = memory();
    let slice = memory.slice(64, 32);
    assert_eq!((slice.iova(), slice.bytes()), (Iova(0x4040), 32));
    slice.store(8, 7_u32);
    assert_eq!(memory.load::<u32>(72), 7);
    drop(memory);
    assert_eq!(slice.load::<u32>(8), 7, "any handle keeps the memory alive");
}

#[test]
fn bytes_are_copied_in_out_and_across() {
    let memory = memory();
    memory.copy_in(3, b"weir");
    let other = self::memory();
    other.copy_from(121, &memory, 3, 4);
    let mut bytes = [0; 7];
    other.copy_out(121, &mut bytes);
    assert_eq!(&bytes, b"weir\0\0\0");
    // Within one memory, overlapping.
    memory.copy_from(5, &memory, 3, 4);
    memory.copy_out(3, &mut bytes);
    assert_eq!(&bytes, b"weweir\0");
}

#[test]
fn every_access_out_of_bounds_or_unaligned_panics() {
    let accesses: [fn(&DmaMemory); 13] = [
        |memory| _ = memory.load::<u64>(121),
        |memory| _ = memory.load::<u64>(128),
        |memory| _ = memory.load::<[u64; 8]>(72),
        |memory| _ = memory.load::<u64>(usize::MAX - 7),
        |memory| _ = memory.load::<u32>(2),
        |memory| memory.store(4, 0_u64),
        |memory| memory.store(128, 0_u32),
        |memory| _ = memory.load_acquire(128),
        |memory| memory.store_release(126, 0),
        |memory| memory.copy_out(120, &mut [0; 9]),
        |memory| memory.copy_in(usize::MAX, &[0]),
        |memory| memory.copy_from(0, &memory.slice(64, 8), 0, 9),
        |memory| _ = memory.slice(64, 72),
    ];
    for (index, access) in accesses.into_iter().enumerate() {
        assert!(catch_unwind(|| access(&memory())).is_err(), "access {index} went through");
    }
}

#[test]
fn a_prefetch_past_the_end_does_nothing() {
    memory().prefetch(1 << 40);
}
