//! Files that can't be used may be on their way to others that can: a key is written before its certificate, a file is removed before the next
//! one has its name.

use std::time::{Duration, Instant};

/// For so long nothing is said of them.
const PATIENCE: Duration = Duration::from_secs(2);

/// Since when files can't be used of which nothing was said yet.
#[derive(Debug, Default)]
pub(super) struct Doubt(Option<Instant>);

impl Doubt {
    /// The files can't be used. Whether to look again before saying so.
    pub(super) fn is_worth_waiting(&mut self, now: Instant) -> bool {
        let since = *self.0.get_or_insert(now);
        now.saturating_duration_since(since) < PATIENCE
    }

    /// They can be used, or it was said that they can't.
    pub(super) fn is_over(&mut self) {
        self.0 = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_said_for_two_seconds_however_the_files_change() {
        let (began, mut doubt) = (Instant::now(), Doubt::default());
        let mut at = |ms| doubt.is_worth_waiting(began + Duration::from_millis(ms));
        assert_eq!([0, 200, 1_999, 2_000, 9_000].map(&mut at), [true, true, true, false, false]);
        doubt.is_over();
        assert!(doubt.is_worth_waiting(began + Duration::from_secs(60)), "the next time is another one");
    }
}
