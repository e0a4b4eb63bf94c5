//! The names a record carries: account, ENI, and the labels of what the ENI belongs to.

use super::word::excerpt;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// An identifier that does not have the form of its kind.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{found}` is no {what}; expected {expected}")]
pub struct BadId {
    /// The kind of identifier.
    pub what: &'static str,
    /// What was given, cut after 64 bytes.
    pub found: String,
    /// The form it must have.
    pub expected: &'static str,
}

/// The identifier of an elastic network interface: `eni-` and 8 lower-case letters or digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EniId([u8; Self::BYTES]);

impl EniId {
    /// The length of its text.
    pub const BYTES: usize = 12;
    /// Its form, in words.
    pub const EXPECTED: &str = "`eni-` and 8 lower-case letters or digits";

    /// From its text.
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<Self> {
        let id: [u8; Self::BYTES] = text.try_into().ok()?;
        let (head, tail) = id.split_at(4);
        let known = head == b"eni-" && tail.iter().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9'));
        known.then_some(Self(id))
    }

    /// Its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

/// The account that owns an ENI (the AppID): 1 to 20 digits, kept as text with its leading zeros.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AccountId {
    digits: [u8; Self::BYTES_MAX],
    len: u8,
}

impl AccountId {
    /// The most digits it can have.
    pub const BYTES_MAX: usize = 20;
    /// Its form, in words.
    pub const EXPECTED: &str = "1 to 20 digits";

    /// From its text.
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<Self> {
        if text.is_empty() || !text.iter().all(u8::is_ascii_digit) {
            return None;
        }
        let mut digits = [0; Self::BYTES_MAX];
        digits.get_mut(..text.len())?.copy_from_slice(text);
        Some(Self { digits, len: u8::try_from(text.len()).ok()? })
    }

    /// Its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        let digits = self.digits.get(..usize::from(self.len)).unwrap_or_default();
        std::str::from_utf8(digits).unwrap_or_default()
    }
}

/// A name that fits into one field of a record: 1 to 64 printable ASCII characters, none of them a
/// space, `"` or `\`; and not `-`, which means that there is none.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Label(Box<str>);

impl Label {
    /// The most bytes it can have.
    pub const BYTES_MAX: usize = 64;
    /// Its form, in words.
    pub const EXPECTED: &str = "1 to 64 printable ASCII characters without space, `\"` and `\\`, and not `-`";

    /// From its text.
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<Self> {
        let fits = (1..=Self::BYTES_MAX).contains(&text.len()) && text != b"-";
        let plain = |byte: &u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\');
        if !fits || !text.iter().all(plain) {
            return None;
        }
        std::str::from_utf8(text).ok().map(|text| Self(text.into()))
    }

    /// Its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What all three share around `parse` and `as_str`.
macro_rules! id_text {
    ($($name:ident, $what:literal;)+) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.as_str())
            }
        }

        impl FromStr for $name {
            type Err = BadId;

            fn from_str(text: &str) -> Result<Self, BadId> {
                Self::parse(text.as_bytes()).ok_or_else(|| BadId {
                    what: $what,
                    found: excerpt(text.as_bytes()),
                    expected: Self::EXPECTED,
                })
            }
        }

        impl TryFrom<String> for $name {
            type Error = BadId;

            fn try_from(text: String) -> Result<Self, BadId> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.as_str().to_owned()
            }
        }
    )+};
}

id_text! {
    EniId, "ENI";
    AccountId, "account";
    Label, "label";
}
