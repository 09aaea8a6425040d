//! Backends that answer nothing: whose process is stopped, or whose threads all wait for something.
//!
//! Clients that lose patience before `response_timeout` leave no failure behind, so nothing else shows such a backend. It isn't ejected for
//! it: a client that leaves has not been failed, and anyone could have a backend ejected that way.

use std::time::Duration;

use pointsman_core::backend::BackendStats;
use pointsman_core::clock::Moment;

/// A backend may be silent for this long.
const PATIENCE: Duration = Duration::from_secs(10);

/// A backend that is asked nothing for this long is no longer called silent.
const FORGOTTEN: Duration = Duration::from_secs(30);

/// With more time than this between two looks, the proxy itself was stopped.
const GAP: Duration = Duration::from_secs(5);

/// How long backends may be silent whose responses may take this long: long before a request fails.
pub(super) fn patience(response_timeout: Duration) -> Duration {
    PATIENCE.min(response_timeout / 3)
}

/// What follows from a look at a backend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Finding {
    /// It has answered nothing for this long.
    FellSilent(Duration),
    /// It was silent, and has answered, or failed.
    Speaks,
}

/// Whether a backend is silent.
#[derive(Debug)]
pub(super) struct Silence {
    outcomes: u64,
    given_up: u64,
    /// When it was last looked at, and when it was last asked for anything.
    looked: Moment,
    asked: Moment,
    /// The first look at which an answer was due.
    since: Option<Moment>,
    is_silent: bool,
}

impl Silence {
    pub(super) fn new(stats: &BackendStats, now: Moment) -> Self {
        let answers = &stats.counts.answers;
        Self {
            outcomes: answers.outcomes(),
            given_up: answers.given_up(),
            looked: now,
            asked: now,
            since: None,
            is_silent: false,
        }
    }

    /// Looks at it.
    pub(super) fn look(&mut self, stats: &BackendStats, patience: Duration, now: Moment) -> Option<Finding> {
        let answers = &stats.counts.answers;
        let (outcomes, awaited, given_up) = (answers.outcomes(), answers.awaited(), answers.given_up());
        let is_due = awaited > 0 || given_up != self.given_up;
        let has_spoken = outcomes != self.outcomes;
        let was_stopped = now.since(self.looked) > GAP;
        (self.outcomes, self.given_up, self.looked) = (outcomes, given_up, now);
        if is_due {
            self.asked = now;
        }
        if has_spoken || was_stopped || now.since(self.asked) > FORGOTTEN {
            self.since = None;
        }
        if is_due {
            self.since.get_or_insert(now);
        }
        // One that always takes long has a right to.
        let patience = patience.max(Duration::from_micros(stats.latency_ewma_us().saturating_mul(3)));
        let silent = self.since.filter(|since| now.since(*since) >= patience);
        answers.set_silent(silent);
        let was_silent = std::mem::replace(&mut self.is_silent, silent.is_some());
        match (was_silent, silent) {
            (false, Some(since)) => Some(Finding::FellSilent(now.since(since))),
            (true, None) if has_spoken => Some(Finding::Speaks),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use pointsman_core::backend::Completion;
    use pointsman_core::counts::BackendCells;

    use super::*;

    /// A backend that is looked at each second.
    struct Watched {
        stats: BackendStats,
        cells: BackendCells,
        silence: Silence,
        second: u64,
    }

    impl Watched {
        fn new() -> Self {
            let stats = BackendStats::default();
            let (cells, silence) = (stats.counts.cells(), Silence::new(&stats, Moment(0)));
            Self { stats, cells, silence, second: 0 }
        }

        /// So many seconds pass. Answers what was found, with the second.
        fn pass(&mut self, seconds: u64) -> Vec<(u64, Finding)> {
            self.stats.counts.add(&self.cells);
            let mut found = Vec::new();
            for _ in 0..seconds {
                self.second += 1;
                let now = Moment(self.second * 1_000_000);
                let finding = self.silence.look(&self.stats, patience(Duration::from_secs(30)), now);
                found.extend(finding.map(|finding| (self.second, finding)));
            }
            found
        }

        fn silent_for(&self) -> Option<u64> {
            let now = Moment(self.second * 1_000_000);
            self.stats.counts.answers.silent_for(now).map(|silent| silent.as_secs())
        }
    }

    const FELL_SILENT: Finding = Finding::FellSilent(PATIENCE);

    #[test]
    fn a_backend_that_owes_an_answer_is_silent_until_it_answers() {
        let mut watched = Watched::new();
        assert_eq!(watched.pass(100), [], "it is asked nothing");
        watched.cells.answers.awaited.add(3);
        assert_eq!(watched.pass(25), [(111, FELL_SILENT)], "once");
        assert_eq!(watched.silent_for(), Some(24));
        watched.cells.answers.awaited.sub(1);
        watched.cells.answers.outcomes.add(1);
        assert_eq!(watched.pass(9), [(126, Finding::Speaks)]);
        assert_eq!(watched.silent_for(), None);
        assert_eq!(watched.pass(2), [(136, FELL_SILENT)], "two more are awaited");
    }

    #[test]
    fn clients_that_give_up_one_after_the_other_add_up() {
        let mut watched = Watched::new();
        let mut found = Vec::new();
        for _ in 0..5 {
            found.extend(watched.pass(7));
            watched.cells.answers.given_up.add(1);
            found.extend(watched.pass(1));
        }
        assert_eq!(found, [(18, FELL_SILENT)], "though none waits when it is looked at");
        assert_eq!(watched.pass(31), [], "nobody asks any more: it hasn't answered");
        assert_eq!(watched.silent_for(), None);
    }

    #[test]
    fn one_that_answers_others_is_not_silent_and_a_slow_one_has_time() {
        let mut watched = Watched::new();
        watched.cells.answers.awaited.add(1);
        for _ in 0..60 {
            watched.cells.answers.outcomes.add(1);
            assert_eq!(watched.pass(1), []);
        }
        watched
            .stats
            .complete(Moment(60_000_000), Completion { latency: Duration::from_secs(20), failed: false });
        assert_eq!(watched.pass(59), [], "long polls");
        assert_eq!(watched.pass(1), [(120, Finding::FellSilent(Duration::from_secs(60)))]);
    }

    #[test]
    fn time_in_which_nobody_looked_does_not_count() {
        let mut watched = Watched::new();
        watched.cells.answers.awaited.add(1);
        assert_eq!(watched.pass(5), []);
        watched.second += 3_600;
        assert_eq!(watched.pass(10), []);
        assert_eq!(patience(Duration::from_secs(3)), Duration::from_secs(1));
        assert_eq!(watched.pass(1).len(), 1);
    }
}
