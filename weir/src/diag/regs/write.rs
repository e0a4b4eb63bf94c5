//! The one thing that changes a NIC: a register or field, from old to new, and the line that says who did it.

use driver::dump::{Presence, presence};
use driver::regio::RegIo;
use firmware_abi::registers::Access;

use super::names::{self, Named};
use super::view::meaning;
use crate::diag::DiagError;

/// What is to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    named: Named,
    /// What the register reads now; none of one that is write-only.
    old: Option<u32>,
    /// What is written to it.
    new: u32,
}

/// Looks at what a write would change. Of a field, the others keep what they read.
///
/// # Errors
/// When there is no such register, it is read only, or the value does not fit.
pub fn plan(io: &dyn RegIo, what: &str, value: &str) -> Result<Plan, DiagError> {
    let named = names::find(what)?;
    let Named { register, field } = named;
    let access = field.map_or(register.access, |field| field.access);
    if access == Access::ReadOnly {
        return Err(DiagError::usage(format!("`{what}`, which is read only"), "what can be written"));
    }
    let by_name = field.and_then(|field| field.values.iter().find(|known| known.name == value));
    let number = by_name.map(|known| u64::from(known.value)).or_else(|| names::number(value));
    let most = field.map_or(u32::MAX, |field| field.mask() >> field.lsb);
    let number = number.and_then(|number| u32::try_from(number).ok()).filter(|number| *number <= most);
    let number = number.ok_or_else(|| DiagError::usage(format!("`{value}`"), &format!("a number up to {most:#x}")))?;
    match presence(&io) {
        Presence::Present => {}
        Presence::Gone => return Err(DiagError::Simulation("device gone? MAGIC reads all ones".to_owned())),
        Presence::Foreign => {
            return Err(DiagError::Simulation("no flow-tally NIC: MAGIC reads something else".to_owned()));
        }
    }
    let old = (register.access != Access::WriteOnly).then(|| io.load(register.offset));
    // Bits that only take effect when written as 1 read 0, and so stay without effect.
    let new = field.map_or(number, |field| old.unwrap_or(0) & !field.mask() | number << field.lsb);
    Ok(Plan { named, old, new })
}

impl Plan {
    /// Old and new, for who is to confirm it.
    #[must_use]
    pub fn text(&self) -> String {
        let Named { register, field } = self.named;
        let old = self.old.map_or_else(|| "write-only".to_owned(), |old| format!("{old:#010x}"));
        let mut out = format!("{} at {:#05x}: {old} → {:#010x}\n", register.name, register.offset, self.new);
        let shown = |field: &firmware_abi::registers::Field, value: u32| {
            let number = field.extract(value);
            meaning(field, number).map_or_else(|| number.to_string(), |name| format!("{name} ({number})"))
        };
        for known in register.fields.iter().filter(|known| known.name != "value") {
            let old = self.old.filter(|_| known.access != Access::WriteOnly);
            let is_named = field == Some(known);
            // A bit that only takes effect when written as 1 changes nothing when written as 0.
            let before = old.map_or(0, |old| known.extract(old));
            if before == known.extract(self.new) && !is_named {
                continue;
            }
            let old = old.map_or_else(|| "write-only".to_owned(), |old| shown(known, old));
            out.push_str(&format!("  {}: {old} → {}: {}\n", known.name, shown(known, self.new), known.description));
        }
        out
    }

    /// Writes, and answers what the register reads then.
    pub fn apply(&self, io: &dyn RegIo) -> Option<u32> {
        io.store(self.named.register.offset, self.new);
        self.old.map(|_| io.load(self.named.register.offset))
    }

    /// The line that remembers it.
    #[must_use]
    pub fn audit(&self, time: &str, user: u32, device: &str, read_back: Option<u32>) -> String {
        let hex = |value: Option<u32>| value.map_or_else(|| "write-only".to_owned(), |value| format!("{value:#010x}"));
        let name = match self.named.field {
            Some(field) => format!("{}.{}", self.named.register.name, field.name),
            None => self.named.register.name.to_owned(),
        };
        format!(
            "{time} uid={user} device={device} write {name} offset={:#05x} old={} new={:#010x} reads={}",
            self.named.register.offset,
            hex(self.old),
            self.new,
            hex(read_back)
        )
    }
}
