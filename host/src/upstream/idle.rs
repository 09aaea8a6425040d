//! Idle connections of one worker to one backend.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::time::Duration;

use pointsman_core::backend::BackendStats;
use pointsman_core::clock::Moment;

use super::connection::UpstreamConnection;
use super::pinned_slot::{PinnedSlot, close_if_dead, close_if_unused};

/// Connections that wait for their next request, the one used last on top: the fewest connections stay in use, and
/// those are the warmest and least likely to have been closed.
#[derive(Debug)]
pub(super) struct IdleConnections {
    #[expect(clippy::vec_box, reason = "a connection is large, and moves in and out with every request")]
    stack: RefCell<Vec<Box<UpstreamConnection>>>,
    limit: Cell<usize>,
    /// Those that belong to one client connection each.
    pinned: RefCell<Vec<Weak<PinnedSlot>>>,
    /// The backend's numbers, and how many are idle in there.
    stats: Arc<BackendStats>,
    told: Cell<usize>,
}

impl IdleConnections {
    /// No connections to a backend with these numbers yet; keeps at most `limit`.
    pub(super) fn new(limit: usize, stats: Arc<BackendStats>) -> Self {
        let (stack, limit, pinned) = (RefCell::default(), Cell::new(limit), RefCell::default());
        Self { stack, limit, pinned, stats, told: Cell::default() }
    }

    /// So many are idle now.
    fn tell(&self, idle: usize) {
        self.stats.counts.set_idle(idle, self.told.replace(idle));
    }

    /// Keeps at most `limit` from now on.
    pub(super) fn set_limit(&self, limit: usize) {
        self.limit.set(limit);
        let mut stack = self.stack.borrow_mut();
        let surplus = stack.len().saturating_sub(limit);
        // Those at the bottom have been idle for the longest.
        stack.drain(..surplus);
    }

    /// Takes the connection used last.
    pub(super) fn take(&self) -> Option<Box<UpstreamConnection>> {
        self.stack.borrow_mut().pop()
    }

    /// Keeps a connection, if there is room.
    pub(super) fn put(&self, mut connection: Box<UpstreamConnection>, now: Moment) {
        let mut stack = self.stack.borrow_mut();
        if stack.len() < self.limit.get() {
            connection.reused = true;
            connection.idle_since = now;
            stack.push(connection);
        }
    }

    /// Looks after a connection that is kept for one client connection.
    pub(super) fn watch_pinned(&self, slot: &Rc<PinnedSlot>) {
        self.pinned.borrow_mut().push(Rc::downgrade(slot));
    }

    /// Closes up to `count` of the least recently used connections; those of one client connection only if there is no other,
    /// as its user has to authenticate once more. Returns how many.
    pub(super) fn close(&self, count: usize) -> usize {
        let mut stack = self.stack.borrow_mut();
        let shared = count.min(stack.len());
        stack.drain(..shared);
        let pinned = self.pinned.borrow();
        shared + pinned.iter().filter_map(|slot| slot.upgrade()?.take()).take(count - shared).count()
    }

    /// Closes what has been idle for longer than `timeout`, and what its backend has closed.
    pub(super) fn prune(&self, now: Moment, timeout: Duration) {
        self.stack
            .borrow_mut()
            .retain_mut(|connection| now.since(connection.idle_since) < timeout && connection.is_ready());
        self.pinned.borrow_mut().retain(|slot| {
            let Some(slot) = slot.upgrade() else { return false };
            close_if_unused(&slot, now, timeout);
            close_if_dead(&slot);
            // It stays for as long as its client does.
            true
        });
        self.tell(self.stack.borrow().len());
    }
}

impl Drop for IdleConnections {
    /// The backend was removed: what is kept for one client connection goes as well.
    fn drop(&mut self) {
        for slot in self.pinned.get_mut().iter().filter_map(Weak::upgrade) {
            let _closed = slot.take();
        }
        self.tell(0);
    }
}
