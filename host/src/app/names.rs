//! The names of backends that a configuration has DNS resolve.

use std::io;
use std::time::Duration;

use crate::clock::Clock;
use crate::config::{Config, Question};
use crate::discovery::Discovery;

use super::snapshot::Snapshot;

/// How long a configuration waits for DNS to name backends before it serves without them.
const FIRST_ANSWERS: Duration = Duration::from_secs(5);

/// Follows the names of one configuration after the other. Without any there is no thread for it.
#[derive(Debug)]
pub(super) struct Names {
    clock: Clock,
    discovery: Option<Discovery>,
}

impl Names {
    /// No names yet.
    pub(super) fn new(clock: Clock) -> Self {
        Self { clock, discovery: None }
    }

    /// Asks for the names of the configuration that comes next, and waits a moment for answers that aren't known yet. Its
    /// pools have them when [`follow`](Self::follow) brings them in; until then all is as it was.
    pub(super) fn prepare(&mut self, config: &Config) {
        let names = config.pools.iter().flat_map(|pool| &pool.discovered).map(|entry| entry.question.clone());
        let names: Vec<Question> = names.collect();
        if names.is_empty() {
            return;
        }
        match self.discovery() {
            Ok(discovery) => discovery.prepare(config.dns.clone(), names).wait(FIRST_ANSWERS),
            Err(error) => {
                tracing::error!(%error, "no thread for DNS; backends that it names get no requests");
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
            None => Ok(self.discovery.insert(Discovery::start(self.clock)?)),
        }
    }
}
