//! `respond` of a route: an answer that is always the same.

use std::path::{Path, PathBuf};

use http::StatusCode;

use super::super::header_rules::{HeaderChange, answer_fields};
use super::super::media_type::{content_type, type_of_file};
use super::super::read::{Section, Value};
use super::redirect::leads_elsewhere;

const HINT: &str =
    "write a status such as `respond = 404`, or a table such as `respond = { status = 200, text = \"OK\" }`";

/// What the requests of a route are answered with, in place of a backend.
#[derive(Debug, Clone, PartialEq)]
pub struct Respond {
    /// 200 to 599.
    pub status: StatusCode,
    /// `Content-Type`, if there is content.
    pub media_type: Option<String>,
    /// What it says.
    pub content: RespondContent,
    /// The fields that it has besides; they are among the route's rules.
    pub headers: Vec<HeaderChange>,
}

/// The content of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RespondContent {
    /// It has none.
    None,
    /// The reason of its status, unless there is an error page for that.
    Reason(String),
    /// This.
    Text(String),
    /// What is in this file, which stands on a line of the configuration.
    File(PathBuf, usize),
}

impl Respond {
    /// The file that its content is in.
    #[must_use]
    pub fn file(&self) -> Option<&Path> {
        match &self.content {
            RespondContent::File(path, _) => Some(path),
            RespondContent::None | RespondContent::Reason(_) | RespondContent::Text(_) => None,
        }
    }
}

/// Reads `respond` of a route.
pub(super) fn respond(value: &Value<'_>) -> Option<Respond> {
    if value.raw().is_table() {
        return Section::read(value, HINT, from_table);
    }
    if value.raw().as_integer().is_none() {
        return value.mistyped("a status or a table", HINT);
    }
    let status = status(value)?;
    Some(answer(status, None, reason(status)))
}

fn from_table(section: &mut Section<'_>) -> Option<Respond> {
    let status = section.get("status").map_or(Some(StatusCode::OK), |value| status(&value));
    let media_type = section.get("type").map(|value| (content_type(&value), value));
    let [text, file] = ["text", "file"].map(|key| section.get(key));
    let headers = section.get("headers").map_or_else(|| Some(Vec::new()), |value| answer_fields(&value));
    let (status, headers) = (status?, headers?);
    if !has_content(status.as_u16()) {
        for value in [&text, &file].into_iter().flatten().chain(media_type.as_ref().map(|(_, value)| value)) {
            value.fail(format!("a response with status {} has no content", status.as_u16()), "leave it out");
        }
    }
    if let (Some(_), Some(file)) = (&text, &file) {
        file.fail("stands beside `text`", "write one of them");
    }
    let content = match (&text, &file) {
        (Some(text), _) => RespondContent::Text(any_text(text)?.to_owned()),
        (None, Some(file)) => RespondContent::File(file.path()?, file.line()),
        // With a type of its own it is no mere reason.
        (None, None) => match reason(status) {
            RespondContent::Reason(text) if media_type.is_some() => RespondContent::Text(text),
            reason => reason,
        },
    };
    let media_type = match media_type {
        Some((media_type, _)) => Some(media_type?),
        None => file.as_ref().map_or(Some(None), |file| type_of_file(file).map(Some))?,
    };
    Some(Respond { headers, ..answer(status, media_type, content) })
}

fn answer(status: StatusCode, media_type: Option<String>, content: RespondContent) -> Respond {
    let media_type = match (&content, media_type) {
        (RespondContent::None, _) => None,
        (RespondContent::Text(text), None) if text.is_empty() => None,
        (_, given) => Some(given.unwrap_or_else(|| "text/plain; charset=utf-8".to_owned())),
    };
    Respond { status, media_type, content, headers: Vec::new() }
}

fn status(value: &Value<'_>) -> Option<StatusCode> {
    let number = value.integer(200..=599u16)?;
    if leads_elsewhere(number) {
        let hint = format!("write `redirect = {{ status = {number}, … }}` in its place");
        value.fail(format!("{number} leads elsewhere, and no place is given"), hint);
        return None;
    }
    StatusCode::from_u16(number).ok()
}

/// Whether a response with this status may have content (RFC 9110 sections 15.3.5, 15.3.6 and 15.4.5).
#[must_use]
pub fn has_content(status: u16) -> bool {
    !matches!(status, 204 | 205 | 304)
}

/// What is said if nothing is given: errors are told in words.
fn reason(status: StatusCode) -> RespondContent {
    match status.canonical_reason() {
        Some(reason) if status.as_u16() >= 400 => RespondContent::Reason(format!("{reason}\n")),
        _ if status.as_u16() >= 400 => RespondContent::Reason(format!("{}\n", status.as_u16())),
        _ => RespondContent::None,
    }
}

/// A text, which may be empty.
fn any_text<'a>(value: &Value<'a>) -> Option<&'a str> {
    value.raw().as_str().or_else(|| value.string())
}
