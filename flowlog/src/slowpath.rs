//! The slow path: a verdict for each packet that the NIC could not judge.
//!
//! ```text
//!   punt ─▶ whose flow? ─▶ known, judged under these rules, alive? ─▶ that verdict
//!            (fragments,          │ no
//!             ICMP)               └▶ whose reply? ─▶ rules ─▶ remember flow and connection
//! ```
//!
//! A connection is remembered in the flow that opened it. The flow of the other direction is its
//! peer, and is allowed by the security groups as long as the connection lives. A flow that the NIC
//! holds is alive: nobody can know otherwise before the NIC tells.
//!
//! ICMP never goes to the NIC's table, since its verdict may hang on type and code: each message is
//! judged by itself, and counted in the flow of its addresses.

use crate::connection::{IDLE_SECONDS, advanced};
use crate::flows::{Flow, FlowId, FlowTableFull, Flows, Hashes};
use crate::fragments::Fragments;
use crate::memory::Memory;
use crate::policy::Timeouts;
use crate::record::TcpOpening;
use crate::verdict::{Action, EniPolicy, Layer, Packet, Verdict};
use firmware_abi::frame::{FrameHeader, PuntReason};
use firmware_abi::key::{Direction, FlowKey, is_dhcp, protocol};
use firmware_abi::time::SECOND_NS;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

pub use crate::judgement::{Change, Judgement, Outcome};

/// Where Windows licence activation listens.
pub const LICENCE_PORT: u16 = 1688;
/// Most packets that a flow counts before it is offloaded.
pub const OFFLOAD_AT_PACKET_MAX: u8 = 31;

/// What the slow path goes by, besides the rules.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How long connections are remembered.
    pub timeouts: Timeouts,
    /// From which packet of a flow on it belongs in the NIC: 1 to 31.
    pub offload_at_packet: u8,
    /// ICMP flows are told apart by identifier, type and code, as their records are.
    pub icmp_by_type: bool,
    /// Addresses of licence servers.
    pub licence_servers: Vec<IpAddr>,
}

impl Default for Settings {
    fn default() -> Self {
        Self { timeouts: Timeouts::default(), offload_at_packet: 2, icmp_by_type: false, licence_servers: Vec::new() }
    }
}

/// One ENI, as the slow path sees it.
#[derive(Debug)]
pub struct Port {
    /// Its rules.
    pub policy: EniPolicy,
    /// The instance whose connection limit it shares.
    pub instance: usize,
}

/// The slow path of a NIC.
pub struct SlowPath<M: Memory> {
    /// The flows.
    pub flows: Flows<M>,
    fragments: Fragments<M>,
    pub(crate) connections: M::Cells<u32>,
    pub(crate) connections_max: Vec<u32>,
    pub(crate) ports: Vec<Port>,
    pub(crate) settings: Settings,
    /// No flow is over before it was idle for as long.
    pub(crate) shortest_timeout: u32,
    changes: Vec<Change>,
    faults: u64,
}

/// Room of the tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capacity {
    /// Flows.
    pub flows: usize,
    /// Fragmented datagrams that are remembered.
    pub datagrams: usize,
    /// Instances.
    pub instances: usize,
}

impl<M: Memory> SlowPath<M> {
    /// A slow path for `ports`, numbered as the NIC numbers them. `connections_max` is by instance;
    /// 0 is no limit.
    pub fn new(
        memory: &mut M,
        capacity: Capacity,
        ports: Vec<Port>,
        connections_max: Vec<u32>,
        settings: Settings,
    ) -> Result<Self, M::Error> {
        let timeouts = &settings.timeouts;
        let shortest_timeout = [
            timeouts.tcp_established_seconds,
            timeouts.tcp_other_seconds,
            timeouts.udp_seconds,
            timeouts.udp_stream_seconds,
            timeouts.other_seconds,
        ]
        .into_iter()
        .fold(IDLE_SECONDS, u32::min);
        Ok(Self {
            shortest_timeout,
            flows: Flows::new(memory, capacity.flows)?,
            fragments: Fragments::new(memory, capacity.datagrams)?,
            connections: memory.table("connections", capacity.instances.max(1))?,
            connections_max,
            ports,
            settings,
            changes: Vec::new(),
            faults: 0,
        })
    }

    /// Headers that made no sense: from a device that lies.
    #[must_use]
    pub fn faults(&self) -> u64 {
        self.faults
    }

    /// Flows in the NIC whose verdict turned since last asked.
    pub fn take_changes(&mut self) -> Vec<Change> {
        std::mem::take(&mut self.changes)
    }

    /// Changes that could not be told to the NIC: they come again, before newer ones.
    pub fn put_back_changes(&mut self, untold: &[Change]) {
        self.changes.splice(0..0, untold.iter().copied());
    }

