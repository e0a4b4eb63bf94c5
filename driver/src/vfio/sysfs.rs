//! PCI devices as Linux lists them, and which driver each is bound to.

use crate::pci::Address;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Where Linux lists them.
pub const SYSFS: &str = "/sys";
/// The driver that gives a device to a process.
pub const VFIO_PCI: &str = "vfio-pci";

/// A PCI device, as Linux sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Where it is.
    pub address: Address,
    /// Its vendor.
    pub vendor: u16,
    /// Its device number.
    pub device: u16,
    /// The driver that has it.
    pub driver: Option<String>,
    /// Its IOMMU group; none without an IOMMU.
    pub group: Option<u32>,
}

/// Linux's list.
#[derive(Clone, Debug)]
pub struct Sysfs {
    root: PathBuf,
}

impl Default for Sysfs {
    fn default() -> Self {
        Self::at(SYSFS)
    }
}

/// Why a device cannot be bound.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// There is none.
    #[error("no PCI device {address}")]
    NoDevice {
        /// Where it should be.
        address: Address,
    },
    /// Linux refuses.
    #[error("cannot write `{value}` to {path}: {source}{}", hint(source))]
    Write {
        /// The file.
        path: PathBuf,
        /// What was to be written.
        value: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It went through, but the device has another driver.
    #[error("{address} is bound to {}, expected {expected}", found.as_deref().unwrap_or("no driver"))]
    Bound {
        /// The device.
        address: Address,
        /// What has it.
        found: Option<String>,
        /// What should have it.
        expected: &'static str,
    },
}

fn hint(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::PermissionDenied => "; it needs root",
        io::ErrorKind::NotFound => "; is the module loaded (modprobe vfio-pci)?",
        _ => "",
    }
}

impl Sysfs {
    /// Mounted elsewhere.
    #[must_use]
    pub fn at(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The folder of a device.
    #[must_use]
    pub fn device(&self, address: Address) -> PathBuf {
        self.root.join("bus/pci/devices").join(address.to_string())
    }

    /// All devices, in the order of their addresses.
    #[must_use]
    pub fn all(&self) -> Vec<Listed> {
        let entries = fs::read_dir(self.root.join("bus/pci/devices")).into_iter().flatten().flatten();
        let addresses = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        let mut found: Vec<_> = addresses.filter_map(|address| self.find(address)).collect();
        found.sort_by_key(|listed| listed.address);
        found
    }

    /// The device at `address`.
    #[must_use]
    pub fn find(&self, address: Address) -> Option<Listed> {
        let folder = self.device(address);
        let number = |name: &str| {
            let text = fs::read_to_string(folder.join(name)).ok()?;
            u16::from_str_radix(text.trim().trim_start_matches("0x"), 16).ok()
        };
        let (vendor, device) = (number("vendor")?, number("device")?);
        let group = target(&folder.join("iommu_group")).and_then(|group| group.parse().ok());
        Some(Listed { address, vendor, device, driver: target(&folder.join("driver")), group })
    }

    /// The devices of an IOMMU group.
    #[must_use]
    pub fn group(&self, group: u32) -> Vec<Listed> {
        self.all().into_iter().filter(|listed| listed.group == Some(group)).collect()
    }

    /// Binds the device at `address` to vfio-pci.
    ///
    /// # Errors
    /// When there is none, or Linux refuses.
    pub fn bind(&self, address: Address) -> Result<(), BindError> {
        let listed = self.find(address).ok_or(BindError::NoDevice { address })?;
        if listed.driver.as_deref() == Some(VFIO_PCI) {
            return Ok(());
        }
        self.write(&self.device(address).join("driver_override"), VFIO_PCI)?;
        self.rebind(&listed)?;
        match self.find(address).and_then(|listed| listed.driver) {
            Some(driver) if driver == VFIO_PCI => Ok(()),
            found => Err(BindError::Bound { address, found, expected: VFIO_PCI }),
        }
    }

    /// Gives the device at `address` back to the driver that Linux would choose.
    ///
    /// # Errors
    /// As [`Self::bind`].
    pub fn unbind(&self, address: Address) -> Result<(), BindError> {
        let listed = self.find(address).ok_or(BindError::NoDevice { address })?;
        self.write(&self.device(address).join("driver_override"), "\n")?;
        self.rebind(&listed)
    }

    fn rebind(&self, listed: &Listed) -> Result<(), BindError> {
        let address = listed.address.to_string();
        if listed.driver.is_some() {
            self.write(&self.device(listed.address).join("driver/unbind"), &address)?;
        }
        self.write(&self.root.join("bus/pci/drivers_probe"), &address)
    }

    fn write(&self, path: &Path, value: &str) -> Result<(), BindError> {
        let failed = |source| BindError::Write { path: path.to_owned(), value: value.trim().to_owned(), source };
        fs::write(path, value).map_err(failed)
    }
}

/// The last part of what a link points to.
fn target(link: &Path) -> Option<String> {
    Some(fs::read_link(link).ok()?.file_name()?.to_str()?.to_owned())
}

#[cfg(test)]
mod tests {
    use crate::pci::Address;

    #[test]
    fn an_address_has_a_domain_or_that_is_0() {
        let parse = |text: &str| text.parse::<Address>().map(|address| address.to_string());
        assert_eq!(parse("03:1f.7"), Ok("0000:03:1f.7".to_owned()));
        assert_eq!(parse("ffff:00:02.0"), Ok("ffff:00:02.0".to_owned()));
        for wrong in ["03:20.0", "03:00.8", "1:0000:03:00.0", "00.0", "03:00", "g:0.0", ""] {
            let error = parse(wrong).expect_err("it is wrong");
            assert!(error.starts_with(&format!("found `{wrong}`, expected a PCI address")), "{error}");
        }
    }
}
