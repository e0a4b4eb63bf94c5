//! Lists of texts in a configuration.
//!
//! Serde reports an element that cannot be read at the place of the whole list, which may be
//! lines above. So a [`List`] reads every element as plain text, which cannot fail, keeps the
//! first fault with its own place, and [`Root::first_fault`] collects what the lists kept.

use std::fmt;
use std::ops::{Deref, Range};
use std::str::FromStr;

use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer};
use toml::Spanned;

use super::raw::Root;

/// An element that cannot be read, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) at: Range<usize>,
    pub(super) message: String,
}

/// The elements of a list up to its first fault.
#[derive(Debug, Clone)]
pub(super) struct List<T> {
    items: Vec<Spanned<T>>,
    fault: Option<Fault>,
}

impl<T> Default for List<T> {
    fn default() -> Self {
        Self { items: Vec::new(), fault: None }
    }
}

impl<T> Deref for List<T> {
    type Target = [Spanned<T>];

    fn deref(&self) -> &[Spanned<T>] {
        &self.items
    }
}

impl<T: Clone> List<T> {
    /// The elements without their places.
    pub(super) fn plain(&self) -> Vec<T> {
        self.items.iter().map(|item| item.get_ref().clone()).collect()
    }
}

impl<'de, T: FromStr<Err: fmt::Display>> Deserialize<'de> for List<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut list = Self::default();
        for word in Vec::<Spanned<Word>>::deserialize(deserializer)? {
            match word.get_ref().0.parse() {
                Ok(item) => list.items.push(Spanned::new(word.span(), item)),
                Err(error) => {
                    list.fault = Some(Fault { at: word.span(), message: error.to_string() });
                    break;
                }
            }
        }
        Ok(list)
    }
}

/// Text, or a whole number as text.
struct Word(String);

impl<'de> Deserialize<'de> for Word {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextOrNumber;

        impl Visitor<'_> for TextOrNumber {
            type Value = Word;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("text or a whole number")
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Word, E> {
                Ok(Word(number.to_string()))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Word, E> {
                Ok(Word(text.to_owned()))
            }
        }

        deserializer.deserialize_any(TextOrNumber)
    }
}

impl Root {
    /// The first fault that a list of the file kept.
    pub(super) fn first_fault(&self) -> Option<&Fault> {
        let licence = self.settings.licence_activation.addresses.fault.iter();
        let vpcs = self.vpc.iter().filter_map(|vpc| vpc.cidrs.get_ref().fault.as_ref());
        let subnets = self.subnet.iter();
        let subnets = subnets.filter_map(|subnet| subnet.cidrs.get_ref().fault.as_ref());
        let enis = self.eni.iter();
        let enis = enis.flat_map(|eni| [&eni.addresses.fault, &eni.security_groups.fault]);
        let logs = self.flow_log.iter();
        let logs = logs.filter_map(|log| log.destinations.as_ref()?.fault.as_ref());
        let filters = self.flow_log.iter().filter_map(|log| log.filter.as_ref());
        let filters = filters.flat_map(|filter| {
            [
                &filter.sources.fault,
                &filter.destinations.fault,
                &filter.source_ports.fault,
                &filter.destination_ports.fault,
                &filter.protocols.fault,
            ]
        });
        licence
            .chain(vpcs)
            .chain(subnets)
            .chain(enis.flatten())
            .chain(logs)
            .chain(filters.flatten())
            .min_by_key(|fault| fault.at.start)
    }
}
