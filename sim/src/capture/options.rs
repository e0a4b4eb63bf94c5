//! Options of pcapng blocks, and the clock that an interface's options describe.

use super::error::CaptureErrorKind;
use super::pcapng::Order;

const OPTION_END: u16 = 0;

/// The options at the end of a block, in order, without the end mark.
pub(super) struct Options<'a> {
    order: Order,
    rest: &'a [u8],
}

/// One option.
#[derive(Clone, Copy)]
pub(super) struct BlockOption<'a> {
    pub(super) code: u16,
    bytes: &'a [u8],
}

impl<'a> Options<'a> {
    pub(super) fn new(order: Order, rest: &'a [u8]) -> Self {
        Self { order, rest }
    }
}

impl<'a> Iterator for Options<'a> {
    type Item = Result<BlockOption<'a>, CaptureErrorKind>;

    fn next(&mut self) -> Option<Self::Item> {
        let ([c0, c1, l0, l1], rest) = self.rest.split_first_chunk::<4>()?;
        let code = self.order.half([*c0, *c1]);
        let length = self.order.half([*l0, *l1]);
        self.rest = &[];
        if code == OPTION_END {
            return None;
        }
        let Some((bytes, _)) = rest.split_at_checked(usize::from(length)) else {
            let room = rest.len() as u32;
            return Some(Err(CaptureErrorKind::BadOption { code, length, room }));
        };
        // The padding of the last option may be missing.
        let padded = usize::from(length).next_multiple_of(4);
        self.rest = rest.get(padded..).unwrap_or(&[]);
        Some(Ok(BlockOption { code, bytes }))
    }
}

impl BlockOption<'_> {
    /// The option's bytes, which must be `N`.
    pub(super) fn value<const N: usize>(&self) -> Result<[u8; N], CaptureErrorKind> {
        <[u8; N]>::try_from(self.bytes).map_err(|_| CaptureErrorKind::BadOption {
            code: self.code,
            length: self.bytes.len() as u16,
            room: self.bytes.len() as u32,
        })
    }
}

/// How an interface's time stamps become nanoseconds since 1970.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    unit: Unit,
    offset_ns: i128,
}

/// One unit of a time stamp.
#[derive(Clone, Copy, Debug)]
enum Unit {
    /// This many nanoseconds.
    Nanoseconds(u64),
    /// One of this many parts of a nanosecond.
    PartOfNanosecond(u64),
    /// 2 to the minus this many seconds, at most 127.
    PowerOfTwo(u32),
}

impl Default for Clock {
    /// Microseconds since 1970, as without any option.
    fn default() -> Self {
        Self::new(6, 0)
    }
}

impl Clock {
    /// A clock of this `if_tsresol` and `if_tsoffset`.
    pub(super) fn new(resolution: u8, offset_seconds: i64) -> Self {
        let exponent = u32::from(resolution & 0x7f);
        let unit = if resolution & 0x80 != 0 {
            Unit::PowerOfTwo(exponent)
        } else if exponent <= 9 {
            Unit::Nanoseconds(10_u64.pow(9 - exponent))
        } else {
            match 10_u64.checked_pow(exponent - 9) {
                Some(parts) => Unit::PartOfNanosecond(parts),
                // Finer than 10^-28 s, every 64-bit time stamp is less than a nanosecond.
                None => Unit::Nanoseconds(0),
            }
        };
        Self { unit, offset_ns: i128::from(offset_seconds) * 1_000_000_000 }
    }

    /// Nanoseconds since 1970, held between 0 and the largest number (the year 2554).
    #[inline]
    pub(super) fn unix_ns(&self, units: u64) -> u64 {
        let ns = match self.unit {
            Unit::Nanoseconds(ns) => u128::from(units) * u128::from(ns),
            Unit::PartOfNanosecond(parts) => u128::from(units / parts),
            Unit::PowerOfTwo(exponent) => (u128::from(units) * 1_000_000_000) >> exponent,
        };
        if self.offset_ns == 0 {
            return u64::try_from(ns).unwrap_or(u64::MAX);
        }
        // Both are far below 2^127, so the sum cannot overflow.
        let ns = ns.cast_signed() + self.offset_ns;
        u64::try_from(ns.max(0)).unwrap_or(u64::MAX)
    }
}
