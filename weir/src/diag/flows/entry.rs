//! A flow as both sides know it: its slot in the NIC and the host's entry, joined by the cookie.

use std::collections::BTreeMap;
use std::net::IpAddr;

use driver::dump::SlotDump;
use firmware_abi::key::{Direction, SlotAction, protocol};
use firmware_abi::time::{SECOND_NS, TICK_NS, tick_base_ns};
use flowlog::policy::{Protocol, RuleId};
use flowlog::record::{Action, Layer};
use serde::Serialize;

use crate::diag::{DiagError, File, HostFlow};
use crate::stats::direction_name;

/// A flow.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FlowEntry {
    /// Its ENI; `port-N` if its name is not known.
    pub eni: String,
    /// Its virtual port.
    pub vport: u16,
    /// `ingress` or `egress`.
    pub direction: &'static str,
    /// IANA protocol number.
    pub protocol: u8,
    /// Source address.
    pub src: IpAddr,
    /// Source port; 0 for protocols without.
    pub src_port: u16,
    /// Destination address.
    pub dst: IpAddr,
    /// Destination port; 0 for protocols without.
    pub dst_port: u16,
    /// `ACCEPT`, `REJECT`, or `EXCLUDED` of what is forwarded and not captured.
    pub verdict: &'static str,
    /// The layer that decided, if the host is known.
    pub layer: Option<Layer>,
    /// The rule that decided, if the host is known.
    pub rule: Option<u32>,
    /// What a reserved rule number means.
    pub rule_meaning: Option<&'static str>,
    /// Packets of the open window, by the NIC and by the host.
    pub packets: u64,
    /// Layer-3 bytes likewise.
    pub bytes: u64,
    /// Since its last packet, ms.
    pub age_ms: Option<u64>,
    /// The age is the host's, which knows whole seconds.
    pub age_in_seconds: bool,
    /// OR of its TCP flags in the NIC.
    pub tcp_flags: Option<u8>,
    /// Its slot in the NIC.
    pub slot: Option<u32>,
    /// The host's number of it.
    pub cookie: u32,
    /// The host does not know it, or has it elsewhere than the NIC.
    pub stray: bool,
    /// The state of the connection that it opened.
    pub opened: Option<String>,
    /// The flow that opened the connection that it answers.
    pub answers: Option<u32>,
    /// The flow of the other verdict, for which it only counts.
    pub sibling_of: Option<u32>,
}

impl FlowEntry {
    /// `tcp 10.0.0.1:1 > 10.0.0.2:443`.
    #[must_use]
    pub fn tuple(&self) -> String {
        let end = |address: IpAddr, port: u16| match address {
            _ if !has_ports(self.protocol) => address.to_string(),
            IpAddr::V4(address) => format!("{address}:{port}"),
            IpAddr::V6(address) => format!("[{address}]:{port}"),
        };
        let protocol = Protocol::Number(self.protocol);
        format!("{protocol} {} > {}", end(self.src, self.src_port), end(self.dst, self.dst_port))
    }

    /// The rule as tables show it.
    #[must_use]
    pub fn rule_name(&self) -> String {
        match (self.rule, self.rule_meaning) {
            (Some(_), Some(meaning)) => meaning.to_owned(),
            (Some(rule), None) => format!("rule {rule}"),
            (None, _) => "-".to_owned(),
        }
    }
}

/// Whether a protocol has ports that a flow is told by.
#[must_use]
pub(super) fn has_ports(number: u8) -> bool {
    matches!(number, protocol::TCP | protocol::UDP | protocol::SCTP)
}

