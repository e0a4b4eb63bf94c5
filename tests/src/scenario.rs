//! What a run is made of: seeded traffic over several ENIs, and rules that change on the way.

use driver::RingSizes;
use driver::offload::OffloadPolicy;
use firmware_abi::key::Direction;
use firmware_abi::limits::EniLimits;
use flowlog::policy::{
    AclId, Attachments, GroupId, Membership, NetworkAcl, Peer, Policy, PolicyObjects, PortRange, Protocol, Rule,
    RuleAction, RuleId, SecurityGroup, Timeouts, TrackedFlows,
};
use flowlog::slowpath::Settings;
use flowlog::verdict::EniPolicy;
use sim::card::Parameters;
use sim::faults::Numbers;
use sim::frames::FrameBatch;
use sim::generate::{Generator, ProtocolWeights, Spec, host_ipv4, host_ipv6, host_mac};
use sim::wire::{Tap, Wire};
use weir::meter::{EniSetup, MeterConfig, Subscription};

/// Where every run starts, Unix ns: not at a window's start.
pub const START_NS: u64 = 1_700_000_000_300_000_000;

/// What is known of a run before it starts.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// Its seed.
    pub seed: u64,
    /// The NIC.
    pub parameters: Parameters,
    /// The meter.
    pub meter: MeterConfig,
    /// ENIs; the last one takes what is nobody's.
    pub ports: u16,
    /// Limits of every ENI.
    pub limits: EniLimits,
    /// Traffic.
    pub traffic: Spec,
    /// A rule change comes after so many frames, if any is to come.
    pub frames_per_change: Option<usize>,
    /// The security groups remember connections; else only the ACLs differ.
    pub stateful: bool,
}

/// Every time-out so long that nothing ends within a run.
pub const NEVER: Timeouts = Timeouts {
    tcp_established_seconds: 100_000,
    tcp_other_seconds: 100_000,
    udp_seconds: 100_000,
    udp_stream_seconds: 100_000,
    other_seconds: 100_000,
};

impl Scenario {
    /// Small rings, a small table, windows of a second: everything that can be full is.
    #[must_use]
    pub fn narrow(seed: u64) -> Self {
        let mut numbers = Numbers::new(seed);
        let meter = MeterConfig {
            rings: RingSizes { command_log2: 6, completion_log2: 5, record_log2: 5, punt_log2: 8, inject_log2: 6 },
            window_seconds: 1,
            start_time_ns: START_NS,
            flows: 4_096,
            offload: OffloadPolicy { packet_threshold: 2, high_water_permille: 1001, ..OffloadPolicy::default() },
            slow_path: Settings { timeouts: NEVER, ..Settings::default() },
            connections_max: vec![0; 4],
        };
        let traffic = Spec {
            seed,
            packets: 10_000,
            flows: 1_000,
            start_ns: START_NS,
            packets_per_second: 2_000,
            snap_length: 128,
            scan_share: 0.1,
            hosts: 4,
            protocols: ProtocolWeights { tcp: 70, udp: 25, icmp: 5 },
            ..Spec::default()
        };
        Self {
            seed,
            parameters: Parameters { slots_log2: 7 + numbers.below(3) as u32, enis_log2: 2 },
            meter,
            ports: 4,
            limits: EniLimits::default(),
            traffic,
            frames_per_change: Some(900),
            stateful: false,
        }
    }

    /// Room for every flow, and rules that stay: nothing depends on when the host gets to run.
    #[must_use]
    pub fn roomy(seed: u64) -> Self {
        let mut scenario = Self::narrow(seed);
        scenario.parameters.slots_log2 = 11;
        scenario.frames_per_change = None;
        scenario
    }

    /// So short that a death can be tried at any step.
    #[must_use]
    pub fn short(seed: u64) -> Self {
        let mut scenario = Self::narrow(seed);
        scenario.parameters.slots_log2 = 7;
        scenario.traffic.packets = 700;
        scenario.traffic.flows = 250;
        scenario.traffic.packets_per_second = 300;
        scenario.frames_per_change = Some(150);
        scenario.stateful = false;
        scenario
    }

