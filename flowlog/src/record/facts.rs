//! What a record says, before it has a form.
//!
//! [`Stream`] is what all records of an ENI share, [`WindowBounds`] what all records of a window
//! share, [`Entry`] the rest. The rules that turn counted facts into the values of fields are here
//! and nowhere else, so that text, NDJSON and columns cannot differ.

use super::settings::{IcmpPorts, RecordSettings, RecordTimes};
use super::word::words;
use super::{AccountId, EniId, Label};
use firmware_abi::key::{Direction, FlowKey, protocol};
use firmware_abi::time::SECOND_NS;
use serde::{Deserialize, Serialize};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

words! {
    /// What security group and network ACL, taken together, did with a flow.
    pub enum Action, "action" {
        /// Both allowed it.
        Accept = "ACCEPT",
        /// Either refused it.
        Reject = "REJECT",
    }
}

words! {
    /// The layer whose rule decided.
    pub enum Layer, "layer" {
        /// The ENI's security groups: stateful.
        SecurityGroup = "security-group",
        /// The subnet's network ACL: stateless.
        NetworkAcl = "network-acl",
    }
}

words! {
    /// Why a record ends where it does.
    pub enum EndReason, "end reason" {
        /// The window ended; the flow may go on in the next.
        WindowEnd = "window-end",
        /// No packet came for as long as its protocol's time-out.
        Idle = "idle",
        /// Its place in the flow table was needed.
        Evicted = "evicted",
        /// TCP closed it with FIN.
        TcpFin = "tcp-fin",
        /// TCP closed it with RST.
        TcpRst = "tcp-rst",
        /// A rule changed, and with it the flow's action or the rule that decides.
        RuleChange = "rule-change",
        /// The ENI was detached or its flow log disabled.
        Detached = "detached",
    }
}

words! {
    /// Why records of a window were skipped.
    pub enum SkipReason, "skip reason" {
        /// No room in the ring from NIC to host.
        RingFull = "ring-full",
        /// The ENI's credit for packets to the host was used up.
        CreditExhausted = "credit-exhausted",
        /// The flow table or the ENI's share of it was full.
        TableFull = "table-full",
        /// The NIC could not reach host memory.
        DmaFault = "dma-fault",
        /// The host was restarted and lost an open window.
        HostRestart = "host-restart",
        /// The queue to where the records go was full.
        DeliveryFull = "delivery-full",
        /// A limit on the number of records was reached.
        RecordLimit = "record-limit",
        /// An internal error.
        Internal = "internal",
        /// More than one of the above in one window.
        Several = "several",
    }
}

words! {
    /// How a TCP flow opened, as far as the packet that created the flow told.
    #[derive(Default)]
    pub enum TcpOpening, "TCP opening" {
        /// It opened before it was seen, or nobody looked.
        #[default]
        Unknown = "unknown",
        /// With SYN: this is the side that connects.
        Syn = "syn",
        /// With SYN and ACK: this is the side that answers.
        SynAck = "syn-ack",
    }
}

/// What all records of an ENI share.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stream {
    /// The account that owns the ENI.
    pub account: AccountId,
    /// The ENI.
    pub eni: EniId,
    /// Its VPC.
    #[serde(default)]
    pub vpc_id: Option<Label>,
    /// Its subnet.
    #[serde(default)]
    pub subnet_id: Option<Label>,
    /// The instance it is attached to.
    #[serde(default)]
    pub instance_id: Option<Label>,
    /// The region it is in.
    #[serde(default)]
    pub region: Option<Label>,
}

/// A capture window, Unix ns: from `start_ns` to just before `end_ns`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct WindowBounds {
    /// Its first instant.
    pub start_ns: u64,
    /// The first instant of the next window.
    pub end_ns: u64,
}

