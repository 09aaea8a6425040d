//! What the view shows of a look at the proxy, as numbers that can be sorted.

use std::cmp::{Ordering, Reverse};

use super::rates::{Between, backends_of, total};
use crate::admin::model::{BackendState, PoolState};
use crate::ctl::output::{Styled, Tone};
use crate::ctl::policies::{own_picks, place};
use crate::ctl::pools::state;

/// A backend. What isn't known is none, which is less than 0.
#[derive(Debug, Clone)]
pub(super) struct BackendRow {
    /// `POOL/BACKEND`, as commands take it.
    pub(super) name: String,
    pub(super) state: Styled,
    pub(super) rate: Option<f64>,
    pub(super) failures: Option<f64>,
    pub(super) in_flight: u64,
    pub(super) p50: Option<f64>,
    pub(super) p99: Option<f64>,
    /// Of the requests that its pool's backends got.
    pub(super) share: Option<f64>,
    pub(super) expected_share: f64,
    pub(super) weight: f64,
}

/// A pool.
#[derive(Debug, Clone)]
pub(super) struct PoolRow {
    pub(super) name: String,
    pub(super) ready: Styled,
    pub(super) rate: Option<f64>,
    pub(super) errors: Option<f64>,
    pub(super) in_flight: u64,
    pub(super) saturation: Option<f64>,
    pub(super) queued: u64,
    pub(super) p50: Option<f64>,
    pub(super) p99: Option<f64>,
}

/// A policy.
#[derive(Debug, Clone)]
pub(super) struct PolicyRow {
    pub(super) place: String,
    pub(super) name: String,
    pub(super) version: String,
    pub(super) picks: Option<f64>,
    /// Share of the picks that others made in its place.
    pub(super) others: Option<f64>,
    pub(super) faults: u64,
    pub(super) note: Styled,
}

pub(super) fn pools(looks: &Between<'_>) -> Vec<PoolRow> {
    let before = looks.pools_before();
    let row = |pool: &PoolState| {
        let old = before.get(pool.name.as_str()).copied();
        let times = old.map(|old| &old.request_seconds);
        let time = |share| Between::quantile(&pool.latency_buckets, times, &pool.request_seconds, share);
        let errors = |pool: &PoolState| pool.responses.get("5xx").copied().unwrap_or(0);
        let tone = match pool.eligible {
            0 => Tone::Bad,
            some if some < pool.backends.len() as u64 => Tone::Notice,
            _ => Tone::Good,
        };
        PoolRow {
            name: pool.name.clone(),
            ready: Styled::new(format_args!("{}/{}", pool.eligible, pool.backends.len()), tone),
            rate: looks.rate(old.map(|old| old.requests), pool.requests),
            errors: looks.rate(old.map(errors), errors(pool)),
            in_flight: pool.in_flight,
            saturation: pool.saturation,
            queued: pool.queue.requests,
            p50: time(0.5),
            p99: time(0.99),
        }
    };
    looks.now.pools.iter().map(row).collect()
}

pub(super) fn backends(looks: &Between<'_>) -> Vec<BackendRow> {
    let before = looks.pools_before();
    let mut rows = Vec::new();
    for pool in &looks.now.pools {
        let old = backends_of(before.get(pool.name.as_str()).copied());
        let first = rows.len();
        rows.extend(
            pool.backends
                .iter()
                .map(|backend| backend_row(looks, pool, old.get(backend.name.as_str()).copied(), backend)),
        );
        let all: f64 = rows[first..].iter().filter_map(|row: &BackendRow| row.rate).sum();
        for row in rows[first..].iter_mut().filter(|_| all > 0.0) {
            row.share = row.rate.map(|rate| rate / all);
        }
    }
    rows
}

fn backend_row(
    looks: &Between<'_>,
    pool: &PoolState,
    old: Option<&BackendState>,
    backend: &BackendState,
) -> BackendRow {
    let times = old.map(|old| &old.head_seconds);
    let time = |share| Between::quantile(&pool.latency_buckets, times, &backend.head_seconds, share);
    BackendRow {
        name: format!("{}/{}", pool.name, backend.name),
        state: state(backend),
        rate: looks.rate(old.map(|old| old.requests), backend.requests),
        failures: looks.rate(old.map(|old| old.failures), backend.failures),
        in_flight: backend.in_flight,
        p50: time(0.5),
        p99: time(0.99),
        share: None,
        expected_share: backend.expected_share,
        weight: backend.weight,
    }
}

pub(super) fn policies(looks: &Between<'_>) -> Vec<PolicyRow> {
    let rows = looks.now.policies.iter().map(|policy| {
        let old = looks.policy_before(policy);
        let picks = looks.rate(old.map(|old| total(&old.picks)), total(&policy.picks));
        let by_policy = looks.rate(old.map(|old| own_picks(&old.picks)), own_picks(&policy.picks));
        let note = match (&policy.quarantine, policy.open_circuits) {
            (_, 1..) => Styled::new("fails, fallback picks", Tone::Bad),
            (Some(quarantine), 0) => {
                Styled::new(format_args!("{} taken back", quarantine.version), Tone::Notice)
            }
            (None, 0) => Styled::default(),
        };
        PolicyRow {
            place: place(policy),
            name: policy.name.clone(),
            version: policy.version.clone(),
            picks,
            others: picks.zip(by_policy).filter(|(all, _)| *all > 0.0).map(|(all, own)| 1.0 - own / all),
            faults: total(&policy.faults),
            note,
        }
    });
    rows.collect()
}

/// What backends are sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sort {
    Configuration,
    Rate,
    InFlight,
    Failures,
    Slowest,
    Name,
}

impl Sort {
    pub(super) fn next(self) -> Self {
        match self {
            Self::Configuration => Self::Rate,
            Self::Rate => Self::InFlight,
            Self::InFlight => Self::Failures,
            Self::Failures => Self::Slowest,
            Self::Slowest => Self::Name,
            Self::Name => Self::Configuration,
        }
    }

    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Configuration => "as configured",
            Self::Rate => "requests",
            Self::InFlight => "in flight",
            Self::Failures => "failures",
            Self::Slowest => "p99",
            Self::Name => "name",
        }
    }

    /// The greatest first, but names from a to z. What is equal stays in the order of the configuration.
    pub(super) fn sort(self, rows: &mut [BackendRow]) {
        let greatest = |a: Option<f64>, b: Option<f64>| b.partial_cmp(&a).unwrap_or(Ordering::Equal);
        match self {
            Self::Configuration => {}
            Self::Rate => rows.sort_by(|a, b| greatest(a.rate, b.rate)),
            Self::InFlight => rows.sort_by_key(|row| Reverse(row.in_flight)),
            Self::Failures => rows.sort_by(|a, b| greatest(a.failures, b.failures)),
            Self::Slowest => rows.sort_by(|a, b| greatest(a.p99, b.p99)),
            Self::Name => rows.sort_by(|a, b| a.name.cmp(&b.name)),
        }
    }
}
