//! From the written objects to the catalogue.
//!
//! Objects are added kind by kind, what others refer to first, and in the order of the file
//! within a kind. The catalogue says what is wrong; this module finds where that is written.

use std::ops::Range;

use flowlog::catalogue::{
    Account, CaptureFilter, Catalogue, CatalogueError, Destination, Eni, FlowLog, FlowLogLabels, FlowLogSpec, Instance,
    Kind, ModelName, RegionTable, Scope, Subnet, Vpc,
};
use flowlog::policy::{Cidr, GROUPS_PER_ENI_MAX, Policy, PolicyErrorKind};
use flowlog::record::FieldList;
use toml::Spanned;

use super::document::Document;
use super::error::{ConfigError, Problem};
use super::list::List;
use super::raw::{RawAccount, RawEni, RawFilter, RawFlowLog, RawInstance, RawSubnet, RawVpc, Root};
use super::settings::Settings;

type Span = Range<usize>;

/// Where a value stands in a list, the `nth` time.
fn span_of<T: PartialEq>(list: &[Spanned<T>], value: &T, nth: usize) -> Option<Span> {
    let mut equal = list.iter().filter(|item| item.get_ref() == value);
    equal.nth(nth).map(Spanned::span)
}

/// Where the first of several ids of one text stands.
fn first_id<'a, T: PartialEq + 'a>(mut ids: impl Iterator<Item = &'a Spanned<T>>, id: &T) -> Option<Span> {
    ids.find(|other| other.get_ref() == id).map(Spanned::span)
}

