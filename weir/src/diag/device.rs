//! A NIC that is not of this process: how it is named, and the one place where it is opened.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use driver::pci::Address;
use driver::regio::RegIo;

/// Where a NIC is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeviceName {
    /// A PCI function.
    Pci(Address),
    /// A process that serves a NIC on this socket.
    VfioUser(PathBuf),
}

/// The text names no NIC.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("found `{found}`, expected a PCI address like 0000:03:00.0, or vfio-user: and the path of a socket")]
pub struct DeviceNameError {
    found: String,
}

impl FromStr for DeviceName {
    type Err = DeviceNameError;

    fn from_str(text: &str) -> Result<Self, DeviceNameError> {
        match text.strip_prefix("vfio-user:") {
            Some("") => Err(DeviceNameError { found: text.to_owned() }),
            Some(path) => Ok(Self::VfioUser(path.into())),
            None => text.parse().map(Self::Pci).map_err(|_| DeviceNameError { found: text.to_owned() }),
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
    #[cfg(not(feature = "pci"))]
    #[error("{device}: this weir was built without the feature `pci`, expected --sim or --dump")]
    NotBuilt {
        /// The NIC.
        device: DeviceName,
    },
    /// On PCIe.
    #[cfg(feature = "pci")]
    #[error(transparent)]
    Vfio(#[from] driver::vfio::OpenError),
    /// A process.
    #[cfg(feature = "pci")]
    #[error(transparent)]
    VfioUser(#[from] driver::vfio_user::ConnectError),
}

/// Opens the registers of a NIC, to look at them: it is told nothing, and gets no memory.
///
/// # Errors
/// When it cannot be reached.
#[cfg(feature = "pci")]
pub fn open(device: &DeviceName) -> Result<Box<dyn RegIo>, OpenError> {
    Ok(match device {
        DeviceName::Pci(address) => Box::new(driver::vfio::registers(*address)?),
        DeviceName::VfioUser(socket) => Box::new(driver::vfio_user::registers(socket)?),
    })
}

/// Says that it cannot.
///
/// # Errors
/// Always.
#[cfg(not(feature = "pci"))]
pub fn open(device: &DeviceName) -> Result<Box<dyn RegIo>, OpenError> {
    Err(OpenError::NotBuilt { device: device.clone() })
}

#[cfg(test)]
mod tests {
    use super::DeviceName;

    #[test]
    fn a_nic_is_named_by_its_pci_address_or_its_socket() {
        let said = |text: &str| text.parse::<DeviceName>().ok().map(|name| name.to_string());
        assert_eq!(said("ffff:ff:1f.7").as_deref(), Some("ffff:ff:1f.7"));
        assert_eq!(said("03:00.1").as_deref(), Some("0000:03:00.1"));
        assert_eq!(said("vfio-user:/run/nic.sock").as_deref(), Some("vfio-user:/run/nic.sock"));
        for wrong in ["", "vfio-user:", "0000:03:20.0", "0000:03:00.8", "0000:03:00", "x:03:00.0", "+000:03:00.0"] {
            assert_eq!(said(wrong), None, "{wrong}");
        }
    }
}
