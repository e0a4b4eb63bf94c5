//! Registers and fields by name, pattern or address.

use firmware_abi::registers::{Field, REGISTERS, Register};

use crate::diag::DiagError;

/// A register, or a field of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Named {
    /// The register.
    pub register: &'static Register,
    /// The field, if one was named.
    pub field: Option<&'static Field>,
}

/// A row of a table: a register, or two that are one number of 64 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// The register; of a pair the low half.
    pub low: &'static Register,
    /// The high half.
    pub high: Option<&'static Register>,
}

impl Row {
    /// Its name: of a pair without `_LO`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self.high {
            Some(_) => self.low.name.strip_suffix("_LO").unwrap_or(self.low.name),
            None => self.low.name,
        }
    }
}

/// The register behind `low`, if both are one number.
fn high_of(low: &Register) -> Option<&'static Register> {
    let stem = low.name.strip_suffix("_LO")?;
    let high = at(low.offset + 4)?;
    // Write-only halves, as of the time to set, do something by themselves.
    (high.name.strip_suffix("_HI") == Some(stem) && high.access == low.access).then_some(high)
}

/// All rows, by rising offset.
#[must_use]
pub fn rows() -> Vec<Row> {
    of(REGISTERS.iter())
}

/// Rows of these registers: halves that stand together are one.
pub(super) fn of(registers: impl IntoIterator<Item = &'static Register>) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    for register in registers {
        match rows.last_mut() {
            Some(row) if row.high.is_none() && high_of(row.low) == Some(register) => row.high = Some(register),
            _ => rows.push(Row { low: register, high: None }),
        }
    }
    rows
}

/// The register at an offset.
#[must_use]
pub(super) fn at(offset: u32) -> Option<&'static Register> {
    let place = REGISTERS.binary_search_by_key(&offset, |register| register.offset).ok()?;
    REGISTERS.get(place)
}

/// A number, also with `0x`, `0b` and `_`.
#[must_use]
pub fn number(text: &str) -> Option<u64> {
    let text = text.replace('_', "");
    let (digits, radix) = match text.get(..2) {
        Some("0x" | "0X") => (&text[2..], 16),
        Some("0b" | "0B") => (&text[2..], 2),
        _ => (text.as_str(), 10),
    };
    digits.bytes().all(|byte| byte.is_ascii_alphanumeric()).then(|| u64::from_str_radix(digits, radix).ok())?
}

fn unknown(text: &str) -> DiagError {
    let near = nearest(text).map_or_else(String::new, |near| format!(", perhaps {near}"));
    DiagError::Usage(format!("found `{text}`, expected the name or address of a register{near} (weir regs ls)"))
}

/// A register by name or address; a field by `REGISTER.field`.
///
/// # Errors
/// When there is none.
pub fn find(text: &str) -> Result<Named, DiagError> {
    if let Some(offset) = number(text) {
        let register = u32::try_from(offset).ok().and_then(at).ok_or_else(|| unknown(text))?;
        return Ok(Named { register, field: None });
    }
    let (name, field) = text.split_once('.').map_or((text, None), |(name, field)| (name, Some(field)));
    let named = |register: &&Register| register.name.eq_ignore_ascii_case(name);
    let register = REGISTERS.iter().find(named).ok_or_else(|| unknown(text))?;
    let Some(field) = field else { return Ok(Named { register, field: None }) };
    let found = register.fields.iter().find(|known| known.name.eq_ignore_ascii_case(field));
    let fields = || register.fields.iter().map(|field| field.name).collect::<Vec<_>>().join(", ");
    match found {
        Some(field) => Ok(Named { register, field: Some(field) }),
        None => {
            Err(DiagError::usage(format!("`{text}`"), &format!("one of the fields {} of {}", fields(), register.name)))
        }
    }
}

