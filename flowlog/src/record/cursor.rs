//! Digits, addresses and words into a buffer, by tables.
//!
//! Each step stores a fixed number of bytes and moves on by as many as count, so there is neither
//! a loop nor a branch per digit; what lies beyond is overwritten by the next step. The position
//! is a local value, never behind a reference that the stores could alias.

use std::ops::RangeInclusive;

/// Where the next byte goes. The buffer must be [`SLACK_BYTES`] longer than the text: an overrun
/// is our own mistake and panics.
pub(super) struct Cursor<'a> {
    buffer: &'a mut [u8],
    position: usize,
}

/// The most bytes that a step stores beyond those that count.
pub(super) const SLACK_BYTES: usize = 32;

/// The most bytes of an address, `ffff:…:ffff` or `::ffff:255.255.255.255`.
pub(super) const ADDRESS_BYTES_MAX: usize = 39;
/// The most bytes of a number: those of `u64::MAX`.
pub(super) const NUMBER_BYTES_MAX: usize = 20;

/// Up to three digits in the low bytes of a little-endian integer; their number in its top two bits.
type Group = u32;

/// The bytes of a [`Group`].
const GROUP_TEXT: u32 = 0x3fff_ffff;

/// Leading groups of a number; 0 is nothing at all.
static LEADING: [Group; 1000] = leading();
/// Last groups of a number and a space, which does not count: see [`ONLY`] and [`AFTER`].
static LAST: [Group; 2000] = last();
/// Offset into [`LAST`]: the only group of a number; 0 is `0`.
const ONLY: usize = 0;
/// Offset into [`LAST`]: a group after others; always three digits.
const AFTER: usize = 1000;

/// An octet's digits and a dot in the low four bytes; their number in the top three bits.
static OCTETS: [u64; 256] = octets();
/// The hexadecimal digits of a group's high byte, without leading zeros; as a [`Group`].
static HEX_HIGH: [Group; 256] = hex_high();
/// Those of its low byte and a colon, twice: without leading zeros, and (from 256 on) with them.
static HEX_LOW: [Group; 512] = hex_low();
/// For each set of zero groups (bit *i* for group *i*), the run that `::` stands for.
static ZERO_RUNS: [ZeroRun; 256] = zero_runs();

/// The first of the longest runs of two or more zero groups; past the last group if there is none.
#[derive(Clone, Copy)]
struct ZeroRun {
    start: u8,
    end: u8,
}

const fn group(digits: [u8; 3], skip: usize) -> Group {
    let mut bytes = [0; 4];
    let mut at = skip;
    while at < 3 {
        bytes[at - skip] = digits[at];
        at += 1;
    }
    u32::from_le_bytes(bytes) | (3 - skip as u32) << 30
}

const fn decimal_digits(n: usize) -> [u8; 3] {
    [b'0' + (n / 100) as u8, b'0' + (n / 10 % 10) as u8, b'0' + (n % 10) as u8]
}

/// How many of a number's three digits are leading zeros, the last one left out.
const fn leading_zeros(n: usize) -> usize {
    (n < 100) as usize + (n < 10) as usize
}

const fn leading() -> [Group; 1000] {
    let mut table = [0; 1000];
    let mut n = 1;
    while n < 1000 {
        table[n] = group(decimal_digits(n), leading_zeros(n));
        n += 1;
    }
    table
}

const fn last() -> [Group; 2000] {
    let mut table = [0; 2000];
    let mut n = 0;
    while n < 1000 {
        let skip = leading_zeros(n);
        table[ONLY + n] = group(decimal_digits(n), skip) | (b' ' as u32) << (8 * (3 - skip));
        table[AFTER + n] = group(decimal_digits(n), 0) | (b' ' as u32) << 24;
        n += 1;
    }
    table
}

const fn octets() -> [u64; 256] {
    let mut table = [0; 256];
    let mut n = 0;
    while n < 256 {
        let only = group(decimal_digits(n), leading_zeros(n));
        let digits = only >> 30;
        let dotted = only & 0x00ff_ffff | (b'.' as u32) << (8 * digits);
        table[n] = dotted as u64 | (digits as u64 + 1) << 61;
        n += 1;
    }
    table
}

const HEX_DIGITS: &[u8; 16] = b"0123456789abcdef";

const fn hex_high() -> [Group; 256] {
    let mut table = [0; 256];
    let mut n = 1;
    while n < 256 {
        let digits = [b'0', HEX_DIGITS[n >> 4], HEX_DIGITS[n & 15]];
        table[n] = group(digits, if n < 16 { 2 } else { 1 });
        n += 1;
    }
    table
}

