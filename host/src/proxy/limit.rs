//! The limits of a route: what a request takes of them, or why it goes no further.

use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use pointsman_core::clock::Clock;
use pointsman_core::request::RequestHead;
use pointsman_core::request_limit::{Admission, Exceeded, Hold, MOST_OF_ROUTE, RequestLimit};

use crate::downstream::RequestContext;

/// A limit that a request is over.
#[derive(Debug, Clone, Copy)]
pub struct Limited {
    /// What it is answered with.
    pub(super) status: StatusCode,
    /// After how many seconds it may be worth trying again.
    pub(super) retry_after: u64,
    by_rate: bool,
}

impl Limited {
    fn new(status: StatusCode, exceeded: Exceeded) -> Self {
        let (wait, by_rate) = match exceeded {
            Exceeded::Rate(wait) => (wait, true),
            // Nobody knows when the others end.
            Exceeded::Concurrency => (Duration::ZERO, false),
        };
        let whole = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        Self { status, retry_after: whole.max(1), by_rate }
    }

    pub(super) fn label(self) -> &'static str {
        if self.by_rate { "rate-limited" } else { "concurrency-limited" }
    }

    pub(super) fn reason(self) -> &'static str {
        if self.by_rate { "too many requests" } else { "too many requests at a time" }
    }
}

/// Takes what a request needs of each limit, all of it or nothing. What it takes of those for requests at a time it keeps until its end.
#[inline]
pub(super) fn admit(
    limits: &[Arc<RequestLimit>],
    context: &RequestContext,
    head: &RequestHead,
    clock: Clock,
) -> Result<(), Limited> {
    if limits.is_empty() { Ok(()) } else { take(limits, context, head, clock) }
}

#[inline(never)]
fn take(
    limits: &[Arc<RequestLimit>],
    context: &RequestContext,
    head: &RequestHead,
    clock: Clock,
) -> Result<(), Limited> {
    let (now, normalization) = (clock.now(), context.connection().limits.path_normalization);
    let mut holds = [const { None::<Hold> }; MOST_OF_ROUTE];
    for (place, limit) in limits.iter().take(MOST_OF_ROUTE).enumerate() {
        match limit.admit(head, normalization, now) {
            Admission::Free => {}
            Admission::Held(hold) => holds[place] = Some(hold),
            Admission::Refused(exceeded) => {
                for (limit, hold) in limits.iter().zip(holds) {
                    hold.into_iter().for_each(|hold| limit.give_back(hold));
                }
                if let Some(insight) = &mut *context.insight() {
                    insight.limited(&limit.name);
                }
                return Err(Limited::new(limit.settings.status, exceeded));
            }
        }
    }
    holds.into_iter().flatten().filter(Hold::lasts).for_each(|hold| context.keep(hold));
    Ok(())
}
