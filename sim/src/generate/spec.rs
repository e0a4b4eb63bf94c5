//! What traffic to generate.

/// Most one-way flows: every connection and scan needs a number of its own in 24 bits.
pub const FLOWS_MAX: u32 = 1 << 24;
/// Most packets.
pub const PACKETS_MAX: u64 = 1 << 40;
/// Most hosts on the measured side: one /24, without its first and last address.
pub const HOSTS_MAX: u32 = 254;

/// Traffic in numbers. The same `Spec` gives the same frames, byte for byte, on every machine.
#[derive(Clone, Debug, PartialEq)]
pub struct Spec {
    /// Chooses one of many traffics with the same figures.
    pub seed: u64,
    /// Frames in all, at most [`PACKETS_MAX`].
    pub packets: u64,
    /// Distinct one-way flows, 1 to [`FLOWS_MAX`]: a connection and its way back are two. All of
    /// them appear if there are at least as many packets; otherwise as many as there are packets.
    pub flows: u32,
    /// Time of the first frame's slot, in nanoseconds since 1970-01-01 UTC.
    pub start_ns: u64,
    /// Frames per second, 1 to 1,000,000,000. Each frame is at a random place in its slot.
    pub packets_per_second: u64,
    /// Bytes of each frame that are kept, at least 1.
    pub snap_length: u32,
    /// Exponent of Zipf's law over connections, 0 (all alike) to 4. See `zipf.rs` for how close.
    pub zipf_exponent: f64,
    /// Share of connections and scans over IPv6, 0 to 1.
    pub ipv6_share: f64,
    /// Share of connections and scans with an 802.1Q tag, 0 to 1.
    pub vlan_share: f64,
    /// Share of one-way flows that are a single TCP SYN without an answer, 0 to 1.
    pub scan_share: f64,
    /// Hosts on the measured side, 1 to [`HOSTS_MAX`].
    pub hosts: u32,
    /// Protocols of the connections.
    pub protocols: ProtocolWeights,
}

/// How many connections of each protocol there are in proportion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProtocolWeights {
    /// TCP, with handshakes, data, acknowledgements and closes.
    pub tcp: u16,
    /// UDP, asked and answered in turn.
    pub udp: u16,
    /// ICMP or ICMPv6 echo, asked and answered in turn.
    pub icmp: u16,
}

impl ProtocolWeights {
    pub(super) fn sum(self) -> u32 {
        u32::from(self.tcp) + u32::from(self.udp) + u32::from(self.icmp)
    }
}

impl Default for Spec {
    /// A second of traffic: a million frames of 100,000 flows, snapped to 96 bytes.
    fn default() -> Self {
        Self {
            seed: 1,
            packets: 1_000_000,
            flows: 100_000,
            start_ns: 1_700_000_000_000_000_000,
            packets_per_second: 1_000_000,
            snap_length: 96,
            zipf_exponent: 1.0,
            ipv6_share: 0.2,
            vlan_share: 0.1,
            scan_share: 0.05,
            hosts: 64,
            protocols: ProtocolWeights { tcp: 80, udp: 17, icmp: 3 },
        }
    }
}

impl Spec {
    /// The reference benchmark: 6 million frames of 1.3 million one-way flows.
    #[must_use]
    pub fn benchmark() -> Self {
        Self { packets: 6_000_000, flows: 1_300_000, ..Self::default() }
    }

    pub(super) fn check(&self) -> Result<(), SpecError> {
        within("packets", self.packets, 0, PACKETS_MAX)?;
        within("flows", self.flows.into(), 1, FLOWS_MAX.into())?;
        let rate = self.packets_per_second;
        within("packets_per_second", rate, 1, 1_000_000_000)?;
        within("snap_length", self.snap_length.into(), 1, u32::MAX.into())?;
        within("hosts", self.hosts.into(), 1, HOSTS_MAX.into())?;
        within("the sum of protocols", self.protocols.sum().into(), 1, u64::MAX)?;
        for (field, found, maximum) in [
            ("zipf_exponent", self.zipf_exponent, 4.0),
            ("ipv6_share", self.ipv6_share, 1.0),
            ("vlan_share", self.vlan_share, 1.0),
            ("scan_share", self.scan_share, 1.0),
        ] {
            if !(0.0..=maximum).contains(&found) {
                return Err(SpecError::Share { field, found, maximum });
            }
        }
        Ok(())
    }
}

fn within(field: &'static str, found: u64, minimum: u64, maximum: u64) -> Result<(), SpecError> {
    if (minimum..=maximum).contains(&found) {
        return Ok(());
    }
    Err(SpecError::Count { field, found, minimum, maximum })
}

/// A figure of a [`Spec`] that cannot be.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum SpecError {
    /// A count is out of its range.
    #[error("{field} is {found}; expected {minimum} to {maximum}")]
    Count {
        /// The field's name.
        field: &'static str,
        /// Its value.
        found: u64,
        /// The least it may be.
        minimum: u64,
        /// The most it may be.
        maximum: u64,
    },
    /// A share or the exponent is out of its range, or not a number.
    #[error("{field} is {found}; expected 0 to {maximum}")]
    Share {
        /// The field's name.
        field: &'static str,
        /// Its value.
        found: f64,
        /// The most it may be.
        maximum: f64,
    },
}
