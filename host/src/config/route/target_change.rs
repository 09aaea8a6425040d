//! The keys that change a request's path and query.

use pointsman_core::route::{
    PathChange, PrefixChange, QueryChange, RoutePattern, TargetChange, Template, normal_path,
};

use super::super::read::{Section, Value, excerpt};

const QUERY: &str = "write `\"keep\"`, `\"drop\"`, a query such as `\"a=b\"`, or `{ add = \"a=b\" }` to put it before what there is";

/// What `path`, `replace_prefix` and `query` make of a request of this route. Without a pattern, which has its own faults, nothing.
pub(super) fn target_change(
    section: &mut Section<'_>,
    pattern: Option<&RoutePattern>,
) -> Option<TargetChange> {
    let (path, prefix, query) = (section.get("path"), section.get("replace_prefix"), section.get("query"));
    let pattern = pattern?;
    if let (Some(_), Some(prefix)) = (&path, &prefix) {
        prefix.fail("stands beside `path`", "write one of them");
        return None;
    }
    let path = path.map_or(Some(None), |value| whole_path(&value, value.string()?, pattern).map(Some));
    let prefix = prefix.map_or(Some(None), |value| new_prefix(&value, pattern).map(Some));
    let query = query.map_or(Some(QueryChange::Keep), |value| new_query(&value, pattern));
    Some(TargetChange { path: path?.or(prefix?), query: query? })
}

/// The whole path, as a text.
pub(super) fn whole_path(value: &Value<'_>, text: &str, pattern: &RoutePattern) -> Option<PathChange> {
    let begins_with_capture = text.starts_with('$') && !text.starts_with("$$");
    if !begins_with_capture && !begins_like_a_path(value, text) {
        return None;
    }
    is_path(value, text).then(|| template(value, text, pattern)).flatten().map(PathChange::Whole)
}

/// The text of a path.
pub(super) fn path_text<'a>(value: &Value<'a>) -> Option<&'a str> {
    let text = value.string()?;
    (begins_like_a_path(value, text) && is_path(value, text)).then_some(text)
}

fn new_prefix(value: &Value<'_>, pattern: &RoutePattern) -> Option<PathChange> {
    let text = path_text(value)?;
    own_prefixes(value, pattern).map(|own| PathChange::Prefix(PrefixChange::new(&own, text)))
}

/// The prefixes of the route, which this value takes for granted.
pub(super) fn own_prefixes(value: &Value<'_>, pattern: &RoutePattern) -> Option<Vec<String>> {
    let own = pattern.prefixes();
    if own.is_empty() {
        value.fail("the route has no `prefix`", "write `prefix = \"/…\"` in the route");
        return None;
    }
    Some(own)
}

fn new_query(value: &Value<'_>, pattern: &RoutePattern) -> Option<QueryChange> {
    if value.raw().as_table().is_some() {
        return Section::read(value, QUERY, |section| {
            let add = section.required("add", "add = \"a=b\"")?;
            query_text(&add, add.string()?, pattern).map(QueryChange::Add)
        });
    }
    match value.string()? {
        "keep" => Some(QueryChange::Keep),
        "drop" => Some(QueryChange::Drop),
        text => query_text(value, text, pattern).map(QueryChange::Set),
    }
}

/// A query, without the question mark.
pub(super) fn query_text(value: &Value<'_>, text: &str, pattern: &RoutePattern) -> Option<Template> {
    if let Some(query) = text.strip_prefix('?') {
        value.fail("begins with the question mark", format!("write `\"{}\"`", excerpt(query)));
        return None;
    }
    if !text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#') {
        not_on_the_wire(value, text, "a query");
        return None;
    }
    template(value, text, pattern)
}

fn begins_like_a_path(value: &Value<'_>, text: &str) -> bool {
    let shown = excerpt(text);
    let second = text.strip_prefix('/').map(|rest| rest.bytes().next());
    match second {
        None => value.fail(format!("`{shown}` doesn't start with a slash"), format!("write `\"/{shown}\"`")),
        Some(Some(b'/' | b'\\')) => value.fail(
            format!("`{shown}` is the name of a host to browsers"),
            "write a path with one slash at its beginning; a host has a key of its own in `redirect`",
        ),
        Some(_) => return true,
    }
    false
}

fn is_path(value: &Value<'_>, text: &str) -> bool {
    let shown = excerpt(text);
    if text.contains(['?', '#']) {
        value.fail(
            format!("`{shown}` has a query or a fragment"),
            "write the path alone: `query` is a key of its own",
        );
        return false;
    }
    if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        not_on_the_wire(value, text, "a path");
        return false;
    }
    if normal_path::has_dot_segments(text.as_bytes()) {
        value.fail(format!("`{shown}` has dot segments"), "write the path that they lead to");
        return false;
    }
    true
}

fn not_on_the_wire(value: &Value<'_>, text: &str, what: &str) {
    value.fail(
        format!("`{}` is not how {what} goes over the wire", excerpt(text)),
        "write what isn't plain ASCII percent-encoded, such as `%20` for a space",
    );
}

fn template(value: &Value<'_>, text: &str, pattern: &RoutePattern) -> Option<Template> {
    match Template::new(text, &pattern.regexes()) {
        Ok(template) => Some(template),
        Err(error) => {
            let hint = "`$1` and `${name}` are captures of the route's `regex`, `$$` is a dollar sign";
            value.fail(format!("`{}`: {error}", excerpt(text)), hint);
            None
        }
    }
}
