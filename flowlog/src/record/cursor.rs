//! Digits, addresses and words into a buffer, by tables.
//!
//! Each step stores a fixed number of bytes and moves on by as many as count, so there is neither
//! a loop nor a branch per digit; what lies beyond is overwritten by the next step. The position
//! is a local value, never behind a reference that the stores could alias.

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

/// Offset into [`GROUPS`]: a leading group; 0 is nothing at all.
const LEAD: usize = 0;
/// Offset into [`GROUPS`]: the only group of a number; 0 is `0`.
const ONLY: usize = 1000;
/// Offset into [`GROUPS`]: a group after others; always three digits.
const AFTER: usize = 2000;

static GROUPS: [Group; 3000] = groups();
/// An octet's digits and a dot in the low four bytes; their number in the top three bits.
static OCTETS: [u64; 256] = octets();
/// Two hexadecimal digits.
static HEX: [u16; 256] = hex();
/// For each set of zero groups (bit *i* for group *i*), what becomes of the groups.
static ZERO_RUNS: [ZeroRun; 256] = zero_runs();

/// The first of the longest runs of two or more zero groups, which `::` stands for.
#[derive(Clone, Copy)]
struct ZeroRun {
    /// The run's first group; past the last if there is no run.
    start: u8,
    /// Per group: 7 to count the bytes of its text, 0 within the run.
    keep: [u8; 8],
    /// Per group: colons that count in its place, if it starts the run.
    colons: [u8; 8],
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

const fn groups() -> [Group; 3000] {
    let mut table = [0; 3000];
    let mut n = 0;
    while n < 1000 {
        let digits = [b'0' + (n / 100) as u8, b'0' + (n / 10 % 10) as u8, b'0' + (n % 10) as u8];
        let skip = if n >= 100 { 0 } else { 1 + (n < 10) as usize };
        table[LEAD + n] = group(digits, if n == 0 { 3 } else { skip });
        table[ONLY + n] = group(digits, skip);
        table[AFTER + n] = group(digits, 0);
        n += 1;
    }
    table
}

const fn octets() -> [u64; 256] {
    let groups = groups();
    let mut table = [0; 256];
    let mut n = 0;
    while n < 256 {
        let only = groups[ONLY + n];
        let digits = only >> 30;
        let dotted = only & 0x00ff_ffff | (b'.' as u32) << (8 * digits);
        table[n] = dotted as u64 | (digits as u64 + 1) << 61;
        n += 1;
    }
    table
}

const fn hex() -> [u16; 256] {
    let digits = b"0123456789abcdef";
    let mut table = [0; 256];
    let mut n = 0;
    while n < 256 {
        table[n] = u16::from_le_bytes([digits[n >> 4], digits[n & 15]]);
        n += 1;
    }
    table
}

const fn zero_runs() -> [ZeroRun; 256] {
    let mut table = [ZeroRun { start: 8, keep: [7; 8], colons: [0; 8] }; 256];
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
                table[zeros] = zero_run(start, end);
            }
            start = if end > start { end } else { start + 1 };
        }
        zeros += 1;
    }
    table
}

const fn zero_run(start: usize, end: usize) -> ZeroRun {
    let mut run = ZeroRun { start: start as u8, keep: [7; 8], colons: [0; 8] };
    let mut at = start;
    while at < end {
        run.keep[at] = 0;
        at += 1;
    }
    // A group before the run has left one of its two colons; if no group follows it, there is one
    // more to be taken back, as after any other last group.
    run.colons[start] = 1 + (start == 0) as u8 + (end == 8) as u8;
    run
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
        let (high, low) = (usize::from(port / 1000), usize::from(port % 1000));
        let ahead = self.ahead::<12>();
        let count = put_group(ahead, 0, LEAD + high);
        let count = put_group(ahead, count, if high == 0 { ONLY } else { AFTER } + low);
        ahead[count] = after;
        self.position += count + 1;
    }

    /// A number of one byte, and the byte after it.
    #[inline(always)]
    pub(super) fn octet(&mut self, number: u8, after: u8) {
        let ahead = self.ahead::<8>();
        let count = put_group(ahead, 0, ONLY + usize::from(number));
        ahead[count] = after;
        self.position += count + 1;
    }

    /// A number, and the byte after it.
    #[inline(always)]
    pub(super) fn number(&mut self, number: u64, after: u8) {
        match u32::try_from(number) {
            Ok(number) if number < 100_000_000 => {
                let (digits, count) = eight_digits(number);
                let ahead = self.ahead::<9>();
                ahead[..8].copy_from_slice(&digits);
                ahead[count] = after;
                self.position += count + 1;
            }
            _ => self.position = put_large(self.buffer, self.position, number, after),
        }
    }

    /// An address; IPv4 is in the first four bytes. Then the byte after it.
    #[inline(always)]
    pub(super) fn address(&mut self, bytes: &[u8; 16], ip6: bool, after: u8) {
        if ip6 {
            self.position = put_ipv6(self.buffer, self.position, bytes);
        } else {
            self.ipv4([bytes[0], bytes[1], bytes[2], bytes[3]]);
        }
        // Both end with the separator of a part that does not come.
        self.buffer[self.position - 1] = after;
    }

    /// An IPv4 address and a dot.
    #[inline(always)]
    fn ipv4(&mut self, octets: [u8; 4]) {
        let ahead = self.ahead::<32>();
        let mut count = 0;
        for octet in octets {
            let entry = OCTETS[usize::from(octet)];
            ahead[count..count + 4].copy_from_slice(&(entry as u32).to_le_bytes());
            count += (entry >> 61) as usize;
        }
        self.position += count;
    }
}

