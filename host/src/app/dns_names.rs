//! The DNS names of a configuration's backends.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use pointsman_core::clock::Clock;

use crate::config::{Config, Question};
use crate::discovery::{Discovery, DiscoveryCounts};

use super::snapshot::Snapshot;

/// How long a configuration waits for DNS to name backends before it serves without them.
const FIRST_ANSWERS: Duration = Duration::from_secs(5);

/// Keeps the discovery of backends in step with the configuration. Its thread starts with the first name.
#[derive(Debug)]
pub(super) struct DnsNames {
    clock: Clock,
    discovery: Option<Discovery>,
    counts: Arc<DiscoveryCounts>,
}

impl DnsNames {
    /// No names yet.
    pub(super) fn new(clock: Clock) -> Self {
        Self { clock, discovery: None, counts: Arc::default() }
    }

    /// What is counted of their answers; it stays the same object.
    pub(super) fn counts(&self) -> &Arc<DiscoveryCounts> {
        &self.counts
    }

    /// The process's clock.
    pub(super) fn clock(&self) -> Clock {
        self.clock
    }

    /// Resolves the names of the next configuration, and waits for a limited time for those that have no answer yet.
    /// [`follow`](Self::follow) brings the answers into its pools; until then no pool changes.
    pub(super) fn prepare(&mut self, config: &Config) {
        let names = config.pools.iter().flat_map(|pool| &pool.discovered).map(|entry| entry.question.clone());
        let names: Vec<Question> = names.collect();
        if names.is_empty() {
            return;
        }
        match self.discovery() {
            Ok(discovery) => discovery.prepare(config.dns.clone(), names).wait(FIRST_ANSWERS),
            Err(error) => {
                tracing::error!(
                    event = "dns-start-failed", %error,
                    "no thread for DNS; backends that it names get no requests"
                );
            }
        }
    }

    /// Follows the names of this configuration from now on.
    pub(super) fn follow(&self, snapshot: &Snapshot) {
        if let Some(discovery) = &self.discovery {
            let dns = snapshot.config().map(|config| config.dns.clone()).unwrap_or_default();
            discovery.update(dns, snapshot.discovered());
        }
    }

    fn discovery(&mut self) -> io::Result<&Discovery> {
        match self.discovery.take() {
            Some(discovery) => Ok(self.discovery.insert(discovery)),
            None => Ok(self.discovery.insert(Discovery::start(self.clock, Arc::clone(&self.counts))?)),
        }
    }
}
