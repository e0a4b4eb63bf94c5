//! Typed access to BAR0.
//!
//! ```text
//!   io.write(|r| &r.punt_consumer, t)
//!             │        │
//!             │        └ RW<u32> or WO<u32>, or it does not compile
//!             ▼
//!   Block, laid out like BAR0 ──▶ offset 0x170 ──▶ store(0x170, t): a mov on a mapped BAR,
//!   (never read or written)       a constant        a direct call on the simulated NIC
//! ```
//!
//! - A body says how 32 bits at an offset are loaded and stored, nothing else: [`RegIo::load`] and
//!   [`RegIo::store`]. Everything typed is made of these two.
//! - The selector is applied to a [`Block`] that stands for the layout alone; how far the selected
//!   register lies from the block's start is its offset. Both addresses belong to one static, so the
//!   compiler subtracts them: in a release build a typed access has a constant offset.
//! - [`RingRegisters`] serves code that is generic over the ring. The host can write its own index
//!   through it, and only that one.
//! - No read has a side effect, so reading is always safe; what a write does, the register's
//!   description says. After a surprise removal every read is all ones: whoever waits on a bit must
//!   bound the wait.

use firmware_abi::registers::{Block, Counter, RO, RW, RingControl, RingOffsets, WO, ring_offsets};
use firmware_abi::ring::RingId;

/// A register that can be read.
pub trait Readable: sealed::Cell {}
/// A register that can be written.
pub trait Writable: sealed::Cell {}

impl Readable for RO<u32> {}
impl Readable for RW<u32> {}
impl Writable for WO<u32> {}
impl Writable for RW<u32> {}

mod sealed {
    use firmware_abi::registers::{RO, RW, WO};

    /// One 32-bit register of the block.
    pub trait Cell: 'static {}
    impl Cell for RO<u32> {}
    impl Cell for RW<u32> {}
    impl Cell for WO<u32> {}
}

/// Access to the registers of one NIC.
///
/// Writing a register that is read only does not compile:
///
/// ```compile_fail,E0277
/// fn set(io: &impl driver::regio::RegIo) {
///     io.write(|r| &r.punt_producer, 1);
/// }
/// ```
///
/// nor does reading one that is write only:
///
/// ```compile_fail,E0277
/// fn get(io: &impl driver::regio::RegIo) -> u32 {
///     io.read(|r| &r.snapshot)
/// }
/// ```
///
/// while these do:
///
/// ```
/// fn both(io: &impl driver::regio::RegIo) -> u32 {
///     io.write(|r| &r.snapshot, 1);
///     io.write(|r| &r.punt_consumer, 7);
///     io.read(|r| &r.punt_producer)
/// }
/// ```
pub trait RegIo {
    /// Loads the register at `offset`, a multiple of 4 below [`firmware_abi::registers::BLOCK_BYTES`].
    fn load(&self, offset: u32) -> u32;

    /// Stores to the register at `offset`, as [`RegIo::load`]. Whatever the host wrote to memory
    /// before, the NIC sees before this.
    fn store(&self, offset: u32, value: u32);

    /// Reads the selected register.
    #[inline(always)]
    fn read<R: Readable>(&self, select: impl FnOnce(&Block) -> &R) -> u32
    where
        Self: Sized,
    {
        self.load(offset(select))
    }

    /// Writes the selected register.
    #[inline(always)]
    fn write<R: Writable>(&self, select: impl FnOnce(&Block) -> &R, value: u32)
    where
        Self: Sized,
    {
        self.store(offset(select), value);
    }

    /// Reads a pair of registers, low half first: `io.read_wide(|r| (&r.time_lo, &r.time_hi))`.
    /// The halves agree, as such pairs change only when SNAPSHOT is written.
    #[inline(always)]
    fn read_wide<L: Readable, H: Readable>(&self, select: impl Fn(&Block) -> (&L, &H)) -> u64
    where
        Self: Sized,
    {
        let low = self.load(offset(|r| select(r).0));
        let high = self.load(offset(|r| select(r).1));
        u64::from(high) << 32 | u64::from(low)
    }

    /// Writes a pair of registers, low half first: the high half is the one that takes effect.
    #[inline(always)]
    fn write_wide<L: Writable, H: Writable>(&self, select: impl Fn(&Block) -> (&L, &H), value: u64)
    where
        Self: Sized,
    {
        self.store(offset(|r| select(r).0), value as u32);
        self.store(offset(|r| select(r).1), (value >> 32) as u32);
    }

