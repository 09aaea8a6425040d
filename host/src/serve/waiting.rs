//! Waiting for what comes before a connection's first request.

use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;

use pointsman_core::clock::Moment;

use super::grace::{FIRST_GRACE, LATE_GRACE};
use crate::deadline::{Deadline, Deadlines};
use crate::drain::DrainGuard;
use crate::listener::{Awaited, IdleClients};

/// What a connection waits with, besides its socket.
pub(super) struct Waiting<'a> {
    drain: &'a DrainGuard,
    idle: &'a Rc<IdleClients>,
    pub(super) deadlines: &'a Deadlines,
    /// From when on it may be closed to make room.
    closable_from: Moment,
}

/// Why waiting was given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum GivenUp {
    /// The time is over.
    Timeout,
    /// The listener drains.
    Drain,
    /// Others need the room.
    Room,
}

impl<'a> Waiting<'a> {
    pub(super) fn new(drain: &'a DrainGuard, idle: &'a Rc<IdleClients>, deadlines: &'a Deadlines) -> Self {
        let closable_from = deadlines.clock().now().after(FIRST_GRACE);
        Self { drain, idle, deadlines, closable_from }
    }

    /// Waits for a step, unless its time is over or others need the room.
    pub(super) async fn for_step<T>(
        &self,
        step: impl Future<Output = T>,
        deadline: &Deadline,
    ) -> Result<T, GivenUp> {
        let mut step = pin!(step);
        let (mut place, mut is_draining) = (None, false);
        poll_fn(|cx| {
            if let Poll::Ready(done) = step.as_mut().poll(cx) {
                return Poll::Ready(Ok(done));
            }
            if !is_draining && self.drain.is_draining(cx) {
                is_draining = true;
                if !deadline.is_set_within(LATE_GRACE) {
                    deadline.set(LATE_GRACE);
                }
            }
            let place = place.get_or_insert_with(|| self.idle.wait(Awaited::First, self.closable_from, cx));
            if place.must_close(cx) {
                return Poll::Ready(Err(GivenUp::Room));
            }
            deadline.poll(cx).map(|()| Err(if is_draining { GivenUp::Drain } else { GivenUp::Timeout }))
        })
        .await
    }
}

impl GivenUp {
    /// It in words.
    pub(super) fn what(self) -> &'static str {
        match self {
            Self::Timeout => "it took too long",
            Self::Drain => "the listener drains",
            Self::Room => "others needed the room",
        }
    }
}
