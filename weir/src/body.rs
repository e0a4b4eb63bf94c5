//! Which NIC a replay is made on: the model, the RTL, or both in lockstep.

use sim::card::{Card, Parameters};
use std::path::PathBuf;
use std::rc::Rc;

/// The NIC of a replay.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Body {
    /// The model.
    #[default]
    Model,
    /// The verilated RTL.
    Rtl(RtlOptions),
    /// Both, compared at every step; what the driver sees is the model's.
    Lockstep(RtlOptions),
    /// The same at the wire's pace, and how long both take is measured.
    Timed(RtlOptions),
}

/// How the RTL is run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RtlOptions {
    /// Of what no reset sets.
    pub seed: u64,
    /// A VCD trace, and the part of time that it shows, Unix ns.
    pub trace: Option<(PathBuf, u64, u64)>,
}

/// Why there is no such NIC.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// No NIC has these sizes.
    #[error("{0}")]
    Parameters(String),
    /// The RTL is made for other sizes.
    #[cfg(feature = "rtl")]
    #[error(
        "the RTL was built with 2^{found} slots a direction, expected 2^{expected}: --slots-log2 {found}, or build \
         with WEIR_RTL_SLOTS_LOG2={expected}"
    )]
    Slots {
        /// What it was built with, as a power of two.
        found: u32,
        /// What was asked for, as a power of two.
        expected: u32,
    },
    /// The trace cannot be written.
    #[cfg(feature = "rtl")]
    #[error(transparent)]
    Trace(#[from] sim::rtl::NoTrace),
    /// This program has no RTL in it.
    #[cfg(not(feature = "rtl"))]
    #[error("this weir was built without the RTL, expected one built with `--features rtl` (see docs/rtl.md)")]
    NotBuilt,
}

impl Body {
    /// A card with this NIC in it, after power-on.
    ///
    /// # Errors
    /// When there is no such NIC.
    pub fn card(&self, parameters: Parameters) -> Result<Rc<Card>, BodyError> {
        match self {
            Self::Model => Card::new(parameters).map_err(|error| BodyError::Parameters(error.to_string())),
            Self::Rtl(options) | Self::Lockstep(options) | Self::Timed(options) => with_rtl(parameters, options, self),
        }
    }
}

#[cfg(not(feature = "rtl"))]
fn with_rtl(_: Parameters, _: &RtlOptions, _: &Body) -> Result<Rc<Card>, BodyError> {
    Err(BodyError::NotBuilt)
}

#[cfg(feature = "rtl")]
fn with_rtl(mut parameters: Parameters, options: &RtlOptions, body: &Body) -> Result<Rc<Card>, BodyError> {
    use sim::card::HostBus;
    use sim::lockstep::Lockstep;
    use sim::rtl::{RtlNic, SIZES, Trace};
    if parameters.slots_log2 != SIZES.slots_log2 {
        return Err(BodyError::Slots { found: SIZES.slots_log2, expected: parameters.slots_log2 });
    }
    let trace = options.trace.clone().map(|(file, from_ns, to_ns)| Trace { file, from_ns, to_ns });
    if !matches!(body, Body::Rtl(_)) {
        // Both have the ports that the RTL has: the register that says how many is compared too.
        parameters.enis_log2 = SIZES.enis_log2;
        let mut nic = Lockstep::new(parameters, options.seed).map_err(|e| BodyError::Parameters(e.to_string()))?;
        trace.map_or(Ok(()), |trace| nic.set_trace(trace))?;
        if matches!(body, Body::Timed(_)) {
            nic.measure();
        }
        return Ok(Card::with_nic(Box::new(nic)));
    }
    let mut nic = RtlNic::new(HostBus::default(), options.seed);
    trace.map_or(Ok(()), |trace| nic.set_trace(trace))?;
    Ok(Card::with_nic(Box::new(nic)))
}
