//! Backends that aren't there, as pools and policies know them.

use std::collections::BTreeMap;
use std::sync::Arc;

use pointsman_core::backend::{Attributes, Backend};
use pointsman_core::pool::{Members, Pool};
use pointsman_core::topology::{Health, Member};
use pointsman_sdk::abi::WEIGHT_UNIT;

/// A backend of this name and weight, at a port of an address that nobody has.
pub(crate) fn backend(
    (name, port): (&str, u16),
    weight: f64,
    zone: &str,
    labels: &BTreeMap<String, String>,
) -> Backend {
    let labels = labels.clone().into_iter().collect();
    Backend {
        weight: thousandths(weight),
        attributes: Attributes { zone: zone.into(), labels },
        ..Backend::new(name, ([192, 0, 2, 1], port))
    }
}

/// The backend `b1`, `b2` and so on, at a port of its own; like all others.
pub(crate) fn numbered(number: u16) -> Backend {
    backend((&format!("b{number}"), number), 1.0, "", &BTreeMap::new())
}

/// A weight as the plugin contract counts it.
pub(crate) fn thousandths(weight: f64) -> u32 {
    (weight * f64::from(WEIGHT_UNIT)).round() as u32
}

/// A backend joins the pool, anew if it is there, or leaves it.
pub(crate) fn set_membership(pool: &Pool, backend: Backend, is_member: bool) {
    let change = |members: &mut Members| {
        members.file.retain(|member| *member.name != *backend.name);
        if is_member {
            members.file.push(Arc::new(backend));
        }
    };
    pool.change_backends(change, Member::healthy);
}

/// Changes how a backend stands, if it is there.
pub(crate) fn change_member(pool: &Pool, name: &str, change: impl FnOnce(&mut Member)) {
    pool.change(|members| {
        if let Some(member) = members.iter_mut().find(|member| *member.backend.name == *name) {
            change(member);
        }
    });
}

/// What is known of a backend that is fit, or isn't.
pub(crate) fn health(is_healthy: bool) -> Health {
    if is_healthy { Health::Up } else { Health::Down }
}
