//! The catalogue: whose packets there are, what may be sent, and which of it is written.
//!
//! ```text
//!   Account ◀─ Vpc ◀─ Subnet ◀─ Eni ─▶ Instance ─▶ model: Profile
//!                ▲       ▲       ▲                 region: Region
//!                └───────┴───────┴── scope of a FlowLog
//! ```
//!
//! Objects are added one by one, what they refer to first; each is checked against those that are
//! there, so a [`Catalogue`] is sound at every moment. What holds:
//!
//! - Ids are unique, references lead somewhere.
//! - A subnet lies inside its VPC, subnets of a VPC do not overlap, addresses lie in their subnet.
//! - An address, and a MAC, belongs to one ENI of the whole catalogue, so that a packet finds its
//!   ENI by address alone.
//! - Instances are of supported models and in supported regions, with no more ENIs and addresses
//!   than their model allows.
//! - One flow log per ENI and destination. A scope inside another (an ENI of a subnet, a subnet of
//!   a VPC) counts, also while no ENI is in it.

mod error;
mod filter;
mod flow_log;
mod id;
mod licence;
mod model;
mod object;
mod region;
mod table;
mod whole;

pub use error::{CatalogueError, Kind};
pub use filter::{CaptureFilter, TrafficFilter, TrafficFilterError};
pub use flow_log::{
    Destination, DestinationError, FlowLog, FlowLogChange, FlowLogError, FlowLogLabels, FlowLogSpec, Scope,
    WindowSeconds, WindowSecondsError,
};
pub use id::{FlowLogId, IdError, InstanceId, Mac, MacError, SubnetId, VpcId};
pub use licence::{LICENCE_ACTIVATION_PORT, LicencePresetError, LicencePresets, LicenceServer};
pub use model::{Basis, Figure, ModelError, ModelName, ModelTable, Profile, Size};
pub use object::{Account, Eni, Instance, Subnet, Vpc};
pub use region::{Region, RegionError, RegionTable};
pub use table::{TableError, TableFault};
pub use whole::Catalogue;

/// ENIs, and instances, that a catalogue may hold of each: the NIC numbers them in 12 bits.
pub const ENIS_MAX: usize = 4_096;
/// Accounts, VPCs, subnets and flow logs that a catalogue may hold of each.
pub const OBJECTS_MAX: usize = 10_000;
