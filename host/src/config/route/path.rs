//! The keys of a route that are about paths.

use pointsman_core::route::PathPattern;

use super::super::read::{Section, Value, excerpt};
use super::value::regex;

/// Reads a path rule as what its key says.
type Read = fn(&Value<'_>) -> Option<PathPattern>;

/// The paths of the key that narrows most, by which the route is found, and those of the others.
pub(super) fn paths(section: &mut Section<'_>) -> Option<(Vec<PathPattern>, Vec<Vec<PathPattern>>)> {
    let beginnings = ["prefix", "starts_with", "path"].map(|key| (key, section.get(key)));
    let mut written = beginnings.iter().filter_map(|(key, value)| Some((key, value.as_ref()?)));
    if let (Some((first, _)), Some((_, second))) = (written.next(), written.next()) {
        let hint =
            "write `prefix` to match whole segments, or `starts_with` to match all that starts with it";
        second.fail(format!("stands beside `{first}`"), hint);
        return None;
    }
    let [prefix, starts_with, path] = beginnings.map(|(_, value)| value);
    if let Some(path) = &path {
        warn_of_half_segments(path);
    }
    let keys: [(_, Read); 6] = [
        (section.get("exact"), exact),
        (prefix, segments),
        (starts_with, start),
        (path, start),
        (section.get("regex"), |value| regex(value).map(PathPattern::Regex)),
        (section.get("suffix"), suffix),
    ];
    let read = keys.into_iter().filter_map(|(value, read)| value.map(|value| value.one_or_more(read)));
    let all: Vec<Option<Vec<PathPattern>>> = read.collect();
    let mut all = all.into_iter().collect::<Option<Vec<_>>>()?.into_iter();
    let first = all.next().filter(|paths| !paths.iter().any(|path| path.covers(&PathPattern::all())));
    Some((first.unwrap_or_default(), all.collect()))
}

fn exact(value: &Value<'_>) -> Option<PathPattern> {
    path_text(value).map(|path| PathPattern::Exact(path.to_owned()))
}

fn segments(value: &Value<'_>) -> Option<PathPattern> {
    path_text(value).map(|path| PathPattern::Segments(path.trim_end_matches('/').to_owned()))
}

fn start(value: &Value<'_>) -> Option<PathPattern> {
    path_text(value).map(|path| PathPattern::Start(path.to_owned()))
}

fn suffix(value: &Value<'_>) -> Option<PathPattern> {
    let text = value.string()?;
    is_on_the_wire(value, text).then(|| PathPattern::Suffix(text.to_owned()))
}

/// `path` was there before `prefix`, and is read as whole segments by those who know other proxies.
fn warn_of_half_segments(value: &Value<'_>) {
    let texts = value.one_or_more(|value| Some(value.raw().as_str()?.to_owned())).unwrap_or_default();
    if let Some(path) = texts.iter().find(|path| !path.ends_with('/') && path.starts_with('/')) {
        let path = excerpt(path);
        let message = format!("`{path}` matches `{path}x`, too");
        let hint =
            format!("write `prefix = \"{path}\"` to match whole segments, or `starts_with` if that is meant");
        value.warn(message, hint);
    }
}

fn path_text<'a>(value: &Value<'a>) -> Option<&'a str> {
    let path = value.string()?;
    let shown = excerpt(path);
    if !path.starts_with('/') {
        value.fail(format!("`{shown}` doesn't start with a slash"), format!("write `\"/{shown}\"`"));
        return None;
    }
    if path.ends_with('*') {
        let hint =
            format!("write `prefix = \"{}\"`: it matches all below it", shown.trim_end_matches(['*', '/']));
        value.fail(format!("`{shown}` has a wildcard"), hint);
        return None;
    }
    is_on_the_wire(value, path).then_some(path)
}

fn is_on_the_wire(value: &Value<'_>, path: &str) -> bool {
    let shown = excerpt(path);
    if path.contains(['?', '#']) {
        value.fail(
            format!("`{shown}` has a query or a fragment"),
            "write the path alone: `query` is a key of its own",
        );
        return false;
    }
    if !path.bytes().all(|byte| byte.is_ascii_graphic()) {
        let hint = "write what isn't plain ASCII percent-encoded, such as `%20` for a space";
        value.fail(format!("`{shown}` is not how a path goes over the wire"), hint);
        return false;
    }
    true
}
