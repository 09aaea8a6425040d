//! What a policy is run with.

use std::sync::Arc;
use std::time::Duration;

use pointsman_core::clock::Clock;
use pointsman_core::pool::Pool;
use pointsman_core::rate_limit::RateLimit;

use crate::cells::Cells;
use crate::settings::PolicySettings;

/// Identifies the context of one slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ContextId(pub(crate) u64);

/// What all guests of one slot have in common: their pool, settings, cells, clock and log.
#[derive(Debug)]
pub(crate) struct PolicyContext {
    pub(crate) id: ContextId,
    pub(crate) pool: Arc<Pool>,
    pub(crate) settings: PolicySettings,
    pub(crate) cells: Arc<Cells>,
    pub(crate) clock: Clock,
    pub(crate) log: RateLimit,
}

impl PolicyContext {
    pub(crate) fn new(
        id: ContextId,
        pool: Arc<Pool>,
        settings: PolicySettings,
        cells: Arc<Cells>,
        clock: Clock,
    ) -> Self {
        let lines = settings.log_lines;
        let log = RateLimit::new(lines.saturating_mul(2), Duration::from_secs(1) / lines.max(1));
        Self { id, pool, settings, cells, clock, log }
    }

    /// The same context with cells of its own, which no other guest sees, and `slack` times the CPU time.
    pub(crate) fn rehearsal(&self, slack: u32) -> Self {
        let deadline = self.settings.deadline.saturating_mul(slack);
        let settings = PolicySettings { deadline, ..self.settings.clone() };
        Self::new(self.id, Arc::clone(&self.pool), settings, Arc::default(), self.clock)
    }
}
