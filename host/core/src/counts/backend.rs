//! What is counted of a backend: what attempts have met there.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use http::StatusCode;
use pointsman_sdk::abi::outcome;

use super::answers::{AnswerCells, Answers};
use super::cell::{Count, read, tell_all};
use super::histogram::{Bounds, Distribution, Histogram, HistogramCells};
use super::pool::class;

/// What all workers have counted of a backend. Requests in flight, requests and averages are in its
/// [`stats`](crate::backend::BackendStats), which policies read.
#[derive(Debug)]
pub struct BackendCounts {
    attempts: AtomicU64,
    responses: [AtomicU64; 5],
    failures: [AtomicU64; FailureKind::ALL.len()],
    head: Histogram,
    connections: AtomicU64,
    received_bytes: AtomicU64,
    sent_bytes: AtomicU64,
    idle: AtomicU64,
    ejections: AtomicU64,
    failed_checks: AtomicU64,
    health_changes: AtomicU64,
    /// Whether it answers.
    pub answers: Answers,
}

/// What one worker has counted of a backend since it last told.
#[derive(Debug)]
pub struct BackendCells {
    /// Attempts that have ended.
    pub attempts: Count,
    responses: [Count; 5],
    failures: [Count; FailureKind::ALL.len()],
    /// From the pick to the head of the response.
    pub head: HistogramCells,
    /// Connections that were opened.
    pub connections: Count,
    /// Bytes that have come from it.
    pub received_bytes: Count,
    /// Bytes that were sent to it.
    pub sent_bytes: Count,
    /// Whether it answers.
    pub answers: AnswerCells,
}

/// How an attempt failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureKind {
    /// There was no connection.
    Connect,
    /// The backend took too long.
    Timeout,
    /// The backend broke off the response, or sent none that makes sense.
    Reset,
    /// The backend answered with a status of 500 or above.
    Response,
}

impl FailureKind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Connect, Self::Timeout, Self::Reset, Self::Response];

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Timeout => "timeout",
            Self::Reset => "reset",
            Self::Response => "response",
        }
    }

    /// Of an attempt with one of the [outcomes](outcome) of the plugin contract, and the status of its response. `None` if it was no
    /// failure of the backend's.
    #[must_use]
    pub fn of(outcome: i32, status: Option<StatusCode>) -> Option<Self> {
        match outcome {
            outcome::CONNECT_FAILURE => Some(Self::Connect),
            outcome::TIMEOUT => Some(Self::Timeout),
            outcome::UPSTREAM_RESET => Some(Self::Reset),
            _ => status.filter(StatusCode::is_server_error).map(|_| Self::Response),
        }
    }
}

impl BackendCounts {
    /// Nothing is counted; times fall into buckets with these bounds.
    #[must_use]
    pub fn new(bounds: &Bounds) -> Self {
        Self {
            attempts: AtomicU64::default(),
            responses: Default::default(),
            failures: Default::default(),
            head: Histogram::new(bounds),
            connections: AtomicU64::default(),
            received_bytes: AtomicU64::default(),
            sent_bytes: AtomicU64::default(),
            idle: AtomicU64::default(),
            ejections: AtomicU64::default(),
            failed_checks: AtomicU64::default(),
            health_changes: AtomicU64::default(),
            answers: Answers::default(),
        }
    }

    /// Bounds of the buckets into which times fall.
    #[must_use]
    pub fn bounds(&self) -> &Bounds {
        self.head.bounds()
    }

    /// Cells for one worker.
    #[must_use]
    pub fn cells(&self) -> BackendCells {
        BackendCells {
            attempts: Count::default(),
            responses: Default::default(),
            failures: Default::default(),
            head: self.head.cells(),
            connections: Count::default(),
            received_bytes: Count::default(),
            sent_bytes: Count::default(),
            answers: AnswerCells::default(),
        }
    }

    /// Adds what a worker has counted.
    pub fn add(&self, cells: &BackendCells) {
        cells.attempts.tell(&self.attempts);
        tell_all(&cells.responses, &self.responses);
        tell_all(&cells.failures, &self.failures);
        self.head.add(&cells.head);
        cells.connections.tell(&self.connections);
        cells.received_bytes.tell(&self.received_bytes);
        cells.sent_bytes.tell(&self.sent_bytes);
        self.answers.add(&cells.answers);
    }

    /// A worker has so many idle connections now that had so many before.
    pub fn set_idle(&self, now: usize, before: usize) {
        if now != before {
            self.idle.fetch_add((now as u64).wrapping_sub(before as u64), Relaxed);
        }
    }

    /// It was ejected.
    pub fn eject(&self) {
        self.ejections.fetch_add(1, Relaxed);
    }

    /// A health check has failed.
    pub fn fail_check(&self) {
        self.failed_checks.fetch_add(1, Relaxed);
    }

    /// Checks have found it healthy that wasn't, or the other way round.
    pub fn change_health(&self) {
        self.health_changes.fetch_add(1, Relaxed);
    }

    /// Attempts that have ended.
    #[must_use]
    pub fn attempts(&self) -> u64 {
        self.attempts.load(Relaxed)
    }

    /// Its responses, by the first digit of their status less one.
    #[must_use]
    pub fn responses(&self) -> [u64; 5] {
        read(&self.responses)
    }

    /// Attempts that failed, in the order of [`FailureKind::ALL`].
    #[must_use]
    pub fn failures(&self) -> [u64; FailureKind::ALL.len()] {
        read(&self.failures)
    }

    /// From the pick to the head of the response.
    #[must_use]
    pub fn head(&self) -> Distribution {
        self.head.read()
    }

    /// Connections that were opened for requests.
    #[must_use]
    pub fn connections(&self) -> u64 {
        self.connections.load(Relaxed)
    }

    /// Connections that were idle when workers last looked, which they do each second.
    #[must_use]
    pub fn idle(&self) -> u64 {
        self.idle.load(Relaxed)
    }

    /// Bytes that have come from it in attempts that have ended.
    #[must_use]
    pub fn received_bytes(&self) -> u64 {
        self.received_bytes.load(Relaxed)
    }

    /// Bytes that were sent to it in attempts that have ended.
    #[must_use]
    pub fn sent_bytes(&self) -> u64 {
        self.sent_bytes.load(Relaxed)
    }

    /// How often it was ejected.
    #[must_use]
    pub fn ejections(&self) -> u64 {
        self.ejections.load(Relaxed)
    }

    /// Health checks that have failed.
    #[must_use]
    pub fn failed_checks(&self) -> u64 {
        self.failed_checks.load(Relaxed)
    }

    /// How often its health has changed by checks.
    #[must_use]
    pub fn health_changes(&self) -> u64 {
        self.health_changes.load(Relaxed)
    }
}

impl Default for BackendCounts {
    fn default() -> Self {
        Self::new(&Bounds::default())
    }
}

impl BackendCells {
    /// It responded with this status.
    #[inline]
    pub fn respond(&self, status: StatusCode) {
        if let Some(count) = self.responses.get(class(status)) {
            count.add(1);
        }
    }

    /// An attempt failed.
    pub fn fail(&self, kind: FailureKind) {
        self.failures[kind as usize].add(1);
    }
}
