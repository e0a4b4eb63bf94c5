//! What a meter knows, for a dump.

use super::Meter;
use crate::diag::{HostDump, HostFlow, HostSide, LayerAnswer, MeterDump, PublishedDump};
use crate::stats::Sum;
use driver::device::Device;
use driver::regio::RegIo;
use firmware_abi::key::Direction;
use firmware_abi::registers::WindowNumber;
use flowlog::conservation::Amount;
use flowlog::flows::{Flow, FlowId, Space};
use flowlog::policy::{ConnectionState, RuleAction};
use flowlog::record::{Action, Layer};
use flowlog::slowpath::SlowPath;
use flowlog::window::Stage;

/// Flows that a dump has at most: as many as both tables of the NIC hold.
const FLOWS_MAX: usize = 1 << 18;

impl<D: Device + 'static> Meter<D> {
    /// What is known at `now_ns`, in the NIC's open window. Names and what was published are the caller's to fill in.
    #[must_use]
    pub fn picture(&self, now_ns: u64) -> HostDump {
        let seconds = (now_ns / firmware_abi::time::SECOND_NS) as u32;
        let window = WindowNumber(self.driver.device().io().read(|r| &r.window_number)).number();
        let mut open: Vec<_> = (0..self.ports as u16)
            .flat_map(|vport| Direction::ALL.map(|direction| self.side(vport, direction, window)))
            .collect();
        let (mut flows, mut flows_left_out) = (Vec::new(), 0);
        for id in self.slow.flows.ids() {
            let flow = self.slow.flows.get(id);
            let is_request = flow.key.port.action_bits() == Space::IcmpRequest as u8;
            if !flow.marks().in_use() || is_request {
                continue;
            }
            let seen = self.flow(id, &flow, window, seconds);
            let side = usize::from(seen.vport) * 2 + seen.direction.index();
            if let Some(side) = open.get_mut(side) {
                side.recorded.packets += seen.packets;
                side.recorded.bytes += seen.bytes;
            }
            if flows.len() < FLOWS_MAX { flows.push(seen) } else { flows_left_out += 1 }
        }
        HostDump {
            enis: Vec::new(),
            oldest_window: self.windows.oldest(),
            stage: stage_name(self.windows.stage()).to_owned(),
            flows,
            flows_left_out,
            open,
            published: PublishedDump::default(),
            meter: self.done(),
        }
    }

    fn done(&self) -> MeterDump {
        let (statistics, faults) = (self.statistics, self.faults);
        MeterDump {
            punts: statistics.punts,
            retries: statistics.retries,
            offloaded: statistics.offloaded,
            no_slot: statistics.no_slot,
            records: statistics.records,
            expired: statistics.expired,
            bad_records: faults.records,
            refused_commands: faults.commands,
        }
    }

    fn side(&self, vport: u16, direction: Direction, window: u16) -> HostSide {
        let aside = self.windows.aside(vport, direction, window);
        let sum = |amount: Amount| Sum::from(amount);
        HostSide {
            vport,
            direction,
            recorded: Sum::default(),
            excluded: sum(aside.excluded),
            policed: sum(aside.policed),
            skipped: sum(aside.skipped),
        }
    }

    fn flow(&self, id: FlowId, flow: &Flow, window: u16, seconds: u32) -> HostFlow {
        let marks = flow.marks();
        let packet = SlowPath::<super::ArenaMemory<D>>::packet(flow);
        let tally = self.windows.tally(id, window).unwrap_or_default();
        let peer = FlowId::from_link(flow.peer).filter(|_| !flow.is_icmp());
        let state = |flow: &Flow| ConnectionState::try_from(flow.state).ok().map(state_name);
        HostFlow {
            cookie: id.0,
            vport: flow.key.port.vport(),
            direction: flow.key.port.direction(),
            src: packet.src,
            dst: packet.dst,
            src_port: packet.src_port,
            dst_port: packet.dst_port,
            protocol: packet.protocol,
            verdict: if marks.rejected() { Action::Reject } else { Action::Accept },
            excluded: marks.excluded(),
            layer: if marks.by_acl() { Layer::NetworkAcl } else { Layer::SecurityGroup },
            rule: flow.rule,
            slot: flow.slot(),
            sibling_of: FlowId::from_link(flow.sibling).filter(|_| marks.is_sibling()).map(|primary| primary.0),
            packets: tally.packets(),
            bytes: tally.bytes(),
            last_seen: flow.last_seen,
            opened: marks.tracked().then(|| state(flow)).flatten().map(str::to_owned),
            answers: peer
                .filter(|peer| !marks.tracked() && self.slow.flows.get(*peer).marks().tracked())
                .map(|peer| peer.0),
            layers: self.layers(flow, seconds),
        }
    }

    fn layers(&self, flow: &Flow, seconds: u32) -> Vec<LayerAnswer> {
        let steps = self.slow.explain(flow, seconds).map(|explanation| explanation.steps).unwrap_or_default();
        let answer = |step: flowlog::verdict::Step| LayerAnswer {
            layer: step.layer,
            allows: step.action == RuleAction::Allow,
            rule: step.rule.0,
            list: step.list.map(|list| list.to_string()),
            terms: None,
        };
        steps.into_iter().map(answer).collect()
    }
}

const fn stage_name(stage: Stage) -> &'static str {
    match stage {
        Stage::Open => "open",
        Stage::Ended => "ended",
        Stage::Publishing => "publishing",
        Stage::Published => "published",
    }
}

const fn state_name(state: ConnectionState) -> &'static str {
    match state {
        ConnectionState::TcpSynSent => "tcp-syn-sent",
        ConnectionState::TcpOriginalAcked => "tcp-original-acked",
        ConnectionState::TcpReplyAcked => "tcp-reply-acked",
        ConnectionState::TcpEstablished => "tcp-established",
        ConnectionState::TcpClosing => "tcp-closing",
        ConnectionState::UdpSingle => "udp-single",
        ConnectionState::UdpAnswered => "udp-answered",
        ConnectionState::UdpStream => "udp-stream",
        ConnectionState::Other => "other",
    }
}
