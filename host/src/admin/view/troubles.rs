//! What isn't as it should be, in sentences: the one place where they are made, for the page, `pointsman ctl` and whoever asks the API.

use pointsman_core::clock::Moment;

use super::words::{counted, duration, listed, percent, time};
use crate::admin::model::{
    BackendState, BackendTrouble, LeftOutState, Overview, PhaseState, PolicyState, PoolState, TroubleKind,
    TroubleLevel, TroubleState,
};
use crate::admin::recent::{PolicyReading, Recent};

/// From which share of failed requests on a backend is said to fail.
const FAILING: f64 = 0.05;

/// From which share of server errors on a pool is said to have them, and from which they are critical.
const ERRORS: (f64, f64) = (0.01, 0.05);

/// A backend is slow one of whose quantiles is this many times that of the others, and at least so many seconds more, if so many requests were
/// measured.
const SLOW: (f64, f64, u64) = (3.0, 0.005, 20);

/// From here on a proxy or a pool has little room left.
const NEARLY_FULL: f64 = 0.8;

/// Backends of a pool that are named one by one.
const NAMED: usize = 3;

/// With more backends than this, leaving one out of the others changes next to nothing.
const MANY: usize = 20;

type Quantile = fn(&BackendState) -> Option<f64>;

/// The quantiles that are compared, with what is said of them.
const QUANTILES: [(Quantile, &str); 2] = [
    (|backend| backend.recent.as_ref()?.p50_seconds, "half of its requests take"),
    (|backend| backend.recent.as_ref()?.p99_seconds, "99 % of its requests take"),
];

/// Adds what the last seconds have brought, and of each backend that gets requests what is wrong with it, if anything is.
pub(in crate::admin) fn judge(pools: &mut [PoolState], recent: &Recent, now: Moment) {
    recent.complete(pools, now);
    pools.iter_mut().for_each(judge_backends);
}

fn judge_backends(pool: &mut PoolState) {
    let usual = QUANTILES.map(|(quantile, _)| Usual::of(pool, quantile));
    let troubles: Vec<_> = pool.backends.iter().map(|backend| trouble(backend, &usual)).collect();
    for (backend, trouble) in pool.backends.iter_mut().zip(troubles) {
        backend.trouble = trouble;
    }
}

fn trouble(backend: &BackendState, usual: &[Usual; 2]) -> Option<BackendTrouble> {
    if !backend.eligible {
        return None;
    }
    let trouble = |kind, text| Some(BackendTrouble { kind, text });
    if let Some(silent) = backend.silent_ms {
        let (silent, in_flight) = (duration(silent), backend.in_flight);
        return trouble(
            TroubleKind::Silent,
            format!("has answered nothing for {silent}; {in_flight} in flight"),
        );
    }
    let recent = backend.recent.as_ref()?;
    let failing = share(recent.failures, recent.requests.max(recent.failures));
    if failing >= FAILING {
        return trouble(TroubleKind::Failing, format!("fails {} of its requests", percent(failing)));
    }
    let (times, more, requests) = SLOW;
    for ((quantile, words), usual) in QUANTILES.iter().zip(usual) {
        let (Some(own), Some(others)) = (quantile(backend), usual.without(quantile(backend))) else {
            continue;
        };
        if recent.measured >= requests && own > others * times && own > others + more {
            let (own, others) = (time(own), time(others));
            let text = format!("is slow: {words} up to about {own}, those of the others {others}");
            return trouble(TroubleKind::Slow, text);
        }
    }
    None
}

/// A quantile of all backends of a pool, in order.
struct Usual(Vec<f64>);

impl Usual {
    fn of(pool: &PoolState, quantile: Quantile) -> Self {
        let eligible = pool.backends.iter().filter(|backend| backend.eligible);
        let mut all: Vec<f64> = eligible.filter_map(quantile).collect();
        all.sort_by(f64::total_cmp);
        Self(all)
    }

    /// The median of all but one.
    fn without(&self, own: Option<f64>) -> Option<f64> {
        let all = &self.0;
        if all.len() > MANY {
            return all.get((all.len() - 1) / 2).copied();
        }
        let left_out = all.iter().position(|one| Some(*one) == own);
        let others = all.len() - usize::from(left_out.is_some());
        let middle = others.checked_sub(1)? / 2;
        all.get(middle + usize::from(left_out.is_some_and(|place| place <= middle))).copied()
    }
}

/// At most 1: a part that was read a moment later may be more than the whole.
#[expect(clippy::cast_precision_loss, reason = "it is shown with two digits")]
fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { (part as f64 / whole as f64).min(1.0) }
}

/// All that is to be said, the worst first.
pub(super) fn troubles(overview: &Overview, recent: &Recent) -> Vec<TroubleState> {
    let mut found = Vec::new();
    of_proxy(overview, &mut found);
    overview.pools.iter().for_each(|pool| of_pool(pool, &mut found));
    overview.policies.iter().for_each(|policy| of_policy(policy, recent.of_policy(policy), &mut found));
    found.sort_by_key(|trouble| trouble.level);
    found
}

