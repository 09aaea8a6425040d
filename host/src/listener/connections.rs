//! How many connections a listener may have at a time.

use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, PoisonError};

use pointsman_core::burst::Burst;
use pointsman_core::clock::Moment;
use tokio::sync::Semaphore;

use super::idle::Notice;

/// Most connections that one client has closed: more than one only after the limit was lowered.
const MAX_ASKED: usize = 256;

/// The limit of a listener's connections, over all workers. It can change while there are connections.
#[derive(Debug)]
pub struct ConnectionLimit {
    limit: Mutex<usize>,
    free: Semaphore,
    /// Connections above the limit since it was lowered. So many of those that end make no room.
    surplus: AtomicUsize,
    /// What the workers have in idle connections.
    idle: Mutex<Vec<Arc<Notice>>>,
    /// Clients that found no room.
    shortage: Burst,
}

/// One connection. It counts until this is dropped.
#[derive(Debug)]
pub struct ConnectionPermit(Arc<ConnectionLimit>);

impl ConnectionLimit {
    /// At most so many connections.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self {
            limit: Mutex::new(limit),
            free: Semaphore::new(limit),
            surplus: AtomicUsize::new(0),
            idle: Mutex::default(),
            shortage: Burst::default(),
        }
    }

    /// At most so many from now on. Connections that are there stay.
    pub fn set(&self, limit: usize) {
        let mut present = self.limit.lock().unwrap_or_else(PoisonError::into_inner);
        let before = std::mem::replace(&mut *present, limit);
        if let Some(less) = before.checked_sub(limit) {
            let taken = self.free.forget_permits(less);
            self.surplus.fetch_add(less - taken, Relaxed);
        }
        (before..limit).for_each(|_| self.release());
    }

    /// At most so many.
    #[must_use]
    pub fn limit(&self) -> usize {
        *self.limit.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Room for one more, if there is some.
    #[must_use]
    pub fn try_acquire(self: &Arc<Self>) -> Option<ConnectionPermit> {
        self.free.try_acquire().ok()?.forget();
        Some(ConnectionPermit(Arc::clone(self)))
    }

    /// A client found no room. `Some` if that is to be told: how many have since it was last told.
    pub fn count_shortage(&self, now: Moment) -> Option<u64> {
        self.shortage.count(now)
    }

    /// Has the idle connection closed that has waited for a request the longest, on whichever worker it is. Answers whether
    /// there is one.
    pub fn ask_for_room(&self, now: Moment) -> bool {
        let count = self.surplus.load(Relaxed).saturating_add(1).min(MAX_ASKED);
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let oldest = idle.iter().min_by_key(|notice| notice.oldest());
        let oldest = oldest.filter(|notice| notice.oldest() <= now);
        oldest.inspect(|notice| notice.ask(count)).is_some()
    }

    pub(super) fn add(&self, notice: Arc<Notice>) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(notice);
    }

    pub(super) fn remove(&self, notice: &Arc<Notice>) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|known| !Arc::ptr_eq(known, notice));
    }

    /// Waits until there is room for one more.
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
