//! The verilated top, in which blocks rest; and, to hold it to that, one beside it in which nobody does.

use super::{Mapped, RtlNic};
use rtl_sim::Instance;
use rtl_sim::tops::{WeirTop, WeirTopIn, WeirTopOut};
use std::ops::{Deref, DerefMut};

/// The top.
pub(super) struct Resting {
    top: Instance<WeirTop>,
    awake: Option<Instance<WeirTop>>,
}

impl Resting {
    pub(super) fn new(seed: u64) -> Self {
        Self { top: Instance::new(seed), awake: None }
    }

    /// One step of both.
    ///
    /// # Panics
    /// When they differ: a block rested that would have moved.
    #[inline]
    pub(super) fn step(&mut self, inputs: &WeirTopIn, rising: u32, after_ps: u64) -> WeirTopOut {
        let outputs = self.top.step(inputs, rising, after_ps);
        if let Some(awake) = &mut self.awake {
            let expected = awake.step(&WeirTopIn { awake_i: 1, ..*inputs }, rising, after_ps);
            // Registers hold anything before the first reset.
            let same = inputs.rst_ni == 0 || shown(outputs) == shown(expected);
            assert!(same, "at {} ps: {outputs:?}, expected {expected:?}", self.top.time_ps());
        }
        outputs
    }
}

/// Outputs, with zeros where nothing is shown.
fn shown(mut outputs: WeirTopOut) -> WeirTopOut {
    for direction in 0..2 {
        if outputs.out_valid_o >> direction & 1 == 0 {
            outputs.out_data_o[16 * direction..][..16].fill(0);
        }
    }
    if outputs.out_valid_o != 3 {
        (outputs.out_bytes_o, outputs.out_last_o, outputs.out_user_o) = Default::default();
    }
    if outputs.axi_awvalid_o == 0 {
        (outputs.axi_awaddr_o, outputs.axi_awlen_o) = (0, 0);
    }
    if outputs.axi_wvalid_o == 0 {
        (outputs.axi_wdata_o, outputs.axi_wstrb_o, outputs.axi_wlast_o) = Default::default();
    }
    if outputs.axi_arvalid_o == 0 {
        (outputs.axi_araddr_o, outputs.axi_arlen_o) = (0, 0);
    }
    if outputs.axil_rvalid_o == 0 {
        outputs.axil_rdata_o = 0;
    }
    if outputs.msix_valid_o == 0 {
        outputs.msix_vector_o = 0;
    }
    outputs
}

impl Deref for Resting {
    type Target = Instance<WeirTop>;

    fn deref(&self) -> &Instance<WeirTop> {
        &self.top
    }
}

impl DerefMut for Resting {
    fn deref_mut(&mut self) -> &mut Instance<WeirTop> {
        &mut self.top
    }
}

impl<B: Mapped> RtlNic<B> {
    /// A NIC after power-on. What no reset sets starts from `seed`.
    ///
    /// # Panics
    /// As [`Self::settle`].
    pub fn new(bus: B, seed: u64) -> Self {
        Self::around(Resting::new(seed), bus)
    }

    /// As [`Self::new`], with a second NIC of which no block ever rests. All outputs must be the same in each cycle.
    ///
    /// # Panics
    /// As [`Self::settle`]; later, when the two differ.
    pub fn doubled(bus: B, seed: u64) -> Self {
        Self::around(Resting { awake: Some(Instance::new(seed)), ..Resting::new(seed) }, bus)
    }
}