fn of_proxy(overview: &Overview, found: &mut Vec<TroubleState>) {
    let mut say = |level, text: String| found.push(TroubleState { level, pool: None, text });
    match overview.phase {
        PhaseState::Serving => {}
        PhaseState::Leaving => say(
            TroubleLevel::Warning,
            "The proxy is about to drain: it still accepts, but should get no more traffic.".into(),
        ),
        PhaseState::Draining => {
            say(TroubleLevel::Warning, "The proxy drains: it accepts nothing new and ends.".into());
        }
    }
    if overview.configuration_refused {
        let text =
            "The configuration file is refused, and the one before serves; `pointsman check` says why.";
        say(TroubleLevel::Warning, text.into());
    }
    if let Some(saturation) = overview.saturation.filter(|saturation| *saturation >= NEARLY_FULL) {
        say(TroubleLevel::Warning, format!("The proxy is at {} of what it can do.", percent(saturation)));
    }
}

fn of_pool(pool: &PoolState, found: &mut Vec<TroubleState>) {
    use TroubleLevel::{Critical, Note, Warning};
    let mut say = |level, text: String| {
        let text = format!("Pool {}: {text}.", pool.name);
        found.push(TroubleState { level, pool: Some(pool.name.clone()), text });
    };
    if pool.eligible == 0 {
        say(Critical, "no backend takes requests".into());
    }
    if pool.panicking {
        say(Critical, "so few backends are healthy that health is ignored".into());
    }
    let recent = pool.recent.as_ref();
    let errors = recent.map_or(0.0, |recent| share(recent.server_errors, recent.requests));
    if errors >= ERRORS.0 {
        let level = if errors >= ERRORS.1 { Critical } else { Warning };
        say(level, format!("{} of the responses are server errors (5xx)", percent(errors)));
    }
    let mut tell = |level, word: &str, is: fn(&BackendState) -> bool| {
        let backends = pool.backends.iter().filter(|backend| is(backend));
        let names: Vec<&str> = backends.map(|backend| &*backend.name).collect();
        if !names.is_empty() {
            let verb = if names.len() == 1 { "is" } else { "are" };
            say(level, format!("{} {verb} {word}", listed(&names)));
        }
    };
    let is_up = |backend: &BackendState| backend.healthy && !backend.ejected;
    tell(Warning, "down", |backend| {
        !backend.healthy && !backend.ejected && !backend.unchecked && !backend.draining
    });
    tell(Warning, "ejected after failures", |backend| backend.ejected && !backend.draining);
    tell(Warning, "full", |backend| backend.eligible && backend.in_flight >= backend.limit);
    tell(Note, "not checked yet", |backend| backend.unchecked && !backend.draining);
    tell(Note, "draining", |backend| backend.draining);
    if recent.is_some_and(|recent| recent.turned_away > 0) {
        say(Warning, "requests are turned away, as the queue is full or takes too long".into());
    }
    let nearly_full = |saturation: &f64| pool.eligible > 0 && *saturation >= NEARLY_FULL;
    if let Some(saturation) = pool.saturation.filter(nearly_full) {
        say(Warning, format!("{} of what its backends may take is in flight", percent(saturation)));
    }
    let troubled: Vec<(&str, &BackendTrouble)> = pool
        .backends
        .iter()
        .filter(|backend| is_up(backend))
        .filter_map(|backend| Some((&*backend.name, backend.trouble.as_ref()?)))
        .collect();
    for (name, trouble) in troubled.iter().take(NAMED) {
        say(Warning, format!("{name} {}", trouble.text));
    }
    if let Some(more) = troubled.len().checked_sub(NAMED).filter(|more| *more > 0) {
        say(Warning, format!("{more} more of its backends fail, are silent or slow"));
    }
    if pool.queue.requests > 0 {
        let waiting = counted(pool.queue.requests, "request");
        say(Note, format!("{waiting} in the queue, as no backend has room"));
    }
}

fn of_policy(policy: &PolicyState, recent: PolicyReading, found: &mut Vec<TroubleState>) {
    use TroubleLevel::{Note, Warning};
    let place = match &policy.route {
        Some(route) => format!("route {route} to pool {}", policy.pool),
        None => format!("pool {}", policy.pool),
    };
    let mut say = |level, text: String| {
        let text = format!("Policy {} of {place}: {text}.", policy.name);
        found.push(TroubleState { level, pool: Some(policy.pool.clone()), text });
    };
    if policy.open_circuits > 0 {
        let workers = counted(policy.open_circuits, "worker");
        say(Warning, format!("it had too many faults, and isn't asked for a while on {workers}"));
    } else if recent.fallback > 0 {
        let share = percent(share(recent.fallback, recent.picks));
        say(Warning, format!("the fallback makes {share} of the picks"));
    }
    if recent.faults > 0 {
        say(Warning, format!("it had {} lately", counted(recent.faults, "fault")));
    }
    if let Some(LeftOutState { file, reason }) = &policy.left_out {
        say(
            Warning,
            format!("the plugin file {file} doesn't serve, what did before does: {}", unended(reason)),
        );
    }
    if let Some(quarantine) = &policy.quarantine {
        let (version, reason) = (&quarantine.version, unended(&quarantine.reason));
        say(Note, format!("version {version} was taken back and isn't let in: {reason}"));
    }
}

/// A text of others, which a full stop follows.
fn unended(text: &str) -> &str {
    text.trim_end_matches('.')
}

#[cfg(test)]
mod tests;
