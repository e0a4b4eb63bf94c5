//! A card whose time passes while its host waits, as that of hardware does.

use driver::device::{Device, DeviceError};
use driver::dma::DmaMemory;
use sim::card::{Card, SimDevice, SimIo};
use std::convert::Infallible;
use std::os::fd::OwnedFd;
use std::rc::Rc;

/// What passes in each turn of a wait, ns.
const TICK_NS: u64 = 1_000;

/// The driver's handle of such a card.
#[derive(Clone, Debug)]
pub struct Ticking {
    card: Rc<Card>,
    device: SimDevice,
}

impl Ticking {
    /// Of a card that was powered on.
    #[must_use]
    pub fn new(card: Rc<Card>) -> Self {
        Self { device: card.device(), card }
    }
}

impl Device for Ticking {
    type Io = SimIo;

    fn io(&self) -> &SimIo {
        self.device.io()
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

    fn relax(&self) {
        let passed: Result<(), Infallible> = self.card.advance(self.card.now_ns() + TICK_NS, || Ok(()));
        passed.unwrap_or_else(|never| match never {});
    }
}
