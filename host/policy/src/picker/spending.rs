//! What a policy takes of its worker's time, over all its calls.
//!
//! The deadline bounds one call; it doesn't keep a policy from computing for two milliseconds in every ten. A worker serves all
//! pools, so what one policy takes, the others lose.

use std::time::Duration;

use pointsman_core::clock::Moment;

use crate::guest::thread_cpu_time;

/// One in this many picks and observations is measured: reading the CPU time costs more than a cheap pick.
const MEASURED: u32 = 64;

/// Time over which the CPU time of all calls is added up.
const WINDOW: Duration = Duration::from_secs(1);

/// Ticks in a row that may come late because the ones before took too long.
pub(super) const LATE_TICKS: u32 = 100;

/// What a policy has taken on one worker.
#[derive(Debug)]
pub(super) struct Spending {
    pub(super) picks: Calls,
    pub(super) observations: Calls,
    /// Of ticks and topologies.
    measured: Duration,
    since: Moment,
    late_ticks: u32,
}

/// Calls of one hook within a window.
#[derive(Debug, Default)]
pub(super) struct Calls {
    made: u32,
    measured: u32,
    time: Duration,
}

/// When the next tick may come, and whether that is late.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TickDelay {
    pub(super) wait: Duration,
    /// The policy has asked for an earlier one.
    pub(super) is_late: bool,
    /// It has been late too often.
    pub(super) is_excessive: bool,
}

impl Calls {
    /// A call begins. Returns the CPU time so far if the call is to be measured.
    #[inline]
    pub(super) fn begin(&mut self) -> Option<Duration> {
        self.made = self.made.wrapping_add(1);
        (self.made % MEASURED == 1).then(thread_cpu_time)
    }

    /// The call has ended. Returns what it took if it was measured.
    #[inline]
    pub(super) fn end(&mut self, began: Option<Duration>) -> Option<Duration> {
        // Before the time is read, which is a system call: most calls aren't measured.
        let began = began?;
        let took = thread_cpu_time().saturating_sub(began);
        self.measured += 1;
        self.time += took;
        Some(took)
    }

    /// Ends the window: what all calls have taken, if those that weren't measured took as long as the others.
    fn take(&mut self) -> Duration {
        let Self { made, measured, time } = std::mem::take(self);
        time / measured.max(1) * made
    }
}

impl Spending {
    pub(super) fn new(now: Moment) -> Self {
        Self {
            picks: Calls::default(),
            observations: Calls::default(),
            measured: Duration::ZERO,
            since: now,
            late_ticks: 0,
        }
    }

    /// A tick has taken this much; the policy wants the next one after `asked`, and its ticks may take `percent` of the time.
    pub(super) fn ticked(&mut self, took: Duration, asked: Duration, percent: u32) -> TickDelay {
        self.measured += took;
        let least = (took * 100 / percent.max(1)).saturating_sub(took);
        let is_late = least > asked;
        self.late_ticks = if is_late { self.late_ticks + 1 } else { 0 };
        let is_excessive = self.late_ticks >= LATE_TICKS;
        TickDelay { wait: asked.max(least), is_late, is_excessive }
    }

    /// A call of `topology` has taken this much.
    pub(super) fn topology(&mut self, took: Duration) {
        self.measured += took;
    }

    /// Once per window: the CPU time of all calls, and its share of the window in percent.
    pub(super) fn close_window(&mut self, now: Moment) -> Option<(Duration, u32)> {
        let passed = now.since(self.since);
        if passed < WINDOW {
            return None;
        }
        let taken = std::mem::take(&mut self.measured) + self.picks.take() + self.observations.take();
        self.since = now;
        let percent = taken.as_micros() * 100 / passed.as_micros().max(1);
        Some((taken, u32::try_from(percent).unwrap_or(u32::MAX)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn ticks_that_take_long_come_less_often_and_are_too_much_in_the_end() {
        let mut spending = Spending::new(Moment(0));
        let delay = spending.ticked(MS / 2, 10 * MS, 5);
        assert_eq!(delay, TickDelay { wait: 10 * MS, is_late: false, is_excessive: false });
        for _ in 1..LATE_TICKS {
            let delay = spending.ticked(2 * MS, 10 * MS, 5);
            assert_eq!(delay, TickDelay { wait: 38 * MS, is_late: true, is_excessive: false });
        }
        assert!(spending.ticked(2 * MS, 10 * MS, 5).is_excessive);
        assert!(!spending.ticked(2 * MS, 100 * MS, 5).is_late, "it asks for fewer");
        assert!(!spending.ticked(2 * MS, 10 * MS, 5).is_excessive, "and the count starts over");
    }

    #[test]
    fn calls_that_were_not_measured_count_like_those_that_were() {
        let mut spending = Spending::new(Moment(0));
        spending.ticked(50 * MS, 10 * MS, 100);
        spending.picks = Calls { made: 640, measured: 10, time: 5 * MS };
        assert_eq!(spending.close_window(Moment(999_999)), None);
        assert_eq!(spending.close_window(Moment(1_000_000)), Some((370 * MS, 37)));
        assert_eq!(spending.close_window(Moment(2_000_000)), Some((Duration::ZERO, 0)));
    }

    #[test]
    fn one_call_of_many_is_measured() {
        let mut calls = Calls::default();
        let measured = (0..640).filter(|_| calls.begin().is_some()).count();
        assert_eq!(measured, 10);
    }
}
