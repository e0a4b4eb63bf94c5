//! The way to host memory.

use firmware_abi::ring::FRAME_HEADER_BYTES;

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
    /// Writes `entry` at `iova`, its last dword after all the rest.
    #[inline]
    fn post<const N: usize>(&mut self, iova: u64, entry: &[u8; N]) -> Result<(), DmaFault> {
        let (body, last) = body_and_last(entry);
        self.write(iova, body)?;
        self.publish(iova + body.len() as u64, last)
    }
    /// Writes a frame's header at `iova` and `data` behind it; the header's last dword after all the rest.
    #[inline]
    fn post_frame(&mut self, iova: u64, header: &[u8; FRAME_HEADER_BYTES], data: &[u8]) -> Result<(), DmaFault> {
        if !data.is_empty() {
            self.write(iova + FRAME_HEADER_BYTES as u64, data)?;
        }
        self.post(iova, header)
    }
    /// Reads `into.len()` bytes at `iova`.
    fn read(&mut self, iova: u64, into: &mut [u8]) -> Result<(), DmaFault>;
    /// Signals MSI-X vector `vector`.
    fn interrupt(&mut self, vector: u8);
}

/// An entry without its last dword, and that.
#[inline]
#[must_use]
pub fn body_and_last<const N: usize>(entry: &[u8; N]) -> (&[u8], u32) {
    const { assert!(N >= 4) };
    let (body, last) = entry.split_at(N - 4);
    (body, last.first_chunk().map_or(0, |dword| u32::from_le_bytes(*dword)))
}
