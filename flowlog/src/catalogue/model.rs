//! Instance models: what each family and size may send, and on which of them flow logs exist.
//!
//! A model is named `FAMILY.SIZE` and the memory in gigabytes, like `S3.LARGE8`. Family and size
//! choose a row of the table; the memory changes no figure, so any number is taken, or none.
//!
//! | size | vCPUs |
//! |---|---|
//! | `SMALL`, `MEDIUM`, `LARGE` | 1, 2, 4 |
//! | `nXLARGE`, *n* from 2 | 4·*n*: `2XLARGE` 8, `3XLARGE` 12, `14XLARGE` 56, `20XLARGE` 80 |
//!
//! Which sizes a family has is what the table says. Some figures were published, some are ours:
//! each [`Figure`] tells which, and they are never shown without telling.

use std::fmt;
use std::str::FromStr;
use std::sync::LazyLock;

use super::table::{Row, Table, TableError};

/// Where a figure comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Basis {
    /// The cloud's own documentation, or a transcription of it.
    Published,
    /// Our assumption: nothing was published.
    Assumed,
}

impl Basis {
    const fn assumed_if(assumed: bool) -> Self {
        if assumed { Self::Assumed } else { Self::Published }
    }
}

/// A figure of a model, and where it comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Figure<T> {
    /// The figure.
    pub value: T,
    /// Where it comes from.
    pub basis: Basis,
}

impl<T> Figure<T> {
    /// Whether the figure is our assumption.
    #[must_use]
    pub fn is_assumed(&self) -> bool {
        self.basis == Basis::Assumed
    }
}

/// The limits of one family and size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// The family, like `S3`.
    pub family: String,
    /// The size.
    pub size: Size,
    /// Packets per second, both directions together.
    pub packets_per_second: Figure<u64>,
    /// Bits per second, where a figure exists.
    pub bits_per_second: Option<Figure<u64>>,
    /// Queues of the NIC.
    pub queues: Figure<u16>,
    /// ENIs that may be attached to the instance.
    pub enis: Figure<u16>,
    /// Addresses that each of them may have, IPv4 and IPv6 apart.
    pub ips_per_eni: Figure<u16>,
    /// Connections of the instance.
    pub max_connections: Figure<u32>,
    /// Entries of the NIC's flow table.
    pub flow_entries: Figure<u32>,
    /// Where the figures were found.
    pub source: String,
    /// Whether flow logs are supported on the family.
    pub supported_for_flow_logs: bool,
}

impl Profile {
    /// The name of the model without a memory size, like `S3.LARGE`.
    #[must_use]
    pub fn name(&self) -> ModelName {
        ModelName { family: self.family.clone(), size: self.size, memory_gb: None }
    }

    fn read(row: &Row<'_>) -> Result<Self, TableError> {
        const COUNT: &str = "a number";
        let source = row.text("source")?;
        let whole_row = source.starts_with("ASSUMPTION");
        let basis = Basis::assumed_if(whole_row);
        let pps_basis = Basis::assumed_if(whole_row || row.flag("pps_assumed")?);
        let connections_basis = Basis::assumed_if(whole_row || row.flag("conns_assumed")?);
        let vcpus: u16 = row.value("vcpu", COUNT)?;
        let size = Size::from_vcpus(vcpus)
            .ok_or_else(|| row.fault("vcpu", &vcpus.to_string(), "1, 2, 4 or a multiple of 4"))?;
        let figure16 = |column| -> Result<Figure<u16>, TableError> {
            let value = row.value(column, COUNT)?;
            Ok(Figure { value, basis })
        };
        Ok(Self {
            family: row.text("family")?.to_owned(),
            size,
            packets_per_second: Figure { value: row.value("pps_total", COUNT)?, basis: pps_basis },
            bits_per_second: read_gigabits(row)?.map(|value| Figure { value, basis }),
            queues: figure16("queues")?,
            enis: figure16("enis")?,
            ips_per_eni: figure16("ips_per_eni")?,
            max_connections: Figure { value: row.value("max_conns", COUNT)?, basis: connections_basis },
            flow_entries: Figure { value: row.value("flow_entries_assumed", COUNT)?, basis: Basis::Assumed },
            source: source.to_owned(),
            supported_for_flow_logs: row.flag("in_seed_list")?,
        })
    }
}

