//! Values by the logarithm, so finely that a percentile is off by less than a hundredth.

/// Buckets from one power of two to the next, ...
const STEPS: u64 = 128;
/// ... and in all.
const BUCKETS: usize = 58 * STEPS as usize;

/// Latencies, in buckets that are at most 1/128 wide.
#[derive(Clone, Debug)]
pub struct Histogram {
    buckets: Vec<u64>,
    count: u64,
    max: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { buckets: vec![0; BUCKETS], count: 0, max: 0 }
    }
}

impl Histogram {
    /// Adds one value.
    #[inline]
    pub fn add(&mut self, value: u64) {
        self.add_many(value, 1);
    }

    /// Adds `count` times the same value.
    #[inline]
    pub(super) fn add_many(&mut self, value: u64, count: u64) {
        self.buckets[Self::bucket(value)] += count;
        self.count += count;
        self.max = self.max.max(value);
    }

    /// Values below 2 · STEPS have a bucket each; above, each power of two has STEPS of them.
    #[inline]
    const fn bucket(value: u64) -> usize {
        let exponent = (value | STEPS).ilog2() - STEPS.ilog2();
        (exponent as u64 * STEPS + (value >> exponent)) as usize
    }

    /// The largest value of a bucket.
    const fn upper(bucket: usize) -> u64 {
        let exponent = (bucket as u64 / STEPS).saturating_sub(1);
        let step = bucket as u64 - exponent * STEPS;
        (step << exponent) + ((1 << exponent) - 1)
    }

    /// How many values were added.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The largest value.
    #[must_use]
    pub fn max(&self) -> u64 {
        self.max
    }

    /// The value that `per_mille` of 1,000 are at or below, rounded up to its bucket; 0 if empty.
    #[must_use]
    pub fn percentile(&self, per_mille: u64) -> u64 {
        let wanted = (self.count * per_mille).div_ceil(1000);
        let mut seen = 0;
        for (bucket, count) in self.buckets.iter().enumerate() {
            seen += count;
            if seen >= wanted && *count > 0 {
                return Self::upper(bucket).min(self.max);
            }
        }
        self.max
    }
}

#[cfg(test)]
mod tests {
    use super::{BUCKETS, Histogram};

    #[test]
    fn a_value_is_in_a_bucket_that_ends_less_than_a_hundredth_above_it() {
        for value in
            (0..64).flat_map(|bit| [0, 1, 77, 1_000].map(|more| (1_u64 << bit).saturating_add(more << bit >> 10)))
        {
            let bucket = Histogram::bucket(value);
            assert!(bucket < BUCKETS, "{value}");
            let upper = Histogram::upper(bucket);
            assert!(upper >= value && upper - value <= value / 100, "{value} is in a bucket up to {upper}");
        }
        assert_eq!(Histogram::bucket(u64::MAX), BUCKETS - 1);
    }
}
