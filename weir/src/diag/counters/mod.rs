//! Counters and ledgers, and the equations that they must meet.

mod equations;
mod view;

pub use equations::{Balance, Term, balances, check};
pub use view::show;