/// Rows by names, addresses and patterns with `*` and `?`; a 64-bit number also by its name without `_LO`.
///
/// # Errors
/// When a word fits no register.
pub fn matching(words: &[String]) -> Result<Vec<Row>, DiagError> {
    let mut wanted: Vec<u32> = Vec::new();
    for word in words {
        let before = wanted.len();
        let is_wide = |row: &&Row| row.high.is_some() && fits(word, row.name());
        for row in rows().iter().filter(is_wide) {
            wanted.extend([row.low.offset, row.low.offset + 4]);
        }
        wanted.extend(REGISTERS.iter().filter(|register| fits(word, register.name)).map(|register| register.offset));
        if wanted.len() == before {
            wanted.push(find(word)?.register.offset);
        }
    }
    wanted.sort_unstable();
    wanted.dedup();
    Ok(of(wanted.into_iter().filter_map(at)))
}

/// Whether `name` fits `pattern`, letters of either case.
fn fits(pattern: &str, name: &str) -> bool {
    fn bytes_fit(pattern: &[u8], name: &[u8]) -> bool {
        match (pattern, name) {
            ([b'*', rest @ ..], _) => (0..=name.len()).any(|skip| bytes_fit(rest, &name[skip..])),
            ([b'?', rest @ ..], [_, name @ ..]) => bytes_fit(rest, name),
            ([one, rest @ ..], [other, name @ ..]) => one.eq_ignore_ascii_case(other) && bytes_fit(rest, name),
            ([], []) => true,
            _ => false,
        }
    }
    // Each star tries every place: a name of many would take long.
    pattern.matches('*').count() <= 4 && bytes_fit(pattern.as_bytes(), name.as_bytes())
}

/// The name that is most like a wrong one.
fn nearest(text: &str) -> Option<&'static str> {
    let wanted = text.to_ascii_uppercase();
    let best = REGISTERS.iter().map(|register| (distance(&wanted, register.name), register.name)).min()?;
    (best.0 <= 3.min(wanted.len() / 2)).then_some(best.1)
}

/// Letters that must be put in, taken out or changed.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut last: Vec<usize> = (0..=other.len()).collect();
    for (row, a) in one.chars().take(64).enumerate() {
        let mut this = vec![row + 1];
        for (column, b) in other.iter().enumerate() {
            let change = last[column] + usize::from(a != *b);
            this.push(change.min(last[column + 1] + 1).min(this[column] + 1));
        }
        last = this;
    }
    last.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::{find, matching, rows};
    use firmware_abi::registers::REGISTERS;

    fn names(words: &[&str]) -> Vec<&'static str> {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        matching(&words).map_or_else(|_| vec!["none"], |rows| rows.iter().map(super::Row::name).collect())
    }

    #[test]
    fn registers_are_found_by_name_address_and_pattern() {
        assert_eq!(names(&["status", "0x28"]), ["STATUS", "ERRORS"]);
        assert_eq!(names(&["*_drops"]).len(), 5);
        assert_eq!(names(&["INGRESS_FRAMES"]), ["INGRESS_FRAMES"]);
        assert_eq!(names(&["INGRESS_FRAMES_HI"]), ["INGRESS_FRAMES_HI"]);
        assert_eq!(names(&["nothing"]), ["none"]);
    }

    #[test]
    fn a_wrong_name_is_told_the_nearest_and_a_wrong_field_the_right_ones() {
        let message = |text| find(text).map_or_else(|error| error.to_string(), |_| String::new());
        assert!(message("STATSU").contains("perhaps STATUS"), "{}", message("STATSU"));
        assert!(message("0x26").contains("found `0x26`"));
        assert!(message("STATUS.red").contains("ready, running, draining"));
    }

    #[test]
    fn every_register_is_in_one_row_and_only_equal_halves_are_one() {
        let rows = rows();
        let count: usize = rows.iter().map(|row| 1 + usize::from(row.high.is_some())).sum();
        assert_eq!(count, REGISTERS.len());
        assert!(rows.iter().any(|row| row.name() == "TIME_SET_LO"), "its halves are written apart");
        assert!(rows.iter().any(|row| row.name() == "PUNT_BASE"));
    }
}