    /// What `counter` stood at when SNAPSHOT was last written.
    fn counter(&self, counter: &Counter) -> u64 {
        u64::from(self.load(counter.lo + 4)) << 32 | u64::from(self.load(counter.lo))
    }

    /// The registers of the ring `id`.
    #[inline(always)]
    fn ring(&self, id: RingId) -> RingRegisters<'_, Self>
    where
        Self: Sized,
    {
        RingRegisters { io: self, id, offsets: ring_offsets(id) }
    }
}

impl<T: RegIo + ?Sized> RegIo for &T {
    #[inline(always)]
    fn load(&self, offset: u32) -> u32 {
        (**self).load(offset)
    }

    #[inline(always)]
    fn store(&self, offset: u32, value: u32) {
        (**self).store(offset, value);
    }
}

/// The registers of one ring, for code that serves any ring.
pub struct RingRegisters<'a, I> {
    io: &'a I,
    id: RingId,
    offsets: RingOffsets,
}

impl<I: RegIo> RingRegisters<'_, I> {
    /// Which ring these are.
    #[must_use]
    pub fn id(&self) -> RingId {
        self.id
    }

    /// Says where the ring is and how many entries it has. Only while the ring is disabled.
    pub fn place(&self, base_iova: u64, size_log2: u32) {
        self.io.store(self.offsets.base_lo, base_iova as u32);
        self.io.store(self.offsets.base_hi, (base_iova >> 32) as u32);
        self.io.store(self.offsets.size_log2, size_log2);
    }

    /// Where the ring is, as the NIC has it.
    #[must_use]
    pub fn base_iova(&self) -> u64 {
        u64::from(self.io.load(self.offsets.base_hi)) << 32 | u64::from(self.io.load(self.offsets.base_lo))
    }

    /// How many entries the ring has, as the NIC has it.
    #[must_use]
    pub fn size_log2(&self) -> u32 {
        self.io.load(self.offsets.size_log2)
    }

    /// Whether the ring is in use, and its vector.
    #[must_use]
    pub fn control(&self) -> RingControl {
        RingControl(self.io.load(self.offsets.control))
    }

    /// Sets whether the ring is in use, and its vector.
    pub fn set_control(&self, control: RingControl) {
        self.io.store(self.offsets.control, control.0);
    }

    /// The index that the producer has reached.
    #[inline(always)]
    #[must_use]
    pub fn producer(&self) -> u32 {
        self.io.load(self.offsets.producer)
    }

    /// The index that the consumer has reached.
    #[inline(always)]
    #[must_use]
    pub fn consumer(&self) -> u32 {
        self.io.load(self.offsets.consumer)
    }

    /// The NIC's index: of a ring that the host fills the consumer, of another the producer.
    #[inline(always)]
    #[must_use]
    pub fn nic_index(&self) -> u32 {
        if self.id.host_produces() { self.consumer() } else { self.producer() }
    }

    /// The host's index: of a ring that the host fills the producer, of another the consumer.
    #[inline(always)]
    #[must_use]
    pub fn host_index(&self) -> u32 {
        if self.id.host_produces() { self.producer() } else { self.consumer() }
    }

    /// Sets the host's index: the doorbell of a ring that the host fills, the room given back in
    /// another.
    #[inline(always)]
    pub fn set_host_index(&self, index: u32) {
        let offset = if self.id.host_produces() { self.offsets.producer } else { self.offsets.consumer };
        self.io.store(offset, index);
    }

    /// Frames that found no room.
    #[must_use]
    pub fn drops(&self) -> u32 {
        self.io.load(self.offsets.drops)
    }

    /// Most entries that were in the ring at once.
    #[must_use]
    pub fn high_water(&self) -> u32 {
        self.io.load(self.offsets.high_water)
    }
}

/// The block that selectors select from: only the addresses of its registers count.
struct Layout(Block);

// SAFETY: a `Block` is not `Sync` because its registers have interior mutability. `LAYOUT` is private
// and reaches safe code only as the `&Block` that `offset` lends a selector. All that safe code can
// do with that is to take addresses and to read, which cannot race: writing a register cell is an
// unsafe function, and no code of ours calls it.
unsafe impl Sync for Layout {}

// SAFETY: a `Block` is `repr(C)` and made of `u32`s, bare or in transparent cells, for which all
// zeros is a value.
static LAYOUT: Layout = Layout(unsafe { core::mem::zeroed() });

