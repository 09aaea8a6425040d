//! Who ended a request, and how far it had come.

use pointsman_core::record::{AttemptRecord, Connection, Protocol, RequestRecord};
use pointsman_sdk::abi::outcome;

use super::entry::{Entry, LineEvent};

/// The status of a request whose client has left before it got anything.
pub(super) const CLIENT_LEFT: u16 = 499;

/// The error of a request whose client has left.
const CLIENT_ABORT: &str = "client-abort";

/// Errors that are the proxy's, with the phase in which they occur.
const OF_PROXY: [(&str, &str); 7] = [
    ("no-route", "head"),
    ("loop", "head"),
    ("rate-limited", "head"),
    ("concurrency-limited", "head"),
    ("no-backend", "queue"),
    ("queue-full", "queue"),
    ("queue-timeout", "queue"),
];

/// Errors that are the policy's.
const OF_POLICY: [&str; 2] = ["policy-reject", "policy-fault"];

/// How a request has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ending {
    /// What the client got; [`CLIENT_LEFT`] if it left before that.
    pub(super) status: Option<u16>,
    /// What went wrong.
    pub(super) error: Option<&'static str>,
    /// Who ended it, if it didn't come to its end.
    pub(super) by: Option<&'static str>,
    /// How far it had come by then.
    pub(super) phase: Option<&'static str>,
}

impl Ending {
    /// What the record says.
    pub(super) fn of(entry: &Entry<'_>) -> Self {
        let record = entry.record;
        let sent = record.status.map(|status| status.as_u16());
        if entry.event != LineEvent::Request {
            let error = entry.tunnel.and_then(|tunnel| tunnel.error);
            // A stream of HTTP/2 becomes a tunnel by another status (RFC 8441 section 5).
            let status = if record.protocol == Protocol::Http2 { Some(200) } else { sent };
            return Self { status, error, by: None, phase: Some("tunnel") };
        }
        let last = record.attempts().last();
        let client_left = last.is_some_and(|attempt| attempt.outcome == outcome::CLIENT_ABORT);
        let Some(error) = record.error.or_else(|| (client_left || sent.is_none()).then_some(CLIENT_ABORT))
        else {
            return Self { status: sent, error: None, by: None, phase: None };
        };
        let (by, phase) = blame(record, error, last);
        Self { status: sent.or(Some(CLIENT_LEFT)), error: Some(error), by: Some(by), phase: Some(phase) }
    }
}

fn blame(record: &RequestRecord, error: &str, last: Option<&AttemptRecord>) -> (&'static str, &'static str) {
    if OF_POLICY.contains(&error) {
        return ("policy", "queue");
    }
    if let Some((_, phase)) = OF_PROXY.iter().find(|(label, _)| *label == error) {
        return ("proxy", phase);
    }
    match last {
        None if record.times.began.is_some() => ("client", "queue"),
        None => ("client", "head"),
        Some(attempt) => {
            let by = if attempt.outcome == outcome::CLIENT_ABORT { "client" } else { "backend" };
            (by, reached(attempt))
        }
    }
}

fn reached(attempt: &AttemptRecord) -> &'static str {
    match (attempt.answered, attempt.connection) {
        (Some(_), _) => "body",
        (None, Connection::None) => "connect",
        (None, _) => "response",
    }
}
