//! When a worker whose instance failed gets another one.

use std::collections::VecDeque;
use std::time::Duration;

use pointsman_core::clock::Moment;

/// This many failures within [`WINDOW`] open the circuit.
const FAILURES: usize = 5;
const WINDOW: Duration = Duration::from_secs(10);

/// While it is closed: the wait after the first failure; it doubles with each further one.
const FIRST: Duration = Duration::from_millis(10);

/// While it is open: the shortest and the longest wait; it doubles with each probe that fails.
const SHORTEST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(60);

/// An instance that was built as a probe, and has had no failure for this long, closes the circuit.
const PROVEN: Duration = Duration::from_secs(10);

/// A circuit breaker between one worker and its policy.
///
/// *Closed*, a failed instance is soon replaced. Too many failures *open* it: for a while the fallback picks and the
/// policy isn't asked at all. Then an instance is built as a probe (*half-open*): its first failure opens the circuit
/// again, for twice as long; a time without failure closes it.
#[derive(Debug, Default)]
pub(super) struct Circuit {
    /// Failures of the last [`WINDOW`], while it is closed; at most [`FAILURES`].
    recent: VecDeque<Moment>,
    open: Option<Open>,
}

#[derive(Debug)]
struct Open {
    wait: Duration,
    /// When the probe, if one is serving, will have been proven.
    proven_at: Option<Moment>,
}

/// What follows from a failure for the next instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NextInstance {
    /// Until the next instance may be built.
    pub(super) wait: Duration,
    /// The circuit was closed before this failure, and is open now.
    pub(super) opened: bool,
}

impl Circuit {
    /// An instance has failed, or couldn't be built.
    pub(super) fn failed(&mut self, now: Moment) -> NextInstance {
        if let Some(open) = &mut self.open {
            open.wait = (open.wait * 2).min(LONGEST);
            open.proven_at = None;
            return NextInstance { wait: open.wait, opened: false };
        }
        self.recent.retain(|failed| now.since(*failed) < WINDOW);
        self.recent.push_back(now);
        let failures = self.recent.len();
        if failures >= FAILURES {
            self.recent.clear();
            self.open = Some(Open { wait: SHORTEST, proven_at: None });
            return NextInstance { wait: SHORTEST, opened: true };
        }
        let doublings = failures.saturating_sub(1) as u32;
        NextInstance { wait: FIRST * 2u32.pow(doublings), opened: false }
    }

    /// An instance was built, and is on its way to the worker.
    pub(super) fn rebuilt(&mut self, now: Moment) {
        if let Some(open) = &mut self.open {
            open.proven_at = Some(now.after(PROVEN));
        }
    }

    /// When [`close_if_proven`](Self::close_if_proven) has something to do, if nothing happens before.
    pub(super) fn closes_at(&self) -> Option<Moment> {
        self.open.as_ref()?.proven_at
    }

    /// Closes it if the probe has served for long enough; returns whether it did.
    pub(super) fn close_if_proven(&mut self, now: Moment) -> bool {
        let proven = self.closes_at().is_some_and(|at| at <= now);
        if proven {
            *self = Self::default();
        }
        proven
    }

    /// Whether the policy isn't asked, or only on trial.
    pub(super) fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// Whether there is nothing to remember.
    pub(super) fn is_forgotten(&self, now: Moment) -> bool {
        let recent = |failed: &Moment| now.since(*failed) < WINDOW;
        self.open.is_none() && !self.recent.iter().any(recent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waits(circuit: &mut Circuit, mut now: Moment, failures: usize) -> (Vec<u128>, Vec<bool>) {
        let failed = (0..failures).map(|_| {
            let NextInstance { wait, opened } = circuit.failed(now);
            now = now.after(wait);
            circuit.rebuilt(now);
            (wait.as_millis(), opened)
        });
        failed.unzip()
    }

    #[test]
    fn waits_double_and_the_fifth_failure_in_ten_seconds_opens() {
        let (waits, opened) = waits(&mut Circuit::default(), Moment(0), 13);
        assert_eq!(waits, [10, 20, 40, 80, 1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000, 60_000]);
        assert_eq!(opened.iter().position(|opened| *opened), Some(4));
        assert_eq!(opened.iter().filter(|opened| **opened).count(), 1);
    }

    #[test]
    fn rare_failures_never_open() {
        let (mut circuit, mut now) = (Circuit::default(), Moment(0));
        for _ in 0..20 {
            let failed = circuit.failed(now);
            assert!(!failed.opened && failed.wait <= FIRST * 8, "{failed:?}");
            now = now.after(WINDOW / 4);
        }
        assert!(!circuit.is_open() && circuit.is_forgotten(now.after(WINDOW)));
    }

    #[test]
    fn a_probe_without_failure_closes() {
        let (mut circuit, now) = (Circuit::default(), Moment(0));
        waits(&mut circuit, now, 5);
        let later = now.after(Duration::from_secs(5));
        circuit.rebuilt(later);
        assert!(!circuit.close_if_proven(later.after(PROVEN - FIRST)) && circuit.is_open());
        assert!(circuit.close_if_proven(later.after(PROVEN)) && !circuit.is_open());
        assert_eq!(circuit.failed(later.after(PROVEN)).wait, FIRST, "it starts over");
    }

    #[test]
    fn a_probe_that_fails_is_not_proven_by_time() {
        let (mut circuit, now) = (Circuit::default(), Moment(0));
        waits(&mut circuit, now, 6);
        circuit.failed(now);
        assert_eq!(circuit.closes_at(), None, "nothing serves");
        assert!(!circuit.close_if_proven(now.after(LONGEST * 10)));
    }
}
