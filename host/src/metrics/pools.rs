//! What clients have seen of each pool, and how close it is to its limits.

use std::fmt;

use pointsman_core::counts::{CLASSES, SessionResult, TlsFailure};
use pointsman_core::pool::Load;
use pointsman_core::topology::Member;

use super::families::Families;
use super::scrape::{PoolSample, Scrape};

pub(super) fn encode(scrape: &Scrape, families: &mut Families<'_>) -> fmt::Result {
    requests(scrape, families)?;
    load(scrape, families)?;
    queue(scrape, families)?;
    mirrored(scrape, families)?;
    members(scrape, families)
}

/// A number of each pool.
macro_rules! of_pools {
    ($scrape:ident, |$pool:ident| $value:expr) => {
        $scrape.pools.iter().map(|$pool| ([("pool", $pool.name())], $value))
    };
}

fn requests(scrape: &Scrape, families: &mut Families<'_>) -> fmt::Result {
    let described = ("pool_requests", "Requests of clients that have ended");
    families.counter(described, of_pools!(scrape, |pool| pool.counts().requests()))?;
    let classes = scrape.pools.iter().flat_map(|pool| {
        let responses = CLASSES.into_iter().zip(pool.counts().responses());
        responses.map(move |(class, count)| ([("pool", pool.name()), ("code", class)], count))
    });
    families.counter(("pool_responses", "Responses that clients got, the proxy's own included"), classes)?;
    let errors = scrape.pools.iter().flat_map(|pool| {
        pool.counts().errors().map(move |(error, count)| ([("pool", pool.name()), ("error", error)], count))
    });
    families.counter(("pool_errors", "Requests that the proxy answered itself or broke off"), errors)?;
    let calls = scrape.pools.iter().flat_map(|pool| {
        let calls = pool.counts().calls();
        calls.map(move |(status, count)| ([("pool", pool.name()), ("status", status)], count))
    });
    families.counter(("pool_grpc_responses", "Calls of gRPC that have ended, by status"), calls)?;
    let failures = scrape.pools.iter().flat_map(|pool| {
        let failures = TlsFailure::ALL.into_iter().zip(pool.counts().tls_failures());
        failures.map(move |(failure, count)| ([("pool", pool.name()), ("reason", failure.name())], count))
    });
    families.counter(("pool_tls_failures", "TLS handshakes with backends that failed"), failures)?;
    let described = ("pool_request_seconds", "From the first byte of a request to the last of its response");
    families.histogram(described, of_pools!(scrape, |pool| pool.counts().whole()))?;
    let described = ("pool_head_seconds", "From the first byte of a request to the head of its response");
    families.histogram(described, of_pools!(scrape, |pool| pool.counts().head()))?;
    let described = ("pool_retries", "Attempts that were not a request's first");
    families.counter(described, of_pools!(scrape, |pool| pool.counts().retries()))?;
    let described = ("pool_retries_refused", "Retries that the budget had no room for");
    families.counter(described, of_pools!(scrape, |pool| pool.counts().retries_refused()))?;
    let sessions = scrape.pools.iter().flat_map(|pool| {
        let sessions = SessionResult::ALL.into_iter().zip(pool.counts().sessions());
        sessions.map(move |(result, count)| ([("pool", pool.name()), ("result", result.name())], count))
    });
    families.counter(("pool_sessions", "Responses of backends to clients with sticky sessions"), sessions)?;
    let described = ("pool_tunnels", "Connections that have changed to another protocol at the moment");
    families.gauge(described, of_pools!(scrape, |pool| pool.counts().open_tunnels() as f64))?;
    let described = ("pool_tunnels_opened", "Connections that have changed to another protocol");
    families.counter(described, of_pools!(scrape, |pool| pool.counts().tunnels()))
}

