//! How the NIC tells time in a record.
//!
//! A record has 24 bits each for its first and last packet. They count **ticks of 50 µs** since
//! the *tick base*: the whole second at or before the window's start. 50 µs divides a second, so
//! the second in which a packet crossed is exact (a power of two would smear it), and 2^24 ticks
//! are 838 s: a window of 600 s and a late rotation fit. Past that a tick saturates.

/// Nanoseconds in one tick.
pub const TICK_NS: u64 = 50_000;
/// The largest tick; later packets are stamped with it.
pub const TICK_MAX: u32 = (1 << 24) - 1;
/// Nanoseconds in a second.
pub const SECOND_NS: u64 = 1_000_000_000;
/// Shortest and longest capture window, seconds.
pub const WINDOW_SECONDS: core::ops::RangeInclusive<u32> = 1..=600;

/// The tick base of a window that starts at `window_start_ns` (Unix ns): its whole second.
#[must_use]
pub const fn tick_base_ns(window_start_ns: u64) -> u64 {
    window_start_ns - window_start_ns % SECOND_NS
}

/// The tick of `time_ns` counted from `base_ns`, saturating at both ends.
#[must_use]
#[inline]
pub const fn tick(base_ns: u64, time_ns: u64) -> u32 {
    let ticks = time_ns.saturating_sub(base_ns) / TICK_NS;
    if ticks > TICK_MAX as u64 { TICK_MAX } else { ticks as u32 }
}
