//! Weir: VPC flow logs measured in the NIC.

pub mod assembly;
pub mod body;
pub mod check;
pub mod cli;
pub mod config;
pub mod meter;
pub mod models;
pub mod output;
pub mod progress;
pub mod replay;
pub mod stats;
#[cfg(feature = "rtl")]
pub mod timing;
