//! The state of the proxy for those who report it: published by the composition root, read by the admin server.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use pointsman_core::backend::ConfigurationGeneration;
use pointsman_core::pool::{Pool, UpstreamLimits};
use pointsman_policy::PolicySlot;
use tokio::sync::watch;

use crate::config::ConfigErrors;
use crate::worker::Phase;

/// The configuration that serves, and the state of its file since.
#[derive(Debug, Clone, Default)]
pub struct ConfigurationStatus {
    /// The configuration.
    pub generation: ConfigurationGeneration,
    /// Its file.
    pub file: PathBuf,
    /// Whether the file can't be read again, as it isn't a regular one.
    pub read_once: bool,
    /// Why what is in the file now doesn't serve; `None` if it does.
    pub refused: Option<ConfigErrors>,
    /// How long the proxy goes on accepting when it is told to end.
    pub drain_delay: Duration,
    /// How long running requests may take to finish when the process ends.
    pub drain_timeout: Duration,
    /// Keys whose values in the file take effect at the next start.
    pub awaiting_restart: Vec<AwaitingRestart>,
    /// The number of workers.
    pub workers: usize,
    /// The pools in the order of the configuration.
    pub pools: Vec<PoolStatus>,
    /// The policies: the pools' own in the order of the configuration, then those of routes.
    pub policies: Vec<PolicyStatus>,
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
    /// Its name in the configuration, or the path of its file.
    pub name: String,
}

/// A read-only view of the running proxy. Each call answers with the state at that moment; clones see the same proxy.
#[derive(Debug, Clone)]
pub struct StatusView {
    configuration: watch::Receiver<ConfigurationStatus>,
    phase: watch::Receiver<Phase>,
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
