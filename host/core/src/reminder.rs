//! Decides when a condition that recurs is worth another line in the log.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

use crate::clock::Moment;

/// After this long without it, the next occurrence is logged at once.
const QUIET: Duration = Duration::from_secs(10);

/// While it keeps occurring, it is logged this often.
const REMINDER: Duration = Duration::from_secs(60);

/// A condition that is logged when it begins, and then once a minute for as long as it lasts.
#[derive(Debug, Default)]
pub struct Reminder(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// When it last occurred, and when that was last logged; `None` if never.
    last: Option<Moment>,
    logged: Option<Moment>,
    unlogged: u64,
}

impl Reminder {
    /// Counts an occurrence. If it is to be logged now, returns how many there were since the last line.
    pub fn count(&self, now: Moment) -> Option<u64> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let within = |then: Option<Moment>, span| then.is_some_and(|then| now.since(then) < span);
        let goes_on = within(state.last, QUIET) && within(state.logged, REMINDER);
        state.last = Some(now);
        state.unlogged += 1;
        if goes_on {
            return None;
        }
        state.logged = Some(now);
        Some(std::mem::take(&mut state.unlogged))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_logged_when_it_begins_and_once_a_minute() {
        let reminder = Reminder::default();
        let mut logged = Vec::new();
        // Ten times a second for 150 s, then once more after a pause.
        let times = (0..1_500).map(|step| step * 100).chain([170_000]);
        for milliseconds in times {
            if let Some(count) = reminder.count(Moment(milliseconds * 1_000)) {
                logged.push((milliseconds / 1_000, count));
            }
        }
        assert_eq!(logged, [(0, 1), (60, 600), (120, 600), (170, 300)]);
    }
}
