//! A Parquet file in, its lines out.

use std::io::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};

use flowlog::record::FieldList;
use parquet::file::metadata::ParquetMetaData;
use parquet::file::reader::{ChunkReader, FileReader as _};
use parquet::file::serialized_reader::SerializedFileReader;
use parquet::record::Field as Cell;

use crate::ParquetError;
use crate::schema;

/// Gives each record of a file to `each`, as a line of text with the fields of `list` and a line feed. There may be
/// at most `records_max`: a damaged file can claim any number.
///
/// The library takes what a file claims of its sizes at its word: whoever does not know a file's bytes by their hash
/// reads it at the risk of memory.
///
/// # Errors
/// When the file is damaged, has more records, or does not have these columns; and what `each` answers.
pub fn read<R, E>(
    file: R,
    list: &FieldList,
    records_max: u64,
    mut each: impl FnMut(&[u8]) -> Result<(), E>,
) -> Result<(), E>
where
    R: ChunkReader + 'static,
    E: From<ParquetError>,
{
    let reader = guarded(|| SerializedFileReader::new(file))?;
    let expected = schema::schema(list).map_err(ParquetError::from)?;
    let found = reader.metadata().file_metadata().schema();
    if found.get_fields() != expected.get_fields() {
        let names = |columns: &[parquet::schema::types::TypePtr]| {
            let column =
                |column: &parquet::schema::types::TypePtr| format!("{} {}", column.name(), column.get_physical_type());
            columns.iter().map(column).collect::<Vec<_>>().join(", ")
        };
        let (found, expected) = (names(found.get_fields()), names(expected.get_fields()));
        return Err(ParquetError::Columns { found, expected }.into());
    }
    check_counts(reader.metadata(), records_max)?;
    let mut line = Vec::new();
    let mut rows = guarded(|| reader.get_row_iter(None))?;
    while let Some(row) = guarded(|| rows.next().transpose())? {
        line.clear();
        for (_, cell) in row.get_column_iter() {
            let written = match cell {
                Cell::Null => write!(line, "- "),
                Cell::Int(number) => write!(line, "{number} "),
                Cell::Long(number) => write!(line, "{number} "),
                Cell::Str(text) => write!(line, "{text} "),
                other => return Err(ParquetError::cell(other).into()),
            };
            written.map_err(|error| ParquetError::File(error.into()))?;
        }
        line.pop();
        line.push(b'\n');
        each(&line)?;
    }
    Ok(())
}

/// Whether there are no more records than there may be, in all columns.
fn check_counts(metadata: &ParquetMetaData, records_max: u64) -> Result<(), ParquetError> {
    let mut records = 0_u64;
    for group in metadata.row_groups() {
        let rows = group.num_rows();
        records = records.saturating_add(u64::try_from(rows).unwrap_or(u64::MAX));
        if let Some(column) = group.columns().iter().find(|column| column.num_values() != rows) {
            let found = format!("{} values of {}", column.num_values(), column.column_path());
            return Err(ParquetError::Columns { found, expected: format!("{rows}") });
        }
    }
    if records > records_max {
        return Err(ParquetError::TooMany { found: records, expected: records_max });
    }
    Ok(())
}

/// What `step` answers. The library has assertions that a damaged file can break; the reader is not used after one.
fn guarded<T>(step: impl FnOnce() -> parquet::errors::Result<T>) -> Result<T, ParquetError> {
    let damaged = |_| Err(parquet::errors::ParquetError::General("the file is damaged".to_owned()));
    Ok(catch_unwind(AssertUnwindSafe(step)).unwrap_or_else(damaged)?)
}

impl ParquetError {
    fn cell(found: &Cell) -> Self {
        Self::Columns { found: format!("{found}"), expected: "a number or a text".to_owned() }
    }
}
