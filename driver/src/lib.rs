//! The host's side of PCIe: rings, offload, window read-out and re-attach for the flow-tally NIC.

pub mod regio;
