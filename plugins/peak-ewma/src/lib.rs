//! Peak EWMA: of two random backends, the one where a request is expected to take less time.
//!
//! Each backend has a cost, a moving average of its time to the response head that jumps to every new peak and decays
//! from there; what is in flight multiplies it. A failure counts as a very slow response, so that a backend which fails
//! fast attracts nothing. A backend that gets nothing is forgiven with time, and tried again; one of which nothing is known
//! gets a request at once. The form is Finagle's (`PeakEwma.scala`), with the default round trip of Linkerd.
//!
//! Costs are kept in cells: all workers learn together, and what was learnt outlives a swap.
//!
//! Configuration: `tau` (time constant, 10 s), `default_latency` (of a backend not yet known, 30 ms), `penalty` (what a
//! failure counts as, 5 s).

use std::time::Duration;

use pointsman_sdk::cells;
use pointsman_sdk::prelude::*;
use policy_parts as _;
use serde::Deserialize;

/// Cell of a backend: its cost, µs.
const COST: usize = 0;
/// Cell of a backend: when the cost was last changed, µs; 0 = never.
const CHANGED: usize = 1;

/// Draws before the choice is left to a scan.
const DRAWS: usize = 8;

/// The policy.
#[derive(Debug)]
pub struct PeakEwma {
    tau_us: f64,
    default_us: f64,
    penalty: Duration,
}

/// `policy.config`.
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    tau: Period,
    default_latency: Period,
    penalty: Period,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            tau: Period::new(Duration::from_secs(10)),
            default_latency: Period::new(Duration::from_millis(30)),
            penalty: Period::new(Duration::from_secs(5)),
        }
    }
}

impl Policy for PeakEwma {
    type Config = Config;
    const STATE: &'static str = "peak-ewma 1";

    fn new(config: Config, _: &Backends) -> Result<Self, Error> {
        let tau_us = micros(config.tau.get());
        if tau_us == 0.0 {
            return Err(Error::new("tau must be more than 0"));
        }
        Ok(Self { tau_us, default_us: micros(config.default_latency.get()), penalty: config.penalty.get() })
    }

    fn pick(&mut self, request: &Request, backends: &Backends) -> Verdict {
        let (count, usable) =
            (backends.len(), |index: &usize| backends.eligible(*index) && !request.tried(*index));
        let draw = || (0..DRAWS).map(|_| random_below(count)).find(usable);
        let Some(one) = draw() else { return (0..count).find(usable).into() };
        // Another one: with twice the same there is no choice, and a slow backend keeps 1/n² of the requests.
        let another = |number: usize| if number < one { number } else { number + 1 };
        let mut others = (0..DRAWS).map(|_| another(random_below(count - 1)));
        let Some(other) = others.find(|index| *index < count && usable(index)) else {
            return Verdict::Backend(one);
        };
        let now = now_us();
        let cheaper = self.load(other, now, backends) < self.load(one, now, backends);
        Verdict::Backend(if cheaper { other } else { one })
    }
}

impl Observe for PeakEwma {
    fn observe(&mut self, response: &Response, _: &Backends) {
        let failed = response.outcome.is_failure() || response.status.is_some_and(|status| status >= 500);
        let sample = match (failed, response.head) {
            (true, head) => self.penalty.max(head.unwrap_or_default()),
            (false, Some(head)) if response.outcome == Outcome::Complete => head,
            // A client that leaves says nothing about the backend.
            (false, _) => return,
        };
        self.learn(response.backend, micros(sample), now_us());
    }
}

impl PeakEwma {
    /// What one request more would take: the cost for each request in flight and this one.
    fn load(&self, index: usize, now: u64, backends: &Backends) -> f64 {
        let in_flight = backends.stat(Stat::InFlight, index) as f64;
        let weight = f64::from(backends.weight(index).max(1));
        if cells::backend(index, CHANGED).get() == 0 {
            // One that isn't known gets the next request, as it would never be asked beside fast ones; more only if they are slow.
            return self.default_us * in_flight / weight;
        }
        // Time that passes without a response is a sample, too: an idle backend is forgiven.
        self.learn(index, 0.0, now) * (in_flight + 1.0) / weight
    }

    /// Takes a sample in, a peak at once and anything less gradually; returns the cost.
    fn learn(&self, index: usize, sample_us: f64, now: u64) -> f64 {
        let (cost_cell, changed_cell) = (cells::backend(index, COST), cells::backend(index, CHANGED));
        let cost = match changed_cell.get() {
            // The first sample counts in full.
            0 => sample_us,
            changed => {
                let (cost, age_us) = (cost_cell.get_f64(), now.saturating_sub(changed.cast_unsigned()));
                let kept = (-(age_us as f64) / self.tau_us).exp();
                if sample_us > cost { sample_us } else { cost * kept + sample_us * (1.0 - kept) }
            }
        };
        // Of two workers that learn at the same instant one may win; the next sample comes soon.
        cost_cell.set_f64(cost);
        changed_cell.set(now.max(1).cast_signed());
        cost
    }
}

fn micros(span: Duration) -> f64 {
    span.as_secs_f64() * 1e6
}

export_policy!(PeakEwma, observe);
