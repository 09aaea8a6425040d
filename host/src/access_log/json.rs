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

/// Adds a line. Its fields, and their order, are those of `docs/access-log.md`.
pub(super) fn write(line: &mut Vec<u8>, entry: &Entry<'_>, context: &mut LineContext<'_>) {
    let (record, texts, ending) = (entry.record, entry.texts, Ending::of(entry));
    line.extend_from_slice(b"{\"time\":\"");
    context.time.write(entry.began().unwrap_or_default(), line);
    line.push(b'"');
    // One that isn't ours has come through only if it is of letters, digits and a few signs.
    literal(line, b",\"request_id\":", record.ids.request.as_ref().map(HeaderValue::as_bytes));
    span(line, record);
    clients(line, entry, context);
    line.extend_from_slice(b",\"listener\":\"");
    address(line, entry.listener);
    line.extend_from_slice(b"\",\"worker\":");
    number(line, context.worker);
    text(line, b",\"method\":", texts.method());
    literal(line, b",\"scheme\":", Some(entry.scheme.as_bytes()));
    text(line, b",\"host\":", texts.host());
    text(line, b",\"path\":", texts.path());
    text(line, b",\"query\":", context.query(texts));
    literal(line, b",\"protocol\":", Some(record.protocol.name().as_bytes()));
    text(line, b",\"referer\":", texts.referer());
    text(line, b",\"user_agent\":", texts.user_agent());
    optional(line, b",\"status\":", ending.status.map(u64::from));
    let (received, sent) = entry.tunnel.map_or((0, 0), |tunnel| (tunnel.received, tunnel.sent));
    optional(line, b",\"bytes_received\":", Some(record.bytes.received + received));
    optional(line, b",\"body_bytes_sent\":", Some(record.bytes.body + sent));
    literal(line, b",\"error\":", ending.error.map(str::as_bytes));
    literal(line, b",\"ended_by\":", ending.by.map(str::as_bytes));
    literal(line, b",\"phase\":", ending.phase.map(str::as_bytes));
    choice(line, record);
    attempts(line, record);
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
    for (key, known) in
        [(&b",\"client\":"[..], Some(client)), (b",\"peer\":", (peer != client).then_some(peer))]
    {
        line.extend_from_slice(key);
        match known.and_then(|known| context.client(known)) {
            Some(shown) => {
                line.push(b'"');
                ip(line, shown);
                line.push(b'"');
            }
            None => line.extend_from_slice(b"null"),
        }
    }
}

/// Where it went, and who chose that.
fn choice(line: &mut Vec<u8>, record: &RequestRecord) {
    let last = record.attempts().last();
    optional(line, b",\"route\":", record.route.as_ref().map(|route| route.index.0 as u64));
    name(line, b",\"route_name\":", record.route.as_ref().and_then(|route| route.name.as_deref()));
    name(line, b",\"pool\":", record.pool.as_ref().map(|pool| &*pool.shared().name));
    name(line, b",\"backend\":", last.map(|attempt| &*attempt.backend.shared().name));
    line.extend_from_slice(b",\"address\":");
    match last {
        Some(attempt) => {
            line.push(b'"');
            address(line, &attempt.backend.shared().address);
            line.push(b'"');
        }
        None => line.extend_from_slice(b"null"),
    }
    let label = last.and_then(|attempt| attempt.choice.policy.as_deref());
    name(line, b",\"policy\":", label.map(|label| &*label.name));
    literal(line, b",\"version\":", label.map(|label| label.version.as_bytes()));
    literal(line, b",\"chosen_by\":", last.map(|attempt| attempt.choice.by.name().as_bytes()));
    optional(line, b",\"topology\":", last.map(|attempt| attempt.choice.topology.0));
}

fn attempts(line: &mut Vec<u8>, record: &RequestRecord) {
    line.extend_from_slice(b",\"attempts\":[");
    for (place, attempt) in record.attempts().enumerate() {
        if place > 0 {
            line.push(b',');
        }
        name(line, b"{\"backend\":", Some(&attempt.backend.shared().name));
        literal(line, b",\"error\":", attempt.error.map(str::as_bytes));
        optional(line, b",\"status\":", attempt.answered.map(|(status, _)| u64::from(status.as_u16())));
        let (connect, head) = Times::of_attempt(attempt);
        optional(line, b",\"connect_us\":", connect);
        optional(line, b",\"head_us\":", head);
        line.extend_from_slice(reused(attempt));
    }
    line.push(b']');
}

fn reused(attempt: &AttemptRecord) -> &'static [u8] {
    match attempt.connection {
        Connection::Reused => b",\"reused\":true}",
        Connection::Opened(_) => b",\"reused\":false}",
        Connection::None => b",\"reused\":null}",
    }
}

fn times(line: &mut Vec<u8>, times: &Times) {
    optional(line, b",\"head_read_us\":", times.head_read);
    optional(line, b",\"queue_us\":", times.queue);
    optional(line, b",\"connect_us\":", times.connect);
    optional(line, b",\"head_us\":", times.head);
    optional(line, b",\"total_us\":", Some(times.total));
}

// The functions that follow are inlined for their keys, whose length the compiler knows then: each would be a call to copy memory.

/// A text of the client's.
#[inline(always)]
fn text(line: &mut Vec<u8>, key: &[u8], text: Option<Kept<'_>>) {
    line.extend_from_slice(key);
    text_value(line, text);
}

fn text_value(line: &mut Vec<u8>, text: Option<Kept<'_>>) {
    match text {
        Some(Kept { text, is_cut }) => {
            line.push(b'"');
            escape::json(line, text, is_cut);
            line.push(b'"');
        }
        None => line.extend_from_slice(b"null"),
    }
}

/// A name out of the configuration.
#[inline(always)]
fn name(line: &mut Vec<u8>, key: &[u8], name: Option<&str>) {
    text(line, key, name.map(|name| Kept { text: name.as_bytes(), is_cut: false }));
}

/// A word in which nothing needs an escape.
#[inline(always)]
fn literal(line: &mut Vec<u8>, key: &[u8], word: Option<&[u8]>) {
    line.extend_from_slice(key);
    literal_value(line, word);
}

fn literal_value(line: &mut Vec<u8>, word: Option<&[u8]>) {
    match word {
        Some(word) => {
            line.push(b'"');
            line.extend_from_slice(word);
            line.push(b'"');
        }
        None => line.extend_from_slice(b"null"),
    }
}

#[inline(always)]
fn optional(line: &mut Vec<u8>, key: &[u8], value: Option<u64>) {
    line.extend_from_slice(key);
    optional_value(line, value);
}

fn optional_value(line: &mut Vec<u8>, value: Option<u64>) {
    match value {
        Some(value) => number(line, value),
        None => line.extend_from_slice(b"null"),
    }
}
