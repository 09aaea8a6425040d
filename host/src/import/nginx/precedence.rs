//! nginx's choice of a location as a list in which the first match wins.
//!
//! At each level the longest prefix is found, then what is within it, then the regular expressions of the level, unless the prefix keeps them
//! out; exact ones come before all. What a regular expression or an exact location decides, no outer level changes.

use super::super::matching::{Kind, Test};
use super::location::{Location, Shape};

/// A location, and what has to be asked for it at its place in the list.
#[derive(Debug, Clone)]
pub(super) struct Choice<'l, 'a> {
    pub(super) tests: Vec<Test>,
    pub(super) location: &'l Location<'a>,
}

/// The choices of a level; `over` are the regular expressions of outer levels that win over its prefixes.
pub(super) fn choices<'l, 'a>(level: &'l [Location<'a>], over: &[&'l Location<'a>]) -> Vec<Choice<'l, 'a>> {
    let of = |shapes: &'static [Shape]| level.iter().filter(move |location| shapes.contains(&location.shape));
    let mut found: Vec<Choice<'l, 'a>> =
        of(&[Shape::Exact]).filter_map(|location| choice(&[], location)).collect();
    let own: Vec<&Location<'a>> = of(&[Shape::Regex]).collect();
    let mut prefixes: Vec<&Location<'a>> = of(&[Shape::Prefix, Shape::FirmPrefix]).collect();
    prefixes.sort_by_key(|location| usize::MAX - location.path.len());
    // Where regular expressions aren't asked as everywhere else, a prefix comes before them, and so do longer ones below it.
    let special: Vec<&str> = prefixes
        .iter()
        .filter(|location| location.shape == Shape::FirmPrefix || !location.nested.is_empty())
        .map(|location| location.path.as_str())
        .collect();
    let is_special = |location: &&&Location<'a>| special.iter().any(|path| location.path.starts_with(path));
    let with_regexes: Vec<&Location<'a>> = own.iter().chain(over).copied().collect();
    for location in prefixes.iter().filter(is_special) {
        let asked = if location.shape == Shape::FirmPrefix { over } else { &with_regexes[..] };
        let Some(prefix) = location.test() else { continue };
        found.extend(choices(&location.nested, asked).into_iter().map(|inner| within(&prefix, inner)));
        found.extend(asked.iter().flat_map(|regex| regexes(std::slice::from_ref(&prefix), regex)));
        found.extend(choice(&[], location));
    }
    found.extend(own.iter().flat_map(|regex| regexes(&[], regex)));
    for location in prefixes.iter().filter(|location| !is_special(location)) {
        let Some(prefix) = location.test() else { continue };
        found.extend(over.iter().flat_map(|regex| regexes(std::slice::from_ref(&prefix), regex)));
        found.extend(choice(&[], location));
    }
    found
}

fn choice<'l, 'a>(before: &[Test], location: &'l Location<'a>) -> Option<Choice<'l, 'a>> {
    let tests = before.iter().cloned().chain(location.test()).collect();
    location.test().map(|_| Choice { tests, location })
}

/// A regular expression with what is within it.
fn regexes<'l, 'a>(before: &[Test], location: &'l Location<'a>) -> Vec<Choice<'l, 'a>> {
    let Some(test) = location.test() else { return Vec::new() };
    let mut found: Vec<_> =
        choices(&location.nested, &[]).into_iter().map(|inner| within(&test, inner)).collect();
    found.iter_mut().for_each(|choice| choice.tests.splice(0..0, before.iter().cloned()).for_each(drop));
    found.extend(choice(before, location));
    found
}

/// What is asked around a location, unless its own path says it already.
fn within<'l, 'a>(around: &Test, mut inner: Choice<'l, 'a>) -> Choice<'l, 'a> {
    let is_said = around.kind == Kind::PathStart
        && inner.tests.iter().any(|test| {
            matches!(test.kind, Kind::PathStart | Kind::PathIs)
                && test.values.iter().all(|path| around.values.iter().any(|start| path.starts_with(start)))
        });
    if !is_said {
        inner.tests.insert(0, around.clone());
    }
    inner
}