const fn hex_low() -> [Group; 512] {
    let mut table = [0; 512];
    let mut n = 0;
    while n < 256 {
        let digits = [HEX_DIGITS[n >> 4], HEX_DIGITS[n & 15], b':'];
        table[n] = group(digits, (n < 16) as usize);
        table[256 + n] = group(digits, 0);
        n += 1;
    }
    table
}

const fn zero_runs() -> [ZeroRun; 256] {
    let mut table = [ZeroRun { start: 8, end: 8 }; 256];
    let mut zeros = 0;
    while zeros < 256 {
        let mut longest = 1;
        let mut start = 0;
        while start < 8 {
            let mut end = start;
            while end < 8 && zeros >> end & 1 == 1 {
                end += 1;
            }
            if end - start > longest {
                longest = end - start;
                table[zeros] = ZeroRun { start: start as u8, end: end as u8 };
            }
            start = if end > start { end } else { start + 1 };
        }
        zeros += 1;
    }
    table
}

impl<'a> Cursor<'a> {
    /// At the start of `buffer`.
    #[inline(always)]
    pub(super) fn new(buffer: &'a mut [u8]) -> Self {
        Self { buffer, position: 0 }
    }

    /// How many bytes were written.
    #[inline(always)]
    pub(super) fn position(&self) -> usize {
        self.position
    }

    /// The bytes written.
    #[inline(always)]
    pub(super) fn written(&self) -> &[u8] {
        &self.buffer[..self.position]
    }

    /// The next `N` bytes. One check here, and none for the steps within.
    #[inline(always)]
    fn ahead<const N: usize>(&mut self) -> &mut [u8; N] {
        let ahead = self.buffer[self.position..].first_chunk_mut();
        ahead.expect("the buffer is longer than the text by the slack")
    }

    /// Stores all of `bytes`; the first `count` of them count.
    #[inline(always)]
    pub(super) fn fixed<const N: usize>(&mut self, bytes: &[u8; N], count: usize) {
        *self.ahead() = *bytes;
        self.position += count;
    }

    /// One byte.
    #[inline(always)]
    pub(super) fn byte(&mut self, byte: u8) {
        self.fixed(&[byte], 1);
    }

    /// Takes the last byte back.
    #[inline(always)]
    pub(super) fn take_back(&mut self) {
        self.position -= 1;
    }

    /// Any bytes.
    #[inline]
    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.buffer[self.position..self.position + bytes.len()].copy_from_slice(bytes);
        self.position += bytes.len();
    }

    /// A port, and the byte after it.
    #[inline(always)]
    pub(super) fn port(&mut self, port: u16, after: u8) {
        self.two_groups(u32::from(port), after);
    }

    /// A number of one byte, and the byte after it.
    #[inline(always)]
    pub(super) fn octet(&mut self, number: u8, after: u8) {
        let ahead = self.ahead::<4>();
        let count = put_last(ahead, 0, ONLY + usize::from(number), after);
        self.position += count;
    }

    /// A number, and the byte after it.
    #[inline(always)]
    pub(super) fn number(&mut self, number: u64, after: u8) {
        if number < SIX_DIGITS {
            self.two_groups(number as u32, after);
        } else if number < EIGHT_DIGITS {
            let (digits, count) = eight_digits(number as u32);
            let ahead = self.ahead::<9>();
            ahead[..8].copy_from_slice(&digits);
            ahead[count] = after;
            self.position += count + 1;
        } else {
            self.position = put_large(self.buffer, self.position, number, after);
        }
    }

    /// A number that seldom has more than three digits, and the byte after it.
    #[inline(always)]
    pub(super) fn small_number(&mut self, number: u64, after: u8) {
        if number < 1000 {
            let ahead = self.ahead::<4>();
            let count = put_last(ahead, 0, ONLY + number as usize, after);
            self.position += count;
        } else {
            self.number(number, after);
        }
    }

    /// A number below [`SIX_DIGITS`], and the byte after it.
    #[inline(always)]
    fn two_groups(&mut self, number: u32, after: u8) {
        let (high, low) = ((number / 1000) as usize, (number % 1000) as usize);
        let lead = LEADING[high];
        let ahead = self.ahead::<8>();
        ahead[..4].copy_from_slice(&lead.to_le_bytes());
        let last = if high == 0 { ONLY } else { AFTER } + low;
        let count = put_last(ahead, (lead >> 30) as usize, last, after);
        self.position += count;
    }

    /// An address; IPv4 is in the first four bytes. Then the byte after it.
    #[inline(always)]
    pub(super) fn address(&mut self, bytes: &[u8; 16], ip6: bool, after: u8) {
        if ip6 {
            self.position = put_ipv6(self.buffer, self.position, bytes);
            // It ends with the separator of a part that does not come.
            self.buffer[self.position - 1] = after;
        } else {
            self.ipv4([bytes[0], bytes[1], bytes[2], bytes[3]], after);
        }
    }

    /// An IPv4 address, and the byte after it.
    #[inline(always)]
    fn ipv4(&mut self, octets: [u8; 4], after: u8) {
        let ahead = self.ahead::<32>();
        let mut count = 0;
        for octet in octets {
            let entry = OCTETS[usize::from(octet)];
            ahead[count..count + 4].copy_from_slice(&(entry as u32).to_le_bytes());
            count += (entry >> 61) as usize;
        }
        ahead[count - 1] = after;
        self.position += count;
    }

    /// A group of an IPv6 address without its leading zeros, and a colon.
    #[inline(always)]
    fn hex_group(&mut self, [high, low]: [u8; 2]) {
        let ahead = self.ahead::<8>();
        let first = HEX_HIGH[usize::from(high)];
        let second = HEX_LOW[usize::from(low) + if high == 0 { 0 } else { 256 }];
        ahead[..4].copy_from_slice(&first.to_le_bytes());
        let count = (first >> 30) as usize;
        ahead[count..count + 4].copy_from_slice(&second.to_le_bytes());
        self.position += count + (second >> 30) as usize;
    }
}

