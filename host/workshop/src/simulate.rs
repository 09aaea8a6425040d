//! Simulations: policies in front of made-up backends, in virtual time.
//!
//! One thread, one clock that is a number, and one seed for all that is random: the same spec with the same plugin always has the same result.
//! A proxy in it is the real one from the pick to the policy's `observe`; around that, backends are queues and requests are numbers.

mod affinity;
mod charts;
mod job;
mod prompt;
mod proxy;
mod queue;
mod random;
mod request;
mod run;
mod server;
mod summary;
mod table;
mod tally;
mod timeline;

use pointsman_policy::{SimulationError, Testbed};

use crate::spec::{Loaded, Spec};

pub use summary::{BackendsSummary, Cost, Estimate, LlmSummary, PolicySummary, Summary, SwapSummary, Times};
pub use tally::{BackendsResult, Counts, LlmResult, RunResult, SwapResult};

/// What the runs of one policy have shown.
#[derive(Debug)]
pub struct PolicyResult {
    /// What the policy is called.
    pub name: String,
    /// The SHA-256 of its plugin, as hex digits.
    pub version: String,
    /// A run for each seed, in their order.
    pub runs: Vec<RunResult>,
}

/// A simulation can't be run.
#[derive(Debug, thiserror::Error)]
pub enum SimulateError {
    /// There is no engine for plugins.
    #[error(transparent)]
    Engine(#[from] SimulationError),
    /// A policy can't serve.
    #[error("policy {policy}: {reason}")]
    Policy {
        /// What it is called.
        policy: String,
        /// Why.
        reason: String,
    },
    /// It was ended before its end.
    #[error("ended before its end")]
    Ended,
}

/// Where a simulation is, for those who wait for it.
#[derive(Debug, Clone, Copy)]
pub struct Progress<'a> {
    /// The policy that runs.
    pub policy: &'a str,
    /// The seed of the run.
    pub seed: u64,
    /// How much of all runs is done, 0 to 1.
    pub share: f64,
}

/// Runs a simulation. `progress` is called now and then, and ends it if it answers false.
///
/// # Errors
///
/// If there is no engine, a policy can't serve, or `progress` has ended it.
pub fn simulate(
    spec: &Spec,
    policies: &[Loaded],
    progress: &mut dyn FnMut(Progress<'_>) -> bool,
) -> Result<Vec<PolicyResult>, SimulateError> {
    simulate_in(&Testbed::new()?, spec, policies, progress)
}

/// The same in a testbed that may know the plugins already.
pub(crate) fn simulate_in(
    testbed: &Testbed,
    spec: &Spec,
    policies: &[Loaded],
    progress: &mut dyn FnMut(Progress<'_>) -> bool,
) -> Result<Vec<PolicyResult>, SimulateError> {
    let runs = spec.run.get_ref();
    let all = (policies.len() as u64 * u64::from(runs.seeds) * runs.duration.0) as f64;
    let mut results = Vec::new();
    let mut done = 0;
    for policy in policies {
        let version = pointsman_policy::VersionId::of(&policy.plugin.content).to_hex();
        let mut result = PolicyResult { name: policy.name.clone(), version, runs: Vec::new() };
        for seed in (0..u64::from(runs.seeds)).map(|number| runs.seed.wrapping_add(number)) {
            let mut at = |now: u64| {
                let share = (done + now) as f64 / all;
                progress(Progress { policy: &policy.name, seed, share })
            };
            let run = run::run(spec, policy, (testbed, seed), &mut at);
            let refused = |reason| SimulateError::Policy { policy: policy.name.clone(), reason };
            result.runs.push(run.map_err(refused)?.ok_or(SimulateError::Ended)?);
            done += runs.duration.0;
        }
        results.push(result);
    }
    Ok(results)
}

#[cfg(test)]
mod tests;
