//! `weir nic list`, `bind` and `unbind`: which driver of Linux has a NIC.

use clap::Args;
use driver::pci;
use driver::pci::Address;
use driver::vfio::sysfs::{Listed, Sysfs, VFIO_PCI};

use crate::cli::{Failure, print};

const LIST_HELP: &str = "\
Examples:
  weir nic list
  weir nic list --all";

/// List the NICs on PCIe, and whether they can be used.
#[derive(Args, Debug)]
#[command(after_help = LIST_HELP)]
pub(super) struct ListArgs {
    /// All PCI devices
    #[arg(long)]
    all: bool,
}

const BIND_HELP: &str = "\
Examples:
  weir nic bind 0000:03:00.0
  weir nic unbind 0000:03:00.0

It needs root. The user of the NIC needs /dev/vfio/GROUP, with the group that `weir nic list` shows.";

/// Bind a NIC to vfio-pci, for a driver in user space.
#[derive(Args, Debug)]
#[command(after_help = BIND_HELP)]
pub(super) struct BindArgs {
    /// Its PCI address
    #[arg(value_name = "ADDRESS")]
    address: Address,
    /// Also binds what is no NIC of ours
    #[arg(long)]
    force: bool,
}

/// Give a NIC back to the driver that Linux would choose.
#[derive(Args, Debug)]
#[command(after_help = BIND_HELP)]
pub(super) struct UnbindArgs {
    /// Its PCI address
    #[arg(value_name = "ADDRESS")]
    address: Address,
}

fn is_ours(listed: &Listed) -> bool {
    (listed.vendor, listed.device) == (pci::VENDOR, pci::DEVICE)
}

/// Lists NICs.
pub(super) fn list(args: &ListArgs) -> Result<(), Failure> {
    let mut text = String::from("address       id         driver            group  state\n");
    for listed in Sysfs::default().all().iter().filter(|listed| args.all || is_ours(listed)) {
        let state = match (is_ours(listed), listed.group, listed.driver.as_deref()) {
            (false, ..) => "another device",
            (_, None, _) => "no IOMMU",
            (_, _, Some(VFIO_PCI)) => "ready",
            _ => "to be bound: weir nic bind",
        };
        let (driver, group) = (listed.driver.as_deref().unwrap_or("-"), listed.group);
        let group = group.map_or("-".to_owned(), |group| group.to_string());
        let Listed { address, vendor, device, .. } = listed;
        text.push_str(&format!("{address}  {vendor:04x}:{device:04x}  {driver:<16}  {group:>5}  {state}\n"));
    }
    print(text.as_bytes())
}

/// Binds a NIC.
pub(super) fn bind(args: &BindArgs) -> Result<(), Failure> {
    let (sysfs, address) = (Sysfs::default(), args.address);
    if let Some(listed) = sysfs.find(address).filter(|listed| !is_ours(listed) && !args.force) {
        let Listed { vendor, device, .. } = listed;
        let (ours, theirs) = (format!("{:04x}:{:04x}", pci::VENDOR, pci::DEVICE), format!("{vendor:04x}:{device:04x}"));
        return Err(Failure::device(format!("{address} is {theirs}, expected {ours}; --force binds it all the same")));
    }
    sysfs.bind(address).map_err(Failure::device)
}

/// Gives a NIC back.
pub(super) fn unbind(args: &UnbindArgs) -> Result<(), Failure> {
    Sysfs::default().unbind(args.address).map_err(Failure::device)
}
