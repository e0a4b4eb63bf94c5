//! Connections: who may answer whom, and for how long. Also ICMP, which has nothing else.
//!
//! A connection lives in the flow that opened it ([`crate::flows::Marks::tracked`]). It is alive while
//! the NIC holds either of its flows, or the time-out of its state has not passed since the last
//! packet of either.

use crate::flows::{Flow, FlowId, Hash, Space};
use crate::memory::{Cells, Memory};
use crate::policy::{ConnectionState, icmp_request_of_reply};
use crate::slowpath::{Judgement, Outcome, SlowPath, packet_of, write_verdict};
use crate::verdict::{Action, RuleId, Track, Verdict};
use firmware_abi::key::{Direction, FlowKey, protocol};

/// How long a flow without a connection is remembered: finding its verdict again costs little.
pub(crate) const IDLE_SECONDS: u32 = 30;

/// One ICMP message, as far as rules and connections care.
#[derive(Clone, Copy)]
struct Message {
    kind: u8,
    code: u8,
    identifier: u16,
}

impl<M: Memory> SlowPath<M> {
    /// Whether what is known of a flow still holds at `seconds`.
    pub(crate) fn alive(&self, flow: &Flow, seconds: u32) -> bool {
        if flow.slot().is_some() {
            return true;
        }
        let marks = flow.marks();
        let idle = seconds.saturating_sub(flow.last_seen);
        if idle <= self.shortest_timeout {
            return true;
        }
        let peer = FlowId::from_link(flow.peer).map(|peer| self.flows.get(peer));
        let opener = match &peer {
            _ if marks.tracked() => Some(flow),
            Some(peer) if peer.marks().tracked() && !marks.rejected() => Some(peer),
            _ => None,
        };
        let Some(opener) = opener else {
            return idle <= IDLE_SECONDS;
        };
        if peer.is_some_and(|peer| peer.slot().is_some()) {
            return true;
        }
        let last_seen = flow.last_seen.max(peer.map_or(0, |peer| peer.last_seen));
        let timeout = ConnectionState::try_from(opener.state)
            .map_or(IDLE_SECONDS, |state| state.timeout_seconds(&self.settings.timeouts));
        seconds.saturating_sub(last_seen) <= timeout
    }

    /// The verdict for a flow's packets now.
    pub(crate) fn ask(&self, flow: &Flow, seconds: u32) -> Verdict {
        let policy = &self.ports[usize::from(flow.key.port.vport())].policy;
        if let Some(verdict) = policy.unconditional() {
            return verdict;
        }
        let track = if flow.marks().tracked() { Track::Tracked } else { self.reply_track(flow, seconds) };
        policy.judge(&packet_of(&flow.key, None), track)
    }

    /// Whether a flow answers a connection that lives.
    pub(crate) fn reply_track(&self, flow: &Flow, seconds: u32) -> Track {
        match self.opener(flow) {
            Some(opener) if self.alive(&opener, seconds) => {
                let policy = &self.ports[usize::from(flow.key.port.vport())].policy;
                policy.reply_track(&packet_of(&opener.key, None))
            }
            _ => Track::New,
        }
    }

    /// The flow of the other direction, if it opened the connection.
    fn opener(&self, flow: &Flow) -> Option<Flow> {
        let peer = self.flows.get(FlowId::from_link(flow.peer)?);
        peer.marks().tracked().then_some(peer)
    }

    /// Opens, keeps or ends the connection of a flow that was just judged.
    pub(crate) fn keep_connection(&mut self, flow: &mut Flow, verdict: Verdict, flags: u8, over_limit: bool) {
        flow.mark(|marks| marks.set_over_limit(false));
        if verdict.action == Action::Reject {
            return self.forget_connection(flow);
        }
        if flow.marks().tracked() || self.opener(flow).is_some() {
            return;
        }
        if over_limit || !self.take_connection(flow) {
            return flow.mark(|marks| marks.set_over_limit(true));
        }
        flow.state = ConnectionState::first(flow.key.protocol, flags) as u8;
        flow.mark(|marks| marks.set_tracked(true));
    }

    fn instance(&self, flow: &Flow) -> Option<usize> {
        let instance = self.ports.get(usize::from(flow.key.port.vport()))?.instance;
        (instance < self.connections.len()).then_some(instance)
    }

    /// Connections that an instance has open.
    #[must_use]
    pub fn connections(&self, instance: usize) -> u32 {
        if instance < self.connections.len() { self.connections.get(instance) } else { 0 }
    }

