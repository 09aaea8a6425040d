//! Sizes of files, functions and types, and names that say nothing.

use std::collections::BTreeSet;

use super::allowed::{LARGE_TYPES, LONG_FUNCTIONS};
use super::repository;
use super::source::{Measured, Source};

/// Longest source file, lines.
const LONGEST_FILE: usize = 400;

/// Longest function, lines from its name to its end.
const LONGEST_FUNCTION: usize = 60;

/// Most fields of a type.
const MOST_FIELDS: usize = 10;

/// File names that say nothing.
const MEANINGLESS: [&str; 6] = ["utils", "util", "helpers", "helper", "common", "misc"];

/// Where every type is a list of settings.
const SETTINGS: &str = "host/src/config";

/// Where every type is the list of members of a JSON object.
const JSON: &str = "host/src/admin/model";

/// How types are named that list settings or counters: one field for each, however many there are.
const LISTS: [&str; 6] = ["Config", "Settings", "Limits", "Stats", "Counters", "Counts"];

/// Types that are lists as well, and of what.
const OTHER_LISTS: [(&str, &str, &str); 2] = [
    (
        "xtask/measure/src/bench/report.rs",
        "ContenderReport",
        "the columns of a report that is written as JSON",
    ),
    ("xtask/measure/src/bench/turn.rs", "Turn", "the columns of a measurement that is written as JSON"),
];

fn is_list(file: &str, name: &str) -> bool {
    file.starts_with(SETTINGS)
        || file.starts_with(JSON)
        || LISTS.iter().any(|ending| name.ends_with(ending))
        || OTHER_LISTS.iter().any(|(other, list, _)| (*other, *list) == (file, name))
}

/// What is over a limit, held against a list of what may be.
fn check(limit: usize, unit: &str, measured: impl Fn(&Source) -> &[Measured], allowed: &[(&str, &str)]) {
    let mut over = BTreeSet::new();
    let mut wrong = Vec::new();
    for package in repository::crates() {
        for (path, source) in &package.files {
            let file = format!("{}/{path}", package.folder);
            for found in measured(source).iter().filter(|found| found.size > limit) {
                if unit == "fields" && is_list(&file, &found.name) {
                    continue;
                }
                if !allowed.contains(&(file.as_str(), found.name.as_str())) {
                    wrong.push(format!("{file}:{} {} has {} {unit}", found.line, found.name, found.size));
                }
                over.insert((file.clone(), found.name.clone()));
            }
        }
    }
    let stale: Vec<_> = allowed
        .iter()
        .filter(|(file, name)| !over.contains(&((*file).to_owned(), (*name).to_owned())))
        .collect();
    assert!(wrong.is_empty(), "more than {limit} {unit}: {wrong:#?}");
    assert!(
        stale.is_empty(),
        "within {limit} {unit} again, remove it from tests/structure/allowed.rs: {stale:#?}"
    );
}

#[test]
fn files_are_small_and_named_for_what_they_hold() {
    for folder in ["host", "plugin-sdk", "plugins", "xtask", "tests", "fuzz"] {
        for (path, text) in repository::texts(folder) {
            let lines = text.lines().count();
            assert!(lines <= LONGEST_FILE, "{folder}/{path} has {lines} lines: does it do two things?");
            let name = path.rsplit('/').next().and_then(|name| name.strip_suffix(".rs")).unwrap_or_default();
            assert!(!MEANINGLESS.contains(&name), "{folder}/{path}: name it for what it holds");
        }
    }
}

#[test]
fn functions_are_short() {
    check(LONGEST_FUNCTION, "lines", |source| &source.functions, LONG_FUNCTIONS);
}

#[test]
fn types_have_few_fields() {
    check(MOST_FIELDS, "fields", |source| &source.types, LARGE_TYPES);
}

#[test]
fn functions_and_types_are_measured() {
    let source = Source::parse(
        "a.rs",
        "struct Pair { a: u8, #[cfg(test)] b: u8 }\n\
         enum Shape { Empty, Line(u8, u8) }\n\
         impl Pair {\n    /// Says.\n    pub fn swap(\n        self,\n    ) {\n        inner();\n    }\n}\n\
         #[cfg(test)]\nmod tests { fn long() {\n\n\n} }\n",
    );
    let sizes = |list: &[Measured]| -> Vec<(String, usize, usize)> {
        list.iter().map(|found| (found.name.clone(), found.size, found.line)).collect()
    };
    assert_eq!(sizes(&source.functions), [("Pair::swap".to_owned(), 5, 5)]);
    assert_eq!(
        sizes(&source.types),
        [("Pair".to_owned(), 2, 1), ("Empty".to_owned(), 0, 2), ("Line".to_owned(), 2, 2)]
    );
}
