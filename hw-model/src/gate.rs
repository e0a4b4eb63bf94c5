//! The gate: a judged packet leaves, or does not.
//!
//! On egress the shaper stands behind the tally, so that records show what the guest offered. What
//! it drops is counted by reason and stays in the record.

use crate::engine::EngineCounters;
use crate::eni::Enis;
use firmware_abi::key::Direction;

/// A frame that left the NIC, kept only where somebody asked for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    /// The ENI's number.
    pub vport: u16,
    /// The engine it left by.
    pub direction: Direction,
    /// When the parser saw it, Unix ns.
    pub time_ns: u64,
    /// Its length on the wire.
    pub wire_length: u32,
    /// What is known of its bytes.
    pub bytes: Vec<u8>,
}

/// The way out of both engines.
#[derive(Clone, Debug, Default)]
pub struct Gate {
    /// Keep what leaves, for a wire that somebody is at the end of.
    pub keep: bool,
    /// What left, oldest first.
    pub sent: Vec<Sent>,
}

/// A packet that is to be forwarded.
#[derive(Clone, Copy, Debug)]
pub struct Outgoing {
    /// The ENI's number.
    pub vport: u16,
    /// The engine.
    pub direction: Direction,
    /// Layer-3 bytes, which the shaper counts.
    pub l3_bytes: u32,
    /// The bank of the window that it is stamped with.
    pub bank: usize,
}

impl Gate {
    /// Forwards a packet, on egress if the shaper has room for it. False if it was dropped.
    #[inline(always)]
    pub fn forward(&self, packet: Outgoing, now_ns: u64, enis: &mut Enis, counters: &mut EngineCounters) -> bool {
        let Outgoing { vport, direction, l3_bytes, bank } = packet;
        if direction == Direction::Egress
            && let Err(limit) = enis.admit(vport, direction, l3_bytes, now_ns)
        {
            counters.limited += 1;
            if let Some(ledger) = enis.ledger(vport, direction, bank) {
                ledger.limit(limit);
            }
            return false;
        }
        counters.forwarded += 1;
        true
    }

    /// Holds what has left for [`Nic::take_sent`](crate::nic::Nic::take_sent).
    #[inline(never)]
    pub fn hold(&mut self, vport: u16, direction: Direction, time_ns: u64, wire_length: u32, bytes: &[u8]) {
        self.sent.push(Sent { vport, direction, time_ns, wire_length, bytes: bytes.to_vec() });
    }
}
