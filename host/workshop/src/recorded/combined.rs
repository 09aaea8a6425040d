//! Lines in the combined format of nginx and Apache, with the time that a request took behind it: seconds (`$request_time`), or what Pointsman's
//! own text has there.

use std::sync::LazyLock;

use time::OffsetDateTime;
use time::format_description::{self, BorrowedFormatItem};

use super::line::{Kind, Line, Skipped, Written, client, micros};

/// `27/Nov/2026:02:05:56 +0000`.
static TIME: LazyLock<Vec<BorrowedFormatItem<'static>>> = LazyLock::new(|| {
    let format = "[day]/[month repr:short]/[year]:[hour]:[minute]:[second] [offset_hour sign:mandatory][offset_minute]";
    format_description::parse_borrowed::<2>(format).unwrap_or_default()
});

/// What Pointsman's own text has: milliseconds for the head, in the queue, to connect, until the response, and all in all.
const OWN_TIMES: &str = "TR/Tw/Tc/Tr/Ta=";

/// Reads one.
pub(super) fn read(text: &str) -> Result<Line, Skipped> {
    let (address, rest) = text.split_once(' ').ok_or(Skipped::Unknown)?;
    let (time, rest) = bracketed(rest).ok_or(Skipped::Unknown)?;
    let (request, rest) = quoted(rest).ok_or(Skipped::Unknown)?;
    // Status and length of the response; then where the client came from, and what it is.
    let (_, rest) = quoted(rest).ok_or(Skipped::Unknown)?;
    let (_, rest) = quoted(rest).ok_or(Skipped::Unknown)?;
    if rest.contains(" event=tunnel") {
        return Err(Skipped::Tunnel);
    }
    let (work, after) = took(rest)?;
    let moment = OffsetDateTime::parse(time, &*TIME)
        .map_err(|_| Skipped::Wrong("time", time.to_owned(), "like 27/Nov/2026:02:05:56 +0000"))?;
    let mut words = request.split(' ');
    let (Some(method), Some(target)) = (words.next(), words.next()) else {
        return Err(Skipped::Wrong("request", request.to_owned(), "like GET /path HTTP/1.1"));
    };
    let kind = Kind {
        client: client(address),
        method: method.to_owned(),
        target: target.to_owned(),
        ..Kind::default()
    };
    let written = Written { at: micros(moment), is_rounded: true, after };
    Ok(Line { written, work, kind, is_sampled: false, prompt: None })
}

/// How long the backend took, µs, and how long it was by then since the request had begun.
fn took(rest: &str) -> Result<(u64, i64), Skipped> {
    if let Some((_, times)) = rest.split_once(OWN_TIMES) {
        let response = times.split('/').nth(3).unwrap_or_default();
        let millis: i64 = response.parse().map_err(|_| wrong(response))?;
        // Half of what it was rounded down to at most.
        let micros = u64::try_from(millis).map_err(|_| Skipped::NoBackend)? * 1_000;
        return Ok((micros.max(500), 0));
    }
    let word = rest.split_whitespace().next().ok_or(Skipped::Unknown)?.trim_matches('"');
    let seconds: f64 = word.trim_start_matches("rt=").parse().map_err(|_| wrong(word))?;
    if !(0.0..=1e9).contains(&seconds) {
        return Err(wrong(word));
    }
    let micros = (seconds * 1e6).round();
    Ok(((micros as u64).max(500), micros as i64))
}

fn wrong(word: &str) -> Skipped {
    Skipped::Wrong("the time that it took", word.to_owned(), "a number of seconds, like 0.123")
}

/// What is in the first brackets, and what follows.
fn bracketed(text: &str) -> Option<(&str, &str)> {
    text.split_once('[')?.1.split_once(']')
}

/// What is in the next quotes, and what follows.
fn quoted(text: &str) -> Option<(&str, &str)> {
    let text = text.split_once('"')?.1;
    let mut is_escaped = false;
    let end = text.bytes().position(|byte| {
        let ends = byte == b'"' && !is_escaped;
        is_escaped = byte == b'\\' && !is_escaped;
        ends
    })?;
    Some((&text[..end], &text[end + 1..]))
}
