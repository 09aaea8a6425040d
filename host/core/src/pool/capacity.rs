//! How many requests a backend may have at a time.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::backend::BackendLimits;

/// How many requests each backend of a pool may have at a time, as far as it has no limits of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capacity {
    pub(super) max_requests: u64,
    pub(super) max_connections: u64,
    /// Requests that are certain to go over one connection.
    pub(super) streams: u64,
}

/// The same, as it is at the moment, for all threads.
#[derive(Debug)]
pub(super) struct CurrentCapacity {
    max_requests: AtomicU64,
    max_connections: AtomicU64,
    streams: AtomicU64,
}

impl Capacity {
    /// Requests in flight at which a backend with these limits is full: each one needs a connection, or a stream of one.
    #[inline]
    #[must_use]
    pub fn of(self, limits: BackendLimits) -> u64 {
        limits.max_requests.unwrap_or(self.max_requests).min(self.connections_of(limits) * self.streams)
    }

    /// Connections that a backend with these limits may have.
    #[inline]
    #[must_use]
    pub fn connections_of(self, limits: BackendLimits) -> u64 {
        limits.max_connections.unwrap_or(self.max_connections)
    }
}

impl CurrentCapacity {
    pub(super) fn new(capacity: Capacity) -> Self {
        let Capacity { max_requests, max_connections, streams } = capacity;
        Self {
            max_requests: max_requests.into(),
            max_connections: max_connections.into(),
            streams: streams.into(),
        }
    }

    /// A reader beside a [`set`](Self::set) may see a part of either: policies are told of it, claims go by their own limits.
    #[inline]
    pub(super) fn get(&self) -> Capacity {
        Capacity {
            max_requests: self.max_requests.load(Relaxed),
            max_connections: self.max_connections.load(Relaxed),
            streams: self.streams.load(Relaxed),
        }
    }

    pub(super) fn set(&self, capacity: Capacity) {
        self.max_requests.store(capacity.max_requests, Relaxed);
        self.max_connections.store(capacity.max_connections, Relaxed);
        self.streams.store(capacity.streams, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backends_own_limits_come_before_those_of_its_pool() {
        let pool = Capacity { max_requests: 100, max_connections: 50, streams: 1 };
        let of = |max_requests, max_connections| pool.of(BackendLimits { max_requests, max_connections });
        assert_eq!([of(None, None), of(Some(7), None), of(None, Some(60))], [50, 7, 60]);
        assert_eq!([of(Some(200), None), of(Some(200), Some(300)), of(Some(5), Some(4))], [50, 200, 4]);
        // Over HTTP/2 a connection takes more than one.
        let shared = Capacity { streams: 10, ..pool };
        let most = BackendLimits { max_requests: None, max_connections: Some(3) };
        assert_eq!((shared.of(BackendLimits::default()), shared.of(most)), (100, 30));
    }
}
