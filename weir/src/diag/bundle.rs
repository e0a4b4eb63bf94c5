//! Everything that a bug report needs, in one file: a tar archive in zstd.

use std::path::Path;

use firmware_abi::ring::RingId;
use firmware_abi::time::SECOND_NS;
use serde::Serialize;

use super::file::BUNDLED;
use super::{DiagError, File, Redacted, Show, counters, health, json, rings};

/// What goes into a bundle besides the dump.
#[derive(Clone, Debug, Default)]
pub struct Extras {
    /// The configuration's text.
    pub config: Option<String>,
    /// The last lines of a log.
    pub log: Option<Redacted>,
}

#[derive(Serialize)]
struct VersionsJson {
    weir: &'static str,
    abi: String,
    map_hash: String,
    nic_abi: Option<String>,
    nic_build: Option<String>,
    target: String,
    kernel: Option<String>,
}

fn versions(file: &File) -> VersionsJson {
    use firmware_abi::registers::{AbiVersion, offset};
    let abi = |version: u32| format!("{}.{}", AbiVersion(version).major(), AbiVersion(version).minor());
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").ok();
    VersionsJson {
        weir: env!("CARGO_PKG_VERSION"),
        abi: abi(firmware_abi::ABI_VERSION),
        map_hash: driver::dump::MapHash::OURS.to_string(),
        nic_abi: file.nic.value(offset::ABI_VERSION).map(abi),
        nic_build: file.nic.value(offset::BUILD).map(|build| format!("{build:#010x}")),
        target: format!("{}-{}", std::env::consts::ARCH, std::env::consts::OS),
        kernel: kernel.map(|release| release.trim().to_owned()),
    }
}

/// The members of a bundle by name.
fn members(file: &File, extras: &Extras) -> Result<Vec<(&'static str, Vec<u8>)>, DiagError> {
    let show = Show { json: true, ..Show::default() };
    let all_rings: String = RingId::ALL.map(|id| rings::show(file, Some(id), show).text).concat();
    let mut members = vec![
        (BUNDLED, file.bytes()),
        ("versions.json", json(&versions(file)).into_bytes()),
        ("health.json", health::show(file, true, show).text.into_bytes()),
        ("rings.json", all_rings.into_bytes()),
        ("counters.json", counters::show(file, show).text.into_bytes()),
        ("equations.json", json(&counters::balances(file)).into_bytes()),
    ];
    if let Some(text) = &extras.config {
        let config = Redacted::config(text).map_err(|error| DiagError::Usage(error.to_string()))?;
        members.push(("config.json", config.0.into_bytes()));
    }
    if let Some(log) = &extras.log {
        members.push(("log.txt", log.0.clone().into_bytes()));
    }
    Ok(members)
}

/// Packs a bundle to `path`; the names of what is in it. The same dump gives the same bytes, but for the versions.
///
/// # Errors
/// When it cannot be written, or the configuration is none.
pub fn write(path: &Path, file: &File, extras: &Extras) -> Result<Vec<&'static str>, DiagError> {
    let members = members(file, extras)?;
    let failed = |source| DiagError::Write { path: path.to_owned(), source };
    let out = std::fs::File::create(path).map_err(failed)?;
    let encoder = zstd::Encoder::new(out, zstd::DEFAULT_COMPRESSION_LEVEL).map_err(failed)?;
    let mut archive = tar::Builder::new(encoder);
    let folder = path.file_name().map(|name| name.to_string_lossy().split('.').next().unwrap_or("bundle").to_owned());
    let folder = folder.filter(|name| !name.is_empty()).unwrap_or_else(|| "bundle".to_owned());
    for (name, bytes) in &members {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        header.set_mtime(file.nic.moment.map_or(0, |moment| moment.time_ns / SECOND_NS));
        archive.append_data(&mut header, format!("{folder}/{name}"), bytes.as_slice()).map_err(failed)?;
    }
    let encoder = archive.into_inner().map_err(failed)?;
    let out = encoder.finish().map_err(failed)?;
    out.sync_all().map_err(failed)?;
    Ok(members.into_iter().map(|(name, _)| name).collect())
}
