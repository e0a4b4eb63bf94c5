//! The configuration: `weir.toml`, read and checked as a whole.
//!
//! ```text
//!   weir.toml ─ toml, serde ─▶ Root ─▶ Settings ─▶ Policy ─▶ Catalogue ─▶ flow logs ─▶ Config
//!                             (raw)    (settings)  (policy)  (objects)    (objects)
//! ```
//!
//! The first thing that is wrong is an error with file, line and column, what was found and what
//! was expected; if it is between two objects, with the line of the other as well. Nothing is
//! ignored: an unknown key is an error. `docs/configuration.md` describes every key.

mod document;
mod duration;
mod error;
mod list;
mod objects;
mod policy;
mod raw;
mod settings;

use std::path::Path;

use flowlog::catalogue::Catalogue;
use flowlog::policy::{Policy, PolicyErrors};

pub use document::Position;
pub use duration::{DurationError, Nanoseconds, WindowError, parse_window};
pub use error::{ConfigError, Problem};
pub use policy::{ChangeTime, PolicyChange, TimedPolicy, timeline};
pub use settings::{HostSettings, NicSettings, Settings};

use document::Document;

/// A configuration, checked.
#[derive(Debug, Clone)]
pub struct Config {
    /// Accounts, VPCs, subnets, instances, ENIs and flow logs.
    pub catalogue: Catalogue,
    /// The security groups and network ACLs in force at the start.
    pub policy: Policy,
    /// How they change, in the order of the file.
    pub policy_changes: Vec<PolicyChange>,
    /// What holds for the whole NIC and its host.
    pub settings: Settings,
}

impl Config {
    /// Reads a file.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let file = path.display().to_string();
        match std::fs::read_to_string(path) {
            Ok(text) => Self::parse(&file, &text),
            Err(source) => Err(ConfigError::Read { file, source }),
        }
    }

    /// Reads the text of a file; `file` is what errors call it.
    pub fn parse(file: &str, text: &str) -> Result<Self, ConfigError> {
        let document = Document { file, text };
        let mut root: raw::Root = toml::from_str(text).map_err(|error| document.toml_error(&error))?;
        if let Some(fault) = root.first_fault() {
            return Err(document.error(&fault.at, Problem::Value(fault.message.clone())));
        }
        let settings = document.settings(std::mem::take(&mut root.settings))?;
        let policy = document.policy(&root, &settings)?;
        let policy_changes = document.policy_changes(&root, &policy)?;
        let mut catalogue = document.objects(&root, &policy)?;
        document.flow_logs(&mut catalogue, root, &settings)?;
        Ok(Self { catalogue, policy, policy_changes, settings })
    }

    /// What holds without a configuration: the ENI `eni-00000000` of account `0` takes every
    /// packet as ingress, everything is allowed, and everything is written.
    #[must_use]
    pub fn default_promiscuous() -> Self {
        match Self::parse("promiscuous.toml", include_str!("promiscuous.toml")) {
            Ok(config) => config,
            Err(error) => panic!("the built-in configuration is broken: {error}"),
        }
    }

    /// The policies that follow [`Config::policy`], in the order of time.
    pub fn policy_timeline(&self, first_packet_ns: u64) -> Result<Vec<TimedPolicy>, PolicyErrors> {
        timeline(&self.policy, &self.policy_changes, first_packet_ns)
    }
}
