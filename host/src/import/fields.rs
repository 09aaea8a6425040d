//! Header fields that change on their way through.

use super::keys::Keys;
use super::value;
use crate::config::{Direction, literal, may_change};

/// Most changes of one kind.
const MOST: usize = 90;

/// Changes of requests or of responses: first what is removed, then what is set, then what is added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FieldRules {
    direction: Direction,
    remove: Vec<String>,
    set: Vec<(String, String)>,
    add: Vec<(String, String)>,
}

/// What changes on the way to a backend and back, and what may go there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Changes {
    pub(super) request: FieldRules,
    pub(super) response: FieldRules,
    /// The host that backends see, if that isn't the client's.
    pub(super) host: Option<String>,
    /// The path that backends see, if that isn't the client's, as the table of a `rewrite`.
    pub(super) rewrite: Option<String>,
    /// The largest body, if that isn't the listener's.
    pub(super) max_body: Option<String>,
}

impl FieldRules {
    fn of(direction: Direction) -> Self {
        Self { direction, remove: Vec::new(), set: Vec::new(), add: Vec::new() }
    }

    /// Removes a field; false if it can't be changed.
    pub(super) fn remove(&mut self, name: &str) -> bool {
        let name = name.to_ascii_lowercase();
        if !self.may_change(&name) || self.is_full() || self.set.iter().any(|(other, _)| *other == name) {
            return false;
        }
        if !self.remove.contains(&name) {
            self.remove.push(name);
        }
        true
    }

    /// Gives a field this value alone; false if it can't be changed.
    pub(super) fn set(&mut self, name: &str, template: &str) -> bool {
        let name = name.to_ascii_lowercase();
        if !self.may_change(&name) || self.is_full() || !is_value(template) {
            return false;
        }
        self.remove.retain(|other| *other != name);
        self.set.retain(|(other, _)| *other != name);
        self.set.push((name, template.to_owned()));
        true
    }

    /// Adds a line of a field; false if it can't be changed.
    pub(super) fn add(&mut self, name: &str, template: &str) -> bool {
        let name = name.to_ascii_lowercase();
        if !self.may_change(&name) || self.is_full() || !is_value(template) {
            return false;
        }
        self.add.push((name, template.to_owned()));
        true
    }

    fn is_full(&self) -> bool {
        self.remove.len() + self.set.len() + self.add.len() >= MOST
    }

    fn may_change(&self, name: &str) -> bool {
        name.len() < 100 && may_change(name, self.direction)
    }

    /// The table of the rules, if there are any.
    fn table(&self) -> Option<String> {
        let mut parts = Vec::new();
        if !self.remove.is_empty() {
            parts.push(format!("remove = {}", value::texts(&self.remove)));
        }
        for (key, fields) in [("set", &self.set), ("add", &self.add)] {
            let mut names: Vec<&String> = fields.iter().map(|(name, _)| name).collect();
            names.sort_unstable();
            names.dedup();
            let entries = names.into_iter().map(|name| {
                let values: Vec<_> =
                    fields.iter().filter(|(other, _)| other == name).map(|(_, value)| value).collect();
                let written = if let [one] = values[..] { literal(one) } else { value::texts(&values) };
                format!("{} = {written}", value::key(name))
            });
            let entries: Vec<_> = entries.collect();
            if !entries.is_empty() {
                parts.push(format!("{key} = {{ {} }}", entries.join(", ")));
            }
        }
        (!parts.is_empty()).then(|| format!("{{ {} }}", parts.join(", ")))
    }
}

impl Default for Changes {
    /// Nothing changes.
    fn default() -> Self {
        let of = FieldRules::of;
        let (request, response) = (of(Direction::Request), of(Direction::Response));
        Self { request, response, host: None, rewrite: None, max_body: None }
    }
}

impl Changes {
    /// Writes them as keys of a route or a pool.
    pub(super) fn write(&self, keys: &mut Keys) {
        if let Some(table) = &self.rewrite {
            keys.set("rewrite", table.clone());
        }
        if let Some(table) = self.request.table() {
            keys.set("request_headers", table);
        }
        if let Some(table) = self.response.table() {
            keys.set("response_headers", table);
        }
        if let Some(host) = &self.host {
            keys.set("host_header", literal(host));
        }
        if let Some(size) = &self.max_body {
            keys.set("max_body", size.clone());
        }
    }
}

fn is_value(template: &str) -> bool {
    !template.is_empty()
        && template.len() < 4_000
        && template.bytes().all(|byte| (b' '..=b'~').contains(&byte))
        && template.trim() == template
}

/// A text as a template has it.
pub(super) fn text(text: &str) -> String {
    text.replace('{', "{{").replace('}', "}}")
}

/// Whether a text can be the host that backends see.
pub(super) fn is_host(text: &str) -> bool {
    match text.parse::<std::net::SocketAddr>() {
        Ok(_) => true,
        Err(_) => match text.rsplit_once(':') {
            Some((host, port)) => value::is_host(host) && port.parse::<u16>().is_ok(),
            None => value::is_host(text),
        },
    }
}
