//! What stands in a card: the model of the NIC, or its RTL. They cannot be told apart but by their speed.

use crate::hostmem::{DmaFaults, HostBus};
use driver::device::Iova;
use driver::dma::DmaMemory;
use hw_model::{Frame, Nic, Report, Sent};
use std::fmt::Debug;
use std::os::fd::OwnedFd;

/// A NIC in virtual time. Nothing happens in it unless one of these is called, and what a call sets off
/// is over when it returns.
pub trait SimNic: Debug {
    /// A register of BAR0; all ones where there is none.
    fn register_read(&mut self, offset: u32) -> u32;
    /// Writes a register of BAR0; returns when the NIC has done what that lets it do.
    fn register_write(&mut self, offset: u32, value: u32);
    /// Takes a look at frames, oldest first, that [`Self::proceed`] is then called with.
    fn begin(&mut self, frames: &[Frame<'_>]);
    /// Goes on with the frames of [`Self::begin`]. False each time an interrupt is raised on the way: run the
    /// host, then call again; true once all frames are through.
    fn proceed(&mut self, frames: &[Frame<'_>]) -> bool;
    /// Moves the time to `until_ns`. False, with the time where it happened, each time an interrupt is raised
    /// on the way; true once it is there. Time never goes back.
    fn advance(&mut self, until_ns: u64) -> bool;
    /// Moves the time to `until_ns` at once; a boundary that passed takes effect then.
    fn sleep(&mut self, until_ns: u64);
    /// The NIC's time, Unix ns.
    fn now_ns(&self) -> u64;
    /// When something will happen without a frame: the next interrupt or window boundary, Unix ns.
    fn next_event_ns(&self) -> u64;
    /// Whether what leaves the NIC is kept for [`Self::take_sent`].
    fn keep_sent(&mut self, keep: bool);
    /// What left the NIC since last asked.
    fn take_sent(&mut self) -> Vec<Sent>;
    /// Time, room and load since power-on, from who can tell: the model.
    fn report(&self) -> Option<Report>;
    /// What two bodies that should do the same did differently first.
    fn divergence(&self) -> Option<String> {
        None
    }
    /// How long two bodies that should take the same time took, if that is measured.
    #[cfg(feature = "rtl")]
    fn measured(&self) -> Option<crate::lockstep::Measured> {
        None
    }
    /// Lets the NIC reach `memory`.
    fn map(&mut self, memory: &DmaMemory);
    /// Takes the memory at `iova` away from the NIC.
    fn unmap(&mut self, iova: Iova);
    /// Signals vector `vector`, 0 to 31, by `eventfd` from now on; not at all without one.
    fn set_vector(&mut self, vector: u8, eventfd: Option<OwnedFd>);
    /// Accesses of the NIC to host memory that found nothing mapped.
    fn dma_faults(&mut self) -> DmaFaults;
}

impl SimNic for Nic<HostBus> {
    fn register_read(&mut self, offset: u32) -> u32 {
        Self::register_read(self, offset)
    }

    fn register_write(&mut self, offset: u32, value: u32) {
        Self::register_write(self, offset, value);
    }

    fn begin(&mut self, frames: &[Frame<'_>]) {
        Self::begin(self, frames);
    }

    fn proceed(&mut self, frames: &[Frame<'_>]) -> bool {
        Self::proceed(self, frames)
    }

    fn advance(&mut self, until_ns: u64) -> bool {
        Self::advance(self, until_ns)
    }

    fn sleep(&mut self, until_ns: u64) {
        Self::sleep(self, until_ns);
    }

    fn now_ns(&self) -> u64 {
        Self::now_ns(self)
    }

    fn next_event_ns(&self) -> u64 {
        Self::next_event_ns(self)
    }

    fn keep_sent(&mut self, keep: bool) {
        Self::keep_sent(self, keep);
    }

    fn take_sent(&mut self) -> Vec<Sent> {
        Self::take_sent(self)
    }

    fn report(&self) -> Option<Report> {
        Some(Self::report(self))
    }

    fn map(&mut self, memory: &DmaMemory) {
        self.bus_mut().map(memory);
    }

    fn unmap(&mut self, iova: Iova) {
        self.bus_mut().unmap(iova);
    }

    fn set_vector(&mut self, vector: u8, eventfd: Option<OwnedFd>) {
        self.bus_mut().set_vector(vector, eventfd);
    }

    fn dma_faults(&mut self) -> DmaFaults {
        self.bus_mut().faults()
    }
}
