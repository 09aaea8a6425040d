//! `rewrite` of a route: what a backend is asked for instead.

use pointsman_core::route::{PathChange, PathPattern, PrefixChange, QueryChange, RoutePattern, TargetChange};

use super::super::read::{Section, Value, excerpt};
use super::target_change::{path_text, query_text, target_change, whole_path};

const HINT: &str = "write a path such as `rewrite = \"/new/$1\"`, or a table with what is different, such as \
                    `rewrite = { strip_prefix = \"/api\" }`";

/// Reads `rewrite` of a route with this pattern.
pub(super) fn rewrite(value: &Value<'_>, pattern: Option<&RoutePattern>) -> Option<TargetChange> {
    let change = match value.raw().as_str() {
        Some(_) => from_text(value, pattern?),
        None => Section::read(value, HINT, |section| from_table(section, pattern)),
    }?;
    if change == TargetChange::default() {
        value.fail("changes nothing", HINT);
        return None;
    }
    Some(change)
}

fn from_table(section: &mut Section<'_>, pattern: Option<&RoutePattern>) -> Option<TargetChange> {
    let strip = section.get("strip_prefix");
    let change = target_change(section, pattern);
    let Some(strip) = strip else { return change };
    for other in ["path", "replace_prefix"] {
        if section.get(other).is_some() {
            section.fail(other, "stands beside `strip_prefix`", "write one of them");
            return None;
        }
    }
    let path = stripped(&strip, pattern?)?;
    Some(TargetChange { path: Some(path), ..change? })
}

/// The paths of the route without this beginning.
fn stripped(value: &Value<'_>, pattern: &RoutePattern) -> Option<PathChange> {
    let text = path_text(value)?;
    let prefix = text.trim_end_matches('/');
    if prefix.is_empty() {
        value.fail(
            "every path begins with a slash, which stays",
            "write the prefix that is to go, such as `\"/api\"`",
        );
        return None;
    }
    let is_below = |path: &str, whole: &str| {
        path.strip_prefix(whole).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let may_begin_so = |path: &PathPattern| match path {
        PathPattern::Regex(_) | PathPattern::Suffix(_) => true,
        PathPattern::Start(start) => is_below(start, prefix) || prefix.starts_with(start.as_str()),
        PathPattern::Segments(whole) => is_below(whole, prefix) || is_below(prefix, whole),
        PathPattern::Exact(path) => is_below(path, prefix),
    };
    if !pattern.paths.is_empty() && !pattern.paths.iter().any(may_begin_so) {
        let message = format!("no path of the route begins with `{}`", excerpt(text));
        value.fail(message, "write the route's `prefix`, or the beginning of it");
        return None;
    }
    Some(PathChange::Prefix(PrefixChange::new(&[prefix.to_owned()], "")))
}

/// A path, and a query behind a question mark.
fn from_text(value: &Value<'_>, pattern: &RoutePattern) -> Option<TargetChange> {
    let text = value.string()?;
    let (path, query) = text.split_once('?').map_or((text, None), |(path, query)| (path, Some(query)));
    let query = match query {
        None => QueryChange::Keep,
        Some("") => QueryChange::Drop,
        Some(query) => QueryChange::Set(query_text(value, query, pattern)?),
    };
    Some(TargetChange { path: Some(whole_path(value, path, pattern)?), query })
}
