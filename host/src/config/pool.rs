//! `[pool.NAME]` and its backends.

use super::address::remote;
use super::health::{HealthConfig, health};
use super::limits::limits;
use super::policy::{default_policy, policy};
use super::read::{Section, Unique, Value};
use super::{BackendConfig, PoolConfig};

const HINT: &str = "write `[pool.NAME]` above its keys";
const BACKENDS: &str = "write `backends = [\"10.0.0.1:8080\"]`";

/// Most backends of a pool, so that what is kept per backend and worker is bounded.
const MAX_BACKENDS: usize = 10_000;

/// The pools in the order of the file with their names; a pool is none if something in it is wrong.
pub(super) fn pools<'a>(root: &mut Section<'a>) -> Vec<(&'a str, Option<PoolConfig>)> {
    const ADD: &str = "add a section `[pool.web]` with `backends = [\"127.0.0.1:9000\"]`";
    let Some(value) = root.get("pool") else {
        root.fail("pool", "there is no pool", ADD);
        return Vec::new();
    };
    let Some(entries) = value.entries(HINT) else { return Vec::new() };
    if entries.is_empty() {
        value.fail("there is no pool", ADD);
    }
    entries.into_iter().map(|(name, value)| (name, pool(name, &value))).collect()
}

fn pool(name: &str, value: &Value<'_>) -> Option<PoolConfig> {
    let named = value.is_name(name);
    Section::read(value, HINT, |section| {
        let backends = section.required("backends", "backends = [\"10.0.0.1:8080\"]");
        let policy = match section.get("policy") {
            Some(value) => policy(&value),
            None => Some(default_policy(value.line())),
        };
        let hash_seed = section.integer("hash_seed", 0, 0..=u64::MAX);
        let limits = limits(section);
        let health = health(section);
        let backends = backends.and_then(|value| {
            let backends = backends_of(&value)?;
            refuse_unused_addresses(&value, &backends, health.as_ref());
            Some(backends)
        });
        let name = named.then(|| name.to_owned());
        Some(PoolConfig {
            name: name?,
            policy: policy?,
            backends: backends?,
            hash_seed,
            limits,
            health: health?,
        })
    })
}

fn backends_of(value: &Value<'_>) -> Option<Vec<BackendConfig>> {
    let items = value.items(BACKENDS)?;
    if items.is_empty() {
        value.fail("there is no backend in it", BACKENDS);
    }
    if items.len() > MAX_BACKENDS {
        value.fail(format!("has {} backends", items.len()), format!("use at most {MAX_BACKENDS} in a pool"));
        return None;
    }
    let mut names = Unique::new();
    let mut addresses = Unique::new();
    let mut backends = Vec::new();
    for item in &items {
        let Some(backend) = backend(item) else { continue };
        // Without names of their own, two backends of one address clash twice: one fault is enough.
        if addresses.add(backend.address, item, "remove one, or correct its address") {
            names.add(backend.name.clone(), item, "give each backend of a pool its own name");
        }
        backends.push(backend);
    }
    if backends.len() < items.len() {
        return None;
    }
    if !backends.is_empty() && backends.iter().all(|backend| backend.draining) {
        value.fail("no backend can serve: all are draining", "remove `draining = true` from one of them");
    }
    Some(backends)
}

fn refuse_unused_addresses(value: &Value<'_>, backends: &[BackendConfig], health: Option<&HealthConfig>) {
    if health.is_none_or(|health| health.check.is_some()) {
        return;
    }
    if let Some(backend) = backends.iter().find(|backend| backend.check_address.is_some()) {
        let message = format!("`{}` has a `check_address`, but nothing is checked", backend.name);
        value.fail(message, "add a section `[pool.NAME.health_check]` with `type = \"http\"`");
    }
}

/// `"address"` or `{ address = …, … }`.
fn backend(value: &Value<'_>) -> Option<BackendConfig> {
    const HINT: &str = "write `\"10.0.0.1:8080\"` or `{ address = \"10.0.0.1:8080\", … }`";
    if value.raw().is_str() {
        return Some(BackendConfig {
            address: remote(value)?,
            check_address: None,
            name: value.name()?.to_owned(),
            weight: 1,
            zone: String::new(),
            labels: Vec::new(),
            backup: false,
            draining: false,
        });
    }
    Section::read(value, HINT, |section| {
        let typed = section.required("address", "address = \"10.0.0.1:8080\"");
        let address = typed.as_ref().and_then(remote);
        let name = match section.get("name") {
            Some(name) => name.name(),
            None => typed.as_ref().filter(|_| address.is_some()).and_then(Value::name),
        };
        let check_address = section.get("check_address").map_or(Some(None), |value| remote(&value).map(Some));
        let weight = weight(section);
        let zone = section.get("zone").map_or(Some(""), |zone| zone.name());
        let labels = section.get("labels").map_or_else(|| Some(Vec::new()), |value| labels(&value));
        let backup = section.boolean("backup", false);
        let draining = section.boolean("draining", false);
        Some(BackendConfig {
            address: address?,
            check_address: check_address?,
            name: name?.to_owned(),
            weight,
            zone: zone?.to_owned(),
            labels: labels?,
            backup,
            draining,
        })
    })
}

fn weight(section: &mut Section<'_>) -> u32 {
    if let Some(value) = section.get("weight")
        && value.as_integer() == Some(0)
    {
        value.fail("`0` is no share of the requests", "write `draining = true` for a backend that gets none");
        return 1;
    }
    section.integer("weight", 1, 1..=1_000)
}

fn labels(value: &Value<'_>) -> Option<Vec<(String, String)>> {
    let entries = value.entries("write `labels = { key = \"value\" }`")?;
    let label = |(key, value): &(&str, Value<'_>)| {
        let named = value.is_name(key);
        let text = value.string()?;
        named.then(|| ((*key).to_owned(), text.to_owned()))
    };
    let labels: Vec<_> = entries.iter().map(label).collect();
    labels.into_iter().collect()
}
