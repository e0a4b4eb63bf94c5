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

/// Three digits and how many of them count, as bytes 0 to 2 and 3 of a little-endian integer.
type Group = u32;

/// Offset into [`GROUPS`]: a leading group; 0 is nothing at all.
const LEAD: u32 = 0;
/// Offset into [`GROUPS`]: the only group of a number; 0 is `0`.
const ONLY: u32 = 1000;
/// Offset into [`GROUPS`]: a group after others; always three digits.
const AFTER: u32 = 2000;

static GROUPS: [Group; 3000] = groups();
/// An octet's digits and a dot, as the low four bytes; their number in the high byte.
static OCTETS: [u64; 256] = octets();
/// Two hexadecimal digits.
static HEX: [u16; 256] = hex();
/// For each set of zero groups (bit *i* for group *i*): the first of the longest runs of two or more.
static ZERO_RUNS: [ZeroRun; 256] = zero_runs();

#[derive(Clone, Copy)]
struct ZeroRun {
    start: u8,
    end: u8,
}

const fn group(digits: [u8; 3], skip: usize) -> Group {
    let mut bytes = [b'0'; 4];
    let mut at = skip;
    while at < 3 {
        bytes[at - skip] = digits[at];
        at += 1;
    }
    bytes[3] = 3 - skip as u8;
    u32::from_le_bytes(bytes)
}

const fn groups() -> [Group; 3000] {
    let mut table = [0; 3000];
    let mut n = 0;
    while n < 1000 {
        let digits = [
            b'0' + (n / 100) as u8,
            b'0' + (n / 10 % 10) as u8,
            b'0' + (n % 10) as u8,
        ];
        let skip = if n >= 100 { 0 } else { 1 + (n < 10) as usize };
        table[LEAD as usize + n] = group(digits, if n == 0 { 3 } else { skip });
        table[ONLY as usize + n] = group(digits, skip);
        table[AFTER as usize + n] = group(digits, 0);
        n += 1;
    }
    table
}

