//! A line as an object of JSON.

use std::io::Write as _;

use http::HeaderValue;
use pointsman_core::record::{AttemptRecord, Connection, RequestRecord};

use super::ending::Ending;
use super::entry::Entry;
use super::escape;
use super::line::{LineContext, Times};
use super::number::{address, ip, number};
use super::texts::Kept;

/// Adds a comma, the name of a field, and its value: a string if there is one, which `$write` puts after the quote in front of it. The names
/// are part of what is copied with a length that the compiler knows: each would be a call to copy memory.
macro_rules! string {
    ($line:ident, $name:literal, $value:expr, $write:expr) => {
        match $value {
            Some(value) => {
                $line.extend_from_slice(concat!(",\"", $name, "\":\"").as_bytes());
                $write($line, value);
                $line.push(b'"');
            }
            None => $line.extend_from_slice(concat!(",\"", $name, "\":null").as_bytes()),
        }
    };
}

/// A text that may have to be escaped.
macro_rules! text {
    ($line:ident, $name:literal, $value:expr) => {
        string!($line, $name, $value, escape::json)
    };
}

/// A text out of the configuration.
macro_rules! name {
    ($line:ident, $name:literal, $value:expr) => {
        text!($line, $name, $value.map(|name: &str| Kept::whole(name.as_bytes())))
    };
}

/// A word in which nothing needs an escape.
macro_rules! word {
    ($line:ident, $name:literal, $value:expr) => {
        string!($line, $name, $value, |line: &mut Vec<u8>, word: &[u8]| line.extend_from_slice(word))
    };
}

/// A number, if there is one.
macro_rules! optional {
    ($line:ident, $name:literal, $value:expr) => {
        match $value {
            Some(value) => {
                $line.extend_from_slice(concat!(",\"", $name, "\":").as_bytes());
                number($line, value);
            }
            None => $line.extend_from_slice(concat!(",\"", $name, "\":null").as_bytes()),
        }
    };
}

/// Adds a line. Its fields, and their order, are those of `docs/access-log.md`.
pub(super) fn write(line: &mut Vec<u8>, entry: &Entry<'_>, context: &mut LineContext<'_>) {
    let (record, texts, ending) = (entry.record, entry.texts, Ending::of(entry));
    line.extend_from_slice(b"{\"time\":\"");
    context.time.write(entry.began().unwrap_or_default(), line);
    line.push(b'"');
    // One that isn't ours has come through only if it is of letters, digits and a few signs.
    word!(line, "request_id", record.ids.request.as_ref().map(HeaderValue::as_bytes));
    span(line, record);
    clients(line, entry, context);
    line.extend_from_slice(b",\"listener\":\"");
    address(line, entry.listener);
    line.extend_from_slice(b"\",\"worker\":");
    number(line, context.worker);
    text!(line, "method", texts.method());
    word!(line, "scheme", Some(entry.scheme.as_bytes()));
    text!(line, "host", texts.host());
    text!(line, "path", texts.path());
    text!(line, "query", context.query(texts));
    word!(line, "protocol", Some(record.protocol.name().as_bytes()));
    text!(line, "referer", texts.referer());
    text!(line, "user_agent", texts.user_agent());
    optional!(line, "status", ending.status.map(u64::from));
    let (received, sent) = entry.tunnel.map_or((0, 0), |tunnel| (tunnel.received, tunnel.sent));
    optional!(line, "bytes_received", Some(record.bytes.received + received));
    optional!(line, "body_bytes_sent", Some(record.bytes.body + sent));
    failure(line, &ending);
    match record.only_attempt() {
        Some(only) => {
            line.extend_from_slice(context.choices.of(record, only));
            what_came_of(line, only);
        }
        None => several_attempts(line, record),
    }
    line.push(b']');
    times(line, &Times::of(entry));
    line.extend_from_slice(b",\"event\":\"");
    line.extend_from_slice(entry.event.name().as_bytes());
    line.extend_from_slice(b"\",\"sample_rate\":");
    line.extend_from_slice(context.sample_rate);
    line.extend_from_slice(b"}\n");
}

