//! Facts to write records from: the ones of the golden lines, and any number of seeded ones.
#![allow(dead_code, reason = "each test and the benchmark use some of it")]

use firmware_abi::key::{Direction, FlowKey, protocol};
use flowlog::record::{Action, EndReason, FlowFacts, Icmp, Label, Layer, Stream, TcpOpening, WindowBounds};
use std::net::IpAddr;

/// One second, in nanoseconds.
pub(crate) const SECOND_NS: u64 = 1_000_000_000;

/// The ENI of the golden lines.
pub(crate) fn stream() -> Stream {
    let label = |text: &str| text.parse::<Label>().ok();
    Stream {
        account: "1251762227".parse().expect("an account"),
        eni: "eni-lq6mkcis".parse().expect("an ENI"),
        vpc_id: label("vpc-8f2k1m9q"),
        subnet_id: label("subnet-3c5p7r1t"),
        instance_id: label("ins-0a9b8c7d"),
        region: label("ap-guangzhou"),
    }
}

/// The window between two Unix seconds.
pub(crate) fn window(start: u64, end: u64) -> WindowBounds {
    WindowBounds { start_ns: start * SECOND_NS, end_ns: end * SECOND_NS }
}

/// The key of a flow between two addresses.
pub(crate) fn key(source: &str, destination: &str, ports: (u16, u16), protocol: u8, direction: Direction) -> FlowKey {
    let (src, ip6) = address_bytes(source);
    let (dst, _) = address_bytes(destination);
    let mut key = FlowKey { src, dst, src_port: ports.0, dst_port: ports.1, protocol, ..FlowKey::default() };
    key.port.set_ip6(ip6);
    key.port.set_egress(direction == Direction::Egress);
    key
}

fn address_bytes(text: &str) -> ([u8; 16], bool) {
    match text.parse().expect("an address") {
        IpAddr::V4(v4) => {
            let mut bytes = [0; 16];
            bytes[..4].copy_from_slice(&v4.octets());
            (bytes, false)
        }
        IpAddr::V6(v6) => (v6.octets(), true),
    }
}

/// A flow with these counts and times, in seconds; all else as it most often is.
pub(crate) fn facts(key: FlowKey, packets: u64, bytes: u64, first: u64, last: u64, action: Action) -> FlowFacts {
    FlowFacts {
        key,
        packets,
        bytes,
        first_ns: first * SECOND_NS,
        last_ns: last * SECOND_NS + 999_999_999,
        sequence: 0,
        action,
        layer: Layer::SecurityGroup,
        rule_id: 7,
        policy_epoch: 3,
        end_reason: EndReason::WindowEnd,
        tcp_opening: TcpOpening::Unknown,
        icmp: None,
    }
}

/// The accepted SSH flow of the first golden line.
pub(crate) fn golden_ssh() -> FlowFacts {
    let key = key("172.31.16.139", "172.31.16.21", (20641, 22), protocol::TCP, Direction::Ingress);
    facts(key, 20, 4249, 1_418_530_010, 1_418_530_070, Action::Accept)
}

/// The rejected RDP flow of the second golden line.
pub(crate) fn golden_rdp() -> FlowFacts {
    let key = key("172.31.9.69", "172.31.9.12", (49761, 3389), protocol::TCP, Direction::Ingress);
    facts(key, 20, 4249, 1_418_530_010, 1_418_530_070, Action::Reject)
}

/// The accepted ping of the third golden line.
pub(crate) fn golden_ping() -> FlowFacts {
    let key = key("203.0.113.12", "172.31.16.139", (0, 0), protocol::ICMP, Direction::Ingress);
    let facts = facts(key, 4, 336, 1_432_917_027, 1_432_917_142, Action::Accept);
    FlowFacts { icmp: Some(Icmp { kind: 8, code: 0, identifier: 4711 }), ..facts }
}

