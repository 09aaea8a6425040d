//! What the workers of a listener tell each other about their idle connections.

use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicU64, AtomicUsize};

use pointsman_core::clock::Moment;
use tokio::sync::Notify;
use tokio::sync::futures::Notified;

/// When nothing is idle.
pub(super) const NEVER: Moment = Moment(u64::MAX);

/// A worker's idle connections as other workers see them, and what these ask of it.
#[derive(Debug)]
pub(super) struct WorkerIdle {
    /// From when on the first of them may be closed, µs.
    oldest: AtomicU64,
    /// How many are to be closed.
    asked: AtomicUsize,
    changed: Notify,
}

impl Default for WorkerIdle {
    /// No idle connections.
    fn default() -> Self {
        Self { oldest: AtomicU64::new(NEVER.0), asked: AtomicUsize::new(0), changed: Notify::new() }
    }
}

impl WorkerIdle {
    /// From when on the worker can close one.
    pub(super) fn oldest(&self) -> Moment {
        Moment(self.oldest.load(Relaxed))
    }

    /// Publishes from when on the worker can close one.
    pub(super) fn set_oldest(&self, oldest: Moment) {
        self.oldest.store(oldest.0, Relaxed);
    }

    /// Asks the worker to close `count` connections.
    pub(super) fn ask(&self, count: usize) {
        self.asked.fetch_add(count, Relaxed);
        self.changed.notify_one();
    }

    /// Ready when connections are asked for.
    pub(super) fn asked(&self) -> Notified<'_> {
        self.changed.notified()
    }

    /// How many connections are asked for. They count as closed from here on.
    pub(super) fn take_asked(&self) -> usize {
        self.asked.swap(0, Relaxed)
    }
}