/// All flows, by port, direction and cookie.
///
/// # Errors
/// When the dump is of registers alone.
pub fn entries(file: &File) -> Result<Vec<FlowEntry>, DiagError> {
    if file.nic.presence == driver::dump::Presence::Present && file.nic.tables.is_none() && file.host.is_none() {
        return Err(DiagError::usage("a dump of registers alone", "one with tables (weir snapshot)"));
    }
    let tables = file.nic.tables.iter().flatten();
    let slots = tables.flat_map(|table| table.entries.iter().map(move |slot| (table.direction, slot)));
    let mut in_nic: BTreeMap<(usize, u32), (Direction, &SlotDump)> = BTreeMap::new();
    let mut all = Vec::new();
    for (direction, slot) in slots {
        if let Some((direction, twice)) = in_nic.insert((direction.index(), slot.cookie), (direction, slot)) {
            all.push(of_nic(file, direction, twice, true));
        }
    }
    for flow in file.host.iter().flat_map(|host| &host.flows) {
        let slot = in_nic.remove(&(flow.direction.index(), flow.cookie)).map(|(_, slot)| slot);
        all.push(of_host(file, flow, slot));
    }
    let knows_all = file.host.as_ref().is_some_and(|host| host.flows_left_out == 0);
    all.extend(in_nic.values().map(|(direction, slot)| of_nic(file, *direction, slot, knows_all)));
    all.sort_by_key(|entry| (entry.vport, entry.direction != "ingress", entry.cookie, entry.slot));
    Ok(all)
}

/// Since a slot's last packet, ms.
fn slot_age_ms(file: &File, slot: &SlotDump) -> Option<u64> {
    let moment = file.nic.moment.filter(|_| slot.packets > 0)?;
    let last_ns = tick_base_ns(moment.window_start_ns).saturating_add(u64::from(slot.last_tick) * TICK_NS);
    Some(moment.time_ns.saturating_sub(last_ns) / 1_000_000)
}

fn of_nic(file: &File, direction: Direction, slot: &SlotDump, stray: bool) -> FlowEntry {
    FlowEntry {
        eni: file.eni(slot.vport),
        vport: slot.vport,
        direction: direction_name(direction),
        protocol: slot.protocol,
        src: slot.src,
        src_port: slot.src_port,
        dst: slot.dst,
        dst_port: slot.dst_port,
        verdict: match slot.action {
            SlotAction::Accept | SlotAction::AcceptMirror => "ACCEPT",
            SlotAction::Reject => "REJECT",
            SlotAction::NoLog => "EXCLUDED",
        },
        layer: None,
        rule: None,
        rule_meaning: None,
        packets: slot.packets,
        bytes: slot.bytes,
        age_ms: slot_age_ms(file, slot),
        age_in_seconds: false,
        tcp_flags: Some(slot.tcp_flags),
        slot: Some(slot.slot),
        cookie: slot.cookie,
        stray,
        opened: None,
        answers: None,
        sibling_of: None,
    }
}

fn of_host(file: &File, flow: &HostFlow, slot: Option<&SlotDump>) -> FlowEntry {
    let host_age_ms = file.nic.moment.map(|moment| {
        let seconds = (moment.time_ns / SECOND_NS).saturating_sub(flow.last_seen.into());
        seconds * 1000
    });
    let slot_age_ms = slot.and_then(|slot| slot_age_ms(file, slot));
    // The host's second is the better one only where it is later than that of the slot's last packet.
    let age_in_seconds = match (slot_age_ms, host_age_ms) {
        (Some(slot), Some(host)) => host.saturating_add(1000) <= slot,
        (slot, _) => slot.is_none(),
    };
    FlowEntry {
        eni: file.eni(flow.vport),
        vport: flow.vport,
        direction: direction_name(flow.direction),
        protocol: flow.protocol,
        src: flow.src,
        src_port: flow.src_port,
        dst: flow.dst,
        dst_port: flow.dst_port,
        verdict: match (flow.excluded, flow.verdict) {
            (true, _) => "EXCLUDED",
            (false, Action::Accept) => "ACCEPT",
            (false, Action::Reject) => "REJECT",
        },
        layer: Some(flow.layer),
        rule: Some(flow.rule),
        rule_meaning: RuleId(flow.rule).meaning(),
        packets: flow.packets.saturating_add(slot.map_or(0, |slot| slot.packets)),
        bytes: flow.bytes.saturating_add(slot.map_or(0, |slot| slot.bytes)),
        age_ms: if age_in_seconds { host_age_ms } else { slot_age_ms },
        age_in_seconds,
        tcp_flags: slot.map(|slot| slot.tcp_flags),
        slot: slot.map(|slot| slot.slot),
        cookie: flow.cookie,
        stray: slot.is_some_and(|slot| flow.sibling_of.is_none() && flow.slot != Some(slot.slot)),
        opened: flow.opened.clone(),
        answers: flow.answers,
        sibling_of: flow.sibling_of,
    }
}
