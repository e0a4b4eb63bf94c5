//! Enumerations that are printed as one word: one list gives the variant, the word and the parser.

/// Defines an enumeration whose variants are words of a record.
macro_rules! words {
    (
        $(#[$meta:meta])*
        pub enum $name:ident, $what:literal {
            $( $(#[$variant_meta:meta])* $variant:ident = $word:literal, )+
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[derive(serde::Serialize, serde::Deserialize)]
        pub enum $name {
            $( $(#[$variant_meta])* #[serde(rename = $word)] $variant, )+
        }

        impl $name {
            /// All of them.
            pub const ALL: &[Self] = &[$( Self::$variant, )+];

            /// The word, as records and settings hold it.
            #[must_use]
            #[inline]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $( Self::$variant => $word, )+
                }
            }

            /// The one with this word.
            #[must_use]
            pub fn from_word(word: &[u8]) -> Option<Self> {
                $( if word == $word.as_bytes() { return Some(Self::$variant); } )+
                None
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::record::UnknownWord;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::from_word(text.as_bytes()).ok_or_else(|| $crate::record::UnknownWord {
                    what: $what,
                    found: $crate::record::word::excerpt(text.as_bytes()),
                    known: Self::ALL.iter().map(|each| each.as_str()).collect::<Vec<_>>().join(", "),
                })
            }
        }
    };
}
pub(super) use words;

/// A word that is none of those expected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{found}` is no {what}; expected one of {known}")]
pub struct UnknownWord {
    /// What it should have been.
    pub what: &'static str,
    /// What it was, cut after 64 bytes.
    pub found: String,
    /// The words that would do.
    pub known: String,
}

/// What an error shows of bytes that came from outside: at most 64 of them, and printable.
pub(super) fn excerpt(bytes: &[u8]) -> String {
    const SHOWN_BYTES_MAX: usize = 64;
    let shown = bytes.get(..SHOWN_BYTES_MAX).unwrap_or(bytes);
    let mut text: String = String::from_utf8_lossy(shown).chars().flat_map(char::escape_debug).collect();
    if shown.len() < bytes.len() {
        text.push('…');
    }
    text
}
