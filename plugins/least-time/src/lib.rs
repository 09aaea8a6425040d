//! The least time: the backend that is expected to be through first with what it has in flight and one request more.
//!
//! What counts is the average time to the response head times what is in flight and one, by weight, as in nginx (`least_time
//! header`). Times count in steps of 20 ms, so that backends that are about as fast are equals, and have turns; beyond 5 s all are just
//! slow, and what is in flight decides. One of which nothing is known counts as fast.
//!
//! Averages are of successful responses, a twentieth for each new one. Two things keep them honest: a backend that gets nothing for `idle`
//! is taken to be twice as fast as before, and so for each such period, so that one that once was slow is tried again; and failures of
//! the last 10 s count as if they were in flight, so that one that fails fast attracts nothing.
//!
//! Averages are kept in cells: all workers learn together, and what was learnt outlives a swap. A worker takes what others have learnt into
//! account within 10 ms.
//!
//! Configuration: `idle` (10 s). A pick looks at every backend; beyond some thousands of them prefer `peak-ewma`, which looks at two.

mod times;

use pointsman_sdk::prelude::*;
use policy_parts::{Least, Load, WINDOW, eligible, recent_failures};
use serde::Deserialize;
use std::time::Duration;
use times::Times;

const WINDOW_MS: u64 = WINDOW.as_millis() as u64;

/// The policy.
#[derive(Debug)]
pub struct LeastTime {
    times: Times,
    /// Index and weight of what may be picked.
    backends: Vec<(usize, u32)>,
    /// Requests in flight, and time since the last failure, ms. Kept only for their storage.
    loads: Vec<u64>,
    since_failure: Vec<u64>,
    /// Place in `backends` where the next scan starts, so that the turn goes round among equals.
    start: usize,
}

/// `policy.config`.
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    idle: Period,
}

impl Default for Config {
    fn default() -> Self {
        Self { idle: Period::new(Duration::from_secs(10)) }
    }
}

impl Policy for LeastTime {
    type Config = Config;
    const STATE: &'static str = "least-time 1";

    fn new(config: Config, backends: &Backends) -> Result<Self, Error> {
        if config.idle.get() < Duration::from_millis(100) {
            return Err("policy.config.idle: must be 100ms or more".into());
        }
        Ok(Self {
            times: Times::new(config.idle.get()),
            backends: eligible(backends),
            loads: Vec::new(),
            since_failure: Vec::new(),
            // Workers, and proxies that are restarted together, must not all begin with the first backend.
            start: random_below(backends.len()),
        })
    }

    fn topology(&mut self, backends: &Backends) {
        self.backends = eligible(backends);
        self.times.forget();
    }

    fn pick(&mut self, request: &Request, backends: &Backends) -> Verdict {
        backends.stats(Stat::InFlight, &mut self.loads);
        backends.stats(Stat::MsSinceFailure, &mut self.since_failure);
        let steps = self.times.steps(backends);
        let load = |index: usize, weight| {
            let recent = self.since_failure[index] < WINDOW_MS;
            let failed = if recent { recent_failures(backends, index) } else { 0 };
            let waiting = self.loads[index].saturating_add(failed).saturating_add(1);
            Load::new(waiting.saturating_mul(steps[index].into()), weight)
        };
        let known = self.loads.len().min(self.since_failure.len()).min(steps.len());
        let start = if self.start < self.backends.len() { self.start } else { 0 };
        let (before, after) = self.backends.split_at(start);
        let mut best = Least::default();
        for (index, weight) in after.iter().chain(before).filter(|(index, _)| *index < known) {
            let load = load(*index, *weight);
            // Asked only of what would be picked: the answer takes longer than the comparison.
            if best.is_less(load) && !request.tried(*index) {
                best.offer(*index, load);
            }
        }
        let Some(index) = best.index() else {
            // Those without a weight.
            return backends
                .indexes()
                .find(|&index| backends.eligible(index) && !request.tried(index))
                .into();
        };
        self.start = 1 + self.backends.partition_point(|(other, _)| *other < index);
        self.times.used(index);
        Verdict::Backend(index)
    }
}

impl Observe for LeastTime {
    fn observe(&mut self, response: &Response, _: &Backends) {
        let failed = response.status.is_none_or(|status| status >= 500);
        // A client that leaves, or a backend that breaks off, says nothing about the time.
        if let (false, Outcome::Complete, Some(head)) = (failed, response.outcome, response.head) {
            self.times.learn(response.backend, head);
        }
    }
}

export_policy!(LeastTime, observe);