/// Reads `1.5` as 1,500,000,000: exact, to nine decimals.
fn read_gigabits(row: &Row<'_>) -> Result<Option<u64>, TableError> {
    const COLUMN: &str = "gbps";
    let found = row.text(COLUMN)?;
    if found.is_empty() {
        return Ok(None);
    }
    let (whole, fraction) = found.split_once('.').unwrap_or((found, "0"));
    let all_digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let bits = (all_digits(whole) && all_digits(fraction) && fraction.len() <= 9)
        .then(|| format!("{whole}{fraction:0<9}"))
        .and_then(|digits| digits.parse().ok());
    match bits {
        Some(bits) => Ok(Some(bits)),
        None => Err(row.fault(COLUMN, found, "gigabits per second, like 1.5")),
    }
}

/// The size of an instance, known by its vCPUs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Size {
    vcpus: u16,
}

impl Size {
    /// The size that has so many vCPUs, if any has.
    #[must_use]
    pub const fn from_vcpus(vcpus: u16) -> Option<Self> {
        match vcpus {
            1 | 2 | 4 => Some(Self { vcpus }),
            8.. if vcpus.is_multiple_of(4) => Some(Self { vcpus }),
            _ => None,
        }
    }

    /// Its vCPUs.
    #[must_use]
    pub const fn vcpus(self) -> u16 {
        self.vcpus
    }

    fn from_word(word: &str) -> Option<Self> {
        match word {
            "SMALL" => Self::from_vcpus(1),
            "MEDIUM" => Self::from_vcpus(2),
            "LARGE" => Self::from_vcpus(4),
            _ => {
                let multiple = word.strip_suffix("XLARGE")?;
                let starts_well = matches!(multiple.as_bytes(), [b'1'..=b'9', ..]);
                let multiple: u16 = multiple.parse().ok().filter(|_| starts_well)?;
                Self::from_vcpus(multiple.checked_mul(4)?).filter(|_| multiple >= 2)
            }
        }
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.vcpus {
            1 => f.write_str("SMALL"),
            2 => f.write_str("MEDIUM"),
            4 => f.write_str("LARGE"),
            vcpus => write!(f, "{}XLARGE", vcpus / 4),
        }
    }
}

/// The name of a model, like `S3.LARGE8`. Upper and lower case are the same in it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ModelName {
    family: String,
    size: Size,
    memory_gb: Option<u32>,
}

impl ModelName {
    /// The family, as written.
    #[must_use]
    pub fn family(&self) -> &str {
        &self.family
    }

    /// The size.
    #[must_use]
    pub fn size(&self) -> Size {
        self.size
    }

    /// The memory in gigabytes, where the name has it.
    #[must_use]
    pub fn memory_gb(&self) -> Option<u32> {
        self.memory_gb
    }

    fn read(text: &str) -> Option<Self> {
        let (family, rest) = text.split_once('.')?;
        if family.is_empty() || !family.bytes().all(|b| b.is_ascii_alphanumeric()) {
            return None;
        }
        let upper = rest.to_ascii_uppercase();
        let word = upper.trim_end_matches(|c: char| c.is_ascii_digit());
        let memory = upper.get(word.len()..).filter(|digits| !digits.is_empty());
        let memory_gb = match memory {
            None => None,
            Some(digits) => Some(digits.parse().ok()?),
        };
        Some(Self { family: family.to_owned(), size: Size::from_word(word)?, memory_gb })
    }
}

impl FromStr for ModelName {
    type Err = ModelError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::read(text).ok_or_else(|| ModelError::Name { found: text.to_owned() })
    }
}

impl fmt::Display for ModelName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.family, self.size)?;
        match self.memory_gb {
            Some(memory) => write!(f, "{memory}"),
            None => Ok(()),
        }
    }
}

