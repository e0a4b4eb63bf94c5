//! Windows licence activation: traffic that is forwarded and never captured.
//!
//! What is meant by it is TCP to port 1688 of a licence server, and the answers. Whose addresses
//! those are, a cloud has to say; presets are shipped for clouds that publish them.

use std::net::IpAddr;
use std::sync::LazyLock;

use super::table::{Table, TableError};

/// The port of a licence server.
pub const LICENCE_ACTIVATION_PORT: u16 = 1688;

/// No preset has this name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("found licence preset `{found}`, expected one of {}", known.join(", "))]
pub struct LicencePresetError {
    /// The name as written.
    pub found: String,
    /// The presets there are.
    pub known: Vec<String>,
}

/// One address of a licence server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LicenceServer {
    /// The preset it belongs to.
    pub preset: String,
    /// Its address.
    pub address: IpAddr,
    /// Where it was published.
    pub source: String,
}

/// The licence servers of all presets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LicencePresets {
    servers: Vec<LicenceServer>,
}

static SHIPPED: LazyLock<LicencePresets> =
    LazyLock::new(|| match LicencePresets::parse(include_str!("../../data/licence_activation.csv")) {
        Ok(table) => table,
        Err(error) => panic!("the shipped licence_activation.csv is broken: {error}"),
    });

impl LicencePresets {
    /// The table that Weir ships.
    #[must_use]
    pub fn shipped() -> &'static Self {
        &SHIPPED
    }

    /// Reads a table in the form of the shipped one.
    pub fn parse(text: &str) -> Result<Self, TableError> {
        let mut servers = Vec::new();
        for row in Table::parse(text)?.rows() {
            servers.push(LicenceServer {
                preset: row.text("preset")?.to_owned(),
                address: row.value("address", "an IPv4 or IPv6 address")?,
                source: row.text("source")?.to_owned(),
            });
        }
        Ok(Self { servers })
    }

    /// Every server, in the order of the table.
    #[must_use]
    pub fn servers(&self) -> &[LicenceServer] {
        &self.servers
    }

    /// The addresses of one preset.
    pub fn addresses(&self, preset: &str) -> Result<Vec<IpAddr>, LicencePresetError> {
        let addresses: Vec<IpAddr> =
            self.servers.iter().filter(|server| server.preset == preset).map(|server| server.address).collect();
        if addresses.is_empty() {
            let mut known: Vec<String> = self.servers.iter().map(|s| s.preset.clone()).collect();
            known.dedup();
            return Err(LicencePresetError { found: preset.to_owned(), known });
        }
        Ok(addresses)
    }
}