/// Stores a number's last group at `at`, and the byte after it; where the next may come.
#[inline(always)]
fn put_last<const N: usize>(ahead: &mut [u8; N], at: usize, index: usize, after: u8) -> usize {
    let group = LAST[index];
    ahead[at..at + 4].copy_from_slice(&(group & GROUP_TEXT).to_le_bytes());
    let count = at + (group >> 30) as usize;
    if after != b' ' {
        ahead[count] = after;
    }
    count + 1
}

/// 1,000,000, the first number of seven digits.
const SIX_DIGITS: u64 = 1_000_000;
/// 100,000,000, the first number of nine digits.
const EIGHT_DIGITS: u64 = 100_000_000;

/// The digits of a number below [`EIGHT_DIGITS`], and how many they are.
#[inline(always)]
fn eight_digits(number: u32) -> ([u8; 8], usize) {
    let digits = digit_lanes(number);
    // The last digit is there even if it is 0.
    let skip = (digits | 1 << 56).trailing_zeros() as usize / 8;
    (((digits | ASCII_ZEROS) >> (8 * skip)).to_le_bytes(), 8 - skip)
}

/// The eight digits of a number below [`EIGHT_DIGITS`], with leading zeros.
#[inline(always)]
fn padded_digits(number: u32) -> [u8; 8] {
    (digit_lanes(number) | ASCII_ZEROS).to_le_bytes()
}

const ASCII_ZEROS: u64 = u64::from_le_bytes([b'0'; 8]);

/// The eight digits of a number, the first in the lowest byte.
///
/// The number is split in two, four and eight, in the lanes of one word; a lane's quotient is a
/// product and a shift that are exact for the lane's range (Paul Khuong's method).
#[inline(always)]
fn digit_lanes(number: u32) -> u64 {
    let high = u64::from(number / 10_000);
    let fours = high | u64::from(number % 10_000) << 32;
    let hundreds = (fours * 10_486) >> 20 & 0x0000_007f_0000_007f;
    let twos = hundreds | (fours - 100 * hundreds) << 16;
    let tens = (twos * 103) >> 10 & 0x000f_000f_000f_000f;
    tens | (twos - 10 * tens) << 8
}

/// Stores any number, and the byte after it; where the next may come.
#[inline(never)]
fn put_large(buffer: &mut [u8], position: usize, number: u64, after: u8) -> usize {
    let mut cursor = Cursor { buffer, position };
    let (high, low) = (number / EIGHT_DIGITS, number % EIGHT_DIGITS);
    let (top, middle) = (high / EIGHT_DIGITS, high % EIGHT_DIGITS);
    if top > 0 {
        cursor.number(top, 0);
        cursor.take_back();
        cursor.fixed(&padded_digits(middle as u32), 8);
    } else {
        cursor.number(middle, 0);
        cursor.take_back();
    }
    cursor.fixed(&padded_digits(low as u32), 8);
    cursor.byte(after);
    cursor.position
}

