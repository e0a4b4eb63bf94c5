//! Flows as tables and as JSON.

use driver::dump::Presence;
use serde::Serialize;

use super::entry::{FlowEntry, entries};
use super::find::Terms;
use crate::diag::grid::{Grid, grouped};
use crate::diag::{Answer, DiagError, File, Show};

/// What flows are ordered by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Key {
    /// Layer-3 bytes of the open window
    #[default]
    Bytes,
    /// Packets of the open window
    Packets,
    /// Longest without a packet first
    Age,
}

#[derive(Serialize)]
struct FlowsJson<'a> {
    window: Option<u16>,
    known: usize,
    left_out: u64,
    flows: &'a [FlowEntry],
}

/// All flows.
///
/// # Errors
/// When the dump has none.
pub fn dump(file: &File, show: Show) -> Result<Answer, DiagError> {
    let all = entries(file)?;
    Ok(table(file, &all, all.len(), show))
}

/// The first `count` of an order.
///
/// # Errors
/// When the dump has none.
pub fn top(file: &File, key: Key, count: usize, show: Show) -> Result<Answer, DiagError> {
    let mut all = entries(file)?;
    let known = all.len();
    all.sort_by_key(|entry| {
        std::cmp::Reverse(match key {
            Key::Bytes => entry.bytes,
            Key::Packets => entry.packets,
            Key::Age => entry.age_ms.unwrap_or(u64::MAX),
        })
    });
    all.truncate(count);
    Ok(table(file, &all, known, show))
}

/// Those that all terms fit; exit code 1 if there are none.
///
/// # Errors
/// When the dump has none at all.
pub fn find(file: &File, terms: &Terms, show: Show) -> Result<Answer, DiagError> {
    let mut all = entries(file)?;
    let known = all.len();
    all.retain(|entry| terms.fit(entry));
    Ok(table(file, &all, known, show).wrong(all.is_empty()))
}

fn table(file: &File, flows: &[FlowEntry], known: usize, show: Show) -> Answer {
    let left_out = file.host.as_ref().map_or(0, |host| host.flows_left_out);
    if show.json {
        let window = file.nic.moment.map(|moment| moment.window);
        return Answer::json(file, &FlowsJson { window, known, left_out, flows });
    }
    if file.nic.presence == Presence::Gone && file.host.is_none() {
        return Answer::of(file, "no flows: nothing answers\n".to_owned());
    }
    let columns = [
        "<ENI",
        "<DIRECTION",
        "<FLOW",
        "<VERDICT",
        "<LAYER",
        "<RULE",
        ">PACKETS",
        ">BYTES",
        ">AGE",
        ">SLOT",
        ">COOKIE",
    ];
    let mut grid = Grid::new(&columns, show.paint);
    for flow in flows {
        let verdict = match flow.verdict {
            "REJECT" => show.paint.red(flow.verdict),
            other => other.to_owned(),
        };
        let slot = flow.slot.map_or_else(|| "-".to_owned(), |slot| slot.to_string());
        grid.row([
            flow.eni.clone(),
            flow.direction.to_owned(),
            flow.tuple(),
            verdict,
            flow.layer.map_or_else(|| "-".to_owned(), |layer| layer.to_string()),
            flow.rule_name(),
            grouped(flow.packets),
            grouped(flow.bytes),
            age(flow),
            if flow.stray { show.paint.red(&format!("{slot} STRAY")) } else { slot },
            flow.cookie.to_string(),
        ]);
    }
    let mut text = grid.text();
    let of = if known == flows.len() { String::new() } else { format!(" of {}", grouped(known as i128)) };
    text.push_str(&format!("{}{of}\n", crate::stats::several(flows.len() as u64, "flow")));
    if left_out > 0 {
        text.push_str(&format!("{} more are not in the dump\n", grouped(left_out)));
    }
    Answer::of(file, text)
}

/// The time since a flow's last packet, for people.
pub(super) fn age(flow: &FlowEntry) -> String {
    match flow.age_ms {
        None => "-".to_owned(),
        Some(ms) if ms < 10_000 && !flow.age_in_seconds => format!("{}.{:03}s", ms / 1000, ms % 1000),
        Some(ms) if ms < 600_000 => format!("{}s", ms / 1000),
        Some(ms) => format!("{}m", ms / 60_000),
    }
}
