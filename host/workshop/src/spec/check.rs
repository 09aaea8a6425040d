//! Whether a spec can be run.

mod load;
mod section;

use std::collections::HashSet;

use super::backend::BackendGroup;
use super::event::{Concerned, Event, Zone};
use super::load::Load;
use super::model::Spec;
use super::policy::Loaded;
use super::queue::Queue;
use super::replay::Replay;
use crate::time_span::TimeSpan;
pub(crate) use load::capacity;
pub use section::name_fault;
use section::{Checked, Section, is_clean};

/// Most backends of a simulation.
const BACKENDS: u64 = 10_000;

/// Most of them times the proxies: each proxy knows each, for about 2 KB.
const KNOWN: u64 = 2_000_000;

/// Most requests that may wait, over all proxies: some 600 bytes each.
const WAITING: u64 = 2_000_000;

/// Longest run, µs: 30 days.
const LONGEST: u64 = 30 * 86_400 * 1_000_000;

/// The first fault of a spec. Its policies are these, if there are any.
pub(super) fn check(spec: &Spec, given: &[Loaded]) -> Checked {
    runs(spec)?;
    if given.is_empty() {
        policies(spec)?;
    }
    backends(spec)?;
    load::check(spec)?;
    for entry in &spec.swaps {
        let (here, swap) = (Section("swap", Some(entry.span())), entry.get_ref());
        let duration = spec.run.get_ref().duration;
        here.holds(swap.at < duration, "at", format!("the run has ended by then: it takes {duration}"))?;
        swap.version().source().map_err(|(key, message)| here.fault(key, message))?;
        let is_there = given.iter().any(|policy| swap.is_of(&policy.name))
            || spec.policies.iter().any(|policy| swap.is_of(&policy.get_ref().label()));
        let name = swap.policy.as_deref().unwrap_or_default();
        here.holds(is_there, "policy", format!("there is no policy {name:?}"))?;
    }
    let known: HashSet<String> = spec.members().map(|(name, _)| name).collect();
    let zones: HashSet<&str> = spec.backends.iter().map(|group| group.get_ref().zone.as_str()).collect();
    for entry in &spec.events {
        let here = Section("event", Some(entry.span()));
        event(&here, entry.get_ref(), spec.run.get_ref().duration, (&known, &zones))?;
        let mut concerned =
            spec.members().filter(|(name, group)| entry.get_ref().concerns(name, &group.zone));
        let reads = concerned.any(|(_, group)| group.llm().is_some()) && entry.get_ref().service.is_some();
        here.holds(!reads, "service", "the work of a model server comes from prompts")?;
    }
    Ok(())
}

fn runs(spec: &Spec) -> Checked {
    let (here, runs) = (Section("run", Some(spec.run.span())), spec.run.get_ref());
    here.holds((1..=10_000).contains(&runs.seeds), "seeds", "1 to 10,000 runs of each policy")?;
    here.holds((1..=1_000).contains(&runs.proxies), "proxies", "1 to 1,000 proxies")?;
    here.holds(
        runs.panic_threshold.is_none_or(|percent| percent <= 100),
        "panic_threshold",
        "0 to 100 percent",
    )?;
    let duration = runs.duration.0;
    here.holds(
        (1..=LONGEST).contains(&duration),
        "duration",
        format!("a run takes more than no time and at most 30 days, not {}", runs.duration),
    )?;
    here.holds(
        runs.warmup().0 < duration,
        "warmup",
        format!("nothing is left to count: the run takes {}", runs.duration),
    )?;
    let ends = spec.load.get_ref().replay.as_ref().and_then(Replay::duration).unwrap_or(u64::MAX);
    here.holds(
        runs.warmup().0 <= ends,
        "warmup",
        format!("nothing is left to count: the log has ended after {}", TimeSpan(ends)),
    )?;
    here.holds(
        runs.within.iter().all(|most| most.0 > 0),
        "within",
        "no request takes no time: times above 0",
    )?;
    let Some(Queue { length, timeout }) = runs.queue else { return Ok(()) };
    let has_limits = spec.backends.iter().any(|group| group.get_ref().max_requests.is_some());
    here.holds(has_limits, "queue", "no request would ever wait: no backend has `max_requests`")?;
    here.holds(length <= 100_000, "queue", "a `length` of 0 to 100,000")?;
    here.holds(timeout.0 > 0, "queue", "a `timeout` of more than no time; `length = 0` lets nobody wait")?;
    let waiting = u64::from(length) * u64::from(runs.proxies);
    here.holds(
        waiting <= WAITING,
        "queue",
        format!("{waiting} requests that wait, over all proxies; at most {WAITING} fit into memory"),
    )
}

fn policies(spec: &Spec) -> Checked {
    let section = Section("", None);
    section.holds(
        !spec.policies.is_empty(),
        "policy",
        "no policy to simulate; add `[[policy]]` with `bundled = \"NAME\"` or `file = \"FILE.wasm\"`",
    )?;
    let mut seen = HashSet::new();
    for entry in &spec.policies {
        let (here, policy) = (Section("policy", Some(entry.span())), entry.get_ref());
        policy.source().map_err(|(key, message)| here.fault(key, message))?;
        let label = policy.label();
        here.name(&label)?;
        let said = policy.config_by_proxy.keys().find(|key| policy.config.contains_key(*key));
        let key = said.map(String::as_str).unwrap_or_default();
        here.holds(
            said.is_none(),
            "config_by_proxy",
            format!("`config` says {key:?} as well: leave it out there"),
        )?;
        let twice = format!("two policies are called {label:?}; tell them apart by `name`");
        here.holds(seen.insert(label), "name", twice)?;
    }
    Ok(())
}

