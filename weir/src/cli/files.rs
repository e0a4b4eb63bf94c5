//! Options about files of records.

use clap::Args;

use super::count::count;
use crate::output::{Compression, Format, Layout, OutputOptions};

/// How records lie in directories.
#[derive(Args, Clone, Debug)]
pub(super) struct FilesArgs {
    /// Compression of files of text or NDJSON
    #[arg(long, value_enum, default_value_t, help_heading = "Records")]
    compress: Compression,
    /// How directories of records are divided
    #[arg(long, value_enum, default_value_t, help_heading = "Records")]
    layout: Layout,
    /// Bytes after which a window's file is followed by another, before it is compressed: 64M, 1GiB
    #[arg(long, value_name = "SIZE", value_parser = size, help_heading = "Records")]
    rotate_size: Option<u64>,
}

/// At least a byte.
fn size(text: &str) -> Result<u64, String> {
    match count(text)? {
        0 => Err("found 0, expected at least one byte".to_owned()),
        size => Ok(size),
    }
}

impl FilesArgs {
    /// Records in this form.
    pub(super) fn options(&self, format: Format) -> OutputOptions {
        let (compression, layout, rotate_bytes) = (self.compress, self.layout, self.rotate_size);
        OutputOptions { format, compression, layout, rotate_bytes, ..OutputOptions::default() }
    }
}
