//! What became of an input, as far as two inputs differ in kind.

use std::fmt::Debug;

/// What became of an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Whether the input was taken as valid.
    pub accepted: bool,
    /// A number for what it was taken for, or why it was refused.
    pub kind: u64,
}

/// Letters of a description that tell its kind: the rest is what the input itself said.
const LETTERS_MAX: usize = 160;

impl Outcome {
    /// Of a result: the kind is the shape of what it holds, without numbers and texts.
    pub fn of<T: Debug, E: Debug>(result: &Result<T, E>) -> Self {
        match result {
            Ok(value) => Self { accepted: true, kind: kind(&format!("ok {value:?}")) },
            Err(error) => Self { accepted: false, kind: kind(&format!("err {error:?}")) },
        }
    }

    /// Of several inputs in one: accepted if all are.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let kind = self.kind.wrapping_mul(31) ^ other.kind;
        Self { accepted: self.accepted && other.accepted, kind }
    }
}

fn kind(description: &str) -> u64 {
    let mut in_text = false;
    let mut escaped = false;
    let letters = description.bytes().filter(|byte| {
        let quote = *byte == b'"' && !escaped;
        escaped = *byte == b'\\' && !escaped;
        in_text ^= quote;
        !in_text && (byte.is_ascii_alphabetic() || b"{[(".contains(byte))
    });
    digest(letters.take(LETTERS_MAX))
}

/// FNV-1a.
pub(crate) fn digest(bytes: impl IntoIterator<Item = u8>) -> u64 {
    let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    bytes.into_iter().fold(0xcbf2_9ce4_8422_2325, step)
}

#[test]
fn numbers_and_texts_do_not_tell_kinds_apart_and_words_do() {
    let of = |error: &str| kind(error);
    assert_eq!(of("Field { found: \"a\", number: 3 }"), of("Field { found: \"b\\\"c\", number: 12 }"));
    assert_ne!(of("Field { number: 3 }"), of("FieldCount { number: 3 }"));
}
