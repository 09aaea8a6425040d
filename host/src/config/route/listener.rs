//! The listener that a route names.

use pointsman_core::address::Address;

use super::super::model::ListenerConfig;
use super::super::read::{Value, closest, excerpt, list};

/// The address of the listener with this name, or this address, which stands here.
pub(super) fn listener(value: &Value<'_>, listeners: &[ListenerConfig]) -> Option<Address> {
    let text = value.string()?;
    let is_called = |listener: &&ListenerConfig| listener.name.as_deref() == Some(text);
    let is_there = |listener: &&ListenerConfig| is_written(listener, text);
    let Some(meant) = listeners.iter().find(is_called).or_else(|| listeners.iter().find(is_there)) else {
        // Without any listener, that is the fault.
        if !listeners.is_empty() {
            unknown(value, text, listeners);
        }
        return None;
    };
    if listeners.iter().filter(|other| other.address == meant.address).count() > 1 {
        let message = format!("`{}` is one of several listeners at `{}`", excerpt(text), meant.address);
        value.fail(message, "routes tell listeners apart by their addresses: give each its own");
        return None;
    }
    Some(meant.address.clone())
}

/// Whether the address of a listener may be written like this.
fn is_written(listener: &ListenerConfig, text: &str) -> bool {
    listener.address.to_string() == text
        || text.parse().is_ok_and(|address| listener.address.tcp() == Some(address))
}

fn unknown(value: &Value<'_>, text: &str, listeners: &[ListenerConfig]) {
    let all: Vec<String> = listeners
        .iter()
        .map(|listener| listener.name.clone().unwrap_or_else(|| listener.address.to_string()))
        .collect();
    let all = || all.iter().map(String::as_str);
    let hint = match closest(text, all()) {
        Some(listener) => format!("did you mean `{listener}`? The listeners are {}", list(all())),
        None => format!("the listeners are {}", list(all())),
    };
    value.fail(format!("there is no listener `{}`", excerpt(text)), hint);
}
