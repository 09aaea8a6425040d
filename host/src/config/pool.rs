//! `[pool.NAME]` and its backends.

use std::sync::Arc;

use pointsman_core::backend::BackendLimits;

use super::address::{Remote, remote};
use super::compression::compression;
use super::dns::{DiscoveredConfig, Question, question};
use super::error_page::{ErrorPageConfig, error_pages, intercept};
use super::header_rules::header_rules;
use super::health::{HealthConfig, health};
use super::limits::{IN_FLIGHT, limits as limits_of_pool};
use super::model::{BackendConfig, PoolConfig};
use super::policy::{default_policy, policy};
use super::pool_tls::pool_tls;
use super::read::{Section, Unique, Value};
use super::sticky::sticky;

const HINT: &str = "write `[pool.NAME]` above its keys";
const BACKENDS: &str = "write `backends = [\"10.0.0.1:8080\"]`";

/// Most backends of a pool, which bounds the memory for each of them on every worker.
const MAX_BACKENDS: usize = 10_000;

/// The pools in the order of the file with their names; a pool is none if something in it is wrong.
pub(super) fn pools<'a>(
    root: &mut Section<'a>,
    pages: &[ErrorPageConfig],
) -> Vec<(&'a str, Option<PoolConfig>)> {
    const ADD: &str = "add a section `[pool.web]` with `backends = [\"127.0.0.1:9000\"]`";
    let Some(value) = root.get("pool") else {
        root.fail("pool", "there is no pool", ADD);
        return Vec::new();
    };
    let Some(entries) = value.entries(HINT) else { return Vec::new() };
    if entries.is_empty() {
        value.fail("there is no pool", ADD);
    }
    entries.into_iter().map(|(name, value)| (name, pool(name, &value, pages))).collect()
}

fn pool(name: &str, value: &Value<'_>, pages_of_all: &[ErrorPageConfig]) -> Option<PoolConfig> {
    let named = value.is_name(name);
    Section::read(value, HINT, |section| {
        let backends = section.required("backends", "backends = [\"10.0.0.1:8080\"]");
        let policy = match section.get("policy") {
            Some(value) => policy(&value),
            None => Some(default_policy(value.line())),
        };
        let hash_seed = section.integer("hash_seed", 0, 0..=u64::MAX);
        let limits = limits_of_pool(section);
        let tls = section.get("tls").map_or(Some(None), |value| pool_tls(&value).map(Some));
        let compression = section
            .get("compression")
            .map_or(Some(None), |value| compression(&value).map(Arc::new).map(Some));
        let sticky = section.get("sticky").map_or(Some(None), |value| sticky(&value, name).map(Some));
        let health = health(section, limits.protocol);
        let headers = header_rules(section);
        let pages = error_pages(section);
        let intercept = section.get("intercept").map_or_else(
            || Some(Vec::new()),
            |value| intercept(&value, &[pages.as_deref().unwrap_or_default(), pages_of_all]),
        );
        let backends = backends.and_then(|value| {
            let backends = backends_of(&value)?;
            refuse_unused_addresses(&value, &backends.0, health.as_ref());
            Some((value, backends))
        });
        if let Some(Some(tls)) = &tls
            && tls.server_name.is_none()
            && let Some((value, backends)) = &backends
            && let Some(backend) = backends.0.iter().find(|backend| backend.address.tcp().is_none())
        {
            let message = format!("`{}` is a Unix socket, which no certificate can be for", backend.name);
            value.fail(
                message,
                "add `server_name` to `[pool.NAME.tls]`: the name that its certificate is for",
            );
        }
        let name = named.then(|| name.to_owned());
        let (policy, (backends, discovered), tls, health) = (policy?, backends?.1, tls?, health?);
        Some(PoolConfig {
            name: name?,
            policy,
            backends,
            discovered,
            hash_seed,
            limits,
            tls,
            compression: compression?,
            sticky: sticky?,
            health,
            headers: headers?,
            error_pages: pages?,
            intercept: intercept?,
        })
    })
}

