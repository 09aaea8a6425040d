//! How long a failed instance waits for the next one.

use std::time::{Duration, Instant};

const FIRST: Duration = Duration::from_millis(10);
const LONGEST: Duration = Duration::from_secs(10);
/// After this long without a failure the next one counts as the first.
const FORGOTTEN: Duration = Duration::from_secs(60);

/// Doubles with each failure in a row.
#[derive(Debug)]
pub(super) struct Backoff {
    delay: Duration,
    failed: Instant,
}

impl Backoff {
    /// For a first failure.
    pub(super) fn new(now: Instant) -> Self {
        Self { delay: FIRST / 2, failed: now }
    }

    /// A failure; answers when the next instance may be built.
    pub(super) fn failed(&mut self, now: Instant) -> Instant {
        self.delay = if self.is_forgotten(now) { FIRST } else { (self.delay * 2).min(LONGEST) };
        self.failed = now;
        now + self.delay
    }

    /// Whether the last failure is so long ago that it doesn't matter.
    pub(super) fn is_forgotten(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.failed) > FORGOTTEN
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_the_longest_and_start_anew_after_calm() {
        let mut now = Instant::now();
        let mut backoff = Backoff::new(now);
        let mut delays = Vec::new();
        for _ in 0..13 {
            let due = backoff.failed(now);
            delays.push((due - now).as_millis());
            now = due;
        }
        assert_eq!(delays, [10, 20, 40, 80, 160, 320, 640, 1280, 2560, 5120, 10_000, 10_000, 10_000]);
        now += Duration::from_secs(61);
        assert_eq!(backoff.failed(now) - now, FIRST);
    }
}
