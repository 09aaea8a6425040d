//! Medians, spreads, and how sure a ratio is.

use serde::Serialize;

/// Samples drawn for a confidence interval.
const RESAMPLES: usize = 10_000;

/// Several measurements of one thing.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Summary {
    /// The middle one.
    pub(crate) median: f64,
    /// The least.
    pub(crate) min: f64,
    /// The greatest.
    pub(crate) max: f64,
    /// Interquartile range in per cent of the median.
    pub(crate) spread_percent: f64,
}

/// How one contender's measurements compare with another's of the same rounds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Ratio {
    /// Median over the rounds.
    pub(crate) median: f64,
    /// Lower end of the 95 % confidence interval.
    pub(crate) low: f64,
    /// Its upper end.
    pub(crate) high: f64,
}

impl Summary {
    /// `None` without measurements.
    pub(crate) fn of(measurements: &[f64]) -> Option<Self> {
        let sorted = sorted(measurements);
        let (min, max) = (*sorted.first()?, *sorted.last()?);
        let median = quantile(&sorted, 0.5);
        let spread = quantile(&sorted, 0.75) - quantile(&sorted, 0.25);
        let spread_percent = if median > 0.0 { 100.0 * spread / median } else { 0.0 };
        Some(Self { median, min, max, spread_percent })
    }
}

impl Ratio {
    /// Compares round by round: what disturbed a whole round then cancels out. The interval is a percentile bootstrap
    /// over the rounds, with a fixed seed: the same measurements give the same interval.
    ///
    /// `None` without rounds, or if a measurement to compare with is zero.
    pub(crate) fn of(measurements: &[f64], to: &[f64]) -> Option<Self> {
        if measurements.is_empty() || measurements.len() != to.len() || to.contains(&0.0) {
            return None;
        }
        let ratios: Vec<f64> = measurements.iter().zip(to).map(|(ours, theirs)| ours / theirs).collect();
        let mut random = Random(0x9E37_79B9_7F4A_7C15);
        let mut sample = vec![0.0; ratios.len()];
        let mut medians: Vec<f64> = (0..RESAMPLES)
            .map(|_| {
                sample.fill_with(|| ratios[random.below(ratios.len())]);
                sample.sort_by(f64::total_cmp);
                quantile(&sample, 0.5)
            })
            .collect();
        medians.sort_by(f64::total_cmp);
        Some(Self {
            median: quantile(&sorted(&ratios), 0.5),
            low: quantile(&medians, 0.025),
            high: quantile(&medians, 0.975),
        })
    }
}

/// The middle of what was measured; zero without measurements.
pub(crate) fn median(measurements: &[f64]) -> f64 {
    if measurements.is_empty() { 0.0 } else { quantile(&sorted(measurements), 0.5) }
}

fn sorted(measurements: &[f64]) -> Vec<f64> {
    let mut sorted = measurements.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
}

/// A quantile of sorted, non-empty measurements, interpolated between neighbours.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let place = share * (sorted.len() - 1) as f64;
    let below = place.floor() as usize;
    let above = (below + 1).min(sorted.len() - 1);
    sorted[below] + (sorted[above] - sorted[below]) * (place - below as f64)
}

/// SplitMix64: drawing rounds needs no better one.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^= mixed >> 31;
        ((u128::from(mixed) * end as u128) >> 64) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_has_the_middle_and_the_ends() {
        let summary = Summary::of(&[3.0, 1.0, 2.0, 5.0, 4.0]).unwrap();
        assert_eq!((summary.median, summary.min, summary.max), (3.0, 1.0, 5.0));
        assert!((summary.spread_percent - 200.0 / 3.0).abs() < 1e-9);
        assert_eq!(Summary::of(&[]), None);
    }

    #[test]
    fn an_even_number_of_measurements_has_its_median_between_two() {
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), 2.5);
        assert_eq!(median(&[]), 0.0);
    }

    #[test]
    fn a_constant_ratio_is_certain() {
        let ratio = Ratio::of(&[2.0, 4.0, 8.0], &[1.0, 2.0, 4.0]).unwrap();
        assert_eq!((ratio.median, ratio.low, ratio.high), (2.0, 2.0, 2.0));
    }

    #[test]
    fn an_interval_holds_the_median_and_stays_within_the_rounds() {
        let ours = [1.0, 1.1, 0.9, 1.2, 1.0, 0.95, 1.05, 1.3, 0.8, 1.0];
        let ratio = Ratio::of(&ours, &[1.0; 10]).unwrap();
        assert!(ratio.low <= ratio.median && ratio.median <= ratio.high, "{ratio:?}");
        assert!(ratio.low >= 0.8 && ratio.high <= 1.3 && ratio.low < ratio.high, "{ratio:?}");
        assert_eq!(Ratio::of(&ours, &[1.0; 10]), Some(ratio));
    }

    #[test]
    fn more_rounds_make_a_ratio_surer() {
        let few: Vec<f64> = (0..6).map(|round| 1.0 + 0.1 * f64::from(round % 3)).collect();
        let many: Vec<f64> = (0..60).map(|round| 1.0 + 0.1 * f64::from(round % 3)).collect();
        let width = |rounds: &[f64]| {
            let ratio = Ratio::of(rounds, &vec![1.0; rounds.len()]).unwrap();
            ratio.high - ratio.low
        };
        assert!(width(&many) < width(&few));
    }

    #[test]
    fn nothing_is_compared_with_nothing() {
        assert_eq!(Ratio::of(&[], &[]), None);
        assert_eq!(Ratio::of(&[1.0], &[0.0]), None);
        assert_eq!(Ratio::of(&[1.0, 2.0], &[1.0]), None);
    }
}