    /// Whether there are changes that the NIC has not been told.
    #[must_use]
    pub fn has_changes(&self) -> bool {
        !self.changes.is_empty()
    }

    /// After a restart: a slot counts for `cookie`; notes a change if another entry should count.
    pub fn reconcile(&mut self, cookie: FlowId) {
        let primary = self.primary(cookie);
        let (counting, _) = self.counting(primary, &self.flows.get(primary));
        if counting != cookie {
            self.changes.push(Change { flow: primary, cookie: counting });
        }
    }

    /// The rules of one ENI change. What the host has judged is judged again at its next packet;
    /// for what the NIC holds, [`Self::review`] must be called on every flow.
    ///
    /// False if there is no such ENI.
    pub fn set_policy(&mut self, vport: usize, policy: EniPolicy) -> bool {
        let Some(port) = self.ports.get_mut(vport) else { return false };
        port.policy = policy;
        true
    }

    /// Judges a flow of the NIC again, if that was done under other rules.
    pub fn review(&mut self, id: FlowId, seconds: u32) {
        let flow = self.flows.get(id);
        let marks = flow.marks();
        if marks.in_use() && !marks.is_sibling() && flow.slot().is_some() && self.outdated(&flow) {
            self.rejudge(id, seconds, 0);
        }
    }

    /// A flow was put into the NIC, or taken out of it.
    pub fn set_slot(&mut self, flow: FlowId, slot: Option<u32>) {
        let mut entry = self.flows.get(flow);
        if let Some(primary) = FlowId::from_link(entry.sibling).filter(|_| entry.marks().is_sibling()) {
            return self.set_slot(primary, slot);
        }
        entry.slot = slot.map_or(0, |slot| slot + 1);
        self.flows.set(flow, entry);
    }

    /// The flow whose connection and slot an entry shares: itself, or the one it is sibling of.
    #[must_use]
    pub fn primary(&self, id: FlowId) -> FlowId {
        let entry = self.flows.get(id);
        FlowId::from_link(entry.sibling).filter(|_| entry.marks().is_sibling()).unwrap_or(id)
    }

    /// The key that a punted packet counts under.
    #[inline]
    fn key_of(&mut self, header: &FrameHeader) -> FlowKey {
        let mut key = header.key.plain();
        let icmp = matches!(key.protocol, protocol::ICMP | protocol::ICMPV6);
        if icmp {
            // Until it is known what counts, the ports are what tells one message from another.
            key.src_port = header.aux[1] as u16;
            key.dst_port = (header.aux[1] >> 16) as u16;
        }
        if header.tail.first_fragment() {
            self.fragments.put(&key, header.aux[0]);
        } else if header.tail.later_fragment() {
            let ports = self.fragments.get(&key, header.aux[0]);
            (key.src_port, key.dst_port) = ports.unwrap_or((0, 0));
        }
        key
    }

    /// Judges a packet. `hashes` are those of its key as the NIC parsed it.
    pub fn judge(&mut self, header: &FrameHeader, hashes: &Hashes) -> Judgement {
        let key = self.key_of(header);
        let seconds = (header.time_ns / SECOND_NS) as u32;
        let fragment = header.tail.first_fragment() || header.tail.later_fragment();
        if usize::from(key.port.vport()) >= self.ports.len() {
            self.faults += 1;
            return Judgement::of(Outcome::Unlogged(Action::Reject));
        }
        match key.protocol {
            protocol::UDP if fragment && is_dhcp(key.src_port, key.dst_port) => Judgement::of(Outcome::Excluded),
            protocol::ICMP | protocol::ICMPV6 => self.judge_icmp(key, seconds),
            _ if fragment => self.judge_flow(key, header, seconds, &Hashes::of(&key)),
            _ => self.judge_flow(key, header, seconds, hashes),
        }
    }

    fn judge_flow(&mut self, key: FlowKey, header: &FrameHeader, seconds: u32, hashes: &Hashes) -> Judgement {
        let flags = header.key.tcp_flags;
        let (id, flow) = match self.flows.find(&key, hashes.own) {
            Some(id) => (id, self.meet(id, flags, seconds)),
            None => match self.open(key, hashes, flags, seconds, header.tail.over_new_flow_limit()) {
                Ok(opened) => opened,
                Err(action) => return Judgement::of(Outcome::Unlogged(action)),
            },
        };
        let marks = flow.marks();
        let (counting, rejected) = match FlowId::from_link(flow.sibling) {
            Some(sibling) if flow.progress.turned() => (sibling, self.flows.get(sibling).marks().rejected()),
            _ => (id, marks.rejected()),
        };
        let outcome = match (marks.excluded(), marks.over_limit(), key.port.direction()) {
            (true, ..) => Outcome::Excluded,
            (_, true, Direction::Ingress) => Outcome::Policed,
            (_, true, Direction::Egress) => Outcome::AcceptAndDrop,
            _ if rejected => Outcome::Reject,
            _ => Outcome::Accept,
        };
        // A fragment is punted as such, so what is offloaded is never one.
        let miss = header.tail.code() == PuntReason::Miss as u8;
        let due = flow.progress.seen() >= self.settings.offload_at_packet;
        let in_nic = flow.slot().is_some();
        Judgement {
            outcome,
            flow: Some(counting),
            offload: miss && due && !in_nic && !marks.over_limit(),
            in_nic: miss && in_nic,
        }
    }

