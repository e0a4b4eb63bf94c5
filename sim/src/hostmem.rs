//! Host memory and interrupts, as a simulated NIC sees them.
//!
//! ```text
//!   IOVA ─▶ unit of 2 MiB ─┬─ one memory                      the usual case: one look
//!                          └─ 512 pages, each of any memory   an IOMMU that maps page by page
//! ```
//!
//! What is mapped nowhere is a fault, and so is all of an access that begins within a memory and ends
//! outside.

use driver::device::Iova;
use driver::dma::DmaMemory;
use firmware_abi::ring::FRAME_HEADER_BYTES;
use hw_model::dma::body_and_last;
use hw_model::{Bus, DmaFault};
use std::cell::Cell;
use std::os::fd::OwnedFd;

const PAGE_BYTES: u64 = 4096;
const UNIT_BYTES: u64 = 2 << 20;
const UNIT_PAGES: usize = (UNIT_BYTES / PAGE_BYTES) as usize;
/// Vectors of MSI-X.
const VECTORS: usize = 32;
/// Where the address space of the NIC ends.
pub const IOVA_END: u64 = 1 << driver::pci::ADDRESS_BITS;

/// What a unit of the address space holds.
#[derive(Clone, Debug, Default)]
enum Unit {
    #[default]
    Nothing,
    Whole(DmaMemory),
    Pages(Box<[Option<DmaMemory>]>),
}

/// Accesses that found nothing mapped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DmaFaults {
    /// How many, since power-on.
    pub count: u64,
    /// The last of them.
    pub last: Option<DmaFault>,
}

/// Host memory and interrupts, as the NIC sees them.
#[derive(Debug, Default)]
pub struct HostBus {
    units: Vec<Unit>,
    vectors: [Option<OwnedFd>; VECTORS],
    faults: Cell<DmaFaults>,
}

/// The unit that `iova` lies in.
#[inline]
fn unit(iova: u64) -> usize {
    (iova / UNIT_BYTES) as usize
}

impl HostBus {
    /// Lets the NIC reach `memory`; what lay in its place is gone.
    ///
    /// # Panics
    /// When the NIC has not as many address lines.
    pub(crate) fn map(&mut self, memory: &DmaMemory) {
        self.set(memory.iova().0, memory.bytes() as u64, Some(memory));
    }

    /// Takes the memory at `iova` away.
    pub(crate) fn unmap(&mut self, iova: Iova) {
        let Some((memory, _)) = self.entry(iova.0).filter(|(memory, _)| memory.iova() == iova) else { return };
        let bytes = memory.bytes() as u64;
        self.set(iova.0, bytes, None);
    }

    fn set(&mut self, iova: u64, bytes: u64, memory: Option<&DmaMemory>) {
        let end = (iova + bytes).next_multiple_of(PAGE_BYTES);
        assert!(end <= IOVA_END, "memory within the NIC's address space");
        if self.units.len() < unit(end - 1) + 1 {
            self.units.resize(unit(end - 1) + 1, Unit::default());
        }
        let mut at = iova;
        while at < end {
            let unit_end = (at / UNIT_BYTES + 1) * UNIT_BYTES;
            let held = &mut self.units[unit(at)];
            let stop = unit_end.min(end);
            if at.is_multiple_of(UNIT_BYTES) && (stop == unit_end || is_free_behind(held, stop)) {
                *held = memory.cloned().map_or(Unit::Nothing, Unit::Whole);
            } else {
                let pages = pages(held);
                let page = |at: u64| (at % UNIT_BYTES / PAGE_BYTES) as usize;
                pages[page(at)..=page(stop - 1)].fill(memory.cloned());
            }
            at = stop;
        }
    }

    /// The memory that `iova` lies in, and where in it.
    #[inline]
    fn entry(&self, iova: u64) -> Option<(&DmaMemory, usize)> {
        let memory = match self.units.get(unit(iova))? {
            Unit::Nothing => return None,
            Unit::Whole(memory) => memory,
            Unit::Pages(pages) => pages[(iova % UNIT_BYTES / PAGE_BYTES) as usize].as_ref()?,
        };
        let offset = iova.wrapping_sub(memory.iova().0) as usize;
        (offset < memory.bytes()).then_some((memory, offset))
    }