impl WindowBounds {
    /// Its bounds in whole Unix seconds, as NODATA and SKIPDATA lines have them.
    #[must_use]
    #[inline]
    pub const fn seconds(&self) -> SecondSpan {
        SecondSpan { start: self.start_ns / SECOND_NS, end: self.end_ns / SECOND_NS }
    }

    /// `time_ns`, or the nearer bound if it lies outside.
    #[must_use]
    #[inline]
    pub const fn clip_ns(&self, time_ns: u64) -> u64 {
        let from_start = if time_ns < self.start_ns { self.start_ns } else { time_ns };
        if from_start > self.end_ns { self.end_ns } else { from_start }
    }
}

/// `start` and `end` of a record, whole Unix seconds, rounded down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SecondSpan {
    /// The record's `start`.
    pub start: u64,
    /// The record's `end`.
    pub end: u64,
}

/// What ICMP has in place of ports, from the first packet of the record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Icmp {
    /// The message type.
    pub kind: u8,
    /// The message code.
    pub code: u8,
    /// The identifier of an echo or timestamp message; 0 for messages that have none.
    pub identifier: u16,
}

impl Icmp {
    /// type·256 + code.
    #[must_use]
    #[inline]
    pub const fn type_code(self) -> u16 {
        u16::from_be_bytes([self.kind, self.code])
    }
}

/// `srcport` and `dstport` of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ports {
    /// The record's `srcport`.
    pub src: u16,
    /// The record's `dstport`.
    pub dst: u16,
}

/// One flow in one window: everything that an OK record says beyond its [`Stream`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlowFacts {
    /// Addresses, ports, protocol, direction, IP version, and the OR of the TCP flags.
    pub key: FlowKey,
    /// Packets in the window.
    pub packets: u64,
    /// Layer-3 bytes in the window.
    pub bytes: u64,
    /// When the first packet crossed, Unix ns.
    pub first_ns: u64,
    /// When the last packet crossed, Unix ns.
    pub last_ns: u64,
    /// The dedupe key's last part: the record's number among those of its ENI and window.
    pub sequence: u64,
    /// What was done with the packets.
    pub action: Action,
    /// The layer whose rule decided.
    pub layer: Layer,
    /// The rule that decided.
    pub rule_id: u32,
    /// The state of the rules when it decided.
    pub policy_epoch: u32,
    /// Why the record ends.
    pub end_reason: EndReason,
    /// How the flow opened; decides what SYN together with ACK means in `key.tcp_flags`.
    pub tcp_opening: TcpOpening,
    /// Type, code and identifier, if the protocol is ICMP or ICMPv6 and the host has seen them.
    pub icmp: Option<Icmp>,
}

/// The bits of TCP's flags byte.
mod tcp {
    pub(super) const FIN: u8 = 0x01;
    pub(super) const SYN: u8 = 0x02;
    pub(super) const RST: u8 = 0x04;
    pub(super) const ACK: u8 = 0x10;
}

impl FlowFacts {
    /// The packet's source address.
    #[must_use]
    pub fn source(&self) -> IpAddr {
        address(&self.key.src, self.is_ipv6())
    }

    /// The packet's destination address.
    #[must_use]
    pub fn destination(&self) -> IpAddr {
        address(&self.key.dst, self.is_ipv6())
    }

    /// Whether the addresses are IPv6.
    #[must_use]
    #[inline]
    pub fn is_ipv6(&self) -> bool {
        self.key.port.ip6()
    }

    /// From or to the guest.
    #[must_use]
    #[inline]
    pub fn direction(&self) -> Direction {
        self.key.port.direction()
    }

    /// Whether the protocol is ICMP or ICMPv6.
    #[must_use]
    #[inline]
    pub const fn is_icmp(&self) -> bool {
        matches!(self.key.protocol, protocol::ICMP | protocol::ICMPV6)
    }

