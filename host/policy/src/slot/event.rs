//! The events of a slot that the supervisor handles, because a worker has no time for them.

use std::fmt;
use std::sync::Arc;

use pointsman_core::printable::Printable;

use super::publication::Publication;
use crate::context::ContextId;
use crate::instance::Retired;

/// What a slot's workers report to the supervisor.
#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "moved into a channel once; a box would be allocated by a worker"
)]
pub(crate) enum SlotEvent {
    /// A worker's instance of this publication has failed and was given up.
    InstanceFailed { slot: ContextId, worker: usize, publication: Publication },
    /// This publication has had its last allowed fault on probation.
    AllowanceExhausted { slot: ContextId, publication: Publication, last_fault: Printable },
    /// An instance that no worker needs any more. Dropping it takes system calls that a worker has no time for.
    Retired(Retired),
}

/// Takes a slot's events, on the worker's thread where they happen: it must not wait. Copies share the destination.
#[derive(Clone)]
pub(crate) struct SlotEvents(Arc<dyn Fn(SlotEvent) + Send + Sync>);

impl SlotEvents {
    pub(crate) fn new(take: impl Fn(SlotEvent) + Send + Sync + 'static) -> Self {
        Self(Arc::new(take))
    }

    pub(super) fn send(&self, event: SlotEvent) {
        (self.0)(event);
    }
}

impl fmt::Debug for SlotEvents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SlotEvents")
    }
}
