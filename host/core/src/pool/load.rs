//! How full a pool is.

use super::UpstreamLimits;
use crate::backend::BackendLimits;
use crate::topology::Topology;

/// How full a pool is at one moment, as the API, the metrics and the dashboard say it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Load {
    /// Requests at its backends.
    pub in_flight: u64,
    /// Those at backends that can get more.
    pub at_eligible: u64,
    /// Requests that the eligible backends may have together; `None` if there is a backend for which the configuration sets no limit.
    pub capacity: Option<u64>,
}

impl Load {
    /// The load of the pool with this topology and these limits.
    #[must_use]
    pub fn of(topology: &Topology, limits: &UpstreamLimits) -> Self {
        let (mut in_flight, mut at_eligible) = (0, 0);
        for (place, stats) in topology.stats().iter().enumerate() {
            let requests = stats.in_flight();
            in_flight += requests;
            at_eligible += if topology.is_eligible_at(place) { requests } else { 0 };
        }
        let backends = topology.backends().iter().enumerate();
        let of_backends = backends.map(|(place, backend)| {
            let limit = limits.requests_limit(backend.limits)?;
            Some(if topology.is_eligible_at(place) { limit } else { 0 })
        });
        let capacity = match topology.backends() {
            [] => limits.requests_limit(BackendLimits::default()).map(|_| 0),
            _ => of_backends.sum(),
        };
        Self { in_flight, at_eligible, capacity }
    }

    /// Requests at eligible backends over what those may have, from 0 to 1; 1 if there is none. `None` without a limit: then the
    /// proxy doesn't know how much a backend can do.
    #[must_use]
    pub fn saturation(self) -> Option<f64> {
        self.capacity.map(|capacity| match capacity {
            0 => 1.0,
            _ => (self.at_eligible as f64 / capacity as f64).min(1.0),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::backend::{Backend, TopologyGeneration};
    use crate::pool::BackendProtocol;

    /// Backends with requests in flight; those in parentheses drain.
    fn topology(backends: &[(u64, bool)]) -> Topology {
        let backend = |&(requests, draining): &(u64, bool)| {
            let backend = Backend { draining, ..Backend::new("b", ([127, 0, 0, 1], 1)) };
            (0..requests).for_each(|_| backend.stats.begin());
            Arc::new(backend)
        };
        Topology::new(TopologyGeneration(1), backends.iter().map(backend).collect())
    }

    fn limited(max_requests: u64) -> UpstreamLimits {
        UpstreamLimits { max_requests, ..UpstreamLimits::default() }
    }

    #[test]
    fn only_what_can_get_more_counts() {
        let check = |backends: &[(u64, bool)], limit, expected| {
            let load = Load::of(&topology(backends), &limited(limit));
            assert_eq!((load.in_flight, load.at_eligible, load.capacity, load.saturation()), expected);
        };
        check(&[(3, false), (1, false)], 4, (4, 4, Some(8), Some(0.5)));
        check(&[(3, false), (4, true)], 4, (7, 3, Some(4), Some(0.75)));
        check(&[(3, true)], 4, (3, 0, Some(0), Some(1.0)));
        check(&[], 4, (0, 0, Some(0), Some(1.0)));
        // Over the limit, as a reload has lowered it.
        check(&[(9, false)], 4, (9, 9, Some(4), Some(1.0)));
        check(&[(9, false)], 10_000, (9, 9, None, None));
        check(&[(9, true)], 10_000, (9, 0, None, None));
    }

    #[test]
    fn connections_are_a_limit_too() {
        let connections = UpstreamLimits { max_connections: 5, ..UpstreamLimits::default() };
        let limit = |limits: &UpstreamLimits| limits.requests_limit(BackendLimits::default());
        assert_eq!(limit(&connections), Some(5));
        let protocol = BackendProtocol::H2;
        assert_eq!(limit(&UpstreamLimits { protocol, ..connections }), Some(500));
        assert_eq!(limit(&UpstreamLimits { protocol, ..UpstreamLimits::default() }), None);
    }

    #[test]
    fn backends_with_limits_of_their_own_count_by_those() {
        let check = |backends: &[(u64, Option<u64>, bool)], limit, capacity, saturation| {
            let backend = |&(requests, max_requests, draining): &(u64, Option<u64>, bool)| {
                let limits = BackendLimits { max_requests, ..BackendLimits::default() };
                let backend = Backend { draining, limits, ..Backend::new("b", ([127, 0, 0, 1], 1)) };
                (0..requests).for_each(|_| backend.stats.begin());
                Arc::new(backend)
            };
            let topology = Topology::new(TopologyGeneration(1), backends.iter().map(backend).collect());
            let load = Load::of(&topology, &limited(limit));
            assert_eq!((load.capacity, load.saturation()), (capacity, saturation), "{backends:?}");
        };
        check(&[(1, Some(2), false), (1, None, false)], 6, Some(8), Some(0.25));
        check(&[(2, Some(2), false), (1, Some(6), true)], 10_000, Some(2), Some(1.0));
        check(&[(2, Some(2), true), (1, Some(6), true)], 10_000, Some(0), Some(1.0));
        // The default, written down, is a limit.
        check(&[(5_000, Some(10_000), false)], 10_000, Some(10_000), Some(0.5));
        // Nobody knows what the other one can do, whether it is eligible or not.
        check(&[(2, Some(2), false), (1, None, false)], 10_000, None, None);
        check(&[(2, Some(2), false), (1, None, true)], 10_000, None, None);
    }
}
