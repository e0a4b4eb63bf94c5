//! What goes wrong around a NIC: the driver's process dies, interrupts get lost, memory is taken
//! away, the device falls off the bus, descriptors lie.
//!
//! ```text
//!   Meter ─▶ Driver ─▶ Crashing ─▶ Removable ─▶ SimDevice ─▶ Card, which outlives them all
//!                         │            └ reads all ones, from some time on
//!                         └ burns a fuse at every step, register write and memory request;
//!                           when it is spent, unwinds up to `run_until_crash`
//! ```
//!
//! A crash is an unwinding that runs no panic hook and that nobody but [`run_until_crash`] catches:
//! what the driver held in its own memory is dropped, what it stored in shared memory stays.
//! Nothing here knows a clock or randomness but [`Numbers`], which is seeded.

use driver::device::{Device, DeviceError};
use driver::dma::DmaMemory;
use driver::regio::RegIo;
use std::cell::Cell;
use std::os::fd::OwnedFd;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;

/// Reproducible numbers: SplitMix64 (Steele, Lea and Flood, 2014).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Numbers {
    state: u64,
}

impl Numbers {
    /// Those that start with `seed`.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// The next 64 bits.
    pub fn next_bits(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.state;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    /// The next number below `limit`, which is not 0.
    pub fn below(&mut self, limit: u64) -> u64 {
        ((u128::from(self.next_bits()) * u128::from(limit)) >> 64) as u64
    }

    /// True in `permille` of a thousand cases.
    pub fn happens(&mut self, permille: u64) -> bool {
        self.below(1000) < permille
    }
}

/// The process died.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Crashed {
    /// The step that did not return, counted since the fuse was made.
    pub step: u64,
}

/// What a crash unwinds with; private, so that nobody else can take it for his own.
struct CrashPayload(Crashed);

/// Counts the steps of a process down to its death.
#[derive(Debug)]
pub struct Fuse {
    left: Cell<u64>,
    steps: Cell<u64>,
}

impl Default for Fuse {
    fn default() -> Self {
        Self { left: Cell::new(u64::MAX), steps: Cell::new(0) }
    }
}

impl Fuse {
    /// A fuse that is not lit.
    #[must_use]
    pub fn new() -> Rc<Self> {
        Rc::default()
    }

    /// Lets `steps` more steps return, and not the one after them.
    pub fn light(&self, steps: u64) {
        self.left.set(steps);
    }

    /// Nothing more will happen.
    pub fn put_out(&self) {
        self.left.set(u64::MAX);
    }

    /// Steps that were taken so far.
    #[must_use]
    pub fn steps(&self) -> u64 {
        self.steps.get()
    }

    /// One step. Unwinds when the fuse is spent, which puts it out.
    #[inline]
    pub fn burn(&self) {
        let (left, step) = (self.left.get(), self.steps.get());
        self.steps.set(step + 1);
        if left == 0 {
            self.put_out();
            resume_unwind(Box::new(CrashPayload(Crashed { step })));
        }
        if left != u64::MAX {
            self.left.set(left - 1);
        }
    }
}

/// Runs `process` until it returns or dies of a [`Fuse`]. Every other panic goes on.
///
/// What `process` has borrowed is in the state in which it died: drop it.
///
/// # Errors
/// When it died.
pub fn run_until_crash<T>(process: impl FnOnce() -> T) -> Result<T, Crashed> {
    catch_unwind(AssertUnwindSafe(process)).map_err(|payload| match payload.downcast::<CrashPayload>() {
        Ok(crash) => crash.0,
        Err(other) => resume_unwind(other),
    })
}

/// A device whose driver dies when a [`Fuse`] is spent.
#[derive(Clone, Debug)]
pub struct Crashing<D> {
    io: CrashingIo<D>,
}

impl<D> Crashing<D> {
    /// `device`, with a fuse.
    #[must_use]
    pub const fn new(device: Rc<D>, fuse: Rc<Fuse>) -> Self {
        Self { io: CrashingIo { device, fuse } }
    }
}

/// BAR0 of a [`Crashing`] device.
#[derive(Clone, Debug)]
pub struct CrashingIo<D> {
    device: Rc<D>,
    fuse: Rc<Fuse>,
}

impl<D: Device> RegIo for CrashingIo<D> {
    fn load(&self, offset: u32) -> u32 {
        self.device.io().load(offset)
    }

    fn store(&self, offset: u32, value: u32) {
        self.fuse.burn();
        self.device.io().store(offset, value);
    }
}

