//! The seal of a window: what its records say, and what they prove. Also the one place where NODATA
//! and SKIPDATA are decided.

use crate::conservation::{Amount, Equation, LimitDrops, Proof};
use crate::flows::Flow;
use crate::memory::{Cells, Memory};
use crate::record::{Action, EndReason, Entry, FlowFacts, Icmp, Layer, SkipReason, Skipped, TcpOpening, WindowBounds};
use crate::tally::{Tally, time_of};
use crate::window::Windows;
use firmware_abi::descriptor::{Ledger, LimitDrop};
use firmware_abi::key::Direction;

/// What a sealed window proves, besides its records.
#[derive(Clone, Debug)]
pub struct Sealed {
    /// Its number, modulo 2^16.
    pub number: u16,
    /// How many windows were published before it.
    pub index: u64,
    /// Its true bounds.
    pub bounds: WindowBounds,
    /// Boundaries that were missed since power-on.
    pub overruns: u64,
    /// How long its drain took, ns.
    pub drain_ns: u64,
    /// One for each ENI and direction, in order.
    pub proofs: Vec<Proof>,
}

/// What the NIC's ledgers say of a window whose records are lost.
#[derive(Clone, Copy, Debug)]
pub struct LostSide {
    /// The ENI's port.
    pub vport: u16,
    /// The direction.
    pub direction: Direction,
    /// Packets, in the order of [`Ledger`].
    pub packets: [u64; Ledger::ALL.len()],
    /// Bytes, in the same order.
    pub bytes: [u64; Ledger::ALL.len()],
    /// Packets that a limit stopped, in the order of [`LimitDrop`].
    pub limits: [u64; LimitDrop::ALL.len()],
}

impl LostSide {
    /// What was tallied and punted is skipped: the NIC has the counts, and nobody the records.
    fn proof(&self) -> Proof {
        let counted = |end: Ledger| Amount { packets: self.packets[end as usize], bytes: self.bytes[end as usize] };
        let lost = counted(Ledger::Tallied).plus(counted(Ledger::Punted));
        let limit = |reason: LimitDrop| self.limits[reason as usize];
        Proof {
            vport: self.vport,
            direction: self.direction,
            equation: Equation {
                offered: counted(Ledger::Offered),
                policed: counted(Ledger::Policed),
                accepted: Amount::default(),
                rejected: Amount::default(),
                excluded: counted(Ledger::Excluded),
                non_ip: counted(Ledger::NonIp),
                malformed: counted(Ledger::Malformed),
                skipped: counted(Ledger::Skipped).plus(lost),
            },
            limits: LimitDrops { skipped_restart: lost.packets, ..hardware_limits(limit) },
        }
    }
}

/// The limits that the NIC counts.
fn hardware_limits(limit: impl Fn(LimitDrop) -> u64) -> LimitDrops {
    LimitDrops {
        policed_packet_rate: limit(LimitDrop::PolicedPackets),
        policed_bit_rate: limit(LimitDrop::PolicedBits),
        shaped_packet_rate: limit(LimitDrop::ShapedPackets),
        shaped_bit_rate: limit(LimitDrop::ShapedBits),
        skipped_ring: limit(LimitDrop::SkippedRing),
        skipped_credit: limit(LimitDrop::SkippedCredit),
        skipped_dma: limit(LimitDrop::SkippedDma),
        new_flow_rate: limit(LimitDrop::NewFlows),
        ..LimitDrops::default()
    }
}

impl Sealed {
    /// A window that was open when the host lost its memory: no records, and of `ports` ENIs what the NIC's ledgers say.
    #[must_use]
    pub fn lost(bounds: WindowBounds, ports: u16, sides: &[LostSide]) -> Self {
        let proof = |vport: u16, direction: Direction| {
            let side = sides.iter().find(|side| (side.vport, side.direction) == (vport, direction));
            let (equation, limits) = (Equation::default(), LimitDrops::default());
            side.map_or(Proof { vport, direction, equation, limits }, LostSide::proof)
        };
        let proofs = (0..ports).flat_map(|vport| Direction::ALL.map(|direction| proof(vport, direction)));
        Self { number: 0, index: 0, bounds, overruns: 0, drain_ns: 0, proofs: proofs.collect() }
    }

    /// The same without its records: what they held is skipped, because the queue to where they go was full.
    #[must_use]
    pub fn left_out(&self) -> Self {
        let mut sealed = self.clone();
        for Proof { equation, limits, .. } in &mut sealed.proofs {
            let held = std::mem::take(&mut equation.accepted).plus(std::mem::take(&mut equation.rejected));
            equation.skipped = equation.skipped.plus(held);
            limits.skipped_delivery += held.packets;
        }
        sealed
    }

    /// What there is to say of the ENI `vport` besides `records` records of flows: nothing, NODATA or SKIPDATA.
    #[must_use]
    pub fn status_entry(&self, vport: u16, records: u64) -> Option<Entry<'static>> {
        let sides = self.proofs.iter().filter(|proof| proof.vport == vport);
        let skipped = sides.clone().fold(Amount::default(), |sum, proof| sum.plus(proof.equation.skipped));
        let limits = sides.fold(LimitDrops::default(), |sum, proof| sum.with_skips(&proof.limits));
        status_entry(records, skipped, &limits)
    }
}

