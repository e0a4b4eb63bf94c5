//! How long things took on both sides, for the same frames at the same times.
//!
//! Frames come at their times, over a wire of 100 Gb/s. Both sides rest before a burst, and what lies between
//! two bursts is left out: an idle stretch, and the host's work.

use crate::rtl::CYCLE_PS;
use crate::rtl::Watch;
use hw_model::report::Timed;

/// One side. Latencies in no order that matters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Side {
    /// From a forwarded frame's last beat in to its first beat out, ps.
    pub pipeline_ps: Vec<u64>,
    /// From a punted frame's last beat in until host memory has its header, ps.
    pub punts_ps: Vec<u64>,
    /// From the first beat of a burst in to the last of its beats out, or of its punts, summed, ps.
    pub busy_ps: u64,
    /// Each drain, as its WINDOW_END says, ns.
    pub drains_ns: Vec<u64>,
}

/// Both sides of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Measured {
    /// Frames offered.
    pub frames: u64,
    /// The model.
    pub model: Side,
    /// The RTL.
    pub rtl: Side,
}

/// The value that `per_mille` of 1,000 of `values` are at or below; none of no values.
#[must_use]
pub fn percentile(values: &[u64], per_mille: usize) -> Option<u64> {
    let rank = (values.len() * per_mille).div_ceil(1000).checked_sub(1)?;
    let mut values = values.to_vec();
    Some(*values.select_nth_unstable(rank).1)
}

/// What a frame of the burst at hand did in the model.
#[derive(Clone, Copy, Debug)]
struct Noted {
    timed: Timed,
    forwarded: bool,
    punted: bool,
}

/// The burst at hand, and what came before it.
#[derive(Clone, Debug, Default)]
pub(super) struct Measure {
    pub(super) measured: Measured,
    burst: Vec<Noted>,
}

impl Measure {
    /// The model has taken a frame; `before` is what its engine said before that.
    pub(super) fn note(&mut self, before: &Timed, timed: Timed) {
        let (forwarded, punted) = (timed.forwarded > before.forwarded, timed.punts > before.punts);
        self.burst.push(Noted { timed, forwarded, punted });
    }

    /// The RTL has been given the burst as well. False if it did not do the same with it.
    pub(super) fn finish_burst(&mut self, watch: &Watch) -> bool {
        let burst = std::mem::take(&mut self.burst);
        let (mut out, mut punts) = (watch.first_out.iter(), watch.punts.iter());
        let Measured { frames, model, rtl } = &mut self.measured;
        let mut model_end = 0;
        for (noted, last_in) in burst.iter().zip(&watch.last_in) {
            let Timed { passage, punted_ps, .. } = noted.timed;
            model_end = model_end.max(passage.last_in_ps);
            if noted.forwarded {
                let Some(first_out) = out.next() else { return false };
                model.pipeline_ps.push(passage.first_out_ps - passage.last_in_ps);
                rtl.pipeline_ps.push((first_out - last_in) * CYCLE_PS);
                model_end = model_end.max(passage.last_out_ps);
            }
            if noted.punted {
                let Some(written) = punts.next() else { return false };
                model.punts_ps.push(punted_ps - passage.last_in_ps);
                rtl.punts_ps.push((written - last_in) * CYCLE_PS);
                model_end = model_end.max(punted_ps);
            }
        }
        let (Some(first), Some(rtl_first)) = (burst.first(), watch.first_in.first()) else { return false };
        let rtl_ends = [watch.last_in.last(), Some(&watch.last_out), watch.punts.last()];
        let rtl_end = rtl_ends.into_iter().flatten().max().map_or(0, |end| end + 1 - rtl_first);
        *frames += burst.len() as u64;
        model.busy_ps += model_end + CYCLE_PS - first.timed.passage.first_in_ps;
        rtl.busy_ps += rtl_end * CYCLE_PS;
        out.next().is_none() && punts.next().is_none() && watch.last_in.len() == burst.len()
    }

    /// A drain has ended.
    pub(super) fn drained(&mut self, model_ns: u64, rtl_ns: u64) {
        self.measured.model.drains_ns.push(model_ns);
        self.measured.rtl.drains_ns.push(rtl_ns);
    }
}

#[cfg(test)]
mod tests {
    use super::percentile;

    #[test]
    fn a_percentile_is_the_least_value_that_as_many_are_at_or_below() {
        let values: Vec<u64> = (1..=1000).rev().collect();
        assert_eq!([500, 990, 999, 1000].map(|rank| percentile(&values, rank)), [500, 990, 999, 1000].map(Some));
        assert_eq!(percentile(&[7], 1), Some(7));
        assert_eq!(percentile(&[], 500), None);
    }
}