/// The reply of the fourth golden line, which the network ACL refuses.
pub(crate) fn golden_pong() -> FlowFacts {
    let key = key("172.31.16.139", "203.0.113.12", (0, 0), protocol::ICMP, Direction::Egress);
    let facts = facts(key, 4, 336, 1_432_917_094, 1_432_917_142, Action::Reject);
    FlowFacts { layer: Layer::NetworkAcl, icmp: Some(Icmp { kind: 0, code: 0, identifier: 4711 }), ..facts }
}

/// Which addresses [`seeded`] gives.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Family {
    V4,
    V6,
    Mixed,
}

/// `count` flows of a busy server in one window, the same for the same seed.
pub(crate) fn seeded(seed: u64, count: usize, family: Family, window: &WindowBounds) -> Vec<FlowFacts> {
    let mut random = SplitMix(seed);
    (0..count as u64).map(|sequence| random.flow(sequence, family, window)).collect()
}

/// Steele, Lea and Flood's generator.
struct SplitMix(u64);

impl SplitMix {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    fn flow(&mut self, sequence: u64, family: Family, window: &WindowBounds) -> FlowFacts {
        let ip6 = family == Family::V6 || (family == Family::Mixed && self.below(4) == 0);
        let (local, remote) = if ip6 { self.ipv6_pair() } else { self.ipv4_pair() };
        let protocol = [protocol::TCP, protocol::TCP, protocol::TCP, protocol::UDP][self.below(4) as usize];
        let service = [22, 53, 80, 443, 443, 443, 3306, 8080][self.below(8) as usize];
        let ephemeral = 32768 + self.below(28232) as u16;
        let egress = self.below(2) == 1;
        let (src, dst) = if egress { (local, remote) } else { (remote, local) };
        let (src_port, dst_port) = if egress { (service, ephemeral) } else { (ephemeral, service) };
        let mut key = FlowKey { src, dst, src_port, dst_port, protocol, ..FlowKey::default() };
        key.tcp_flags = if protocol == protocol::TCP { 0x1b } else { 0 };
        key.port.set_ip6(ip6);
        key.port.set_egress(egress);
        let exponent = self.below(16);
        let packets = 1 + self.below(1 << exponent);
        let length = window.end_ns - window.start_ns;
        let first_ns = window.start_ns + self.below(length);
        let last_ns = first_ns + self.below(window.end_ns - first_ns);
        let reject = self.below(8) == 0;
        FlowFacts {
            key,
            packets,
            bytes: packets * (40 + self.below(1460)),
            first_ns,
            last_ns,
            sequence,
            action: if reject { Action::Reject } else { Action::Accept },
            layer: if self.below(4) == 0 { Layer::NetworkAcl } else { Layer::SecurityGroup },
            rule_id: self.below(200) as u32,
            policy_epoch: 12,
            end_reason: EndReason::WindowEnd,
            tcp_opening: if egress { TcpOpening::SynAck } else { TcpOpening::Syn },
            icmp: None,
        }
    }

    fn ipv4_pair(&mut self) -> ([u8; 16], [u8; 16]) {
        let (mut local, mut remote) = ([0; 16], [0; 16]);
        local[..4].copy_from_slice(&[172, 31, 16, 139]);
        remote[..4].copy_from_slice(&(self.next() as u32).to_be_bytes());
        (local, remote)
    }

    fn ipv6_pair(&mut self) -> ([u8; 16], [u8; 16]) {
        let (mut local, mut remote) = ([0; 16], [0; 16]);
        local[..6].copy_from_slice(&[0x24, 0x02, 0x4e, 0, 0x10, 0x13]);
        local[8..].copy_from_slice(&0x0216_3eff_fe12_9a01_u64.to_be_bytes());
        remote[..4].copy_from_slice(&[0x26, 0x07, 0xf8, 0xb0]);
        remote[4..8].copy_from_slice(&(self.next() as u32).to_be_bytes());
        if self.below(2) == 0 {
            remote[8..].copy_from_slice(&self.next().to_be_bytes());
        } else {
            remote[14..].copy_from_slice(&(self.next() as u16).to_be_bytes());
        }
        (local, remote)
    }
}
