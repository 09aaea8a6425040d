//! Lines of Pointsman's own access log as JSON.

use std::borrow::Cow;

use serde::Deserialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::line::{Kind, Line, Skipped, Written, client, micros};

/// What is taken of it.
#[derive(Deserialize)]
struct Logged<'a> {
    #[serde(borrow)]
    time: Option<Cow<'a, str>>,
    #[serde(borrow)]
    client: Option<Cow<'a, str>>,
    #[serde(borrow)]
    method: Option<Cow<'a, str>>,
    #[serde(borrow)]
    host: Option<Cow<'a, str>>,
    #[serde(borrow)]
    path: Option<Cow<'a, str>>,
    #[serde(borrow)]
    query: Option<Cow<'a, str>>,
    connect_us: Option<u64>,
    head_us: Option<u64>,
    #[serde(borrow)]
    event: Option<Cow<'a, str>>,
    sample_rate: Option<f64>,
}

/// What is wrong with a line. Its place in the log is told beside it, and it is one line.
pub(super) fn fault(error: &serde_json::Error) -> Skipped {
    let text = error.to_string();
    Skipped::Json(match text.rsplit_once(" at line 1 column ") {
        Some((message, column)) => format!("column {column}: {message}"),
        None => text,
    })
}

/// Reads one.
pub(super) fn read(text: &str) -> Result<Line, Skipped> {
    let logged: Logged<'_> = serde_json::from_str(text).map_err(|error| fault(&error))?;
    if logged.event.is_some_and(|event| event.starts_with("tunnel")) {
        return Err(Skipped::Tunnel);
    }
    let time = logged.time.ok_or(Skipped::Missing("time"))?;
    let moment = OffsetDateTime::parse(&time, &Rfc3339)
        .map_err(|_| Skipped::Wrong("time", time.into_owned(), "a time of RFC 3339"))?;
    let head = logged.head_us.ok_or(Skipped::NoBackend)?;
    let mut target = logged.path.map_or_else(|| "/".to_owned(), Cow::into_owned);
    if let Some(query) = logged.query {
        target.push('?');
        target.push_str(&query);
    }
    let kind = Kind {
        client: client(&logged.client.unwrap_or_default()),
        method: logged.method.map_or_else(|| "GET".to_owned(), Cow::into_owned),
        host: logged.host.unwrap_or_default().into_owned(),
        target,
        prefix: String::new(),
    };
    let work = head.saturating_sub(logged.connect_us.unwrap_or_default());
    let is_sampled = logged.sample_rate.is_some_and(|share| share < 1.0);
    Ok(Line { written: Written::begun(micros(moment)), work, kind, is_sampled, prompt: None })
}