    /// `srcport` and `dstport` under these settings.
    #[must_use]
    #[inline]
    pub fn ports(&self, settings: &RecordSettings) -> Ports {
        if !self.is_icmp() {
            return Ports { src: self.key.src_port, dst: self.key.dst_port };
        }
        match (settings.icmp_ports, self.icmp) {
            (IcmpPorts::IdTypecode, Some(icmp)) => Ports { src: icmp.identifier, dst: icmp.type_code() },
            _ => Ports { src: 0, dst: 0 },
        }
    }

    /// First and last packet, Unix ns, clipped to the window.
    #[must_use]
    #[inline]
    pub const fn packet_times(&self, window: &WindowBounds) -> WindowBounds {
        WindowBounds { start_ns: window.clip_ns(self.first_ns), end_ns: window.clip_ns(self.last_ns) }
    }

    /// `x-icmp-type-code`: type·256 + code; none for other protocols.
    #[must_use]
    pub fn icmp_type_code(&self) -> Option<u16> {
        self.icmp.filter(|_| self.is_icmp()).map(Icmp::type_code)
    }

    /// `start` and `end` under these settings.
    #[must_use]
    #[inline]
    pub const fn seconds(&self, window: &WindowBounds, settings: &RecordSettings) -> SecondSpan {
        match settings.record_times {
            RecordTimes::Packets => self.packet_times(window).seconds(),
            RecordTimes::Window => window.seconds(),
        }
    }

    /// `tcp-flags` by AWS's rule: FIN 1, SYN 2, RST 4, SYN-ACK 18, ORed; 0 for anything but TCP.
    ///
    /// ACK counts only as part of SYN-ACK. An OR of flags cannot tell a SYN-ACK from a SYN that
    /// was followed by ACKs, so [`TcpOpening`] does; where it is unknown, SYN with ACK is 18.
    #[must_use]
    pub const fn aws_tcp_flags(&self) -> u8 {
        if self.key.protocol != protocol::TCP {
            return 0;
        }
        let flags = self.key.tcp_flags;
        let plain = flags & (tcp::FIN | tcp::SYN | tcp::RST);
        let both = flags & (tcp::SYN | tcp::ACK) == tcp::SYN | tcp::ACK;
        match self.tcp_opening {
            TcpOpening::Unknown | TcpOpening::SynAck if both => plain | tcp::ACK,
            _ => plain,
        }
    }

    /// `reject-reason`: the layer that refused; none for what was accepted.
    #[must_use]
    pub const fn reject_reason(&self) -> Option<Layer> {
        match self.action {
            Action::Accept => None,
            Action::Reject => Some(self.layer),
        }
    }
}

fn address(bytes: &[u8; 16], ip6: bool) -> IpAddr {
    if ip6 {
        return Ipv6Addr::from(*bytes).into();
    }
    let [a, b, c, d, ..] = *bytes;
    Ipv4Addr::new(a, b, c, d).into()
}

/// What was not recorded, as the hardware counted it where it was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Skipped {
    /// Why.
    pub reason: SkipReason,
    /// Packets.
    pub packets: u64,
    /// Layer-3 bytes.
    pub bytes: u64,
}

/// One record of an ENI and window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry<'a> {
    /// A flow; its status is OK.
    Flow(&'a FlowFacts),
    /// Nothing crossed the ENI. Never beside another record of the same ENI and window.
    NoData,
    /// Some records of the window were skipped. At most one in an ENI and window.
    SkipData(Skipped),
}

words! {
    /// The last field of a record.
    pub enum LogStatus, "log status" {
        /// A flow.
        Ok = "OK",
        /// Nothing crossed the ENI.
        NoData = "NODATA",
        /// Records were skipped.
        SkipData = "SKIPDATA",
    }
}

impl Entry<'_> {
    /// Its status.
    #[must_use]
    pub const fn status(&self) -> LogStatus {
        match self {
            Self::Flow(_) => LogStatus::Ok,
            Self::NoData => LogStatus::NoData,
            Self::SkipData(_) => LogStatus::SkipData,
        }
    }
}
