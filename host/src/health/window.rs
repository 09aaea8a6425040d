//! The share of failures among a backend's latest requests.

use std::collections::VecDeque;
use std::time::Duration;

use pointsman_core::clock::Moment;

use crate::config::EjectionConfig;

/// Parts of a window; it advances by one of them.
const PARTS: u32 = 10;

/// A backend's counters at the ends of the last parts of a window.
#[derive(Debug)]
pub(super) struct Window {
    /// Requests that have ended, and failures, oldest first. At most one more than there are parts.
    samples: VecDeque<(u64, u64)>,
    /// When the last sample was taken.
    sampled: Option<Moment>,
}

impl Window {
    /// A window that begins with the counters at these numbers.
    pub(super) fn new(ended: u64, failures: u64) -> Self {
        Self { samples: VecDeque::from([(ended, failures)]), sampled: None }
    }

    /// Takes a sample of the counters if a part of the window has passed since the last one.
    pub(super) fn sample(&mut self, ended: u64, failures: u64, now: Moment, config: &EjectionConfig) {
        if self.sampled.is_some_and(|at| now.since(at) < part(config)) {
            return;
        }
        self.sampled = Some(now);
        if self.samples.len() > PARTS as usize {
            self.samples.pop_front();
        }
        self.samples.push_back((ended, failures));
    }

    /// Share of failures, percent; `None` if there were fewer than `min_requests`.
    pub(super) fn failure_percent(&self, min_requests: u32) -> Option<u32> {
        let (first, last) = self.samples.front().zip(self.samples.back())?;
        // Requests are counted as in flight before they are counted, so the difference may go backwards.
        let ended = last.0.saturating_sub(first.0);
        let failures = last.1.saturating_sub(first.1).min(ended);
        let enough = ended >= u64::from(min_requests.max(1));
        enough.then(|| u32::try_from(failures * 100 / ended).unwrap_or(100))
    }
}

/// How long a part of the window is.
pub(super) fn part(config: &EjectionConfig) -> Duration {
    config.window / PARTS
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Moment {
        Moment(ms * 1_000)
    }

    #[test]
    fn counts_what_is_within_it() {
        let config = EjectionConfig::default();
        let mut window = Window::new(1_000, 900);
        assert_eq!(window.failure_percent(1), None, "nothing yet");
        // 10 requests a second, none of which fails; then 10, of which 9 fail.
        let (mut ended, mut failures) = (1_000, 900);
        let mut shares = Vec::new();
        for second in 1..=25 {
            ended += 10;
            failures += if second > 10 { 9 } else { 0 };
            window.sample(ended, failures, at(second * 1_000), &config);
            // Too early for the next part.
            window.sample(ended + 1_000, failures, at(second * 1_000 + 999), &config);
            shares.push(window.failure_percent(50));
        }
        assert_eq!(shares[..4], [None; 4], "too few");
        assert_eq!(shares[4..10], [Some(0); 6]);
        assert_eq!(shares[10..20], [9, 18, 27, 36, 45, 54, 63, 72, 81, 90].map(Some));
        assert_eq!(shares[20..], [Some(90); 5]);
    }

    #[test]
    fn more_failures_than_requests_are_all_of_them() {
        let mut window = Window::new(0, 0);
        // A response that was a failure and then broke off counts twice.
        window.sample(10, 15, at(1), &EjectionConfig::default());
        assert_eq!(window.failure_percent(10), Some(100));
        window.sample(5, 15, at(5_000), &EjectionConfig::default());
        assert_eq!(window.failure_percent(1), Some(100));
    }
}
