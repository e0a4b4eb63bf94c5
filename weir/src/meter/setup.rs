//! What a meter is set up with.

use super::memory;
use driver::RingSizes;
use driver::offload::OffloadPolicy;
use firmware_abi::limits::EniLimits;
use flowlog::slowpath::{Capacity, Port, Settings as SlowPathSettings, SlowPath};
use flowlog::verdict::EniPolicy;
use flowlog::window::Windows;

/// One ENI.
#[derive(Debug)]
pub struct EniSetup {
    /// Its rules.
    pub policy: EniPolicy,
    /// The instance whose limits it shares.
    pub instance: u16,
    /// Those limits.
    pub limits: EniLimits,
    /// The instance's bits per second hold for both directions together.
    pub bits_summed: bool,
}

/// What a meter is set up with.
#[derive(Clone, Debug)]
pub struct MeterConfig {
    /// Entries of the rings.
    pub rings: RingSizes,
    /// Length of a capture window, seconds.
    pub window_seconds: u32,
    /// The time that a NIC gets when it is brought up, Unix ns.
    pub start_time_ns: u64,
    /// Flows that the host can know at a time.
    pub flows: usize,
    /// When flows go to the NIC, and when they leave it.
    pub offload: OffloadPolicy,
    /// Time-outs and exclusions.
    pub slow_path: SlowPathSettings,
    /// Connections that each instance may have; 0 is no limit.
    pub connections_max: Vec<u32>,
}

/// The tables of flows and windows in a memory.
pub(super) fn tables<M: flowlog::memory::Memory>(
    memory: &mut M,
    config: &MeterConfig,
    ports: Vec<Port>,
) -> Result<(SlowPath<M>, Windows<M>), M::Error> {
    let port_count = ports.len();
    let capacity = Capacity { flows: config.flows, datagrams: DATAGRAMS, instances: config.connections_max.len() };
    let settings = SlowPathSettings { offload_at_packet: config.offload.packet_threshold, ..config.slow_path.clone() };
    let slow = SlowPath::new(memory, capacity, ports, config.connections_max.clone(), settings)?;
    let windows = Windows::new(memory, config.flows, port_count)?;
    Ok((slow, windows))
}

/// The driver's part of the configuration, with room for the tables.
pub(super) fn driver_config(config: &MeterConfig, enis: &[EniSetup]) -> driver::Config {
    let unruled = |eni: &EniSetup| Port { policy: EniPolicy::allow_all(0), instance: usize::from(eni.instance) };
    let mut ruler = memory::Ruler::default();
    let Ok(_) = tables(&mut ruler, config, enis.iter().map(unruled).collect());
    driver::Config {
        rings: config.rings,
        window_seconds: config.window_seconds,
        start_time_ns: config.start_time_ns,
        tables_bytes: ruler.bytes,
        ..driver::Config::default()
    }
}

/// Fragmented datagrams that are remembered.
const DATAGRAMS: usize = 16_384;
