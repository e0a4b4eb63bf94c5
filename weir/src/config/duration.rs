//! Durations as people write them: `60s`, `5m`, `1h`, `30d`, `500ms`, or plain seconds.

use std::fmt;
use std::str::FromStr;

use flowlog::catalogue::{WindowSeconds, WindowSecondsError};
use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer};

/// A duration that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("found duration `{found}`, expected a number and ms, s, m, h or d, like 60s or 5m")]
pub struct DurationError {
    /// The text as written.
    pub found: String,
}

/// A time span, in nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Nanoseconds(pub u64);

impl FromStr for Nanoseconds {
    type Err = DurationError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let number = text.trim_end_matches(|c: char| c.is_ascii_alphabetic() || c == ' ');
        let unit_ns = match text.get(number.len()..).map(str::trim) {
            Some("ms") => Some(1_000_000),
            Some("" | "s") => Some(1_000_000_000),
            Some("m" | "min") => Some(60_000_000_000),
            Some("h") => Some(3_600_000_000_000),
            Some("d") => Some(86_400_000_000_000),
            _ => None,
        };
        let is_number = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
        unit_ns
            .filter(|_| is_number)
            .and_then(|unit_ns| number.parse::<u64>().ok()?.checked_mul(unit_ns))
            .map(Self)
            .ok_or_else(|| DurationError { found: text.to_owned() })
    }
}

/// A window that cannot be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WindowError {
    /// The text is no duration of whole seconds.
    #[error("found window `{found}`, expected whole seconds from 1 to 600, like 60s, 5m or 300")]
    Form {
        /// The text as written.
        found: String,
    },
    /// It is too short or too long.
    #[error(transparent)]
    Length(#[from] WindowSecondsError),
}

/// Reads the length of a capture window: `60s`, `5m`, `300`.
pub fn parse_window(text: &str) -> Result<WindowSeconds, WindowError> {
    const SECOND_NS: u64 = 1_000_000_000;
    match text.parse() {
        Ok(Nanoseconds(ns)) if ns % SECOND_NS == 0 => Ok(WindowSeconds::new(ns / SECOND_NS)?),
        _ => Err(WindowError::Form { found: text.to_owned() }),
    }
}

/// A TOML value that may be a number or text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum NumberOrText {
    Number(i64),
    Text(String),
}

impl fmt::Display for NumberOrText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Text(text) => text.fmt(f),
        }
    }
}

impl<'de> Deserialize<'de> for NumberOrText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;

        impl Visitor<'_> for Either {
            type Value = NumberOrText;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a duration like \"60s\" or whole seconds")
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<NumberOrText, E> {
                Ok(NumberOrText::Number(number))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<NumberOrText, E> {
                Ok(NumberOrText::Text(text.to_owned()))
            }
        }

        deserializer.deserialize_any(Either)
    }
}
