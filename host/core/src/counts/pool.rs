//! What is counted of a pool: what its clients have seen.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use http::StatusCode;

use super::cell::{Count, read, tell_all};
use super::histogram::{Bounds, Distribution, Histogram, HistogramCells};
use super::labels::{CALL_STATUSES, ERRORS, place};
use super::mirror::MirrorCounts;
use super::session::SessionResult;
use super::tls::TlsFailure;

/// What all workers have counted of a pool.
#[derive(Debug)]
pub struct PoolCounts {
    requests: AtomicU64,
    responses: [AtomicU64; 5],
    errors: [AtomicU64; ERRORS.len()],
    calls: [AtomicU64; CALL_STATUSES.len()],
    retries: AtomicU64,
    retries_refused: AtomicU64,
    sessions: [AtomicU64; SessionResult::ALL.len()],
    tunnels: AtomicU64,
    open_tunnels: AtomicU64,
    tls_failures: [AtomicU64; TlsFailure::ALL.len()],
    whole: Histogram,
    head: Histogram,
    queued: Histogram,
    /// Of the requests that are mirrored to it.
    pub mirrored: Arc<MirrorCounts>,
}

/// What one worker has counted of a pool since it last told.
#[derive(Debug)]
pub struct PoolCells {
    /// Requests that have ended, whatever became of them.
    pub requests: Count,
    responses: [Count; 5],
    errors: [Count; ERRORS.len()],
    calls: [Count; CALL_STATUSES.len()],
    /// Attempts that weren't a request's first.
    pub retries: Count,
    /// Retries for which the budget had no room.
    pub retries_refused: Count,
    sessions: [Count; SessionResult::ALL.len()],
    /// From the first byte of a request to the last of its response.
    pub whole: HistogramCells,
    /// From the first byte of a request to the head of its response.
    pub head: HistogramCells,
    /// In the queue, of those who waited.
    pub queued: HistogramCells,
}

impl PoolCounts {
    /// Nothing is counted; times fall into buckets with these bounds.
    #[must_use]
    pub fn new(bounds: &Bounds) -> Self {
        Self {
            requests: AtomicU64::default(),
            responses: Default::default(),
            errors: [const { AtomicU64::new(0) }; ERRORS.len()],
            calls: Default::default(),
            retries: AtomicU64::default(),
            retries_refused: AtomicU64::default(),
            sessions: Default::default(),
            tunnels: AtomicU64::default(),
            open_tunnels: AtomicU64::default(),
            tls_failures: Default::default(),
            whole: Histogram::new(bounds),
            head: Histogram::new(bounds),
            queued: Histogram::new(bounds),
            mirrored: Arc::default(),
        }
    }

    /// Bounds of the buckets into which times fall.
    #[must_use]
    pub fn bounds(&self) -> &Bounds {
        self.head.bounds()
    }

    /// Cells for one worker.
    #[must_use]
    pub fn cells(&self) -> PoolCells {
        PoolCells {
            requests: Count::default(),
            responses: Default::default(),
            errors: std::array::from_fn(|_| Count::default()),
            calls: Default::default(),
            retries: Count::default(),
            retries_refused: Count::default(),
            sessions: Default::default(),
            whole: self.whole.cells(),
            head: self.head.cells(),
            queued: self.queued.cells(),
        }
    }

    /// Adds what a worker has counted.
    pub fn add(&self, cells: &PoolCells) {
        cells.requests.tell(&self.requests);
        tell_all(&cells.responses, &self.responses);
        tell_all(&cells.errors, &self.errors);
        tell_all(&cells.calls, &self.calls);
        cells.retries.tell(&self.retries);
        cells.retries_refused.tell(&self.retries_refused);
        tell_all(&cells.sessions, &self.sessions);
        self.whole.add(&cells.whole);
        self.head.add(&cells.head);
        self.queued.add(&cells.queued);
    }

    /// Responses to clients that have sessions, in the order of [`SessionResult::ALL`].
    #[must_use]
    pub fn sessions(&self) -> [u64; SessionResult::ALL.len()] {
        read(&self.sessions)
    }

