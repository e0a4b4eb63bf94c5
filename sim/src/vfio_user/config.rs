//! The NIC's PCI configuration space (PCI Local Bus 3.0; PCI Express Base 4.0, chapter 7).
//!
//! ```text
//!   0x00 header: ids, command, BAR0 registers, BAR2 MSI-X, BAR4 stage
//!   0x40 power management ─▶ 0x48 MSI-X ─▶ 0x60 PCI Express, with function level reset
//! ```

use driver::pci::{
    CAP_MSIX, CLASS, COMMAND_MASTER, COMMAND_MEMORY, DEVICE, MSIX_ENABLE, MSIX_MASK_ALL, VENDOR, offset,
};

/// Bytes of configuration space, the extended one included.
pub(super) const CONFIG_BYTES: usize = 4096;
/// Bytes of each BAR that is there.
pub(super) const BAR_BYTES: usize = 4096;
/// BARs: registers, MSI-X, stage.
pub(super) const BARS: [usize; 3] = [0, 2, 4];
/// MSI-X vectors.
pub(super) const VECTORS: u32 = 32;

const POWER: usize = 0x40;
const POWER_STATE: usize = POWER + 4;
const MSIX: usize = 0x48;
const EXPRESS: usize = 0x60;
const DEVICE_CONTROL: usize = EXPRESS + 8;
/// Device capabilities: function level reset.
const FLR_CAPABLE: u32 = 1 << 28;
/// Device control: start one. Reads as 0.
const FLR: u16 = 1 << 15;

/// Configuration space.
#[derive(Debug)]
pub(super) struct ConfigSpace {
    bytes: Vec<u8>,
    /// Bits that the host can set.
    writable: Vec<u8>,
}

impl ConfigSpace {
    /// As after power-on.
    pub(super) fn new() -> Self {
        let mut space = Self { bytes: vec![0; CONFIG_BYTES], writable: vec![0; CONFIG_BYTES] };
        space.put16(offset::VENDOR, VENDOR);
        space.put16(offset::DEVICE, DEVICE);
        // There is a list of capabilities.
        space.put16(offset::STATUS, 1 << 4);
        space.put32(offset::REVISION, CLASS << 8);
        space.put16(offset::SUBSYSTEM, VENDOR);
        space.put16(offset::SUBSYSTEM + 2, DEVICE);
        space.bytes[offset::CAPABILITIES] = POWER as u8;
        let intx_off = 1 << 10;
        space.allow16(offset::COMMAND, COMMAND_MEMORY | COMMAND_MASTER | intx_off);
        for bar in BARS {
            space.allow32(offset::BAR0 + 4 * bar, !(BAR_BYTES as u32 - 1));
        }
        space.add_capabilities();
        space
    }

    fn add_capabilities(&mut self) {
        self.bytes[POWER..POWER + 2].copy_from_slice(&[0x01, MSIX as u8]);
        // Version 3.
        self.put16(POWER + 2, 3);
        // No soft reset: what is set stays when the device comes back from D3hot.
        self.put16(POWER_STATE, 1 << 3);
        self.allow16(POWER_STATE, 3);
        self.bytes[MSIX..MSIX + 2].copy_from_slice(&[CAP_MSIX, EXPRESS as u8]);
        self.put16(MSIX + 2, VECTORS as u16 - 1);
        self.allow16(MSIX + 2, MSIX_ENABLE | MSIX_MASK_ALL);
        // Table and pending bits are in BAR2.
        self.put32(MSIX + 4, 2);
        self.put32(MSIX + 8, 0x800 | 2);
        self.bytes[EXPRESS..EXPRESS + 2].copy_from_slice(&[0x10, 0]);
        // An endpoint, by version 2 of the capability.
        self.put16(EXPRESS + 2, 2);
        // Payloads of 256 bytes; errors are told by role.
        self.put32(EXPRESS + 4, FLR_CAPABLE | 1 << 15 | 1);
        self.allow16(DEVICE_CONTROL, 0x7fff);
        // Sixteen lanes of 16 GT/s.
        self.put32(EXPRESS + 12, 16 << 4 | 4);
        self.put16(EXPRESS + 18, 16 << 4 | 4);
    }

    /// What the host reads at `at`; all ones past the end.
    pub(super) fn read(&self, at: u64, into: &mut [u8]) {
        for (at, byte) in (at..).zip(into) {
            *byte = usize::try_from(at).ok().and_then(|at| self.bytes.get(at)).copied().unwrap_or(0xff);
        }
    }

