//! When something that happens again and again is worth a line in the log.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

use crate::clock::Moment;

/// After so long without it, its next time begins another burst.
const QUIET: Duration = Duration::from_secs(10);

/// While a burst lasts, it is told again after so long.
const REMINDER: Duration = Duration::from_secs(60);

/// Something that comes in bursts.
#[derive(Debug, Default)]
pub struct Burst(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// When it happened last, and when that was last told; `None` if never.
    last: Option<Moment>,
    told: Option<Moment>,
    untold: u64,
}

impl Burst {
    /// It has happened. `Some` if that is to be told now: how often it has happened since it was last told.
    pub fn count(&self, now: Moment) -> Option<u64> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let within = |then: Option<Moment>, span| then.is_some_and(|then| now.since(then) < span);
        let goes_on = within(state.last, QUIET) && within(state.told, REMINDER);
        state.last = Some(now);
        state.untold += 1;
        if goes_on {
            return None;
        }
        state.told = Some(now);
        Some(std::mem::take(&mut state.untold))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_told_when_it_begins_and_once_a_minute() {
        let burst = Burst::default();
        let mut told = Vec::new();
        // Ten times a second for 150 s, then once more after a pause.
        let times = (0..1_500).map(|step| step * 100).chain([170_000]);
        for milliseconds in times {
            if let Some(count) = burst.count(Moment(milliseconds * 1_000)) {
                told.push((milliseconds / 1_000, count));
            }
        }
        assert_eq!(told, [(0, 1), (60, 600), (120, 600), (170, 300)]);
    }
}
