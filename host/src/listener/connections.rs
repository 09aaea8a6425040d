//! The limit of a listener's connections.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicU64, AtomicUsize};

use parking_lot::Mutex;
use pointsman_core::clock::Moment;
use pointsman_core::reminder::Reminder;
use tokio::sync::Semaphore;

use super::worker_idle::WorkerIdle;

/// Most idle connections that are closed for one new client: more than one only after the limit was lowered.
const MAX_ASKED: usize = 256;

/// The limit of a listener's connections, over all workers. It can change while there are connections.
#[derive(Debug)]
pub struct ConnectionLimit {
    limit: Mutex<usize>,
    free: Semaphore,
    /// Connections above the limit since it was lowered. When one of them ends, that makes no room.
    surplus: AtomicUsize,
    /// The workers' idle connections.
    idle: Mutex<Vec<Arc<WorkerIdle>>>,
    /// Clients that found no room, for the log.
    shortage: Reminder,
    /// Clients that found no room so far.
    shortages: AtomicU64,
}

/// One connection. It counts until this is dropped.
#[derive(Debug)]
pub struct ConnectionPermit(Arc<ConnectionLimit>);

impl ConnectionLimit {
    /// A limit of this many connections.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self {
            limit: Mutex::new(limit),
            free: Semaphore::new(limit),
            surplus: AtomicUsize::new(0),
            idle: Mutex::default(),
            shortage: Reminder::default(),
            shortages: AtomicU64::new(0),
        }
    }

    /// Changes the limit. Connections that are open stay.
    pub fn set(&self, limit: usize) {
        let mut present = self.limit.lock();
        let before = std::mem::replace(&mut *present, limit);
        if let Some(less) = before.checked_sub(limit) {
            let taken = self.free.forget_permits(less);
            self.surplus.fetch_add(less - taken, Relaxed);
        }
        (before..limit).for_each(|_| self.release());
    }

    /// The limit.
    #[must_use]
    pub fn limit(&self) -> usize {
        *self.limit.lock()
    }

    /// Takes room for one more connection, if there is some.
    #[must_use]
    pub fn try_acquire(self: &Arc<Self>) -> Option<ConnectionPermit> {
        self.free.try_acquire().ok()?.forget();
        Some(ConnectionPermit(Arc::clone(self)))
    }

    /// Counts a client that found no room. If that is to be logged now, returns how many there were since the last line.
    pub fn count_shortage(&self, now: Moment) -> Option<u64> {
        self.shortages.fetch_add(1, Relaxed);
        self.shortage.count(now)
    }

    /// Clients that found no room so far.
    #[must_use]
    pub fn shortages(&self) -> u64 {
        self.shortages.load(Relaxed)
    }

    /// Connections at this moment.
    #[must_use]
    pub fn taken(&self) -> usize {
        (self.limit() + self.surplus.load(Relaxed)).saturating_sub(self.free.available_permits())
    }

    /// Has the connection closed that has been idle for the longest, on any worker. Returns whether there is one.
    pub fn ask_for_room(&self, now: Moment) -> bool {
        let count = self.surplus.load(Relaxed).saturating_add(1).min(MAX_ASKED);
        let idle = self.idle.lock();
        let oldest = idle.iter().min_by_key(|worker| worker.oldest());
        let oldest = oldest.filter(|worker| worker.oldest() <= now);
        oldest.inspect(|worker| worker.ask(count)).is_some()
    }

    pub(super) fn add(&self, worker: Arc<WorkerIdle>) {
        self.idle.lock().push(worker);
    }

    pub(super) fn remove(&self, worker: &Arc<WorkerIdle>) {
        let mut idle = self.idle.lock();
        idle.retain(|known| !Arc::ptr_eq(known, worker));
    }

    /// Waits for room for one more connection, and takes it.
    pub async fn acquire(self: &Arc<Self>) -> ConnectionPermit {
        if let Ok(permit) = self.free.acquire().await {
            permit.forget();
        }
        // The semaphore is never closed.
        ConnectionPermit(Arc::clone(self))
    }

    fn release(&self) {
        let one_less = self.surplus.fetch_update(Relaxed, Relaxed, |surplus| surplus.checked_sub(1));
        if one_less.is_err() {
            self.free.add_permits(1);
        }
    }
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        self.0.release();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    fn try_acquire(limit: &Arc<ConnectionLimit>) -> Option<ConnectionPermit> {
        match pin!(limit.acquire()).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(permit) => Some(permit),
            Poll::Pending => None,
        }
    }

    #[test]
    fn a_lower_limit_lets_nobody_in_until_enough_have_left() {
        let limit = Arc::new(ConnectionLimit::new(4));
        let mut permits: Vec<_> = (0..3).filter_map(|_| try_acquire(&limit)).collect();
        assert_eq!(permits.len(), 3);
        limit.set(2);
        for left in [3, 2] {
            assert!(try_acquire(&limit).is_none(), "{left} connections at a limit of 2");
            permits.pop();
        }
        let one = try_acquire(&limit);
        assert!(one.is_some() && try_acquire(&limit).is_none());
        limit.set(1);
        limit.set(3);
        permits.extend(try_acquire(&limit));
        assert!(permits.len() == 2 && try_acquire(&limit).is_none());
    }
}
