//! What a daemon says on standard error, and to systemd.

use std::fmt::Write as _;
use std::io::Write as _;

use super::delivery::{News, Published};
use crate::stats::several;

/// What a daemon says.
#[derive(Clone, Copy, Debug, Default)]
pub struct Told {
    /// Nothing but what goes wrong.
    pub quiet: bool,
}

impl Told {
    /// A line.
    pub fn line(&self, text: &str) {
        if !self.quiet {
            write(text);
        }
    }

    /// What delivery says.
    pub fn news(&self, news: &News) {
        match news {
            News::Published(published) => self.line(&describe(published)),
            News::Stuck(Some(reason)) => write(&format!("windows wait in the spool: {reason}; trying on")),
            News::Stuck(None) => self.line("the spool goes to disk again"),
        }
    }
}

fn write(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// A window in one line.
fn describe(published: &Published) -> String {
    let clock = |time: &str| time.get(11..19).unwrap_or(time).to_owned();
    let mut text = format!(
        "{}–{}  window {}: {} packets, {:.1} MB in {}",
        clock(&published.start),
        clock(&published.end),
        published.window,
        published.offered.packets,
        published.offered.bytes as f64 / 1e6,
        several(published.records, "record"),
    );
    let _ = write!(text, "; {} rejected, {} skipped", published.rejected.packets, published.skipped.packets);
    let _ =
        write!(text, "; residual {}; on disk {} ms after its end", published.residual, published.published_after_ms);
    if published.left_out {
        text.push_str("; ITS RECORDS WERE LEFT OUT: the spool is full");
    }
    if published.brought_up {
        text.push_str("; the NIC was brought up at its start");
    }
    text
}
