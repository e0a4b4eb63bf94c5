//! Flow logs, pure: records, rules, verdicts, windows, conservation, catalogue.

pub mod catalogue;
mod connection;
pub mod conservation;
pub mod flows;
pub mod fragments;
pub mod memory;
pub mod policy;
pub mod record;
pub mod slowpath;
pub mod verdict;
pub mod window;
