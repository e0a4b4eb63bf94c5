//! The contract between the flow-tally NIC and its host.
//!
//! ```text
//!            BAR0 registers (registers.rs, generated from weir.rdl)
//!   host ──────────────────────────────────────────────────────────▶ NIC
//!            command ring, inject ring            (host writes, NIC reads)
//!        ◀── completion, record and punt rings    (NIC writes, host reads)
//! ```
//!
//! This crate has no behaviour: it holds layouts, numbers and the rules that both sides obey.
//! Every offset, opcode and width of the project is written here and nowhere else; the model,
//! the driver, the dump tool, the RTL package and the register documentation are made from it.
//!
//! Integers are little-endian, addresses are in network order, every structure that crosses the
//! bus is a multiple of 16 bytes (64 but for completions), and its last dword holds the phase bit.
#![no_std]
#![forbid(unsafe_code)]

pub mod descriptor;
pub mod frame;
pub mod hash;
pub mod key;
pub mod limits;
pub mod registers;
pub mod ring;
pub mod time;

const _: () = assert!(cfg!(target_endian = "little"), "the ABI is little-endian and is read in place");

/// The version of this contract, as register `ABI_VERSION` reports it: major in the upper 16 bits,
/// minor in the lower. A driver refuses another major version, and a minor version below its own.
///
/// Any change to a layout, an opcode or a register must change it: the test `abi_lock` holds the
/// hash of the whole contract to the committed one.
pub const ABI_VERSION: u32 = 0x0001_0000;

/// What register `MAGIC` reads: "WEIR" in ASCII, first letter in the top byte.
pub const MAGIC: u32 = 0x5745_4952;

/// PCI vendor of the device (QEMU's range for experiments, until one is assigned).
pub const PCI_VENDOR: u16 = 0x1234;
/// PCI device number.
pub const PCI_DEVICE: u16 = 0xf10c;
