//! What the slow path says of a packet, and of a flow whose verdict turned.

use crate::flows::FlowId;
use crate::verdict::Action;

/// What is done with a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Forward and record it.
    Accept,
    /// Drop and record it.
    Reject,
    /// Forward it; it is not captured.
    Excluded,
    /// Ingress over a limit of new flows or connections: drop and count it as policed.
    Policed,
    /// Egress over such a limit: record what the guest offered, and drop it.
    AcceptAndDrop,
    /// The flow table is full: act by the verdict, and count it as skipped.
    Unlogged(Action),
}

impl Outcome {
    /// Whether the packet goes on.
    #[must_use]
    pub const fn forwards(self) -> bool {
        matches!(self, Self::Accept | Self::Excluded | Self::Unlogged(Action::Accept))
    }
}

/// A packet's verdict and where it counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// What is done with it.
    pub outcome: Outcome,
    /// The flow to count it in, if it is to be recorded or put into the NIC.
    pub flow: Option<FlowId>,
    /// The flow should be in the NIC, and is not.
    pub offload: bool,
    /// The flow is in the NIC: the packet only came too early or was sent back.
    pub in_nic: bool,
}

/// A flow in the NIC whose slot must change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// The flow whose slot it is.
    pub flow: FlowId,
    /// The flow to count for from now on: it, or its sibling.
    pub cookie: FlowId,
}

impl Judgement {
    /// A judgement of a packet that no flow counts.
    pub(crate) const fn of(outcome: Outcome) -> Self {
        Self { outcome, flow: None, offload: false, in_nic: false }
    }
}
