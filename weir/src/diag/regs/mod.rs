//! Registers: listed, read, explained, watched, decoded, compared, expected, written.

mod decode;
mod diff;
mod expect;
mod names;
mod view;
mod watch;
mod write;

pub use decode::decode;
pub use diff::{DiffOptions, diff};
pub use expect::{Expectations, expect};
pub use names::{Named, Row, find, matching, number, rows};
pub use view::{at, dump, explain, list, read};
pub use watch::{Watched, watch};
pub use write::{Plan, plan};
