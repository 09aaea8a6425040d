//! A lock-free token bucket, shared by threads.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use crate::clock::Moment;

/// A token bucket in one atomic: it holds the moment at which the bucket will be full again.
#[derive(Debug)]
pub struct RateLimit {
    /// Time in which one token comes back, µs.
    interval_us: u64,
    /// How far into the future `full_at_us` may lie: the size of the bucket in time.
    burst_us: u64,
    full_at_us: AtomicU64,
    refused: AtomicU64,
}

impl RateLimit {
    /// A full bucket of `burst` tokens, one of which comes back every `interval`.
    #[must_use]
    pub fn new(burst: u32, interval: Duration) -> Self {
        let interval_us = u64::try_from(interval.as_micros()).unwrap_or(u64::MAX).max(1);
        Self {
            interval_us,
            burst_us: interval_us.saturating_mul(u64::from(burst)),
            full_at_us: AtomicU64::new(0),
            refused: AtomicU64::new(0),
        }
    }

    /// Takes a token: the number of refusals since the last token was given, or `None` if there is no token.
    pub fn take(&self, now: Moment) -> Option<u64> {
        let taken = self.full_at_us.fetch_update(Relaxed, Relaxed, |full_at| {
            let full_at = full_at.max(now.0).saturating_add(self.interval_us);
            (full_at - now.0 <= self.burst_us).then_some(full_at)
        });
        if taken.is_err() {
            self.refused.fetch_add(1, Relaxed);
            return None;
        }
        Some(self.refused.swap(0, Relaxed))
    }

    /// The refusals since the last token, once the bucket is full again.
    pub fn settle(&self, now: Moment) -> u64 {
        if self.full_at_us.load(Relaxed) > now.0 { 0 } else { self.refused.swap(0, Relaxed) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Moment {
        Moment(ms * 1000)
    }

    #[test]
    fn a_burst_passes_then_one_per_interval() {
        let limit = RateLimit::new(3, Duration::from_millis(100));
        let given: Vec<_> = (0..5).map(|_| limit.take(at(1000)).is_some()).collect();
        assert_eq!(given, [true, true, true, false, false]);
        assert_eq!(limit.take(at(1099)), None);
        assert_eq!(limit.take(at(1100)), Some(3), "the next one returns how many were refused");
        assert_eq!(limit.take(at(1101)), None);
        let given = (0..9).filter(|_| limit.take(at(9000)).is_some()).count();
        assert_eq!(given, 3, "a long pause fills the bucket and no more");
    }

    #[test]
    fn unreported_refusals_are_settled_once_the_bucket_is_full() {
        let limit = RateLimit::new(1, Duration::from_millis(100));
        assert_eq!(limit.settle(at(1000)), 0);
        let taken = (0..4).filter(|_| limit.take(at(1000)).is_some()).count();
        assert_eq!(taken, 1);
        assert_eq!(limit.settle(at(1099)), 0, "the next one may still report them");
        assert_eq!(limit.settle(at(1100)), 3);
        assert_eq!((limit.settle(at(1200)), limit.take(at(1200))), (0, Some(0)), "reported once");
    }

    #[test]
    fn a_clock_far_ahead_does_not_overflow() {
        let limit = RateLimit::new(1, Duration::MAX);
        assert_eq!(limit.take(Moment(u64::MAX)), Some(0));
        assert!(RateLimit::new(0, Duration::from_secs(1)).take(at(5)).is_none());
    }
}