    /// The entry that counts for a flow under the action that holds now.
    #[inline]
    fn counting(&self, id: FlowId, flow: &Flow) -> (FlowId, Flow) {
        match FlowId::from_link(flow.sibling) {
            Some(sibling) if flow.progress.turned() => (sibling, self.flows.get(sibling)),
            _ => (id, *flow),
        }
    }

    /// Whether a flow was judged under other rules than today's.
    fn outdated(&self, flow: &Flow) -> bool {
        let judged = match FlowId::from_link(flow.sibling) {
            Some(sibling) if flow.progress.turned() => self.flows.get(sibling).epoch,
            _ => flow.epoch,
        };
        judged != self.epoch(flow)
    }

    /// Low half of the epoch of the rules that hold for a flow.
    pub(crate) fn epoch(&self, flow: &Flow) -> u16 {
        self.ports.as_slice().get(usize::from(flow.key.port.vport())).map_or(0, |port| port.policy.epoch() as u16)
    }

    /// Another packet of a flow that is known; the flow as it is afterwards.
    fn meet(&mut self, id: FlowId, flags: u8, seconds: u32) -> Flow {
        let mut flow = self.flows.get(id);
        let marks = flow.marks();
        if !self.alive(&flow, seconds) {
            // Whatever this packet is, the connection that it might have belonged to is over.
            self.forget_connection(&mut flow);
            flow.progress.set_seen(0);
            self.flows.set(id, flow);
            self.rejudge(id, seconds, flags);
            flow = self.flows.get(id);
        } else if marks.over_limit() || self.outdated(&flow) {
            self.rejudge(id, seconds, flags);
            flow = self.flows.get(id);
        }
        let before = (flow.last_seen, flow.progress, flow.state);
        flow.last_seen = flow.last_seen.max(seconds);
        flow.progress.set_seen((flow.progress.seen() + 1).min(OFFLOAD_AT_PACKET_MAX));
        self.advance(&mut flow, flags);
        if (flow.last_seen, flow.progress, flow.state) != before {
            self.flows.set(id, flow);
        }
        flow
    }

    /// The first packet of a flow. `Err` is the verdict when there is no room to remember it.
    fn open(
        &mut self,
        key: FlowKey,
        hashes: &Hashes,
        flags: u8,
        seconds: u32,
        over_limit: bool,
    ) -> Result<(FlowId, Flow), Action> {
        let peer = self.flows.find(&key.reversed(), hashes.reversed);
        let mut flow = Flow { key, last_seen: seconds, peer: peer.map_or(0, FlowId::link), ..Flow::default() };
        flow.progress.set_seen(1);
        flow.progress.set_opening(opening(key.protocol, flags) as u8);
        flow.epoch = self.epoch(&flow);
        if self.is_licence(&key) {
            flow.mark(|marks| marks.set_excluded(true));
        } else {
            let verdict = self.ask(&flow, seconds);
            let epoch = self.epoch(&flow);
            write_verdict(&mut flow, verdict, epoch);
            self.keep_connection(&mut flow, verdict, flags, over_limit);
        }
        let action = if flow.marks().rejected() { Action::Reject } else { Action::Accept };
        match self.flows.insert(flow, hashes.own) {
            Ok(id) => {
                if let Some(peer) = peer {
                    self.link_peer(peer, id, &flow, flags);
                }
                Ok((id, flow))
            }
            Err(FlowTableFull { .. }) => {
                self.forget_connection(&mut flow);
                Err(action)
            }
        }
    }

    /// A new flow met one that was there for the other direction.
    fn link_peer(&mut self, peer: FlowId, id: FlowId, flow: &Flow, flags: u8) {
        let mut other = self.flows.get(peer);
        other.peer = id.link();
        if !flow.marks().rejected() && other.marks().tracked() && !flow.marks().tracked() {
            other.state = advanced(other.state, other.key.protocol, flags, true);
        }
        self.flows.set(peer, other);
        // What was refused because nobody had asked may now be an answer.
        if flow.marks().tracked() && !other.marks().tracked() && !other.marks().excluded() {
            let seconds = other.last_seen;
            self.rejudge(peer, seconds, 0);
        }
    }

