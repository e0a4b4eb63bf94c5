//! What the integration tests share.
//!
//! ```text
//!   scenario: frames, rule changes ─▶ rig: card, meter, its deaths ─▶ archive: what came out, once
//! ```

pub mod archive;

pub mod rig;
pub mod scenario;
