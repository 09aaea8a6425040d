//! What all experiments have: the policies, a testbed, and how much time they may take.

use std::io;
use std::path::Path;

use pointsman_core::backend::Backend;
use pointsman_policy::{Plugin, PolicySettings, Simulation, SimulationError, Testbed};

use super::model::{ReportError, ReportOptions};
use crate::simulate::{self, Counts, PolicyResult, SimulateError};
use crate::spec::{self, Loaded};

/// Simulations that a report consists of.
const SIMULATIONS: f64 = 16.0;

/// Where a report is.
#[derive(Debug, Clone, Copy)]
pub struct Step {
    /// What is being tried.
    pub what: &'static str,
    /// How much is done, 0 to 1.
    pub share: f64,
}

/// What is compared with: name, bundled policy, configuration.
const COMPARED: [(&str, &str, &str); 3] = [
    ("chance", "random", r#"{"choices":1}"#),
    ("turns", "round-robin", "{}"),
    ("two choices", "random", r#"{"choices":2}"#),
];

pub(super) struct Lab<'a> {
    /// The subject first.
    policies: Vec<Loaded>,
    testbed: Testbed,
    options: &'a ReportOptions,
    progress: &'a mut dyn FnMut(Step) -> bool,
    done: f64,
    /// What the subject did in simulations.
    counts: Counts,
}

impl<'a> Lab<'a> {
    pub(super) fn open(
        subject: &Loaded,
        options: &'a ReportOptions,
        progress: &'a mut dyn FnMut(Step) -> bool,
    ) -> Result<Self, ReportError> {
        let compared = COMPARED.into_iter().filter_map(|(name, bundled, config)| {
            let plugin = Plugin::bundled(bundled)?;
            Some(Loaded::new(name, plugin, config))
        });
        let policies = std::iter::once(subject.clone()).chain(compared).collect();
        Ok(Self {
            policies,
            testbed: Testbed::new()?,
            options,
            progress,
            done: 0.0,
            counts: Counts::default(),
        })
    }

    /// The policy that the report is about.
    pub(super) fn subject(&self) -> &Loaded {
        &self.policies[0]
    }

    /// The names of all policies, the subject's first.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.policies.iter().map(|policy| policy.name.as_str())
    }

    /// Runs of each simulation.
    pub(super) fn seeds(&self) -> u32 {
        if self.options.quick { 2 } else { 5 }
    }

    /// How long something takes, where a whole report takes so many seconds: as a time in a spec.
    pub(super) fn span(&self, seconds: f64) -> String {
        format!("{}us", self.micros(seconds))
    }

    /// The same as a number of µs.
    pub(super) fn micros(&self, seconds: f64) -> u64 {
        (seconds * if self.options.quick { 2e5 } else { 1e6 }) as u64
    }

    /// How many times something is done, where a whole report does it so often.
    pub(super) fn times(&self, whole: u32) -> u32 {
        if self.options.quick { whole / 10 } else { whole }
    }

    /// The header field that has the key.
    pub(super) fn header(&self) -> Option<&str> {
        self.options.header.as_deref()
    }

    /// Calls of the subject that failed.
    pub(super) fn faults(&self) -> u64 {
        self.counts.faults
    }

    /// Share of the requests that the subject has rejected.
    pub(super) fn rejected(&self) -> f64 {
        self.counts.rejected as f64 / self.counts.requests.max(1) as f64
    }

    /// Share of the picks that the subject has left to the fallback.
    pub(super) fn abstained(&self) -> f64 {
        self.counts.abstentions as f64 / self.counts.picks.max(1) as f64
    }

    /// Counts calls of the subject that failed in a simulation of its own.
    pub(super) fn count_faults(&mut self, simulation: &Simulation) {
        self.counts.faults += simulation.slot().stats().all_faults();
    }

    /// Simulates all policies. The spec has neither policies nor seeds.
    pub(super) fn simulate(
        &mut self,
        what: &'static str,
        text: &str,
    ) -> Result<Vec<PolicyResult>, SimulateError> {
        self.run(what, text, self.policies.len(), false)
    }

    /// The same, and the results have the sequence in which requests were sent.
    pub(super) fn simulate_with_sequence(
        &mut self,
        what: &'static str,
        text: &str,
    ) -> Result<Vec<PolicyResult>, SimulateError> {
        self.run(what, text, self.policies.len(), true)
    }

    /// Simulates the subject alone.
    pub(super) fn simulate_subject(
        &mut self,
        what: &'static str,
        text: &str,
    ) -> Result<Vec<PolicyResult>, SimulateError> {
        self.run(what, text, 1, false)
    }

    fn run(
        &mut self,
        what: &'static str,
        text: &str,
        policies: usize,
        keeps_sent: bool,
    ) -> Result<Vec<PolicyResult>, SimulateError> {
        let wrong = |reason| SimulateError::Policy { policy: what.to_owned(), reason };
        let (mut spec, policies) =
            spec::parse(text, Path::new(what), self.policies[..policies].to_vec(), &|_, _| {
                Err(io::ErrorKind::NotFound.into())
            })
            .map_err(|error| wrong(error.to_string()))?;
        spec.run.get_mut().seeds = self.seeds();
        spec.keeps_sent = keeps_sent;
        if let Some(header) = self.header() {
            spec.load.get_mut().keys =
                Some(spec::Keys { count: 100_000_000, zipf: 0.0, header: Some(header.to_owned()) });
        }
        let done = self.done;
        let progress = &mut self.progress;
        let mut shown = |at: simulate::Progress<'_>| {
            progress(Step { what, share: ((done + at.share) / SIMULATIONS).min(1.0) })
        };
        let results = simulate::simulate_in(&self.testbed, &spec, &policies, &mut shown)?;
        self.done += 1.0;
        for run in &results[0].runs {
            self.counts = self.counts.plus(&run.counts);
        }
        Ok(results)
    }

    /// A proxy with the subject in front of these backends, for picks without simulated time.
    pub(super) fn proxy(&self, backends: Vec<Backend>, seed: u64) -> Result<Simulation, SimulationError> {
        let Loaded { plugin, config, .. } = self.subject();
        let settings = PolicySettings { config: config.as_str().into(), ..PolicySettings::default() };
        self.testbed.another().proxy(plugin.clone(), backends, settings, seed)
    }
}
