//! Counters of a slot's policy: faults by version and kind, picks without it, and what it costs.

use std::array;
use std::collections::VecDeque;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use pointsman_core::clock::Moment;
use pointsman_core::counts::{Bounds, Distribution, Histogram};
use pointsman_core::rate_limit::RateLimit;

use crate::fault::{Fault, FaultKind};
use crate::version::VersionId;

/// Log lines about faults of one kind at once, and the time in which one more comes free.
const LOG_BURST: u32 = 2;
const LOG_INTERVAL: Duration = Duration::from_secs(10);

/// Versions whose faults are counted apart. The one that was published longest ago goes first.
const VERSIONS: usize = 8;

/// Bounds of the buckets of what picks take, ns.
const PICK_NANOS: [u64; 14] = [
    100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000,
    5_000_000,
];

const KINDS: usize = FaultKind::ALL.len();

/// Counters of one slot, over all its workers.
#[derive(Debug)]
pub struct PolicyStats {
    faults: FaultCounts,
    versions: Mutex<VecDeque<(VersionId, Arc<FaultCounts>)>>,
    log: [RateLimit; KINDS],
    fallback_picks: AtomicU64,
    rejected_picks: AtomicU64,
    refused_swaps: AtomicU64,
    pick_times: Histogram,
    rebuilds: AtomicU64,
    rollbacks: AtomicU64,
    circuits_opened: AtomicU64,
    open_circuits: AtomicU64,
    longest_adoption_ns: AtomicU64,
    late_ticks: AtomicU64,
    cpu_time_ns: AtomicU64,
    greatest_cpu_percent: AtomicU64,
}

/// Faults by kind.
#[derive(Debug, Default)]
pub struct FaultCounts([AtomicU64; KINDS]);

impl FaultCounts {
    /// Faults of this kind.
    #[must_use]
    pub fn faults(&self, kind: FaultKind) -> u64 {
        self.0[kind as usize].load(Relaxed)
    }

    /// Faults of all kinds.
    #[must_use]
    pub fn all_faults(&self) -> u64 {
        FaultKind::ALL.iter().map(|&kind| self.faults(kind)).sum()
    }

    fn count(&self, kind: FaultKind) {
        self.0[kind as usize].fetch_add(1, Relaxed);
    }
}

impl PolicyStats {
    pub(super) fn new() -> Self {
        Self {
            faults: FaultCounts::default(),
            versions: Mutex::default(),
            log: array::from_fn(|_| RateLimit::new(LOG_BURST, LOG_INTERVAL)),
            fallback_picks: AtomicU64::new(0),
            rejected_picks: AtomicU64::new(0),
            refused_swaps: AtomicU64::new(0),
            pick_times: Histogram::new(&Bounds::of_nanos(PICK_NANOS)),
            rebuilds: AtomicU64::new(0),
            rollbacks: AtomicU64::new(0),
            circuits_opened: AtomicU64::new(0),
            open_circuits: AtomicU64::new(0),
            longest_adoption_ns: AtomicU64::new(0),
            late_ticks: AtomicU64::new(0),
            cpu_time_ns: AtomicU64::new(0),
            greatest_cpu_percent: AtomicU64::new(0),
        }
    }

    /// Faults of this kind so far, of all versions.
    #[must_use]
    pub fn faults(&self, kind: FaultKind) -> u64 {
        self.faults.faults(kind)
    }

    /// Faults of all kinds so far, of all versions.
    #[must_use]
    pub fn all_faults(&self) -> u64 {
        self.faults.all_faults()
    }

    /// The faults of each of the last versions, in the order in which they were last published.
    #[must_use]
    pub fn versions(&self) -> Vec<(VersionId, Arc<FaultCounts>)> {
        self.lock_versions().iter().cloned().collect()
    }

    /// Picks that the fallback made because the policy couldn't. Those that a policy left to it don't count.
    #[must_use]
    pub fn fallback_picks(&self) -> u64 {
        self.fallback_picks.load(Relaxed)
    }

    /// Requests that were rejected because the policy couldn't pick, and the operator wants no fallback.
    #[must_use]
    pub fn rejected_picks(&self) -> u64 {
        self.rejected_picks.load(Relaxed)
    }

    /// Plugins that were offered and refused.
    #[must_use]
    pub fn refused_swaps(&self) -> u64 {
        self.refused_swaps.load(Relaxed)
    }

    /// A plugin was offered and refused.
    pub(crate) fn count_refused_swap(&self) {
        self.refused_swaps.fetch_add(1, Relaxed);
    }

    /// CPU time of picks; one in 64 is measured.
    #[must_use]
    pub fn pick_times(&self) -> Distribution {
        self.pick_times.read()
    }

    /// A pick has taken this much.
    #[cold]
    pub(crate) fn record_pick(&self, took: Duration) {
        self.pick_times.observe(took);
    }

    /// Instances that were built to replace failed ones.
    #[must_use]
    pub fn rebuilds(&self) -> u64 {
        self.rebuilds.load(Relaxed)
    }

    /// Versions that were taken back on probation.
    #[must_use]
    pub fn rollbacks(&self) -> u64 {
        self.rollbacks.load(Relaxed)
    }

