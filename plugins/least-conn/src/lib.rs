//! Fewest requests in flight per unit of weight, counted over all workers.
//!
//! Among backends that are equally loaded the turn goes round. If their weights differ it goes round in proportion to the
//! weights, so that an idle pool serves as weighted round robin would. The weight is the effective one: a backend
//! in slow start counts as a small one.
//!
//! Failures of the last 10 s count as if they were in flight: else a backend that fails at once would look idle and get nearly all
//! requests, until it is ejected.
//!
//! Configuration: none. A pick looks at every backend; beyond some thousands of them prefer a policy that does not.

use pointsman_sdk::prelude::*;
use policy_parts::recent_failures;

/// The policy.
#[derive(Debug)]
pub struct LeastConn {
    /// Effective weights in thousandths; 0 for what is not eligible, which never wins a comparison.
    weights: Vec<u32>,
    flags: Vec<Flags>,
    /// Requests in flight. Kept only for its storage.
    loads: Vec<u64>,
    /// Where the next scan starts, so that the turn goes round among equals.
    start: usize,
    /// What each backend has gained in turns that it lost to an equal. Empty if all weights are the same.
    credit: Vec<i64>,
}

impl Policy for LeastConn {
    type Config = ();
    const STATE: &'static str = "least-conn 1";

    fn new(_: (), backends: &Backends) -> Result<Self, Error> {
        // Workers, and proxies that are restarted together, must not all begin with the first backend.
        let start = random_below(backends.len());
        let mut policy =
            Self { weights: Vec::new(), flags: Vec::new(), loads: Vec::new(), start, credit: Vec::new() };
        policy.topology(backends);
        Ok(policy)
    }

    fn topology(&mut self, backends: &Backends) {
        backends.weights(&mut self.weights);
        backends.flags_column(&mut self.flags);
        for (weight, flags) in self.weights.iter_mut().zip(&self.flags) {
            *weight *= u32::from(flags.eligible());
        }
        let mut eligible = self.weights.iter().filter(|weight| **weight > 0);
        let first = eligible.next();
        let mixed = eligible.any(|weight| Some(weight) != first);
        self.credit.clear();
        self.credit.resize(if mixed { self.weights.len() } else { 0 }, 0);
    }

    fn pick(&mut self, request: &Request, backends: &Backends) -> Verdict {
        backends.stats(Stat::InFlight, &mut self.loads);
        let mut best = self.least_loaded();
        // What fails has nothing in flight, so it wins if it is there: mostly it is enough to look at the winner.
        if best.is_some_and(|backend| recent_failures(backends, backend) > 0) {
            for (index, load) in self.loads.iter_mut().enumerate() {
                *load = load.saturating_add(recent_failures(backends, index));
            }
            best = self.least_loaded();
        }
        if best.is_some_and(|backend| request.tried(backend)) {
            // Rare enough for a copy and a call per backend: in this scan the tried ones weigh nothing.
            let weights = self.weights.clone();
            for (index, weight) in self.weights.iter_mut().enumerate() {
                *weight *= u32::from(!request.tried(index));
            }
            best = self.least_loaded();
            self.weights = weights;
        }
        if let Some(backend) = best {
            self.start = backend + 1;
        }
        best.into()
    }
}

impl LeastConn {
    /// The least loaded backend and, among equals, the next in turn.
    fn least_loaded(&mut self) -> Option<usize> {
        let len = self.weights.len().min(self.loads.len());
        let start = if self.start < len { self.start } else { 0 };
        let mut best = Best::none();
        best.scan(&self.weights[start..len], &self.loads[start..len], start);
        best.scan(&self.weights[..start], &self.loads[..start], 0);
        let first = best.index?;
        Some(if self.credit.is_empty() { first } else { self.weighted_turn(&best).unwrap_or(first) })
    }

    /// Smooth weighted round robin among the backends that are as little loaded as the best.
    fn weighted_turn(&mut self, best: &Best) -> Option<usize> {
        let (mut turn, mut total) = (None, 0);
        let backends = self.credit.iter_mut().zip(&self.weights).zip(&self.loads);
        for (index, ((credit, &weight), &load)) in backends.enumerate() {
            if best.equals(weight, load) {
                *credit += i64::from(weight);
                total += i64::from(weight);
                if turn.is_none_or(|(_, most)| *credit > most) {
                    turn = Some((index, *credit));
                }
            }
        }
        let (index, _) = turn?;
        self.credit[index] -= total;
        Some(index)
    }
}

/// The least load per weight so far, as a fraction: compared by cross multiplication, without dividing.
struct Best {
    index: Option<usize>,
    load: u64,
    weight: u64,
}

impl Best {
    /// Infinite: anything with a weight is less, and a weight of 0 is less than nothing.
    fn none() -> Self {
        Self { index: None, load: 1, weight: 0 }
    }

    fn scan(&mut self, weights: &[u32], loads: &[u64], first: usize) {
        for (offset, (&weight, &load)) in weights.iter().zip(loads).enumerate() {
            let (weight, load) = (u64::from(weight), bounded(load));
            if load * self.weight < self.load * weight {
                *self = Self { index: Some(first + offset), load, weight };
            }
        }
    }

    fn equals(&self, weight: u32, load: u64) -> bool {
        weight > 0 && bounded(load) * self.weight == self.load * u64::from(weight)
    }
}

/// A load that can be multiplied by a weight: 32 bits, which no number of requests in flight exceeds.
fn bounded(load: u64) -> u64 {
    load.min(u64::from(u32::MAX))
}

export_policy!(LeastConn);
