//! Which NIC the tests run on: `WEIR_TEST_NIC` is `model`, the default, `rtl`, or `lockstep` for both at once.
//!
//! The RTL has the sizes that it was compiled with, whatever a test asks for.

use sim::card::{Card, Parameters};
use std::rc::Rc;
use weir::body::{Body, RtlOptions};

/// The variable.
const VARIABLE: &str = "WEIR_TEST_NIC";

/// What a replay is to run on.
///
/// # Panics
/// When the variable says something else.
#[must_use]
pub fn body() -> Body {
    let options = RtlOptions { seed: 1, trace: None };
    match std::env::var(VARIABLE).as_deref() {
        Err(_) | Ok("model") => Body::Model,
        Ok("rtl") => Body::Rtl(options),
        Ok("lockstep") => Body::Lockstep(options),
        Ok(other) => panic!("{VARIABLE} is `{other}`, expected model, rtl or lockstep"),
    }
}

/// Slots of the flow table where a test asks for `wanted`, as a power of two.
#[must_use]
pub fn slots_log2(wanted: u32) -> u32 {
    match body() {
        Body::Model => wanted,
        Body::Rtl(_) | Body::Lockstep(_) | Body::Timed(_) => compiled_slots_log2(wanted),
    }
}

#[cfg(feature = "rtl")]
fn compiled_slots_log2(_: u32) -> u32 {
    sim::rtl::SIZES.slots_log2
}

/// Without the RTL the card says so.
#[cfg(not(feature = "rtl"))]
fn compiled_slots_log2(wanted: u32) -> u32 {
    wanted
}

/// A card after power-on, with at least these ports.
///
/// # Panics
/// When there is no such NIC.
#[must_use]
pub fn card(wanted: Parameters) -> Rc<Card> {
    let parameters = Parameters { slots_log2: slots_log2(wanted.slots_log2), ..wanted };
    body().card(parameters).unwrap_or_else(|error| panic!("{VARIABLE}: {error}"))
}
