//! The host's side of PCIe.
//!
//! ```text
//!   Driver ─┬─ attach    identity, bring-up, going on after a crash
//!           ├─ slots     which flow is in which slot          ┐
//!           ├─ commands  what the NIC is told and answers     │ change together: one transaction,
//!           ├─ frames    punted frames and their way back     │ ended by Driver::commit
//!           ├─ ring      the five rings, one by one           │
//!           ├─ table     state that outlives the process      ┘
//!           │    └─ journal   the undo log under it
//!           └─ device    the seam ─▶ dma, regio
//! ```
//!
//! A poll of the NIC is a transaction: read punts, records and completions, change tables, write
//! commands and injects, then [`Driver::commit`]. A process that dies at any instruction has done
//! all of it or nothing, and [`Driver::attach`] goes on from there.
//!
//! No clock, no randomness, no threads, no I/O but through [`Device`].
#![deny(unsafe_code)]

pub mod attach;
pub mod commands;
pub mod device;
#[expect(unsafe_code, reason = "memory shared with a device can only be reached by raw pointers; each block is argued")]
pub mod dma;
pub mod driver;
pub mod dump;
pub mod frames;
mod journal;
#[cfg(feature = "pci")]
#[expect(unsafe_code, reason = "files and BARs are reached by mapping them; each block is argued")]
pub mod mapping;
pub mod offload;
pub mod pci;
#[expect(unsafe_code, reason = "a static that stands for the register layout; each item is argued")]
pub mod regio;
pub mod ring;
pub mod selftest;
pub mod slots;
pub mod stage;
pub mod table;
pub mod verify;
#[cfg(feature = "pci")]
pub mod vfio;
#[cfg(feature = "pci")]
pub mod vfio_user;
pub mod window;

pub use attach::{AttachError, Attached, Config, RingSizes};
pub use commands::{CommandEvent, Fence};
pub use device::{Device, DeviceError, Iova};
pub use dma::DmaMemory;
pub use driver::{Driver, Offload, Removal};
pub use dump::{DeviceFaults, DriverDump, NicDump};
pub use frames::{InjectError, Punt};
pub use journal::JournalError;
pub use offload::{Fill, IdleAges, OffloadPolicy};
pub use ring::{NoRoom, RingFault, RingState};
pub use slots::{Cookie, Move, Moves, Placement, Slot, SlotCounters};
pub use table::{Arena, ArenaError, Scalar, Table, table_bytes};
pub use verify::{Verification, VerifyError, WaitError};
pub use window::{CounterValue, LedgerImage, WindowState};
