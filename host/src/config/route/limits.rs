//! The limits of a route, by name.

use pointsman_core::request_limit::MOST_OF_ROUTE;

use super::super::read::{Section, Value, closest, excerpt, list};

/// The indices of the limits, in the order in which they are asked.
pub(super) fn limits(section: &mut Section<'_>, names: &[&str]) -> Option<Vec<usize>> {
    let Some(value) = section.get("limits") else { return Some(Vec::new()) };
    let limits = value.one_or_more(|value| limit(value, names))?;
    if let Some(twice) = limits.iter().enumerate().find(|(place, limit)| limits[..*place].contains(limit)) {
        let name = names.get(*twice.1).copied().unwrap_or_default();
        value.fail(format!("names `{}` twice", excerpt(name)), "remove one of them");
        return None;
    }
    if limits.len() > MOST_OF_ROUTE {
        value.fail(
            format!("names {} limits", limits.len()),
            format!("use at most {MOST_OF_ROUTE} for a route"),
        );
        return None;
    }
    Some(limits)
}

fn limit(value: &Value<'_>, names: &[&str]) -> Option<usize> {
    let name = value.string()?;
    let index = names.iter().position(|limit| *limit == name);
    if index.is_none() {
        let hint = match closest(name, names.iter().copied()) {
            Some(limit) => format!("did you mean `{limit}`? The limits are {}", list(names.iter().copied())),
            None if names.is_empty() => format!("add a section `[limit.{}]`", excerpt(name)),
            None => format!("the limits are {}", list(names.iter().copied())),
        };
        value.fail(format!("there is no limit `{}`", excerpt(name)), hint);
    }
    index
}
