//! The log events as `host/docs/events.md` lists them, held against the log statements.

use std::collections::{BTreeMap, BTreeSet};

use super::repository::{is_test_file, texts};

const EVENTS: &str = include_str!("../../host/docs/events.md");

const LEVELS: [&str; 5] = ["error", "warn", "info", "debug", "trace"];

/// What is known of an event: its levels and the names of its fields.
#[derive(Debug, Default, PartialEq, Eq)]
struct Event {
    levels: BTreeSet<String>,
    fields: BTreeSet<String>,
}

/// The events of the tables.
fn documented() -> BTreeMap<String, Event> {
    let mut events = BTreeMap::new();
    for row in EVENTS.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let [_, name, levels, _, fields, _] = cells[..] else { panic!("four columns: {row}") };
        let names = |cell: &str| {
            let names = cell.split(", ").map(|name| name.trim_matches('`').to_owned());
            names.filter(|name| !name.is_empty()).collect()
        };
        let event = Event { levels: names(levels), fields: names(fields) };
        let name = name.trim_matches('`').to_owned();
        assert!(events.insert(name, event).is_none(), "twice in the table: {row}");
    }
    events
}

/// The arguments of a call that begins here, behind its bracket.
fn arguments(source: &str) -> Vec<&str> {
    let (mut depth, mut in_text, mut escaped, mut begin) = (0, false, false, 0);
    let mut arguments = Vec::new();
    for (place, byte) in source.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = in_text,
            b'"' => in_text = !in_text,
            _ if in_text => {}
            b'(' | b'[' | b'{' => depth += 1,
            b',' | b')' if depth == 0 => {
                arguments.push(source[begin..place].trim());
                begin = place + 1;
                if byte == b')' {
                    return arguments;
                }
            }
            b')' | b']' | b'}' => depth -= 1,
            _ => {}
        }
    }
    panic!("a call without an end: {}", source.lines().next().unwrap_or_default())
}

/// The events that the sources log; a statement without one is a failure.
fn logged() -> BTreeMap<String, Event> {
    let mut events = BTreeMap::<String, Event>::new();
    let mut add = |name: &str, level: &str, fields: &mut dyn Iterator<Item = &str>| {
        let event = events.entry(name.to_owned()).or_default();
        event.levels.insert(level.to_owned());
        event.fields.extend(fields.map(str::to_owned));
    };
    for (path, text) in texts("host").into_iter().filter(|(path, _)| !is_test_file(path)) {
        let source = text.split("#[cfg(test)]").next().unwrap_or_default();
        for level in LEVELS {
            for (place, call) in source.match_indices(&format!("{level}!(")) {
                let before = &source[..place];
                if !before.ends_with("tracing::") {
                    let other = before.ends_with(|c: char| c.is_alphanumeric() || c == '_');
                    assert!(other, "{path}: `{call}` without `tracing::`");
                    continue;
                }
                let statement = arguments(&source[place + call.len()..]);
                let fields = statement.iter().take_while(|argument| !argument.starts_with('"'));
                let mut fields = fields.map(|field| field.split_once(" = ").unwrap_or((field, "")));
                let Some(("event", name)) = fields.next() else {
                    panic!("{path}: a log statement whose first field isn't its event: {statement:?}")
                };
                add(
                    name.trim_matches('"'),
                    level,
                    &mut fields.map(|(name, _)| name.trim_start_matches(['%', '?'])),
                );
            }
        }
        // Lines that the log makes itself.
        for (place, call) in source.match_indices("line::own(") {
            let [level, name, _, count] = arguments(&source[place + call.len()..])[..] else {
                panic!("{path}: another kind of line")
            };
            let field = count.split('"').nth(1).expect("the name of a field");
            let level = level.trim_start_matches("Level::").to_lowercase();
            add(name.trim_matches('"'), &level, &mut [field].into_iter());
        }
    }
    events
}

#[test]
fn every_log_statement_has_an_event_and_every_event_is_documented() {
    let (documented, logged) = (documented(), logged());
    assert!(logged.len() > 50, "statements are found");
    for (name, event) in &logged {
        assert_eq!(documented.get(name), Some(event), "host/docs/events.md and the code differ about {name}");
    }
    for name in documented.keys() {
        assert!(logged.contains_key(name), "host/docs/events.md has {name}, which nothing logs");
    }
}

#[test]
fn names_of_events_are_made_alike() {
    for name in documented().keys() {
        let words: Vec<&str> = name.split('-').collect();
        let plain = |word: &&str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase());
        assert!(words.len() >= 2 && words.iter().all(plain), "{name}: words in lower case, with hyphens");
    }
}
