//! Records: what one says, and how it is written and read.
//!
//! ```text
//!   Stream (account, ENI, VPC …) ─┐                 ┌─ TextWriter   14 fields, one line
//!   WindowBounds ─────────────────┼─▶ Entry ────────┼─ ListWriter   fields of a FieldList, one line
//!   FlowFacts | NoData | Skipped ─┘                 └─ JsonWriter   fields of a FieldList, one object
//!
//!   parse_line                ◀── a line of 14 fields (13 on old status lines)
//!   FieldList::parse_line     ◀── a line of the list's fields
//! ```
//!
//! - The rules from facts to values ([`FlowFacts::ports`], [`FlowFacts::seconds`],
//!   [`FlowFacts::aws_tcp_flags`], …) are methods of the facts: every form uses them, so all forms
//!   of a record hold the same values.
//! - Writers append whole lines to a `Vec<u8>` and allocate nothing else. They keep no state from
//!   one record to the next that shows: the same facts give the same bytes, always.
//! - Nothing read from outside can panic; an error names the field, what was found and what was
//!   expected.
#![forbid(unsafe_code)]

mod community_id;
mod cursor;
mod facts;
mod fields;
mod ids;
mod list;
mod parse;
mod parse_list;
mod settings;
mod text;
mod word;

pub use community_id::CommunityId;
pub use facts::{
    Action, EndReason, Entry, FlowFacts, Icmp, Layer, LogStatus, Ports, SecondSpan, SkipReason, Skipped, Stream,
    TcpOpening, WindowBounds,
};
pub use fields::{BadFieldList, Field, FieldKind, FieldList};
pub use ids::{AccountId, BadId, EniId, Label};
pub use list::{JsonWriter, ListWriter};
pub use parse::{ParseError, ParsedBody, ParsedFlow, ParsedRecord, Version, parse_line};
pub use parse_list::{ListedRecord, Value};
pub use settings::{IcmpPorts, RecordSettings, RecordTimes, VersionToken};
pub use text::TextWriter;
pub use word::UnknownWord;
