//! Rules that change header fields, as a worker applies them.
//!
//! A request's rules are applied once its head is what goes on, so that they have the last word. What depends on the backend, and all that
//! the pool wants, comes with each attempt, and is undone if nothing of the head was sent.

mod of_request;
mod value;

use std::cell::RefCell;

use http::header::HOST;
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::config::{HeaderAction, HeaderChange, HeaderPlan, HostHeader, NamedValue, Template};
pub(super) use of_request::RequestRules;
pub(super) use value::encode;
use value::{Facts, Value};

/// The rules for the requests of a route, and for what they are answered with.
///
/// Each worker makes its own: names and values are counted references, to which all workers would write otherwise.
#[derive(Debug)]
pub struct HeaderRules {
    before_pick: Box<[Rule]>,
    at_backend: Box<[Rule]>,
    response: Box<[Rule]>,
    host: BackendHost,
    /// The fields that change at the backend.
    late_names: Box<[HeaderName]>,
    /// Something of the request's head is in values of responses, when it has long been sent.
    keeps_head: bool,
    /// The backend's name is in a value.
    names_backend: bool,
    /// Where values are put together.
    scratch: RefCell<Vec<u8>>,
}

/// A change of one field.
#[derive(Debug)]
struct Rule {
    name: HeaderName,
    action: Action,
}

#[derive(Debug)]
enum Action {
    Remove,
    Set(Value),
    Add(Value),
}

/// `Host` towards the backend.
#[derive(Debug)]
enum BackendHost {
    Client,
    /// The backend's own; this is the port that goes without saying.
    Backend(u16),
    Text(HeaderValue),
}

impl HeaderRules {
    /// The rules of this plan.
    #[must_use]
    pub fn new(plan: &HeaderPlan) -> Self {
        let rules = |changes: &[HeaderChange]| changes.iter().filter_map(Rule::new).collect::<Box<[Rule]>>();
        let host = match &plan.host {
            HostHeader::Client => BackendHost::Client,
            HostHeader::Backend => BackendHost::Backend(if plan.over_tls { 443 } else { 80 }),
            HostHeader::Text(text) => {
                HeaderValue::from_str(text).map_or(BackendHost::Client, BackendHost::Text)
            }
        };
        let mut late_names: Vec<HeaderName> = Vec::new();
        for HeaderChange { name, .. } in &plan.at_backend {
            if !late_names.contains(name) {
                late_names.push(name.clone());
            }
        }
        if !matches!(host, BackendHost::Client) {
            late_names.push(HOST);
        }
        let is_of_head = |value: NamedValue| {
            use NamedValue::{Host, Hostname, Method, Path, Query, Uri};
            matches!(value, Host | Hostname | Method | Path | Query | Uri)
        };
        let all = [&plan.before_pick, &plan.at_backend, &plan.response].into_iter().flatten();
        Self {
            before_pick: rules(&plan.before_pick),
            at_backend: rules(&plan.at_backend),
            response: rules(&plan.response),
            host,
            late_names: late_names.into(),
            keeps_head: templates(plan.response.iter()).any(|template| template.values().any(is_of_head)),
            names_backend: templates(all).any(|template| template.holds(NamedValue::Backend)),
            scratch: RefCell::default(),
        }
    }

    /// Applies rules to the fields of a message.
    fn apply(&self, rules: &[Rule], headers: &mut HeaderMap, facts: &Facts<'_>) {
        let mut scratch = self.scratch.borrow_mut();
        for Rule { name, action } in rules {
            let (value, is_set) = match action {
                Action::Remove => (None, true),
                Action::Set(value) => (value.render(facts, &mut scratch), true),
                Action::Add(value) => (value.render(facts, &mut scratch), false),
            };
            match (value, is_set) {
                (Some(value), true) => {
                    headers.insert(name, value);
                }
                (Some(value), false) => {
                    headers.append(name, value);
                }
                (None, true) => {
                    headers.remove(name);
                }
                (None, false) => {}
            }
        }
    }
}

fn templates<'a>(changes: impl Iterator<Item = &'a HeaderChange>) -> impl Iterator<Item = &'a Template> {
    changes.filter_map(HeaderChange::template)
}

impl Rule {
    fn new(change: &HeaderChange) -> Option<Self> {
        let name = HeaderName::from_bytes(change.name.as_str().as_bytes()).ok()?;
        let action = match &change.action {
            HeaderAction::Remove => Action::Remove,
            HeaderAction::Set(template) => Action::Set(Value::new(template)),
            HeaderAction::Add(template) => Action::Add(Value::new(template)),
        };
        Some(Self { name, action })
    }
}