    fn take_connection(&mut self, flow: &Flow) -> bool {
        let Some(instance) = self.instance(flow) else { return true };
        let limit = self.connections_max.as_slice().get(instance).copied().unwrap_or(0);
        let open = self.connections.get(instance);
        if limit != 0 && open >= limit {
            return false;
        }
        self.connections.set(instance, open + 1);
        true
    }

    /// Ends the connection that a flow opened, if it did.
    pub(crate) fn forget_connection(&mut self, flow: &mut Flow) {
        if !flow.marks().tracked() {
            return;
        }
        flow.mark(|marks| marks.set_tracked(false));
        if let Some(instance) = self.instance(flow) {
            let open = self.connections.get(instance);
            self.connections.set(instance, open.saturating_sub(1));
        }
    }

    /// Moves a connection's state on by `flags`, which one packet of `flow` had, or several together.
    pub(crate) fn advance(&mut self, flow: &mut Flow, flags: u8) {
        if flow.marks().tracked() {
            flow.state = advanced(flow.state, flow.key.protocol, flags, false);
            return;
        }
        let Some(peer) = FlowId::from_link(flow.peer) else { return };
        let mut opener = self.flows.get(peer);
        if opener.marks().tracked() && !flow.marks().rejected() {
            let state = advanced(opener.state, opener.key.protocol, flags, true);
            if state != opener.state {
                opener.state = state;
                self.flows.set(peer, opener);
            }
        }
    }

    /// What the NIC counted for a flow until `seconds`: keeps its connection alive.
    pub fn saw(&mut self, id: FlowId, flags: u8, seconds: u32) {
        let id = self.primary(id);
        let mut flow = self.flows.get(id);
        let before = (flow.last_seen, flow.state);
        flow.last_seen = flow.last_seen.max(seconds);
        self.advance(&mut flow, flags);
        if (flow.last_seen, flow.state) != before {
            self.flows.set(id, flow);
        }
    }

    /// Whether the flow's TCP connection is closing, so that its slot is better given to another.
    #[must_use]
    pub fn closing(&self, flow: &Flow) -> bool {
        let opener = if flow.marks().tracked() { Some(*flow) } else { self.opener(flow) };
        opener.is_some_and(|opener| opener.state == ConnectionState::TcpClosing as u8)
    }

    /// Forgets a flow that is over, if `counts` says that neither it nor its sibling has anything
    /// that is not yet in a record.
    pub fn expire(&mut self, id: FlowId, seconds: u32, counts: impl Fn(FlowId) -> bool) -> bool {
        let mut flow = self.flows.get(id);
        let marks = flow.marks();
        if !marks.in_use() || marks.is_sibling() || self.alive(&flow, seconds) || counts(id) {
            return false;
        }
        if FlowId::from_link(flow.sibling).is_some_and(&counts) {
            return false;
        }
        self.forget_connection(&mut flow);
        self.flows.set(id, flow);
        self.flows.remove(id);
        true
    }

    /// An ICMP message; `key` has what [`Message`] says for ports.
    pub(crate) fn judge_icmp(&mut self, key: FlowKey, seconds: u32) -> Judgement {
        let message = Message { kind: (key.dst_port >> 8) as u8, code: key.dst_port as u8, identifier: key.src_port };
        let policy = &self.ports[usize::from(key.port.vport())].policy;
        let packet = packet_of(&key, Some((message.kind, message.code)));
        let track = self.icmp_track(&key, message, seconds);
        let verdict = policy.judge(&packet, track);
        let mut outcome = match verdict.action {
            Action::Accept => Outcome::Accept,
            Action::Reject => Outcome::Reject,
        };
        if is_request(key.protocol, message.kind) && !self.remember_request(&key, message, verdict, seconds) {
            outcome = match key.port.direction() {
                Direction::Ingress => Outcome::Policed,
                Direction::Egress => Outcome::AcceptAndDrop,
            };
        }
        let mut counted = key;
        if !self.settings.icmp_by_type {
            (counted.src_port, counted.dst_port) = (0, 0);
        }
        match self.icmp_entry(counted, message, verdict, seconds) {
            Some(flow) => Judgement { flow: Some(flow), ..Judgement::of(outcome) },
            None => Judgement::of(Outcome::Unlogged(verdict.action)),
        }
    }

