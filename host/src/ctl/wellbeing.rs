//! What isn't as it should be, in sentences.

use super::format::{age, count, percent, seconds};
use super::output::{Styled, Tone};
use super::pools::latency;
use crate::admin::model::{BackendState, LeftOutState, Overview, PhaseState, PolicyState, PoolState};

/// From which moving share of failed requests on a backend is said to fail, as on the page.
const FAILING: f64 = 0.05;

/// A backend is slow whose latency is this many times that of the others, and at least so many seconds more, if so many requests were sent
/// to it.
const SLOW: (f64, f64, u64) = (3.0, 0.005, 20);

/// Backends of a pool that are named one by one.
const SHOWN: usize = 3;

/// From here on a proxy or a pool has little room left.
const NEARLY_FULL: f64 = 0.8;

/// What isn't well, the worst first; empty if all is.
pub(super) fn troubles(overview: &Overview) -> Vec<Styled> {
    let mut found = Vec::new();
    let mut add = |tone, text: String| found.push(Styled::new(text, tone));
    match overview.phase {
        PhaseState::Serving => {}
        PhaseState::Leaving => {
            add(
                Tone::Notice,
                "leaving: it still accepts, but should get no more traffic; soon it drains".into(),
            );
        }
        PhaseState::Draining => add(Tone::Notice, "draining: it finishes what runs, and then ends".into()),
    }
    if overview.configuration_refused {
        add(
            Tone::Bad,
            "the configuration file is refused: `pointsman check` says why; the one before serves".into(),
        );
    }
    if let Some(saturation) = overview.saturation.filter(|saturation| *saturation >= NEARLY_FULL) {
        add(Tone::Bad, format!("the proxy is {} full", percent(saturation)));
    }
    overview.pools.iter().for_each(|pool| of_pool(pool, &mut add));
    overview.policies.iter().for_each(|policy| of_policy(policy, &mut add));
    found.sort_by_key(|trouble| trouble.tone != Tone::Bad);
    found
}

fn of_pool(pool: &PoolState, add: &mut impl FnMut(Tone, String)) {
    let (name, all) = (&pool.name, pool.backends.len() as u64);
    if pool.eligible == 0 {
        add(Tone::Bad, format!("{name}: no backend gets requests"));
    }
    if pool.panicking {
        add(Tone::Bad, format!("{name}: so few backends are well that all of them are used"));
    }
    let mut few = |is: fn(&BackendState) -> bool, words: &str| {
        let names: Vec<&str> =
            pool.backends.iter().filter(|backend| is(backend)).map(|backend| &*backend.name).collect();
        if !names.is_empty() {
            let some = names.len();
            add(Tone::Notice, format!("{name}: {some} of {all} backends {words}: {}", listed(&names)));
        }
    };
    few(|backend| (!backend.healthy && !backend.unchecked) || backend.ejected, "not well");
    few(|backend| backend.unchecked, "not checked yet");
    let troubled: Vec<(&BackendState, (Tone, String))> =
        pool.backends.iter().filter_map(|backend| Some((backend, trouble(backend, pool)?))).collect();
    for (backend, (tone, words)) in troubled.iter().take(SHOWN) {
        add(*tone, format!("{name}: {} {words}", backend.name));
    }
    if let Some(more) = troubled.len().checked_sub(SHOWN).filter(|more| *more > 0) {
        add(Tone::Bad, format!("{name}: {more} more of its backends fail, are silent or slow"));
    }
    if pool.draining > 0 {
        add(Tone::Notice, format!("{name}: {} of {all} backends drained", pool.draining));
    }
    if pool.queue.requests > 0 {
        add(Tone::Notice, format!("{name}: {} requests wait for a backend with room", pool.queue.requests));
    }
    if let Some(saturation) =
        pool.saturation.filter(|saturation| pool.eligible > 0 && *saturation >= NEARLY_FULL)
    {
        add(Tone::Bad, format!("{name}: its backends are {} full", percent(saturation)));
    }
}

/// What is wrong with a backend that gets requests, though its checks pass or it has none. The averages are those of about the last ten
/// seconds in which it had requests.
fn trouble(backend: &BackendState, pool: &PoolState) -> Option<(Tone, String)> {
    if !backend.eligible {
        return None;
    }
    if let Some(silent) = backend.silent_ms {
        let (silent, in_flight) = (age(silent), count(backend.in_flight));
        return Some((Tone::Bad, format!("has answered nothing for {silent}; {in_flight} in flight")));
    }
    if backend.error_rate >= FAILING {
        let share = percent(backend.error_rate);
        return Some((Tone::Bad, format!("has failed {share} of its latest requests")));
    }
    let (times, more, requests) = SLOW;
    let own = latency(backend).filter(|_| backend.requests >= requests)?;
    let others = pool.backends.iter().filter(|other| other.eligible && other.name != backend.name);
    let mut others: Vec<f64> = others.filter_map(latency).collect();
    others.sort_by(f64::total_cmp);
    let usual = *others.get(others.len().checked_sub(1)? / 2)?;
    (own > usual * times && own > usual + more).then(|| {
        let (own, usual) = (seconds(own), seconds(usual));
        (Tone::Notice, format!("is slow: its latest responses take about {own}, those of the others {usual}"))
    })
}

fn of_policy(policy: &PolicyState, add: &mut impl FnMut(Tone, String)) {
    let place = place(policy);
    if policy.open_circuits > 0 {
        let workers = policy.open_circuits;
        add(Tone::Bad, format!("{place}: its policy fails; on {workers} workers the fallback picks"));
    }
    if let Some(LeftOutState { file, reason }) = &policy.left_out {
        add(
            Tone::Bad,
            format!("{place}: the plugin file {file} doesn't serve, what did before does: {reason}"),
        );
    }
    if let Some(quarantine) = &policy.quarantine {
        add(
            Tone::Notice,
            format!("{place}: version {} was taken back: {}", quarantine.version, quarantine.reason),
        );
    }
}

/// Where a policy picks.
pub(super) fn place(policy: &PolicyState) -> String {
    match &policy.route {
        Some(route) => format!("{} for {route}", policy.pool),
        None => policy.pool.clone(),
    }
}

fn listed(names: &[&str]) -> String {
    let more = names.len().saturating_sub(SHOWN);
    let first = names.iter().take(SHOWN).copied().collect::<Vec<_>>().join(", ");
    if more == 0 { first } else { format!("{first} and {more} more") }
}
