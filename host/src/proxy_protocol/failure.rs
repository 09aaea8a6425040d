//! Why a connection is closed before a request: its header isn't what it should be.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

/// Why a connection has no usable header, in the words of logs and metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeaderFailure {
    /// The peer isn't one of those that send headers. Nothing of it was read.
    Stranger,
    /// The connection begins with something else.
    Missing,
    /// It begins like a header, and isn't one.
    Malformed,
    /// It is longer than a header may be.
    TooLong,
    /// Its checksum is another one.
    Checksum,
    /// The sender has left before its end.
    Closed,
    /// It took too long.
    Timeout,
    /// The listener drains, or others needed the room.
    Ended,
}

impl HeaderFailure {
    /// All, for those who list them.
    pub const ALL: [Self; 8] = [
        Self::Stranger,
        Self::Missing,
        Self::Malformed,
        Self::TooLong,
        Self::Checksum,
        Self::Closed,
        Self::Timeout,
        Self::Ended,
    ];

    /// Its name in logs and metrics.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Stranger => "stranger",
            Self::Missing => "missing",
            Self::Malformed => "malformed",
            Self::TooLong => "too-long",
            Self::Checksum => "checksum",
            Self::Closed => "closed",
            Self::Timeout => "timeout",
            Self::Ended => "ended",
        }
    }
}

/// A connection has no usable header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct HeaderError {
    /// What it comes down to.
    pub failure: HeaderFailure,
    what: &'static str,
}

impl HeaderError {
    /// A failure in a word, with more about it.
    #[must_use]
    pub fn new(failure: HeaderFailure, what: &'static str) -> Self {
        Self { failure, what }
    }

    pub(super) fn malformed(what: &'static str) -> Self {
        Self::new(HeaderFailure::Malformed, what)
    }
}

/// Connections of a listener that were closed for want of a usable header, over all workers.
#[derive(Debug, Default)]
pub struct HeaderCounts {
    failed: [AtomicU64; HeaderFailure::ALL.len()],
}

impl HeaderCounts {
    /// Counts one.
    pub fn fail(&self, failure: HeaderFailure) {
        self.failed[failure as usize].fetch_add(1, Relaxed);
    }

    /// How many there were for this reason.
    #[must_use]
    pub fn failed(&self, failure: HeaderFailure) -> u64 {
        self.failed[failure as usize].load(Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_is_counted_apart() {
        let counts = HeaderCounts::default();
        for (place, failure) in HeaderFailure::ALL.into_iter().enumerate() {
            (0..=place).for_each(|_| counts.fail(failure));
        }
        for (place, failure) in HeaderFailure::ALL.into_iter().enumerate() {
            assert_eq!(counts.failed(failure), place as u64 + 1, "{}", failure.label());
        }
    }
}