impl<M: Memory> Windows<M> {
    /// The facts of a flow's record.
    #[must_use]
    #[inline]
    pub fn facts(&self, flow: &Flow, tally: &Tally, sequence: u64) -> FlowFacts {
        let marks = flow.marks();
        let mut key = flow.hardware_key();
        key.tcp_flags = (tally.packets_flags >> 56) as u8;
        let icmp = flow.is_icmp().then_some(Icmp {
            kind: (flow.slot >> 24) as u8,
            code: (flow.slot >> 16) as u8,
            identifier: flow.slot as u16,
        });
        let near = self.now.start_ns;
        FlowFacts {
            key,
            packets: tally.packets(),
            bytes: tally.bytes,
            first_ns: time_of(tally.first, near),
            last_ns: time_of(tally.last, near),
            sequence,
            action: if marks.rejected() { Action::Reject } else { Action::Accept },
            layer: if marks.by_acl() { Layer::NetworkAcl } else { Layer::SecurityGroup },
            rule_id: flow.rule,
            policy_epoch: u32::from(flow.epoch),
            end_reason: end_reason(flow, key.tcp_flags),
            tcp_opening: OPENINGS[usize::from(flow.progress.opening() & 3)],
            icmp,
        }
    }

    /// The ended window's proofs. `sums` are those of its records by ENI and direction: two amounts,
    /// ACCEPT and REJECT, for each `vport * 2 + direction`.
    #[must_use]
    pub fn seal(&self, sums: &[[Amount; 2]]) -> Sealed {
        let proofs = (0..self.ports * 2).map(|side| self.proof(side, sums.get(side).copied().unwrap_or_default()));
        Sealed {
            number: self.oldest(),
            index: self.now.published,
            bounds: WindowBounds { start_ns: self.now.start_ns, end_ns: self.now.end_ns },
            overruns: self.now.overruns,
            drain_ns: self.now.drain_ns,
            proofs: proofs.collect(),
        }
    }

    fn proof(&self, side: usize, [accepted, rejected]: [Amount; 2]) -> Proof {
        let hardware = self.ledgers.get(side);
        let host = self.host[self.bank()].get(side);
        let counted =
            |end: Ledger| Amount { packets: hardware.packets[end as usize], bytes: hardware.bytes[end as usize] };
        let aside = |[packets, bytes]: [u64; 2]| Amount { packets, bytes };
        let limit = |reason: LimitDrop| hardware.limits[reason as usize];
        Proof {
            vport: (side / 2) as u16,
            direction: Direction::ALL[side % 2],
            equation: Equation {
                offered: counted(Ledger::Offered),
                policed: counted(Ledger::Policed).plus(aside(host.policed)),
                accepted,
                rejected,
                excluded: counted(Ledger::Excluded).plus(aside(host.excluded)),
                non_ip: counted(Ledger::NonIp),
                malformed: counted(Ledger::Malformed),
                skipped: counted(Ledger::Skipped).plus(aside(host.skipped)),
            },
            limits: LimitDrops {
                connection_limit: host.over_limit,
                skipped_flow_table: host.skipped[0],
                ..hardware_limits(limit)
            },
        }
    }
}

/// By a flow's two bits.
const OPENINGS: [TcpOpening; 4] = [TcpOpening::Unknown, TcpOpening::Syn, TcpOpening::SynAck, TcpOpening::Unknown];

#[inline]
fn end_reason(flow: &Flow, flags: u8) -> EndReason {
    const FIN: u8 = 1;
    const RST: u8 = 4;
    if flow.marks().is_sibling() != flow.progress.turned() && flow.sibling != 0 && !flow.is_icmp() {
        EndReason::RuleChange
    } else if flags & RST != 0 {
        EndReason::TcpRst
    } else if flags & FIN != 0 {
        EndReason::TcpFin
    } else {
        EndReason::WindowEnd
    }
}

/// What the records of one stream in one window are besides flows: nothing, NODATA or SKIPDATA.
#[must_use]
fn status_entry(records: u64, skipped: Amount, limits: &LimitDrops) -> Option<Entry<'static>> {
    if skipped.packets > 0 {
        let reason = skip_reason(limits);
        return Some(Entry::SkipData(Skipped { reason, packets: skipped.packets, bytes: skipped.bytes }));
    }
    (records == 0).then_some(Entry::NoData)
}

fn skip_reason(limits: &LimitDrops) -> SkipReason {
    let reasons = [
        (limits.skipped_ring, SkipReason::RingFull),
        (limits.skipped_credit, SkipReason::CreditExhausted),
        (limits.skipped_dma, SkipReason::DmaFault),
        (limits.skipped_flow_table, SkipReason::TableFull),
        (limits.skipped_delivery, SkipReason::DeliveryFull),
        (limits.skipped_restart, SkipReason::HostRestart),
    ];
    let mut named = reasons.iter().filter(|(count, _)| *count > 0).map(|(_, reason)| *reason);
    match (named.next(), named.next()) {
        (Some(reason), None) => reason,
        (None, _) => SkipReason::Internal,
        (Some(_), Some(_)) => SkipReason::Several,
    }
}
