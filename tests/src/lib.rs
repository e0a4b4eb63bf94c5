//! What the integration tests share.
//!
//! ```text
//!   scenario: frames, rule changes ─▶ rig: card, meter, its deaths ─▶ archive: what came out, once
//!   probe: a host with no driver, which may write anything
//!   packets: frames by hand ─▶ replaying: a replay, or a bench ─▶ everything that came out
//!   ticking: a card whose time passes by itself, for the suite that every body passes
//!   flows: flows by number, in the tables of a card
//!   hostile: frames that no parser likes ─▶ lockstep: model and RTL on one card, and a host that misuses them
//! ```

pub mod archive;
pub mod flows;
pub mod host;
pub mod hostile;
#[cfg(feature = "rtl")]
pub mod lockstep;
pub mod nic;
pub mod packets;
pub mod probe;
pub mod replaying;
pub mod rig;
pub mod scenario;
pub mod ticking;
