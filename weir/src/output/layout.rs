//! Which folder of a directory a file goes to, and what it is called.

use flowlog::record::Stream;

use super::pack::Packing;

/// How a directory is divided.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Layout {
    /// A folder per ENI
    #[default]
    Flat,
    /// Folders that tools like Hive, Athena and DuckDB take for columns: account, `vpc_region`, eni, date, hour
    Hive,
}

impl Layout {
    /// The folder of a stream's files of a window that begins at `start_ns`, below the directory.
    ///
    /// Hive's names are none of a record's columns: a table may not have one twice.
    pub(super) fn folder(self, stream: &Stream, start_ns: u64) -> String {
        match self {
            Self::Flat => stream.eni.to_string(),
            Self::Hive => {
                let (account, eni) = (&stream.account, &stream.eni);
                let region = stream.region.as_ref().map_or("none", |region| region.as_str());
                let (date, hour) = (format_time(start_ns, "%Y-%m-%d"), format_time(start_ns, "%H"));
                format!("account={account}/vpc_region={region}/eni={eni}/date={date}/hour={hour}")
            }
        }
    }
}

/// The name of the file of a window that begins at `start_ns`: `20141114T000000Z.log`; the `part`-th, if there may be several.
pub(super) fn file_name(start_ns: u64, part: Option<usize>, packing: &Packing) -> String {
    let number = part.map(|part| format!("-{part:03}")).unwrap_or_default();
    let (extension, suffix) = (packing.format.extension(), packing.compression.suffix());
    format!("{}{number}.{extension}{suffix}", compact_time(start_ns))
}

/// An instant as names have it: `20141114T000000Z`.
pub(super) fn compact_time(time_ns: u64) -> String {
    format_time(time_ns, "%Y%m%dT%H%M%SZ")
}

fn format_time(time_ns: u64, form: &str) -> String {
    match jiff::Timestamp::from_nanosecond(time_ns.into()) {
        Ok(time) => time.strftime(form).to_string(),
        Err(_) => time_ns.to_string(),
    }
}
