//! A configuration file as text: from byte offsets to lines and columns, and to errors.

use std::fmt;
use std::ops::Range;

use toml::Spanned;

use super::error::{ConfigError, Problem};

/// A place in a file; both counted from 1, columns in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// The file that is being read.
pub(super) struct Document<'a> {
    pub(super) file: &'a str,
    pub(super) text: &'a str,
}

impl Document<'_> {
    /// Where the byte stands; past the end, the end.
    pub(super) fn position(&self, offset: usize) -> Position {
        let before = self.text.get(..offset).unwrap_or(self.text);
        let line = before.matches('\n').count() + 1;
        let last_line = before.rsplit('\n').next().unwrap_or_default();
        Position { line, column: last_line.chars().count() + 1 }
    }

    /// An error at a span.
    pub(super) fn error(&self, at: &Range<usize>, problem: impl Into<Problem>) -> ConfigError {
        ConfigError::At {
            file: self.file.to_owned(),
            position: self.position(at.start),
            problem: Box::new(problem.into()),
            other_line: None,
        }
    }

    /// An error at a span that also names the line of another.
    pub(super) fn error_beside(
        &self,
        at: &Range<usize>,
        other: Option<&Range<usize>>,
        problem: impl Into<Problem>,
    ) -> ConfigError {
        ConfigError::At {
            file: self.file.to_owned(),
            position: self.position(at.start),
            problem: Box::new(problem.into()),
            other_line: other.map(|span| self.position(span.start).line),
        }
    }

    /// The error of the TOML reader, in the words of the rest.
    pub(super) fn toml_error(&self, error: &toml::de::Error) -> ConfigError {
        let message = error.message();
        let message = match message.split_once(' ') {
            Some(("unknown", rest)) if rest.starts_with("field ") => rest.replacen("field", "found unknown key", 1),
            Some(("missing", rest)) if rest.starts_with("field ") => {
                let key = rest.replacen("field ", "", 1);
                format!("found no key {key}, expected one")
            }
            _ => message.to_owned(),
        };
        let span = error.span().unwrap_or(0..0);
        self.error(&span, Problem::Toml(message))
    }
}

/// A value without its span, or what stands in for it.
pub(super) fn plain<T>(value: Option<Spanned<T>>) -> Option<T> {
    value.map(Spanned::into_inner)
}
