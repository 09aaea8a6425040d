//! How many requests may be sent once more: retries must not become the load that keeps backends down.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use crate::clock::Moment;

use super::limits::RetryLimits;

/// Unused budget fades with this time constant.
const MEMORY: Duration = Duration::from_secs(10);

/// One retry, in the unit that the budget counts in.
const RETRY: f64 = 1_000_000.0;

/// What all workers together may spend on retries of a pool.
///
/// Each request adds `budget_percent` of a retry and each second adds `budget_per_second` of them; each retry takes one;
/// what is left fades with a time constant of 10 s. So the pool saves up for ten seconds at most, and over any longer
/// time it repeats no more than that share of its requests. A pool begins with ten seconds of `budget_per_second`.
///
/// Requests cost nothing here: their number is read when a retry is wanted. Of two workers that want one at the same instant, one
/// settles the balance, and the other may see the result a moment later.
#[derive(Debug)]
pub struct RetryBudget {
    /// What is left, in millionths of a retry.
    balance: AtomicU64,
    /// When it was last settled, µs, and how many requests there had been by then.
    settled_us: AtomicU64,
    settled_requests: AtomicU64,
    retries: AtomicU64,
    /// Retries whose request has been sent by now.
    sent_again: AtomicU64,
    denied: AtomicU64,
}

/// What a retry may cost the backends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetryCost {
    /// Nothing more: none of them has had the request yet.
    Free,
    /// The work of a request once more.
    Request,
}

impl RetryBudget {
    pub(super) fn new(limits: &RetryLimits) -> Self {
        let savings = f64::from(limits.budget_per_second) * MEMORY.as_secs_f64() * RETRY;
        Self {
            balance: AtomicU64::new(savings as u64),
            settled_us: AtomicU64::new(0),
            settled_requests: AtomicU64::new(0),
            retries: AtomicU64::new(0),
            sent_again: AtomicU64::new(0),
            denied: AtomicU64::new(0),
        }
    }

    /// Whether a retry is allowed at `now`; counts it. `sent` = requests to the pool's backends so far, with retries.
    #[must_use]
    pub fn take(&self, now: Moment, cost: RetryCost, sent: u64, limits: &RetryLimits) -> bool {
        let allowed = cost == RetryCost::Free || {
            // Not those that are still waiting for their turn: a number that falls and rises again would be counted twice.
            self.settle(now, sent.saturating_sub(self.sent_again.load(Relaxed)), limits);
            let take = |balance: u64| balance.checked_sub(RETRY as u64);
            self.balance.fetch_update(Relaxed, Relaxed, take).is_ok()
        };
        let counter = if allowed { &self.retries } else { &self.denied };
        counter.fetch_add(1, Relaxed);
        allowed
    }

    /// A retry that was allowed is in flight now.
    pub fn sent_again(&self) {
        self.sent_again.fetch_add(1, Relaxed);
    }

    /// Retries so far.
    #[must_use]
    pub fn retries(&self) -> u64 {
        self.retries.load(Relaxed)
    }

    /// Retries so far that were refused.
    #[must_use]
    pub fn denied(&self) -> u64 {
        self.denied.load(Relaxed)
    }