/// Which groups of an IPv6 address are 0: bit *i* for group *i*.
#[inline(always)]
fn zero_groups(bytes: &[u8; 16]) -> usize {
    const TOPS: u64 = 0x8000_8000_8000_8000;
    /// Brings the lowest bits of four lanes next to each other, at the top.
    const GATHER: u64 = 1 << 48 | 1 << 33 | 1 << 18 | 1 << 3;
    let half = |at: usize| {
        let lanes = u64::from_le_bytes(*bytes[at..].first_chunk().expect("eight bytes follow"));
        // A lane's top bit stays 0 only if the lane is 0.
        let zero = !(((lanes & !TOPS) + !TOPS) | lanes) & TOPS;
        ((zero >> 15).wrapping_mul(GATHER) >> 48) as usize
    };
    half(0) | half(8) << 4
}

/// Stores an IPv6 address as RFC 5952 has it, and a colon or dot; where the next may come.
#[inline(never)]
fn put_ipv6(buffer: &mut [u8], position: usize, bytes: &[u8; 16]) -> usize {
    let mut cursor = Cursor { buffer, position };
    let (groups, _) = bytes.as_chunks::<2>();
    let zeros = zero_groups(bytes);
    if zeros & 0b0011_1111 == 0b0001_1111 && groups[5] == [0xff, 0xff] {
        cursor.fixed(b"::ffff:\0", 7);
        cursor.ipv4([bytes[12], bytes[13], bytes[14], bytes[15]], b'.');
        return cursor.position;
    }
    let run = ZERO_RUNS[zeros];
    for group in groups.iter().take(usize::from(run.start)) {
        cursor.hex_group(*group);
    }
    if run.start < 8 {
        // A run is two colons, and a third if no group follows; a group before it has left one.
        cursor.fixed(b":::", 1 + usize::from(run.start == 0) + usize::from(run.end == 8));
        for group in groups.iter().skip(usize::from(run.end)) {
            cursor.hex_group(*group);
        }
    }
    cursor.position
}

/// The text of the IPv6 address that an ENI's records have in common.
#[derive(Clone, Copy)]
pub(super) struct OwnAddress {
    bytes: [u8; 16],
    text: [u8; Self::TEXT_BYTES],
    count: usize,
}

impl OwnAddress {
    /// An address, the byte after it and what its last store adds.
    const TEXT_BYTES: usize = 48;

    pub(super) fn new() -> Self {
        let mut own = Self { bytes: [0; 16], text: [0; Self::TEXT_BYTES], count: 0 };
        own.turn_to(&[0; 16]);
        own
    }

    /// Puts the address at the cursor, and a space.
    #[inline(always)]
    pub(super) fn put(&mut self, cursor: &mut Cursor<'_>, bytes: &[u8; 16]) {
        if *bytes != self.bytes {
            self.turn_to(bytes);
        }
        cursor.fixed(&self.text, self.count);
    }

    #[inline(never)]
    fn turn_to(&mut self, bytes: &[u8; 16]) {
        let mut cursor = Cursor::new(&mut self.text);
        cursor.address(bytes, true, b' ');
        self.count = cursor.position;
        self.bytes = *bytes;
    }
}

/// The text of seconds: those of a window agree in all but their last three digits.
#[derive(Clone, Copy)]
pub(super) struct SecondDigits {
    /// The least number that begins with `digits`.
    base: u64,
    digits: [u8; 8],
}

impl SecondDigits {
    /// The seconds of ten digits, from 2001 to 2286.
    const TEN_DIGITS: RangeInclusive<u64> = 1_000_000_000..=9_999_999_999;

    pub(super) fn new() -> Self {
        let mut digits = Self { base: 0, digits: [0; 8] };
        digits.turn_to(*Self::TEN_DIGITS.start());
        digits
    }

    /// Puts `seconds` at the cursor, and the byte after it.
    #[inline(always)]
    pub(super) fn put(&mut self, cursor: &mut Cursor<'_>, seconds: u64, after: u8) {
        let mut low = seconds.wrapping_sub(self.base);
        if low >= 1000 {
            if !Self::TEN_DIGITS.contains(&seconds) {
                return cursor.number(seconds, after);
            }
            self.turn_to(seconds);
            low = seconds % 1000;
        }
        let ahead = cursor.ahead::<11>();
        ahead[..8].copy_from_slice(&self.digits);
        put_last(ahead, 7, AFTER + low as usize, after);
        cursor.position += 11;
    }

    #[inline(never)]
    fn turn_to(&mut self, seconds: u64) {
        (self.digits, _) = eight_digits((seconds / 1000) as u32);
        self.base = seconds - seconds % 1000;
    }
}
