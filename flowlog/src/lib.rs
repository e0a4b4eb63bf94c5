//! Flow logs, pure: records, rules, verdicts, windows, conservation, catalogue.

pub mod catalogue;
pub mod policy;
pub mod record;
pub mod verdict;