const fn octets() -> [u64; 256] {
    let groups = groups();
    let mut table = [0; 256];
    let mut n = 0;
    while n < 256 {
        let only = groups[ONLY as usize + n];
        let digits = only >> 24;
        let dotted = only & 0x00ff_ffff & !(0xff << (8 * digits)) | (b'.' as u32) << (8 * digits);
        table[n] = dotted as u64 | (digits as u64 + 1) << 56;
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
                table[zeros] = ZeroRun {
                    start: start as u8,
                    end: end as u8,
                };
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
        Self {
            buffer,
            position: 0,
        }
    }

    /// The bytes written.
    #[inline(always)]
    pub(super) fn written(&self) -> &[u8] {
        &self.buffer[..self.position]
    }

    /// Stores all of `bytes`; the first `count` of them count.
    #[inline(always)]
    pub(super) fn fixed<const N: usize>(&mut self, bytes: &[u8; N], count: usize) {
        self.buffer[self.position..self.position + N].copy_from_slice(bytes);
        self.position += count;
    }

    /// One byte.
    #[inline(always)]
    pub(super) fn byte(&mut self, byte: u8) {
        self.buffer[self.position] = byte;
        self.position += 1;
    }

    /// Any bytes.
    #[inline]
    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.buffer[self.position..self.position + bytes.len()].copy_from_slice(bytes);
        self.position += bytes.len();
    }

    #[inline(always)]
    fn group(&mut self, section: u32, value: u32) {
        let group = GROUPS[(section + value) as usize];
        self.fixed(&group.to_le_bytes(), (group >> 24) as usize);
    }

    /// A port.
    #[inline(always)]
    pub(super) fn port(&mut self, port: u16) {
        let (high, low) = (port / 1000, port % 1000);
        self.group(LEAD, u32::from(high));
        self.group(if high == 0 { ONLY } else { AFTER }, u32::from(low));
    }

    /// A number of one byte.
    #[inline(always)]
    pub(super) fn octet(&mut self, number: u8) {
        self.group(ONLY, u32::from(number));
    }

    /// A number.
    #[inline(always)]
    pub(super) fn number(&mut self, number: u64) {
        if number >= 1_000_000_000 {
            return self.large(number);
        }
        let number = number as u32;
        let thousands = number / 1000;
        let millions = thousands / 1000;
        self.group(LEAD, millions);
        self.group(if millions == 0 { LEAD } else { AFTER }, thousands % 1000);
        self.group(if thousands == 0 { ONLY } else { AFTER }, number % 1000);
    }

    /// A number of more than nine digits.
    #[inline(never)]
    fn large(&mut self, number: u64) {
        let mut groups = [0; 7];
        let mut rest = number;
        for group in groups.iter_mut().rev() {
            *group = (rest % 1000) as u32;
            rest /= 1000;
        }
        let mut section = LEAD;
        for group in groups {
            self.group(section, group);
            section = if section == AFTER || group != 0 {
                AFTER
            } else {
                LEAD
            };
        }
    }

    /// An address; IPv4 is in the first four bytes.
    #[inline(always)]
    pub(super) fn address(&mut self, bytes: &[u8; 16], ip6: bool) {
        if ip6 {
            self.ipv6(bytes);
        } else {
            self.ipv4([bytes[0], bytes[1], bytes[2], bytes[3]]);
        }
        // Both leave the separator of a part that does not come.
        self.position -= 1;
    }

    /// An IPv4 address and a dot.
    #[inline(always)]
    fn ipv4(&mut self, octets: [u8; 4]) {
        for octet in octets {
            let entry = OCTETS[usize::from(octet)];
            self.fixed(&(entry as u32).to_le_bytes(), (entry >> 56) as usize);
        }
    }

    /// An IPv6 address as RFC 5952 has it, and a colon or dot.
    #[inline(always)]
    fn ipv6(&mut self, bytes: &[u8; 16]) {
        let (groups, _) = bytes.as_chunks::<2>();
        let mut zeros = 0;
        for (at, group) in groups.iter().enumerate() {
            zeros |= usize::from(*group == [0, 0]) << at;
        }
        if zeros & 0b0011_1111 == 0b0001_1111 && groups[5] == [0xff, 0xff] {
            self.fixed(b"::ffff:\0", 7);
            return self.ipv4([bytes[12], bytes[13], bytes[14], bytes[15]]);
        }
        let run = ZERO_RUNS[zeros];
        for group in groups.iter().take(usize::from(run.start)) {
            self.hex_group(*group);
        }
        if run.start < 8 {
            // A run is two colons, and a third if nothing follows; a group before it has left one.
            self.fixed(b"::", 1 + usize::from(run.start == 0));
            for group in groups.iter().skip(usize::from(run.end)) {
                self.hex_group(*group);
            }
            self.fixed(b"::", usize::from(run.end == 8));
        }
    }

    /// A group without its leading zeros, and a colon.
    #[inline(always)]
    fn hex_group(&mut self, group: [u8; 2]) {
        let digits =
            u32::from(HEX[usize::from(group[0])]) | u32::from(HEX[usize::from(group[1])]) << 16;
        let skip = (u16::from_be_bytes(group) | 1).leading_zeros() / 4;
        let text = (u64::from(digits) | u64::from(b':') << 32) >> (8 * skip);
        self.fixed(&text.to_le_bytes(), 5 - skip as usize);
    }
}

/// The text of seconds: those of a window agree in all but their last three digits.
#[derive(Clone, Copy)]
pub(super) struct SecondDigits {
    thousands: u64,
    digits: [u8; 8],
    count: u8,
    section: u32,
}

impl SecondDigits {
    pub(super) fn new() -> Self {
        Self {
            thousands: 0,
            digits: [b'0'; 8],
            count: 0,
            section: ONLY,
        }
    }

    /// Puts `seconds` at the cursor.
    #[inline(always)]
    pub(super) fn put(&mut self, cursor: &mut Cursor<'_>, seconds: u64) {
        let thousands = seconds / 1000;
        if thousands != self.thousands {
            self.turn_to(thousands);
        }
        cursor.fixed(&self.digits, usize::from(self.count));
        cursor.group(self.section, (seconds % 1000) as u32);
    }

    /// Nanoseconds in 64 bits are at most 18,446,744,073 seconds: eight digits before the last three.
    #[inline(never)]
    fn turn_to(&mut self, thousands: u64) {
        let mut text = [0; NUMBER_BYTES_MAX + SLACK_BYTES];
        let mut cursor = Cursor::new(&mut text);
        cursor.number(thousands);
        self.count = if thousands == 0 {
            0
        } else {
            cursor.position as u8
        };
        self.section = if thousands == 0 { ONLY } else { AFTER };
        self.digits.copy_from_slice(&text[..8]);
        self.thousands = thousands;
    }
}
