//! The file of a dump: JSON, plain or in zstd; or a bundle that holds one.

use std::fs;
use std::io::Read as _;
use std::net::IpAddr;
use std::path::Path;

use driver::dump::{DirectionName, DriverDump, MapHash, NicDump};
use firmware_abi::key::Direction;
use flowlog::record::{Action, EniId, Layer};
use serde::{Deserialize, Serialize};

use super::DiagError;
use crate::stats::{SideJson, Sum};

/// The version of the file's form.
const FORMAT: u32 = 1;
/// The name of the dump in a bundle.
pub(super) const BUNDLED: &str = "snapshot.json";
/// Bytes that a dump may have when it is unpacked.
const BYTES_MAX: u64 = 1 << 30;
/// What data in zstd begins with.
const ZSTD_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// A dump: the NIC, and what is known of the host's side.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    /// The version of this form.
    pub weir_dump: u32,
    /// The NIC.
    pub nic: NicDump,
    /// Its driver, if it was at hand.
    pub driver: Option<DriverDump>,
    /// What judges and counts above the driver, if it was at hand.
    pub host: Option<HostDump>,
}

/// Only the version, to tell another form from a damaged file.
#[derive(Deserialize)]
struct Head {
    weir_dump: u32,
}

/// Judgements and counts of the host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HostDump {
    /// The ENIs, by port.
    pub enis: Vec<EniId>,
    /// The oldest window that is not published.
    pub oldest_window: u16,
    /// Whether its end has been read: `open`, `ended`, `publishing` or `published`.
    pub stage: String,
    /// Flows that are known.
    pub flows: Vec<HostFlow>,
    /// Flows beyond the most that a dump has.
    pub flows_left_out: u64,
    /// What the host counted in the NIC's open window, by port and direction.
    pub open: Vec<HostSide>,
    /// What was published since power-on.
    pub published: PublishedDump,
    /// What the meter did.
    pub meter: MeterDump,
}

/// A flow that the host knows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HostFlow {
    /// Its number.
    pub cookie: u32,
    /// Its virtual port.
    pub vport: u16,
    /// Which way its packets go.
    #[serde(with = "DirectionName")]
    pub direction: Direction,
    /// Source address.
    pub src: IpAddr,
    /// Destination address.
    pub dst: IpAddr,
    /// Source port; 0 for protocols without.
    pub src_port: u16,
    /// Destination port; 0 for protocols without.
    pub dst_port: u16,
    /// IANA protocol number.
    pub protocol: u8,
    /// What is done with its packets.
    pub verdict: Action,
    /// It is forwarded and not captured.
    pub excluded: bool,
    /// The layer that decided.
    pub layer: Layer,
    /// The rule that decided.
    pub rule: u32,
    /// Its slot in the NIC.
    pub slot: Option<u32>,
    /// The flow of the same key and the other verdict, for which it only counts.
    pub sibling_of: Option<u32>,
    /// Packets of the open window that the host has counted, or the NIC handed over.
    pub packets: u64,
    /// Layer-3 bytes likewise.
    pub bytes: u64,
    /// When the host last knew of a packet, Unix seconds.
    pub last_seen: u32,
    /// The state of the connection that it opened.
    pub opened: Option<String>,
    /// The flow that opened the connection that it answers.
    pub answers: Option<u32>,
    /// Every layer's answer by the rules of now.
    pub layers: Vec<LayerAnswer>,
}

/// What a layer says of a flow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LayerAnswer {
    /// The layer.
    pub layer: Layer,
    /// Whether it lets the flow pass.
    pub allows: bool,
    /// The rule that says so.
    pub rule: u32,
    /// The group or ACL that has the rule; none of a reserved one.
    pub list: Option<String>,
    /// The rule in words, if that is known.
    pub terms: Option<String>,
}

/// What the host counted of a port and direction in the open window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HostSide {
    /// The virtual port.
    pub vport: u16,
    /// The direction.
    #[serde(with = "DirectionName")]
    pub direction: Direction,
    /// Sum of the flows' tallies.
    pub recorded: Sum,
    /// Forwarded and not captured.
    pub excluded: Sum,
    /// Dropped by a limit of connections or new flows.
    pub policed: Sum,
    /// Not recorded: the flow table was full.
    pub skipped: Sum,
}

