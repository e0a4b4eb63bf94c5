//! Weir: VPC flow logs measured in the NIC.

#[cfg(feature = "pci")]
pub mod api;
pub mod assembly;
pub mod bench;
pub mod body;
pub mod check;
pub mod cli;
pub mod config;
#[cfg(feature = "pci")]
pub mod daemon;
pub mod diag;
pub mod meter;
pub mod models;
pub mod output;
pub mod progress;
pub mod replay;
pub mod stats;
#[cfg(feature = "rtl")]
pub mod timing;
#[cfg(feature = "pci")]
pub mod top;