impl<D: Device> Device for Crashing<D> {
    type Io = CrashingIo<D>;

    fn io(&self) -> &CrashingIo<D> {
        &self.io
    }

    fn dma(&self, name: &str, bytes: usize) -> Result<DmaMemory, DeviceError> {
        self.io.fuse.burn();
        self.io.device.dma(name, bytes)
    }

    fn vector(&self, index: u32) -> Result<OwnedFd, DeviceError> {
        self.io.device.vector(index)
    }

    fn reset(&self) -> Result<(), DeviceError> {
        self.io.fuse.burn();
        self.io.device.reset()
    }

    #[inline]
    fn step(&self) {
        self.io.fuse.burn();
    }

    fn relax(&self) {
        self.io.device.relax();
    }
}

/// A device that can fall off the bus: from then on every read is all ones and every write is lost.
#[derive(Clone, Debug)]
pub struct Removable<D> {
    io: RemovableIo<D>,
}

/// BAR0 of a [`Removable`] device.
#[derive(Clone, Debug)]
pub struct RemovableIo<D> {
    device: Rc<D>,
    gone: Rc<Cell<bool>>,
}

impl<D> Removable<D> {
    /// `device`, which is there.
    #[must_use]
    pub fn new(device: Rc<D>) -> Self {
        Self { io: RemovableIo { device, gone: Rc::default() } }
    }

    /// Takes it away, or puts it back.
    pub fn set_gone(&self, gone: bool) {
        self.io.gone.set(gone);
    }
}

impl<D: Device> RegIo for RemovableIo<D> {
    fn load(&self, offset: u32) -> u32 {
        if self.gone.get() { u32::MAX } else { self.device.io().load(offset) }
    }

    fn store(&self, offset: u32, value: u32) {
        if !self.gone.get() {
            self.device.io().store(offset, value);
        }
    }
}

impl<D: Device> Device for Removable<D> {
    type Io = RemovableIo<D>;

    fn io(&self) -> &RemovableIo<D> {
        &self.io
    }

    fn dma(&self, name: &str, bytes: usize) -> Result<DmaMemory, DeviceError> {
        self.io.device.dma(name, bytes)
    }

    fn vector(&self, index: u32) -> Result<OwnedFd, DeviceError> {
        self.io.device.vector(index)
    }

    fn reset(&self) -> Result<(), DeviceError> {
        if self.io.gone.get() { Ok(()) } else { self.io.device.reset() }
    }

    fn step(&self) {
        self.io.device.step();
    }

    fn relax(&self) {
        self.io.device.relax();
    }
}

/// Which interrupts the host does not get: a seeded share of them.
#[derive(Clone, Debug)]
pub struct LostInterrupts {
    numbers: Numbers,
    permille: u64,
}

impl LostInterrupts {
    /// Loses `permille` of a thousand, chosen by `seed`.
    #[must_use]
    pub const fn new(seed: u64, permille: u64) -> Self {
        Self { numbers: Numbers::new(seed), permille }
    }

    /// Whether the next one is lost.
    pub fn next_is_lost(&mut self) -> bool {
        self.numbers.happens(self.permille)
    }
}

/// Flips one bit of `memory`, as a device that lies would; returns the byte's offset.
pub fn flip_a_bit(memory: &DmaMemory, numbers: &mut Numbers) -> usize {
    let offset = numbers.below(memory.bytes() as u64) as usize;
    let byte: u8 = memory.load(offset);
    memory.store(offset, byte ^ 1 << numbers.below(8));
    offset
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fuse_lets_as_many_steps_pass_as_it_is_lit_for_and_then_goes_out() {
        let fuse = Fuse::new();
        fuse.light(3);
        let taken = Cell::new(0);
        let died = run_until_crash(|| {
            for _ in 0..10 {
                fuse.burn();
                taken.set(taken.get() + 1);
            }
        });
        assert_eq!((died, taken.get()), (Err(Crashed { step: 3 }), 3));
        assert_eq!(run_until_crash(|| fuse.burn()), Ok(()));
        assert_eq!(fuse.steps(), 5);
    }

    #[test]
    fn a_panic_of_another_kind_is_not_taken_for_a_crash() {
        let caught = catch_unwind(|| run_until_crash(|| resume_unwind(Box::new("another"))));
        let payload = caught.map(|_: Result<(), Crashed>| ()).expect_err("it goes on");
        assert_eq!(payload.downcast_ref::<&str>(), Some(&"another"));
    }
}
