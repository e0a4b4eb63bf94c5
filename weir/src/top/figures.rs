//! The daemon's figures, read from its `/metrics`.

use std::collections::BTreeMap;

/// A family's samples: labels and value.
type Samples = Vec<(BTreeMap<String, String>, f64)>;

/// All figures of an instant.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Figures(BTreeMap<String, Samples>);

/// A line that is no sample.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: found `{found}`, expected a sample: a name, labels in braces, a number")]
pub struct BadFigures {
    /// Its number, from 1.
    pub line: usize,
    /// The line, cut after 64 characters.
    pub found: String,
}

impl Figures {
    /// Reads the text form of Prometheus, as far as Weir writes it: no escapes, no timestamps.
    ///
    /// # Errors
    /// At the first line that is no sample.
    pub fn parse(text: &str) -> Result<Self, BadFigures> {
        let mut figures = Self::default();
        for (number, line) in text.lines().enumerate() {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let bad = || BadFigures { line: number + 1, found: line.chars().take(64).collect() };
            let (name, labels, value) = sample(line).ok_or_else(bad)?;
            figures.0.entry(name.to_owned()).or_default().push((labels, value));
        }
        Ok(figures)
    }

    /// A figure without labels; 0 if there is none.
    #[must_use]
    pub fn one(&self, name: &str) -> f64 {
        self.samples(name).first().map_or(0.0, |(_, value)| *value)
    }

    /// The samples of a family.
    #[must_use]
    pub fn samples(&self, name: &str) -> &[(BTreeMap<String, String>, f64)] {
        self.0.get(name).map_or(&[], Vec::as_slice)
    }

    /// The sum of the samples of a family that have these labels.
    #[must_use]
    pub fn sum(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let fits = |known: &BTreeMap<String, String>| {
            labels.iter().all(|(label, text)| known.get(*label).is_some_and(|known| known == text))
        };
        self.samples(name).iter().filter(|(known, _)| fits(known)).map(|(_, value)| value).sum()
    }

    /// The different texts of a label in a family, in their order.
    #[must_use]
    pub fn texts(&self, name: &str, label: &str) -> Vec<String> {
        let mut texts: Vec<String> = Vec::new();
        for text in self.samples(name).iter().filter_map(|(labels, _)| labels.get(label)) {
            if !texts.contains(text) {
                texts.push(text.clone());
            }
        }
        texts
    }
}

fn sample(line: &str) -> Option<(&str, BTreeMap<String, String>, f64)> {
    let (head, value) = line.rsplit_once(' ')?;
    let value = value.parse().ok()?;
    let Some((name, labels)) = head.split_once('{') else { return Some((head, BTreeMap::new(), value)) };
    let labels = labels.strip_suffix('}')?.split(',').map(|label| {
        let (name, text) = label.split_once('=')?;
        Some((name.to_owned(), text.strip_prefix('"')?.strip_suffix('"')?.to_owned()))
    });
    Some((name, labels.collect::<Option<_>>()?, value))
}
