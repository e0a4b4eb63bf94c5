//! What stands around a NIC that is not there: host memory, wires, captures, traffic, faults.

pub mod capture;
pub mod card;
pub mod faults;
pub mod frames;
pub mod generate;
pub mod hostmem;
#[cfg(feature = "rtl")]
pub mod lockstep;
pub mod nic;
pub mod playback;
#[cfg(feature = "rtl")]
pub mod rtl;
pub mod topology;
#[cfg(feature = "pci")]
pub mod vfio_user;
pub mod wire;
