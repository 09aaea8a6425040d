//! What came of a run.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result};
use hdrhistogram::Histogram;
use serde::Serialize;

use crate::bench::schedule::Arrivals;

/// The longest latency that is told apart, µs.
const LONGEST_US: u64 = 120_000_000;

/// Why a request is no success.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Failure {
    /// Another status than 200.
    Status,
    /// A body of another length or content.
    Body,
    /// No trailers that say that the call has succeeded.
    Call,
    /// No HTTP/1.1 response with a length.
    Malformed,
    /// The connection was closed before the response was whole.
    Closed,
    /// The connection was refused.
    Refused,
    /// It took too long.
    TimedOut,
    /// It was due, but never sent: the contender couldn't keep up.
    Unsent,
}

/// Requests of a run, counted.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// Right responses.
    pub(crate) succeeded: u64,
    /// All else.
    pub(crate) failures: BTreeMap<Failure, u64>,
    /// Connections that the contender closed between two requests.
    pub(crate) reopened: u64,
    /// From the first request to the last response.
    pub(crate) elapsed: Duration,
    /// Latencies of the successes, µs.
    latencies: Histogram<u64>,
}

impl Outcome {
    /// Nothing yet.
    pub(crate) fn new() -> Result<Self> {
        Ok(Self {
            succeeded: 0,
            failures: BTreeMap::new(),
            reopened: 0,
            elapsed: Duration::ZERO,
            latencies: Histogram::new_with_max(LONGEST_US, 3).context("no histogram")?,
        })
    }

    /// Counts a success.
    pub(crate) fn succeed(&mut self, latency: Duration) {
        self.succeeded += 1;
        self.latencies.saturating_record(u64::try_from(latency.as_micros()).unwrap_or(u64::MAX));
    }

    /// Counts a request that is none.
    pub(crate) fn fail(&mut self, failure: Failure) {
        *self.failures.entry(failure).or_default() += 1;
    }

    pub(super) fn finish(&mut self, elapsed: Duration, arrivals: Arrivals, sent: u64) {
        self.elapsed = elapsed;
        if let Arrivals::Open(rate) = arrivals
            && rate.requests > sent
        {
            self.failures.insert(Failure::Unsent, rate.requests - sent);
        }
    }

    /// Successes a second.
    pub(crate) fn rate(&self) -> f64 {
        self.succeeded as f64 / self.elapsed.as_secs_f64().max(1e-9)
    }

    /// A percentile of the latency of successes, µs.
    pub(crate) fn latency_us(&self, percent: f64) -> f64 {
        self.latencies.value_at_quantile(percent / 100.0) as f64
    }

    /// All that failed.
    pub(crate) fn failed(&self) -> u64 {
        self.failures.values().sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::schedule::Rate;

    #[test]
    fn latencies_are_those_of_successes() {
        let mut outcome = Outcome::new().unwrap();
        for micros in 1..=100 {
            outcome.succeed(Duration::from_micros(micros));
        }
        outcome.fail(Failure::Status);
        assert_eq!((outcome.succeeded, outcome.failed()), (100, 1));
        assert_eq!((outcome.latency_us(50.0), outcome.latency_us(99.0)), (50.0, 99.0));
    }

    #[test]
    fn what_was_due_and_never_sent_is_a_failure() {
        let mut outcome = Outcome::new().unwrap();
        let rate = Rate { per_second: 10.0, requests: 10 };
        outcome.finish(Duration::from_secs(2), Arrivals::Open(rate), 7);
        assert_eq!(outcome.failures[&Failure::Unsent], 3);
    }
}
