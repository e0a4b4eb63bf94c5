//! What columns a field list has.

use std::sync::Arc;

use flowlog::record::{Field, FieldList};
use parquet::basic::{Compression, Encoding, LogicalType, Repetition, Type as Physical, ZstdLevel};
use parquet::errors::ParquetError as FileError;
use parquet::file::metadata::SortingColumn;
use parquet::file::properties::{WriterProperties, WriterPropertiesPtr};
use parquet::schema::types::{ColumnPath, Type, TypePtr};

/// What writes a file, for those who read it.
const CREATED_BY: &str = concat!("weir ", env!("CARGO_PKG_VERSION"));
/// Of zstd: above it, files get hardly smaller.
const LEVEL: i32 = 6;
/// How often a bloom filter may be wrong about an address that is not there.
const FALSE_POSITIVES: f64 = 0.01;
/// The columns that rows are sorted by, the first above all.
pub(crate) const SORTED_BY: [Field; 2] = [Field::SrcAddr, Field::DstAddr];

/// The type of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A number below 2^31.
    Int32,
    /// A number below 2^63.
    Int64,
    /// UTF-8.
    Text,
}

impl Kind {
    /// The type of the column of `field`, as AWS has it where AWS has it.
    pub(crate) const fn of(field: Field) -> Self {
        match field {
            Field::Version
            | Field::SrcPort
            | Field::DstPort
            | Field::Protocol
            | Field::TcpFlags
            | Field::TrafficPath
            | Field::IcmpTypeCode => Self::Int32,
            Field::Packets
            | Field::Bytes
            | Field::Start
            | Field::End
            | Field::RuleId
            | Field::PolicyEpoch
            | Field::FirstNs
            | Field::LastNs
            | Field::SkippedPackets
            | Field::SkippedBytes
            | Field::WindowStartNs
            | Field::WindowEndNs
            | Field::Sequence => Self::Int64,
            _ => Self::Text,
        }
    }

    /// The greatest number that it holds.
    pub(crate) const fn max(self) -> u64 {
        match self {
            Self::Int32 => i32::MAX as u64,
            Self::Int64 | Self::Text => i64::MAX as u64,
        }
    }

    pub(crate) const fn physical(self) -> Physical {
        match self {
            Self::Int32 => Physical::INT32,
            Self::Int64 => Physical::INT64,
            Self::Text => Physical::BYTE_ARRAY,
        }
    }
}

/// The name of its column.
pub(crate) fn name(field: Field) -> String {
    field.as_str().replace('-', "_")
}

/// The schema of a file with the fields of `list`.
pub(crate) fn schema(list: &FieldList) -> Result<TypePtr, FileError> {
    let column = |field: &Field| {
        let kind = Kind::of(*field);
        let logical = (kind == Kind::Text).then_some(LogicalType::String);
        let name = name(*field);
        let column = Type::primitive_type_builder(&name, kind.physical())
            .with_repetition(Repetition::OPTIONAL)
            .with_logical_type(logical);
        column.build().map(Arc::new)
    };
    let columns = list.fields().iter().map(column).collect::<Result<_, _>>()?;
    Ok(Arc::new(Type::group_type_builder("flow_log").with_fields(columns).build()?))
}

/// How a file is written whose row groups have at most so many rows.
pub(crate) fn properties(list: &FieldList, group_rows: usize) -> Result<WriterPropertiesPtr, FileError> {
    let place = |wanted: &Field| list.fields().iter().position(|field| field == wanted);
    let sorted = SORTED_BY.iter().map_while(place);
    let sorted = sorted.map(|place| SortingColumn { column_idx: place as i32, descending: false, nulls_first: true });
    let mut properties = WriterProperties::builder()
        .set_created_by(CREATED_BY.to_owned())
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(LEVEL)?))
        .set_sorting_columns(Some(sorted.collect()));
    for field in list.fields() {
        let path = ColumnPath::from(name(*field));
        if SORTED_BY.contains(field) {
            properties = properties
                .set_column_bloom_filter_enabled(path.clone(), true)
                .set_column_bloom_filter_fpp(path.clone(), FALSE_POSITIVES)
                .set_column_bloom_filter_max_ndv(path.clone(), group_rows as u64);
        }
        if is_time(*field) {
            // Near each other, and seldom the same: differences are short where a dictionary is long.
            properties = properties
                .set_column_dictionary_enabled(path.clone(), false)
                .set_column_encoding(path, Encoding::DELTA_BINARY_PACKED);
        }
    }
    Ok(Arc::new(properties.build()))
}

const fn is_time(field: Field) -> bool {
    matches!(field, Field::FirstNs | Field::LastNs | Field::Sequence)
}
