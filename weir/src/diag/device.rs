//! A NIC that is not of this process: how it is named, and the one place where it is opened.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use driver::regio::RegIo;

/// Where a NIC is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeviceName {
    /// A PCI function.
    Pci(PciAddress),
    /// A process that serves a NIC on this socket.
    VfioUser(PathBuf),
}

/// A PCI address: domain, bus, device, function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PciAddress {
    /// The domain.
    pub domain: u16,
    /// The bus.
    pub bus: u8,
    /// The device on it, 0 to 31.
    pub device: u8,
    /// The device's function, 0 to 7.
    pub function: u8,
}

impl fmt::Display for PciAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { domain, bus, device, function } = self;
        write!(f, "{domain:04x}:{bus:02x}:{device:02x}.{function}")
    }
}

/// The text names no NIC.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("found `{found}`, expected a PCI address like 0000:03:00.0, or vfio-user: and the path of a socket")]
pub struct DeviceNameError {
    found: String,
}

impl FromStr for PciAddress {
    type Err = DeviceNameError;

    fn from_str(text: &str) -> Result<Self, DeviceNameError> {
        let read = || {
            let (rest, function) = text.rsplit_once('.')?;
            let (rest, device) = rest.rsplit_once(':')?;
            let (domain, bus) = rest.rsplit_once(':').unwrap_or(("0", rest));
            let hex = |text: &str, digits: usize| {
                let plain = (1..=digits).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
                u16::from_str_radix(text, 16).ok().filter(|_| plain)
            };
            let (device, function) = (hex(device, 2)?, hex(function, 1)?);
            let valid = device < 32 && function < 8;
            let (domain, bus) = (hex(domain, 4)?, hex(bus, 2)? as u8);
            valid.then_some(Self { domain, bus, device: device as u8, function: function as u8 })
        };
        read().ok_or_else(|| DeviceNameError { found: text.to_owned() })
    }
}

impl FromStr for DeviceName {
    type Err = DeviceNameError;

    fn from_str(text: &str) -> Result<Self, DeviceNameError> {
        match text.strip_prefix("vfio-user:") {
            Some("") => Err(DeviceNameError { found: text.to_owned() }),
            Some(path) => Ok(Self::VfioUser(path.into())),
            None => text.parse().map(Self::Pci),
        }
    }
}

impl fmt::Display for DeviceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pci(address) => address.fmt(f),
            Self::VfioUser(path) => write!(f, "vfio-user:{}", path.display()),
        }
    }
}

/// Why a NIC cannot be looked at.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// This program cannot reach such NICs.
    #[error("{device}: this form is not built in yet, expected --sim or --dump")]
    NotBuilt {
        /// The NIC.
        device: DeviceName,
    },
}

/// Opens the registers of a NIC, to look at them.
///
/// # Errors
/// When it cannot be reached.
pub fn open(device: &DeviceName) -> Result<Box<dyn RegIo>, OpenError> {
    Err(OpenError::NotBuilt { device: device.clone() })
}

#[cfg(test)]
mod tests {
    use super::{DeviceName, PciAddress};

    #[test]
    fn a_nic_is_named_by_its_pci_address_or_its_socket() {
        let parse = |text: &str| text.parse::<DeviceName>().ok();
        let pci = |domain, bus, device, function| Some(DeviceName::Pci(PciAddress { domain, bus, device, function }));
        assert_eq!(parse("0000:03:00.0"), pci(0, 3, 0, 0));
        assert_eq!(parse("ffff:ff:1f.7"), pci(0xffff, 0xff, 0x1f, 7));
        assert_eq!(parse("03:00.1"), pci(0, 3, 0, 1));
        assert_eq!(parse("vfio-user:/run/nic.sock"), Some(DeviceName::VfioUser("/run/nic.sock".into())));
        assert_eq!(pci(0, 3, 0, 0).map(|name| name.to_string()).as_deref(), Some("0000:03:00.0"));
        for wrong in ["", "vfio-user:", "0000:03:20.0", "0000:03:00.8", "0000:03:00", "x:03:00.0", "+000:03:00.0"] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }
}
