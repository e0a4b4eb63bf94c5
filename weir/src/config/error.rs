//! What can be wrong with a configuration. Every error names file, line and column.

use std::io;

use flowlog::catalogue::{CatalogueError, LicencePresetError, ModelError, RegionError, WindowSeconds};
use flowlog::policy::{AclId, GroupId, PolicyErrorKind};

use super::document::Position;
use super::duration::{DurationError, WindowError};

/// Why a configuration is refused.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{file}: {source}")]
    Read {
        /// The file.
        file: String,
        /// Why not.
        source: io::Error,
    },
    /// Something in it is wrong.
    #[error("{file}:{position}: {problem}{}", other(*other_line))]
    At {
        /// The file.
        file: String,
        /// Where in it.
        position: Position,
        /// What is wrong.
        problem: Box<Problem>,
        /// The line of the other object, if the problem is between two.
        other_line: Option<usize>,
    },
}

fn other(line: Option<usize>) -> String {
    line.map_or_else(String::new, |line| format!(" (line {line})"))
}

/// What can be wrong at a place of a configuration.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// It is no TOML, or has an unknown or missing key, or a value of the wrong form.
    #[error("{0}")]
    Toml(String),
    /// An element of a list that cannot be read.
    #[error("{0}")]
    Value(String),
    /// A window that cannot be.
    #[error(transparent)]
    Window(#[from] WindowError),
    /// A time that cannot be.
    #[error(transparent)]
    Duration(#[from] DurationError),
    /// A flow log with another window than the NIC's.
    #[error(
        "found a window of {found}, expected {expected} as in [settings]: all flow logs of a NIC \
         share its window"
    )]
    OtherWindow {
        /// The flow log's.
        found: WindowSeconds,
        /// The NIC's.
        expected: WindowSeconds,
    },
    /// A number outside its bounds.
    #[error("found {key} = {found}, expected {least} to {most}")]
    OutOfBounds {
        /// The setting.
        key: &'static str,
        /// Its value.
        found: i64,
        /// The least it may be.
        least: u32,
        /// The most it may be.
        most: u32,
    },
    /// An object that the catalogue refuses.
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
    /// No such model, or not supported.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// No such region, or not supported.
    #[error(transparent)]
    Region(#[from] RegionError),
    /// No such preset of licence servers.
    #[error(transparent)]
    LicencePreset(#[from] LicencePresetError),
    /// A rule, group, ACL or time-out that the policy refuses.
    #[error(transparent)]
    Policy(#[from] PolicyErrorKind),
    /// A second group or ACL of one id.
    #[error("found a second {kind} {id}, expected ids unique")]
    DuplicateList {
        /// `security group` or `network ACL`.
        kind: &'static str,
        /// The id of both.
        id: String,
    },
    /// A group that the file does not define.
    #[error("found {found}, expected the id of a [[security_group]] of this file")]
    UnknownGroup {
        /// The reference.
        found: GroupId,
    },
    /// An ACL that the file does not define.
    #[error("found {found}, expected the id of a [[network_acl]] of this file")]
    UnknownAcl {
        /// The reference.
        found: AclId,
    },
    /// A policy change of nothing, or of two things.
    #[error("found {found}, expected a policy change of one: security_group or network_acl")]
    ChangeTarget {
        /// `neither` or `both`.
        found: &'static str,
    },
    /// A policy change without rules.
    #[error("found neither ingress nor egress, expected the new rules of one or both")]
    EmptyChange,
    /// A time of a policy change that is neither an offset nor a date.
    #[error(
        "found at = {found}, expected an offset from the first packet like \"90s\", or Unix \
         seconds like 1418530030"
    )]
    ChangeTime {
        /// The number.
        found: i64,
    },
}
