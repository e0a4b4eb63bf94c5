//! The tables that the catalogue ships: comma-separated text with a header line.
//!
//! RFC 4180 without line breaks inside a field: a field that begins with `"` runs to the next
//! lone `"`, and `""` in it stands for one.

use std::str::FromStr;

/// What is wrong with a table, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {fault}")]
pub struct TableError {
    /// The line, counted from 1.
    pub line: usize,
    /// What is wrong there.
    pub fault: TableFault,
}

/// What can be wrong with a table.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TableFault {
    /// The table has no header line.
    #[error("found nothing, expected a header line")]
    Empty,
    /// A column that the reader needs is not in the header.
    #[error("found no column `{expected}` in the header")]
    MissingColumn {
        /// The column's name.
        expected: &'static str,
    },
    /// A row has too many or too few fields.
    #[error("found {found} fields, expected {expected} as in the header")]
    FieldCount {
        /// Fields in the row.
        found: usize,
        /// Fields in the header.
        expected: usize,
    },
    /// A quoted field does not end, or goes on after its end.
    #[error("found a quoted field that does not end in `\"`")]
    Quote,
    /// A field that cannot be read.
    #[error("found `{found}` in column `{column}`, expected {expected}")]
    Field {
        /// The column's name.
        column: &'static str,
        /// The field as written.
        found: String,
        /// What should have stood there.
        expected: &'static str,
    },
    /// Two rows of one name.
    #[error("found a second row of {name}")]
    DuplicateRow {
        /// What both rows describe.
        name: String,
    },
}

/// A table, read.
#[derive(Debug)]
pub(super) struct Table {
    header: Vec<String>,
    rows: Vec<(usize, Vec<String>)>,
}

impl Table {
    /// Splits text into rows of fields. Empty lines are skipped.
    pub(super) fn parse(text: &str) -> Result<Self, TableError> {
        let mut lines = (1..).zip(text.lines()).filter(|(_, content)| !content.trim().is_empty());
        let Some((line, header)) = lines.next() else {
            return Err(TableError { line: 1, fault: TableFault::Empty });
        };
        let header = split(header).ok_or(TableError { line, fault: TableFault::Quote })?;
        let mut rows = Vec::new();
        for (line, content) in lines {
            let fields = split(content).ok_or(TableError { line, fault: TableFault::Quote })?;
            if fields.len() != header.len() {
                let (found, expected) = (fields.len(), header.len());
                return Err(TableError { line, fault: TableFault::FieldCount { found, expected } });
            }
            rows.push((line, fields));
        }
        Ok(Self { header, rows })
    }

    /// The rows below the header, in their order.
    pub(super) fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        self.rows.iter().map(|(line, fields)| Row { line: *line, header: &self.header, fields })
    }
}

fn split(line: &str) -> Option<Vec<String>> {
    let mut fields = Vec::new();
    let mut rest = line;
    loop {
        let (field, after) = match rest.strip_prefix('"') {
            Some(quoted) => take_quoted(quoted)?,
            None => {
                let end = rest.find(',').unwrap_or(rest.len());
                let (field, after) = rest.split_at(end);
                (field.to_owned(), after)
            }
        };
        fields.push(field);
        match after.strip_prefix(',') {
            Some(next) => rest = next,
            None if after.is_empty() => return Some(fields),
            None => return None,
        }
    }
}

fn take_quoted(quoted: &str) -> Option<(String, &str)> {
    let mut field = String::new();
    let mut rest = quoted;
    loop {
        let (before, after) = rest.split_once('"')?;
        field.push_str(before);
        match after.strip_prefix('"') {
            Some(more) => {
                field.push('"');
                rest = more;
            }
            None => return Some((field, after)),
        }
    }
}

/// One row of a [`Table`].
#[derive(Debug, Clone, Copy)]
pub(super) struct Row<'a> {
    line: usize,
    header: &'a [String],
    fields: &'a [String],
}

impl<'a> Row<'a> {
    /// The field of a column, as written.
    pub(super) fn text(&self, column: &'static str) -> Result<&'a str, TableError> {
        self.header
            .iter()
            .position(|name| name == column)
            .and_then(|index| self.fields.get(index))
            .map(String::as_str)
            .ok_or(TableError { line: 1, fault: TableFault::MissingColumn { expected: column } })
    }

    /// The field of a column, read as a number or another plain value.
    pub(super) fn value<T: FromStr>(&self, column: &'static str, expected: &'static str) -> Result<T, TableError> {
        let found = self.text(column)?;
        found.parse().map_err(|_| self.fault(column, found, expected))
    }

    /// The field of a column that holds 0 or 1.
    pub(super) fn flag(&self, column: &'static str) -> Result<bool, TableError> {
        match self.text(column)? {
            "0" => Ok(false),
            "1" => Ok(true),
            found => Err(self.fault(column, found, "0 or 1")),
        }
    }

    /// An error about a field of this row.
    pub(super) fn fault(&self, column: &'static str, found: &str, expected: &'static str) -> TableError {
        TableError { line: self.line, fault: TableFault::Field { column, found: found.to_owned(), expected } }
    }

    /// An error about a row that an earlier one already described.
    pub(super) fn duplicate(&self, name: String) -> TableError {
        TableError { line: self.line, fault: TableFault::DuplicateRow { name } }
    }
}