impl Document<'_> {
    /// Everything but flow logs, in a catalogue.
    pub(super) fn objects(&self, root: &Root, policy: &Policy) -> Result<Catalogue, ConfigError> {
        let mut catalogue = Catalogue::new();
        for raw in &root.account {
            self.account(&mut catalogue, root, raw)?;
        }
        for raw in &root.vpc {
            self.vpc(&mut catalogue, root, raw)?;
        }
        for raw in &root.subnet {
            self.subnet(&mut catalogue, root, raw, policy)?;
        }
        for raw in &root.instance {
            self.instance(&mut catalogue, root, raw)?;
        }
        for raw in &root.eni {
            self.eni_groups(raw, policy)?;
            self.eni(&mut catalogue, root, raw)?;
        }
        Ok(catalogue)
    }

    fn account(&self, catalogue: &mut Catalogue, root: &Root, raw: &RawAccount) -> Result<(), ConfigError> {
        let account = Account { id: *raw.id.get_ref(), name: raw.name.clone() };
        catalogue.add_account(account).map_err(|error| {
            let first = first_id(root.account.iter().map(|other| &other.id), raw.id.get_ref());
            self.error_beside(&raw.id.span(), first.as_ref(), error)
        })
    }

    fn vpc(&self, catalogue: &mut Catalogue, root: &Root, raw: &RawVpc) -> Result<(), ConfigError> {
        let vpc = Vpc {
            id: raw.id.get_ref().clone(),
            account: *raw.account.get_ref(),
            name: raw.name.clone(),
            cidrs: raw.cidrs.get_ref().plain(),
        };
        catalogue.add_vpc(vpc).map_err(|error| match &error {
            CatalogueError::Duplicate { .. } => {
                let first = first_id(root.vpc.iter().map(|other| &other.id), raw.id.get_ref());
                self.error_beside(&raw.id.span(), first.as_ref(), error)
            }
            CatalogueError::Unknown { .. } => self.error(&raw.account.span(), error),
            _ => self.error(&cidr_span(&raw.cidrs, &error), error),
        })
    }

    fn subnet(
        &self,
        catalogue: &mut Catalogue,
        root: &Root,
        raw: &RawSubnet,
        policy: &Policy,
    ) -> Result<(), ConfigError> {
        if let Some(acl) = &raw.network_acl
            && policy.network_acl(acl.get_ref()).is_none()
        {
            let found = acl.get_ref().clone();
            return Err(self.error(&acl.span(), Problem::UnknownAcl { found }));
        }
        let subnet = Subnet {
            id: raw.id.get_ref().clone(),
            vpc: raw.vpc.get_ref().clone(),
            cidrs: raw.cidrs.get_ref().plain(),
            network_acl: raw.network_acl.as_ref().map(|acl| acl.get_ref().clone()),
        };
        catalogue.add_subnet(subnet).map_err(|error| match &error {
            CatalogueError::Duplicate { .. } => {
                let first = first_id(root.subnet.iter().map(|other| &other.id), raw.id.get_ref());
                self.error_beside(&raw.id.span(), first.as_ref(), error)
            }
            CatalogueError::Unknown { .. } => self.error(&raw.vpc.span(), error),
            CatalogueError::SubnetOverlap { other, other_cidr, .. } => {
                let mut subnets = root.subnet.iter();
                let first = subnets
                    .find(|subnet| subnet.id.get_ref() == other)
                    .and_then(|subnet| span_of(subnet.cidrs.get_ref(), other_cidr, 0));
                self.error_beside(&cidr_span(&raw.cidrs, &error), first.as_ref(), error)
            }
            _ => self.error(&cidr_span(&raw.cidrs, &error), error),
        })
    }

    fn instance(&self, catalogue: &mut Catalogue, root: &Root, raw: &RawInstance) -> Result<(), ConfigError> {
        let model: ModelName = raw
            .model
            .get_ref()
            .parse()
            .map_err(|problem: flowlog::catalogue::ModelError| self.error(&raw.model.span(), problem))?;
        let region = RegionTable::shipped()
            .find(raw.region.get_ref())
            .map_err(|problem| self.error(&raw.region.span(), problem))?;
        let instance = Instance { id: raw.id.get_ref().clone(), model, region: Some(region.clone()) };
        catalogue.add_instance(instance).map_err(|error| match error {
            CatalogueError::Model(problem) => self.error(&raw.model.span(), problem),
            error => {
                let mut ids = root.instance.iter().map(|other| &other.id);
                let first = first_id(&mut ids, raw.id.get_ref());
                self.error_beside(&raw.id.span(), first.as_ref(), error)
            }
        })
    }

    fn eni_groups(&self, raw: &RawEni, policy: &Policy) -> Result<(), ConfigError> {
        let groups = &raw.security_groups;
        for (position, group) in groups.iter().enumerate() {
            let found = group.get_ref().clone();
            if policy.security_group(&found).is_none() {
                return Err(self.error(&group.span(), Problem::UnknownGroup { found }));
            }
            if groups.iter().take(position).any(|earlier| *earlier.get_ref() == found) {
                let problem = PolicyErrorKind::DuplicateAttachment { found };
                return Err(self.error(&group.span(), problem));
            }
            if position >= GROUPS_PER_ENI_MAX {
                let problem = PolicyErrorKind::TooMany {
                    what: "security groups on an ENI",
                    found: groups.len(),
                    limit: GROUPS_PER_ENI_MAX,
                };
                return Err(self.error(&group.span(), problem));
            }
        }
        Ok(())
    }

    fn eni(&self, catalogue: &mut Catalogue, root: &Root, raw: &RawEni) -> Result<(), ConfigError> {
        let eni = Eni {
            id: *raw.id.get_ref(),
            subnet: raw.subnet.get_ref().clone(),
            instance: raw.instance.as_ref().map(|id| id.get_ref().clone()),
            mac: raw.mac.as_ref().map(|mac| *mac.get_ref()),
            addresses: raw.addresses.iter().map(|address| address.get_ref().0).collect(),
            promiscuous: raw.promiscuous.as_ref().is_some_and(|flag| *flag.get_ref()),
            security_groups: raw.security_groups.plain(),
        };
        catalogue.add_eni(eni).map_err(|error| {
            let (at, other) = eni_spans(root, raw, &error);
            self.error_beside(&at.unwrap_or_else(|| raw.id.span()), other.as_ref(), error)
        })
    }

    /// Adds the flow logs: those written, or one for each VPC if none is.
    pub(super) fn flow_logs(
        &self,
        catalogue: &mut Catalogue,
        root: Root,
        settings: &Settings,
    ) -> Result<(), ConfigError> {
        if root.flow_log.is_empty() {
            for vpc in &root.vpc {
                self.implicit_flow_log(catalogue, vpc, settings)?;
            }
            return Ok(());
        }
        let mut added: Vec<(Spanned<flowlog::catalogue::FlowLogId>, Span)> = Vec::new();
        for raw in root.flow_log {
            let (id, scope) = (raw.id.clone(), raw.scope.span());
            let destinations = raw.destinations.clone().unwrap_or_default();
            let flow_log = self.flow_log(raw, settings)?;
            catalogue.add_flow_log(flow_log).map_err(|error| match &error {
                CatalogueError::Unknown { .. } => self.error(&scope, error),
                CatalogueError::FlowLogConflict { destination, other, .. } => {
                    let at = span_of(&destinations, destination, 0);
                    let first = first_id(added.iter().map(|(id, _)| id), other);
                    self.error_beside(&at.unwrap_or(scope.clone()), first.as_ref(), error)
                }
                _ => {
                    let first = first_id(added.iter().map(|(id, _)| id), id.get_ref());
                    self.error_beside(&id.span(), first.as_ref(), error)
                }
            })?;
            added.push((id, scope));
        }
        Ok(())
    }

    fn implicit_flow_log(
        &self,
        catalogue: &mut Catalogue,
        vpc: &RawVpc,
        settings: &Settings,
    ) -> Result<(), ConfigError> {
        let name = vpc.id.get_ref().as_str();
        let tail = name.strip_prefix("vpc-").unwrap_or(name);
        let flow_log = format!("fl-{tail}").parse().map(|id| {
            let spec = FlowLogSpec {
                scope: Scope::Vpc(vpc.id.get_ref().clone()),
                traffic: flowlog::catalogue::TrafficFilter::All,
                filter: None,
                fields: FieldList::default_format(),
                window: settings.window,
                destinations: vec![Destination::Stdout],
            };
            FlowLog::new(id, FlowLogLabels::default(), spec)
        });
        match flow_log {
            Ok(Ok(flow_log)) => catalogue.add_flow_log(flow_log).map_err(|error| self.error(&vpc.id.span(), error)),
            Ok(Err(error)) => Err(self.error(&vpc.id.span(), CatalogueError::from(error))),
            Err(error) => Err(self.error(&vpc.id.span(), Problem::Toml(error.to_string()))),
        }
    }

    fn flow_log(&self, raw: RawFlowLog, settings: &Settings) -> Result<FlowLog, ConfigError> {
        if let Some(written) = &raw.window {
            let (found, expected) = (self.window(written)?, settings.window);
            if found != expected {
                let problem = Problem::OtherWindow { found, expected };
                return Err(self.error(&written.span(), problem));
            }
        }
        let id_span = raw.id.span();
        let spec = FlowLogSpec {
            scope: raw.scope.into_inner(),
            traffic: raw.traffic,
            filter: raw.filter.as_ref().map(capture_filter),
            fields: raw.fields.unwrap_or_else(FieldList::default_format),
            window: settings.window,
            destinations: match raw.destinations {
                Some(written) => written.plain(),
                None => vec![Destination::Stdout],
            },
        };
        let labels = FlowLogLabels { name: raw.name, tags: raw.tags };
        let mut flow_log = FlowLog::new(raw.id.into_inner(), labels, spec)
            .map_err(|error| self.error(&id_span, CatalogueError::from(error)))?;
        if raw.enabled == Some(false) {
            flow_log.disable();
        }
        Ok(flow_log)
    }
}

