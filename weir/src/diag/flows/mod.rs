//! Flows: what the NIC's tables and the host know of each, and why one was accepted or refused.

mod entry;
mod find;
pub(super) mod terms;
mod tuple;
mod view;
mod why;

pub use entry::{FlowEntry, entries};
pub use find::Terms;
pub use tuple::FiveTuple;
pub use view::{Key, dump, find, top};
pub use why::why;