    /// Asks again for the verdict of a flow that is known, and notes it if the NIC must be told.
    pub(crate) fn rejudge(&mut self, id: FlowId, seconds: u32, flags: u8) {
        let mut flow = self.flows.get(id);
        let epoch = self.epoch(&flow);
        if flow.marks().excluded() {
            flow.epoch = epoch;
            return self.flows.set(id, flow);
        }
        let verdict = self.ask(&flow, seconds);
        self.keep_connection(&mut flow, verdict, flags, false);
        let (counted_in, mut entry) = self.counting(id, &flow);
        let refuses = verdict.action == Action::Reject;
        if entry.marks().rejected() == refuses {
            if counted_in == id {
                entry = flow;
            } else {
                self.flows.set(id, flow);
            }
            write_verdict(&mut entry, verdict, epoch);
            return self.flows.set(counted_in, entry);
        }
        self.turn(id, flow, verdict, epoch);
    }

    /// A flow's action turned: from now on it counts in its other entry.
    fn turn(&mut self, id: FlowId, mut flow: Flow, verdict: Verdict, epoch: u16) {
        let turned = !flow.progress.turned();
        flow.progress.set_turned(turned);
        if !turned {
            write_verdict(&mut flow, verdict, epoch);
            self.flows.set(id, flow);
            return self.note_change(id, id, &flow);
        }
        self.flows.set(id, flow);
        let sibling = match FlowId::from_link(flow.sibling) {
            Some(sibling) => sibling,
            None => match self.flows.insert_sibling(id) {
                Ok(sibling) => sibling,
                Err(FlowTableFull { .. }) => {
                    // No room to count the two actions apart: one record, with the action that holds.
                    self.faults += 1;
                    flow.progress.set_turned(false);
                    write_verdict(&mut flow, verdict, epoch);
                    self.flows.set(id, flow);
                    return self.note_change(id, id, &flow);
                }
            },
        };
        let mut entry = self.flows.get(sibling);
        write_verdict(&mut entry, verdict, epoch);
        self.flows.set(sibling, entry);
        self.note_change(id, sibling, &flow);
    }

    fn note_change(&mut self, flow: FlowId, cookie: FlowId, now: &Flow) {
        if now.slot().is_some() {
            self.changes.push(Change { flow, cookie });
        }
    }

    fn is_licence(&self, key: &FlowKey) -> bool {
        let (server, port) = match key.port.direction() {
            Direction::Egress => (&key.dst, key.dst_port),
            Direction::Ingress => (&key.src, key.src_port),
        };
        port == LICENCE_PORT
            && key.protocol == protocol::TCP
            && self.settings.licence_servers.contains(&address(server, key.port.ip6()))
    }
}

/// Writes who decided what into the entry that counts for it.
pub(crate) fn write_verdict(entry: &mut Flow, verdict: Verdict, epoch: u16) {
    entry.rule = verdict.rule.0;
    entry.epoch = epoch;
    entry.mark(|marks| {
        marks.set_rejected(verdict.action == Action::Reject);
        marks.set_by_acl(verdict.layer == Layer::NetworkAcl);
    });
}

const TCP_SYN: u8 = 0x02;
const TCP_ACK: u8 = 0x10;

fn opening(ip_protocol: u8, flags: u8) -> TcpOpening {
    match flags & (TCP_SYN | TCP_ACK) {
        TCP_SYN if ip_protocol == protocol::TCP => TcpOpening::Syn,
        both if ip_protocol == protocol::TCP && both == TCP_SYN | TCP_ACK => TcpOpening::SynAck,
        _ => TcpOpening::Unknown,
    }
}

/// An address of a key.
pub(crate) fn address(bytes: &[u8; 16], ip6: bool) -> IpAddr {
    if ip6 {
        return Ipv6Addr::from(*bytes).into();
    }
    let [a, b, c, d, ..] = *bytes;
    Ipv4Addr::new(a, b, c, d).into()
}

/// A key as the rules see it.
pub(crate) fn packet_of(key: &FlowKey, icmp: Option<(u8, u8)>) -> Packet {
    let ip6 = key.port.ip6();
    let direction = key.port.direction();
    let (src, dst) = (address(&key.src, ip6), address(&key.dst, ip6));
    let (src_port, dst_port) = if icmp.is_some() { (0, 0) } else { (key.src_port, key.dst_port) };
    Packet { direction, src, dst, protocol: key.protocol, src_port, dst_port, icmp }
}
