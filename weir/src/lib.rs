//! Weir: VPC flow logs measured in the NIC.

pub mod assembly;
pub mod config;
pub mod meter;
pub mod models;
pub mod replay;