fn span(line: &mut Vec<u8>, record: &RequestRecord) {
    match record.ids.span {
        Some(ids) => {
            // Memory doesn't fail.
            let _ = write!(line, ",\"trace_id\":\"{:032x}\",\"span_id\":\"{:016x}\"", ids.trace, ids.span);
        }
        None => line.extend_from_slice(b",\"trace_id\":null,\"span_id\":null"),
    }
}

fn clients(line: &mut Vec<u8>, entry: &Entry<'_>, context: &LineContext<'_>) {
    let peer = entry.peer.ip().to_canonical();
    let client = entry.client();
    string!(line, "client", context.client(client), ip);
    string!(line, "peer", (peer != client).then_some(peer).and_then(|peer| context.client(peer)), ip);
}

fn failure(line: &mut Vec<u8>, ending: &Ending) {
    if let (None, None, None) = (ending.error, ending.by, ending.phase) {
        return line.extend_from_slice(b",\"error\":null,\"ended_by\":null,\"phase\":null");
    }
    word!(line, "error", ending.error.map(str::as_bytes));
    word!(line, "ended_by", ending.by.map(str::as_bytes));
    word!(line, "phase", ending.phase.map(str::as_bytes));
}

/// What all requests with one attempt have in common that went to the same backend.
pub(super) fn only_choice(line: &mut Vec<u8>, record: &RequestRecord, only: &AttemptRecord) {
    choice(line, record, Some(only));
    line.extend_from_slice(b",\"attempts\":[");
    attempted(line, only);
}

/// None, or more than one.
#[cold]
fn several_attempts(line: &mut Vec<u8>, record: &RequestRecord) {
    choice(line, record, record.attempts().last());
    line.extend_from_slice(b",\"attempts\":[");
    for (place, attempt) in record.attempts().enumerate() {
        if place > 0 {
            line.push(b',');
        }
        attempted(line, attempt);
        what_came_of(line, attempt);
    }
}

/// Where it went, and who chose that.
fn choice(line: &mut Vec<u8>, record: &RequestRecord, last: Option<&AttemptRecord>) {
    optional!(line, "route", record.route.as_ref().map(|route| route.index.0 as u64));
    name!(line, "route_name", record.route.as_ref().and_then(|route| route.name.as_deref()));
    name!(line, "pool", record.pool.as_ref().map(|pool| &*pool.shared().name));
    name!(line, "backend", last.map(|attempt| &*attempt.backend.shared().name));
    string!(line, "address", last.map(|attempt| &attempt.backend.shared().address), address);
    let label = last.and_then(|attempt| attempt.choice.policy.as_deref());
    name!(line, "policy", label.map(|label| &*label.name));
    word!(line, "version", label.map(|label| label.version.as_bytes()));
    word!(line, "chosen_by", last.map(|attempt| attempt.choice.by.name().as_bytes()));
    optional!(line, "topology", last.map(|attempt| attempt.choice.topology.0));
}

/// The first field of an attempt.
fn attempted(line: &mut Vec<u8>, attempt: &AttemptRecord) {
    line.extend_from_slice(b"{\"backend\":\"");
    escape::json(line, Kept::whole(attempt.backend.shared().name.as_bytes()));
    line.push(b'"');
}

/// The other fields of an attempt.
fn what_came_of(line: &mut Vec<u8>, attempt: &AttemptRecord) {
    word!(line, "error", attempt.error.map(str::as_bytes));
    optional!(line, "status", attempt.answered.map(|(status, _)| u64::from(status.as_u16())));
    let (connect, head) = Times::of_attempt(attempt);
    optional!(line, "connect_us", connect);
    optional!(line, "head_us", head);
    line.extend_from_slice(match attempt.connection {
        Connection::Reused => b",\"reused\":true}",
        Connection::Opened(_) => b",\"reused\":false}",
        Connection::None => b",\"reused\":null}",
    });
}

fn times(line: &mut Vec<u8>, times: &Times) {
    optional!(line, "head_read_us", times.head_read);
    optional!(line, "queue_us", times.queue);
    optional!(line, "connect_us", times.connect);
    optional!(line, "head_us", times.head);
    optional!(line, "total_us", Some(times.total));
}
