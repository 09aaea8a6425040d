//! Slow start: the weight of a backend that has just come up.

use std::time::Duration;

use pointsman_core::clock::Moment;

/// Steps from the first share of the weight to the whole one. Each makes a new topology, so there are few.
const STEPS: u32 = 10;

/// How long each step takes.
pub(super) fn step(slow_start: Duration) -> Duration {
    slow_start / STEPS
}

/// The weight of a backend that came up at `since`; `None` once it has its whole weight.
pub(super) fn weight(whole: u32, since: Moment, now: Moment, slow_start: Duration) -> Option<u32> {
    let passed = now.since(since);
    if passed >= slow_start {
        return None;
    }
    let steps = passed.as_micros() * u128::from(STEPS) / slow_start.as_micros().max(1);
    let share = u64::try_from(steps).unwrap_or(0) + 1;
    u32::try_from(u64::from(whole) * share / u64::from(STEPS)).ok().map(|weight| weight.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenth_at_first_and_all_at_the_end() {
        let slow_start = Duration::from_secs(30);
        let at = |seconds: u64| {
            weight(2_000, Moment(5_000_000), Moment(5_000_000 + seconds * 1_000_000), slow_start)
        };
        assert_eq!(at(0), Some(200));
        assert_eq!(at(2), Some(200));
        assert_eq!(at(3), Some(400));
        assert_eq!(at(15), Some(1_200));
        assert_eq!(at(29), Some(2_000));
        assert_eq!(at(30), None);
        let different: std::collections::BTreeSet<_> = (0..30).map(at).collect();
        assert_eq!(different.len(), 10, "few topologies");
        assert_eq!(weight(2_000, Moment(5), Moment(5), Duration::ZERO), None);
        assert_eq!(weight(1, Moment(5), Moment(5), slow_start), Some(1), "never nothing");
        assert_eq!(weight(u32::MAX, Moment(5), Moment(5), slow_start), Some(u32::MAX / 10));
    }
}
