//! Hostile input for everything that reads what others wrote.
//!
//! ```text
//!   seeds (valid input) ─▶ mutate ─▶ target ─▶ Outcome ──┐ of a new kind: kept and mutated further
//!        ▲                              │ panics, hangs  │
//!        └──────────────────────────────┼────────────────┘
//!                                       ▼
//!                   fuzz/regressions/TARGET/*, which tests/regressions.rs replays for ever
//! ```
//!
//! - A target takes bytes, gives them to a parser, and asserts what must hold whatever they are.
//! - No coverage is measured, which needs a nightly compiler. In its place stands the [`Outcome`]:
//!   which error, or what shape of success. An input whose outcome is new joins the corpus.
//! - One thread, and every choice from the seed: the same seed gives the same inputs in the same
//!   order. Only how many there are depends on the time.
#![forbid(unsafe_code)]

mod mutate;
mod outcome;
mod random;
mod runner;
pub mod targets;

pub use outcome::Outcome;
pub use runner::{Budget, Crash, Report, regressions_folder, run};

/// Something that reads hostile input.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Its name, and its folder under `regressions/`.
    pub name: &'static str,
    /// Reads one input; panics if anything that must hold does not.
    pub read: fn(&[u8]) -> Outcome,
    /// Valid inputs to start from. Each is accepted.
    pub seeds: fn() -> Vec<Vec<u8>>,
    /// Words of the format, for the mutator to put in.
    pub words: &'static [&'static str],
}