/// Stores a group at `at`; where the next may come.
#[inline(always)]
fn put_group<const N: usize>(ahead: &mut [u8; N], at: usize, index: usize) -> usize {
    let group = GROUPS[index];
    ahead[at..at + 4].copy_from_slice(&group.to_le_bytes());
    at + (group >> 30) as usize
}

/// The digits of a number below 100,000,000, and how many they are.
///
/// The number is split in two, four and eight, in the lanes of one word; a lane's quotient is a
/// product and a shift that are exact for the lane's range (Paul Khuong's method).
#[inline(always)]
fn eight_digits(number: u32) -> ([u8; 8], usize) {
    let high = u64::from(number / 10_000);
    let fours = high | u64::from(number % 10_000) << 32;
    let hundreds = (fours * 10_486) >> 20 & 0x0000_007f_0000_007f;
    let twos = hundreds | (fours - 100 * hundreds) << 16;
    let tens = (twos * 103) >> 10 & 0x000f_000f_000f_000f;
    let ones = tens | (twos - 10 * tens) << 8;
    // The last digit is there even if it is 0.
    let skip = (ones | 1 << 56).trailing_zeros() as usize / 8;
    (((ones | 0x3030_3030_3030_3030) >> (8 * skip)).to_le_bytes(), 8 - skip)
}

/// Stores any number, and the byte after it; where the next may come.
#[inline(never)]
fn put_large(buffer: &mut [u8], position: usize, number: u64, after: u8) -> usize {
    let mut cursor = Cursor { buffer, position };
    let mut groups = [0; 7];
    let mut rest = number;
    for group in groups.iter_mut().rev() {
        *group = (rest % 1000) as usize;
        rest /= 1000;
    }
    let mut section = LEAD;
    for group in groups {
        let ahead = cursor.ahead::<8>();
        cursor.position += put_group(ahead, 0, section + group);
        section = if section == AFTER || group != 0 { AFTER } else { LEAD };
    }
    cursor.byte(after);
    cursor.position
}

/// Stores an IPv6 address as RFC 5952 has it, and a colon or dot; where the next may come.
#[inline(never)]
fn put_ipv6(buffer: &mut [u8], position: usize, bytes: &[u8; 16]) -> usize {
    let mut cursor = Cursor { buffer, position };
    let (groups, _) = bytes.as_chunks::<2>();
    let mut zeros = 0;
    for (at, group) in groups.iter().enumerate() {
        zeros |= usize::from(*group == [0, 0]) << at;
    }
    if zeros & 0b0011_1111 == 0b0001_1111 && groups[5] == [0xff, 0xff] {
        cursor.fixed(b"::ffff:\0", 7);
        cursor.ipv4([bytes[12], bytes[13], bytes[14], bytes[15]]);
        return cursor.position;
    }
    let run = &ZERO_RUNS[zeros];
    for (at, [high, low]) in groups.iter().enumerate() {
        let digits = u32::from(HEX[usize::from(*high)]) | u32::from(HEX[usize::from(*low)]) << 16;
        // Leading zeros, but for the last digit, in bits.
        let skip = (digits ^ 0x3030_3030 | 1 << 24).trailing_zeros() & !7;
        let group = (u64::from(digits) | u64::from(b':') << 32) >> skip;
        let text = if at == usize::from(run.start) { u64::from_le_bytes(*b"::::::::") } else { group };
        let count = (5 - skip as u8 / 8) & run.keep[at] | run.colons[at];
        cursor.fixed(&text.to_le_bytes(), usize::from(count));
    }
    cursor.position
}

/// The text of seconds: those of a window agree in all but their last three digits.
#[derive(Clone, Copy)]
pub(super) struct SecondDigits {
    thousands: u64,
    digits: [u8; 8],
    count: usize,
    section: usize,
}

impl SecondDigits {
    pub(super) fn new() -> Self {
        Self { thousands: 0, digits: [b'0'; 8], count: 0, section: ONLY }
    }

    /// Puts `seconds` at the cursor, and the byte after it.
    #[inline(always)]
    pub(super) fn put(&mut self, cursor: &mut Cursor<'_>, seconds: u64, after: u8) {
        let thousands = seconds / 1000;
        if thousands != self.thousands {
            self.turn_to(thousands);
        }
        cursor.fixed(&self.digits, self.count);
        let ahead = cursor.ahead::<8>();
        let count = put_group(ahead, 0, self.section + (seconds % 1000) as usize);
        ahead[count] = after;
        cursor.position += count + 1;
    }

    /// Nanoseconds in 64 bits are at most 18,446,744,073 seconds: eight digits before the last three.
    #[inline(never)]
    fn turn_to(&mut self, thousands: u64) {
        let mut text = [0; NUMBER_BYTES_MAX + SLACK_BYTES];
        let mut cursor = Cursor::new(&mut text);
        cursor.number(thousands, b' ');
        self.count = if thousands == 0 { 0 } else { cursor.position - 1 };
        self.section = if thousands == 0 { ONLY } else { AFTER };
        self.digits.copy_from_slice(&text[..8]);
        self.thousands = thousands;
    }
}