/// The offset of the selected register.
///
/// # Panics
///
/// If the selector returns something that is not part of the block it was given.
#[inline(always)]
fn offset<R: sealed::Cell>(select: impl FnOnce(&Block) -> &R) -> u32 {
    let start = core::ptr::from_ref(&LAYOUT.0).addr();
    let offset = core::ptr::from_ref(select(&LAYOUT.0)).addr().wrapping_sub(start);
    assert!(offset < size_of::<Block>(), "a selector selects a register of the block it is given");
    offset as u32
}

#[cfg(test)]
mod tests {
    use super::RegIo;
    use firmware_abi::registers::{COUNTERS, REGISTERS, RingControl, offset};
    use firmware_abi::ring::RingId;
    use std::cell::RefCell;

    /// Memory that remembers what was stored to it, and loads as its offset's complement elsewhere.
    #[derive(Default)]
    struct Stores(RefCell<Vec<(u32, u32)>>);

    impl RegIo for Stores {
        fn load(&self, offset: u32) -> u32 {
            let stores = self.0.borrow();
            let last = stores.iter().rev().find(|(at, _)| *at == offset);
            last.map_or(!offset, |(_, value)| *value)
        }

        fn store(&self, offset: u32, value: u32) {
            self.0.borrow_mut().push((offset, value));
        }
    }

    #[test]
    fn a_selector_reaches_the_register_it_names_and_no_other() {
        let io = Stores::default();
        io.write(|r| &r.punt_consumer, 7);
        io.write(|r| &r.scratch, 8);
        assert_eq!(*io.0.borrow(), [(offset::PUNT_CONSUMER, 7), (offset::SCRATCH, 8)]);
        assert_eq!(io.read(|r| &r.punt_consumer), 7);
        assert_eq!(io.read(|r| &r.magic), !offset::MAGIC);
        assert_eq!(io.read(|r| &r.slot_data[15]), !(offset::SLOT_DATA + 60));
    }

    #[test]
    fn a_pair_is_read_and_written_low_half_first() {
        let io = Stores::default();
        io.write_wide(|r| (&r.time_set_lo, &r.time_set_hi), 0x1122_3344_5566_7788);
        assert_eq!(*io.0.borrow(), [(offset::TIME_SET_LO, 0x5566_7788), (offset::TIME_SET_HI, 0x1122_3344)]);
        io.store(offset::TIME_LO, 0x5566_7788);
        io.store(offset::TIME_HI, 0x1122_3344);
        assert_eq!(io.read_wide(|r| (&r.time_lo, &r.time_hi)), 0x1122_3344_5566_7788);
    }

    #[test]
    fn every_counter_is_read_from_its_own_two_registers() {
        let io = Stores::default();
        for counter in COUNTERS {
            assert_eq!(
                io.counter(counter),
                u64::from(!(counter.lo + 4)) << 32 | u64::from(!counter.lo),
                "{}",
                counter.name
            );
        }
    }

    #[test]
    fn a_ring_is_set_up_and_rung_through_its_own_registers_only() {
        for id in RingId::ALL {
            let io = Stores::default();
            let ring = io.ring(id);
            ring.place(0x1_2345_6000, 10);
            let mut control = RingControl(0);
            control.set_enable(true);
            control.set_vector(3);
            ring.set_control(control);
            ring.set_host_index(5);
            let name = |at: u32| REGISTERS.iter().find(|register| register.offset == at).map(|register| register.name);
            let prefix = format!("{id:?}").to_uppercase();
            let own = if id.host_produces() { "PRODUCER" } else { "CONSUMER" };
            let expected = [("BASE_LO", 0x2345_6000), ("BASE_HI", 1), ("SIZE_LOG2", 10), ("CONTROL", 0x301), (own, 5)];
            assert_eq!(io.0.borrow().len(), expected.len());
            for ((at, value), (register, expected)) in io.0.borrow().iter().zip(expected) {
                assert_eq!((name(*at), *value), (Some(format!("{prefix}_{register}").as_str()), expected));
            }
            assert_eq!(
                (ring.base_iova(), ring.size_log2(), ring.control(), ring.host_index()),
                (0x1_2345_6000, 10, control, 5)
            );
            let other = if id.host_produces() { ring.consumer() } else { ring.producer() };
            assert_eq!(ring.nic_index(), other);
        }
    }
}
