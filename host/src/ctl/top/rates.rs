//! Rates: what has been counted between two looks at a proxy.

use std::collections::{BTreeMap, HashMap};

use pointsman_core::counts::quantile;

use crate::admin::model::{BackendState, Histogram, Overview, PolicyState, PoolState};

/// Two looks at the same process.
#[derive(Debug, Clone, Copy)]
pub(super) struct Between<'a> {
    before: Option<&'a Overview>,
    pub(super) now: &'a Overview,
    seconds: f64,
}

impl<'a> Between<'a> {
    /// If the process was started anew in between, nothing is known of the time before.
    pub(super) fn new(before: Option<&'a Overview>, now: &'a Overview) -> Self {
        let before = before.filter(|before| before.uptime_ms < now.uptime_ms);
        #[expect(clippy::cast_precision_loss, reason = "a second or two")]
        let seconds = before.map_or(0.0, |before| (now.uptime_ms - before.uptime_ms) as f64 / 1_000.0);
        Self { before, now, seconds }
    }

    /// How often per second; none if there was no look before.
    pub(super) fn rate(&self, before: Option<u64>, now: u64) -> Option<f64> {
        #[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
        let more = before.map(|before| now.saturating_sub(before) as f64);
        more.filter(|_| self.seconds > 0.0).map(|more| more / self.seconds)
    }

    /// About the time within which this share of the requests in between was done.
    pub(super) fn quantile(
        bounds: &[f64],
        before: Option<&Histogram>,
        now: &Histogram,
        share: f64,
    ) -> Option<f64> {
        let before = before?;
        let old = |place: usize| before.counts.get(place).copied().unwrap_or(0);
        let counts: Vec<u64> =
            now.counts.iter().enumerate().map(|(place, count)| count.saturating_sub(old(place))).collect();
        quantile(bounds, &counts, share)
    }

    /// The pools as they were, by name.
    pub(super) fn pools_before(&self) -> HashMap<&'a str, &'a PoolState> {
        let pools = self.before.into_iter().flat_map(|before| &before.pools);
        pools.map(|pool| (pool.name.as_str(), pool)).collect()
    }

    /// A policy as it was. There are few.
    pub(super) fn policy_before(&self, policy: &PolicyState) -> Option<&'a PolicyState> {
        let is_it = |other: &&PolicyState| (&other.pool, &other.route) == (&policy.pool, &policy.route);
        self.before?.policies.iter().find(is_it)
    }
}

/// The backends of a pool as they were, by name.
pub(super) fn backends_of(pool: Option<&PoolState>) -> HashMap<&str, &BackendState> {
    let backends = pool.into_iter().flat_map(|pool| &pool.backends);
    backends.map(|backend| (backend.name.as_str(), backend)).collect()
}

/// The sum of counters.
pub(super) fn total(counts: &BTreeMap<String, u64>) -> u64 {
    counts.values().sum()
}