    /// How often a worker's circuit to the policy has opened.
    #[must_use]
    pub fn circuits_opened(&self) -> u64 {
        self.circuits_opened.load(Relaxed)
    }

    /// Workers whose circuit to the policy is open at this moment.
    #[must_use]
    pub fn open_circuits(&self) -> u64 {
        self.open_circuits.load(Relaxed)
    }

    /// Most CPU time that a worker has spent on taking an instance that was delivered to it: what a swap costs the requests of
    /// that worker. Time in which the worker was descheduled doesn't count.
    #[must_use]
    pub fn longest_adoption(&self) -> Duration {
        Duration::from_nanos(self.longest_adoption_ns.load(Relaxed))
    }

    /// Ticks that came later than asked for, because the ones before had taken more than their share of time.
    #[must_use]
    pub fn late_ticks(&self) -> u64 {
        self.late_ticks.load(Relaxed)
    }

    /// CPU time that the policy's picks, observations, ticks and new topologies have taken, over all workers; up to a second old. One pick and observation
    /// of 64 is measured.
    #[must_use]
    pub fn cpu_time(&self) -> Duration {
        Duration::from_nanos(self.cpu_time_ns.load(Relaxed))
    }

    /// Most that the policy has taken of a worker's time within a second, percent.
    #[must_use]
    pub fn greatest_cpu_percent(&self) -> u64 {
        self.greatest_cpu_percent.load(Relaxed)
    }

    /// Where the faults of a version that is being published are counted.
    pub(crate) fn faults_of(&self, version: VersionId) -> Arc<FaultCounts> {
        let mut versions = self.lock_versions();
        let known = versions.iter().position(|(known, _)| *known == version);
        let entry = known.and_then(|place| versions.remove(place));
        let (_, faults) = entry.unwrap_or_else(|| (version, Arc::default()));
        if versions.len() == VERSIONS {
            versions.pop_front();
        }
        versions.push_back((version, Arc::clone(&faults)));
        faults
    }

    /// Counts a fault. Returns how many of its kind weren't logged since the last one that was, or `None` if this one shouldn't
    /// be logged either.
    pub(super) fn count(&self, counts: &FaultCounts, fault: &Fault, now: Moment) -> Option<u64> {
        self.faults.count(fault.kind);
        counts.count(fault.kind);
        self.log[fault.kind as usize].take(now)
    }

    pub(super) fn count_fallback_pick(&self) {
        self.fallback_picks.fetch_add(1, Relaxed);
    }

    pub(super) fn count_rejected_pick(&self) {
        self.rejected_picks.fetch_add(1, Relaxed);
    }

    pub(super) fn count_rebuild(&self) {
        self.rebuilds.fetch_add(1, Relaxed);
    }

    pub(super) fn count_rollback(&self) {
        self.rollbacks.fetch_add(1, Relaxed);
    }

    pub(super) fn record_adoption(&self, time: Duration) {
        let ns = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        self.longest_adoption_ns.fetch_max(ns, Relaxed);
    }

    pub(super) fn count_late_tick(&self) {
        self.late_ticks.fetch_add(1, Relaxed);
    }

    pub(super) fn record_spending(&self, taken: Duration, percent: u32) {
        self.cpu_time_ns.fetch_add(u64::try_from(taken.as_nanos()).unwrap_or(u64::MAX), Relaxed);
        self.greatest_cpu_percent.fetch_max(u64::from(percent), Relaxed);
    }

    pub(super) fn circuit_opened(&self) {
        self.circuits_opened.fetch_add(1, Relaxed);
        self.open_circuits.fetch_add(1, Relaxed);
    }

    pub(super) fn circuit_closed(&self) {
        self.open_circuits.fetch_sub(1, Relaxed);
    }

    /// Held for moves within a short list, so that a panic can't leave half a change: a poisoned lock can be used.
    fn lock_versions(&self) -> MutexGuard<'_, VecDeque<(VersionId, Arc<FaultCounts>)>> {
        self.versions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use pointsman_core::printable::Printable;

    use super::*;
    use crate::guest::Call;

    #[test]
    fn faults_are_kept_apart_by_version_and_the_oldest_version_goes_first() {
        let stats = PolicyStats::new();
        let version = |number: u8| VersionId::of(&[number]);
        let fault = Fault {
            kind: FaultKind::Trap,
            call: Call::Pick,
            message: Printable::default(),
            panic: None,
            backtrace: Printable::default(),
        };
        let (one, two) = (stats.faults_of(version(1)), stats.faults_of(version(2)));
        stats.count(&one, &fault, Moment(0));
        stats.count(&one, &fault, Moment(0));
        stats.count(&two, &fault, Moment(0));
        assert_eq!(
            stats.faults_of(version(1)).faults(FaultKind::Trap),
            2,
            "it comes back to its own numbers"
        );
        for number in 3..3 + VERSIONS as u8 - 1 {
            stats.faults_of(version(number));
        }
        let kept: Vec<_> = stats.versions().iter().map(|(id, faults)| (*id, faults.all_faults())).collect();
        assert_eq!(kept.len(), VERSIONS);
        assert_eq!(kept[0], (version(1), 2), "version 2 was published longest ago");
        assert_eq!(stats.all_faults(), 3);
    }
}
