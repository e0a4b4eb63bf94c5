//! Capture windows: when they turn, and the drain of the one that has.
//!
//! ```text
//!   boundary ──▶ open bank ⇄ closed bank ──▶ drain: WINDOW_START of the new window, flow records,
//!                                            ledgers, WINDOW_END of the old ──▶ record ring
//! ```
//!
//! Windows are gapless and aligned to multiples of their length in Unix time. A boundary that
//! comes while the closed bank is still draining is an overrun: the open window goes on until the
//! drain is done, and WINDOW_END tells when that was.

use firmware_abi::key::Direction;
use firmware_abi::time::{SECOND_NS, TICK_NS, WINDOW_SECONDS, tick, tick_base_ns};

/// How far a drain has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DrainStage {
    /// WINDOW_START of the window that has opened.
    Start,
    /// Slots of a direction, from this one on.
    Slots(Direction, u32),
    /// Ledgers: port, direction, and which of the three records is next.
    Ledgers(u16, Direction, u8),
    /// Only WINDOW_END is left.
    End,
}

/// A window that is being drained.
#[derive(Clone, Copy, Debug)]
pub struct Drain {
    /// Its number.
    pub number: u16,
    /// Its true start and end, Unix ns.
    pub bounds_ns: (u64, u64),
    /// The punt ring's producer when it ended.
    pub punt_producer: u32,
    /// Where the walk is.
    pub stage: DrainStage,
    /// Flow records emitted.
    pub records: u64,
}

/// The windows of the NIC, one clock for both engines.
#[derive(Clone, Copy, Debug)]
pub struct Windows {
    /// Number of the open one; its low bit is its bank.
    pub number: u16,
    /// When the open one started, Unix ns.
    pub start_ns: u64,
    /// What its ticks count from.
    tick_base_ns: u64,
    /// The last tick asked for, and when it began; a packet is mostly in the same as the one before.
    current: (u64, u32),
    /// When it is to end, Unix ns.
    pub boundary_ns: u64,
    /// Configured length.
    pub seconds: u32,
    /// The closed one, while it drains.
    pub drain: Option<Drain>,
    /// Boundaries that came too soon.
    pub overruns: u32,
    overdue: bool,
}

impl Windows {
    /// A clock that stands at 0, with windows of 300 s.
    #[must_use]
    pub fn new() -> Self {
        let mut windows = Self {
            number: 0,
            start_ns: 0,
            tick_base_ns: 0,
            current: (0, 0),
            boundary_ns: 0,
            seconds: 300,
            drain: None,
            overruns: 0,
            overdue: false,
        };
        windows.set_time(0);
        windows
    }

    /// The bank of window `number`.
    #[must_use]
    #[inline]
    pub const fn bank(number: u16) -> usize {
        (number & 1) as usize
    }

    /// The open bank.
    #[must_use]
    #[inline]
    pub const fn open_bank(&self) -> usize {
        Self::bank(self.number)
    }

    /// The tick of `time_ns` in the open window.
    #[must_use]
    #[inline]
    pub const fn tick(&self, time_ns: u64) -> u32 {
        tick(self.tick_base_ns, time_ns)
    }

    /// As [`Self::tick`], for the NIC's time.
    #[inline]
    pub fn tick_now(&mut self, now_ns: u64) -> u32 {
        if now_ns.wrapping_sub(self.current.0) >= TICK_NS {
            self.current = (now_ns - now_ns % TICK_NS, self.tick(now_ns));
        }
        self.current.1
    }

    /// Ticks count from the second of `start_ns`.
    fn start(&mut self, start_ns: u64) {
        self.start_ns = start_ns;
        self.tick_base_ns = tick_base_ns(start_ns);
        self.current = (start_ns - start_ns % TICK_NS, self.tick(start_ns));
    }

    /// The host sets the clock, before any packet: the open window starts at the aligned boundary
    /// at or before `now_ns`.
    pub fn set_time(&mut self, now_ns: u64) {
        let length = self.length_ns();
        self.start(now_ns - now_ns % length);
        self.boundary_ns = self.start_ns.saturating_add(length);
    }

    /// The host sets the length. The open window ends at the next boundary of the new length.
    pub fn set_seconds(&mut self, seconds: u32, now_ns: u64) -> bool {
        if !WINDOW_SECONDS.contains(&seconds) {
            return false;
        }
        self.seconds = seconds;
        self.boundary_ns = self.next_boundary(now_ns);
        true
    }

    fn length_ns(&self) -> u64 {
        u64::from(self.seconds) * SECOND_NS
    }

    fn next_boundary(&self, now_ns: u64) -> u64 {
        (now_ns / self.length_ns() + 1).saturating_mul(self.length_ns())
    }

    /// Whether the open window should have ended by `now_ns`.
    #[must_use]
    #[inline]
    pub const fn due(&self, now_ns: u64) -> bool {
        now_ns >= self.boundary_ns
    }

    /// Turns the window at `at_ns`, if the last one is drained; else counts the overrun, once.
    pub fn rotate(&mut self, at_ns: u64, punt_producer: u32) -> bool {
        if self.drain.is_some() {
            if !self.overdue {
                self.overdue = true;
                self.overruns += 1;
            }
            return false;
        }
        // A boundary that was deferred is in the past: the window ends now.
        let end_ns = at_ns.max(self.start_ns);
        self.drain = Some(Drain {
            number: self.number,
            bounds_ns: (self.start_ns, end_ns),
            punt_producer,
            stage: DrainStage::Start,
            records: 0,
        });
        self.number = self.number.wrapping_add(1);
        self.start(end_ns);
        self.boundary_ns = self.next_boundary(end_ns);
        self.overdue = false;
        true
    }
}

impl Default for Windows {
    fn default() -> Self {
        Self::new()
    }
}
