//! How a policy is run.

use std::time::Duration;

use crate::config::{OnFault, PolicyConfig, Probation};

/// How a pool, or a route of it, runs its policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicySettings {
    /// The route that it picks for, as the operator would name it; `None` = whatever has no policy of its own.
    pub route: Option<Box<str>>,
    /// The policy's configuration table as JSON text.
    pub config: Box<str>,
    /// CPU time of one call into the guest; `topology` gets four times as much, `init` ten times.
    pub deadline: Duration,
    /// Greatest linear memory of a guest, bytes.
    pub memory: usize,
    /// Most elements of a guest's table.
    pub table: usize,
    /// Log lines per second, over all its guests. Twice as many at once.
    pub log_lines: u32,
    /// Share of a worker's time that ticks may take, percent.
    pub tick_percent: u32,
    /// Share of a worker's time that all calls may take, percent.
    pub cpu_percent: u32,
    /// What becomes of a request whose pick failed.
    pub on_fault: OnFault,
    /// What a version has to go through after a swap.
    pub probation: Probation,
}

impl From<&PolicyConfig> for PolicySettings {
    fn from(policy: &PolicyConfig) -> Self {
        Self {
            route: None,
            config: policy.config.as_str().into(),
            deadline: policy.deadline,
            memory: policy.memory,
            table: policy.table,
            log_lines: policy.log_lines,
            tick_percent: policy.tick_percent,
            cpu_percent: policy.cpu_percent,
            on_fault: policy.on_fault,
            probation: policy.probation,
        }
    }
}

impl Default for PolicySettings {
    /// Those of a policy of which the configuration says nothing.
    fn default() -> Self {
        Self::from(&PolicyConfig::default())
    }
}
