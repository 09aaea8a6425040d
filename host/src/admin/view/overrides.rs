//! What operators have changed.

use pointsman_sdk::abi::WEIGHT_UNIT;
use serde_json::{Value, json};

use crate::admin::model::{OverrideList, OverrideRecord, OverrideState};
use crate::control::overrides::{BackendName, BackendOverrides, Overridden};
use crate::control::status::ConfigurationStatus;

pub(in crate::admin) fn overrides(status: &ConfigurationStatus) -> OverrideList {
    let mut all = Vec::new();
    for (name, overrides) in &status.differences.overrides {
        let draining = overrides.draining.as_ref();
        all.extend(draining.map(|draining| record(name, "draining", draining, |value| json!(value))));
        let weight = overrides.weight.as_ref();
        all.extend(weight.map(|weight| record(name, "weight", weight, |value| json!(units(value)))));
    }
    OverrideList { overrides: all }
}

pub(in crate::admin) fn override_state(overrides: &BackendOverrides) -> OverrideState {
    OverrideState {
        draining: overrides.draining.as_ref().map(|draining| draining.value),
        weight: overrides.weight.as_ref().map(|weight| units(weight.value)),
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
        backend: name.backend.clone(),
        key: key.to_owned(),
        value: shown(*value),
        in_file: over.map_or(Value::Null, &shown),
        since_ms: *since_ms,
        by: by.clone(),
    }
}

fn units(weight: u32) -> f64 {
    f64::from(weight) / f64::from(WEIGHT_UNIT)
}
