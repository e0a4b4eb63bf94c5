//! The configuration as it is written: every value with its span, nothing checked but its form.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::str::FromStr;

use flowlog::catalogue::{Destination, FlowLogId, InstanceId, Mac, Scope, SubnetId, TrafficFilter, VpcId};
use flowlog::policy::{AclId, Cidr, GroupId, PortRange, Protocol, Rule, Timeouts, TrackedFlows};
use flowlog::record::{AccountId, EniId, FieldList, RecordSettings};
use serde::Deserialize;
use toml::Spanned;

use super::duration::NumberOrText;
use super::list::List;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Root {
    #[serde(default)]
    pub(super) settings: RawSettings,
    #[serde(default)]
    pub(super) account: Vec<RawAccount>,
    #[serde(default)]
    pub(super) vpc: Vec<RawVpc>,
    #[serde(default)]
    pub(super) subnet: Vec<RawSubnet>,
    #[serde(default)]
    pub(super) instance: Vec<RawInstance>,
    #[serde(default)]
    pub(super) eni: Vec<RawEni>,
    #[serde(default)]
    pub(super) security_group: Vec<RawGroup>,
    #[serde(default)]
    pub(super) network_acl: Vec<RawAcl>,
    #[serde(default)]
    pub(super) flow_log: Vec<RawFlowLog>,
    #[serde(default)]
    pub(super) policy_change: Vec<Spanned<RawChange>>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawSettings {
    pub(super) window: Option<Spanned<NumberOrText>>,
    pub(super) offload_at_packet: Option<Spanned<i64>>,
    pub(super) tracked_flows: TrackedFlows,
    pub(super) record: RecordSettings,
    pub(super) timeouts: Option<Spanned<Timeouts>>,
    pub(super) licence_activation: RawLicence,
    pub(super) nic: RawNic,
    pub(super) host: RawHost,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawLicence {
    pub(super) presets: Vec<Spanned<String>>,
    pub(super) addresses: List<Address>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawNic {
    pub(super) slots_log2: Option<Spanned<i64>>,
    pub(super) command_ring_log2: Option<Spanned<i64>>,
    pub(super) completion_ring_log2: Option<Spanned<i64>>,
    pub(super) record_ring_log2: Option<Spanned<i64>>,
    pub(super) punt_ring_log2: Option<Spanned<i64>>,
    pub(super) inject_ring_log2: Option<Spanned<i64>>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawHost {
    pub(super) connections_max: Option<Spanned<i64>>,
    pub(super) flows_max: Option<Spanned<i64>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawAccount {
    pub(super) id: Spanned<AccountId>,
    #[serde(default)]
    pub(super) name: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawVpc {
    pub(super) id: Spanned<VpcId>,
    pub(super) account: Spanned<AccountId>,
    #[serde(default)]
    pub(super) name: String,
    pub(super) cidrs: Spanned<List<Cidr>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawSubnet {
    pub(super) id: Spanned<SubnetId>,
    pub(super) vpc: Spanned<VpcId>,
    pub(super) cidrs: Spanned<List<Cidr>>,
    pub(super) network_acl: Option<Spanned<AclId>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawInstance {
    pub(super) id: Spanned<InstanceId>,
    pub(super) model: Spanned<String>,
    pub(super) region: Spanned<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawEni {
    pub(super) id: Spanned<EniId>,
    pub(super) subnet: Spanned<SubnetId>,
    pub(super) instance: Option<Spanned<InstanceId>>,
    pub(super) mac: Option<Spanned<Mac>>,
    #[serde(default)]
    pub(super) addresses: List<Address>,
    pub(super) promiscuous: Option<Spanned<bool>>,
    #[serde(default)]
    pub(super) security_groups: List<GroupId>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawGroup {
    pub(super) id: Spanned<GroupId>,
    #[serde(default)]
    pub(super) ingress: Vec<Spanned<Rule>>,
    #[serde(default)]
    pub(super) egress: Vec<Spanned<Rule>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawAcl {
    pub(super) id: Spanned<AclId>,
    #[serde(default)]
    pub(super) ingress: Vec<Spanned<Rule>>,
    #[serde(default)]
    pub(super) egress: Vec<Spanned<Rule>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawFlowLog {
    pub(super) id: Spanned<FlowLogId>,
    #[serde(default)]
    pub(super) name: String,
    #[serde(default)]
    pub(super) tags: BTreeMap<String, String>,
    pub(super) enabled: Option<bool>,
    pub(super) scope: Spanned<Scope>,
    #[serde(default)]
    pub(super) traffic: TrafficFilter,
    pub(super) filter: Option<RawFilter>,
    pub(super) fields: Option<FieldList>,
    pub(super) window: Option<Spanned<NumberOrText>>,
    pub(super) destinations: Option<List<Destination>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawFilter {
    #[serde(default)]
    pub(super) sources: List<Cidr>,
    #[serde(default)]
    pub(super) destinations: List<Cidr>,
    #[serde(default)]
    pub(super) source_ports: List<PortRange>,
    #[serde(default)]
    pub(super) destination_ports: List<PortRange>,
    #[serde(default)]
    pub(super) protocols: List<Protocol>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawChange {
    pub(super) at: Spanned<NumberOrText>,
    pub(super) security_group: Option<Spanned<GroupId>>,
    pub(super) network_acl: Option<Spanned<AclId>>,
    pub(super) ingress: Option<Vec<Spanned<Rule>>>,
    pub(super) egress: Option<Vec<Spanned<Rule>>>,
}

/// An IP address, with an error that says what was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Address(pub(super) IpAddr);

/// The text is no IP address.
#[derive(Debug, thiserror::Error)]
#[error("found `{found}`, expected an IPv4 or IPv6 address")]
pub(super) struct AddressError {
    found: String,
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        text.parse().map(Self).map_err(|_| AddressError { found: text.to_owned() })
    }
}
