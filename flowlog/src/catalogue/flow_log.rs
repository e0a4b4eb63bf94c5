//! The flow log: what a user creates to have records written.
//!
//! It is **immutable**: name and tags may change, it may be enabled, disabled and deleted. Every
//! other change is refused, and the error says to delete and create. So whatever a record says of
//! its flow log holds for all records of it.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use firmware_abi::time::WINDOW_SECONDS;
use serde::{Deserialize, Serialize};

use super::filter::{CaptureFilter, TrafficFilter};
use super::id::{FlowLogId, IdError, SubnetId, VpcId};
use crate::record::{EniId, FieldList, FlowFacts};

/// What a flow log captures: one ENI, or every ENI of a subnet or a VPC.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Scope {
    /// One ENI.
    Eni(EniId),
    /// Every ENI of a subnet.
    Subnet(SubnetId),
    /// Every ENI of a VPC.
    Vpc(VpcId),
}

impl FromStr for Scope {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const EXPECTED: &str = "the id of an ENI (eni-…), a subnet (subnet-…) or a VPC (vpc-…)";
        let scope = if text.starts_with("eni-") {
            text.parse().ok().map(Self::Eni)
        } else if text.starts_with("subnet-") {
            text.parse().ok().map(Self::Subnet)
        } else if text.starts_with("vpc-") {
            text.parse().ok().map(Self::Vpc)
        } else {
            None
        };
        scope.ok_or_else(|| IdError::new(text, EXPECTED))
    }
}

impl TryFrom<String> for Scope {
    type Error = IdError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Scope> for String {
    fn from(scope: Scope) -> Self {
        scope.to_string()
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Eni(id) => id.fmt(f),
            Self::Subnet(id) => id.fmt(f),
            Self::Vpc(id) => id.fmt(f),
        }
    }
}

/// The length of a capture window: 1 to 600 s, 300 s unless chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct WindowSeconds(u32);

/// The length is none that a capture window can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "found a window of {found} s, expected {} to {} s",
    WINDOW_SECONDS.start(),
    WINDOW_SECONDS.end()
)]
pub struct WindowSecondsError {
    /// The length, in seconds.
    pub found: u64,
}

impl WindowSeconds {
    /// The window of this many seconds.
    pub fn new(seconds: u64) -> Result<Self, WindowSecondsError> {
        u32::try_from(seconds)
            .ok()
            .filter(|seconds| WINDOW_SECONDS.contains(seconds))
            .map(Self)
            .ok_or(WindowSecondsError { found: seconds })
    }

    /// Its length in seconds.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl Default for WindowSeconds {
    fn default() -> Self {
        Self(300)
    }
}

impl TryFrom<u32> for WindowSeconds {
    type Error = WindowSecondsError;

    fn try_from(seconds: u32) -> Result<Self, Self::Error> {
        Self::new(seconds.into())
    }
}

impl From<WindowSeconds> for u32 {
    fn from(window: WindowSeconds) -> Self {
        window.0
    }
}

impl fmt::Display for WindowSeconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} s", self.0)
    }
}

/// Where records go. Written as `stdout` or `dir:PATH`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Destination {
    /// Standard output.
    Stdout,
    /// Files in a directory, by its path.
    Directory(String),
}

/// The text is no destination.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("found destination `{found}`, expected stdout or dir:PATH")]
pub struct DestinationError {
    /// The text as written.
    pub found: String,
}

impl FromStr for Destination {
    type Err = DestinationError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.strip_prefix("dir:") {
            Some(path) if !path.is_empty() => Ok(Self::Directory(path.to_owned())),
            None if text == "stdout" => Ok(Self::Stdout),
            _ => Err(DestinationError { found: text.to_owned() }),
        }
    }
}

impl TryFrom<String> for Destination {
    type Error = DestinationError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Destination> for String {
    fn from(destination: Destination) -> Self {
        destination.to_string()
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stdout => f.write_str("stdout"),
            Self::Directory(path) => write!(f, "dir:{path}"),
        }
    }
}

/// What of a flow log never changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlowLogSpec {
    /// Whose packets.
    pub scope: Scope,
    /// Which verdicts are written.
    pub traffic: TrafficFilter,
    /// Which 5-tuples are written; none means all.
    pub filter: Option<CaptureFilter>,
    /// The fields of a record.
    pub fields: FieldList,
    /// The length of a capture window.
    pub window: WindowSeconds,
    /// Where records go.
    pub destinations: Vec<Destination>,
}

/// What of a flow log may change: its name and its tags.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FlowLogLabels {
    /// A name for people.
    pub name: String,
    /// Tags, by key.
    pub tags: BTreeMap<String, String>,
}

/// A change of a flow log, as asked for; what is none stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FlowLogChange {
    /// Another name.
    pub name: Option<String>,
    /// Other tags, in place of all.
    pub tags: Option<BTreeMap<String, String>>,
    /// Another scope.
    pub scope: Option<Scope>,
    /// Another traffic filter.
    pub traffic: Option<TrafficFilter>,
    /// Another capture filter, or no more one.
    pub filter: Option<Option<CaptureFilter>>,
    /// Another field list.
    pub fields: Option<FieldList>,
    /// Another window.
    pub window: Option<WindowSeconds>,
    /// Other destinations.
    pub destinations: Option<Vec<Destination>>,
}

