//! `deny`, `return`, `redirect` and their like: what is answered in place of a backend.

use super::super::draft::AnswerDraft;
use super::super::matching::{Kind, Test};
use super::super::value::{is_host, is_path};
use super::sections::Line;
use crate::config::{has_content, is_media_type, leads_elsewhere, literal};

/// An answer, and why it isn't quite what HAProxy gives.
pub(super) struct Answer {
    pub(super) draft: AnswerDraft,
    pub(super) near: Option<&'static str>,
}

/// The answer of a rule that refuses.
pub(super) fn of_refusal(line: &Line) -> Answer {
    if line.is("http-request deny")
        && let Some(draft) = read(line, 403)
    {
        return Answer { draft, near: None };
    }
    let at = line.words.iter().position(|word| word == "deny_status" || word == "status");
    let status = at.and_then(|at| line.word(at + 1).parse::<u16>().ok());
    let status = status.filter(|status| (400..=599).contains(status)).unwrap_or(403);
    let action = if line.word(1) == "content" { line.word(2) } else { line.word(1) };
    let near = match action {
        "deny" => "the status is the same, its content isn't",
        "silent-drop" | "reject" => "leaves the client without an answer; what it refuses gets a 403",
        "tarpit" => "lets the client wait; what it refuses is answered at once",
        _ => "what it refuses is answered with the status alone",
    };
    Answer { draft: AnswerDraft { status, media_type: None, text: None }, near: Some(near) }
}

/// The answer of a `return`; none for one that has more to it than status, media type and text.
pub(super) fn of_return(line: &Line) -> Option<AnswerDraft> {
    if line.is("http-request return") { read(line, 200) } else { None }
}

fn read(line: &Line, default: u16) -> Option<AnswerDraft> {
    let mut draft = AnswerDraft { status: default, media_type: None, text: None };
    let mut words = line.words.iter().skip(2).take_while(|word| *word != "if" && *word != "unless");
    while let Some(word) = words.next() {
        match word.as_str() {
            "deny_status" | "status" => {
                let status = words.next()?.parse().ok()?;
                draft.status = Some(status).filter(|it| (200..=599).contains(it) && !leads_elsewhere(*it))?;
            }
            "content-type" => draft.media_type = Some(words.next()?.clone()),
            "string" => draft.text = Some(words.next()?.clone()),
            "lf-string" => draft.text = Some(words.next().filter(|text| !text.contains('%'))?.clone()),
            _ => return None,
        }
    }
    if !has_content(draft.status) || draft.text.is_none() {
        (draft.text, draft.media_type) = (None, None);
    }
    let essence =
        draft.media_type.as_deref().map(|text| text.split(';').next().unwrap_or_default().trim_end());
    essence.is_none_or(is_media_type).then_some(draft)
}

/// The `redirect` of a rule, for requests that fit these tests; none for one that depends on the request, or may lead back to it.
pub(super) fn redirect(line: &Line, tests: &[Test]) -> Option<String> {
    let skipped = if line.is("http-request redirect") { 2 } else { 1 };
    let mut words = line.words.iter().skip(skipped).take_while(|word| *word != "if" && *word != "unless");
    let kind = words.next()?;
    let url = words.next().filter(|url| !url.contains(['%', '$', '#']))?;
    let (mut status, mut drops_query) = (302, kind == "location");
    while let Some(word) = words.next() {
        match word.as_str() {
            "code" => status = words.next()?.parse::<u16>().ok()?,
            "drop-query" => drops_query = true,
            _ => return None,
        }
    }
    let mut keys = format!("status = {status}");
    let mut path = url.as_str();
    let mut host = None;
    if let Some((scheme, rest)) = url.split_once("://") {
        let (name, rest) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        if !matches!(scheme, "http" | "https") || !is_host(name) {
            return None;
        }
        keys += &format!(", scheme = {}, host = {}", literal(scheme), literal(name));
        (host, path) = (Some(name), rest);
    }
    match (kind.as_str(), path) {
        ("prefix", "" | "/") if host.is_some() => {}
        ("location", "") => keys += ", path = \"/\"",
        ("location", path) if is_path(path) => keys += &format!(", path = {}", literal(path)),
        _ => return None,
    }
    if drops_query {
        keys += ", query = \"drop\"";
    }
    (leads_elsewhere(status) && leads_away(host, path, tests)).then(|| format!("{{ {keys} }}"))
}

/// Whether requests that fit the tests surely don't fit them any more afterwards.
fn leads_away(host: Option<&str>, path: &str, tests: &[Test]) -> bool {
    let is_none_of = |test: &Test, same: &dyn Fn(&str) -> bool| {
        !test.is_negated && !test.values.iter().any(|value| same(&value.to_ascii_lowercase()))
    };
    let path = path.to_ascii_lowercase();
    tests.iter().any(|test| match (&test.kind, host) {
        (Kind::Host, Some(host)) => is_none_of(test, &|value| value.eq_ignore_ascii_case(host)),
        (Kind::HostBelow, Some(host)) => {
            is_none_of(test, &|value| host.to_ascii_lowercase().ends_with(value))
        }
        (Kind::PathIs, _) if !path.is_empty() => is_none_of(test, &|value| value == path),
        (Kind::PathStart, _) if !path.is_empty() => {
            is_none_of(test, &|value| path.starts_with(value.trim_end_matches('/')))
        }
        _ => false,
    })
}
