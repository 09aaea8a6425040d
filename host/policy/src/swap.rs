//! The outcome of a swap, and the callback for it.

use std::fmt;
use std::time::Duration;

use crate::admission::Refusal;
use crate::version::VersionId;

/// The outcome of a swap.
#[derive(Debug, Clone)]
pub enum SwapOutcome {
    /// The new version is published; each worker adopts it at its next pick.
    Swapped(Swap),
    /// The content is that of the active version.
    Unchanged(VersionId),
    /// The new version was refused; the old one stays active.
    Refused(Refusal),
}

/// A swap that took place.
#[derive(Debug, Clone, Copy)]
pub struct Swap {
    /// The version that was active before.
    pub from: VersionId,
    /// The version that is active now.
    pub to: VersionId,
    /// How long the compilation took.
    pub compile_time: Duration,
    /// From the request to the publication.
    pub total_time: Duration,
    /// Mean time of a pick in the rehearsal.
    pub pick_time: Duration,
}

/// Calls back with the outcome exactly once: [`Refusal::Stopped`] if it is dropped without one, because the loader has ended.
pub(crate) struct Reply(Option<Box<dyn FnOnce(SwapOutcome) + Send>>);

impl Reply {
    pub(crate) fn new(reply: impl FnOnce(SwapOutcome) + Send + 'static) -> Self {
        Self(Some(Box::new(reply)))
    }

    pub(crate) fn send(mut self, outcome: SwapOutcome) {
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