    /// The host writes at `at`; whether it asks for a function level reset.
    pub(super) fn write(&mut self, at: u64, data: &[u8]) -> bool {
        let mut resets = false;
        for (at, byte) in (at..).zip(data) {
            let Some(at) = usize::try_from(at).ok().filter(|at| *at < CONFIG_BYTES) else { continue };
            let mask = self.writable[at];
            self.bytes[at] = self.bytes[at] & !mask | byte & mask;
            resets |= at == DEVICE_CONTROL + 1 && u16::from(*byte) << 8 & FLR != 0;
        }
        resets
    }

    /// Whether the device may reach host memory and raise interrupts.
    pub(super) fn is_master(&self) -> bool {
        self.is_awake() && self.get16(offset::COMMAND) & COMMAND_MASTER != 0
    }

    /// Whether the device answers to accesses of its BARs.
    pub(super) fn has_memory(&self) -> bool {
        self.is_awake() && self.get16(offset::COMMAND) & COMMAND_MEMORY != 0
    }

    /// Whether MSI-X vectors may be raised.
    pub(super) fn has_vectors(&self) -> bool {
        self.is_master() && self.get16(MSIX + 2) & (MSIX_ENABLE | MSIX_MASK_ALL) == MSIX_ENABLE
    }

    /// Whether the device is in D0.
    fn is_awake(&self) -> bool {
        self.get16(POWER_STATE) & 3 == 0
    }

    fn get16(&self, at: usize) -> u16 {
        u16::from_le_bytes([self.bytes[at], self.bytes[at + 1]])
    }

    fn put16(&mut self, at: usize, value: u16) {
        self.bytes[at..at + 2].copy_from_slice(&value.to_le_bytes());
    }

    fn put32(&mut self, at: usize, value: u32) {
        self.bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
    }

    fn allow16(&mut self, at: usize, bits: u16) {
        self.writable[at..at + 2].copy_from_slice(&bits.to_le_bytes());
    }

    fn allow32(&mut self, at: usize, bits: u32) {
        self.writable[at..at + 4].copy_from_slice(&bits.to_le_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read16(space: &ConfigSpace, at: usize) -> u16 {
        let mut bytes = [0; 2];
        space.read(at as u64, &mut bytes);
        u16::from_le_bytes(bytes)
    }

    #[test]
    fn the_capabilities_are_found_by_their_list() {
        let space = ConfigSpace::new();
        let (mut found, mut at) = (Vec::new(), space.bytes[offset::CAPABILITIES]);
        while at != 0 {
            found.push(space.bytes[usize::from(at)]);
            at = space.bytes[usize::from(at) + 1];
        }
        assert_eq!(found, [0x01, CAP_MSIX, 0x10]);
    }

    #[test]
    fn only_what_the_host_may_set_is_set() {
        let mut space = ConfigSpace::new();
        for at in 0..CONFIG_BYTES as u64 {
            if at != DEVICE_CONTROL as u64 + 1 {
                assert!(!space.write(at, &[0xff]), "{at:#x}");
            }
        }
        assert_eq!((read16(&space, offset::VENDOR), read16(&space, offset::DEVICE)), (VENDOR, DEVICE));
        assert_eq!(read16(&space, offset::COMMAND), COMMAND_MEMORY | COMMAND_MASTER | 1 << 10);
        // The size of a BAR is what cannot be set.
        assert_eq!([read16(&space, offset::BAR0), read16(&space, offset::BAR0 + 4)], [0xf000, 0]);
    }

    #[test]
    fn a_reset_is_asked_for_by_its_bit_which_reads_as_0() {
        let mut space = ConfigSpace::new();
        assert!(space.write(DEVICE_CONTROL as u64, &[0x10, 0x80]));
        assert_eq!(read16(&space, DEVICE_CONTROL), 0x10);
        assert!(!space.write(DEVICE_CONTROL as u64, &[0x10, 0x28]));
    }

    #[test]
    fn a_device_that_sleeps_or_may_not_is_no_master() {
        let mut space = ConfigSpace::new();
        assert!(!space.is_master() && !space.has_memory());
        space.write(offset::COMMAND as u64, &[6, 0]);
        assert!(space.is_master() && space.has_memory() && !space.has_vectors());
        space.write(MSIX as u64 + 2, &MSIX_ENABLE.to_le_bytes());
        assert!(space.has_vectors());
        space.write(MSIX as u64 + 2, &(MSIX_ENABLE | MSIX_MASK_ALL).to_le_bytes());
        assert!(!space.has_vectors());
        space.write(POWER_STATE as u64, &[3]);
        assert!(!space.is_master() && !space.has_memory());
        let mut past = [0; 4];
        space.read(CONFIG_BYTES as u64 - 2, &mut past);
        assert_eq!(past, [0, 0, 0xff, 0xff]);
    }
}
