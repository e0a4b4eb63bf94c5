//! Lines in, a Parquet file out.

use std::io::Write;

use flowlog::record::{Field, FieldList};
use parquet::data_type::{ByteArrayType, Int32Type, Int64Type};
use parquet::file::writer::SerializedFileWriter;

use crate::ParquetError;
use crate::columns::{Column, numbers};
use crate::schema::{self, Kind, SORTED_BY};

/// Rows of a row group: what is in memory before it is sorted and written.
const GROUP_ROWS: usize = 1 << 18;

/// Writes records to a file.
pub struct Writer<W: Write + Send> {
    fields: FieldList,
    columns: Vec<Column>,
    rows: usize,
    records: u64,
    file: SerializedFileWriter<W>,
}

impl<W: Write + Send> Writer<W> {
    /// A file of records with these fields.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn new(fields: FieldList, writer: W) -> Result<Self, ParquetError> {
        let file =
            SerializedFileWriter::new(writer, schema::schema(&fields)?, schema::properties(&fields, GROUP_ROWS)?)?;
        let columns = columns_of(&fields);
        Ok(Self { fields, columns, rows: 0, records: 0, file })
    }

    /// Adds the record of a line of text with the fields.
    ///
    /// # Errors
    /// When it is none, a number does not fit its column, or the file cannot be written.
    pub fn push(&mut self, line: &[u8]) -> Result<(), ParquetError> {
        let record = self.records + 1;
        let listed = self.fields.parse_line(line).map_err(|source| ParquetError::Record { record, source })?;
        for ((field, value), column) in listed.iter().zip(&mut self.columns) {
            column.push(field, value).map_err(|(value, max)| ParquetError::TooLarge { record, field, value, max })?;
        }
        self.records = record;
        self.rows += 1;
        if self.rows == GROUP_ROWS { self.write_group() } else { Ok(()) }
    }

    /// Writes what is left, and the file's end; then the writer again.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn finish(mut self) -> Result<W, ParquetError> {
        if self.rows > 0 {
            self.write_group()?;
        }
        Ok(self.file.into_inner()?)
    }

    fn write_group(&mut self) -> Result<(), ParquetError> {
        let order = self.order();
        let columns = std::mem::replace(&mut self.columns, columns_of(&self.fields));
        self.rows = 0;
        let mut group = self.file.next_row_group()?;
        for (field, column) in self.fields.fields().iter().zip(&columns) {
            let Some(mut writer) = group.next_column()? else { break };
            let levels = Some(column.levels(&order));
            let levels = levels.as_deref();
            match (column, Kind::of(*field)) {
                (Column::Texts(texts), _) => {
                    writer.typed::<ByteArrayType>().write_batch(&texts.values(&order), levels, None)
                }
                (Column::Numbers(rows), Kind::Int32) => {
                    writer.typed::<Int32Type>().write_batch(&numbers::<i32>(rows, &order), levels, None)
                }
                (Column::Numbers(rows), _) => {
                    writer.typed::<Int64Type>().write_batch(&numbers::<i64>(rows, &order), levels, None)
                }
            }?;
            writer.close()?;
        }
        group.close()?;
        Ok(())
    }

    /// The rows in the order that they are written in: by address, then as they came.
    fn order(&self) -> Vec<u32> {
        let ranks_of = |wanted: &Field| {
            let place = self.fields.fields().iter().position(|field| field == wanted)?;
            self.columns.get(place).map(Column::ranks)
        };
        let ranks: Vec<Vec<u64>> = SORTED_BY.iter().map_while(ranks_of).collect();
        let mut order: Vec<u32> = (0..self.rows as u32).collect();
        order.sort_by(|one, other| {
            let compare = |ranks: &Vec<u64>| ranks[*one as usize].cmp(&ranks[*other as usize]);
            ranks.iter().map(compare).find(|order| order.is_ne()).unwrap_or(std::cmp::Ordering::Equal)
        });
        order
    }
}

fn columns_of(fields: &FieldList) -> Vec<Column> {
    fields.fields().iter().map(|field| Column::new(*field)).collect()
}
