//! What attempts have met at each backend.

use std::fmt;

use pointsman_core::backend::{BackendStats, configured_weight};
use pointsman_core::counts::{CLASSES, FailureKind};
use pointsman_core::topology::Member;

use super::families::{Families, Label};
use super::scrape::{PoolSample, Scrape};

/// A backend of a pool.
struct Row<'a> {
    pool: &'a PoolSample,
    member: &'a Member,
    place: usize,
}

impl<'a> Row<'a> {
    fn labels(&self) -> [Label<'a>; 2] {
        [("pool", self.pool.name()), ("backend", &self.member.backend.name)]
    }

    fn with(&self, label: Label<'a>) -> [Label<'a>; 3] {
        let [pool, backend] = self.labels();
        [pool, backend, label]
    }

    fn stats(&self) -> &'a BackendStats {
        &self.member.backend.stats
    }
}

fn rows(scrape: &Scrape) -> impl Iterator<Item = Row<'_>> {
    scrape.pools.iter().flat_map(|pool| {
        pool.members.iter().enumerate().map(move |(place, member)| Row { pool, member, place })
    })
}

/// A number of each backend.
macro_rules! of_backends {
    ($scrape:ident, |$row:ident| $value:expr) => {
        rows($scrape).map(|$row| ($row.labels(), $value))
    };
}

pub(super) fn encode(scrape: &Scrape, families: &mut Families<'_>) -> fmt::Result {
    attempts(scrape, families)?;
    connections(scrape, families)?;
    state(scrape, families)
}

fn attempts(scrape: &Scrape, families: &mut Families<'_>) -> fmt::Result {
    let described = ("backend_requests", "Attempts that have ended");
    families.counter(described, of_backends!(scrape, |row| row.stats().counts.attempts()))?;
    let responses = rows(scrape).flat_map(|row| {
        let responses = CLASSES.into_iter().zip(row.stats().counts.responses());
        responses.map(move |(class, count)| (row.with(("code", class)), count))
    });
    families.counter(("backend_responses", "Responses to attempts"), responses)?;
    let failures = rows(scrape).flat_map(|row| {
        let failures = FailureKind::ALL.into_iter().zip(row.stats().counts.failures());
        failures.map(move |(kind, count)| (row.with(("kind", kind.name())), count))
    });
    families.counter(("backend_failures", "Attempts that the backend failed"), failures)?;
    let described = ("backend_head_seconds", "From the pick to the head of the response");
    families.histogram(described, of_backends!(scrape, |row| row.stats().counts.head()))?;
    let described = ("backend_in_flight", "Requests at the backend at the moment");
    families.gauge(described, of_backends!(scrape, |row| row.stats().in_flight() as f64))?;
    let described = (
        "backend_silent_seconds",
        "For how long it has answered nothing, though requests wait or clients have given up; 0 if it answers",
    );
    let silent = |row: &Row<'_>| row.stats().counts.answers.silent_for(scrape.now).unwrap_or_default();
    families.gauge(described, of_backends!(scrape, |row| silent(&row).as_secs_f64()))?;
    let described = ("backend_requests_limit", "Requests that it may have at a time");
    let limit = |row: &Row<'_>| row.pool.limits.capacity().of(row.member.backend.limits);
    families.gauge(described, of_backends!(scrape, |row| limit(&row) as f64))
}

fn connections(scrape: &Scrape, families: &mut Families<'_>) -> fmt::Result {
    let described = ("backend_connections", "Connections to the backend at the moment");
    families.gauge(described, of_backends!(scrape, |row| row.stats().connections() as f64))?;
    let described = ("backend_connections_opened", "Connections that were opened for requests");
    families.counter(described, of_backends!(scrape, |row| row.stats().counts.connections()))?;
    let described = (
        "backend_connections_idle",
        "Connections over HTTP/1 that waited for a request, within the last second",
    );
    families.gauge(described, of_backends!(scrape, |row| row.stats().counts.idle() as f64))?;
    let described = ("backend_received_bytes", "Bytes that came from it, without what TLS adds");
    families.counter(described, of_backends!(scrape, |row| row.stats().counts.received_bytes()))?;
    let described = ("backend_sent_bytes", "Bytes that were sent to it, without what TLS adds");
    families.counter(described, of_backends!(scrape, |row| row.stats().counts.sent_bytes()))
}

fn state(scrape: &Scrape, families: &mut Families<'_>) -> fmt::Result {
    let described = ("backend_eligible", "Whether it can get requests");
    families.flag(described, of_backends!(scrape, |row| row.pool.topology.is_eligible_at(row.place)))?;
    let described =
        ("backend_healthy", "Whether its checks pass, or it has none; ejection is another question");
    families.flag(described, of_backends!(scrape, |row| row.member.health.passes_checks()))?;
    let described = ("backend_ejected", "Whether it has failed too often and gets nothing for a while");
    families.flag(described, of_backends!(scrape, |row| row.member.health.is_ejected()))?;
    let described = ("backend_draining", "Whether it gets nothing new");
    families.flag(described, of_backends!(scrape, |row| row.member.backend.draining))?;
    let described = ("backend_weight", "Its share of requests in relation to the others at the moment");
    families.gauge(described, of_backends!(scrape, |row| configured_weight(row.member.weight)))?;
    let described = ("backend_ejections", "How often it was ejected");
    families.counter(described, of_backends!(scrape, |row| row.stats().counts.ejections()))?;
    let described = ("backend_checks_failed", "Health checks that have failed");
    families.counter(described, of_backends!(scrape, |row| row.stats().counts.failed_checks()))?;
    let described = (
        "backend_health_changes",
        "How often checks have found it healthy that was not, or the other way round",
    );
    families.counter(described, of_backends!(scrape, |row| row.stats().counts.health_changes()))
}
