//! Requests that wait at a proxy.

use pointsman_core::pool::QueueLimits;
use serde::Deserialize;

use crate::time_span::TimeSpan;

/// The queue of each proxy, as in `[pool.NAME.queue]`: requests that wait while every backend that may serve is full.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Queue {
    /// Most requests that wait at a proxy, 0 to 100,000; the next one fails at once. `length`, 1,024.
    pub length: u32,
    /// Longest wait, after which a request fails. `timeout`, 1 s.
    pub timeout: TimeSpan,
}

impl Default for Queue {
    /// The one that the proxy has where nothing is said of it.
    fn default() -> Self {
        let QueueLimits { length, timeout } = QueueLimits::default();
        Self { length: length as u32, timeout: TimeSpan(timeout.as_micros() as u64) }
    }
}