fn load(scrape: &Scrape, families: &mut Families<'_>) -> fmt::Result {
    let loads: Vec<(&str, Load)> =
        scrape.pools.iter().map(|pool| (pool.name(), Load::of(&pool.topology, &pool.limits))).collect();
    let rows =
        |value: fn(Load) -> f64| loads.iter().map(move |(pool, load)| ([("pool", *pool)], value(*load)));
    let described = ("pool_in_flight", "Requests at backends at the moment");
    families.gauge(described, rows(|load| load.in_flight as f64))?;
    let described = (
        "pool_capacity_requests",
        "Requests that eligible backends may have, by max_requests; 0 if that isn't set for every backend",
    );
    families.gauge(described, rows(|load| load.capacity.unwrap_or(0) as f64))?;
    let described = (
        "pool_saturation_ratio",
        "Requests at eligible backends over what those may have; 0, which means nothing, if max_requests isn't set for every backend",
    );
    families.gauge(described, rows(|load| load.saturation().unwrap_or(0.0)))
}

fn queue(scrape: &Scrape, families: &mut Families<'_>) -> fmt::Result {
    let described = ("pool_queue_requests", "Requests that wait for a backend with room");
    families.gauge(described, of_pools!(scrape, |pool| pool.pool.queue().len() as f64))?;
    let limits = of_pools!(scrape, |pool| pool.limits.queue.length as f64);
    families.gauge(("pool_queue_limit", "Requests that may wait"), limits)?;
    let described = ("pool_queue_seconds", "How long requests waited, of those that did");
    families.histogram(described, of_pools!(scrape, |pool| pool.counts().queued()))?;
    let refused = scrape.pools.iter().flat_map(|pool| {
        let row = |error| ([("pool", pool.name()), ("error", error)], pool.counts().errors_of(error));
        ["queue-full", "queue-timeout"].map(row)
    });
    families.counter(
        ("pool_queue_refused", "Requests that found no room in the queue, or waited too long"),
        refused,
    )
}

/// Of the pools that were ever mirrored to.
fn mirrored(scrape: &Scrape, families: &mut Families<'_>) -> fmt::Result {
    let pools = || {
        let all = scrape.pools.iter().map(|pool| (pool.name(), &pool.counts().mirrored));
        all.filter(|(_, counts)| counts.open() > 0 || counts.ended().any(|(_, count)| count > 0))
    };
    let ended = pools().flat_map(|(pool, counts)| {
        counts.ended().map(move |(end, count)| ([("pool", pool), ("result", end.name())], count))
    });
    families.counter(("mirror_requests", "Requests that were mirrored to the pool, or were to be"), ended)?;
    let open = pools().map(|(pool, counts)| ([("pool", pool)], counts.open() as f64));
    families.gauge(("mirror_open_requests", "Mirrored requests on their way at the moment"), open)
}

fn members(scrape: &Scrape, families: &mut Families<'_>) -> fmt::Result {
    let rows = |holds: fn(&Member) -> bool| {
        let count =
            move |pool: &PoolSample| pool.members.iter().filter(|member| holds(member)).count() as f64;
        scrape.pools.iter().map(move |pool| ([("pool", pool.name())], count(pool)))
    };
    families.gauge(("pool_backends", "Backends"), rows(|_| true))?;
    let eligible = of_pools!(scrape, |pool| pool.topology.eligible() as f64);
    families.gauge(("pool_backends_eligible", "Backends that can get requests"), eligible)?;
    let described = ("pool_backends_healthy", "Backends whose checks pass, ejected ones included");
    families.gauge(described, rows(|member| member.health.passes_checks()))?;
    let described =
        ("pool_backends_ejected", "Backends that have failed too often and get nothing for a while");
    families.gauge(described, rows(|member| member.health.is_ejected()))?;
    families.gauge(
        ("pool_backends_draining", "Backends that get nothing new"),
        rows(|member| member.backend.draining),
    )?;
    let panicking = of_pools!(scrape, |pool| pool.topology.panics());
    families.flag(("pool_panicking", "Whether health is ignored, as too few backends are healthy"), panicking)
}
