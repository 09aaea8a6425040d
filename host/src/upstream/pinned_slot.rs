//! Where a connection that belongs to one client connection waits for the next request.

use std::cell::RefCell;

use super::connection::UpstreamConnection;

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
