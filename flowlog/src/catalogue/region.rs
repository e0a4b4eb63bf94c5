//! The regions where flow logs are supported.

use std::fmt;
use std::sync::LazyLock;

use super::table::{Table, TableError};

/// A region where flow logs are supported.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Region {
    /// Its id, like `ap-guangzhou`.
    pub id: String,
    /// Its English name, like `Guangzhou`.
    pub name: String,
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.id)
    }
}

/// The region is not among those supported.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("found region `{found}`, but flow logs are supported only in {}", supported.join(", "))]
pub struct RegionError {
    /// The region as written.
    pub found: String,
    /// Those supported, id and name.
    pub supported: Vec<String>,
}

/// All regions where flow logs are supported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegionTable {
    regions: Vec<Region>,
}

static SHIPPED: LazyLock<RegionTable> =
    LazyLock::new(|| match RegionTable::parse(include_str!("../../data/regions.csv")) {
        Ok(table) => table,
        Err(error) => panic!("the shipped regions.csv is broken: {error}"),
    });

impl RegionTable {
    /// The table that Weir ships.
    #[must_use]
    pub fn shipped() -> &'static Self {
        &SHIPPED
    }

    /// Reads a table in the form of the shipped one.
    pub fn parse(text: &str) -> Result<Self, TableError> {
        let mut regions: Vec<Region> = Vec::new();
        for row in Table::parse(text)?.rows() {
            let region = Region { id: row.text("id")?.to_owned(), name: row.text("name")?.to_owned() };
            if regions.iter().any(|other| other.id == region.id) {
                return Err(row.duplicate(region.id));
            }
            regions.push(region);
        }
        Ok(Self { regions })
    }

    /// Every region, in the order of the table.
    #[must_use]
    pub fn regions(&self) -> &[Region] {
        &self.regions
    }

    /// The region of this id or English name, upper or lower case.
    pub fn find(&self, id_or_name: &str) -> Result<&Region, RegionError> {
        self.regions
            .iter()
            .find(|region| region.id.eq_ignore_ascii_case(id_or_name) || region.name.eq_ignore_ascii_case(id_or_name))
            .ok_or_else(|| RegionError {
                found: id_or_name.to_owned(),
                supported: self.regions.iter().map(|region| format!("{} ({})", region.id, region.name)).collect(),
            })
    }
}
