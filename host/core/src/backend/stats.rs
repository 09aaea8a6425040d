//! Live numbers of a backend, shared by all workers and all policies.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed, Ordering::SeqCst};
use std::time::Duration;

use super::Streaks;
use crate::clock::Moment;
use crate::counts::{BackendCounts, Bounds};

/// Time constant of the moving averages.
const TAU: Duration = Duration::from_secs(10);

/// Live numbers of a backend.
///
/// Counters are exact. Averages are written without a lock: of two workers that finish at the same instant one may
/// overwrite the other's sample, which an average over thousands doesn't show. Aligned to a cache line of its own,
/// so that backends don't slow each other down.
///
/// Each number has its own getter: a policy asks for one number of one backend at a time, within a pick, and a snapshot of all would
/// load ten numbers and compute two for it.
#[derive(Debug, Default)]
#[repr(align(128))]
pub struct BackendStats {
    in_flight: AtomicU64,
    connections: AtomicU64,
    connections_wanted: AtomicU64,
    requests: AtomicU64,
    failures: AtomicU64,
    latency_ewma_us: AtomicU64,
    peak_ewma_us: AtomicU64,
    error_rate_ppm: AtomicU64,
    reported_load_ppm: AtomicU64,
    /// When the averages were last written, plus 1 µs; 0 = never.
    updated_us: AtomicU64,
    /// When a request last failed, plus 1 µs; 0 = never.
    failed_us: AtomicU64,
    /// Failures in a row.
    pub streaks: Streaks,
    /// What is counted for the operator.
    pub counts: BackendCounts,
}

/// How one request to a backend went.
#[derive(Debug, Clone, Copy)]
pub struct Completion {
    /// From the pick to the response head, or to the failure.
    pub latency: Duration,
    /// No connection, no response, a broken response, or a status of 500 and above.
    pub failed: bool,
}

impl BackendStats {
    /// Nothing has happened; times are counted into buckets with these bounds.
    #[must_use]
    pub fn with_bounds(bounds: &Bounds) -> Self {
        Self { counts: BackendCounts::new(bounds), ..Self::default() }
    }

    /// Numbers at the end of their range, to try a policy's arithmetic with.
    #[must_use]
    pub fn saturated() -> Self {
        let most = || AtomicU64::new(u64::MAX);
        Self {
            in_flight: most(),
            connections: most(),
            connections_wanted: AtomicU64::new(0),
            requests: most(),
            failures: most(),
            latency_ewma_us: most(),
            peak_ewma_us: most(),
            error_rate_ppm: AtomicU64::new(1_000_000),
            reported_load_ppm: most(),
            updated_us: AtomicU64::new(1),
            failed_us: AtomicU64::new(1),
            streaks: Streaks::default(),
            counts: BackendCounts::default(),
        }
    }

    /// A request to the backend begins. It counts as in flight until [`end`](Self::end).
    #[inline]
    pub fn begin(&self) {
        self.in_flight.fetch_add(1, Relaxed);
        self.requests.fetch_add(1, Relaxed);
    }

    /// The same, unless `limit` requests are in flight: of two that compete for the last place, one gets it.
    #[inline]
    #[must_use]
    pub fn try_begin(&self, limit: u64) -> bool {
        let begun = claim(&self.in_flight, limit);
        if begun {
            self.requests.fetch_add(1, Relaxed);
        }
        begun
    }

    /// A request to the backend has ended, whether it failed or not.
    #[inline]
    pub fn end(&self) {
        // In one order with the waiting requests: either they see the free place, or this worker sees them.
        self.in_flight.fetch_sub(1, SeqCst);
    }

    /// A connection to the backend begins, unless there are `limit` already. It counts until
    /// [`disconnect`](Self::disconnect).
    #[inline]
    #[must_use]
    pub fn try_connect(&self, limit: u64) -> bool {
        claim(&self.connections, limit)
    }

    /// A connection to the backend was closed.
    #[inline]
    pub fn disconnect(&self) {
        self.connections.fetch_sub(1, SeqCst);
    }

    /// Connections to the backend, idle ones included.
    #[inline]
    #[must_use]
    pub fn connections(&self) -> u64 {
        self.connections.load(Relaxed)
    }

    /// A request begins to wait for a connection that another worker doesn't need; until
    /// [`stop_wanting_connection`](Self::stop_wanting_connection).
    pub fn want_connection(&self) {
        self.connections_wanted.fetch_add(1, SeqCst);
    }

    /// The wait has ended.
    pub fn stop_wanting_connection(&self) {
        self.connections_wanted.fetch_sub(1, SeqCst);
    }

    /// Requests that wait for a connection that another worker doesn't need.
    #[inline]
    #[must_use]
    pub fn connections_wanted(&self) -> u64 {
        self.connections_wanted.load(SeqCst)
    }

    /// Requests in flight.
    #[inline]
    #[must_use]
    pub fn in_flight(&self) -> u64 {
        self.in_flight.load(Relaxed)
    }

