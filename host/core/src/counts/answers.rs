//! Whether a backend answers what it is asked.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use super::cell::Count;
use crate::clock::Moment;

/// Whether a backend answers, as all workers have told, and since when it doesn't.
#[derive(Debug, Default)]
pub struct Answers {
    outcomes: AtomicU64,
    awaited: AtomicU64,
    given_up: AtomicU64,
    /// Since when it is silent, plus 1 µs; 0 = it isn't.
    silent_since: AtomicU64,
}

/// The same of one worker, since it last told.
#[derive(Debug, Default)]
pub struct AnswerCells {
    /// Requests of which it is known what the backend has made of them: the head of the response has come, or the backend has failed.
    pub outcomes: Count,
    /// Requests at the backend that were sent whole at once, for the heads of whose responses the proxy waits: goes up and down.
    pub awaited: Count,
    /// Clients that have left before the head of the response came, though the backend had the whole request, after waiting for at least
    /// [`GIVEN_UP`].
    pub given_up: Count,
}

/// A client that leaves sooner says nothing of a backend: users turn pages.
pub const GIVEN_UP: Duration = Duration::from_secs(1);

impl Answers {
    /// Adds what a worker has counted.
    pub(super) fn add(&self, cells: &AnswerCells) {
        cells.outcomes.tell(&self.outcomes);
        cells.awaited.tell(&self.awaited);
        cells.given_up.tell(&self.given_up);
    }

    /// See [`AnswerCells::outcomes`].
    #[must_use]
    pub fn outcomes(&self) -> u64 {
        self.outcomes.load(Relaxed)
    }

    /// See [`AnswerCells::awaited`].
    #[must_use]
    pub fn awaited(&self) -> u64 {
        self.awaited.load(Relaxed)
    }

    /// See [`AnswerCells::given_up`].
    #[must_use]
    pub fn given_up(&self) -> u64 {
        self.given_up.load(Relaxed)
    }

    /// It has answered nothing since then, though it should have; or it answers.
    pub fn set_silent(&self, since: Option<Moment>) {
        self.silent_since.store(since.map_or(0, |since| since.0.saturating_add(1)), Relaxed);
    }

    /// For how long it has answered nothing, though it should have; `None` if it answers, or is asked nothing.
    #[must_use]
    pub fn silent_for(&self, now: Moment) -> Option<Duration> {
        match self.silent_since.load(Relaxed) {
            0 => None,
            since => Some(now.since(Moment(since - 1))),
        }
    }
}
