//! Where a connection that belongs to one client connection waits for the next request.

use std::cell::RefCell;
use std::time::Duration;

use pointsman_core::clock::Moment;

use super::connection::{Owner, UpstreamConnection};

/// Shared by the client's connections and the backend's idle ones, as it may have to be closed when another request needs its
/// permit.
pub(super) type PinnedSlot = RefCell<Option<Box<UpstreamConnection>>>;

/// Closes the connection in a slot if its backend has; whether there is one left.
pub(super) fn close_if_dead(slot: &PinnedSlot) -> bool {
    let mut connection = slot.borrow_mut();
    let is_alive = connection.as_mut().is_some_and(|connection| connection.is_ready());
    if !is_alive {
        *connection = None;
    }
    is_alive
}

/// Closes the connection in a slot if it hasn't been used for this long; not one on which a client is authenticated, who would have to
/// do that once more.
pub(super) fn close_if_unused(slot: &PinnedSlot, now: Moment, timeout: Duration) {
    let mut connection = slot.borrow_mut();
    let is_unused = connection.as_ref().is_some_and(|connection| {
        connection.owner == Owner::Named && now.since(connection.idle_since) >= timeout
    });
    if is_unused {
        *connection = None;
    }
}
