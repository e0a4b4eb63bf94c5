//! What the integration tests share.
//!
//! ```text
//!   scenario: frames, rule changes ─▶ rig: card, meter, its deaths ─▶ archive: what came out, once
//!   probe: a host with no driver, which may write anything
//!   packets: frames by hand ─▶ replaying: a replay, or a bench ─▶ everything that came out
//! ```

pub mod archive;
pub mod packets;
pub mod probe;
pub mod replaying;
pub mod rig;
pub mod scenario;