/// Why a model is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ModelError {
    /// The text is no model name.
    #[error(
        "found model `{found}`, expected FAMILY.SIZE and the memory in GB, like S3.LARGE8, with \
         a size of SMALL, MEDIUM, LARGE, 2XLARGE, 3XLARGE, …"
    )]
    Name {
        /// The text as written.
        found: String,
    },
    /// No such family.
    #[error("found model family `{found}`, expected one of {}", known.join(" "))]
    UnknownFamily {
        /// The family as written.
        found: String,
        /// The families that the table has, or of them those that would have done.
        known: Vec<String>,
    },
    /// The family has no such size.
    #[error("found model `{found}`, but {family} has only the sizes {}", known.join(" "))]
    UnknownSize {
        /// The model as written.
        found: ModelName,
        /// Its family.
        family: String,
        /// The sizes of that family.
        known: Vec<String>,
    },
    /// Flow logs are not supported on the family.
    #[error("found model `{found}`, but flow logs are supported only on {}", supported.join(" "))]
    Unsupported {
        /// The model as written.
        found: ModelName,
        /// The families on which they are.
        supported: Vec<String>,
    },
}

/// All models.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelTable {
    profiles: Vec<Profile>,
}

static SHIPPED: LazyLock<ModelTable> =
    LazyLock::new(|| match ModelTable::parse(include_str!("../../data/instance_models.csv")) {
        Ok(table) => table,
        Err(error) => panic!("the shipped instance_models.csv is broken: {error}"),
    });

impl ModelTable {
    /// The table that Weir ships.
    #[must_use]
    pub fn shipped() -> &'static Self {
        &SHIPPED
    }

    /// Reads a table in the form of the shipped one.
    pub fn parse(text: &str) -> Result<Self, TableError> {
        let mut profiles: Vec<Profile> = Vec::new();
        for row in Table::parse(text)?.rows() {
            let profile = Profile::read(&row)?;
            if profiles.iter().any(|other| other.family == profile.family && other.size == profile.size) {
                return Err(row.duplicate(profile.name().to_string()));
            }
            profiles.push(profile);
        }
        Ok(Self { profiles })
    }

    /// Every row, in the order of the table.
    #[must_use]
    pub fn profiles(&self) -> &[Profile] {
        &self.profiles
    }

    /// The families, in the order of the table.
    #[must_use]
    pub fn families(&self) -> Vec<&str> {
        distinct_families(self.profiles.iter())
    }

    /// The families on which flow logs are supported.
    #[must_use]
    pub fn supported_families(&self) -> Vec<&str> {
        distinct_families(self.profiles.iter().filter(|p| p.supported_for_flow_logs))
    }

    /// The rows of one family, upper or lower case.
    pub fn family(&self, name: &str) -> Result<Vec<&Profile>, ModelError> {
        let rows: Vec<&Profile> =
            self.profiles.iter().filter(|profile| profile.family.eq_ignore_ascii_case(name)).collect();
        if rows.is_empty() {
            return Err(ModelError::UnknownFamily { found: name.to_owned(), known: owned(self.families()) });
        }
        Ok(rows)
    }

    /// The row of a model.
    pub fn profile(&self, name: &ModelName) -> Result<&Profile, ModelError> {
        let rows = self.family(name.family())?;
        match rows.iter().find(|profile| profile.size == name.size) {
            Some(profile) => Ok(profile),
            None => Err(ModelError::UnknownSize {
                found: name.clone(),
                family: rows.first().map_or_else(String::new, |p| p.family.clone()),
                known: rows.iter().map(|p| p.size.to_string()).collect(),
            }),
        }
    }

    /// The row of a model on which flow logs are supported.
    pub fn supported_profile(&self, name: &ModelName) -> Result<&Profile, ModelError> {
        let profile = self.profile(name).map_err(|error| match error {
            // Here only a family with flow logs would have done.
            ModelError::UnknownFamily { found, .. } => {
                ModelError::UnknownFamily { found, known: owned(self.supported_families()) }
            }
            other => other,
        })?;
        if profile.supported_for_flow_logs {
            Ok(profile)
        } else {
            Err(ModelError::Unsupported { found: name.clone(), supported: owned(self.supported_families()) })
        }
    }
}

fn distinct_families<'a>(profiles: impl Iterator<Item = &'a Profile>) -> Vec<&'a str> {
    let mut families: Vec<&str> = Vec::new();
    for profile in profiles {
        if !families.contains(&profile.family.as_str()) {
            families.push(&profile.family);
        }
    }
    families
}

fn owned(names: Vec<&str>) -> Vec<String> {
    names.into_iter().map(str::to_owned).collect()
}