    /// Requests sent since the backend was added.
    #[inline]
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.requests.load(Relaxed)
    }

    /// Requests that failed.
    #[inline]
    #[must_use]
    pub fn failures(&self) -> u64 {
        self.failures.load(Relaxed)
    }

    /// Moving average of the latency, µs.
    #[inline]
    #[must_use]
    pub fn latency_ewma_us(&self) -> u64 {
        self.latency_ewma_us.load(Relaxed)
    }

    /// Peak-sensitive moving average of the latency at `now`, µs: it jumps to each new peak and decays from there,
    /// also while the backend is idle.
    #[inline]
    #[must_use]
    pub fn peak_ewma_us(&self, now: Moment) -> u64 {
        (self.peak_ewma_us.load(Relaxed) as f64 * self.decay(now)) as u64
    }

    /// Moving share of failures, parts per million.
    #[inline]
    #[must_use]
    pub fn error_rate_ppm(&self) -> u64 {
        self.error_rate_ppm.load(Relaxed)
    }

    /// Load that the backend reports of itself, parts per million. Nothing writes it so far; the plugin contract has it, and
    /// admission shows plugins its greatest value.
    #[inline]
    #[must_use]
    pub fn reported_load_ppm(&self) -> u64 {
        self.reported_load_ppm.load(Relaxed)
    }

    /// Time since the last failure, ms; `u64::MAX` if there was none.
    #[inline]
    #[must_use]
    pub fn ms_since_failure(&self, now: Moment) -> u64 {
        match self.failed_us.load(Relaxed) {
            0 => u64::MAX,
            at => now.0.saturating_sub(at - 1) / 1000,
        }
    }

    /// Records how a request went.
    #[inline]
    pub fn complete(&self, now: Moment, completion: Completion) {
        let kept = self.decay(now);
        let sample = completion.latency.as_micros() as f64;
        let mix = |old: &AtomicU64, sample: f64| {
            let old = old.load(Relaxed) as f64;
            (old * kept + sample * (1.0 - kept) + 0.5) as u64
        };
        // An instant refusal is no sign of speed: failures don't enter the latency.
        if !completion.failed {
            self.latency_ewma_us.store(mix(&self.latency_ewma_us, sample), Relaxed);
            let peak = mix(&self.peak_ewma_us, sample).max(sample as u64);
            self.peak_ewma_us.store(peak, Relaxed);
        }
        let failed_ppm = if completion.failed { 1_000_000.0 } else { 0.0 };
        self.error_rate_ppm.store(mix(&self.error_rate_ppm, failed_ppm), Relaxed);
        if completion.failed {
            self.failures.fetch_add(1, Relaxed);
            self.failed_us.store(now.0.saturating_add(1), Relaxed);
        }
        self.updated_us.store(now.0.saturating_add(1), Relaxed);
    }

    /// Share of an average's old value that remains at `now`: `exp(-age/τ)`; 0 before the first sample, so that it
    /// counts in full.
    #[inline]
    fn decay(&self, now: Moment) -> f64 {
        match self.updated_us.load(Relaxed) {
            0 => 0.0,
            at => (-(now.0.saturating_sub(at - 1) as f64) / TAU.as_micros() as f64).exp(),
        }
    }
}

/// Takes one of `limit` places.
#[inline]
fn claim(taken: &AtomicU64, limit: u64) -> bool {
    taken.fetch_update(SeqCst, SeqCst, |taken| (taken < limit).then(|| taken + 1)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn completion(ms: u64, failed: bool) -> Completion {
        Completion { latency: Duration::from_millis(ms), failed }
    }

    fn at(seconds: u64) -> Moment {
        Moment(seconds * 1_000_000)
    }

    #[test]
    fn a_request_is_in_flight_until_it_ends() {
        let stats = BackendStats::default();
        stats.begin();
        stats.begin();
        assert_eq!(stats.in_flight(), 2);
        stats.end();
        stats.end();
        assert_eq!((stats.in_flight(), stats.requests()), (0, 2));
    }

    #[test]
    fn no_race_takes_more_places_than_there_are() {
        let stats = BackendStats::default();
        let most = AtomicU64::new(0);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..10_000 {
                        if stats.try_begin(3) {
                            most.fetch_max(stats.in_flight(), Relaxed);
                            stats.end();
                        }
                    }
                });
            }
        });
        assert!((1..=3).contains(&most.load(Relaxed)));
        assert_eq!(stats.in_flight(), 0);
        let taken: Vec<bool> = (0..5).map(|_| stats.try_begin(3)).collect();
        assert_eq!(taken, [true, true, true, false, false]);
    }

    #[test]
    fn first_sample_counts_in_full_and_the_average_follows() {
        let stats = BackendStats::default();
        stats.complete(at(1), completion(100, false));
        assert_eq!(stats.latency_ewma_us(), 100_000);
        stats.complete(at(11), completion(0, false));
        // One τ later: 1/e of the old value is left.
        assert_eq!(stats.latency_ewma_us(), 36_788);
    }

    #[test]
    fn peak_jumps_up_and_decays_while_idle() {
        let stats = BackendStats::default();
        stats.complete(at(1), completion(10, false));
        stats.complete(at(1), completion(500, false));
        assert_eq!(stats.peak_ewma_us(at(1)), 500_000);
        assert_eq!(stats.peak_ewma_us(at(11)), 183_939);
    }

    #[test]
    fn failures_raise_the_error_rate_and_leave_the_latency_alone() {
        let stats = BackendStats::default();
        assert_eq!(stats.ms_since_failure(at(5)), u64::MAX);
        stats.complete(at(1), completion(10, false));
        stats.complete(at(2), completion(0, true));
        assert_eq!(stats.latency_ewma_us(), 10_000);
        assert!(stats.error_rate_ppm() > 90_000);
        assert_eq!((stats.failures(), stats.ms_since_failure(at(5))), (1, 3000));
    }
}
