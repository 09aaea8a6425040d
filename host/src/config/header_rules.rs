//! `request_headers`, `response_headers` and `host_header` of a route or a pool: which fields change on their way through.

mod field;
mod host;
mod plan;
mod template;

use http::HeaderName;

use super::read::{Section, Value};
use field::field;
pub use field::{Direction, may_change};
pub use host::HostHeader;
pub use plan::HeaderPlan;
pub use template::{NamedValue, Piece, Template};

const TABLE: &str = "write `{ set = { NAME = \"VALUE\" }, add = { NAME = \"VALUE\" }, remove = [\"NAME\"] }`, each of which may be left out";

/// Most changes of one table: each costs time in every message.
const MOST: usize = 100;

/// Which fields change on their way through.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct HeaderRulesConfig {
    /// In requests, in this order. `request_headers`, none.
    pub request: Vec<HeaderChange>,
    /// In responses, in this order. `response_headers`, none.
    pub response: Vec<HeaderChange>,
    /// `Host` towards backends, if it is said here. `host_header`, the client's.
    pub host: Option<HostHeader>,
}

/// A change of one field.
#[derive(Debug, Clone, PartialEq)]
pub struct HeaderChange {
    /// The field's name.
    pub name: HeaderName,
    /// What becomes of it.
    pub action: HeaderAction,
}

/// What becomes of a field.
#[derive(Debug, Clone, PartialEq)]
pub enum HeaderAction {
    /// All its lines go.
    Remove,
    /// Its only line is this one; it has none if the value is empty.
    Set(Template),
    /// It has this line beside those that are there; nothing is added if the value is empty.
    Add(Template),
}

/// The rules of a route or a pool.
pub(super) fn header_rules(section: &mut Section<'_>) -> Option<HeaderRulesConfig> {
    let mut changes =
        |key, direction| section.get(key).map_or_else(|| Some(Vec::new()), |value| table(&value, direction));
    let request = changes("request_headers", Direction::Request);
    let response = changes("response_headers", Direction::Response);
    let host = host::host_header(section);
    Some(HeaderRulesConfig { request: request?, response: response?, host: host? })
}

/// The fields that an answer has: a table of names with their values.
pub(super) fn answer_fields(value: &Value<'_>) -> Option<Vec<HeaderChange>> {
    fields(value, Direction::Response, HeaderAction::Set)
}

/// The changes of a table: first what is removed, then what is set, then what is added.
fn table(value: &Value<'_>, direction: Direction) -> Option<Vec<HeaderChange>> {
    let changes = Section::read(value, TABLE, |section| {
        let removed = section.get("remove").map_or_else(
            || Some(Vec::new()),
            |value| value.one_or_more(|name| Some((field(name, name.string()?, direction)?, name.clone()))),
        );
        let set = section
            .get("set")
            .map_or_else(|| Some(Vec::new()), |value| fields(&value, direction, HeaderAction::Set));
        let added = section
            .get("add")
            .map_or_else(|| Some(Vec::new()), |value| fields(&value, direction, HeaderAction::Add));
        let (removed, set, added) = (removed?, set?, added?);
        refuse_contradictions(&removed, &set)?;
        let removed =
            removed.into_iter().map(|(name, _)| HeaderChange { name, action: HeaderAction::Remove });
        Some(removed.chain(set).chain(added).collect::<Vec<_>>())
    })?;
    let is_known = |(key, _): &(&str, Value<'_>)| ["remove", "set", "add"].contains(key);
    if changes.is_empty() && value.entries(TABLE)?.iter().all(is_known) {
        value.fail("changes nothing", TABLE);
        return None;
    }
    if changes.len() > MOST {
        value.fail(format!("has {} changes", changes.len()), format!("use at most {MOST}"));
        return None;
    }
    Some(changes)
}

/// The fields of `set` or `add` with their values: one, or a list that makes as many lines.
fn fields(
    value: &Value<'_>,
    direction: Direction,
    first: fn(Template) -> HeaderAction,
) -> Option<Vec<HeaderChange>> {
    let entries = value.entries("write `{ NAME = \"VALUE\" }`")?;
    let mut known: Vec<(HeaderName, String)> = Vec::new();
    let mut all = Some(Vec::new());
    for (written, value) in &entries {
        let name = field(value, written, direction);
        let templates = value.one_or_more(template::template);
        let (Some(name), Some(templates)) = (name, templates) else {
            all = None;
            continue;
        };
        if let Some((_, place)) = known.iter().find(|(known, _)| *known == name) {
            value.fail(
                format!("is {place} once more: names are the same in capitals"),
                "keep one of them; several values are a list",
            );
            all = None;
            continue;
        }
        known.push((name.clone(), value.place()));
        let mut action = first;
        for template in templates {
            if let Some(all) = &mut all {
                all.push(HeaderChange { name: name.clone(), action: action(template) });
            }
            action = HeaderAction::Add;
        }
    }
    all
}

/// Refuses to remove what is set.
fn refuse_contradictions(removed: &[(HeaderName, Value<'_>)], set: &[HeaderChange]) -> Option<()> {
    for (name, place) in removed {
        if set.iter().any(|change| change.name == *name) {
            place.fail(
                format!("`{name}` is removed and set"),
                "leave it out here: `set` replaces all lines that are there",
            );
            return None;
        }
    }
    Some(())
}
