//! The choices a user has about how a record is written.

use super::word::words;
use serde::{Deserialize, Serialize};

words! {
    /// The first field of a record, as it is written.
    #[derive(Default)]
    pub enum VersionToken, "version token" {
        /// `2`, the set and order of fields that AWS numbers 2.
        #[default]
        Two = "2",
        /// `V1`, for readers that expect the oldest samples.
        V1 = "V1",
    }
}

words! {
    /// What ICMP and ICMPv6 records hold in place of ports.
    #[derive(Default)]
    pub enum IcmpPorts, "way to fill the ports of ICMP" {
        /// `0 0`.
        #[default]
        Zero = "zero",
        /// The identifier as source port, type·256 + code as destination port.
        IdTypecode = "id_typecode",
    }
}

words! {
    /// What `start` and `end` of a flow's record are.
    #[derive(Default)]
    pub enum RecordTimes, "kind of record times" {
        /// The seconds of the flow's first and last packet inside the window.
        #[default]
        Packets = "packets",
        /// The bounds of the window.
        Window = "window",
    }
}

/// How records are written; the default is what the specification gives as the default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RecordSettings {
    /// The first field.
    pub version_token: VersionToken,
    /// The ports of ICMP.
    pub icmp_ports: IcmpPorts,
    /// The meaning of `start` and `end`.
    pub record_times: RecordTimes,
}
