//! How a worker gets another worker's idle connection, where a backend has as many as it may have.

use tokio::sync::Notify;
use tokio::sync::futures::Notified;

/// Two notifications for all workers of a pool. They are used only while a backend has all the connections that it may have.
#[derive(Debug, Default)]
pub struct ConnectionHandoff {
    wanted: Notify,
    freed: Notify,
}

impl ConnectionHandoff {
    /// Asks all workers to close idle connections.
    pub fn ask(&self) {
        self.wanted.notify_waiters();
    }

    /// Ready when a worker asks.
    #[inline]
    pub fn asked(&self) -> Notified<'_> {
        self.wanted.notified()
    }

    /// Notifies the waiting workers that a connection was closed.
    #[inline]
    pub fn tell(&self) {
        self.freed.notify_waiters();
    }

    /// Ready when a connection was closed.
    #[inline]
    pub fn freed(&self) -> Notified<'_> {
        self.freed.notified()
    }
}