    fn icmp_track(&self, key: &FlowKey, message: Message, seconds: u32) -> Track {
        let find = |key: FlowKey| {
            let id = self.flows.find(&key, Hash::of(&key))?;
            Some(self.flows.get(id)).filter(|flow| flow.marks().tracked() && self.alive(flow, seconds))
        };
        if find(request_key(key, message.kind, message.identifier)).is_some() {
            return Track::Tracked;
        }
        let Some(request) = icmp_request_of_reply(key.protocol, message.kind) else { return Track::New };
        match find(request_key(&key.reversed(), request, message.identifier)) {
            Some(opener) => {
                let original = packet_of(&opener.key, Some((request, 0)));
                self.ports[usize::from(key.port.vport())].policy.reply_track(&original)
            }
            None => Track::New,
        }
    }

    /// Remembers a request that may be answered; false if its instance may have no more connections.
    fn remember_request(&mut self, key: &FlowKey, message: Message, verdict: Verdict, seconds: u32) -> bool {
        let key = request_key(key, message.kind, message.identifier);
        let hash = Hash::of(&key);
        let known = self.flows.find(&key, hash);
        let mut flow = known.map_or(Flow { key, ..Flow::default() }, |id| self.flows.get(id));
        flow.last_seen = seconds;
        let epoch = self.epoch(&flow);
        write_verdict(&mut flow, verdict, epoch);
        self.keep_connection(&mut flow, verdict, 0, false);
        let over_limit = flow.marks().over_limit();
        if let Some(id) = known {
            self.flows.set(id, flow);
        } else if flow.marks().tracked() && self.flows.insert(flow, hash).is_err() {
            self.forget_connection(&mut flow);
        }
        !over_limit
    }

    /// The entry that counts a message under its verdict.
    fn icmp_entry(&mut self, key: FlowKey, message: Message, verdict: Verdict, seconds: u32) -> Option<FlowId> {
        let hash = Hash::of(&key);
        let refuses = verdict.action == Action::Reject;
        let epoch = self.ports[usize::from(key.port.vport())].policy.epoch() as u16;
        let Some(id) = self.flows.find(&key, hash) else {
            let mut flow = Flow { key, last_seen: seconds, slot: message.packed(), ..Flow::default() };
            write_verdict(&mut flow, verdict, epoch);
            return self.flows.insert(flow, hash).ok();
        };
        let mut flow = self.flows.get(id);
        flow.last_seen = seconds;
        self.flows.set(id, flow);
        let entry = if flow.marks().rejected() == refuses {
            id
        } else {
            match FlowId::from_link(flow.sibling) {
                Some(sibling) => sibling,
                None => self.flows.insert_sibling(id).ok()?,
            }
        };
        let before = self.flows.get(entry);
        let mut judged = before;
        write_verdict(&mut judged, verdict, epoch);
        // Under the same rules, what let the first message through is more telling than that it did.
        let remembered = verdict.rule == RuleId::TRACKED && before.epoch == epoch;
        if judged != before && !remembered {
            self.flows.set(entry, judged);
        }
        Some(entry)
    }
}

impl Message {
    /// As a flow keeps it in the place of its slot.
    fn packed(self) -> u32 {
        u32::from(self.kind) << 24 | u32::from(self.code) << 16 | u32::from(self.identifier)
    }
}

/// Whether a message asks for an answer that the security groups then let through: those that
/// [`icmp_request_of_reply`] names.
fn is_request(ip_protocol: u8, kind: u8) -> bool {
    match ip_protocol {
        protocol::ICMP => matches!(kind, 8 | 13 | 15 | 17),
        _ => kind == 128,
    }
}

/// The key that a request's connection is remembered by.
fn request_key(key: &FlowKey, kind: u8, identifier: u16) -> FlowKey {
    let mut request = *key;
    request.src_port = identifier;
    request.dst_port = u16::from(kind) << 8;
    request.port.set_action_bits(Space::IcmpRequest as u8);
    request
}

/// [`ConnectionState::advance`] on a state as a flow keeps it.
pub(crate) fn advanced(state: u8, ip_protocol: u8, flags: u8, is_reply: bool) -> u8 {
    ConnectionState::try_from(state).map_or_else(
        |_| ConnectionState::first(ip_protocol, flags),
        |state| state.advance(ip_protocol, flags, is_reply),
    ) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_a_request_if_some_message_answers_it() {
        for ip_protocol in [protocol::ICMP, protocol::ICMPV6] {
            for kind in 0..=u8::MAX {
                let answered = (0..=u8::MAX).any(|reply| icmp_request_of_reply(ip_protocol, reply) == Some(kind));
                assert_eq!(is_request(ip_protocol, kind), answered, "type {kind} of protocol {ip_protocol}");
            }
        }
    }
}
