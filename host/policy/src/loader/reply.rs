//! The answer to a swap, given exactly once.

use std::fmt;

use super::super::admission::Refusal;
use super::SwapOutcome;

/// Calls back with the outcome; if nobody does, because the loader has ended, its end is the outcome.
pub(crate) struct Reply(Option<Box<dyn FnOnce(SwapOutcome) + Send>>);

impl Reply {
    pub(super) fn new(reply: impl FnOnce(SwapOutcome) + Send + 'static) -> Self {
        Self(Some(Box::new(reply)))
    }

    pub(super) fn send(mut self, outcome: SwapOutcome) {
        if let Some(reply) = self.0.take() {
            reply(outcome);
        }
    }
}

impl Drop for Reply {
    fn drop(&mut self) {
        if let Some(reply) = self.0.take() {
            reply(SwapOutcome::Refused(Refusal::Stopped));
        }
    }
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Reply")
    }
}
