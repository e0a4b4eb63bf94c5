//! The catalogue as a whole: adding with checks, and looking up.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::error::{CatalogueError, Kind};
use super::flow_log::{FlowLog, Scope};
use super::id::{FlowLogId, InstanceId, Mac, SubnetId, VpcId};
use super::model::{ModelName, ModelTable, Profile};
use super::object::{Account, Eni, Instance, Subnet, Vpc};
use super::{ENIS_MAX, OBJECTS_MAX};
use crate::policy::{Attachments, Cidr, Membership};
use crate::record::{AccountId, EniId, FlowFacts, Label, Stream};

/// All objects, sound together. See the [module](super) for what holds.
#[derive(Debug, Clone, Default)]
pub struct Catalogue {
    accounts: BTreeMap<AccountId, Account>,
    vpcs: BTreeMap<VpcId, Vpc>,
    subnets: BTreeMap<SubnetId, Subnet>,
    instances: BTreeMap<InstanceId, Instance>,
    /// In the order in which they were added.
    enis: Vec<Eni>,
    flow_logs: BTreeMap<FlowLogId, FlowLog>,
    eni_by_id: BTreeMap<EniId, usize>,
    eni_by_address: BTreeMap<IpAddr, usize>,
    eni_by_mac: BTreeMap<Mac, usize>,
    promiscuous: Option<usize>,
}

fn unknown(kind: Kind, found: impl ToString) -> CatalogueError {
    CatalogueError::Unknown { kind, found: found.to_string() }
}

fn insert_new<K: Ord + ToString, V>(
    map: &mut BTreeMap<K, V>,
    kind: Kind,
    limit: usize,
    key: K,
    value: V,
) -> Result<(), CatalogueError> {
    check_new(map, kind, limit, &key)?;
    map.insert(key, value);
    Ok(())
}

fn check_new<K: Ord + ToString, V>(
    map: &BTreeMap<K, V>,
    kind: Kind,
    limit: usize,
    key: &K,
) -> Result<(), CatalogueError> {
    if map.contains_key(key) {
        let id = key.to_string();
        return Err(CatalogueError::Duplicate { kind, id });
    }
    if map.len() >= limit {
        return Err(CatalogueError::TooMany { kind, limit });
    }
    Ok(())
}

fn check_cidrs(cidrs: &[Cidr]) -> Result<(), CatalogueError> {
    if cidrs.is_empty() {
        return Err(CatalogueError::NoCidr);
    }
    match cidrs.iter().find(|cidr| cidr.has_host_bits()) {
        Some(found) => Err(CatalogueError::HostBits { found: *found, expected: found.truncated() }),
        None => Ok(()),
    }
}

fn encloses(outer: &Cidr, inner: &Cidr) -> bool {
    outer.prefix_length() <= inner.prefix_length() && outer.contains(inner.address())
}

fn overlap(a: &Cidr, b: &Cidr) -> bool {
    encloses(a, b) || encloses(b, a)
}

/// Adding.
impl Catalogue {
    /// A catalogue with nothing in it.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an account.
    pub fn add_account(&mut self, account: Account) -> Result<(), CatalogueError> {
        insert_new(&mut self.accounts, Kind::Account, OBJECTS_MAX, account.id, account)
    }

    /// Adds a VPC.
    pub fn add_vpc(&mut self, vpc: Vpc) -> Result<(), CatalogueError> {
        if !self.accounts.contains_key(&vpc.account) {
            return Err(unknown(Kind::Account, vpc.account));
        }
        check_cidrs(&vpc.cidrs)?;
        insert_new(&mut self.vpcs, Kind::Vpc, OBJECTS_MAX, vpc.id.clone(), vpc)
    }

    /// Adds a subnet.
    pub fn add_subnet(&mut self, subnet: Subnet) -> Result<(), CatalogueError> {
        check_new(&self.subnets, Kind::Subnet, OBJECTS_MAX, &subnet.id)?;
        let Some(vpc) = self.vpcs.get(&subnet.vpc) else {
            return Err(unknown(Kind::Vpc, &subnet.vpc));
        };
        check_cidrs(&subnet.cidrs)?;
        for cidr in &subnet.cidrs {
            if !vpc.cidrs.iter().any(|outer| encloses(outer, cidr)) {
                return Err(CatalogueError::CidrOutsideVpc {
                    found: *cidr,
                    vpc: vpc.id.clone(),
                    expected: vpc.cidrs.clone(),
                });
            }
            self.check_subnet_apart(&subnet.vpc, cidr)?;
        }
        self.subnets.insert(subnet.id.clone(), subnet);
        Ok(())
    }

