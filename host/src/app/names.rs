//! The names of backends that a configuration has DNS resolve.

use std::io;
use std::time::Duration;

use crate::clock::Clock;
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

    /// Follows the names of this configuration from now on, and waits a moment for answers that aren't known yet.
    ///
    /// # Errors
    ///
    /// No thread.
    pub(super) fn follow(&mut self, snapshot: &Snapshot) -> io::Result<()> {
        let pools = snapshot.discovered();
        let discovery = match &self.discovery {
            None if pools.is_empty() => return Ok(()),
            Some(discovery) => discovery,
            None => self.discovery.insert(Discovery::start(self.clock)?),
        };
        let dns = snapshot.config().map(|config| config.dns.clone()).unwrap_or_default();
        discovery.update(dns, pools).wait(FIRST_ANSWERS);
        Ok(())
    }
}
