//! The flow-tally NIC in Rust, cycle-approximate: one module per RTL module, the same names.
//!
//! ```text
//!  frames ─▶ parse ─▶ eni (policer) ─▶ hash ─▶ lookup ─▶ tally ─▶ gate (shaper) ─▶ frames
//!                                                │ miss     ▼ bank
//!                                              punt       window ─▶ record
//!                                                ▼                    ▼
//!             regs, msix ◀─ BAR0     ring_write, ring_read ─▶ dma ─▶ host memory
//!                                        ▲ command, inject
//! ```
//!
//! No clock, no randomness, no threads: the same calls give the same bytes. `timing` accounts for
//! time by reservation. What the RTL needs besides (`rmw`, `fifo`, `skid`) is how hardware does in
//! one cycle what is one statement here.
#![deny(unsafe_code)]

pub mod command;
pub mod dma;
pub mod engine;
pub mod eni;
pub mod gate;
pub mod hash;
pub mod inject;
pub mod lookup;
pub mod memory;
pub mod msix;
pub mod nic;
pub mod parse;
#[expect(unsafe_code, reason = "the prefetch intrinsic")]
mod prefetch;
pub mod punt;
pub mod receive;
pub mod record;
pub mod regs;
pub mod report;
pub mod ring_read;
pub mod ring_write;
pub mod tally;
pub mod timing;
pub mod window;

pub use dma::{Bus, DmaFault};
pub use gate::Sent;
pub use nic::{BadParameters, Nic, Parameters};
pub use receive::Frame;
pub use report::Report;