/// The backends with addresses, and the names that stand for more of them.
fn backends_of(value: &Value<'_>) -> Option<(Vec<BackendConfig>, Vec<DiscoveredConfig>)> {
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
    let (mut backends, mut found) = (Vec::new(), Vec::new());
    for item in &items {
        let (address, name) = match entry(item) {
            Some(Entry::Backend(backend)) => {
                let unique = (backend.address.to_string(), backend.name.clone());
                backends.push(backend);
                unique
            }
            Some(Entry::Discovered(entry)) => {
                let question = entry.question.to_string();
                // By default the name is the host, of which there may be several ports.
                let named = entry.name != entry.question.host();
                let unique = (question.clone(), if named { entry.name.clone() } else { question });
                found.push(entry);
                unique
            }
            None => continue,
        };
        // Without names of their own, two backends of one address clash twice: one fault is enough.
        if addresses.add(address, item, "remove one, or correct its address") {
            names.add(name, item, "give each backend of a pool its own name");
        }
    }
    if backends.len() + found.len() < items.len() {
        return None;
    }
    let draining =
        backends.iter().all(|backend| backend.draining) && found.iter().all(|entry| entry.draining);
    if !items.is_empty() && draining {
        value.fail("no backend can serve: all are draining", "remove `draining = true` from one of them");
    }
    Some((backends, found))
}

/// An element of `backends`.
enum Entry {
    Backend(BackendConfig),
    Discovered(DiscoveredConfig),
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

/// A backend of which nothing but its address is written.
fn plain(value: &Value<'_>) -> Option<BackendConfig> {
    let Remote { address, host } = remote(value)?;
    Some(BackendConfig {
        address,
        host,
        check_address: None,
        check_host: None,
        name: value.name()?.to_owned(),
        weight: 1,
        zone: String::new(),
        labels: Vec::new(),
        limits: BackendLimits::default(),
        backup: false,
        draining: false,
    })
}

/// `"address"` or `{ address = …, … }`.
fn entry(value: &Value<'_>) -> Option<Entry> {
    const HINT: &str = "write `\"10.0.0.1:8080\"` or `{ address = \"10.0.0.1:8080\", … }`";
    if value.raw().is_str() {
        return plain(value).map(Entry::Backend);
    }
    Section::read(value, HINT, |section| {
        let typed = section.required("address", "address = \"10.0.0.1:8080\"");
        let resolve = section.get("resolve");
        let place = typed.as_ref().and_then(|typed| match &resolve {
            Some(resolve) => question(resolve, typed).map(Position::Question),
            None => remote(typed).map(Position::Address),
        });
        let name = match section.get("name") {
            Some(name) => name.name(),
            None => match &place {
                Some(Position::Question(question)) => Some(question.host()),
                Some(Position::Address(_)) => typed.as_ref().and_then(Value::name),
                None => None,
            },
        };
        let check_address = section.get("check_address").map_or(Some(None), |value| remote(&value).map(Some));
        let weight = weight(section);
        let zone = section.get("zone").map_or(Some(""), |zone| zone.name());
        let labels = section.get("labels").map_or_else(|| Some(Vec::new()), |value| labels(&value));
        let limits = BackendLimits {
            max_requests: section.optional_integer("max_requests", IN_FLIGHT),
            max_connections: section.optional_integer("max_connections", IN_FLIGHT),
        };
        let backup = section.boolean("backup", false);
        let draining = section.boolean("draining", false);
        if matches!(place, Some(Position::Question(_))) && matches!(check_address, Some(Some(_))) {
            let hint = "remove it, and write `port` in `[pool.NAME.health_check]` if the checks have a port of their own";
            section.fail("check_address", "is one address, but the entry stands for many backends", hint);
        }
        let (name, zone, labels) = (name?.to_owned(), zone?.to_owned(), labels?);
        let check = check_address?;
        Some(match place? {
            Position::Address(Remote { address, host }) => Entry::Backend(BackendConfig {
                address,
                host,
                check_address: check.as_ref().map(|check| check.address.clone()),
                check_host: check.and_then(|check| check.host),
                name,
                weight,
                zone,
                labels,
                limits,
                backup,
                draining,
            }),
            Position::Question(question) => {
                let entry =
                    DiscoveredConfig { name, question, weight, zone, labels, limits, backup, draining };
                Entry::Discovered(entry)
            }
        })
    })
}

/// The place of an entry's backends.
enum Position {
    Address(Remote),
    Question(Question),
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
