//! How workers come to an agreement over the connections that a backend may have: one worker's idle ones may be all that
//! another one needs.

use tokio::sync::Notify;
use tokio::sync::futures::Notified;

/// Two bells for all workers of a pool. Nobody rings them as long as no backend has all the connections it may have.
#[derive(Debug, Default)]
pub struct Connections {
    wanted: Notify,
    freed: Notify,
}

impl Connections {
    /// Asks all workers to close connections that they don't use.
    pub fn ask(&self) {
        self.wanted.notify_waiters();
    }

    /// Ready when a worker asks for a connection.
    #[inline]
    pub fn asked(&self) -> Notified<'_> {
        self.wanted.notified()
    }

    /// Tells those who wait that there is a connection less.
    #[inline]
    pub fn tell(&self) {
        self.freed.notify_waiters();
    }

    /// Ready when there is a connection less.
    #[inline]
    pub fn freed(&self) -> Notified<'_> {
        self.freed.notified()
    }
}
