//! Changes to an input: of bits, numbers, ranges and words, a few at a time.

use crate::random::Random;

/// Inputs do not grow past this.
const BYTES_MAX: usize = 64 << 10;
/// Changes stacked on one input.
const CHANGES_MAX: usize = 6;
/// Numbers at which code tends to break, cut to the width that is written.
const EDGES: [u64; 20] = [
    0,
    1,
    2,
    7,
    8,
    15,
    16,
    31,
    32,
    64,
    127,
    128,
    255,
    256,
    0x7fff,
    0xffff,
    0x7fff_ffff,
    0xffff_ffff,
    0x7fff_ffff_ffff_ffff,
    u64::MAX,
];

/// A changed copy of an input of `corpus`.
pub(crate) fn mutated(random: &mut Random, corpus: &[Vec<u8>], words: &[&str]) -> Vec<u8> {
    let mut input = random.choose(corpus).cloned().unwrap_or_default();
    for _ in 0..=random.below(CHANGES_MAX) {
        change(random, &mut input, corpus, words);
    }
    input.truncate(BYTES_MAX);
    input
}

fn change(random: &mut Random, input: &mut Vec<u8>, corpus: &[Vec<u8>], words: &[&str]) {
    let at = random.below(input.len());
    match random.below(12) {
        0 | 1 => set(input, at, |byte, bits| byte ^ 1 << (bits & 7), random.next()),
        2 => set(input, at, |_, bits| bits as u8, random.next()),
        3 => set(input, at, |byte, bits| byte.wrapping_add(bits as u8 % 32).wrapping_sub(16), random.next()),
        4 | 5 => number(random, input, at),
        6 => {
            let range = range(random, input.len());
            input.drain(range);
        }
        7 => {
            let part = input.get(range(random, input.len())).unwrap_or_default().to_vec();
            insert(input, at, &part);
        }
        8 => {
            let other = random.choose(corpus).map_or(&[][..], Vec::as_slice);
            let part = other.get(range(random, other.len())).unwrap_or_default();
            insert(input, at, part);
        }
        9 => input.truncate(at),
        10 => {
            let byte = random.next() as u8;
            let count = 1 + random.below(16);
            insert(input, at, &vec![byte; count]);
        }
        _ => {
            let word = random.choose(words).copied().unwrap_or_default();
            insert(input, at, word.as_bytes());
        }
    }
}

fn set(input: &mut [u8], at: usize, to: impl FnOnce(u8, u64) -> u8, bits: u64) {
    if let Some(byte) = input.get_mut(at) {
        *byte = to(*byte, bits);
    }
}

/// Writes an edge, or one beside it, in 1, 2, 4 or 8 bytes of either order.
fn number(random: &mut Random, input: &mut [u8], at: usize) {
    let edge = random.choose(&EDGES).copied().unwrap_or(0).wrapping_add(random.below(3) as u64).wrapping_sub(1);
    let width = 1 << random.below(4);
    let mut bytes = edge.to_le_bytes();
    if random.below(2) == 0 {
        bytes[..width].reverse();
    }
    for (byte, new) in input.iter_mut().skip(at).zip(&bytes[..width]) {
        *byte = *new;
    }
}

/// A range of a sequence, more often a short one.
fn range(random: &mut Random, length: usize) -> std::ops::Range<usize> {
    let start = random.below(length);
    let longest = if random.below(4) == 0 { length } else { 32 };
    let end = length.min(start + 1 + random.below(longest));
    start..end.max(start)
}

fn insert(input: &mut Vec<u8>, at: usize, part: &[u8]) {
    if input.len() + part.len() <= BYTES_MAX {
        input.splice(at..at, part.iter().copied());
    }
}
