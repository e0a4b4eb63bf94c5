//! From a configuration to a NIC's setup: ports, limits, rules, streams.
//!
//! An ENI's port is its place in the catalogue. Instances are numbered as their first ENIs come, so that
//! there are never more of them than ports; an ENI without an instance has one of its own, without limits.

use crate::config::Config;
use crate::meter::{EniSetup, MeterConfig, Subscription};
use driver::RingSizes;
use driver::offload::OffloadPolicy;
use firmware_abi::limits::EniLimits;
use flowlog::catalogue::{Catalogue, Destination, FlowLog, FlowLogId, Profile};
use flowlog::policy::{Policy, PolicyError};
use flowlog::record::{FieldList, FlowFacts, IcmpPorts, Stream};
use flowlog::slowpath::Settings as SlowPathSettings;
use flowlog::verdict::EniPolicy;
use sim::wire::Tap;

/// A bucket holds this part of a second's tokens: 1/20 s, AWS's and ours by choice, as no figure is published.
const BURST_PART: u64 = 20;
/// The least that a packet bucket holds.
const PACKET_BURST_MIN: u64 = 64;
/// The least that a byte bucket holds: a few of the largest frames.
const BYTE_BURST_MIN: u64 = 64 << 10;

/// Limits of the instance, as SET_ENI takes them.
#[must_use]
pub fn limits(profile: &Profile) -> EniLimits {
    let clamp = |value: u64| u32::try_from(value).unwrap_or(u32::MAX);
    let packets = profile.packets_per_second.value;
    let bits = profile.bits_per_second.as_ref().map_or(0, |figure| figure.value);
    EniLimits {
        packets_per_second: clamp(packets),
        packet_burst: clamp((packets / BURST_PART).max(PACKET_BURST_MIN)),
        kilobits_per_second: clamp(bits / 1000),
        byte_burst: if bits == 0 { 0 } else { clamp((bits / 8 / BURST_PART).max(BYTE_BURST_MIN)) },
        slot_quota: profile.flow_entries.value,
        ..EniLimits::default()
    }
}

/// The rules of every ENI under `policy`, in the order of the ports.
///
/// # Errors
/// When an ENI has a group or ACL that is not there.
pub fn policies(catalogue: &Catalogue, policy: &Policy, epoch: u32) -> Result<Vec<EniPolicy>, PolicyError> {
    let membership = catalogue.membership();
    catalogue
        .enis()
        .iter()
        .map(|eni| policy.compile(&catalogue.attachments(&eni.id).unwrap_or_default(), &membership, epoch))
        .collect()
}

/// Everything that a meter and a wire are made of.
pub struct Assembly {
    /// The meter's configuration.
    pub meter: MeterConfig,
    /// The ENIs, by port.
    pub enis: Vec<EniSetup>,
    /// Where they are on the wire.
    pub taps: Vec<Tap>,
    /// What their records share, by port.
    pub streams: Vec<Stream>,
    /// Which records each stream wants.
    pub subscriptions: Vec<Subscription>,
}

/// Sets up what `config` describes, for traffic that starts at `start_ns` (Unix ns).
///
/// # Errors
/// When an ENI has a group or ACL that is not there.
pub fn assemble(config: &Config, start_ns: u64) -> Result<Assembly, PolicyError> {
    let catalogue = &config.catalogue;
    let mut instances = Vec::new();
    let mut connections_max: Vec<u32> = Vec::new();
    let mut enis = Vec::new();
    for (eni, policy) in catalogue.enis().iter().zip(policies(catalogue, &config.policy, 1)?) {
        let profile = eni.instance.as_ref().and_then(|id| catalogue.profile_of(id));
        let known = instances.iter().position(|other| eni.instance.is_some() && *other == eni.instance);
        let instance = known.unwrap_or_else(|| {
            instances.push(eni.instance.clone());
            connections_max.push(profile.map_or(0, |profile| profile.max_connections.value));
            instances.len() - 1
        });
        let limits = profile.map(limits).unwrap_or_default();
        enis.push(EniSetup { policy, instance: instance as u16, limits, bits_summed: false });
    }
    Ok(Assembly {
        meter: meter_config(config, start_ns, connections_max),
        taps: catalogue.enis().iter().map(tap).collect(),
        streams: catalogue.enis().iter().filter_map(|eni| catalogue.stream(&eni.id)).collect(),
        subscriptions: subscriptions(catalogue),
        enis,
    })
}

fn tap(eni: &flowlog::catalogue::Eni) -> Tap {
    Tap { mac: eni.mac.map(|mac| mac.bytes()), addresses: eni.addresses.clone(), promiscuous: eni.promiscuous }
}

/// A stream of records: what one flow log writes of one ENI to one destination.
#[derive(Clone, Debug)]
pub struct Outlet {
    /// The ENI's port.
    pub vport: u16,
    /// What the records share.
    pub stream: Stream,
    /// The flow log.
    pub flow_log: FlowLogId,
    /// The fields of a record.
    pub fields: FieldList,
    /// Where the records go.
    pub destination: Destination,
    /// Whether a filter may keep records out of it.
    pub filtered: bool,
}

/// All streams, in the order of the meter's subscriptions.
#[must_use]
pub fn outlets(catalogue: &Catalogue) -> Vec<Outlet> {
    let outlet = |(vport, log, destination): (u16, &FlowLog, &Destination)| {
        let eni = catalogue.enis().get(usize::from(vport))?;
        Some(Outlet {
            vport,
            stream: catalogue.stream(&eni.id)?,
            flow_log: log.id().clone(),
            fields: log.spec().fields.clone(),
            destination: destination.clone(),
            filtered: !log.wants_all(),
        })
    };
    written(catalogue).filter_map(outlet).collect()
}

/// Port, flow log and destination of each stream.
fn written(catalogue: &Catalogue) -> impl Iterator<Item = (u16, &FlowLog, &Destination)> {
    (0..).zip(catalogue.enis()).flat_map(|(vport, eni)| {
        let logs = catalogue.flow_logs_of(&eni.id);
        logs.flat_map(move |log| log.spec().destinations.iter().map(move |destination| (vport, log, destination)))
    })
}

fn subscriptions(catalogue: &Catalogue) -> Vec<Subscription> {
    let subscription = |(vport, log, _): (u16, &FlowLog, &Destination)| {
        let log = log.clone();
        if log.wants_all() {
            return Subscription { vport, filter: None };
        }
        Subscription { vport, filter: Some(Box::new(move |facts: &FlowFacts| log.matches(facts))) }
    };
    written(catalogue).map(subscription).collect()
}

fn meter_config(config: &Config, start_ns: u64, connections_max: Vec<u32>) -> MeterConfig {
    let settings = &config.settings;
    let nic = &settings.nic;
    MeterConfig {
        rings: RingSizes {
            command_log2: nic.command_ring_log2,
            completion_log2: nic.completion_ring_log2,
            record_log2: nic.record_ring_log2,
            punt_log2: nic.punt_ring_log2,
            inject_log2: nic.inject_ring_log2,
        },
        window_seconds: settings.window.get(),
        start_time_ns: start_ns,
        flows: settings.host.flows_max as usize,
        offload: OffloadPolicy {
            packet_threshold: settings.offload_at_packet.clamp(1, 31) as u8,
            ..OffloadPolicy::default()
        },
        slow_path: SlowPathSettings {
            timeouts: settings.timeouts,
            icmp_by_type: settings.record.icmp_ports == IcmpPorts::IdTypecode,
            licence_servers: settings.licence_servers.clone(),
            ..SlowPathSettings::default()
        },
        connections_max,
    }
}
