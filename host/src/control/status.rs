//! The state of the proxy for those who report it: published by the composition root, read by the admin server.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use pointsman_core::backend::ConfigurationGeneration;
use pointsman_core::clock::Moment;
use pointsman_core::pool::{Pool, UpstreamLimits};
use pointsman_core::request_limit::RequestLimit;
use pointsman_policy::PolicySlot;
use tokio::sync::watch;

use super::change::{PolicyPlace, Reload};
use super::overrides::{BackendName, BackendOverrides};
use super::policy_overrides::PutPolicy;
use crate::access_log::LogCounts;
use crate::config::ConfigErrors;
use crate::discovery::DiscoveryCounts;
use crate::listener::Listener;
use crate::worker::Phase;

/// The configuration that serves, and the state of its file since.
#[derive(Debug, Clone, Default)]
pub struct ConfigurationStatus {
    /// The configuration.
    pub generation: ConfigurationGeneration,
    /// Its file.
    pub file: FileStatus,
    /// Why what is in the file now doesn't serve; `None` if it does.
    pub refused: Option<ConfigErrors>,
    /// How the process ends.
    pub drain: DrainTimes,
    /// What isn't as the file says.
    pub differences: FileDifferences,
    /// The listeners in the order of the configuration.
    pub listeners: Vec<Listener>,
    /// The number of workers.
    pub workers: usize,
    /// The pools in the order of the configuration.
    pub pools: Vec<PoolStatus>,
    /// The policies: the pools' own in the order of the configuration, then those of routes.
    pub policies: Vec<PolicyStatus>,
    /// What is counted beside these.
    pub counts: BesideCounts,
}

/// What is counted beside pools, policies and listeners.
#[derive(Debug, Clone, Default)]
pub struct BesideCounts {
    /// Of the access log; it stays the same object, as the next one does.
    pub access_log: Arc<LogCounts>,
    /// Of DNS's answers.
    pub discovery: Arc<DiscoveryCounts>,
    /// Of the limits, in the order of the configuration.
    pub limits: Arc<[Arc<RequestLimit>]>,
}

/// What isn't as the configuration file says.
#[derive(Debug, Clone, Default)]
pub struct FileDifferences {
    /// Keys whose values in the file take effect at the next start.
    pub awaiting_restart: Vec<AwaitingRestart>,
    /// What operators have changed of backends.
    pub overrides: Vec<(BackendName, BackendOverrides)>,
    /// Policies that operators have put, whether or not they serve.
    pub policies: Vec<PutPolicy>,
}

/// A key that can't change while the process runs, and that the file has changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AwaitingRestart {
    /// The key.
    pub key: &'static str,
    /// The value that it runs with.
    pub runs: String,
    /// The value in the file.
    pub configured: String,
}

/// The file of a configuration.
#[derive(Debug, Clone, Default)]
pub struct FileStatus {
    /// Its path.
    pub path: PathBuf,
    /// Whether it can't be read again, as it isn't a regular one.
    pub read_once: bool,
    /// What came of reading it again.
    pub reloads: ReloadCounts,
}

/// How long the end of the process may take.
#[derive(Debug, Clone, Copy, Default)]
pub struct DrainTimes {
    /// For so long the proxy goes on accepting when it is told to end.
    pub delay: Duration,
    /// For so long running requests may take to finish after that.
    pub timeout: Duration,
}

/// How often the file was read again, and what came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ReloadCounts {
    /// A new configuration serves since.
    pub done: u64,
    /// The file said what served already.
    pub unchanged: u64,
    /// It couldn't be served.
    pub refused: u64,
    /// When the file was read last.
    pub last: Moment,
}

impl ReloadCounts {
    /// The file was read.
    pub fn count(&mut self, reload: &Reload, now: Moment) {
        let count = match reload {
            Reload::Done(_) => &mut self.done,
            Reload::Unchanged => &mut self.unchanged,
            Reload::Refused(_) => &mut self.refused,
        };
        *count += 1;
        self.last = now;
    }
}

/// A pool that serves.
#[derive(Debug, Clone)]
pub struct PoolStatus {
    /// The pool.
    pub pool: Arc<Pool>,
    /// Its limits.
    pub limits: Arc<UpstreamLimits>,
}

/// A policy that serves.
#[derive(Debug, Clone)]
pub struct PolicyStatus {
    /// Its slot.
    pub slot: Arc<PolicySlot>,
}

/// A read-only view of the running proxy. Each call answers with the state at that moment; clones see the same proxy.
#[derive(Debug, Clone)]
pub struct StatusView {
    configuration: watch::Receiver<ConfigurationStatus>,
    phase: watch::Receiver<Phase>,
}

impl ConfigurationStatus {
    /// The policy that an operator has put in the place of a slot, if another version than the file's serves there.
    #[must_use]
    pub fn put_policy(&self, slot: &PolicySlot) -> Option<&PutPolicy> {
        let place = PolicyPlace::of(slot);
        let put = self.differences.policies.iter().find(|put| put.place == place)?;
        (put.file_version != Some(slot.active().version.id)).then_some(put)
    }
}

impl StatusView {
    /// A view of what is published through the other ends of these channels. If they are closed, the last state stays.
    #[must_use]
    pub fn new(configuration: watch::Receiver<ConfigurationStatus>, phase: watch::Receiver<Phase>) -> Self {
        Self { configuration, phase }
    }

    /// Whether the proxy serves or drains.
    #[must_use]
    pub fn phase(&self) -> Phase {
        *self.phase.borrow()
    }

    /// The configuration that serves.
    #[must_use]
    pub fn configuration(&self) -> ConfigurationStatus {
        self.configuration.borrow().clone()
    }
}
