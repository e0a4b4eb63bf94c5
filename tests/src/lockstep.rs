//! Model and RTL on one card: what a test does to it, it does to both, and the first difference ends the test.

use sim::card::Card;
use sim::lockstep::Lockstep;
use std::rc::Rc;
use weir::body::{Body, RtlOptions};

pub use sim::rtl::SIZES;

/// The two as a card, after power-on. The message of a difference has everything but the test's own seed.
///
/// # Panics
/// When there is no such NIC.
#[must_use]
pub fn card(seed: u64) -> Rc<Card> {
    let mut nic = Lockstep::new(SIZES, seed).expect("such a NIC can be");
    nic.must_agree();
    nic.set_burst_max(setting("WEIR_LOCKSTEP_BURST", 64) as usize);
    Card::with_nic(Box::new(nic))
}

/// The two as the NIC of a replay.
#[must_use]
pub fn body(seed: u64) -> Body {
    Body::Lockstep(RtlOptions { seed, trace: None })
}

/// A number from the environment.
///
/// # Panics
/// When it is none.
#[must_use]
pub fn setting(variable: &str, otherwise: u64) -> u64 {
    let Ok(text) = std::env::var(variable) else { return otherwise };
    text.parse().unwrap_or_else(|error| panic!("{variable} is `{text}`, expected a number: {error}"))
}

/// Runs `test` with a seed; if it fails, says with which.
///
/// # Panics
/// When the test does.
pub fn seeded(what: &str, seed: u64, test: impl FnOnce(u64)) {
    struct Say<'a>(&'a str, u64);
    impl Drop for Say<'_> {
        fn drop(&mut self) {
            if std::thread::panicking() {
                eprintln!("{}: seed {}; WEIR_LOCKSTEP_BURST=1 shows where", self.0, self.1);
            }
        }
    }
    let _say = Say(what, seed);
    test(seed);
}