fn backends(spec: &Spec) -> Checked {
    for entry in &spec.backends {
        let (here, count) = (Section("backends", Some(entry.span())), u64::from(entry.get_ref().count));
        here.holds(count > 0, "count", "at least 1 backend")?;
        here.holds(count <= BACKENDS, "count", format!("{count} backends; at most 10,000 can be simulated"))?;
    }
    let count: u64 = spec.backends.iter().map(|group| u64::from(group.get_ref().count)).sum();
    let here = Section("", None);
    here.holds(count > 0, "backends", "no backend; add `[[backends]]` with `count = 3`")?;
    here.holds(count <= BACKENDS, "backends", format!("{count} backends; at most 10,000 can be simulated"))?;
    let known = count * u64::from(spec.run.get_ref().proxies);
    here.holds(
        known <= KNOWN,
        "backends",
        format!("{known} backends that proxies know, each its own; at most {KNOWN} fit into memory: take fewer proxies"),
    )?;
    let mut seen = HashSet::new();
    for entry in &spec.backends {
        let (here, group) = (Section("backends", Some(entry.span())), entry.get_ref());
        let BackendGroup { servers, speed, service, max_requests, weight, .. } = group;
        here.holds((1..=10_000).contains(servers), "servers", "1 to 10,000 servers of a backend")?;
        speed.fault().map_or(Ok(()), |fault| here.holds(false, "speed", fault))?;
        here.holds((0.001..=1_000.0).contains(weight), "weight", "a weight of 0.001 to 1,000")?;
        here.holds(
            max_requests.is_none_or(|most| (1..=1_000_000).contains(&most)),
            "max_requests",
            "1 to 1,000,000 requests; leave it out for any number",
        )?;
        here.service(service.as_ref())?;
        model(&here, group, spec.load.get_ref())?;
        here.name(&group.name)?;
        here.holds(is_clean(&group.zone), "zone", "a zone has no character that controls a terminal")?;
        let labels = group.labels.iter().flat_map(|(key, value)| [key, value]);
        here.holds(
            labels.into_iter().all(|text| is_clean(text)),
            "labels",
            "labels have no character that controls a terminal",
        )?;
        for name in group.names() {
            let twice = format!("two backends are called {name:?}; give the groups other names");
            here.holds(seen.insert(name), "name", twice)?;
        }
    }
    Ok(())
}

/// What only servers of language models have, and what they don't.
fn model(here: &Section, group: &BackendGroup, load: &Load) -> Checked {
    let Some(model) = group.llm() else {
        return here.holds(
            load.replay.is_none() || !load.has_prompts() || group.service.is_some(),
            "model",
            "the requests of the trace are prompts, which only a model server reads: `model = \"llm\"`, or give the backend a `service` of its own",
        );
    };
    model.fault().map_or(Ok(()), |fault| here.holds(false, "model", fault))?;
    here.holds(
        load.has_prompts(),
        "model",
        "a model server reads prompts, and no request has one: add `[load.prompt]`, or replay a trace that has them",
    )?;
    here.holds(group.service.is_none(), "service", "the work of a model server comes from prompts")
}

fn event(
    here: &Section,
    event: &Event,
    duration: TimeSpan,
    (known, zones): (&HashSet<String>, &HashSet<&str>),
) -> Checked {
    here.holds(
        !event.is_empty(),
        "",
        "nothing changes; add `speed`, `service`, `refuse`, `status`, `healthy`, `member` or `weight`",
    )?;
    here.holds(event.at < duration, "at", format!("the run has ended by then: it takes {duration}"))?;
    here.holds(event.until.is_none_or(|until| until > event.at), "until", "ends before it begins")?;
    match &event.backends {
        None => {}
        Some(Concerned::In(Zone { zone })) => {
            here.holds(
                zones.contains(zone.as_str()),
                "backends",
                format!("no backend is in a zone {zone:?}"),
            )?;
        }
        Some(Concerned::Named(names)) => {
            here.holds(!names.is_empty(), "backends", "names no backend; leave the key out for all")?;
            for name in names {
                here.holds(known.contains(name), "backends", format!("there is no backend {name:?}"))?;
            }
        }
    }
    here.holds(
        event.speed.is_none_or(|speed| speed > 0.0 && speed.is_finite()),
        "speed",
        "a speed above 0; `refuse = true` for none",
    )?;
    here.holds(
        event.status.is_none_or(|status| status == 0 || (100..=599).contains(&status)),
        "status",
        "a status of 100 to 599, or 0 for what they answer otherwise",
    )?;
    here.holds(
        event.weight.is_none_or(|weight| (0.001..=1_000.0).contains(&weight)),
        "weight",
        "a weight of 0.001 to 1,000",
    )?;
    here.service(event.service.as_ref())
}
