//! Listing and binding PCI devices, on a folder laid out like Linux's.

#![cfg(feature = "pci")]

use driver::pci::Address;
use driver::vfio::sysfs::{BindError, Sysfs, VFIO_PCI};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

/// A folder of this test's own, empty at the start and gone at the end.
struct Tree(PathBuf);

impl Tree {
    fn new(name: &str) -> Self {
        let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("sysfs-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&root);
        fs::create_dir_all(root.join("bus/pci/devices")).expect("a folder");
        fs::write(root.join("bus/pci/drivers_probe"), "").expect("a file");
        Self(root)
    }

    fn device(&self, address: &str, ids: [&str; 2], driver: Option<&str>, group: Option<u32>) -> PathBuf {
        let folder = self.0.join("bus/pci/devices").join(address);
        fs::create_dir_all(&folder).expect("a folder");
        fs::write(folder.join("vendor"), format!("{}\n", ids[0])).expect("a file");
        fs::write(folder.join("device"), format!("{}\n", ids[1])).expect("a file");
        if let Some(driver) = driver {
            fs::create_dir_all(self.0.join("drivers").join(driver)).expect("a folder");
            symlink(self.0.join("drivers").join(driver), folder.join("driver")).expect("a link");
        }
        if let Some(group) = group {
            symlink(self.0.join(format!("iommu_groups/{group}")), folder.join("iommu_group")).expect("a link");
        }
        folder
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn at(text: &str) -> Address {
    text.parse().expect("an address")
}

#[test]
fn devices_are_listed_with_driver_and_group_in_the_order_of_their_addresses() {
    let tree = Tree::new("list");
    tree.device("0000:04:00.0", ["0x1234", "0xf10c"], Some(VFIO_PCI), Some(12));
    tree.device("0000:03:00.0", ["0x8086", "0x10fb"], None, None);
    let sysfs = Sysfs::at(&tree.0);
    let found: Vec<_> = sysfs.all().into_iter().map(|listed| (listed.vendor, listed.driver, listed.group)).collect();
    assert_eq!(found, [(0x8086, None, None), (0x1234, Some(VFIO_PCI.to_owned()), Some(12))]);
    let group: Vec<_> = sysfs.group(12).into_iter().map(|listed| listed.address).collect();
    assert_eq!(group, [at("0000:04:00.0")]);
    assert_eq!(sysfs.find(at("0000:05:00.0")), None);
}

#[test]
fn binding_overrides_the_driver_probes_and_looks_whether_it_worked() {
    let tree = Tree::new("bind");
    let address = "0000:03:00.0";
    let folder = tree.device(address, ["0x1234", "0xf10c"], Some("other"), Some(1));
    let sysfs = Sysfs::at(&tree.0);
    let error = sysfs.bind(at(address)).expect_err("nobody acts on what is written here");
    assert_eq!(error.to_string(), "0000:03:00.0 is bound to other, expected vfio-pci");
    let read = |path: &Path| fs::read_to_string(path).expect("a file");
    assert_eq!(read(&folder.join("driver_override")), VFIO_PCI);
    assert_eq!(read(&folder.join("driver/unbind")), address);
    assert_eq!(read(&tree.0.join("bus/pci/drivers_probe")), address);
    sysfs.unbind(at(address)).expect("it is written");
    assert_eq!(read(&folder.join("driver_override")), "\n");
    // What is bound already is left as it is.
    tree.device("0000:04:00.0", ["0x1234", "0xf10c"], Some(VFIO_PCI), Some(2));
    sysfs.bind(at("0000:04:00.0")).expect("it is bound");
    assert!(matches!(sysfs.bind(at("0000:07:00.0")), Err(BindError::NoDevice { .. })));
}
