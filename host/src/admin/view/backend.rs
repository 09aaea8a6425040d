//! Backends.

use std::collections::HashMap;

use pointsman_core::backend::{Source, configured_weight};
use pointsman_core::clock::Moment;
use pointsman_core::counts::FailureKind;
use pointsman_core::pool::{Capacity, Override};
use pointsman_core::topology::{Member, Topology};

use super::counted::{by_class, histogram, named};
use crate::admin::model::{BackendSource, BackendState, OverrideState};

/// What the backends of a pool are shown beside.
pub(super) struct Standing<'a> {
    topology: &'a Topology,
    /// Sum of the weights of the eligible ones.
    weights: u64,
    /// How many requests they may have.
    capacity: Capacity,
    now: Moment,
}

impl<'a> Standing<'a> {
    pub(super) fn new(topology: &'a Topology, capacity: Capacity, now: Moment) -> Self {
        let weights = topology.weights().iter().zip(0..);
        let eligible = weights.filter(|(_, place)| topology.is_eligible_at(*place));
        Self { topology, weights: eligible.map(|(weight, _)| u64::from(*weight)).sum(), capacity, now }
    }
}

/// A member, which is at this place of the topology.
pub(super) fn backend(
    member: &Member,
    place: usize,
    standing: &Standing<'_>,
    overrides: &HashMap<Box<str>, Override>,
) -> BackendState {
    let Member { backend, health, weight } = member;
    let (stats, counts) = (&backend.stats, &backend.stats.counts);
    let eligible = standing.topology.is_eligible_at(place);
    let share =
        if eligible && standing.weights > 0 { f64::from(*weight) / standing.weights as f64 } else { 0.0 };
    BackendState {
        name: backend.name.to_string(),
        address: backend.address.to_string(),
        source: match backend.source {
            Source::File => BackendSource::File,
            Source::Discovery { .. } => BackendSource::Discovery,
            Source::Operator => BackendSource::Operator,
        },
        zone: backend.attributes.zone.to_string(),
        backup: backend.backup,
        eligible,
        healthy: health.passes_checks(),
        unchecked: health.is_unchecked(),
        ejected: health.is_ejected(),
        draining: backend.draining,
        weight: configured_weight(*weight),
        full_weight: configured_weight(backend.weight),
        expected_share: share,
        in_flight: stats.in_flight(),
        limit: standing.capacity.of(backend.limits),
        connections: stats.connections(),
        connections_opened: counts.connections(),
        requests: stats.requests(),
        responses: by_class(counts.responses()),
        failures: stats.failures(),
        failures_by_kind: named(FailureKind::ALL.map(FailureKind::name).into_iter().zip(counts.failures())),
        ejections: counts.ejections(),
        silent_ms: counts.answers.silent_for(standing.now).map(|silent| silent.as_millis() as u64),
        recent: None,
        trouble: None,
        latency_ewma_us: stats.latency_ewma_us(),
        error_rate: stats.error_rate_ppm() as f64 / 1e6,
        head_seconds: histogram(&counts.head()),
        overrides: overrides.get(&backend.name).map(|changed| OverrideState {
            draining: changed.draining,
            weight: changed.weight.map(configured_weight),
        }),
    }
}
