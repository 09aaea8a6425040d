//! What operators have changed.

use pointsman_core::backend::configured_weight;
use pointsman_policy::{PolicySlot, policy_name};
use serde_json::{Value, json};

use crate::admin::model::{OverrideList, OverrideRecord, OverrideState, PutState};
use crate::control::overrides::{BackendName, BackendOverrides, Overridden};
use crate::control::policy_overrides::PutPolicy;
use crate::control::status::{ConfigurationStatus, PolicyStatus};

pub(in crate::admin) fn overrides(status: &ConfigurationStatus) -> OverrideList {
    let mut all = Vec::new();
    for (name, overrides) in &status.differences.overrides {
        let draining = overrides.draining.as_ref();
        all.extend(draining.map(|draining| record(name, "draining", draining, |value| json!(value))));
        let weight = overrides.weight.as_ref();
        all.extend(
            weight.map(|weight| record(name, "weight", weight, |value| json!(configured_weight(value)))),
        );
    }
    all.extend(status.policies.iter().filter_map(|PolicyStatus { slot }| put_policy(status, slot)));
    OverrideList { overrides: all }
}

/// A policy that serves in the place of the file's, if one does.
fn put_policy(status: &ConfigurationStatus, slot: &PolicySlot) -> Option<OverrideRecord> {
    let (put, active) = (status.put_policy(slot)?, slot.active());
    let PutState { in_file, since_ms, by } = put_state(put);
    Some(OverrideRecord {
        pool: put.place.pool.clone(),
        backend: None,
        route: put.place.route.clone(),
        key: "policy".to_owned(),
        value: json!(format!("{}@{}", policy_name(&active.origin), active.version.id)),
        in_file: json!(in_file),
        since_ms,
        by,
    })
}

/// What a policy that was put lies over.
pub(super) fn put_state(put: &PutPolicy) -> PutState {
    let name = policy_name(&put.over.source);
    let in_file = put.file_version.map_or_else(|| name.to_owned(), |version| format!("{name}@{version}"));
    PutState { in_file, since_ms: put.since_ms, by: put.by.clone() }
}

pub(in crate::admin) fn override_state(overrides: &BackendOverrides) -> OverrideState {
    OverrideState {
        draining: overrides.draining.as_ref().map(|draining| draining.value),
        weight: overrides.weight.as_ref().map(|weight| configured_weight(weight.value)),
    }
}

fn record<T: Copy>(
    name: &BackendName,
    key: &str,
    overridden: &Overridden<T>,
    shown: impl Fn(T) -> Value,
) -> OverrideRecord {
    let Overridden { value, over, since_ms, by } = overridden;
    OverrideRecord {
        pool: name.pool.clone(),
        backend: Some(name.backend.clone()),
        route: None,
        key: key.to_owned(),
        value: shown(*value),
        in_file: over.map_or(Value::Null, &shown),
        since_ms: *since_ms,
        by: by.clone(),
    }
}