    /// Adds what has come in since the last time.
    fn settle(&self, now: Moment, requests: u64, limits: &RetryLimits) {
        let before = self.settled_us.load(Relaxed);
        let age = now.since(Moment(before)).as_secs_f64();
        if age == 0.0 || self.settled_us.compare_exchange(before, now.0, Relaxed, Relaxed).is_err() {
            return;
        }
        // Fewer than before if a backend has gone and its requests with it.
        let new = requests.saturating_sub(self.settled_requests.swap(requests, Relaxed));
        let memory = MEMORY.as_secs_f64();
        let kept = (-age / memory).exp();
        // What came in evenly over `age`, and has faded since, each part for its own time.
        let share = new as f64 / age * f64::from(limits.budget_percent) / 100.0;
        let added = (share + f64::from(limits.budget_per_second)) * memory * (1.0 - kept) * RETRY;
        let settled = |balance: u64| Some((balance as f64 * kept + added) as u64);
        let _ = self.balance.fetch_update(Relaxed, Relaxed, settled);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(budget_percent: u32, budget_per_second: u32) -> RetryLimits {
        RetryLimits { budget_percent, budget_per_second, ..RetryLimits::default() }
    }

    fn at(seconds: f64) -> Moment {
        Moment((seconds * 1_000_000.0) as u64)
    }

    /// Takes until nothing is left.
    fn drain(budget: &RetryBudget, now: Moment, requests: u64, limits: &RetryLimits) -> u64 {
        let before = budget.retries();
        while budget.take(now, RetryCost::Request, requests, limits) {}
        budget.retries() - before
    }

    #[test]
    fn begins_with_ten_seconds_of_the_allowance() {
        let limits = limits(20, 10);
        let budget = RetryBudget::new(&limits);
        assert_eq!(drain(&budget, at(0.0), 0, &limits), 100);
        assert_eq!((budget.retries(), budget.denied()), (100, 1));
        // Ten more come in within a second, of which a twentieth has faded.
        assert_eq!(drain(&budget, at(1.0), 0, &limits), 9);
    }

    #[test]
    fn a_share_of_the_requests_may_be_repeated() {
        let limits = limits(20, 0);
        let budget = RetryBudget::new(&limits);
        assert_eq!(drain(&budget, at(1.0), 0, &limits), 0);
        let mut total = 0;
        for tenth in 1..=1_000_u32 {
            total += drain(&budget, at(1.0 + f64::from(tenth) / 10.0), u64::from(tenth) * 100, &limits);
        }
        // 100,000 requests.
        assert!((19_000..=20_000).contains(&total), "{total}");
    }

    #[test]
    fn a_retry_does_not_count_as_a_request() {
        let limits = limits(20, 0);
        let budget = RetryBudget::new(&limits);
        let mut sent = 0;
        for tenth in 1..=1_000_u32 {
            sent += 100;
            let allowed = drain(&budget, at(f64::from(tenth) / 10.0), sent, &limits);
            // They wait for a while, and meanwhile another request asks for a retry.
            let _ = budget.take(at(f64::from(tenth) / 10.0 + 0.05), RetryCost::Request, sent, &limits);
            (0..allowed).for_each(|_| budget.sent_again());
            sent += allowed;
        }
        assert!((19_000..=20_000).contains(&budget.retries()), "{}", budget.retries());
    }

    #[test]
    fn savings_fade() {
        let limits = limits(20, 0);
        let budget = RetryBudget::new(&limits);
        // 1000 requests a second for an hour, without a retry: ten seconds of it are left.
        let left = drain(&budget, at(3_600.0), 3_600_000, &limits);
        assert!((1_990..=2_000).contains(&left), "{left}");
        let budget = RetryBudget::new(&limits);
        assert!(budget.take(at(10.0), RetryCost::Request, 1_000, &limits));
        assert_eq!(drain(&budget, at(110.0), 1_000, &limits), 0, "everything is older than the memory");
    }

    #[test]
    fn what_costs_nothing_is_counted_and_free() {
        let limits = limits(0, 0);
        let budget = RetryBudget::new(&limits);
        assert!(!budget.take(at(1.0), RetryCost::Request, 1_000, &limits));
        for _ in 0..3 {
            assert!(budget.take(at(1.0), RetryCost::Free, 1_000, &limits));
        }
        assert_eq!((budget.retries(), budget.denied()), (3, 1));
    }

    #[test]
    fn a_removed_backend_with_its_requests_adds_nothing() {
        let limits = limits(100, 0);
        let budget = RetryBudget::new(&limits);
        drain(&budget, at(1.0), 100, &limits);
        assert_eq!(drain(&budget, at(2.0), 10, &limits), 0);
        assert_eq!(drain(&budget, at(3.0), 20, &limits), 9);
    }

    #[test]
    fn many_workers_take_no_more_than_there_is() {
        let limits = limits(0, 100);
        let budget = RetryBudget::new(&limits);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| drain(&budget, at(0.0), 0, &limits));
            }
        });
        assert_eq!(budget.retries(), 1_000);
    }
}
