//! What is known of a request at its end: the one source of everything that is reported about it.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderValue, StatusCode};

use crate::backend::{Backend, TopologyGeneration};
use crate::clock::Moment;
use crate::local::Local;
use crate::pool::Pool;
use crate::trace::SpanIds;

/// A route's place in the configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RouteIndex(pub usize);

/// The route that a request takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TakenRoute {
    /// Its place in the configuration.
    pub index: RouteIndex,
    /// What it is called, if it has a name.
    pub name: Option<Arc<str>>,
}

/// The record of one request.
///
/// It is filled in on the way and complete once the request has ended. Nothing else measures times.
#[derive(Debug, Default)]
pub struct RequestRecord {
    /// By which the request is found again.
    pub ids: RequestIds,
    /// When what happened.
    pub times: RequestTimes,
    /// What the client speaks.
    pub protocol: Protocol,
    /// The route.
    pub route: Option<TakenRoute>,
    /// The pool.
    pub pool: Option<Local<Pool>>,
    /// The attempts that have ended.
    attempts: AttemptRecords,
    /// The status that the client gets; `None` if it gets no response. For a call of gRPC that fails it is what the status of the
    /// call means in HTTP: its own is 200 all the same.
    pub status: Option<StatusCode>,
    /// How a call of gRPC has ended, by number; `None` if it is none, or nobody says.
    pub call: Option<u16>,
    /// Why the proxy answers in place of a backend, or broke the response off.
    pub error: Option<&'static str>,
    /// Its bytes.
    pub bytes: RequestBytes,
}

/// Bytes of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RequestBytes {
    /// Of the head and the body that came from the client; of a head of HTTP/2, as many as its fields have.
    pub received: u64,
    /// Of the response's body that were handed over.
    pub body: u64,
}

/// By which a request is found again.
#[derive(Debug, Default)]
pub struct RequestIds {
    /// Its own id; `None` if the listener gives none.
    pub request: Option<HeaderValue>,
    /// Its span; `None` if requests aren't traced.
    pub span: Option<SpanIds>,
}

/// The attempts of a request, the first one apart: most requests have no other.
#[derive(Debug, Default)]
struct AttemptRecords {
    first: Option<AttemptRecord>,
    retries: Vec<AttemptRecord>,
}

/// Moments of a request, on the clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct RequestTimes {
    /// When the first byte of the head had come.
    pub first_byte: Option<Moment>,
    /// When all of the head had come.
    pub head_read: Option<Moment>,
    /// When the first search for a backend began; to the microsecond of the claim, if that didn't have to wait. `None` if none
    /// was.
    pub began: Option<Moment>,
    /// How long it was in the queue; `None` if it wasn't.
    pub queued: Option<Duration>,
    /// When the last byte of the response was handed over, or the request was given up; `None` until then.
    pub ended: Option<Moment>,
}

/// What a client speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Protocol {
    /// HTTP/1.0.
    Http10,
    /// HTTP/1.1.
    #[default]
    Http11,
    /// HTTP/2.
    Http2,
}

impl Protocol {
    /// Its name, as in a request line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Http10 => "HTTP/1.0",
            Self::Http11 => "HTTP/1.1",
            Self::Http2 => "HTTP/2.0",
        }
    }
}

/// The record of one attempt: a request at one backend.
#[derive(Debug)]
pub struct AttemptRecord {
    /// The backend.
    pub backend: Local<Backend>,
    /// Who chose it.
    pub choice: Choice,
    /// When it was claimed, on the clock. All else is counted from there, without time in which the proxy didn't run, as that is no
    /// backend's.
    pub began: Moment,
    /// The connection that it was sent on.
    pub connection: Connection,
    /// Status of the response, and the time to its head. That of a call of gRPC which has failed is what it means in HTTP. `None` if no
    /// response came.
    pub answered: Option<(StatusCode, Duration)>,
    /// The time to its end.
    pub total: Duration,
    /// One of [`outcome`](pointsman_sdk::abi::outcome).
    pub outcome: i32,
    /// Why it failed.
    pub error: Option<&'static str>,
}

/// The connection that an attempt was sent on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Connection {
    /// There was none.
    #[default]
    None,
    /// One that had served others, or serves them at the same time.
    Reused,
    /// One of its own, which was open after this time.
    Opened(Duration),
}

/// Who chose the backend of an attempt.
#[derive(Debug, Clone)]
pub struct Choice {
    /// Who.
    pub by: ChosenBy,
    /// The version of the policy that was asked; `None` if none was.
    pub policy: Option<Arc<PolicyLabel>>,
    /// The topology that it was chosen from.
    pub topology: TopologyGeneration,
}

/// Who chose a backend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChosenBy {
    /// The policy.
    Policy,
    /// The fallback, because the policy had no opinion.
    Abstention,
    /// The client's session, which is bound to it.
    Session,
    /// Not the policy: it couldn't be asked, failed, or knew only full backends, or there was no choice.
    Fallback,
}

impl ChosenBy {
    /// Its name in logs, metrics and answers.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Policy => "policy",
            Self::Abstention => "abstention",
            Self::Session => "session",
            Self::Fallback => "fallback",
        }
    }
}

