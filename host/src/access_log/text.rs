//! A line in the combined format of other servers, and what they don't know after it.

use http::HeaderValue;
use pointsman_core::record::{AttemptRecord, RequestRecord};

use super::ending::Ending;
use super::entry::Entry;
use super::escape;
use super::line::{LineContext, Times};
use super::number::{ip, number};
use super::texts::{Kept, RequestTexts};

/// Adds a line. Its fields, and their order, are those of `docs/access-log.md`.
pub(super) fn write(line: &mut Vec<u8>, entry: &Entry<'_>, context: &mut LineContext<'_>) {
    let (record, ending) = (entry.record, Ending::of(entry));
    match context.client(entry.client()) {
        Some(shown) => ip(line, shown),
        None => line.push(b'-'),
    }
    line.extend_from_slice(b" - - [");
    context.time.write(entry.began().unwrap_or_default(), line);
    line.extend_from_slice(b"] \"");
    request_line(line, entry.texts, context);
    line.push(b' ');
    line.extend_from_slice(record.protocol.name().as_bytes());
    line.extend_from_slice(b"\" ");
    number(line, u64::from(ending.status.unwrap_or_default()));
    line.push(b' ');
    number(line, record.bytes.body + entry.tunnel.map_or(0, |tunnel| tunnel.sent));
    line.extend_from_slice(b" \"");
    known(line, entry.texts.referer());
    line.extend_from_slice(b"\" \"");
    known(line, entry.texts.user_agent());
    // One that isn't ours has come through only if it is of letters, digits and a few signs.
    line.extend_from_slice(b"\" rid=");
    line.extend_from_slice(record.ids.request.as_ref().map_or(b"-", HeaderValue::as_bytes));
    match record.only_attempt() {
        Some(only) => line.extend_from_slice(context.choices.of(record, only)),
        None => choice(line, record, record.attempts().last()),
    }
    word(line, b" error=", ending.error);
    times(line, &Times::of(entry));
    if entry.event.name() != "request" {
        word(line, b" event=", Some(entry.event.name()));
    }
    line.push(b'\n');
}

fn request_line(line: &mut Vec<u8>, texts: &RequestTexts, context: &mut LineContext<'_>) {
    known(line, texts.method());
    line.push(b' ');
    known(line, texts.path());
    if let Some(query) = context.query(texts) {
        line.push(b'?');
        escape::text(line, query);
    }
}

/// What all requests with one attempt have in common that went to the same backend.
pub(super) fn only_choice(line: &mut Vec<u8>, record: &RequestRecord, only: &AttemptRecord) {
    choice(line, record, Some(only));
}

/// Where it went, and who chose that.
fn choice(line: &mut Vec<u8>, record: &RequestRecord, last: Option<&AttemptRecord>) {
    word(line, b" pool=", record.pool.as_ref().map(|pool| &*pool.shared().name));
    word(line, b" backend=", last.map(|attempt| &*attempt.backend.shared().name));
    let label = last.and_then(|attempt| attempt.choice.policy.as_deref());
    word(line, b" policy=", label.map(|label| &*label.name));
    if let Some(label) = label {
        word(line, b"@", Some(&label.version));
    }
    word(line, b" by=", last.map(|attempt| attempt.choice.by.name()));
    line.extend_from_slice(b" attempts=");
    number(line, record.attempts().count() as u64);
}

/// Milliseconds; −1 where the request never got there.
fn times(line: &mut Vec<u8>, times: &Times) {
    // What the time for the head has of the connection is in its own.
    let head = times.head.map(|head| head.saturating_sub(times.connect.unwrap_or_default()));
    line.extend_from_slice(b" TR/Tw/Tc/Tr/Ta=");
    for time in [times.head_read, times.queue, times.connect, head] {
        match time {
            Some(micros) => number(line, micros / 1_000),
            None => line.extend_from_slice(b"-1"),
        }
        line.push(b'/');
    }
    number(line, times.total / 1_000);
}

/// A text of the client's, or a hyphen if there is none.
fn known(line: &mut Vec<u8>, text: Option<Kept<'_>>) {
    match text {
        Some(text) => escape::text(line, text),
        None => line.push(b'-'),
    }
}

/// A name without spaces, or a hyphen if there is none.
// Inlined for its key, whose length the compiler knows then.
#[inline(always)]
fn word(line: &mut Vec<u8>, key: &[u8], word: Option<&str>) {
    line.extend_from_slice(key);
    known(line, word.map(|word| Kept::whole(word.as_bytes())));
}
