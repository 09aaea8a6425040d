//! Paths that change on their way: the path of a `proxy_pass`, `rewrite`, and `return` with a URL.

use std::fmt::Write as _;

use pointsman_core::route::Regex;

use super::super::value::{self, is_path};
use super::location::{Location, Shape};
use super::scope::Scope;
use super::tree::Directive;
use crate::config::{leads_elsewhere, literal};

/// What becomes of path and query, as keys of a `rewrite` or a `redirect`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Change {
    keys: String,
    /// A path that requests surely have afterwards, or what it begins with; none if a capture decides.
    leads_to: Option<String>,
}

impl Change {
    /// The table of a `rewrite`.
    pub(super) fn rewrite(&self) -> String {
        format!("{{ {} }}", self.keys)
    }
}

/// What the path of a `proxy_pass` makes of the location's.
pub(super) fn of_pass(location: &Location<'_>, path: &str) -> Option<Change> {
    match location.shape {
        Shape::Prefix | Shape::FirmPrefix => replaced(&location.path, path),
        Shape::Exact if is_path(path) => Some(whole(path)),
        _ => None,
    }
}

/// What a `rewrite` makes of every path of the location.
pub(super) fn of_rewrite(location: &Location<'_>, rewrite: &Directive) -> Option<Change> {
    let (regex, target) = (rewrite.arg(0), rewrite.arg(1));
    if location.shape == Shape::Regex && !location.ignores_case && location.path == regex {
        return captured(target);
    }
    let prefix = matches!(location.shape, Shape::Prefix | Shape::FirmPrefix).then_some(&location.path)?;
    if !prefix.ends_with('/')
        || !prefix.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/-_".contains(&byte))
    {
        return None;
    }
    let rest = regex.strip_prefix('^')?.strip_prefix(prefix.trim_end_matches('/'))?;
    let rest = rest.strip_suffix('$').unwrap_or(rest);
    let before = target.strip_suffix("$1")?;
    match rest {
        "/(.*)" | "/?(.*)" if before.ends_with('/') => replaced(prefix, before),
        "(/.*)" | "(.*)" if !before.ends_with('/') => replaced(prefix, &format!("{before}/")),
        _ => None,
    }
}

/// The `redirect` of a `return` or a `rewrite` that sends clients elsewhere, if they don't come back by it.
pub(super) fn redirect(location: &Location<'_>, directive: &Directive) -> Option<String> {
    if directive.name == "rewrite" {
        let status = match directive.arg(2) {
            "permanent" => 301,
            "redirect" => 302,
            _ => return None,
        };
        let change = of_rewrite(location, directive)?;
        return (!comes_back(location, &change)).then(|| format!("{{ status = {status}, {} }}", change.keys));
    }
    let status: u16 = directive.arg(0).parse().ok()?;
    let url = directive.args.get(1).filter(|_| leads_elsewhere(status))?;
    let mut keys = format!("status = {status}");
    let mut target = url.as_str();
    let mut is_elsewhere = false;
    if let Some((scheme, rest)) = url.split_once("://") {
        let (host, path) = rest.split_at(rest.find(['/', '?', '$']).unwrap_or(rest.len()));
        if !matches!(scheme, "http" | "https") || !value::is_host(host) {
            return None;
        }
        let _ = write!(keys, ", scheme = {}, host = {}", literal(scheme), literal(host));
        is_elsewhere = !serves(&location.scope, host);
        target = if path.is_empty() { "/" } else { path };
    }
    if target == "$request_uri" {
        return is_elsewhere.then(|| format!("{{ {keys} }}"));
    }
    let (target, query) = match target.strip_suffix("$is_args$args").or_else(|| target.strip_suffix("?$args"))
    {
        Some(target) if !target.contains('?') => (target, "keep"),
        _ => (target, "drop"),
    };
    let change = match location.shape {
        Shape::Regex => with_query(target, query)?,
        _ if is_path(target) => {
            Change { keys: format!("{}, query = {}", whole(target).keys, literal(query)), ..whole(target) }
        }
        _ => return None,
    };
    (is_elsewhere || !comes_back(location, &change)).then(|| format!("{{ {keys}, {} }}", change.keys))
}

/// The location's prefix makes room for another one, by whole segments.
fn replaced(prefix: &str, replacement: &str) -> Option<Change> {
    // Every path begins with a slash: a route for all of them has no prefix.
    let is_good =
        prefix.ends_with('/') && prefix != "/" && replacement.ends_with('/') && is_path(replacement);
    let keys = format!("replace_prefix = {}", literal(replacement));
    is_good.then(|| Change { keys, leads_to: Some(replacement.to_owned()) })
}

fn whole(path: &str) -> Change {
    Change { keys: format!("path = {}", literal(path)), leads_to: Some(path.to_owned()) }
}

/// A path and a query with captures. What the client's query is comes after it, unless a question mark is the end.
fn captured(target: &str) -> Option<Change> {
    match target.strip_suffix('?') {
        Some(target) => with_query(target, "drop"),
        None => with_query(target, "keep"),
    }
}

fn with_query(target: &str, old: &str) -> Option<Change> {
    let (path, new) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
    let plain = without_captures(path)?;
    let has_captures = plain != path;
    let is_query = |query: &str| query.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#');
    if !is_path(&plain)
        || !path.starts_with('/')
        || new.is_some_and(|new| without_captures(new).is_none_or(|it| !is_query(&it)))
    {
        return None;
    }
    let query = match (new, old) {
        (None, "keep") => String::new(),
        (None, _) => format!(", query = {}", literal("drop")),
        (Some(new), "keep") => format!(", query = {{ add = {} }}", literal(new)),
        // These words stand for something else there.
        (Some("keep" | "drop" | ""), _) => return None,
        (Some(new), _) => format!(", query = {}", literal(new)),
    };
    let keys = format!("path = {}{query}", literal(path));
    Some(Change { keys, leads_to: (!has_captures).then(|| path.to_owned()) })
}

/// A text with something plain in the place of its captures; none if it has other variables.
fn without_captures(text: &str) -> Option<String> {
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        let digit = after.bytes().next().filter(|byte| (b'1'..=b'9').contains(byte))?;
        // nginx takes one digit, a route all of them.
        if after.as_bytes().get(1).is_some_and(u8::is_ascii_digit) {
            return None;
        }
        plain.push_str(before);
        plain.push(char::from(digit));
        rest = &after[1..];
    }
    plain.push_str(rest);
    Some(plain)
}

/// Whether a client that follows the change surely comes to the location again.
fn comes_back(location: &Location<'_>, change: &Change) -> bool {
    let Some(path) = &change.leads_to else { return false };
    match location.shape {
        Shape::Exact => *path == location.path,
        Shape::Prefix | Shape::FirmPrefix => path.starts_with(location.path.trim_end_matches('/')),
        // What isn't known to lead elsewhere may come back.
        Shape::Regex => {
            let case = if location.ignores_case { "(?i)" } else { "" };
            Regex::new(&format!("{case}{}", location.path))
                .map_or(true, |regex| regex.matches(path.as_bytes()))
        }
        Shape::Named => true,
    }
}

/// Whether a host is one of the server's own.
fn serves(scope: &Scope<'_>, host: &str) -> bool {
    let is_own = |name: &String| {
        let name = name.to_ascii_lowercase();
        let host = host.to_ascii_lowercase();
        let domain = name.trim_start_matches('*').trim_start_matches('.');
        name == host || (name != domain && host.ends_with(domain)) || name.starts_with('~')
    };
    scope.all(&["server_name"]).iter().any(|names| names.args.iter().any(is_own))
}