    /// The memory that holds `bytes` bytes at `iova`, and where in it they are.
    #[inline]
    pub(crate) fn find(&self, iova: u64, bytes: usize) -> Result<(&DmaMemory, usize), DmaFault> {
        match self.entry(iova) {
            Some((memory, offset)) if memory.bytes() - offset >= bytes => Ok((memory, offset)),
            _ => Err(DmaFault { iova, bytes }),
        }
    }

    /// [`Self::find`] for an entry of a ring, which lies within one page.
    #[inline]
    fn find_entry(&self, iova: u64, bytes: usize) -> Result<(&DmaMemory, usize), DmaFault> {
        self.find(iova, bytes).inspect_err(|fault| self.note(*fault))
    }

    #[cold]
    fn note(&self, fault: DmaFault) {
        let count = self.faults.get().count + 1;
        self.faults.set(DmaFaults { count, last: Some(fault) });
    }

    /// Accesses that found nothing mapped.
    pub(crate) fn faults(&self) -> DmaFaults {
        self.faults.get()
    }

    /// Whether the NIC may touch all of the `bytes` bytes at `iova`.
    pub(crate) fn covers(&self, iova: u64, bytes: usize) -> bool {
        let mut done = 0;
        while done < bytes {
            let Some((memory, offset)) = self.entry(iova.wrapping_add(done as u64)) else { return false };
            done += memory.bytes() - offset;
        }
        true
    }

    /// Runs `copy` for each part of the `bytes` bytes at `iova` that lies in one memory: that, where in it, and which
    /// part. Nothing is done when some of it is not mapped.
    #[cold]
    fn by_parts(
        &self,
        iova: u64,
        bytes: usize,
        mut copy: impl FnMut(&DmaMemory, usize, std::ops::Range<usize>),
    ) -> Result<(), DmaFault> {
        if !self.covers(iova, bytes) {
            self.note(DmaFault { iova, bytes });
            return Err(DmaFault { iova, bytes });
        }
        let mut done = 0;
        while let Some((memory, offset)) = self.entry(iova.wrapping_add(done as u64)).filter(|_| done < bytes) {
            let part = (memory.bytes() - offset).min(bytes - done);
            copy(memory, offset, done..done + part);
            done += part;
        }
        Ok(())
    }

    /// Signals `vector` by `eventfd` from now on; not at all without one.
    pub(crate) fn set_vector(&mut self, vector: u8, eventfd: Option<OwnedFd>) {
        self.vectors[usize::from(vector) % VECTORS] = eventfd;
    }
}

/// Whether nothing is held from `stop` to the end of its unit.
fn is_free_behind(unit: &Unit, stop: u64) -> bool {
    match unit {
        Unit::Nothing => true,
        Unit::Whole(memory) => memory.iova().0 + memory.bytes() as u64 <= stop,
        Unit::Pages(pages) => pages[(stop % UNIT_BYTES).div_ceil(PAGE_BYTES) as usize..].iter().all(Option::is_none),
    }
}

/// The pages of a unit; one that held a single memory is divided.
fn pages(unit: &mut Unit) -> &mut [Option<DmaMemory>] {
    if !matches!(unit, Unit::Pages(_)) {
        let held = match std::mem::take(unit) {
            Unit::Whole(memory) => Some(memory),
            Unit::Nothing | Unit::Pages(_) => None,
        };
        *unit = Unit::Pages(vec![held; UNIT_PAGES].into());
    }
    match unit {
        Unit::Pages(pages) => pages,
        Unit::Nothing | Unit::Whole(_) => &mut [],
    }
}

impl Bus for HostBus {
    #[inline]
    fn write(&mut self, iova: u64, data: &[u8]) -> Result<(), DmaFault> {
        if let Ok((memory, offset)) = self.find(iova, data.len()) {
            memory.copy_in(offset, data);
            return Ok(());
        }
        self.by_parts(iova, data.len(), |memory, offset, part| memory.copy_in(offset, &data[part]))
    }

    #[inline]
    fn publish(&mut self, iova: u64, value: u32) -> Result<(), DmaFault> {
        let (memory, offset) = self.find_entry(iova, size_of::<u32>())?;
        memory.store_release(offset, value);
        Ok(())
    }

