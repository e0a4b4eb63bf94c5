//! `weir top`: the ENIs of a daemon, live.
//!
//! ```text
//!   /metrics ─▶ Figures ─▶ History: rates between two windows ─▶ View ─▶ the screen, or JSON
//! ```

mod figures;
mod screen;
mod view;

pub use figures::{BadFigures, Figures};
pub use screen::{Controls, draw};
pub use view::{EniRow, History, Order, RingRow, View};
