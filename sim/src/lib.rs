//! What stands around a NIC that is not there: host memory, wires, captures, traffic, faults.

pub mod capture;
pub mod card;
pub mod faults;
pub mod frames;
pub mod generate;
#[cfg(feature = "rtl")]
pub mod lockstep;
pub mod nic;
#[cfg(feature = "rtl")]
pub mod rtl;
pub mod topology;
pub mod wire;
