//! Bundled policies in the place of others' algorithms.

use crate::config::literal;

/// Most backends that `random` draws.
pub(super) const MOST_CHOICES: u64 = 5;

/// The least loaded of so many at random.
pub(super) fn random(choices: u64) -> String {
    match choices {
        2 => literal("random"),
        _ => format!("{{ name = \"random\", config = {{ choices = {choices} }} }}"),
    }
}

/// The first backend with fewer requests than it may have.
pub(super) fn first(requests: u64) -> String {
    format!("{{ name = \"first\", config = {{ requests = {requests} }} }}")
}

/// Consistent hashing by a key as `ring-hash` names it; `balance` is percent of its fair share that a backend may have, 0 for any.
pub(super) fn hashed(key: &str, balance: u64) -> String {
    format!("{{ name = \"ring-hash\", config = {{ key = {}, balance = {balance} }} }}", literal(key))
}