/// Why a flow log is refused, or a change of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FlowLogError {
    /// A change of what never changes.
    #[error(
        "found a change of {attribute} of flow log {id}, expected only name or tags: delete the \
         flow log and create a new one"
    )]
    Immutable {
        /// The flow log.
        id: FlowLogId,
        /// What would have changed.
        attribute: &'static str,
    },
    /// A flow log that writes nowhere.
    #[error("found no destination, expected at least one")]
    NoDestination,
    /// One destination named twice.
    #[error("found destination {found} twice, expected once")]
    DuplicateDestination {
        /// The destination.
        found: Destination,
    },
    /// A port range whose first port is above its last.
    #[error("found ports {found}, expected the lower one first")]
    InvertedPorts {
        /// The range as written.
        found: crate::policy::PortRange,
    },
    /// A limit that is exceeded.
    #[error("found {found} {what}, expected at most {limit}")]
    TooMany {
        /// What was counted.
        what: &'static str,
        /// How many there are.
        found: usize,
        /// How many there may be.
        limit: usize,
    },
}

/// A flow log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlowLog {
    id: FlowLogId,
    labels: FlowLogLabels,
    enabled: bool,
    spec: FlowLogSpec,
}

impl FlowLog {
    /// Characters that a name may have.
    pub const NAME_CHARS_MAX: usize = 60;
    /// Tags that a flow log may have.
    pub const TAGS_MAX: usize = 50;
    /// Destinations that a flow log may have.
    pub const DESTINATIONS_MAX: usize = 8;

    /// A flow log, enabled.
    pub fn new(id: FlowLogId, labels: FlowLogLabels, spec: FlowLogSpec) -> Result<Self, FlowLogError> {
        check_labels(&labels)?;
        check_spec(&spec)?;
        Ok(Self { id, labels, enabled: true, spec })
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> &FlowLogId {
        &self.id
    }

    /// Its name and tags.
    #[must_use]
    pub fn labels(&self) -> &FlowLogLabels {
        &self.labels
    }

    /// What of it never changes.
    #[must_use]
    pub fn spec(&self) -> &FlowLogSpec {
        &self.spec
    }

    /// Whether it writes records at present.
    #[must_use]
    pub fn is_enabled(&self) -> bool {
        self.enabled
    }

    /// Lets it write records.
    pub fn enable(&mut self) {
        self.enabled = true;
    }

    /// Stops it from writing records.
    pub fn disable(&mut self) {
        self.enabled = false;
    }

    /// Changes name and tags. A change of anything else is refused, and then nothing changes.
    /// To ask for a value that it has already is no change.
    pub fn modify(&mut self, change: FlowLogChange) -> Result<(), FlowLogError> {
        if let Some(attribute) = self.immutable_part_of(&change) {
            let id = self.id.clone();
            return Err(FlowLogError::Immutable { id, attribute });
        }
        let mut labels = self.labels.clone();
        if let Some(name) = change.name {
            labels.name = name;
        }
        if let Some(tags) = change.tags {
            labels.tags = tags;
        }
        check_labels(&labels)?;
        self.labels = labels;
        Ok(())
    }

    fn immutable_part_of(&self, change: &FlowLogChange) -> Option<&'static str> {
        let spec = &self.spec;
        [
            ("scope", differs(&change.scope, &spec.scope)),
            ("traffic filter", differs(&change.traffic, &spec.traffic)),
            ("capture filter", differs(&change.filter, &spec.filter)),
            ("field list", differs(&change.fields, &spec.fields)),
            ("window", differs(&change.window, &spec.window)),
            ("destinations", differs(&change.destinations, &spec.destinations)),
        ]
        .into_iter()
        .find_map(|(attribute, differs)| differs.then_some(attribute))
    }

    /// Whether no filter keeps any flow out of it.
    #[must_use]
    pub fn wants_all(&self) -> bool {
        self.spec.traffic == TrafficFilter::All && self.spec.filter.is_none()
    }

    /// Whether it writes this flow: by both of its filters, enabled or not.
    #[must_use]
    pub fn matches(&self, flow: &FlowFacts) -> bool {
        self.spec.traffic.matches(flow.action) && self.spec.filter.as_ref().is_none_or(|filter| filter.matches(flow))
    }
}

fn differs<T: PartialEq>(asked: &Option<T>, present: &T) -> bool {
    asked.as_ref().is_some_and(|asked| asked != present)
}

fn at_most(what: &'static str, found: usize, limit: usize) -> Result<(), FlowLogError> {
    if found <= limit { Ok(()) } else { Err(FlowLogError::TooMany { what, found, limit }) }
}

fn check_labels(labels: &FlowLogLabels) -> Result<(), FlowLogError> {
    let name_chars = labels.name.chars().count();
    at_most("characters in the name", name_chars, FlowLog::NAME_CHARS_MAX)?;
    at_most("tags", labels.tags.len(), FlowLog::TAGS_MAX)
}

fn check_spec(spec: &FlowLogSpec) -> Result<(), FlowLogError> {
    let destinations = &spec.destinations;
    at_most("destinations", destinations.len(), FlowLog::DESTINATIONS_MAX)?;
    if destinations.is_empty() {
        return Err(FlowLogError::NoDestination);
    }
    for (index, found) in destinations.iter().enumerate() {
        if destinations.iter().take(index).any(|earlier| earlier == found) {
            let found = found.clone();
            return Err(FlowLogError::DuplicateDestination { found });
        }
    }
    let Some(filter) = &spec.filter else {
        return Ok(());
    };
    at_most("elements in a list of the capture filter", filter.longest_list(), CaptureFilter::ELEMENTS_MAX)?;
    let mut ranges = filter.source_ports.iter().chain(&filter.destination_ports);
    match ranges.find(|ports| ports.is_inverted()) {
        Some(found) => Err(FlowLogError::InvertedPorts { found: *found }),
        None => Ok(()),
    }
}
