//! Zipf's law in constant time: rank `r` of `n` comes up in proportion to `r^-s`.
//!
//! Ranks 1 to 64 are drawn exactly. Behind them every octave is cut into 32 steps of equal
//! probability per rank, so a rank's share is within `s / 64` of Zipf's: 1.6 % for `s = 1`. That
//! keeps the table at a few hundred steps (it stays in the first-level cache), where an alias table
//! over millions of ranks would miss, and rejection-inversion would take logarithms. A step is drawn
//! by the alias method of Walker, with Vose's construction ("A linear algorithm for generating
//! random numbers with a given distribution", 1991).
//!
//! Powers are made of square roots and products, which every machine rounds alike: the same
//! exponent gives the same table, and so the same traffic, everywhere.

use super::random::below;

const RANKS_EXACT: u32 = 64;
const STEPS_PER_OCTAVE: u32 = 32;

/// A sampler of ranks.
#[derive(Clone, Debug)]
pub(super) struct Zipf {
    steps: Vec<Step>,
}

/// A run of ranks of equal probability.
#[derive(Clone, Copy, Debug)]
struct Step {
    /// First rank, counted from 0.
    first: u32,
    width: u32,
    /// Of 2^32 draws that land here, how many stay; the others go to `alias`.
    stay: u32,
    alias: u32,
}

impl Zipf {
    /// A sampler of `ranks` ranks, at least one.
    pub(super) fn new(ranks: u32, exponent: f64) -> Self {
        let mut steps = Vec::new();
        let mut weights = Vec::new();
        let mut first = 0;
        let ranks = ranks.max(1);
        while first < ranks {
            let width = if first < RANKS_EXACT { 1 } else { (1 << first.ilog2()) / STEPS_PER_OCTAVE };
            let width = width.min(ranks - first);
            // Ranks count from 0 here and from 1 in Zipf's law.
            let middle = f64::from(first) + f64::from(width + 1) / 2.0;
            weights.push(f64::from(width) / power(middle, exponent));
            steps.push(Step { first, width, stay: u32::MAX, alias: steps.len() as u32 });
            first += width;
        }
        share_out(&mut steps, &weights);
        Self { steps }
    }

    /// A rank, counted from 0, from 64 random bits.
    #[inline]
    pub(super) fn sample(&self, bits: u64) -> u32 {
        let scaled = u64::from(bits as u32) * self.steps.len() as u64;
        let mut step = &self.steps[(scaled >> 32) as usize];
        if scaled as u32 >= step.stay {
            step = &self.steps[step.alias as usize];
        }
        step.first + below(step.width, (bits >> 32) as u32)
    }
}

/// Gives every step with less than the mean weight the rest from one that has more.
fn share_out(steps: &mut [Step], weights: &[f64]) {
    let mean = weights.iter().sum::<f64>() / weights.len() as f64;
    let mut scaled: Vec<f64> = weights.iter().map(|weight| weight / mean).collect();
    let (mut small, mut large): (Vec<usize>, Vec<usize>) = (0..scaled.len()).partition(|&index| scaled[index] < 1.0);
    while let (Some(&poor), Some(&rich)) = (small.last(), large.last()) {
        small.pop();
        steps[poor].stay = (scaled[poor] * 4_294_967_296.0) as u32;
        steps[poor].alias = rich as u32;
        scaled[rich] -= 1.0 - scaled[poor];
        if scaled[rich] < 1.0 {
            large.pop();
            small.push(rich);
        }
    }
}

/// `base` to the power of `exponent`, which is taken to a multiple of 2^-20.
fn power(base: f64, exponent: f64) -> f64 {
    const FRACTION_BITS: u32 = 20;
    let fixed = (exponent * f64::from(1 << FRACTION_BITS)) as u64;
    let mut result = 1.0;
    for _ in 0..fixed >> FRACTION_BITS {
        result *= base;
    }
    let mut root = base;
    for bit in (0..FRACTION_BITS).rev() {
        root = root.sqrt();
        if fixed >> bit & 1 == 1 {
            result *= root;
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::super::random::Random;
    use super::*;

    #[test]
    fn powers_are_those_of_the_mathematical_library() {
        for (base, exponent) in [(2.0, 1.0), (3.5, 0.75), (650_000.0, 1.1), (7.0, 0.0)] {
            let (ours, theirs) = (power(base, exponent), f64::powf(base, exponent));
            assert!((ours / theirs - 1.0).abs() < 2e-5, "{ours} {theirs}");
        }
    }

    #[test]
    fn ranks_come_up_as_often_as_zipf_says() {
        const DRAWS: u32 = 2_000_000;
        const RANKS: u32 = 10_000;
        let zipf = Zipf::new(RANKS, 1.0);
        let mut random = Random::new(7);
        let mut counts = vec![0_u32; RANKS as usize];
        for _ in 0..DRAWS {
            counts[zipf.sample(random.next()) as usize] += 1;
        }
        let total: f64 = (1..=RANKS).map(|rank| 1.0 / f64::from(rank)).sum();
        for (from, to) in [(1, 1), (2, 2), (10, 10), (64, 70), (1_000, 1_100), (5_000, 10_000)] {
            let expected: f64 = (from..=to).map(|rank| 1.0 / f64::from(rank)).sum::<f64>() / total;
            let seen: u32 = (from..=to).map(|rank| counts[rank as usize - 1]).sum();
            let seen = f64::from(seen) / f64::from(DRAWS);
            assert!((seen / expected - 1.0).abs() < 0.03, "{from}..={to}: {seen} {expected}");
        }
    }

    #[test]
    fn one_rank_and_equal_ranks_are_possible() {
        let mut random = Random::new(1);
        let one = Zipf::new(1, 2.0);
        let equal = Zipf::new(100, 0.0);
        let mut counts = [0_u32; 100];
        for _ in 0..100_000 {
            assert_eq!(one.sample(random.next()), 0);
            counts[equal.sample(random.next()) as usize] += 1;
        }
        assert!(counts.iter().all(|count| (800..1_200).contains(count)));
    }
}
