//! What has gone wrong in a slot: counted by kind, logged once per burst.

use std::array;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use crate::clock::Moment;

use super::budget::Budget;
use super::fault::{Fault, FaultKind};
use super::version::VersionId;

/// Log lines about faults of one kind at once, and the time in which one more comes free.
const LOG_BURST: u32 = 2;
const LOG_INTERVAL: Duration = Duration::from_secs(10);

const KINDS: usize = FaultKind::ALL.len();

/// Counters of one slot, over all its workers and versions.
#[derive(Debug)]
pub struct Ledger {
    faults: [AtomicU64; KINDS],
    log: [Budget; KINDS],
    fallback_picks: AtomicU64,
    rebuilds: AtomicU64,
    longest_adoption_ns: AtomicU64,
}

impl Ledger {
    pub(super) fn new() -> Self {
        Self {
            faults: Default::default(),
            log: array::from_fn(|_| Budget::new(LOG_BURST, LOG_INTERVAL)),
            fallback_picks: AtomicU64::new(0),
            rebuilds: AtomicU64::new(0),
            longest_adoption_ns: AtomicU64::new(0),
        }
    }

    /// Faults of this kind so far.
    #[must_use]
    pub fn faults(&self, kind: FaultKind) -> u64 {
        self.faults[kind as usize].load(Relaxed)
    }

    /// Faults of all kinds so far.
    #[must_use]
    pub fn all_faults(&self) -> u64 {
        FaultKind::ALL.iter().map(|&kind| self.faults(kind)).sum()
    }

    /// Picks that the fallback made because the policy couldn't. Those that a policy left to it don't count.
    #[must_use]
    pub fn fallback_picks(&self) -> u64 {
        self.fallback_picks.load(Relaxed)
    }

    /// Instances that were built to replace failed ones.
    #[must_use]
    pub fn rebuilds(&self) -> u64 {
        self.rebuilds.load(Relaxed)
    }

    /// Most CPU time that a worker has spent on seating an instance that was delivered to it: what a swap costs the
    /// requests of that worker. That it was descheduled meanwhile is not the swap's fault, and doesn't count.
    #[must_use]
    pub fn longest_adoption(&self) -> Duration {
        Duration::from_nanos(self.longest_adoption_ns.load(Relaxed))
    }

    /// Counts a fault, and logs it unless enough like it were logged lately.
    pub(super) fn record(&self, pool: &str, version: VersionId, worker: usize, fault: &Fault, now: Moment) {
        let kind = fault.kind as usize;
        self.faults[kind].fetch_add(1, Relaxed);
        if let Some(unlogged) = self.log[kind].take(now) {
            let kind = fault.kind.label();
            tracing::error!(pool, %version, worker, kind, unlogged, "policy fault: {fault}; the fallback picks");
        }
    }

    pub(super) fn count_fallback_pick(&self) {
        self.fallback_picks.fetch_add(1, Relaxed);
    }

    pub(super) fn count_rebuild(&self) {
        self.rebuilds.fetch_add(1, Relaxed);
    }

    pub(super) fn record_adoption(&self, time: Duration) {
        let ns = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        self.longest_adoption_ns.fetch_max(ns, Relaxed);
    }
}
