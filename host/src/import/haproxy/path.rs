//! `http-request set-path` and `replace-path` of a backend: what its servers are asked for.

use pointsman_core::route::Regex;

use super::super::ledger::Place;
use super::super::value::is_path;
use super::sections::{Line, Section};
use crate::config::literal;

/// All that changes what servers are asked for.
const CHANGES: [&str; 8] = [
    "set-path",
    "set-pathq",
    "set-query",
    "set-uri",
    "replace-path",
    "replace-pathq",
    "replace-uri",
    "normalize-uri",
];

/// Every path, in one capture.
const WHOLE: &str = "(?s)^(/.*)$";

/// What becomes of the paths of a pool's requests.
#[derive(Debug, Clone)]
pub(super) struct PathChange {
    pub(super) place: Place,
    /// Which paths change; all if there is none.
    pub(super) regex: Option<String>,
    /// The table of a `rewrite`.
    pub(super) table: String,
}

/// The change of a section; none if there are several, or one that a route can't make of every path.
pub(super) fn of(section: &Section) -> Option<PathChange> {
    let is_change = |line: &&Line| line.is("http-request") && CHANGES.contains(&action(line));
    let mut lines = section.lines.iter().filter(is_change);
    let line = lines.next().filter(|line| lines.next().is_none() && !is_conditional(line))?;
    let (regex, path) = match (action(line), line.words.len()) {
        ("set-path", 3) => match line.word(2).strip_suffix("%[path]") {
            Some(before) if !before.is_empty() => (Some(WHOLE), format!("{}$1", fixed(before)?)),
            Some(_) => return None,
            None => (None, fixed(line.word(2))?),
        },
        ("replace-path", 4) => (Some(line.word(2)), captured(line.word(3))?),
        _ => return None,
    };
    if regex.is_some_and(|regex| Regex::new(regex).is_err()) {
        return None;
    }
    let table = format!("{{ path = {} }}", literal(&path));
    Some(PathChange { place: line.place, regex: regex.map(str::to_owned), table })
}

fn action(line: &Line) -> &str {
    line.word(1).split('(').next().unwrap_or_default()
}

fn is_conditional(line: &Line) -> bool {
    line.words.iter().any(|word| word == "if" || word == "unless")
}

/// A path without anything of the request.
fn fixed(text: &str) -> Option<String> {
    (is_path(text) && !text.contains(['%', '?', '#', '\\'])).then(|| text.replace('$', "$$"))
}

/// A path with captures.
fn captured(text: &str) -> Option<String> {
    let (mut path, mut plain) = (String::new(), String::new());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\\') {
        let digit = after.chars().next().filter(|digit| ('1'..='9').contains(digit))?;
        // One digit there, all of them here.
        if after[1..].starts_with(|next: char| next.is_ascii_alphanumeric() || next == '_') {
            return None;
        }
        path += &format!("{}${digit}", before.replace('$', "$$"));
        plain += &format!("{before}{digit}");
        rest = &after[1..];
    }
    path += &rest.replace('$', "$$");
    plain += rest;
    // A capture at the beginning could be anything.
    (path.starts_with('/') && fixed(&plain).is_some()).then_some(path)
}