    fn check_subnet_apart(&self, vpc: &VpcId, cidr: &Cidr) -> Result<(), CatalogueError> {
        for other in self.subnets.values().filter(|other| other.vpc == *vpc) {
            if let Some(other_cidr) = other.cidrs.iter().find(|taken| overlap(taken, cidr)) {
                return Err(CatalogueError::SubnetOverlap {
                    found: *cidr,
                    other: other.id.clone(),
                    other_cidr: *other_cidr,
                });
            }
        }
        Ok(())
    }

    /// Adds an instance.
    pub fn add_instance(&mut self, instance: Instance) -> Result<(), CatalogueError> {
        ModelTable::shipped().supported_profile(&instance.model)?;
        insert_new(&mut self.instances, Kind::Instance, ENIS_MAX, instance.id.clone(), instance)
    }

    /// Adds an ENI.
    pub fn add_eni(&mut self, eni: Eni) -> Result<(), CatalogueError> {
        check_new(&self.eni_by_id, Kind::Eni, ENIS_MAX, &eni.id)?;
        let Some(subnet) = self.subnets.get(&eni.subnet) else {
            return Err(unknown(Kind::Subnet, &eni.subnet));
        };
        self.check_addresses(&eni, subnet)?;
        if let Some(index) = eni.mac.and_then(|mac| self.eni_by_mac.get(&mac).zip(eni.mac)) {
            let (other, found) = (self.eni_id_at(*index.0, eni.id), index.1);
            return Err(CatalogueError::MacTaken { found, other });
        }
        if let Some(index) = self.promiscuous.filter(|_| eni.promiscuous) {
            let other = self.eni_id_at(index, eni.id);
            return Err(CatalogueError::PromiscuousTaken { other });
        }
        self.check_model_limits(&eni)?;
        self.index_eni(eni);
        Ok(())
    }

    fn check_addresses(&self, eni: &Eni, subnet: &Subnet) -> Result<(), CatalogueError> {
        if eni.addresses.is_empty() && !eni.promiscuous {
            return Err(CatalogueError::NoAddress);
        }
        for (position, &found) in eni.addresses.iter().enumerate() {
            if !subnet.cidrs.iter().any(|cidr| cidr.contains(found)) {
                return Err(CatalogueError::AddressOutsideSubnet {
                    found,
                    subnet: subnet.id.clone(),
                    expected: subnet.cidrs.clone(),
                });
            }
            if let Some(index) = self.eni_by_address.get(&found) {
                let other = self.eni_id_at(*index, eni.id);
                return Err(CatalogueError::AddressTaken { found, other });
            }
            if eni.addresses.iter().take(position).any(|earlier| *earlier == found) {
                return Err(CatalogueError::AddressTaken { found, other: eni.id });
            }
        }
        Ok(())
    }

    fn check_model_limits(&self, eni: &Eni) -> Result<(), CatalogueError> {
        let Some(id) = &eni.instance else {
            return Ok(());
        };
        let Some(instance) = self.instances.get(id) else {
            return Err(unknown(Kind::Instance, id));
        };
        let profile = ModelTable::shipped().supported_profile(&instance.model)?;
        let limit = usize::from(profile.enis.value);
        let found = 1 + self.enis_of_instance(id).count();
        if found > limit {
            return Err(CatalogueError::InstanceEnis {
                instance: id.clone(),
                model: instance.model.clone(),
                found,
                limit,
            });
        }
        let limit = usize::from(profile.ips_per_eni.value);
        let v4 = eni.addresses.iter().filter(|address| address.is_ipv4()).count();
        let v6 = eni.addresses.len() - v4;
        for (family, found) in [("IPv4", v4), ("IPv6", v6)] {
            if found > limit {
                return Err(CatalogueError::EniAddresses {
                    instance: id.clone(),
                    model: instance.model.clone(),
                    family,
                    found,
                    limit,
                });
            }
        }
        Ok(())
    }

    fn index_eni(&mut self, eni: Eni) {
        let index = self.enis.len();
        self.eni_by_id.insert(eni.id, index);
        for address in &eni.addresses {
            self.eni_by_address.insert(*address, index);
        }
        if let Some(mac) = eni.mac {
            self.eni_by_mac.insert(mac, index);
        }
        if eni.promiscuous {
            self.promiscuous = Some(index);
        }
        self.enis.push(eni);
    }

