//! What a catalogue holds besides flow logs: accounts, VPCs, subnets, instances, ENIs.

use std::net::IpAddr;

use super::id::{InstanceId, Mac, SubnetId, VpcId};
use super::model::ModelName;
use super::region::Region;
use crate::policy::{AclId, Cidr, GroupId};
use crate::record::{AccountId, EniId};

/// An account: who owns VPCs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Its AppID.
    pub id: AccountId,
    /// A name for people.
    pub name: String,
}

/// A VPC: a network of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vpc {
    /// Its id.
    pub id: VpcId,
    /// Who owns it.
    pub account: AccountId,
    /// A name for people.
    pub name: String,
    /// Its blocks of addresses.
    pub cidrs: Vec<Cidr>,
}

/// A subnet: a part of a VPC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subnet {
    /// Its id.
    pub id: SubnetId,
    /// Its VPC.
    pub vpc: VpcId,
    /// Its blocks of addresses, inside those of the VPC.
    pub cidrs: Vec<Cidr>,
    /// Its network ACL; none allows everything.
    pub network_acl: Option<AclId>,
}

/// An instance: a server, whose model limits its traffic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instance {
    /// Its id.
    pub id: InstanceId,
    /// Its model, one on which flow logs are supported.
    pub model: ModelName,
    /// Its region, one in which flow logs are supported; none if [`Catalogue::set_model`] made it.
    ///
    /// [`Catalogue::set_model`]: super::Catalogue::set_model
    pub region: Option<Region>,
}

/// An elastic network interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Eni {
    /// Its id.
    pub id: EniId,
    /// Its subnet.
    pub subnet: SubnetId,
    /// The instance that it is attached to; without one, no model's limits hold.
    pub instance: Option<InstanceId>,
    /// Its MAC address, where it is known.
    pub mac: Option<Mac>,
    /// Its addresses, IPv4 and IPv6, the primary one first. Only a promiscuous ENI may have none.
    pub addresses: Vec<IpAddr>,
    /// Whether it takes every packet that is no other ENI's, as ingress.
    pub promiscuous: bool,
    /// Its security groups, in the order that settles ties; none denies everything.
    pub security_groups: Vec<GroupId>,
}

impl Eni {
    /// Its primary address.
    #[must_use]
    pub fn primary(&self) -> Option<IpAddr> {
        self.addresses.first().copied()
    }
}
