//! Everything at a glance.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::event::EventRecord;
use super::policy::PolicyState;
use super::pool::PoolState;
use super::trouble::TroubleState;
use super::worker::WorkerState;

/// The whole proxy at one moment. All numbers that grow are counters since the start of the process: a rate is the difference between two
/// overviews, divided by that of `uptime_ms`. If `uptime_ms` has become less, the process was started anew.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Overview {
    /// The machine's name.
    pub name: String,
    /// The program's version.
    pub version: String,
    /// Time since the start, ms.
    pub uptime_ms: u64,
    /// Counts the configurations, from 1.
    pub configuration: u64,
    /// Whether the configuration file holds something that doesn't serve: see `GET /api/v1/configuration`.
    pub configuration_refused: bool,
    /// Whether the proxy serves or drains.
    pub phase: PhaseState,
    /// How close the proxy is to what it can do, 0 to 1: the greatest of the busiest worker's share of a CPU, connections over their limit,
    /// and open files over theirs. Null until there was time to measure it.
    pub saturation: Option<f64>,
    /// The pools in the order of the configuration.
    pub pools: Vec<PoolState>,
    /// The policies: the pools' own in the order of the configuration, then those of routes.
    pub policies: Vec<PolicyState>,
    /// The workers.
    pub workers: Vec<WorkerState>,
    /// What isn't as it should be, the worst first; empty if all is well.
    pub troubles: Vec<TroubleState>,
    /// What has happened after `since`, the oldest first.
    pub events: Vec<EventRecord>,
    /// The number of the last event: the next `since`.
    pub last_event: u64,
}

/// Whether a proxy serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PhaseState {
    /// It serves.
    Serving,
    /// It serves, but is about to drain: `/ready` says no.
    Leaving,
    /// It accepts nothing new, finishes what runs and then ends.
    Draining,
}

/// Which program answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct VersionReply {
    /// The program.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The version of this API, as in its paths.
    pub api: String,
}