/// The names of a policy and of its version, as they are reported.
#[derive(Debug, PartialEq, Eq)]
pub struct PolicyLabel {
    /// The policy: its name if it is a bundled one, else that of its file without the ending.
    pub name: Box<str>,
    /// The version: the first 12 digits of its SHA-256.
    pub version: Box<str>,
}

/// By which the log names a request, as far as it has come.
#[derive(Debug, Clone, Copy)]
pub struct RequestNames<'a> {
    /// Its pool.
    pub pool: Option<&'a str>,
    /// The number of its route.
    pub route: Option<usize>,
    /// What that is called.
    pub route_name: Option<&'a str>,
    /// Its own id.
    pub id: Option<&'a str>,
}

impl RequestRecord {
    /// By which the log names it.
    #[must_use]
    pub fn names(&self) -> RequestNames<'_> {
        RequestNames {
            pool: self.pool.as_ref().map(|pool| &*pool.shared().name),
            route: self.route.as_ref().map(|route| route.index.0),
            route_name: self.route.as_ref().and_then(|route| route.name.as_deref()),
            id: self.ids.request.as_ref().and_then(|id| id.to_str().ok()),
        }
    }

    /// An attempt has ended.
    pub fn add(&mut self, attempt: AttemptRecord) {
        let attempts = &mut self.attempts;
        if attempts.first.is_none() {
            attempts.first = Some(attempt);
        } else {
            attempts.retries.push(attempt);
        }
    }

    /// The last attempt on record.
    pub fn last_attempt_mut(&mut self) -> Option<&mut AttemptRecord> {
        self.attempts.retries.last_mut().or(self.attempts.first.as_mut())
    }

    /// All attempts that have ended, in their order.
    pub fn attempts(&self) -> impl Iterator<Item = &AttemptRecord> {
        self.attempts.first.iter().chain(&self.attempts.retries)
    }

    /// The attempt, if there was one and no other.
    #[must_use]
    pub fn only_attempt(&self) -> Option<&AttemptRecord> {
        self.attempts.first.as_ref().filter(|_| self.attempts.retries.is_empty())
    }

    /// How many attempts have ended beside the first one.
    #[must_use]
    pub fn retries(&self) -> usize {
        self.attempts.retries.len()
    }

    /// From the first byte to the end; zero if there is no end yet.
    #[must_use]
    pub fn whole(&self) -> Duration {
        let RequestTimes { first_byte, ended, .. } = self.times;
        first_byte.zip(ended).map_or(Duration::ZERO, |(first, ended)| ended.since(first))
    }

    /// From the search for a backend to the end; zero if there was no search, or is no end yet.
    #[must_use]
    pub fn total(&self) -> Duration {
        self.times.began.zip(self.times.ended).map_or(Duration::ZERO, |(began, ended)| ended.since(began))
    }

    /// Resets it for another request. What it held is dropped, and nothing is allocated.
    pub fn reset(&mut self) {
        self.ids = RequestIds::default();
        self.times = RequestTimes::default();
        self.protocol = Protocol::default();
        self.route = None;
        self.pool = None;
        self.attempts.first = None;
        self.attempts.retries.clear();
        self.status = None;
        self.call = None;
        self.error = None;
        self.bytes = RequestBytes::default();
    }

    /// Writes it to the log, at level `debug`.
    pub fn log(&self, peer: std::net::SocketAddr) {
        if !tracing::enabled!(tracing::Level::DEBUG) {
            return;
        }
        let status = self.status.map(|status| status.as_u16());
        tracing::debug!(
            event = "request-ended",
            %peer,
            status,
            error = self.error,
            pool = self.pool.as_ref().map(|pool| &*pool.shared().name),
            backend = self.attempts().last().map(|attempt| &*attempt.backend.shared().name),
            attempts = self.attempts().count(),
            body_bytes = self.bytes.body,
            total_us = self.total().as_micros(),
            "request ended"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::Backend;

    fn attempt(name: &str, outcome: i32) -> AttemptRecord {
        let backend = Local::new(Arc::new(Backend::new(name, ([127, 0, 0, 1], 80))));
        AttemptRecord {
            backend,
            choice: Choice { by: ChosenBy::Policy, policy: None, topology: TopologyGeneration::default() },
            began: Moment(5),
            connection: Connection::None,
            answered: None,
            total: Duration::from_micros(4),
            outcome,
            error: None,
        }
    }

    #[test]
    fn attempts_stay_in_their_order_and_a_reset_forgets_them() {
        let mut record = RequestRecord { status: Some(StatusCode::OK), ..RequestRecord::default() };
        for (name, outcome) in [("a", 1), ("b", 2), ("c", 0)] {
            record.add(attempt(name, outcome));
        }
        let names: Vec<&str> = record.attempts().map(|attempt| &*attempt.backend.shared().name).collect();
        assert_eq!(names, ["a", "b", "c"]);
        assert_eq!(record.attempts().next().unwrap().total, Duration::from_micros(4));
        record.reset();
        assert_eq!((record.attempts().count(), record.status), (0, None));
    }
}
