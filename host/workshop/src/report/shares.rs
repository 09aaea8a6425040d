//! A backend's share of the requests over time.

use crate::chart::{Axis, Chart};
use crate::simulate::{PolicyResult, RunResult};

/// Requests are counted over this many steps.
const WINDOW: usize = 4;

/// The first of ten backends with each policy, at steps of so many µs up to the end.
pub(super) fn of_the_first_of_ten(results: &[PolicyResult], steps: (u64, u64)) -> Vec<ShareOverTime> {
    results.iter().map(|result| ShareOverTime::of(result, 0, 0.1, steps)).collect()
}

/// A line for each policy.
pub(super) fn chart(title: &str, results: &[PolicyResult], over_time: &[ShareOverTime]) -> Chart {
    let series = results.iter().zip(over_time).map(|(result, shares)| (result.name.clone(), shares.points()));
    Chart::lines(title, ("seconds", Axis::Linear), ("share", Axis::Linear), series.collect())
}

/// The share of one backend in the requests, at equal steps of time, as a multiple of its fair share.
pub(super) struct ShareOverTime {
    /// µs.
    pub(super) step: u64,
    /// At the end of each step, over the last [`WINDOW`] of them.
    pub(super) shares: Vec<f64>,
}

impl ShareOverTime {
    /// The mean over all runs. `fair` is the share that would be fair.
    fn of(result: &PolicyResult, backend: u32, fair: f64, (step, end): (u64, u64)) -> Self {
        let steps = (end / step) as usize;
        let mut sums = vec![0.0; steps];
        for run in &result.runs {
            for (sum, share) in sums.iter_mut().zip(shares(run, backend, step, steps)) {
                *sum += share / fair / result.runs.len() as f64;
            }
        }
        Self { step, shares: sums }
    }

    /// Its mean between two moments.
    pub(super) fn mean(&self, from: u64, to: u64) -> f64 {
        let part = &self.shares[self.place(from)..self.place(to)];
        part.iter().sum::<f64>() / part.len().max(1) as f64
    }

    /// How long after a moment, and before the other, it's first like this; none if it never is.
    pub(super) fn first(&self, from: u64, to: u64, is: impl Fn(f64) -> bool) -> Option<u64> {
        let (from, to) = (self.place(from), self.place(to));
        self.shares[from..to].iter().position(|share| is(*share)).map(|steps| (steps as u64 + 1) * self.step)
    }

    /// The greatest between two moments.
    pub(super) fn most(&self, from: u64, to: u64) -> f64 {
        self.shares[self.place(from)..self.place(to)].iter().copied().fold(0.0, f64::max)
    }

    /// For a chart: seconds and shares.
    fn points(&self) -> Vec<(f64, f64)> {
        let at = |place: usize| (place + 1) as f64 * self.step as f64 / 1e6;
        self.shares.iter().enumerate().map(|(place, share)| (at(place), *share)).collect()
    }

    fn place(&self, moment: u64) -> usize {
        ((moment / self.step) as usize).min(self.shares.len())
    }
}

fn shares(run: &RunResult, backend: u32, step: u64, steps: usize) -> Vec<f64> {
    let mut counts = vec![(0.0, 0.0); steps];
    for (at, to) in &run.backends.sequence {
        if let Some((its, all)) = counts.get_mut((at / step) as usize) {
            *all += 1.0;
            *its += f64::from(u8::from(*to == backend));
        }
    }
    (0..steps)
        .map(|end| {
            let window = &counts[(end + 1).saturating_sub(WINDOW)..=end];
            let (its, all) = window.iter().fold((0.0, 0.0), |sum, step| (sum.0 + step.0, sum.1 + step.1));
            if all == 0.0 { 0.0 } else { its / all }
        })
        .collect()
}
