//! The clocks of the verilated top: one, or one of the stream and one of the rest.
//!
//! ```text
//!   stream  ─┐_┌─┐_┌─┐_┌─    frames in and out
//!   engine  ──┐__┌──┐__┌─    everything else
//! ```

use super::{CYCLE_PS, Mapped, RtlNic, TWO_CLOCKS};
use rtl_sim::Top;
use rtl_sim::tops::WeirTop;

/// A cycle of the stream's clock, if it is another: 322.27 MHz.
const FRONT_PS: u64 = 3_103;

/// The clocks of `weir_top`.
const ENGINE_CLOCK: &str = "clk_i";
const STREAM_CLOCK: &str = "clk_front_i";

/// The bit that lets a clock rise.
fn bit_of(clock: &str) -> u32 {
    WeirTop::CLOCKS.iter().position(|name| *name == clock).map_or(0, |bit| 1 << bit)
}

/// Which clocks rose.
#[derive(Clone, Copy)]
pub(super) struct Edge {
    pub(super) engine: bool,
    pub(super) stream: bool,
}

/// Which bits let the stream's clock and the engine's rise, and when each does next.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clocks {
    bits: [u32; 2],
    until_edge_ps: [u64; 2],
}

impl Clocks {
    pub(super) fn new() -> Self {
        Self { bits: [STREAM_CLOCK, ENGINE_CLOCK].map(bit_of), until_edge_ps: [FRONT_PS, CYCLE_PS] }
    }
}

impl<B: Mapped> RtlNic<B> {
    /// One cycle of the engine's clock.
    pub(super) fn clock(&mut self) {
        while !self.edge().engine {}
    }

    /// The next edge of any clock.
    pub(super) fn edge(&mut self) -> Edge {
        self.memory.drive(&mut self.inputs);
        if !TWO_CLOCKS {
            self.line.drive(&mut self.inputs);
            self.outputs = self.top.step(&self.inputs, self.clocks.bits[1], CYCLE_PS);
            self.engine_edge();
            self.stream_edge();
            return Edge { engine: true, stream: true };
        }
        let after_ps = self.clocks.until_edge_ps[0].min(self.clocks.until_edge_ps[1]);
        let [stream, engine] = self.clocks.until_edge_ps.map(|until_ps| until_ps == after_ps);
        self.clocks.until_edge_ps = self.clocks.until_edge_ps.map(|until_ps| until_ps - after_ps);
        let mut rising = 0;
        if stream {
            self.clocks.until_edge_ps[0] = self.line.cycle_ps().unwrap_or(FRONT_PS);
            self.line.drive(&mut self.inputs);
            rising |= self.clocks.bits[0];
        }
        if engine {
            self.clocks.until_edge_ps[1] = CYCLE_PS;
            rising |= self.clocks.bits[1];
        }
        self.outputs = self.top.step(&self.inputs, rising, after_ps);
        if engine {
            self.engine_edge();
        }
        if stream {
            self.stream_edge();
        }
        Edge { engine, stream }
    }

    /// What was handed over at an edge of the engine's clock.
    fn engine_edge(&mut self) {
        self.cycles += 1;
        if self.inputs.rst_ni == 0 {
            // Registers hold anything yet.
            return;
        }
        self.memory.take(&self.outputs, &mut self.bus);
        if let Some(watch) = &mut self.watch {
            watch.observe(&self.inputs, &self.outputs, self.cycles);
        }
        if self.outputs.msix_valid_o != 0 {
            self.bus.interrupt(self.outputs.msix_vector_o);
        }
        self.fired |= self.outputs.fire_o != 0;
        self.quiet = if self.outputs.quiet_o != 0 { self.quiet + 1 } else { 0 };
    }

    /// What was handed over at an edge of the stream's clock.
    fn stream_edge(&mut self) {
        if self.inputs.rst_ni == 0 {
            return;
        }
        self.line.take(&self.inputs, &self.outputs);
        if self.outputs.out_valid_o != 0 {
            self.take_beats();
        }
    }
}
