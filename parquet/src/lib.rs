//! Flow log records as Parquet files, and back.
//!
//! ```text
//!   lines of a field list ─▶ Writer ─ sorted row groups ─▶ FILE.parquet ─▶ read ─▶ the same lines, sorted
//! ```
//!
//! - Columns have the names and types that AWS gives them, so that its tables read them: `account-id` is
//!   `account_id`, and what does not fit 32 bits by its meaning is `INT64`
//!   (<https://docs.aws.amazon.com/vpc/latest/userguide/flow-log-records.html>). Fields of Weir's own
//!   follow the same rule: `x-rule-id` is `x_rule_id`. What a record does not have is null.
//! - A row group is sorted by source and destination address, as text; its columns bear statistics, and both addresses a
//!   bloom filter, so that a search for an address opens few of them.
//! - The same lines give the same bytes.
//!
//! The version token loses its letter: `V2` is the number 2, as AWS has it.

mod columns;
mod read;
mod schema;
mod write;

pub use read::read;
pub use write::Writer;

use flowlog::record::{Field, ParseError};

/// Why records cannot be written as Parquet, or not be read from it.
#[derive(Debug, thiserror::Error)]
pub enum ParquetError {
    /// A line is no record.
    #[error("record {record}: {source}")]
    Record {
        /// Its number, from 1.
        record: u64,
        /// Why.
        source: ParseError,
    },
    /// A number is larger than its column holds.
    #[error("record {record}: found {value} in `{field}`, expected at most {max}, what its column holds")]
    TooLarge {
        /// The record's number, from 1.
        record: u64,
        /// The field.
        field: Field,
        /// Its value.
        value: u64,
        /// The most that there may be.
        max: u64,
    },
    /// The file is not what the field list says.
    #[error("found {found}, expected {expected}")]
    Columns {
        /// What there is.
        found: String,
        /// What there should be.
        expected: String,
    },
    /// There are more records than there may be.
    #[error("found {found} records, expected at most {expected}")]
    TooMany {
        /// How many the file says there are.
        found: u64,
        /// How many there may be.
        expected: u64,
    },
    /// The file cannot be written or is damaged.
    #[error(transparent)]
    File(#[from] parquet::errors::ParquetError),
}
