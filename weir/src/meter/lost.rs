//! What is lost when the host's memory is: the window that the NIC had open.

use driver::{LedgerImage, WindowState};
use firmware_abi::descriptor::LedgerRecord;
use flowlog::record::WindowBounds;
use flowlog::window::{LostSide, Sealed};

/// The window that was open, as the NIC's ledgers have it: SKIPDATA for every ENI that saw a packet, and both
/// equations. What the NIC had handed over before that, and nobody published, is in no ledger any more.
#[must_use]
pub fn lost_window(window: &WindowState, ledgers: &[LedgerImage], ports: u16) -> Sealed {
    fn counters<const N: usize>(record: &LedgerRecord) -> [u64; N] {
        std::array::from_fn(|index| record.counter(index))
    }
    let side = |ledger: &LedgerImage| LostSide {
        vport: ledger.vport,
        direction: ledger.direction,
        packets: counters(&ledger.packets),
        bytes: counters(&ledger.bytes),
        limits: counters(&ledger.limits),
    };
    let bounds = WindowBounds { start_ns: window.start_ns, end_ns: window.time_ns };
    Sealed::lost(bounds, ports, &ledgers.iter().map(side).collect::<Vec<_>>())
}
