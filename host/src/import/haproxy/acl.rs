//! What an `acl`, or a condition in braces, asks of a request.

use std::collections::HashMap;

use super::super::matching::{Compare, Kind, Test};
use super::super::text::Files;
use super::super::value;

/// What is asked, as far as it is understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Criterion {
    /// Something of the request.
    Test(Test),
    /// It holds for every request, or for none.
    Always(bool),
    /// Something else.
    Unknown,
}

/// Reads a criterion: a sample, flags, and values.
pub(super) fn read(words: &[String], files: &mut Files, environment: &HashMap<String, String>) -> Criterion {
    let Some((sample, rest)) = words.split_first() else { return Criterion::Unknown };
    let mut flags = Flags::default();
    let mut values = Vec::new();
    let mut rest = rest.iter();
    while let Some(word) = rest.next() {
        match word.as_str() {
            "-i" => flags.ignores_case = true,
            "-m" => flags.method = rest.next().map(String::as_str),
            "-f" => {
                let Some(path) = rest.next() else { return Criterion::Unknown };
                let Ok(text) = files.read(&files.locate(path)) else { return Criterion::Unknown };
                let lines =
                    text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
                values.extend(lines.map(str::to_owned));
            }
            "--" => values.extend(rest.by_ref().cloned()),
            word if word.starts_with('-') && word.len() == 2 && values.is_empty() => {
                return Criterion::Unknown;
            }
            _ => values.push(word.clone()),
        }
    }
    criterion(sample, flags, values, environment)
}

#[derive(Debug, Clone, Copy, Default)]
struct Flags<'a> {
    ignores_case: bool,
    method: Option<&'a str>,
}

fn criterion(
    sample: &str,
    flags: Flags<'_>,
    values: Vec<String>,
    environment: &HashMap<String, String>,
) -> Criterion {
    let mut parts = split(sample).into_iter();
    let fetch = parts.next().unwrap_or_default();
    let converters: Vec<String> = parts.collect();
    let (name, argument) = match fetch.split_once('(') {
        Some((name, rest)) => (name.to_owned(), rest.trim_end_matches(')').to_owned()),
        None => (fetch.clone(), String::new()),
    };
    let is_lower = converters.iter().any(|converter| converter == "lower");
    let others = converters
        .iter()
        .filter(|converter| !matches!(converter.as_str(), "lower" | "field(1,:)" | "host_only"));
    if others.count() > 0 {
        return Criterion::Unknown;
    }
    match name.as_str() {
        "always_true" | "TRUE" => return Criterion::Always(true),
        "always_false" | "FALSE" => return Criterion::Always(false),
        "env" => {
            let value = environment.get(&argument).cloned().unwrap_or_default();
            return Criterion::Always(values.contains(&value));
        }
        _ => {}
    }
    let (base, suffix) = with_suffix(&name);
    let Some(compare) = compared(flags.method, suffix) else { return Criterion::Unknown };
    if values.is_empty() && compare != Compare::Present {
        return Criterion::Unknown;
    }
    if base.ends_with("hdr") && argument.eq_ignore_ascii_case("host") {
        return host(compare, values, flags);
    }
    let Some(kind) = kind(base, argument, compare, &values) else { return Criterion::Unknown };
    if kind == Kind::Header("upgrade".into(), Compare::Is)
        && values.iter().all(|value| value.eq_ignore_ascii_case("websocket"))
    {
        return Criterion::Test(Test::one(Kind::Protocol, "websocket"));
    }
    let mut test = Test::new(kind, values);
    test.ignores_case = flags.ignores_case || is_lower;
    Criterion::Test(test)
}

fn compared(method: Option<&str>, suffix: Option<&str>) -> Option<Compare> {
    match (method, suffix) {
        (Some("str"), _) | (None, None) => Some(Compare::Is),
        (Some("beg"), _) | (None, Some("beg")) => Some(Compare::Start),
        (Some("end"), _) | (None, Some("end")) => Some(Compare::End),
        (Some("sub"), _) | (None, Some("sub")) => Some(Compare::Contains),
        (Some("reg"), _) | (None, Some("reg")) => Some(Compare::Regex),
        (Some("found"), _) => Some(Compare::Present),
        _ => None,
    }
}

fn kind(base: &str, argument: String, compare: Compare, values: &[String]) -> Option<Kind> {
    let is = compare == Compare::Is;
    match base {
        "path" => path(compare),
        "hdr" | "req.hdr" | "req.fhdr" if !argument.is_empty() && !argument.contains(',') => {
            Some(Kind::Header(argument.to_ascii_lowercase(), compare))
        }
        "url_param" | "urlp" if !argument.is_empty() => Some(Kind::Query(argument, compare)),
        "req.cook" | "cook" if !argument.is_empty() => Some(Kind::Cookie(argument, compare)),
        "method" if is => Some(Kind::Method),
        "src" if is && values.iter().all(|text| value::is_network(text)) => Some(Kind::Client),
        _ => None,
    }
}

fn path(compare: Compare) -> Option<Kind> {
    match compare {
        Compare::Is => Some(Kind::PathIs),
        Compare::Start => Some(Kind::PathStart),
        Compare::End => Some(Kind::PathEnd),
        Compare::Regex => Some(Kind::PathRegex),
        Compare::Contains | Compare::Present => None,
    }
}

/// Hosts are compared without their port, and in any case.
fn host(compare: Compare, values: Vec<String>, flags: Flags<'_>) -> Criterion {
    let values: Vec<String> = match compare {
        Compare::Regex => values,
        _ => values.iter().map(|value| value.to_ascii_lowercase()).collect(),
    };
    let below =
        || values.iter().map(|value| value.strip_prefix('.').map(str::to_owned)).collect::<Option<Vec<_>>>();
    let mut test = match compare {
        Compare::Is => {
            let without_port = |value: &String| match value.rsplit_once(':') {
                Some((host, port)) if port.parse::<u16>().is_ok() && !host.contains(':') => host.to_owned(),
                _ => value.clone(),
            };
            Test::new(Kind::Host, values.iter().map(without_port).collect())
        }
        Compare::End => match below() {
            Some(domains) => Test::new(Kind::HostBelow, domains),
            None => return Criterion::Unknown,
        },
        Compare::Regex => Test::new(Kind::HostRegex, values),
        _ => return Criterion::Unknown,
    };
    test.ignores_case = flags.ignores_case;
    let is_good = |value: &String| compare == Compare::Regex || value::is_host(value);
    if test.values.iter().all(is_good) { Criterion::Test(test) } else { Criterion::Unknown }
}

/// `hdr_beg` is `hdr` that is compared by its start.
fn with_suffix(name: &str) -> (&str, Option<&str>) {
    match name.rsplit_once('_') {
        Some((base, suffix @ ("beg" | "end" | "sub" | "reg"))) => (base, Some(suffix)),
        Some((_, "dir" | "dom" | "len" | "cnt" | "val" | "ip")) => ("", Some("")),
        _ => (name, None),
    }
}

/// A sample and its converters, which commas outside of parentheses separate.
pub(super) fn split(sample: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut depth = 0;
    for sign in sample.chars() {
        match sign {
            '(' => depth += 1,
            ')' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(String::new());
                continue;
            }
            _ => {}
        }
        if let Some(last) = parts.last_mut() {
            last.push(sign);
        }
    }
    parts
}
