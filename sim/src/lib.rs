//! What stands around a NIC that is not there: host memory, wires, captures, traffic, faults.

pub mod capture;
pub mod card;
pub mod faults;
pub mod frames;
pub mod generate;
pub mod nic;
pub mod topology;
pub mod wire;
