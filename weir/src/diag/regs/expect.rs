//! What registers are expected to read, from a file: for a script or for CI.
//!
//! ```text
//!   # after bring-up
//!   MAGIC == 0x57454952
//!   STATUS.ready == 1
//!   BUILD.body == model
//!   PUNT_DROPS <= 10
//!   INGRESS_FRAMES > 0        a 64-bit number by its name without _LO
//!   FEATURES & 0x3            all these bits are set
//! ```

use firmware_abi::registers::Access;
use serde::Serialize;

use super::names::{self, Named};
use crate::diag::grid::Grid;
use crate::diag::{Answer, DiagError, File, Show};

/// What is expected, line by line.
#[derive(Clone, Debug)]
pub struct Expectations(Vec<Expectation>);

#[derive(Clone, Debug)]
struct Expectation {
    line: usize,
    text: String,
    what: What,
    operator: Operator,
    value: u64,
}

#[derive(Clone, Copy, Debug)]
enum What {
    Named(Named),
    /// The low half's offset.
    Wide(u32),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    HasBits,
}

/// Longer ones first, as one may begin with another.
const OPERATORS: [(&str, Operator); 7] = [
    ("==", Operator::Equal),
    ("!=", Operator::NotEqual),
    ("<=", Operator::LessOrEqual),
    (">=", Operator::GreaterOrEqual),
    ("<", Operator::Less),
    (">", Operator::Greater),
    ("&", Operator::HasBits),
];

impl Operator {
    const fn holds(self, found: u64, value: u64) -> bool {
        match self {
            Self::Equal => found == value,
            Self::NotEqual => found != value,
            Self::Less => found < value,
            Self::LessOrEqual => found <= value,
            Self::Greater => found > value,
            Self::GreaterOrEqual => found >= value,
            Self::HasBits => found & value == value,
        }
    }
}

impl Expectations {
    /// Reads them; `name` is what errors call the text.
    ///
    /// # Errors
    /// The first line that expects nothing that can be looked up.
    pub fn parse(name: &str, text: &str) -> Result<Self, DiagError> {
        let lines =
            (1..).zip(text.lines()).map(|(line, text)| (line, text.split('#').next().unwrap_or_default().trim()));
        let expectation = |(line, text): (usize, &str)| {
            Expectation::parse(line, text).map_err(|error| DiagError::Usage(format!("{name}:{line}: {error}")))
        };
        let all = lines.filter(|(_, text)| !text.is_empty()).map(expectation).collect::<Result<Vec<_>, _>>()?;
        if all.is_empty() {
            return Err(DiagError::Usage(format!("{name}: found nothing, expected lines like STATUS.ready == 1")));
        }
        Ok(Self(all))
    }
}

impl Expectation {
    fn parse(line: usize, text: &str) -> Result<Self, String> {
        let found = OPERATORS.iter().find_map(|(sign, operator)| Some((text.split_once(sign)?, *operator)));
        let Some(((what, value), operator)) = found else {
            let signs = OPERATORS.map(|(sign, _)| sign).join(" ");
            return Err(format!("found `{text}`, expected a register or field, one of {signs}, and a value"));
        };
        let (what, value) = (what.trim(), value.trim());
        let wide = names::rows().into_iter().find(|row| row.high.is_some() && row.name().eq_ignore_ascii_case(what));
        let what = match wide {
            Some(row) => What::Wide(row.low.offset),
            None => What::Named(names::find(what).map_err(|error| error.to_string())?),
        };
        if let What::Named(Named { register, field }) = what
            && (register.access == Access::WriteOnly || field.is_some_and(|field| field.access == Access::WriteOnly))
        {
            return Err(format!("found {}, which is write-only, expected what can be read", register.name));
        }
        let named = match what {
            What::Named(Named { field: Some(field), .. }) => field.values.iter().find(|known| known.name == value),
            _ => None,
        };
        let value = named.map(|known| known.value.into()).or_else(|| names::number(value));
        let value =
            value.ok_or_else(|| format!("found `{text}`, expected a number, or a name that the field knows"))?;
        Ok(Self { line, text: text.to_owned(), what, operator, value })
    }

    fn found(&self, file: &File) -> Option<u64> {
        match self.what {
            What::Wide(offset) => file.nic.wide(offset),
            What::Named(Named { register, field }) => {
                let value = file.nic.value(register.offset)?;
                Some(field.map_or(value, |field| field.extract(value)).into())
            }
        }
    }
}

#[derive(Serialize)]
struct ExpectJson<'a> {
    holds: bool,
    expectations: Vec<OneJson<'a>>,
}

#[derive(Serialize)]
struct OneJson<'a> {
    line: usize,
    expected: &'a str,
    found: Option<u64>,
    holds: bool,
}

/// Whether everything is as expected.
#[must_use]
pub fn expect(file: &File, expectations: &Expectations, show: Show) -> Answer {
    let one = |expectation: &'_ Expectation| {
        let found = expectation.found(file);
        let holds = found.is_some_and(|found| expectation.operator.holds(found, expectation.value));
        (found, holds)
    };
    let all: Vec<_> = expectations.0.iter().map(|expectation| (expectation, one(expectation))).collect();
    let holds = all.iter().all(|(_, (_, holds))| *holds);
    if show.json {
        let json = |(expectation, (found, holds)): &(&'_ Expectation, (Option<u64>, bool))| {
            (expectation.line, expectation.text.clone(), *found, *holds)
        };
        let rows: Vec<_> = all.iter().map(json).collect();
        let expectations = rows.iter().map(|(line, text, found, holds)| OneJson {
            line: *line,
            expected: text,
            found: *found,
            holds: *holds,
        });
        return Answer::json(file, &ExpectJson { holds, expectations: expectations.collect() }).wrong(!holds);
    }
    let mut grid = Grid::new(&[">LINE", "<EXPECTED", "<FOUND", "<"], show.paint);
    for (expectation, (found, holds)) in &all {
        let found = found.map_or_else(|| "unreadable".to_owned(), |found| format!("{found:#x} ({found})"));
        let verdict = if *holds { show.paint.green("ok") } else { show.paint.red("NOT SO") };
        grid.row([expectation.line.to_string(), expectation.text.clone(), found, verdict]);
    }
    Answer::of(file, grid.text()).wrong(!holds)
}

#[cfg(test)]
mod tests {
    use super::Expectations;

    #[test]
    fn what_expects_nothing_is_told_with_its_line() {
        let message =
            |text| Expectations::parse("ci.expect", text).map_or_else(|error| error.to_string(), |_| String::new());
        assert_eq!(message("# all\nSTATUS.ready == 1\nINGRESS_FRAMES > 0\nBUILD.body == model\n"), "");
        assert!(message("\nSTATSU == 1").starts_with("ci.expect:2: found `STATSU`"));
        assert!(message("STATUS = 1").contains("expected a register or field"));
        assert!(message("STATUS == green").contains("expected a number"));
        assert!(message("SNAPSHOT == 0").contains("write-only"));
        assert!(message("# nothing\n").contains("found nothing"));
    }
}
