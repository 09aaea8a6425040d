//! `if`: what it asks, as far as a route can ask it.

use super::super::matching::{Compare, Kind, Test};
use super::tree::Directive;

/// A condition as a test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) test: Test,
    /// Why the test isn't quite what nginx asks.
    pub(super) near: Option<&'static str>,
    /// It may miss requests that nginx's condition doesn't.
    pub(super) misses: bool,
}

/// What an `if` asks; none if it isn't understood.
pub(super) fn read(condition: &Directive) -> Option<Asked> {
    let words = words(condition);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let (variable, operator, value) = match words[..] {
        [variable, operator, value] => (variable, operator, value),
        [variable] => (variable, "!=", ""),
        _ => return None,
    };
    let (operator, is_negated) = match operator {
        "=" | "~" | "~*" => (operator, false),
        "!=" => ("=", true),
        "!~" => ("~", true),
        "!~*" => ("~*", true),
        _ => return None,
    };
    let compare = match (operator, value) {
        ("=", "") => Compare::Present,
        ("=", _) => Compare::Is,
        _ => Compare::Regex,
    };
    // `= ""` is for what isn't there, and so turned round.
    let is_negated = if compare == Compare::Present { !is_negated } else { is_negated };
    let (kind, near, misses) = kind(variable.strip_prefix('$')?, compare, value)?;
    let values = match (&kind, compare) {
        (_, Compare::Present) => Vec::new(),
        (Kind::Method, Compare::Regex) => alternatives(value)?,
        _ => vec![value.to_owned()],
    };
    let test = Test { kind, values, is_negated, ignores_case: operator == "~*" };
    test.can_be_written().then_some(Asked { test, near, misses })
}

type Known = (Kind, Option<&'static str>, bool);

fn kind(variable: &str, compare: Compare, value: &str) -> Option<Known> {
    let exact = |kind| Some((kind, None, false));
    match variable {
        "request_method" if compare != Compare::Present => exact(Kind::Method),
        "uri" | "document_uri" if compare == Compare::Is => exact(Kind::PathIs),
        "uri" | "document_uri" if compare == Compare::Regex => exact(Kind::PathRegex),
        "request_uri" if compare == Compare::Regex => {
            let misses = !value.ends_with('$');
            Some((Kind::PathRegex, Some("the path is compared, decoded and without the query"), misses))
        }
        "remote_addr" if compare == Compare::Is => exact(Kind::Client),
        "host" if compare == Compare::Is => exact(Kind::Host),
        _ => {
            let named = |prefix: &str| variable.strip_prefix(prefix).filter(|name| !name.is_empty());
            if let Some(name) = named("http_") {
                return exact(Kind::Header(name.replace('_', "-"), compare));
            }
            if let Some(name) = named("arg_") {
                return exact(Kind::Query(name.to_owned(), compare));
            }
            named("cookie_").and_then(|name| exact(Kind::Cookie(name.to_owned(), compare)))
        }
    }
}

/// The words between the parentheses.
fn words(condition: &Directive) -> Vec<String> {
    let mut words = condition.args.clone();
    if let Some(first) = words.first_mut() {
        *first = first.trim_start_matches('(').to_owned();
    }
    // A closing parenthesis stands behind the last word, or alone behind a quoted one.
    if let Some(last) = words.last_mut()
        && last.ends_with(')')
    {
        last.pop();
        let is_alone = last.is_empty();
        if is_alone && words.len() != 3 {
            words.pop();
        }
    }
    words
        .into_iter()
        .enumerate()
        .filter(|(at, word)| *at > 1 || !word.is_empty())
        .map(|(_, word)| word)
        .collect()
}

/// The texts of `^(GET|HEAD)$`.
fn alternatives(regex: &str) -> Option<Vec<String>> {
    let inner = regex.strip_prefix('^')?.strip_suffix('$')?;
    let inner = inner.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')).unwrap_or(inner);
    let inner = inner.strip_prefix("?:").unwrap_or(inner);
    let all: Vec<String> = inner.split('|').map(str::to_owned).collect();
    all.iter().all(|text| text.bytes().all(|byte| byte.is_ascii_uppercase())).then_some(all)
}
