//! A worker's mailbox: where its next instance waits for it.

use std::sync::{PoisonError, TryLockError};

use pointsman_core::sync::Mutex;
use pointsman_core::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// A worker's mailbox, for what a slot delivers. On a cache line pair of its own: its worker reads it in every pick.
#[derive(Debug)]
#[repr(align(128))]
pub(super) struct Mailbox<T> {
    full: AtomicBool,
    /// Picks of this worker, as of its last report: all, and those that the policy left to the fallback, and rejected.
    picks: [AtomicU64; 3],
    /// Held for a move in or out, so that a panic can't leave half a delivery: a poisoned lock can be used.
    delivery: Mutex<Option<T>>,
}

impl<T> Default for Mailbox<T> {
    fn default() -> Self {
        Self { full: AtomicBool::default(), picks: Default::default(), delivery: Mutex::default() }
    }
}

impl<T> Mailbox<T> {
    /// Puts an instance in; returns the one that was still there.
    pub(super) fn deliver(&self, delivery: T) -> Option<T> {
        let mut place = self.delivery.lock().unwrap_or_else(PoisonError::into_inner);
        let before = place.replace(delivery);
        self.full.store(true, Ordering::Release);
        before
    }

    /// Takes what is there: one atomic load while it is empty.
    #[inline]
    pub(super) fn collect(&self) -> Option<T> {
        if self.full.load(Ordering::Acquire) { self.take() } else { None }
    }

    #[cold]
    fn take(&self) -> Option<T> {
        let mut place = match self.delivery.try_lock() {
            Ok(place) => place,
            Err(TryLockError::Poisoned(place)) => place.into_inner(),
            // The supervisor holds it for a moment. The next pick tries again; this one doesn't wait.
            Err(TryLockError::WouldBlock) => return None,
        };
        self.full.store(false, Ordering::Relaxed);
        place.take()
    }

    /// The worker reports how many picks it has made so far: all, those that the policy left to the fallback, and those that it rejected.
    pub(super) fn report_picks(&self, picks: [u64; 3]) {
        self.picks.iter().zip(picks).for_each(|(place, picks)| place.store(picks, Ordering::Relaxed));
    }

    /// Picks of the worker, as of its last report.
    pub(super) fn picks(&self) -> [u64; 3] {
        self.picks.each_ref().map(|picks| picks.load(Ordering::Relaxed))
    }
}

#[cfg(all(test, loom))]
#[path = "mailbox/models.rs"]
mod models;
