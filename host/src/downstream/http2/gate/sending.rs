//! How a client takes what is sent to it.

use crate::config::DownstreamLimits;
use crate::downstream::pace::Pace;

/// The pace of a client over all its streams.
#[derive(Debug, Default)]
pub(super) struct Sending {
    /// Since all of it was last taken.
    pub(super) pace: Pace,
    /// Bytes so far.
    taken: u64,
}

impl Sending {
    /// The client, or the system for it, has taken bytes.
    pub(super) fn count(&mut self, bytes: usize) {
        self.pace.count(bytes);
        self.taken = self.taken.saturating_add(bytes as u64);
    }

    /// The client has taken all. When it next refuses to take more it may be silent for `send_timeout`, if it has taken enough before
    /// for `min_send_rate`, and not for the rest of its life, however much that was.
    pub(super) fn flushed(&mut self, limits: &DownstreamLimits) {
        let most = limits.min_send_rate.saturating_mul(limits.send_timeout.as_secs());
        self.pace = Pace::default();
        self.pace.count(usize::try_from(self.taken.min(most)).unwrap_or(usize::MAX));
    }
}