/// What was published.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PublishedDump {
    /// Windows.
    pub windows: u64,
    /// Equations that did not hold.
    pub broken: u64,
    /// Sums of the equations, by ENI and direction.
    pub sides: Vec<SideJson>,
}

/// What the meter did, and what went wrong in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MeterDump {
    /// Punts judged.
    pub punts: u64,
    /// Of these, given back to be looked up again.
    pub retries: u64,
    /// Flows put into the NIC.
    pub offloaded: u64,
    /// Flows that found no slot.
    pub no_slot: u64,
    /// Records folded.
    pub records: u64,
    /// Flows forgotten.
    pub expired: u64,
    /// Records that cannot be of an honest device.
    pub bad_records: u64,
    /// Commands that the NIC refused.
    pub refused_commands: u64,
}

impl File {
    /// Of a NIC alone.
    #[must_use]
    pub const fn of(nic: NicDump) -> Self {
        Self { weir_dump: FORMAT, nic, driver: None, host: None }
    }

    /// Reads a dump, whatever it is packed in.
    ///
    /// # Errors
    /// When it cannot be read, or is of another register map and `any_map` is not set.
    pub fn load(path: &Path, any_map: bool) -> Result<Self, DiagError> {
        let wrong = |problem: String| DiagError::Read { path: path.to_owned(), problem };
        let bytes = fs::read(path).map_err(|error| wrong(error.to_string()))?;
        let file = Self::parse(&bytes).map_err(wrong)?;
        if file.nic.map_hash != MapHash::OURS && !any_map {
            return Err(DiagError::Map { path: path.to_owned(), found: file.nic.map_hash });
        }
        Ok(file)
    }

    /// Reads the bytes of a dump.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        let unpacked = if bytes.starts_with(&ZSTD_MAGIC) { unpack(bytes)? } else { bytes.to_vec() };
        let begins = unpacked.iter().find(|byte| !byte.is_ascii_whitespace());
        let text = if begins == Some(&b'{') { unpacked } else { bundled(&unpacked)? };
        let form = |error: serde_json::Error| format!("found no dump, expected what `weir snapshot` writes: {error}");
        let head: Head = serde_json::from_slice(&text).map_err(form)?;
        if head.weir_dump != FORMAT {
            return Err(format!("found a dump in form {}, expected form {FORMAT}", head.weir_dump));
        }
        let file: Self = serde_json::from_slice(&text).map_err(form)?;
        let ordered = file.nic.registers.is_sorted_by(|one, other| one.offset < other.offset);
        ordered.then_some(file).ok_or_else(|| "found registers out of order, expected rising offsets".to_owned())
    }

    /// The dump as it is saved.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        // Maps with text keys and numbers: there is nothing in it that JSON cannot hold.
        let mut bytes = serde_json::to_vec(self).unwrap_or_default();
        bytes.push(b'\n');
        bytes
    }

    /// The name of a port.
    #[must_use]
    pub fn eni(&self, vport: u16) -> String {
        let known = self.host.as_ref().and_then(|host| host.enis.get(usize::from(vport)));
        known.map_or_else(|| format!("port-{vport}"), ToString::to_string)
    }
}

fn unpack(bytes: &[u8]) -> Result<Vec<u8>, String> {
    let damaged = |error: std::io::Error| format!("found damaged zstd data: {error}");
    let mut unpacked = Vec::new();
    let decoder = zstd::Decoder::new(bytes).map_err(damaged)?;
    decoder.take(BYTES_MAX + 1).read_to_end(&mut unpacked).map_err(damaged)?;
    if unpacked.len() as u64 > BYTES_MAX {
        return Err(format!("found more than {BYTES_MAX} bytes in zstd data, expected a dump"));
    }
    Ok(unpacked)
}

/// The dump in a bundle.
fn bundled(archive: &[u8]) -> Result<Vec<u8>, String> {
    let other = || format!("found neither JSON nor a bundle with {BUNDLED}, expected what `weir snapshot` writes");
    let mut archive = tar::Archive::new(archive);
    for entry in archive.entries().map_err(|_| other())? {
        let mut entry = entry.map_err(|_| other())?;
        if entry.path().is_ok_and(|path| path.ends_with(BUNDLED)) {
            let mut text = Vec::new();
            entry.read_to_end(&mut text).map_err(|error| format!("found a damaged bundle: {error}"))?;
            return Ok(text);
        }
    }
    Err(other())
}
