//! Flow logs, pure: records, rules, verdicts, windows, conservation, catalogue.

pub mod catalogue;
mod connection;
pub mod conservation;
pub mod flows;
pub mod fragments;
mod judgement;
pub mod look;
pub mod memory;
pub mod policy;
pub mod record;
mod seal;
pub mod slowpath;
mod tally;
pub mod verdict;
pub mod window;