fn capture_filter(raw: &RawFilter) -> CaptureFilter {
    CaptureFilter {
        sources: raw.sources.plain(),
        destinations: raw.destinations.plain(),
        source_ports: raw.source_ports.plain(),
        destination_ports: raw.destination_ports.plain(),
        protocols: raw.protocols.plain(),
    }
}

fn cidr_span(written: &Spanned<List<Cidr>>, error: &CatalogueError) -> Span {
    let found = match error {
        CatalogueError::HostBits { found, .. }
        | CatalogueError::CidrOutsideVpc { found, .. }
        | CatalogueError::SubnetOverlap { found, .. } => span_of(written.get_ref(), found, 0),
        _ => None,
    };
    found.unwrap_or_else(|| written.span())
}

/// Where the error about an ENI stands, and the other ENI's part in it.
fn eni_spans(root: &Root, raw: &RawEni, error: &CatalogueError) -> (Option<Span>, Option<Span>) {
    let other_eni = |id| root.eni.iter().find(|eni| eni.id.get_ref() == id);
    let address_in = |eni: &RawEni, found, nth| {
        let mut equal = eni.addresses.iter().filter(|a| a.get_ref().0 == found);
        equal.nth(nth).map(Spanned::span)
    };
    match error {
        CatalogueError::Duplicate { .. } => (None, other_eni(raw.id.get_ref()).map(|e| e.id.span())),
        CatalogueError::Unknown { kind: Kind::Instance, .. } | CatalogueError::InstanceEnis { .. } => {
            (raw.instance.as_ref().map(Spanned::span), None)
        }
        CatalogueError::Unknown { .. } => (Some(raw.subnet.span()), None),
        CatalogueError::AddressOutsideSubnet { found, .. } => (address_in(raw, *found, 0), None),
        CatalogueError::AddressTaken { found, other } => {
            let nth = usize::from(other == raw.id.get_ref());
            let first = other_eni(other).and_then(|eni| address_in(eni, *found, 0));
            (address_in(raw, *found, nth), first)
        }
        CatalogueError::MacTaken { other, .. } => {
            (raw.mac.as_ref().map(Spanned::span), other_eni(other).and_then(|eni| Some(eni.mac.as_ref()?.span())))
        }
        CatalogueError::PromiscuousTaken { other } => (
            raw.promiscuous.as_ref().map(Spanned::span),
            other_eni(other).and_then(|eni| Some(eni.promiscuous.as_ref()?.span())),
        ),
        _ => (None, None),
    }
}
