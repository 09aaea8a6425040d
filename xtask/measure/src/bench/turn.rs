//! One contender's turn: some requests, and what they cost it.

use std::collections::BTreeMap;
use std::time::Instant;

use anyhow::Result;
use serde::Serialize;

use super::backend::{Backends, Counts};
use super::generator::{Outcome, Request};
use super::participant::Participant;
use super::schedule::Arrivals;
use super::usage::Usage;

/// What a turn has shown, per successful request where it says so.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Turn {
    /// Successes a second.
    pub(crate) per_second: f64,
    /// CPU time of a request, µs.
    pub(crate) cpu_us: f64,
    /// Of it in user mode.
    pub(crate) user_us: f64,
    /// Of it in the kernel.
    pub(crate) kernel_us: f64,
    /// Context switches of a request.
    pub(crate) switches: f64,
    /// Page faults of a request.
    pub(crate) faults: f64,
    /// Connections to backends that a request opened.
    pub(crate) backend_connections: f64,
    /// Latency that half of the requests stay within, µs.
    pub(crate) p50_us: f64,
    /// Latency that 99 of 100 stay within, µs.
    pub(crate) p99_us: f64,
    /// CPUs that the contender kept busy.
    pub(crate) cpu_share: f64,
    /// CPUs that load generator and backends kept busy.
    pub(crate) load_cpu_share: f64,
    /// Nothing failed, and the backends have counted the same requests.
    #[serde(skip)]
    pub(crate) is_right: bool,
}

/// What all turns of a scenario have in common.
#[derive(Debug)]
pub(crate) struct Turns<'a> {
    pub(crate) backends: &'a Backends,
    pub(crate) request: &'a Request,
    /// What went wrong so far, by contender, each thing once.
    pub(crate) faults: BTreeMap<&'static str, Vec<String>>,
}

impl Turns<'_> {
    /// Gives a contender its turn. No request is under way before or after, so what it used is the requests' cost.
    pub(crate) fn take(&mut self, participant: &mut Participant<'_>, arrivals: Arrivals) -> Result<Turn> {
        let processes = participant.running.processes();
        let served = self.backends.counts();
        let load = self.cpu_of_load();
        let before = Usage::of(processes)?;
        let start = Instant::now();
        let outcome = participant.generator.run(self.request, arrivals)?;
        let elapsed_us = start.elapsed().as_secs_f64() * 1e6;
        let used = Usage::of(processes)? - before;
        let load = self.cpu_of_load() - load;
        let served = self.backends.counts().since(&served);

        let is_even = participant.running.contender.is_round_robin();
        let faults = faults(&outcome, &served, is_even);
        let is_right = faults.is_empty();
        let kept = self.faults.entry(participant.running.contender.name).or_default();
        for fault in faults {
            if kept.len() < 20 && !kept.contains(&fault) {
                kept.push(fault);
            }
        }
        let requests = outcome.succeeded.max(1) as f64;
        Ok(Turn {
            per_second: outcome.rate(),
            cpu_us: used.cpu_us / requests,
            user_us: used.user_us / requests,
            kernel_us: used.kernel_us / requests,
            switches: used.switches / requests,
            faults: used.faults / requests,
            backend_connections: served.connections as f64 / requests,
            p50_us: outcome.latency_us(50.0),
            p99_us: outcome.latency_us(99.0),
            cpu_share: used.cpu_us / elapsed_us,
            load_cpu_share: load / elapsed_us,
            is_right,
        })
    }

    fn cpu_of_load(&self) -> f64 {
        let own = rustix::thread::gettid().as_raw_nonzero().get().unsigned_abs();
        Usage::cpu_of_threads(&[own, self.backends.thread_id()])
    }
}

/// What keeps a turn from counting.
fn faults(outcome: &Outcome, served: &Counts, is_even: bool) -> Vec<String> {
    let mut faults: Vec<String> = outcome
        .failures
        .iter()
        .map(|(failure, count)| format!("{count} requests failed: {failure:?}"))
        .collect();
    if outcome.failed() == 0 && served.total() != outcome.succeeded {
        faults.push(format!("{} successes, but the backends served {}", outcome.succeeded, served.total()));
    }
    if served.faults > 0 && outcome.failed() == 0 {
        faults.push(format!("{} requests broke off at the backends", served.faults));
    }
    // Several processes each go round by themselves; a handful of requests is no proof.
    let share = outcome.succeeded as f64 / served.requests.len() as f64;
    if is_even && served.unevenness() > 4.0 + share * 0.1 {
        faults.push(format!("no round robin: backends differ by {:.0} of {share:.0}", served.unevenness()));
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::generator::Failure;
    use std::time::Duration;

    fn outcome(succeeded: u64) -> Outcome {
        let mut outcome = Outcome::new().unwrap();
        (0..succeeded).for_each(|_| outcome.succeed(Duration::from_micros(50)));
        outcome
    }

    fn served(requests: &[u64]) -> Counts {
        Counts { requests: requests.to_vec(), connections: 0, faults: 0 }
    }

    #[test]
    fn a_turn_is_right_when_both_sides_counted_the_same() {
        assert!(faults(&outcome(300), &served(&[100, 101, 99]), true).is_empty());
        assert_eq!(faults(&outcome(300), &served(&[100, 100, 99]), true).len(), 1);
    }

    #[test]
    fn a_failed_request_is_named() {
        let mut outcome = outcome(3);
        outcome.fail(Failure::TimedOut);
        let faults = faults(&outcome, &served(&[1, 1, 2]), true);
        assert_eq!(faults, ["1 requests failed: TimedOut"]);
    }

    #[test]
    fn round_robin_has_to_be_one() {
        assert_eq!(faults(&outcome(300), &served(&[130, 100, 70]), true).len(), 1);
        assert!(faults(&outcome(300), &served(&[300, 0, 0]), false).is_empty());
    }
}
