//! One stream's way to write a record.

use flowlog::record::{Entry, FieldList, FlowFacts, JsonWriter, ListWriter, RecordSettings, TextWriter, WindowBounds};
use serde::{Deserialize, Serialize};

use super::OutputOptions;
use super::pack::{Compression, Packing};
use crate::assembly::Outlet;

/// The form of records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// Lines of fields with spaces between them; 14 unless chosen.
    #[default]
    Text,
    /// A JSON object a line, with every field unless chosen.
    Ndjson,
    /// Apache Parquet, with every field unless chosen; AWS's names and types of columns. For directories only.
    Parquet,
}

impl Format {
    /// How names of its files end.
    #[must_use]
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Text => "log",
            Self::Ndjson => "ndjson",
            Self::Parquet => "parquet",
        }
    }
}

/// Writes the records of a stream.
pub(super) struct RecordWriter {
    form: Form,
    packing: Packing,
    header: Vec<u8>,
}

enum Form {
    Text(Box<TextWriter>),
    List(ListWriter),
    Json(JsonWriter),
}

impl RecordWriter {
    /// For `outlet`. The default list of a flow log means 14 fields as text without a header, and
    /// every field as NDJSON and Parquet; a list that was `chosen` is taken as it is.
    pub(super) fn new(outlet: &Outlet, settings: RecordSettings, options: &OutputOptions) -> Self {
        let (format, chosen) = (options.format, options.fields.is_some());
        let usual = !chosen && outlet.fields == FieldList::default_format();
        let stream = &outlet.stream;
        let mut header = Vec::new();
        let every = || if usual { FieldList::all() } else { outlet.fields.clone() };
        let (form, fields) = match format {
            Format::Text if usual => (Form::Text(Box::new(TextWriter::new(stream, settings))), outlet.fields.clone()),
            Format::Text => {
                outlet.fields.write_header(&mut header);
                (Form::List(ListWriter::new(stream, settings, &outlet.fields)), outlet.fields.clone())
            }
            Format::Ndjson => {
                let fields = every();
                (Form::Json(JsonWriter::new(stream, settings, &fields)), fields)
            }
            Format::Parquet => {
                let fields = every();
                (Form::List(ListWriter::new(stream, settings, &fields)), fields)
            }
        };
        let compression = if format == Format::Parquet { Compression::None } else { options.compression };
        Self { form, packing: Packing { format, compression, fields }, header }
    }

    /// The line that stands before its records; often none.
    pub(super) fn header(&self) -> &[u8] {
        &self.header
    }

    /// The form of its files.
    pub(super) fn packing(&self) -> &Packing {
        &self.packing
    }

    /// Appends a record.
    #[inline]
    pub(super) fn entry(&mut self, out: &mut Vec<u8>, window: &WindowBounds, entry: &Entry<'_>) {
        match &mut self.form {
            Form::Text(writer) => writer.entry(out, window, entry),
            Form::List(writer) => writer.entry(out, window, entry),
            Form::Json(writer) => writer.entry(out, window, entry),
        }
    }

    /// Appends records of flows.
    pub(super) fn flows(&mut self, out: &mut Vec<u8>, window: &WindowBounds, flows: &[FlowFacts]) {
        match &mut self.form {
            Form::Text(writer) => writer.flows(out, window, flows),
            Form::List(_) | Form::Json(_) => {
                flows.iter().for_each(|facts| self.entry(out, window, &Entry::Flow(facts)))
            }
        }
    }
}
