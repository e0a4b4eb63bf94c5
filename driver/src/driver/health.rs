//! Windows, counters, errors, and the picture of everything.

use super::Driver;
use crate::attach;
use crate::device::{Device, DeviceError};
use crate::dump::{DeviceFaults, DriverDump, SlotValue};
use crate::regio::RegIo;
use crate::ring::{Ring, RingState};
use crate::slots::Slot;
use crate::window::{self, CounterValue, LedgerImage, WindowState};
use firmware_abi::descriptor::FlowRecord;
use firmware_abi::key::Direction;
use firmware_abi::registers::{Errors, RingFaults, WindowClose};
use firmware_abi::ring::RingId;
use std::os::fd::OwnedFd;

impl<D: Device> Driver<D> {
    /// Number, start and time of the open window.
    #[must_use]
    pub fn window(&self) -> WindowState {
        WindowState::read(self.device.io())
    }

    /// Sets the length of the windows after the open one, 1 to 600 s.
    pub fn set_window_seconds(&self, seconds: u32) {
        self.device.io().write(|r| &r.window_seconds, seconds);
    }

    /// Ends the open window now.
    pub fn close_window_now(&self) {
        let mut close = WindowClose::default();
        close.set_close(true);
        self.device.io().write(|r| &r.window_close, close.0);
    }

    /// All counters of the hardware, at one instant.
    #[must_use]
    pub fn counters(&self) -> Vec<CounterValue> {
        window::counters(self.device.io())
    }

    /// The open ledger of an ENI and direction.
    #[must_use]
    pub fn ledger(&self, vport: u16, direction: Direction) -> LedgerImage {
        LedgerImage::read(self.device.io(), vport, direction)
    }

    /// What the NIC itself shows of a slot: its flow with the open window's counts, if it holds one.
    #[must_use]
    pub fn slot(&self, direction: Direction, slot: Slot) -> Option<FlowRecord> {
        window::slot(self.device.io(), direction, slot.0)
    }

    /// What went wrong, as the hardware has it, and the rings that it has stopped.
    #[must_use]
    pub fn errors(&self) -> (Errors, RingFaults) {
        let io = self.device.io();
        (Errors(io.read(|r| &r.errors)), RingFaults(io.read(|r| &r.ring_faults)))
    }

    /// What the NIC did that it must not do, since attach.
    #[must_use]
    pub const fn faults(&self) -> DeviceFaults {
        self.faults
    }

    /// An eventfd that becomes readable when the ring `id` has something new.
    ///
    /// # Errors
    /// When the device has no such vector.
    pub fn vector(&self, id: RingId) -> Result<OwnedFd, DeviceError> {
        self.device.vector(attach::vector_of(id, self.sizes, self.device.vectors()).into())
    }

    /// The rings.
    #[must_use]
    pub fn rings(&self) -> [RingState; 5] {
        let commands = &self.commands;
        [&commands.ring, &commands.completions, &self.records, &self.frames.punt, &self.frames.inject].map(Ring::state)
    }

    /// The driver's idea of the NIC. Reads the rings' registers and writes none.
    #[must_use]
    pub fn dump(&self) -> DriverDump {
        let slots = 0..1_u32 << self.slots.slots_log2();
        let slots =
            Direction::ALL.into_iter().flat_map(|direction| slots.clone().map(move |slot| (direction, Slot(slot))));
        let slots = slots.filter_map(|(direction, slot)| {
            let shadow = self.slots.shadow(direction, slot);
            let (vport, is_leaving) = (shadow.vport(), shadow.is_leaving());
            shadow.cookie().map(|cookie| SlotValue { direction, slot, cookie, vport, is_leaving })
        });
        let commands = &self.commands;
        let rings = [&commands.ring, &commands.completions, &self.records, &self.frames.punt, &self.frames.inject];
        DriverDump {
            rings: rings.map(Ring::dump).to_vec(),
            tables: Direction::ALL.map(|direction| self.slots.counters(direction)),
            slots: slots.collect(),
            faults: self.faults,
        }
    }
}
