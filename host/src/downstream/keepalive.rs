//! When a client connection is idle, parked, or about to end.

use std::cell::Cell;
use std::hash::{BuildHasher as _, RandomState};
use std::time::Duration;

use pointsman_core::clock::Moment;

use crate::config::DownstreamLimits;
use crate::deadline::{Deadline, Deadlines};

/// An idle connection keeps its buffers for this long: a busy client's next request finds them there. Thousands of idle
/// connections, most of which never send another request, would mostly hold buffers. Parking and unparking cost a third of a
/// small request, so they must not happen between any two of them.
const PARK_AFTER: Duration = Duration::from_millis(300);

/// The same where connections are [many](Keepalive::unpark), so that buffers would take more memory than all else, and where a
/// connection's next request is seldom near.
const PARK_SOON_AFTER: Duration = Duration::from_millis(100);

/// The persistence of one client connection: how many requests are in progress, how long it waits for the next one, and
/// whether there may be a next one at all.
#[derive(Debug)]
pub struct Keepalive {
    /// Until the client must have sent something.
    pub receive: Deadline,
    idle: Cell<Idle>,
    /// Requests that the protocol has handed to the path, and that haven't ended.
    in_progress: Cell<usize>,
    /// Requests that the path has begun.
    begun: Cell<u64>,
    /// How long to wait for another request, once the connection is about to end.
    grace: Cell<Option<Duration>>,
    /// When the last response was whole, or the connection was accepted.
    last_used: Cell<Moment>,
    park_after: Cell<Duration>,
    /// `keepalive_timeout`.
    timeout: Duration,
    /// `keepalive_requests`.
    max_requests: u64,
    /// From when on no other request may follow.
    ends_at: Moment,
}

/// The state of a connection while no request is in progress, and that it goes back to when none is any more.
#[derive(Debug, Clone, Copy)]
enum Idle {
    /// HTTP state and buffers stay for the next request, which may come until then.
    Warm { until: Moment },
    /// Idle past the threshold: HTTP state and buffers are released, and rebuilt on the next byte.
    Parked { until: Moment },
}

impl Idle {
    fn until(self) -> Moment {
        match self {
            Self::Warm { until } | Self::Parked { until } => until,
        }
    }

    fn with(self, until: Moment) -> Self {
        match self {
            Self::Warm { .. } => Self::Warm { until },
            Self::Parked { .. } => Self::Parked { until },
        }
    }
}

impl Keepalive {
    /// A new connection, parked until its first byte.
    pub(super) fn new(limits: &DownstreamLimits, deadlines: &Deadlines) -> Self {
        let (receive, until) = (deadlines.deadline(), deadlines.after(limits.header_timeout));
        receive.set_at(until);
        Self {
            receive,
            idle: Cell::new(Idle::Parked { until }),
            in_progress: Cell::new(0),
            begun: Cell::new(0),
            grace: Cell::new(None),
            last_used: Cell::new(deadlines.now()),
            park_after: Cell::new(PARK_AFTER),
            timeout: limits.keepalive_timeout,
            max_requests: limits.keepalive_requests,
            ends_at: deadlines.after(varied(limits.max_connection_age)),
        }
    }

    /// Whether no request is in progress.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.in_progress.get() == 0
    }

    /// The protocol hands a request to the path.
    pub(super) fn admit(&self) {
        self.in_progress.set(self.in_progress.get() + 1);
    }

    /// The path begins a request.
    pub(super) fn begin(&self) {
        self.begun.set(self.begun.get() + 1);
    }

    /// A request has ended at this moment: its response is whole, or won't be.
    pub(super) fn end(&self, now: Moment) {
        self.last_used.set(now);
        self.in_progress.set(self.in_progress.get() - 1);
        if self.is_idle() {
            let wait = self.grace.get().unwrap_or(self.timeout);
            self.wait_until(self.receive.after(wait));
            // If it is set, the next head has begun, or what may still turn out an empty line.
            if !self.receive.is_set() {
                self.stay_warm();
            }
        }
    }

    /// Whether the request in progress may be followed by another one.
    #[must_use]
    pub fn may_continue(&self) -> bool {
        self.begun.get() < self.max_requests && !self.is_ending() && self.receive.now() < self.ends_at
    }

    /// Ends the connection after the next response, which says so. A request that is on its way is waited for, so that the close
    /// doesn't cross it.
    pub fn end_soon(&self, grace: Duration) {
        self.grace.set(Some(grace));
        if self.is_idle() {
            let end = self.receive.after(grace).min(self.idle.get().until());
            self.wait_until(end);
            if !self.receive.is_set_within(grace) {
                self.receive.set_at(end);
            }
        }
    }

    /// From when on no other request may follow.
    #[must_use]
    pub fn ends_at(&self) -> Moment {
        self.ends_at
    }

    /// Whether the connection is about to end.
    #[must_use]
    pub fn is_ending(&self) -> bool {
        self.grace.get().is_some()
    }

    /// When the last response was whole, or the connection was accepted: to the microsecond if the response was a backend's, else
    /// as the sweep knows the time.
    #[must_use]
    pub fn last_used(&self) -> Moment {
        self.last_used.get()
    }

    /// Whether HTTP state and buffers are to be released, or are.
    #[must_use]
    pub fn is_parked(&self) -> bool {
        matches!(self.idle.get(), Idle::Parked { .. })
    }

    /// HTTP state and buffers exist again. `many` = the worker has many connections, so they are released sooner.
    pub fn unpark(&self, many: bool) {
        self.idle.set(Idle::Warm { until: self.idle.get().until() });
        self.park_after.set(if many { PARK_SOON_AFTER } else { PARK_AFTER });
        self.stay_warm();
    }

    /// Releases HTTP state and buffers.
    pub fn park(&self) {
        let until = self.idle.get().until();
        self.receive.set_at(until);
        self.idle.set(Idle::Parked { until });
    }

    /// Waits for a request with HTTP state and buffers, for as long as they are kept.
    pub fn stay_warm(&self) {
        self.receive.set_at(self.receive.after(self.park_after.get()).min(self.idle.get().until()));
    }

    /// Whether the connection is idle and has time left to wait for a request.
    #[must_use]
    pub fn may_stay_idle(&self, now: Moment) -> bool {
        self.is_idle() && self.idle.get().until() > now
    }

    fn wait_until(&self, until: Moment) {
        self.idle.set(self.idle.get().with(until));
    }
}

/// An age, give or take a tenth: connections that were opened together, as after a restart, shouldn't end together.
fn varied(age: Duration) -> Duration {
    // Each state has keys of its own, made from one that is random.
    let random = RandomState::new().hash_one(());
    let thousandths = 900 + u32::try_from(random % 201).unwrap_or_default();
    age.saturating_mul(thousandths) / 1000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_varies_by_a_tenth() {
        let ages: Vec<u64> = (0..1000).map(|_| varied(Duration::from_secs(1000)).as_secs()).collect();
        let (least, most) = (ages.iter().min().copied(), ages.iter().max().copied());
        assert!(
            least >= Some(900) && least < Some(920) && most > Some(1080) && most <= Some(1100),
            "{least:?} {most:?}"
        );
    }
}
