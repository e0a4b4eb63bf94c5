//! What the NIC says of itself in PCI's configuration space, and what the host sets there; how functions are named.

use std::fmt;
use std::str::FromStr;

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

/// Domain, bus, device and function: `0000:03:00.0`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Address {
    domain: u16,
    bus: u8,
    device: u8,
    function: u8,
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04x}:{:02x}:{:02x}.{:x}", self.domain, self.bus, self.device, self.function)
    }
}

impl FromStr for Address {
    type Err = String;

    /// With or without the domain, which is then 0.
    fn from_str(text: &str) -> Result<Self, String> {
        let parse = || {
            let (front, function) = text.rsplit_once('.')?;
            let mut parts = front.rsplit(':');
            let (device, bus) = (parts.next()?, parts.next()?);
            let domain = parts.next().unwrap_or("0");
            let hex = |part: &str, digits: usize| {
                let plain = (1..=digits).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_hexdigit());
                u16::from_str_radix(part, 16).ok().filter(|_| plain)
            };
            let byte = |part: &str| hex(part, 2).map(|byte| byte as u8);
            let address = Self {
                domain: hex(domain, 4)?,
                bus: byte(bus)?,
                device: byte(device).filter(|device| *device < 32)?,
                function: byte(function).filter(|function| *function < 8)?,
            };
            parts.next().is_none().then_some(address)
        };
        parse().ok_or_else(|| format!("found `{text}`, expected a PCI address like 0000:03:00.0"))
    }
}
