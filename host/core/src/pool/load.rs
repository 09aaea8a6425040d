//! How full a pool is.

use super::UpstreamLimits;
use crate::topology::Topology;

/// How full a pool is at one moment, as the API, the metrics and the dashboard say it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Load {
    /// Requests at its backends.
    pub in_flight: u64,
    /// Those at backends that can get more.
    pub at_eligible: u64,
    /// Requests that the eligible backends may have together; `None` if the configuration sets no limit.
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
        let eligible = u64::try_from(topology.eligible()).unwrap_or(u64::MAX);
        let capacity = limits.requests_limit().map(|limit| limit.saturating_mul(eligible));
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
        assert_eq!(connections.requests_limit(), Some(5));
        let protocol = BackendProtocol::H2;
        assert_eq!(UpstreamLimits { protocol, ..connections }.requests_limit(), Some(500));
        assert_eq!(UpstreamLimits { protocol, ..UpstreamLimits::default() }.requests_limit(), None);
    }
}
