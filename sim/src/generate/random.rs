//! Randomness that is the same everywhere: integers only, seeded.

/// The generator xoshiro256++ of Blackman and Vigna ("Scrambled Linear Pseudorandom Number
/// Generators", 2021), started with SplitMix64 as its authors advise.
#[derive(Clone, Debug)]
pub(super) struct Random {
    state: [u64; 4],
}

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        let word = |number: u64| mix(seed.wrapping_add(number.wrapping_mul(GOLDEN)));
        Self { state: [word(1), word(2), word(3), word(4)] }
    }

    #[inline]
    pub(super) fn next(&mut self) -> u64 {
        let [a, b, c, d] = &mut self.state;
        let result = a.wrapping_add(*d).rotate_left(23).wrapping_add(*a);
        let shifted = *b << 17;
        *c ^= *a;
        *d ^= *b;
        *b ^= *c;
        *a ^= *d;
        *c ^= shifted;
        *d = d.rotate_left(45);
        result
    }
}

/// The step of SplitMix64: 2^64 divided by the golden ratio.
pub(super) const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// The mixing function of SplitMix64 (Steele, Lea and Flood, 2014; variant 13 of Stafford): one
/// bit of the input changes half of the output.
#[inline]
pub(super) fn mix(value: u64) -> u64 {
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

/// A number below `limit` from 32 random bits, by multiplication (Lemire, 2019) and without his
/// rejection: the bias is below `limit` in 2^32.
#[inline]
pub(super) fn below(limit: u32, bits: u32) -> u32 {
    ((u64::from(limit) * u64::from(bits)) >> 32) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first outputs of the authors' C program for the state 1, 2, 3, 4.
    #[test]
    fn gives_the_numbers_of_the_published_xoshiro256plusplus() {
        let mut random = Random { state: [1, 2, 3, 4] };
        let numbers: Vec<_> = (0..4).map(|_| random.next()).collect();
        let published = [41_943_041, 58_720_359, 3_588_806_011_781_223, 3_591_011_842_654_386];
        assert_eq!(numbers, published);
    }
}
