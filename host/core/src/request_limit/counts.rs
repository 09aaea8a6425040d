//! What is counted of a limit.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

use super::quota::Exceeded;
use super::table::Room;

/// What is counted of a limit: nothing as long as requests keep to it.
#[derive(Debug, Default)]
pub struct LimitCounts {
    by_rate: AtomicU64,
    by_concurrency: AtomicU64,
    would_by_rate: AtomicU64,
    would_by_concurrency: AtomicU64,
    forgotten: AtomicU64,
    shared: AtomicU64,
}

/// Why requests were over a limit, by number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ByReason {
    /// They came too soon.
    pub rate: u64,
    /// Too many ran.
    pub concurrency: u64,
}

impl LimitCounts {
    pub(super) fn limit(&self, exceeded: Exceeded) {
        match exceeded {
            Exceeded::Rate(_) => &self.by_rate,
            Exceeded::Concurrency => &self.by_concurrency,
        }
        .fetch_add(1, Relaxed);
    }

    pub(super) fn would_limit(&self, exceeded: Exceeded) {
        match exceeded {
            Exceeded::Rate(_) => &self.would_by_rate,
            Exceeded::Concurrency => &self.would_by_concurrency,
        }
        .fetch_add(1, Relaxed);
    }

    pub(super) fn fall_short(&self, room: Room) {
        match room {
            Room::Enough => return,
            Room::Forgot => &self.forgotten,
            Room::Shared => &self.shared,
        }
        .fetch_add(1, Relaxed);
    }

    /// Requests that were refused.
    #[must_use]
    pub fn limited(&self) -> ByReason {
        ByReason { rate: self.by_rate.load(Relaxed), concurrency: self.by_concurrency.load(Relaxed) }
    }

    /// Requests that would have been, but for a dry run.
    #[must_use]
    pub fn would_be_limited(&self) -> ByReason {
        let (rate, concurrency) = (&self.would_by_rate, &self.would_by_concurrency);
        ByReason { rate: rate.load(Relaxed), concurrency: concurrency.load(Relaxed) }
    }

    /// Keys that gave way to others although they weren't idle.
    #[must_use]
    pub fn forgotten(&self) -> u64 {
        self.forgotten.load(Relaxed)
    }

    /// Requests whose key found no place, and that shared one.
    #[must_use]
    pub fn shared(&self) -> u64 {
        self.shared.load(Relaxed)
    }
}
