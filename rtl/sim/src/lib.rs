//! The NIC's RTL, verilated: the same hardware description that a card is made from, as a value in Rust.
//!
//! ```text
//!   Instance<T> ── step(inputs) ─▶ C++ shim ─▶ the model that Verilator made of rtl/*.sv
//! ```
//!
//! - An instance owns its model, context, time and trace: instances know nothing of each other.
//! - A step applies the inputs, tells the outputs that they give, then lets the named clocks rise.
//! - Without the feature `verilate` this crate is empty and needs neither Verilator nor a C++ compiler.
#![deny(unsafe_code)]

#[cfg(feature = "verilate")]
#[expect(unsafe_code, reason = "the calls into the verilated model")]
mod instance;
#[cfg(feature = "verilate")]
pub use instance::{Instance, NoTrace, Top, tops};