    /// One stream for each ENI, with all its records.
    #[must_use]
    pub fn subscriptions(&self) -> Vec<Subscription> {
        (0..self.ports).map(|vport| Subscription { vport, filter: None }).collect()
    }

    /// The ENIs, whose rules are those numbered `rules`, each of the epoch beside it.
    #[must_use]
    pub fn enis(&self, rules: &[(u64, u32)]) -> Vec<EniSetup> {
        let eni = |(instance, (variant, epoch)): (u16, &(u64, u32))| EniSetup {
            policy: policy(*variant, *epoch, self.stateful),
            instance,
            limits: self.limits,
            bits_summed: false,
        };
        (0..self.ports).zip(rules).map(eni).collect()
    }

    /// The frames, each with the way that it takes.
    ///
    /// # Panics
    /// When the traffic's figures are out of range.
    #[must_use]
    pub fn frames(&self) -> (FrameBatch, Vec<(u16, Direction)>) {
        let mut frames = FrameBatch::new();
        let mut generator = Generator::new(&self.traffic).expect("the figures are in range");
        while generator.read_into(&mut frames, 4096) > 0 {}
        let own = u32::from(self.ports) - 1;
        let tap = |host| Tap {
            mac: Some(host_mac(host)),
            addresses: vec![host_ipv4(host).into(), host_ipv6(host).into()],
            promiscuous: false,
        };
        let all = Tap { promiscuous: true, ..Tap::default() };
        let taps: Vec<Tap> = (0..own).map(tap).chain([all]).collect();
        let wire = Wire::new(&taps);
        let ways = frames.iter().map(|frame| {
            let route = wire.route(&frame);
            match (route.egress, route.ingress) {
                (Some(vport), _) => (vport, Direction::Egress),
                (None, vport) => (vport.unwrap_or(0), Direction::Ingress),
            }
        });
        let ways = ways.collect();
        (frames, ways)
    }
}

fn rule(id: u32, priority: u16, action: RuleAction, protocol: Protocol, ports: PortRange) -> Rule {
    Rule {
        id: RuleId(id),
        priority,
        action,
        protocol,
        ports,
        source_ports: PortRange::ANY,
        icmp_type: None,
        icmp_code: None,
        peer: Peer::Any,
    }
}

fn allow(id: u32) -> Rule {
    rule(id, 100, RuleAction::Allow, Protocol::Any, PortRange::ANY)
}

fn deny(id: u32, protocol: Protocol, ports: PortRange) -> Rule {
    rule(id, 10, RuleAction::Deny, protocol, ports)
}

/// Rules by number: all is allowed, UDP is refused inward, low TCP ports are refused inward, UDP is
/// refused outward. Stateful: by security groups too, which judge tracked flows again.
///
/// # Panics
/// Never: the rules are sound.
#[must_use]
pub fn policy(variant: u64, epoch: u32, stateful: bool) -> EniPolicy {
    let low = PortRange { first: 0, last: 100 };
    let (group, acl): (GroupId, AclId) = ("sg-a".parse().expect("an id"), "acl-a".parse().expect("an id"));
    let mut ingress = vec![allow(1)];
    let mut egress = vec![allow(1)];
    match variant % 4 {
        0 => {}
        1 => ingress.push(deny(2, Protocol::UDP, PortRange::ANY)),
        2 => ingress.push(deny(3, Protocol::TCP, low)),
        _ => egress.push(deny(4, Protocol::UDP, PortRange::ANY)),
    }
    let in_group = stateful && variant % 8 >= 4;
    let open = || vec![allow(1)];
    let (group_rules, acl_rules) =
        if in_group { ((ingress, egress), (open(), open())) } else { ((open(), open()), (ingress, egress)) };
    let objects = PolicyObjects {
        tracked_flows: TrackedFlows::Reevaluate,
        timeouts: NEVER,
        security_groups: vec![SecurityGroup { id: group.clone(), ingress: group_rules.0, egress: group_rules.1 }],
        network_acls: vec![NetworkAcl { id: acl.clone(), ingress: acl_rules.0, egress: acl_rules.1 }],
    };
    let attachments = Attachments { security_groups: vec![group], network_acl: Some(acl) };
    let policy = Policy::new(objects).expect("sound rules");
    policy.compile(&attachments, &Membership::default(), epoch).expect("both are there")
}
