//! Which flows a flow log writes: its traffic filter and its capture filter.
//!
//! Filters choose among records that were counted already: they apply after the proof of
//! conservation, and never to NODATA and SKIPDATA lines.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::policy::{Cidr, PortRange, Protocol};
use crate::record::{Action, FlowFacts};

/// Which verdicts a flow log writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum TrafficFilter {
    /// Accepted and rejected flows.
    #[default]
    All,
    /// Accepted flows only.
    Accept,
    /// Rejected flows only.
    Reject,
}

/// The text is no [`TrafficFilter`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("found traffic filter `{found}`, expected ACCEPT, REJECT or ALL")]
pub struct TrafficFilterError {
    /// The text as written.
    pub found: String,
}

impl FromStr for TrafficFilter {
    type Err = TrafficFilterError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.to_ascii_uppercase().as_str() {
            "ALL" => Ok(Self::All),
            "ACCEPT" => Ok(Self::Accept),
            "REJECT" => Ok(Self::Reject),
            _ => Err(TrafficFilterError { found: text.to_owned() }),
        }
    }
}

impl TryFrom<String> for TrafficFilter {
    type Error = TrafficFilterError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<TrafficFilter> for String {
    fn from(filter: TrafficFilter) -> Self {
        filter.to_string()
    }
}

impl fmt::Display for TrafficFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::All => "ALL",
            Self::Accept => "ACCEPT",
            Self::Reject => "REJECT",
        })
    }
}

impl TrafficFilter {
    /// Whether flows with this verdict are written.
    #[must_use]
    pub const fn matches(self, action: Action) -> bool {
        match self {
            Self::All => true,
            Self::Accept => matches!(action, Action::Accept),
            Self::Reject => matches!(action, Action::Reject),
        }
    }
}

/// Which 5-tuples a flow log writes. A list that is empty matches every flow; of one that is
/// not, a single element must match; every list must.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CaptureFilter {
    /// Blocks for the source address.
    pub sources: Vec<Cidr>,
    /// Blocks for the destination address.
    pub destinations: Vec<Cidr>,
    /// Ranges for the source port.
    pub source_ports: Vec<PortRange>,
    /// Ranges for the destination port.
    pub destination_ports: Vec<PortRange>,
    /// Protocols.
    pub protocols: Vec<Protocol>,
}

impl CaptureFilter {
    /// Elements that one list may have.
    pub const ELEMENTS_MAX: usize = 64;

    /// Whether the flow's 5-tuple is one that is written.
    #[must_use]
    pub fn matches(&self, flow: &FlowFacts) -> bool {
        any_or_empty(&self.sources, |cidr| cidr.contains(flow.source()))
            && any_or_empty(&self.destinations, |cidr| cidr.contains(flow.destination()))
            && any_or_empty(&self.source_ports, |ports| ports.contains(flow.key.src_port))
            && any_or_empty(&self.destination_ports, |ports| ports.contains(flow.key.dst_port))
            && any_or_empty(&self.protocols, |protocol| match protocol {
                Protocol::Any => true,
                Protocol::Number(number) => *number == flow.key.protocol,
            })
    }

    /// The longest of its lists.
    #[must_use]
    pub fn longest_list(&self) -> usize {
        [
            self.sources.len(),
            self.destinations.len(),
            self.source_ports.len(),
            self.destination_ports.len(),
            self.protocols.len(),
        ]
        .into_iter()
        .fold(0, usize::max)
    }
}

fn any_or_empty<T>(list: &[T], matches: impl FnMut(&T) -> bool) -> bool {
    list.is_empty() || list.iter().any(matches)
}
