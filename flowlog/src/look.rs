//! A look at what is not published yet: open tallies, and why a flow has its verdict.

use crate::conservation::Amount;
use crate::flows::{Flow, FlowId};
use crate::memory::{Cells, Memory};
use crate::slowpath::{SlowPath, packet_of};
use crate::tally::Tally;
use crate::verdict::{Explanation, Packet, RuleId, Track};
use crate::window::Windows;
use firmware_abi::key::Direction;

/// What the host did with packets of an ENI and direction, other than recording them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Aside {
    /// Forwarded and not captured.
    pub excluded: Amount,
    /// Dropped by a limit of connections or new flows.
    pub policed: Amount,
    /// Not recorded: the flow table was full.
    pub skipped: Amount,
}

impl<M: Memory> Windows<M> {
    /// What the host has for a flow in `window`: its own counts and what the NIC has handed over. None of a window
    /// that is not in the works.
    #[must_use]
    pub fn tally(&self, flow: FlowId, window: u16) -> Option<Tally> {
        let in_the_works = window.wrapping_sub(self.oldest()) < 2;
        in_the_works.then(|| self.tallies[usize::from(window & 1)].get(flow.index()))
    }

    /// What the host counted aside in `window`, which is in the works.
    #[must_use]
    pub fn aside(&self, vport: u16, direction: Direction, window: u16) -> Aside {
        let (bank, side) = (usize::from(window & 1), usize::from(vport) * 2 + direction.index());
        if window.wrapping_sub(self.oldest()) >= 2 || side >= self.host[bank].len() {
            return Aside::default();
        }
        let counts = self.host[bank].get(side);
        let amount = |[packets, bytes]: [u64; 2]| Amount { packets, bytes };
        Aside { excluded: amount(counts.excluded), policed: amount(counts.policed), skipped: amount(counts.skipped) }
    }
}

impl<M: Memory> SlowPath<M> {
    /// Every layer's answer to a flow's packets by the rules of now. To one that opened a connection the rules
    /// answer, as to its first packet: what remembers it is the connection itself.
    #[must_use]
    pub fn explain(&self, flow: &Flow, seconds: u32) -> Option<Explanation> {
        let policy = &self.ports.get(usize::from(flow.key.port.vport()))?.policy;
        if flow.is_icmp() {
            let message = ((flow.slot >> 24) as u8, (flow.slot >> 16) as u8);
            let track = if flow.rule == RuleId::TRACKED.0 { Track::ReplyOfAccepted } else { Track::New };
            return Some(policy.explain(&packet_of(&flow.key, Some(message)), track));
        }
        let track = if flow.marks().tracked() { Track::New } else { self.reply_track(flow, seconds) };
        Some(policy.explain(&packet_of(&flow.key, None), track))
    }

    /// A flow as the rules see it.
    #[must_use]
    pub fn packet(flow: &Flow) -> Packet {
        packet_of(&flow.key, None)
    }
}
