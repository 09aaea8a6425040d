//! Whether what comes in can be made, and served.

use super::super::load::{Arrivals, Keys, Load};
use super::super::model::Spec;
use super::section::{Checked, Section};

/// The first fault of what comes in.
pub(super) fn check(spec: &Spec) -> Checked {
    let (here, load) = (Section("load", Some(spec.load.span())), spec.load.get_ref());
    let Load { rate, utilization, clients, replay, service, keys, .. } = load;
    let said = [rate.is_some(), utilization.is_some(), clients.is_some(), replay.is_some()];
    here.holds(
        said.iter().filter(|said| **said).count() == 1,
        "",
        "how many requests come is said by one of `rate` (a second), `utilization` (of what the backends can serve), `clients` and `replay`",
    )?;
    arrivals(&here, load)?;
    replayed(&here, load)?;
    here.service(service.as_ref())?;
    prompted(&here, spec)?;
    by_utilization(&here, spec)?;
    here.holds(
        rate.is_none_or(|rate| rate > 0.0 && rate <= 1e7),
        "rate",
        "a rate above 0 and up to 10,000,000 a second",
    )?;
    here.holds(
        utilization.is_none_or(|share| share > 0.0 && share.is_finite()),
        "utilization",
        "a share above 0",
    )?;
    here.holds(
        clients.is_none_or(|clients| (1..=1_000_000).contains(&clients)),
        "clients",
        "1 to 1,000,000 clients",
    )?;
    keyed(&here, keys.as_ref())?;
    let capacity = capacity(spec);
    here.holds(
        utilization.is_none() || capacity.is_some(),
        "utilization",
        "backends of the model \"delay\" can serve any number of requests; say a `rate` instead, or their `max_requests`",
    )?;
    let all = utilization.zip(capacity).map_or(0.0, |(share, capacity)| share * capacity);
    here.holds(
        all <= 1e7,
        "utilization",
        format!("{all:.0} requests a second; at most 10,000,000, so fewer or slower backends"),
    )?;
    let rate = rate.or_else(|| replay.as_ref()?.rate());
    let share = utilization.or_else(|| Some(rate? / capacity?));
    here.holds(
        spec.run.get_ref().overload || share.is_none_or(|share| share < 1.0),
        match load {
            Load { utilization: Some(_), .. } => "utilization",
            Load { replay: Some(_), .. } => "replay",
            _ => "rate",
        },
        format!(
            "{:.0} % of what the backends can serve: what waits for them would grow without an end; send less, or allow it by `overload = true` in `[run]`",
            share.unwrap_or_default() * 100.0
        ),
    )
}

fn keyed(here: &Section, keys: Option<&Keys>) -> Checked {
    let Some(keys) = keys else { return Ok(()) };
    here.holds((1..=100_000_000).contains(&keys.count), "keys", "1 to 100,000,000 keys")?;
    here.holds((0.0..=10.0).contains(&keys.zipf), "keys", "a `zipf` of 0 to 10")?;
    let named = keys.header.as_ref().is_none_or(|name| http::HeaderName::try_from(name).is_ok());
    here.holds(named, "keys", "`header` is no name of a header field")
}

fn by_utilization(here: &Section, spec: &Spec) -> Checked {
    here.holds(
        spec.load.get_ref().utilization.is_none()
            || spec.backends.iter().all(|group| group.get_ref().llm().is_none()),
        "utilization",
        "what model servers can serve depends on what they have kept: say a `rate` instead, or `clients`",
    )
}

/// Prompts that are made up.
fn prompted(here: &Section, spec: &Spec) -> Checked {
    let load = spec.load.get_ref();
    let Some(prompt) = load.prompt else { return Ok(()) };
    prompt.fault().map_or(Ok(()), |fault| here.holds(false, "prompt", fault))?;
    let is_read = spec.backends.iter().any(|group| group.get_ref().llm().is_some());
    here.holds(is_read, "prompt", "no backend reads it: none has `model = \"llm\"`")?;
    let all_read = spec.backends.iter().all(|group| group.get_ref().llm().is_some());
    here.holds(
        load.service.is_none() || !all_read,
        "service",
        "no backend goes by it: the work of model servers comes from prompts",
    )?;
    here.holds(
        prompt.shared == 0 || load.keys.is_some(),
        "prompt",
        "`shared` is what prompts of one key begin with: add `keys`",
    )
}

/// What the requests of a log have by themselves.
fn replayed(here: &Section, load: &Load) -> Checked {
    let Some(replay) = &load.replay else { return Ok(()) };
    here.holds((0.001..=1_000.0).contains(&replay.speed), "replay", "a `speed` of 0.001 to 1,000")?;
    let own = "requests that come again bring it with them, as the log has it";
    here.holds(load.arrivals.is_none(), "arrivals", own)?;
    here.holds(
        load.has_prompts() || (replay.prefix.is_none() && replay.block.is_none()),
        "replay",
        "`prefix` and `block` are of prompts, and the log has none (`hash_ids`)",
    )?;
    here.holds(load.service.is_none(), "service", own)?;
    here.holds(load.prompt.is_none(), "prompt", own)?;
    here.holds(load.keys.is_none(), "keys", own)
}

/// When requests come.
fn arrivals(here: &Section, load: &Load) -> Checked {
    let Load { clients, think, arrivals, .. } = load;
    here.holds(
        clients.is_some() || think.is_none(),
        "think",
        "only `clients` wait for their responses, and pause after them",
    )?;
    here.holds(
        clients.is_none() || arrivals.is_none(),
        "arrivals",
        "`clients` send a request when they have the response to the one before, and a pause has passed: set `think`",
    )?;
    if let Some(Arrivals::Bursts { on, off }) = arrivals {
        here.holds(
            on.0 > 0 && off.0 > 0,
            "arrivals",
            "bursts have an `on` and an `off` of more than no time",
        )?;
    }
    Ok(())
}

/// Requests that all backends can serve in a second; none if that is any number.
pub(crate) fn capacity(spec: &Spec) -> Option<f64> {
    let (mean_work, proxies) = (spec.load.get_ref().mean_work(), spec.run.get_ref().proxies);
    spec.members().map(|(_, group)| group.capacity(&mean_work, proxies)).sum()
}
