//! What is counted of a listener.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::cell::{Count, read, tell_all};
use super::http2::{Http2Cells, Http2Counts};
use super::labels::{REFUSALS, place};
use crate::local::Shared;

/// What all workers have counted of a listener.
#[derive(Debug, Default)]
pub struct ListenerCounts {
    connections: AtomicU64,
    requests: AtomicU64,
    refused: [AtomicU64; REFUSALS.len()],
    received_bytes: AtomicU64,
    sent_bytes: AtomicU64,
    /// Of HTTP/2.
    pub http2: Http2Counts,
}

/// What one worker has counted of a listener since it last told.
#[derive(Debug, Default)]
pub struct ListenerCells {
    /// Connections that were accepted.
    pub connections: Count,
    /// Requests that have ended, whatever became of them.
    pub requests: Count,
    refused: [Count; REFUSALS.len()],
    /// Bytes that have come, of whole messages; what TLS adds isn't among them, nor what passes through tunnels over HTTP/1.
    pub received_bytes: Count,
    /// Bytes that were sent, likewise.
    pub sent_bytes: Count,
    /// Of HTTP/2.
    pub http2: Http2Cells,
}

impl ListenerCells {
    /// A request was refused before it came to a pool.
    pub fn refuse(&self, error: &str) {
        if let Some(place) = place(&REFUSALS, error) {
            self.refused[place].add(1);
        }
    }
}

impl ListenerCounts {
    /// Connections that were accepted.
    #[must_use]
    pub fn connections(&self) -> u64 {
        self.connections.load(Relaxed)
    }

    /// Requests that have ended.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.requests.load(Relaxed)
    }

    /// Requests that were refused, by reason.
    pub fn refused(&self) -> impl Iterator<Item = (&'static str, u64)> {
        REFUSALS.into_iter().zip(read(&self.refused))
    }

    /// Bytes that have come.
    #[must_use]
    pub fn received_bytes(&self) -> u64 {
        self.received_bytes.load(Relaxed)
    }

    /// Bytes that were sent.
    #[must_use]
    pub fn sent_bytes(&self) -> u64 {
        self.sent_bytes.load(Relaxed)
    }
}

impl Shared for ListenerCounts {
    type Cells = ListenerCells;

    fn cells(&self) -> ListenerCells {
        ListenerCells::default()
    }

    fn add(&self, cells: &ListenerCells) {
        cells.connections.tell(&self.connections);
        cells.requests.tell(&self.requests);
        tell_all(&cells.refused, &self.refused);
        cells.received_bytes.tell(&self.received_bytes);
        cells.sent_bytes.tell(&self.sent_bytes);
        self.http2.add(&cells.http2);
    }
}