    fn eni_id_at(&self, index: usize, otherwise: EniId) -> EniId {
        self.enis.get(index).map_or(otherwise, |eni| eni.id)
    }

    /// Gives every instance this model. An ENI without an instance gets one of its own first, named
    /// after it. On an error nothing changes.
    pub fn set_model(&mut self, model: &ModelName) -> Result<(), CatalogueError> {
        ModelTable::shipped().supported_profile(model)?;
        let mut changed = Self {
            enis: Vec::new(),
            eni_by_id: BTreeMap::new(),
            eni_by_address: BTreeMap::new(),
            eni_by_mac: BTreeMap::new(),
            promiscuous: None,
            ..self.clone()
        };
        for instance in changed.instances.values_mut() {
            instance.model = model.clone();
        }
        for eni in &self.enis {
            let mut eni = eni.clone();
            if eni.instance.is_none() {
                let name = eni.id.as_str().replacen("eni-", "ins-", 1);
                let id: InstanceId = name.parse().map_err(|_| unknown(Kind::Instance, &name))?;
                let (model, region) = (model.clone(), None);
                changed.add_instance(Instance { id: id.clone(), model, region })?;
                eni.instance = Some(id);
            }
            changed.add_eni(eni)?;
        }
        *self = changed;
        Ok(())
    }

    /// Adds a flow log.
    pub fn add_flow_log(&mut self, flow_log: FlowLog) -> Result<(), CatalogueError> {
        check_new(&self.flow_logs, Kind::FlowLog, OBJECTS_MAX, flow_log.id())?;
        let spec = flow_log.spec();
        match &spec.scope {
            Scope::Eni(id) if !self.eni_by_id.contains_key(id) => {
                return Err(unknown(Kind::Eni, id));
            }
            Scope::Subnet(id) if !self.subnets.contains_key(id) => {
                return Err(unknown(Kind::Subnet, id));
            }
            Scope::Vpc(id) if !self.vpcs.contains_key(id) => {
                return Err(unknown(Kind::Vpc, id));
            }
            Scope::Eni(_) | Scope::Subnet(_) | Scope::Vpc(_) => {}
        }
        for other in self.flow_logs.values() {
            let mut destinations = spec.destinations.iter();
            let shared = destinations.find(|to| other.spec().destinations.contains(to));
            if let Some(destination) = shared
                && self.scopes_meet(&spec.scope, &other.spec().scope)
            {
                return Err(CatalogueError::FlowLogConflict {
                    destination: destination.clone(),
                    scope: spec.scope.clone(),
                    other: other.id().clone(),
                    other_scope: other.spec().scope.clone(),
                });
            }
        }
        self.flow_logs.insert(flow_log.id().clone(), flow_log);
        Ok(())
    }

    fn scopes_meet(&self, a: &Scope, b: &Scope) -> bool {
        self.scope_contains(a, b) || self.scope_contains(b, a)
    }

    fn scope_contains(&self, outer: &Scope, inner: &Scope) -> bool {
        if outer == inner {
            return true;
        }
        match (outer, inner) {
            (Scope::Subnet(_) | Scope::Vpc(_), Scope::Eni(id)) => {
                self.eni(id).is_some_and(|eni| self.scope_contains(outer, &Scope::Subnet(eni.subnet.clone())))
            }
            (Scope::Vpc(_), Scope::Subnet(id)) => {
                self.subnet(id).is_some_and(|subnet| *outer == Scope::Vpc(subnet.vpc.clone()))
            }
            _ => false,
        }
    }

    /// The flow log of this id, to be enabled, disabled or modified.
    pub fn flow_log_mut(&mut self, id: &FlowLogId) -> Option<&mut FlowLog> {
        self.flow_logs.get_mut(id)
    }

    /// Deletes a flow log.
    pub fn delete_flow_log(&mut self, id: &FlowLogId) -> Result<FlowLog, CatalogueError> {
        self.flow_logs.remove(id).ok_or_else(|| unknown(Kind::FlowLog, id))
    }
}

/// Looking up.
impl Catalogue {
    /// The accounts, by id.
    pub fn accounts(&self) -> impl Iterator<Item = &Account> {
        self.accounts.values()
    }

    /// The VPCs, by id.
    pub fn vpcs(&self) -> impl Iterator<Item = &Vpc> {
        self.vpcs.values()
    }

    /// The subnets, by id.
    pub fn subnets(&self) -> impl Iterator<Item = &Subnet> {
        self.subnets.values()
    }

