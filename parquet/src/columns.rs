//! The rows of a row group, column by column, before they are sorted.

use std::collections::HashMap;

use bytes::Bytes;
use flowlog::record::{Field, Value};
use parquet::data_type::ByteArray;

use crate::schema::Kind;

/// The place of a text that is not there.
const ABSENT: u32 = u32::MAX;

/// A column.
#[derive(Debug)]
pub(crate) enum Column {
    /// Numbers.
    Numbers(Vec<Option<u64>>),
    /// Texts, each different one once.
    Texts(Texts),
}

/// Texts by their places.
#[derive(Debug, Default)]
pub(crate) struct Texts {
    places: HashMap<Box<str>, u32>,
    texts: Vec<ByteArray>,
    rows: Vec<u32>,
}

impl Column {
    pub(crate) fn new(field: Field) -> Self {
        match Kind::of(field) {
            Kind::Int32 | Kind::Int64 => Self::Numbers(Vec::new()),
            Kind::Text => Self::Texts(Texts::default()),
        }
    }

    /// Appends a value; a number that is too large, and the greatest that there may be.
    pub(crate) fn push(&mut self, field: Field, value: Value<'_>) -> Result<(), (u64, u64)> {
        match self {
            Self::Numbers(rows) => {
                let number = number(value);
                let max = Kind::of(field).max();
                match number {
                    Some(number) if number > max => return Err((number, max)),
                    number => rows.push(number),
                }
            }
            Self::Texts(texts) => match value {
                Value::Absent => texts.rows.push(ABSENT),
                Value::Text(text) => texts.push(text),
                Value::Address(address) => texts.push(&address.to_string()),
                Value::Number(number) => texts.push(&number.to_string()),
            },
        }
        Ok(())
    }

    /// Whether each row of `order` has a value.
    pub(crate) fn levels(&self, order: &[u32]) -> Vec<i16> {
        let has = |row: u32| match self {
            Self::Numbers(rows) => rows[row as usize].is_some(),
            Self::Texts(texts) => texts.rows[row as usize] != ABSENT,
        };
        order.iter().map(|row| i16::from(has(*row))).collect()
    }

    /// A number for each row, such that they compare as the rows do: first those without a value.
    pub(crate) fn ranks(&self) -> Vec<u64> {
        match self {
            Self::Numbers(rows) => rows.iter().map(|number| number.map_or(0, |number| number + 1)).collect(),
            Self::Texts(texts) => texts.ranks(),
        }
    }
}

impl Texts {
    fn push(&mut self, text: &str) {
        let place = match self.places.get(text) {
            Some(place) => *place,
            None => {
                let place = self.texts.len() as u32;
                self.places.insert(text.into(), place);
                self.texts.push(Bytes::copy_from_slice(text.as_bytes()).into());
                place
            }
        };
        self.rows.push(place);
    }

    fn ranks(&self) -> Vec<u64> {
        let mut sorted: Vec<u32> = (0..self.texts.len() as u32).collect();
        sorted.sort_unstable_by_key(|place| self.texts[*place as usize].data());
        let mut ranks = vec![0; self.texts.len()];
        for (rank, place) in sorted.into_iter().enumerate() {
            ranks[place as usize] = rank as u64 + 1;
        }
        self.rows.iter().map(|place| ranks.get(*place as usize).copied().unwrap_or(0)).collect()
    }

    /// The texts of the rows of `order` that have one.
    pub(crate) fn values(&self, order: &[u32]) -> Vec<ByteArray> {
        let text = |row: &u32| self.texts.get(self.rows[*row as usize] as usize).cloned();
        order.iter().filter_map(text).collect()
    }
}

/// The numbers of the rows of `order` that have one.
pub(crate) fn numbers<T: TryFrom<u64>>(rows: &[Option<u64>], order: &[u32]) -> Vec<T> {
    order.iter().filter_map(|row| rows[*row as usize]).filter_map(|number| T::try_from(number).ok()).collect()
}

/// The number of a value; that of a version token is the one behind its letter.
fn number(value: Value<'_>) -> Option<u64> {
    match value {
        Value::Number(number) => Some(number),
        Value::Text(text) => text.trim_start_matches('V').parse().ok(),
        Value::Absent | Value::Address(_) => None,
    }
}
