//! What holds for the whole NIC and its host.

use std::net::IpAddr;

use flowlog::catalogue::{LicencePresets, WindowSeconds};
use flowlog::policy::{Timeouts, TrackedFlows};
use flowlog::record::RecordSettings;
use toml::Spanned;

use super::document::{Document, plain};
use super::duration::{NumberOrText, WindowError, parse_window};
use super::error::{ConfigError, Problem};
use super::raw::{RawHost, RawLicence, RawNic, RawSettings};

/// Settings of the whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The NIC's capture window.
    pub window: WindowSeconds,
    /// How records are written.
    pub record: RecordSettings,
    /// The packet of a flow, counted from 1, at which the flow is given to the hardware.
    pub offload_at_packet: u32,
    /// What a rule change does to accepted connections; the policy holds the same.
    pub tracked_flows: TrackedFlows,
    /// How long an idle connection is remembered; the policy holds the same.
    pub timeouts: Timeouts,
    /// Windows licence servers: traffic with TCP port 1688 of these is forwarded, not captured.
    pub licence_servers: Vec<IpAddr>,
    /// Sizes of the NIC.
    pub nic: NicSettings,
    /// Sizes of the host's tables.
    pub host: HostSettings,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            window: WindowSeconds::default(),
            record: RecordSettings::default(),
            offload_at_packet: 2,
            tracked_flows: TrackedFlows::default(),
            timeouts: Timeouts::default(),
            licence_servers: Vec::new(),
            nic: NicSettings::default(),
            host: HostSettings::default(),
        }
    }
}

/// Sizes of the NIC, each as a power of two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NicSettings {
    /// Slots of the flow table, per direction.
    pub slots_log2: u32,
    /// Entries of the command ring.
    pub command_ring_log2: u32,
    /// Entries of the completion ring.
    pub completion_ring_log2: u32,
    /// Entries of the record ring.
    pub record_ring_log2: u32,
    /// Slots of 2 KiB in the punt ring.
    pub punt_ring_log2: u32,
    /// Slots of 2 KiB in the inject ring.
    pub inject_ring_log2: u32,
}

impl Default for NicSettings {
    fn default() -> Self {
        Self {
            slots_log2: 17,
            command_ring_log2: 12,
            completion_ring_log2: 12,
            record_ring_log2: 16,
            punt_ring_log2: 12,
            inject_ring_log2: 12,
        }
    }
}

/// Sizes of the host's tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HostSettings {
    /// Connections that the security groups remember.
    pub connections_max: u32,
    /// Flows that one window may have, in all.
    pub flows_max: u32,
}

impl Default for HostSettings {
    fn default() -> Self {
        Self { connections_max: 1 << 21, flows_max: 1 << 22 }
    }
}

/// A number's name and bounds.
struct Bounds {
    key: &'static str,
    least: u32,
    most: u32,
}

const fn bounds(key: &'static str, least: u32, most: u32) -> Bounds {
    Bounds { key, least, most }
}

const fn ring_bounds(key: &'static str) -> Bounds {
    let sizes = firmware_abi::ring::SIZE_LOG2;
    bounds(key, *sizes.start(), *sizes.end())
}

/// Slots that a flow table may have, as powers of two.
const SLOTS_LOG2: Bounds = bounds("slots_log2", 7, 24);
/// Entries that a host table may have.
const TABLE_ENTRIES_MAX: u32 = 1 << 28;

impl Document<'_> {
    fn number(&self, value: Option<Spanned<i64>>, bounds: &Bounds, default: u32) -> Result<u32, ConfigError> {
        let Some(value) = value else {
            return Ok(default);
        };
        let found = *value.get_ref();
        u32::try_from(found).ok().filter(|number| (bounds.least..=bounds.most).contains(number)).ok_or_else(|| {
            let &Bounds { key, least, most } = bounds;
            let problem = Problem::OutOfBounds { key, found, least, most };
            self.error(&value.span(), problem)
        })
    }

    /// A window as it is written, or the default.
    pub(super) fn window(&self, value: &Spanned<NumberOrText>) -> Result<WindowSeconds, ConfigError> {
        let window = match value.get_ref() {
            NumberOrText::Text(text) => parse_window(text),
            NumberOrText::Number(number) => match u64::try_from(*number) {
                Ok(seconds) => WindowSeconds::new(seconds).map_err(WindowError::from),
                Err(_) => parse_window(&number.to_string()),
            },
        };
        window.map_err(|problem| self.error(&value.span(), problem))
    }

    /// The settings, checked.
    pub(super) fn settings(&self, raw: RawSettings) -> Result<Settings, ConfigError> {
        let default = Settings::default();
        let window = match &raw.window {
            Some(value) => self.window(value)?,
            None => default.window,
        };
        let offload = bounds("offload_at_packet", 1, 1_000_000);
        let offload_at_packet = self.number(raw.offload_at_packet, &offload, default.offload_at_packet)?;
        if let Some(timeouts) = &raw.timeouts
            && let Err(error) = timeouts.get_ref().validate()
        {
            let problem = flowlog::policy::PolicyErrorKind::from(error);
            return Err(self.error(&timeouts.span(), problem));
        }
        Ok(Settings {
            window,
            record: raw.record,
            offload_at_packet,
            tracked_flows: raw.tracked_flows,
            timeouts: plain(raw.timeouts).unwrap_or_default(),
            licence_servers: self.licence_servers(&raw.licence_activation)?,
            nic: self.nic(raw.nic)?,
            host: self.host(raw.host)?,
        })
    }

    fn licence_servers(&self, raw: &RawLicence) -> Result<Vec<IpAddr>, ConfigError> {
        let mut servers: Vec<IpAddr> = Vec::new();
        for preset in &raw.presets {
            let addresses = LicencePresets::shipped()
                .addresses(preset.get_ref())
                .map_err(|problem| self.error(&preset.span(), problem))?;
            servers.extend(addresses);
        }
        servers.extend(raw.addresses.iter().map(|address| address.get_ref().0));
        servers.sort_unstable();
        servers.dedup();
        Ok(servers)
    }

    fn nic(&self, raw: RawNic) -> Result<NicSettings, ConfigError> {
        let default = NicSettings::default();
        Ok(NicSettings {
            slots_log2: self.number(raw.slots_log2, &SLOTS_LOG2, default.slots_log2)?,
            command_ring_log2: self.number(
                raw.command_ring_log2,
                &ring_bounds("command_ring_log2"),
                default.command_ring_log2,
            )?,
            completion_ring_log2: self.number(
                raw.completion_ring_log2,
                &ring_bounds("completion_ring_log2"),
                default.completion_ring_log2,
            )?,
            record_ring_log2: self.number(
                raw.record_ring_log2,
                &ring_bounds("record_ring_log2"),
                default.record_ring_log2,
            )?,
            punt_ring_log2: self.number(raw.punt_ring_log2, &ring_bounds("punt_ring_log2"), default.punt_ring_log2)?,
            inject_ring_log2: self.number(
                raw.inject_ring_log2,
                &ring_bounds("inject_ring_log2"),
                default.inject_ring_log2,
            )?,
        })
    }

    fn host(&self, raw: RawHost) -> Result<HostSettings, ConfigError> {
        let default = HostSettings::default();
        let connections = bounds("connections_max", 1, TABLE_ENTRIES_MAX);
        let flows = bounds("flows_max", 1, TABLE_ENTRIES_MAX);
        Ok(HostSettings {
            connections_max: self.number(raw.connections_max, &connections, default.connections_max)?,
            flows_max: self.number(raw.flows_max, &flows, default.flows_max)?,
        })
    }
}