    /// The instances, by id.
    pub fn instances(&self) -> impl Iterator<Item = &Instance> {
        self.instances.values()
    }

    /// The ENIs, in the order in which they were added.
    #[must_use]
    pub fn enis(&self) -> &[Eni] {
        &self.enis
    }

    /// The flow logs, by id.
    pub fn flow_logs(&self) -> impl Iterator<Item = &FlowLog> {
        self.flow_logs.values()
    }

    /// The VPC of this id.
    #[must_use]
    pub fn vpc(&self, id: &VpcId) -> Option<&Vpc> {
        self.vpcs.get(id)
    }

    /// The subnet of this id.
    #[must_use]
    pub fn subnet(&self, id: &SubnetId) -> Option<&Subnet> {
        self.subnets.get(id)
    }

    /// The instance of this id.
    #[must_use]
    pub fn instance(&self, id: &InstanceId) -> Option<&Instance> {
        self.instances.get(id)
    }

    /// The ENI of this id.
    #[must_use]
    pub fn eni(&self, id: &EniId) -> Option<&Eni> {
        self.enis.get(self.eni_position(id)?)
    }

    /// Where in [`Catalogue::enis`] an ENI stands.
    #[must_use]
    pub fn eni_position(&self, id: &EniId) -> Option<usize> {
        self.eni_by_id.get(id).copied()
    }

    /// The ENI that has this address.
    #[must_use]
    pub fn eni_by_address(&self, address: IpAddr) -> Option<&Eni> {
        self.enis.get(*self.eni_by_address.get(&address)?)
    }

    /// The ENI that has this MAC address.
    #[must_use]
    pub fn eni_by_mac(&self, mac: Mac) -> Option<&Eni> {
        self.enis.get(*self.eni_by_mac.get(&mac)?)
    }

    /// The ENI that takes what is no other's.
    #[must_use]
    pub fn promiscuous_eni(&self) -> Option<&Eni> {
        self.enis.get(self.promiscuous?)
    }

    /// The ENIs of an instance.
    pub fn enis_of_instance(&self, id: &InstanceId) -> impl Iterator<Item = &Eni> {
        self.enis.iter().filter(move |eni| eni.instance.as_ref() == Some(id))
    }

    /// The limits of an instance, by its model.
    #[must_use]
    pub fn profile_of(&self, id: &InstanceId) -> Option<&'static Profile> {
        let model = &self.instance(id)?.model;
        ModelTable::shipped().supported_profile(model).ok()
    }

    /// The flow logs whose scope has this ENI in it and which are enabled, by id.
    pub fn flow_logs_of(&self, id: &EniId) -> impl Iterator<Item = &FlowLog> {
        let eni = Scope::Eni(*id);
        self.flow_logs.values().filter(move |log| log.is_enabled() && self.scope_contains(&log.spec().scope, &eni))
    }

    /// Whether any enabled flow log writes this flow of the ENI.
    #[must_use]
    pub fn writes(&self, id: &EniId, flow: &FlowFacts) -> bool {
        self.flow_logs_of(id).any(|log| log.matches(flow))
    }

    /// What all records of an ENI share.
    #[must_use]
    pub fn stream(&self, id: &EniId) -> Option<Stream> {
        let eni = self.eni(id)?;
        let vpc = self.vpc(&self.subnet(&eni.subnet)?.vpc)?;
        let instance = eni.instance.as_ref().and_then(|id| self.instance(id));
        let label = |text: &str| Label::parse(text.as_bytes());
        Some(Stream {
            account: vpc.account,
            eni: eni.id,
            vpc_id: label(vpc.id.as_str()),
            subnet_id: label(eni.subnet.as_str()),
            instance_id: instance.and_then(|instance| label(instance.id.as_str())),
            region: instance.and_then(|instance| label(&instance.region.as_ref()?.id)),
        })
    }

    /// What is attached to an ENI and its subnet.
    #[must_use]
    pub fn attachments(&self, id: &EniId) -> Option<Attachments> {
        let eni = self.eni(id)?;
        Some(Attachments {
            security_groups: eni.security_groups.clone(),
            network_acl: self.subnet(&eni.subnet)?.network_acl.clone(),
        })
    }

    /// For each security group, the addresses of the ENIs that have it.
    #[must_use]
    pub fn membership(&self) -> Membership {
        self.enis
            .iter()
            .flat_map(|eni| {
                let groups = eni.security_groups.iter();
                groups.flat_map(|group| eni.addresses.iter().map(|a| (group.clone(), *a)))
            })
            .collect()
    }
}
