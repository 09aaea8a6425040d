//! When a connection of HTTP/2 ends, and how.

use std::task::Context;
use std::time::Duration;

use h2::Reason;
use pointsman_core::clock::Moment;
use pointsman_core::rate_limit::RateLimit;

use super::connection::{Connection, Http2};
use super::stream::StreamEnd;
use crate::deadline::Deadline;
use crate::downstream::http2::Oversight;
use crate::listener::{Awaited, IdlePosition};
use crate::serve::grace::{LATE_GRACE, closable_from};

/// Streams that a client may reset at once before they have a response: a browser cancels a page's requests together.
const EARLY_RESETS: u32 = 200;

/// Another one of them comes back after this.
const EARLY_RESET_INTERVAL: Duration = Duration::from_millis(50);

/// What a connection is coming to.
pub(super) struct Ending<'a> {
    http: &'a Http2,
    oversight: &'a Oversight,
    state: State,
    /// How often the client may still reset streams early (CVE-2023-44487): each has cost a backend a request.
    early_resets: RateLimit,
    /// Resets that were one too many have been seen.
    is_abused: bool,
    /// For the connection's age.
    age: Deadline,
    /// The connection's place among the idle ones, while it is.
    place: Option<IdlePosition>,
    awaited: Awaited,
}

enum State {
    /// Requests may come.
    Open,
    /// The client has been told to send no more; what was on its way is served.
    Announced {
        /// For a client that doesn't close when all is served.
        close: Deadline,
        /// From when on nothing can have been on its way: a client that goes on all the same would never leave.
        refuse_from: Moment,
    },
    /// The last word is said.
    Over,
}

impl<'a> Ending<'a> {
    pub(super) fn new(http: &'a Http2, oversight: &'a Oversight) -> Self {
        let ending = Self {
            http,
            oversight,
            state: State::Open,
            early_resets: RateLimit::new(EARLY_RESETS, EARLY_RESET_INTERVAL),
            is_abused: false,
            age: http.deadlines.deadline(),
            place: None,
            awaited: Awaited::First,
        };
        ending.age.set_at(http.client.keepalive.ends_at());
        ending
    }

    /// A stream has ended like this.
    pub(super) fn count(&mut self, end: StreamEnd) {
        if end == StreamEnd::ResetEarly && self.early_resets.take(self.http.deadlines.now()).is_none() {
            self.is_abused = true;
        }
    }

    /// Whether requests are refused: the client was told in time to send no more.
    pub(super) fn refuses(&self) -> bool {
        let now = self.http.deadlines.now();
        matches!(self.state, State::Announced { refuse_from, .. } if refuse_from <= now)
    }

    /// Does what is due. Whether the connection has something to say now.
    pub(super) fn proceed(&mut self, connection: &mut Connection, cx: &Context<'_>) -> bool {
        if matches!(self.state, State::Over) {
            return false;
        }
        if let Some(fault) = self.oversight.fault() {
            let (peer, reason) = (self.http.client.peer, fault.label());
            tracing::debug!(event = "frames-refused", %peer, reason, %fault, "connection ends for its frames");
            return self.end(connection, fault.reason(), reason);
        }
        if self.is_abused {
            return self.end(connection, Reason::ENHANCE_YOUR_CALM, "rapid-reset");
        }
        let keepalive = &self.http.client.keepalive;
        if !keepalive.is_idle() {
            self.awaited = Awaited::Next;
            self.place = None;
        }
        if let State::Announced { close, .. } = &self.state {
            if !keepalive.is_idle() {
                close.clear();
            } else if !close.is_set() {
                close.set(LATE_GRACE);
            }
            if close.poll(cx).is_pending() {
                return false;
            }
            // The first of the two was counted.
            connection.abrupt_shutdown(Reason::NO_ERROR);
            self.state = State::Over;
            return true;
        }
        let due = if self.http.drain.is_draining(cx) {
            Some("drain")
        } else if self.age.poll(cx).is_ready() {
            Some("age")
        } else if !keepalive.may_continue() {
            Some("requests")
        } else {
            self.idle_for_too_long(cx)
        };
        if let Some(cause) = due {
            connection.graceful_shutdown();
            self.count_goaway(cause);
            self.place = None;
            let deadlines = &self.http.deadlines;
            self.state =
                State::Announced { close: deadlines.deadline(), refuse_from: deadlines.after(LATE_GRACE) };
            return true;
        }
        false
    }

    /// Why it ends if it does as it is idle: for its time, or as it has to make room for others.
    fn idle_for_too_long(&mut self, cx: &Context<'_>) -> Option<&'static str> {
        let keepalive = &self.http.client.keepalive;
        if !keepalive.is_idle() {
            return None;
        }
        if keepalive.receive.poll(cx).is_ready() {
            if !keepalive.may_stay_idle(self.http.deadlines.now()) {
                return Some("idle");
            }
            keepalive.park();
            // With a new time.
            return self.idle_for_too_long(cx);
        }
        if !keepalive.is_parked() {
            return None;
        }
        let from = || closable_from(keepalive, self.awaited, self.http.deadlines.clock());
        let place = self.place.get_or_insert_with(|| self.http.idle.wait(self.awaited, from(), cx));
        place.must_close(cx).then_some("room")
    }

    fn count_goaway(&self, cause: &str) {
        self.http.client.reports.count().http2.go_away(cause);
    }

    fn end(&mut self, connection: &mut Connection, reason: Reason, cause: &str) -> bool {
        connection.abrupt_shutdown(reason);
        self.count_goaway(cause);
        self.state = State::Over;
        true
    }
}
