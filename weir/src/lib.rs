//! Weir: VPC flow logs measured in the NIC.

pub mod config;
pub mod models;