    /// Requests that have ended.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.requests.load(Relaxed)
    }

    /// Responses that clients got, the proxy's own included, by the first digit of their status less one.
    #[must_use]
    pub fn responses(&self) -> [u64; 5] {
        read(&self.responses)
    }

    /// Requests that failed, by reason.
    pub fn errors(&self) -> impl Iterator<Item = (&'static str, u64)> {
        ERRORS.into_iter().zip(read(&self.errors))
    }

    /// Calls of gRPC that have ended, by status.
    pub fn calls(&self) -> impl Iterator<Item = (&'static str, u64)> {
        CALL_STATUSES.into_iter().zip(read(&self.calls))
    }

    /// Requests that failed for this reason; 0 if there is no such reason.
    #[must_use]
    pub fn errors_of(&self, error: &str) -> u64 {
        place(&ERRORS, error).map_or(0, |place| self.errors[place].load(Relaxed))
    }

    /// Attempts that weren't a request's first.
    #[must_use]
    pub fn retries(&self) -> u64 {
        self.retries.load(Relaxed)
    }

    /// Retries for which the budget had no room.
    #[must_use]
    pub fn retries_refused(&self) -> u64 {
        self.retries_refused.load(Relaxed)
    }

    /// Connections that have changed to another protocol.
    #[must_use]
    pub fn tunnels(&self) -> u64 {
        self.tunnels.load(Relaxed)
    }

    /// A connection has changed to another protocol. It counts as open for as long as the answer exists.
    #[must_use]
    pub fn open_tunnel(self: &Arc<Self>) -> OpenTunnel {
        self.tunnels.fetch_add(1, Relaxed);
        self.open_tunnels.fetch_add(1, Relaxed);
        OpenTunnel(Arc::clone(self))
    }

    /// Connections at this moment that have changed to another protocol.
    #[must_use]
    pub fn open_tunnels(&self) -> u64 {
        self.open_tunnels.load(Relaxed)
    }

    /// There was no connection over TLS to a backend.
    pub fn fail_tls(&self, failure: TlsFailure) {
        self.tls_failures[failure as usize].fetch_add(1, Relaxed);
    }

    /// Handshakes with backends that failed, in the order of [`TlsFailure::ALL`].
    #[must_use]
    pub fn tls_failures(&self) -> [u64; TlsFailure::ALL.len()] {
        read(&self.tls_failures)
    }

    /// From the first byte of requests to the last of their responses. Tunnels aren't among them.
    #[must_use]
    pub fn whole(&self) -> Distribution {
        self.whole.read()
    }

    /// From the first byte of requests to the heads of their responses.
    #[must_use]
    pub fn head(&self) -> Distribution {
        self.head.read()
    }

    /// In the queue, of those who waited.
    #[must_use]
    pub fn queued(&self) -> Distribution {
        self.queued.read()
    }
}

/// A connection that has changed to another protocol.
#[derive(Debug)]
pub struct OpenTunnel(Arc<PoolCounts>);

impl Drop for OpenTunnel {
    fn drop(&mut self) {
        self.0.open_tunnels.fetch_sub(1, Relaxed);
    }
}

impl PoolCells {
    /// A client with a session gets a response.
    pub fn session(&self, result: SessionResult) {
        self.sessions[result as usize].add(1);
    }

    /// A client got a response with this status.
    #[inline]
    pub fn respond(&self, status: StatusCode) {
        if let Some(count) = self.responses.get(class(status)) {
            count.add(1);
        }
    }

    /// A call of gRPC has ended with this status.
    pub fn end_call(&self, status: u16) {
        const UNKNOWN: usize = 2;
        self.calls.get(usize::from(status)).unwrap_or(&self.calls[UNKNOWN]).add(1);
    }

    /// A request failed.
    pub fn fail(&self, error: &str) {
        if let Some(place) = place(&ERRORS, error) {
            self.errors[place].add(1);
        }
    }
}

/// The classes of statuses, in the places in which they are counted.
pub const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

/// The place of a status's class.
#[inline]
pub(super) fn class(status: StatusCode) -> usize {
    usize::from(status.as_u16() / 100).wrapping_sub(1)
}