    #[inline]
    fn post<const N: usize>(&mut self, iova: u64, entry: &[u8; N]) -> Result<(), DmaFault> {
        let (memory, offset) = self.find_entry(iova, N)?;
        post_in(memory, offset, entry);
        Ok(())
    }

    #[inline]
    fn post_frame(&mut self, iova: u64, header: &[u8; FRAME_HEADER_BYTES], data: &[u8]) -> Result<(), DmaFault> {
        let (memory, offset) = self.find_entry(iova, FRAME_HEADER_BYTES + data.len())?;
        memory.copy_in(offset + FRAME_HEADER_BYTES, data);
        post_in(memory, offset, header);
        Ok(())
    }

    #[inline]
    fn read(&mut self, iova: u64, into: &mut [u8]) -> Result<(), DmaFault> {
        if let Ok((memory, offset)) = self.find(iova, into.len()) {
            memory.copy_out(offset, into);
            return Ok(());
        }
        self.by_parts(iova, into.len(), |memory, offset, part| memory.copy_out(offset, &mut into[part]))
    }

    fn interrupt(&mut self, vector: u8) {
        if let Some(eventfd) = self.vectors.get(usize::from(vector)).and_then(Option::as_ref) {
            // A full counter already says what there is to say.
            let _ = rustix::io::write(eventfd, &1_u64.to_ne_bytes());
        }
    }
}

/// Puts an entry at `offset`, its last dword after all the rest.
#[inline]
fn post_in<const N: usize>(memory: &DmaMemory, offset: usize, entry: &[u8; N]) {
    let (body, last) = body_and_last(entry);
    memory.copy_in(offset, body);
    memory.store_release(offset + body.len(), last);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn memory(iova: u64, bytes: usize) -> DmaMemory {
        DmaMemory::heap("test", bytes, Iova(iova)).expect("memory")
    }

    #[test]
    fn an_access_over_pages_of_several_memories_is_all_or_nothing() {
        let mut bus = HostBus::default();
        let (one, two) = (memory(0x1000, 4096), memory(0x2000, 4096));
        bus.map(&one);
        bus.map(&two);
        let data: Vec<u8> = (0..4096).map(|at| at as u8).collect();
        bus.write(0x1800, &data).expect("both are there");
        let mut back = vec![0; 4096];
        bus.read(0x1800, &mut back).expect("both are there");
        assert_eq!((back, two.load::<u8>(0)), (data, 0));
        assert_eq!(two.load::<u8>(2047), 0xff);
        bus.unmap(Iova(0x2000));
        assert_eq!(bus.write(0x1ffc, &[1; 8]), Err(DmaFault { iova: 0x1ffc, bytes: 8 }));
        assert_eq!(one.load::<u8>(4092), (4092 - 2048) as u8);
    }

    #[test]
    fn a_page_within_a_large_memory_can_be_replaced_and_taken_away() {
        let mut bus = HostBus::default();
        let (large, page) = (memory(UNIT_BYTES, 2 * UNIT_BYTES as usize), memory(UNIT_BYTES + PAGE_BYTES, 4096));
        bus.map(&large);
        bus.map(&page);
        bus.publish(UNIT_BYTES + PAGE_BYTES, 7).expect("it is there");
        bus.publish(UNIT_BYTES + 2 * PAGE_BYTES, 8).expect("it is there");
        assert_eq!((page.load::<u32>(0), large.load::<u32>(4096), large.load::<u32>(8192)), (7, 0, 8));
        bus.unmap(page.iova());
        assert!(bus.publish(UNIT_BYTES + PAGE_BYTES, 7).is_err());
        assert!(bus.publish(3 * UNIT_BYTES, 7).is_err(), "past the end");
    }

    #[test]
    fn what_lies_behind_a_memory_in_its_unit_is_a_fault() {
        let mut bus = HostBus::default();
        bus.map(&memory(4 * UNIT_BYTES, 8192));
        assert!(bus.find(4 * UNIT_BYTES, 8192).is_ok());
        assert!(bus.find(4 * UNIT_BYTES + 8192, 1).is_err());
        assert!(bus.find(4 * UNIT_BYTES + 8188, 8).is_err());
    }
}
