//! The way to host memory.

/// An address that the NIC may not touch: nothing is mapped there, or not all of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DmaFault {
    /// The first address asked for.
    pub iova: u64,
    /// Bytes asked for.
    pub bytes: usize,
}

/// The host's side of the bus, as the NIC sees it.
pub trait Bus {
    /// Writes `data` at `iova`: all of it or, on a fault, nothing.
    fn write(&mut self, iova: u64, data: &[u8]) -> Result<(), DmaFault>;
    /// Writes the dword `value` at `iova`, after everything that was written before it.
    fn publish(&mut self, iova: u64, value: u32) -> Result<(), DmaFault>;
    /// Reads `into.len()` bytes at `iova`.
    fn read(&mut self, iova: u64, into: &mut [u8]) -> Result<(), DmaFault>;
    /// Signals MSI-X vector `vector`.
    fn interrupt(&mut self, vector: u8);
}
