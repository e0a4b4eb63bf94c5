//! What `replay` and `check` share: captures, configuration, and the part of time that counts.

use std::path::PathBuf;

use clap::Args;
use flowlog::catalogue::{ModelName, WindowSeconds};

use super::{Failure, When};
use crate::config::{Config, parse_window};

/// Options of everything that measures captures.
#[derive(Args, Clone, Debug)]
pub(super) struct MeasureArgs {
    /// Accounts, ENIs, rules and flow logs. Without it, one ENI takes every packet as ingress and
    /// allows all
    #[arg(long, value_name = "FILE", help_heading = "Measuring")]
    config: Option<PathBuf>,
    /// Length of a capture window, 1 s to 600 s: 60s, 5m, 300. Over the configuration's
    #[arg(long, value_name = "TIME", value_parser = parse_window, help_heading = "Measuring")]
    window: Option<WindowSeconds>,
    /// Only packets from this time on: RFC 3339, Unix seconds, or +10s after the first packet
    #[arg(long, value_name = "TIME", help_heading = "Measuring")]
    pub(super) from: Option<When>,
    /// Only packets before this time
    #[arg(long, value_name = "TIME", help_heading = "Measuring")]
    pub(super) to: Option<When>,
    /// Puts this model's limits on every instance, like S3.LARGE8; `weir models` lists them
    #[arg(long, help_heading = "Measuring")]
    model: Option<ModelName>,
    /// Slots of the NIC's flow table per direction, as a power of two: 7 to 24
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(7..=24), help_heading = "Measuring")]
    slots_log2: Option<u32>,
}

impl MeasureArgs {
    /// The configuration that the options make.
    pub(super) fn config(&self) -> Result<Config, Failure> {
        let mut config = match &self.config {
            Some(path) => Config::load(path)?,
            None => Config::default_promiscuous(),
        };
        if let Some(window) = self.window {
            config.settings.window = window;
        }
        if let Some(model) = &self.model {
            config.catalogue.set_model(model).map_err(Failure::usage)?;
        }
        if let Some(slots_log2) = self.slots_log2 {
            config.settings.nic.slots_log2 = slots_log2;
        }
        Ok(config)
    }
}
