//! What is known of the responses on their way out.

use bytes::Bytes;

use crate::downstream::pace::Pace;

/// How the client takes its responses, and how the connection closes while one is on its way.
#[derive(Debug, Default)]
pub(super) struct Sending {
    /// How fast the response in progress is taken, since the client has first refused to take more of it.
    pub(super) pace: Pace,
    /// Every close of the connection is a reset.
    pub(super) resets: bool,
    /// The rest of interim responses of which something may have left: nothing else may leave before it.
    pub(super) interim: Bytes,
    /// The last response has left, and all of it.
    pub(super) is_over: bool,
}

impl Sending {
    /// Whether the client takes nothing at the moment.
    pub(super) fn is_waiting(&self) -> bool {
        self.pace.is_waiting()
    }
}
