//! Conservation, the signature promise: what crossed equals what was logged plus what was
//! explicitly skipped.
//!
//! ```text
//!   egress :  guest_tx =                Σ ACCEPT + Σ REJECT + excluded + non_ip + malformed + skipped
//!   ingress:  wire_rx  = policer_drop + Σ ACCEPT + Σ REJECT + excluded + non_ip + malformed + skipped
//! ```
//!
//! The left side and the drops are counted by the NIC, each where it happens; the sums are those of
//! the records themselves. Nothing in here is a difference but the residual.

use firmware_abi::key::Direction;
use serde::Serialize;

/// Packets and bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Amount {
    /// Packets.
    pub packets: u64,
    /// Layer-3 bytes.
    pub bytes: u64,
}

impl Amount {
    /// Adds an amount.
    pub const fn add(&mut self, packets: u64, bytes: u64) {
        self.packets += packets;
        self.bytes += bytes;
    }

    /// The sum of two.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self { packets: self.packets + other.packets, bytes: self.bytes + other.bytes }
    }
}

/// One equation: an ENI's direction in a window, or the sum over several.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Equation {
    /// What entered, by the NIC's counter at the way in: `wire_rx` or `guest_tx`.
    pub offered: Amount,
    /// Stopped by the ingress policer, or by a limit of new flows or connections.
    pub policed: Amount,
    /// Sum over the ACCEPT records.
    pub accepted: Amount,
    /// Sum over the REJECT records.
    pub rejected: Amount,
    /// Not captured but forwarded: DHCP, licence activation.
    pub excluded: Amount,
    /// Without IP.
    pub non_ip: Amount,
    /// Broken.
    pub malformed: Amount,
    /// Lost or not recorded, counted where that happened.
    pub skipped: Amount,
}

impl Equation {
    /// The right side.
    #[must_use]
    pub fn accounted(&self) -> Amount {
        [self.policed, self.accepted, self.rejected, self.excluded, self.non_ip, self.malformed, self.skipped]
            .into_iter()
            .fold(Amount::default(), Amount::plus)
    }

    /// Left side less right side, packets and bytes: 0 and 0, or something is wrong.
    #[must_use]
    pub fn residual(&self) -> (i128, i128) {
        let accounted = self.accounted();
        (
            i128::from(self.offered.packets) - i128::from(accounted.packets),
            i128::from(self.offered.bytes) - i128::from(accounted.bytes),
        )
    }

    /// Whether it holds.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.residual() == (0, 0)
    }

    /// Adds another equation's terms.
    pub fn add(&mut self, other: &Self) {
        for (mine, theirs) in [
            (&mut self.offered, other.offered),
            (&mut self.policed, other.policed),
            (&mut self.accepted, other.accepted),
            (&mut self.rejected, other.rejected),
            (&mut self.excluded, other.excluded),
            (&mut self.non_ip, other.non_ip),
            (&mut self.malformed, other.malformed),
            (&mut self.skipped, other.skipped),
        ] {
            *mine = mine.plus(theirs);
        }
    }
}

/// Packets that a limit stopped, by its name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct LimitDrops {
    /// Ingress, by the instance's packets per second.
    pub policed_packet_rate: u64,
    /// Ingress, by the instance's bits per second.
    pub policed_bit_rate: u64,
    /// Egress, recorded and then dropped, by packets per second.
    pub shaped_packet_rate: u64,
    /// Egress, recorded and then dropped, by bits per second.
    pub shaped_bit_rate: u64,
    /// No room in the punt ring.
    pub skipped_ring: u64,
    /// The ENI's punt credit was used up.
    pub skipped_credit: u64,
    /// Host memory could not be reached.
    pub skipped_dma: u64,
    /// New flows over the limit, by the NIC's bucket.
    pub new_flow_rate: u64,
    /// Over the limit of new flows or connections, dropped by the host.
    pub connection_limit: u64,
    /// The host's flow table was full: forwarded or dropped by its verdict, not recorded.
    pub skipped_flow_table: u64,
    /// Recorded, but the queue to where the records go was full.
    pub skipped_delivery: u64,
    /// Counted by the NIC, but the host was restarted and lost what it knew of them.
    pub skipped_restart: u64,
}

impl LimitDrops {
    /// With the skips of another.
    #[must_use]
    pub const fn with_skips(mut self, other: &Self) -> Self {
        self.skipped_ring += other.skipped_ring;
        self.skipped_credit += other.skipped_credit;
        self.skipped_dma += other.skipped_dma;
        self.skipped_flow_table += other.skipped_flow_table;
        self.skipped_delivery += other.skipped_delivery;
        self.skipped_restart += other.skipped_restart;
        self
    }
}

/// What was proved of one ENI and direction in one window.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Proof {
    /// The ENI's number.
    pub vport: u16,
    /// Ingress or egress.
    #[serde(serialize_with = "direction_name")]
    pub direction: Direction,
    /// The equation.
    pub equation: Equation,
    /// Drops by reason.
    pub limits: LimitDrops,
}

fn direction_name<S: serde::Serializer>(direction: &Direction, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(match direction {
        Direction::Ingress => "ingress",
        Direction::Egress => "egress",
    })
}
