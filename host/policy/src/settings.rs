//! How a policy is run.

use std::time::Duration;

use pointsman_sdk::abi::limit;

use crate::probation::ProbationSettings;

/// How a pool, or a route of it, runs its policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicySettings {
    /// The route that it picks for, as the operator would name it; `None` = all routes without their own policy.
    pub route: Option<Box<str>>,
    /// The `config` table as JSON text; `{}` if there is none. The guest alone knows what is right in it.
    pub config: Box<str>,
    /// CPU time of one call into the guest; `topology` gets four times as much, `init` ten times. `deadline`, 5 ms.
    pub deadline: Duration,
    /// Greatest linear memory of a guest, bytes. `memory`, 16 MiB.
    pub memory: usize,
    /// Most elements of a guest's table. `table`, 10,000.
    pub table: usize,
    /// Log lines per second, over all its guests; 0 = none. Twice as many at once. `log_lines`, 10.
    pub log_lines: u32,
    /// Share of a worker's time that ticks may take before they come less often, percent. `tick_percent`, 5.
    pub tick_percent: u32,
    /// Share of a worker's time that all calls but `init` may take before it is a fault, percent. `cpu_percent`, 50.
    pub cpu_percent: u32,
    /// How a request is served whose pick failed. `on_fault`, `"fallback"`.
    pub on_fault: OnFault,
    /// What a version has to go through after a swap. `probation`.
    pub probation: ProbationSettings,
}

impl Default for PolicySettings {
    /// Those of a policy of which the configuration says nothing.
    fn default() -> Self {
        Self {
            route: None,
            config: "{}".into(),
            deadline: Duration::from_millis(limit::CALL_MS),
            memory: limit::MEMORY_BYTES,
            table: limit::TABLE_ELEMENTS,
            log_lines: 10,
            tick_percent: 5,
            cpu_percent: 50,
            on_fault: OnFault::default(),
            probation: ProbationSettings::default(),
        }
    }
}

/// How a request is served whose policy couldn't be asked or failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnFault {
    /// The fallback picks: `"fallback"`.
    #[default]
    Fallback,
    /// It is answered with 503: `"reject"`. For policies that keep requests apart, where any other backend would be
    /// worse than none.
    Reject,
}
