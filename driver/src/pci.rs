//! What the NIC says of itself in PCI's configuration space, and what the host sets there.

/// The vendor of the NIC. A card that is made bears its maker's.
pub const VENDOR: u16 = 0x1234;
/// The device of the NIC.
pub const DEVICE: u16 = 0xf10c;
/// Class code: network controller, Ethernet.
pub const CLASS: u32 = 0x02_00_00;

/// Address lines that the NIC drives: what it reaches lies below 2 to the power of this.
pub const ADDRESS_BITS: u32 = 39;

/// Offsets within configuration space (PCI Local Bus specification 3.0, 6.1).
pub mod offset {
    /// Vendor, 16 bits.
    pub const VENDOR: usize = 0x00;
    /// Device, 16 bits.
    pub const DEVICE: usize = 0x02;
    /// Command, 16 bits.
    pub const COMMAND: usize = 0x04;
    /// Status, 16 bits.
    pub const STATUS: usize = 0x06;
    /// Revision, 8 bits, and class code, 24 bits.
    pub const REVISION: usize = 0x08;
    /// The first BAR; six of 32 bits each.
    pub const BAR0: usize = 0x10;
    /// Subsystem vendor and subsystem, 16 bits each.
    pub const SUBSYSTEM: usize = 0x2c;
    /// Where the first capability is, 8 bits.
    pub const CAPABILITIES: usize = 0x34;
}

/// COMMAND: the device answers to accesses of its BARs.
pub const COMMAND_MEMORY: u16 = 1 << 1;
/// COMMAND: the device may read and write host memory and raise MSI-X.
pub const COMMAND_MASTER: u16 = 1 << 2;
/// MSI-X's message control: the vectors are in use.
pub const MSIX_ENABLE: u16 = 1 << 15;
/// MSI-X's message control: all vectors are held back.
pub const MSIX_MASK_ALL: u16 = 1 << 14;
/// The capability MSI-X.
pub const CAP_MSIX: u8 = 0x11;
