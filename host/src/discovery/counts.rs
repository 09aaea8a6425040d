//! What DNS has answered, for the operator.

use std::collections::BTreeMap;

use parking_lot::Mutex;
use pointsman_core::clock::Moment;

/// What came of asking for a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnswerResult {
    /// A whole answer.
    Answered,
    /// An answer of which a part couldn't be asked, and is as it was before.
    Partial,
    /// DNS knows no address for it.
    Empty,
    /// No server has answered in time.
    Timeout,
    /// A server couldn't be asked, or its answer was an error.
    Error,
}

impl AnswerResult {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Answered, Self::Partial, Self::Empty, Self::Timeout, Self::Error];

    /// Its name in metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Partial => "partial",
            Self::Empty => "empty",
            Self::Timeout => "timeout",
            Self::Error => "error",
        }
    }
}

/// What was answered for one name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct NameCounts {
    /// Answers and failures, in the order of [`AnswerResult::ALL`].
    pub answers: [u64; AnswerResult::ALL.len()],
    /// When there was an answer last; `None` if there was none yet.
    pub last_success: Option<Moment>,
}

/// What was answered for each name that is asked for.
#[derive(Debug, Default)]
pub struct DiscoveryCounts(Mutex<BTreeMap<String, NameCounts>>);

impl DiscoveryCounts {
    /// These names are asked for from now on, and no others. Those that were asked for before keep their counts.
    pub(super) fn follow(&self, names: impl Iterator<Item = String>) {
        let mut all = self.0.lock();
        let mut before = std::mem::take(&mut *all);
        *all = names
            .map(|name| before.remove_entry(&name).unwrap_or_else(|| (name, NameCounts::default())))
            .collect();
    }

    /// Counts what came of asking for a name.
    pub(super) fn count(&self, name: &str, result: AnswerResult, now: Moment) {
        let mut all = self.0.lock();
        let Some(counts) = all.get_mut(name) else { return };
        counts.answers[result as usize] += 1;
        if matches!(result, AnswerResult::Answered | AnswerResult::Partial) {
            counts.last_success = Some(now);
        }
    }

    /// What was answered so far, by name.
    #[must_use]
    pub fn read(&self) -> Vec<(String, NameCounts)> {
        self.0.lock().iter().map(|(name, counts)| (name.clone(), *counts)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_asked_on_keep_their_counts_and_others_have_none() {
        let counts = DiscoveryCounts::default();
        let follow = |names: &[&str]| counts.follow(names.iter().map(|name| (*name).to_owned()));
        follow(&["a:80", "b:80"]);
        for result in AnswerResult::ALL {
            counts.count("a:80", result, Moment(result as u64 + 7));
        }
        counts.count("c:80", AnswerResult::Answered, Moment(1));
        follow(&["a:80", "c:80"]);
        let of_a = NameCounts { answers: [1; 5], last_success: Some(Moment(8)) };
        assert_eq!(counts.read(), [("a:80".to_owned(), of_a), ("c:80".to_owned(), NameCounts::default())]);
    }
}
