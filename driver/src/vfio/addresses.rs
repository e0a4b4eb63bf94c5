//! Which addresses the memories of a device get.

use std::collections::BTreeMap;
use std::ops::Range;

/// Memories start at a multiple of this, with as much unmapped behind them.
pub(super) const GUARD_BYTES: u64 = 2 << 20;
/// Below this lie the addresses that firmware and old devices claim.
const PREFERRED: u64 = 1 << 32;
/// The NIC drives 39 address lines.
pub(super) const END: u64 = 1 << crate::pci::ADDRESS_BITS;

/// The valid ranges, from what `pci-driver` says of them: it takes the kernel's last address of a range for the first
/// behind it, so one byte is missing, and the page that it lies in would be lost.
pub(super) fn ranges(reported: &[Range<u64>]) -> Vec<Range<u64>> {
    let whole = |range: &Range<u64>| range.start..range.end.saturating_add(1).min(END);
    reported.iter().map(whole).filter(|range| range.start < range.end).collect()
}

/// The lowest place for `bytes` bytes above 4 GiB, or below if there is none: within `ranges` and apart from what is
/// `used`, which has the bytes of each memory by its address.
pub(super) fn allocate(ranges: &[Range<u64>], used: &BTreeMap<u64, u64>, bytes: u64) -> Option<u64> {
    let fits = |floor: u64| {
        ranges.iter().find_map(|range| {
            let mut at = range.start.max(floor).checked_next_multiple_of(GUARD_BYTES)?;
            for (start, length) in used {
                let end = start + length + GUARD_BYTES;
                if *start < at + bytes + GUARD_BYTES && at < end {
                    at = end.next_multiple_of(GUARD_BYTES);
                }
            }
            (at.checked_add(bytes)? <= range.end).then_some(at)
        })
    };
    fits(PREFERRED).or_else(|| fits(GUARD_BYTES))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As the kernel's VT-d driver reports them: the interrupt window is left out.
    fn vt_d() -> Vec<Range<u64>> {
        ranges(&[0x1000..0xfedf_ffff, 0xfef0_0000..0x7f_ffff_ffff])
    }

    #[test]
    fn the_last_byte_of_a_range_is_part_of_it() {
        assert_eq!(vt_d(), [0x1000..0xfee0_0000, 0xfef0_0000..0x80_0000_0000]);
        // The NIC does not reach further, and what it does not reach is not there.
        let found = ranges(&[0..u64::MAX, END..u64::MAX]);
        assert_eq!((found.len(), found[0].end), (1, END));
    }

    #[test]
    fn memories_lie_above_4_gib_and_apart() {
        let mut used = BTreeMap::new();
        for expected in [1 << 32, (1 << 32) + 2 * GUARD_BYTES] {
            let found = allocate(&vt_d(), &used, 4096);
            assert_eq!(found, Some(expected));
            used.insert(expected, 4096);
        }
        // What became free is used again.
        used.remove(&(1 << 32));
        assert_eq!(allocate(&vt_d(), &used, 4096), Some(1 << 32));
    }

    #[test]
    fn where_nothing_is_above_4_gib_memory_lies_below_and_within_the_ranges() {
        let low = ranges(&[0..0xfedf_ffff, 0xfef0_0000..0xffff_ffff]);
        assert_eq!(allocate(&low, &BTreeMap::new(), 1 << 20), Some(GUARD_BYTES));
        assert_eq!(allocate(&low, &BTreeMap::new(), 0xfee0_0000), None);
        assert_eq!(allocate(&low, &BTreeMap::new(), 0xfee0_0000 - GUARD_BYTES), Some(GUARD_BYTES));
    }
}
