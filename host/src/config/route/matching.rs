//! The keys of a route that say which requests it is for.

use http::Method;
use pointsman_core::route::{Condition, HostPattern, RoutePattern, Spoken};

use super::super::address::{host_pattern, network};
use super::super::model::ListenerConfig;
use super::super::read::{Section, Value, choice_of, excerpt};
use super::key::{cookie_name, header_name};
use super::listener::listener;
use super::path::paths;
use super::value::value_pattern;

const NOT: &str =
    "write a table with the keys of a match, such as `not = { method = \"GET\" }`, or a list of them";

/// What a route matches. Of the values of a key one has to match, and of several keys all.
pub(super) fn pattern(section: &mut Section<'_>, listeners: &[ListenerConfig]) -> Option<RoutePattern> {
    let hosts = hosts(section);
    let paths = paths(section);
    let mut conditions = others(section, listeners);
    let (paths, further) = paths?;
    conditions.as_mut()?.extend(further.into_iter().map(Condition::Path));
    Some(RoutePattern { hosts: hosts?, paths, conditions: conditions? })
}

fn hosts(section: &mut Section<'_>) -> Option<Vec<HostPattern>> {
    section.get("host").map_or_else(|| Some(Vec::new()), |value| value.one_or_more(host_pattern))
}

/// What is demanded beside host and path: first what is quick to find out.
fn others(section: &mut Section<'_>, listeners: &[ListenerConfig]) -> Option<Vec<Condition>> {
    let mut all = Some(Vec::new());
    let mut add = |condition: Option<Condition>| match (&mut all, condition) {
        (Some(all), Some(condition)) => all.push(condition),
        _ => all = None,
    };
    if let Some(value) = section.get("method") {
        add(value.one_or_more(method).map(Condition::Method));
    }
    if let Some(value) = section.get("scheme") {
        add(scheme(&value).map(Condition::Tls));
    }
    if let Some(value) = section.get("listener") {
        add(value.one_or_more(|value| listener(value, listeners)).map(Condition::Listener));
    }
    if let Some(value) = section.get("protocol") {
        add(value.one_or_more(protocol).map(Condition::Protocol));
    }
    if let Some(value) = section.get("client") {
        add(value.one_or_more(network).map(Condition::Client));
    }
    for (key, kind) in [("header", Named::Header), ("query", Named::Query), ("cookie", Named::Cookie)] {
        let Some(value) = section.get(key) else { continue };
        let hint = format!("write `{key} = {{ NAME = \"VALUE\" }}`");
        match value.entries(&hint) {
            Some(entries) => entries.iter().for_each(|(name, value)| add(kind.condition(name, value))),
            None => add(None),
        }
    }
    if let Some(value) = section.get("not") {
        match value.one_or_more(|value| not(value, listeners)) {
            Some(conditions) => conditions.into_iter().for_each(|condition| add(Some(condition))),
            None => add(None),
        }
    }
    all
}

/// What must not match: all of a table's keys together.
fn not(value: &Value<'_>, listeners: &[ListenerConfig]) -> Option<Condition> {
    let conditions = Section::read(value, NOT, |section| {
        let RoutePattern { hosts, paths, mut conditions } = pattern(section, listeners)?;
        let host = (!hosts.is_empty()).then_some(Condition::Host(hosts));
        let path = (!paths.is_empty()).then_some(Condition::Path(paths));
        conditions.extend(host.into_iter().chain(path));
        Some(conditions)
    })?;
    if conditions.is_empty() {
        value.fail("is empty, and so excludes every request", NOT);
        return None;
    }
    Some(Condition::Not(conditions))
}

/// Values that have names.
#[derive(Clone, Copy)]
enum Named {
    Header,
    Query,
    Cookie,
}

impl Named {
    fn condition(self, name: &str, value: &Value<'_>) -> Option<Condition> {
        let pattern = value_pattern(value);
        match self {
            Self::Header => {
                let name = header_name(value, name);
                Some(Condition::Header(name?, pattern?))
            }
            Self::Query => Some(Condition::Query(name.to_owned(), pattern?)),
            Self::Cookie => {
                let name = cookie_name(value, name);
                Some(Condition::Cookie(name?, pattern?))
            }
        }
    }
}

fn method(value: &Value<'_>) -> Option<Method> {
    let text = value.string()?;
    let method = Method::from_bytes(text.as_bytes()).ok();
    let upper = text.to_ascii_uppercase();
    match method {
        Some(method) if upper == text => Some(method),
        Some(_) => {
            value.fail(
                format!("`{}` isn't in capitals", excerpt(text)),
                format!("write `\"{}\"`", excerpt(&upper)),
            );
            None
        }
        None => {
            value.fail(format!("`{}` is no method", excerpt(text)), "write one such as `\"GET\"`");
            None
        }
    }
}

fn scheme(value: &Value<'_>) -> Option<bool> {
    choice_of(value, &[("http", false), ("https", true)])
}

fn protocol(value: &Value<'_>) -> Option<Spoken> {
    let all = [Spoken::Http10, Spoken::Http11, Spoken::Http2, Spoken::Grpc, Spoken::WebSocket];
    choice_of(value, &all.map(|spoken| (spoken.name(), spoken)))
}
