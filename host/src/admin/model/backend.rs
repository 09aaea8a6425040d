//! Backends.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::trouble::{BackendTrouble, RecentBackend};

/// A backend at one moment. Requests are attempts: one that is sent again counts at each backend.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct BackendState {
    /// Its name, unique in the pool.
    pub name: String,
    /// Where it listens.
    pub address: String,
    /// The source of it.
    pub source: BackendSource,
    /// Where it stands; empty if not said.
    pub zone: String,
    /// Whether it serves only when no other backend is eligible.
    pub backup: bool,
    /// Whether requests may go to it.
    pub eligible: bool,
    /// Whether its checks pass, or it is taken for healthy because it has none or waits for the first. One that passes may be ejected.
    pub healthy: bool,
    /// Whether it isn't taken for healthy only because its first check, which it has to wait for, is still to come.
    pub unchecked: bool,
    /// Whether it gets no requests for a while, as its responses were bad.
    pub ejected: bool,
    /// Whether it finishes what runs and gets nothing new.
    pub draining: bool,
    /// Its weight at the moment: less than the configured one while it starts slowly.
    pub weight: f64,
    /// Its weight as it is configured or overridden.
    pub full_weight: f64,
    /// The share of the pool's requests that its weight stands for, 0 to 1; 0 if it isn't eligible.
    pub expected_share: f64,
    /// Requests in flight.
    pub in_flight: u64,
    /// Requests in flight at which it is full.
    pub limit: u64,
    /// Connections to it, idle ones included.
    pub connections: u64,
    /// Connections that were opened so far.
    pub connections_opened: u64,
    /// Requests sent so far.
    pub requests: u64,
    /// Its responses so far by the class of their status: `1xx` to `5xx`.
    pub responses: BTreeMap<String, u64>,
    /// Requests that failed: no connection, no response, a broken response, or a status of 500 and above.
    pub failures: u64,
    /// The same by kind: `connect`, `timeout`, `reset`, `response`.
    pub failures_by_kind: BTreeMap<String, u64>,
    /// How often it was ejected.
    pub ejections: u64,
    /// For how long it has answered nothing, ms, though requests wait for its answers or clients have given up waiting; null if it answers, or
    /// if that is shorter than a third of the pool's `response_timeout`, or 10 s.
    pub silent_ms: Option<u64>,
    /// What the last seconds have brought; null until there was time to see.
    pub recent: Option<RecentBackend>,
    /// What is wrong with it while it gets requests; null if nothing is.
    pub trouble: Option<BackendTrouble>,
    /// Moving average of the time to the response's head, µs.
    pub latency_ewma_us: u64,
    /// Moving share of failures, 0 to 1.
    pub error_rate: f64,
    /// From the pick to the response's head.
    pub head_seconds: Histogram,
    /// What differs from the configuration file by an operator's word; null if nothing does.
    pub overrides: Option<OverrideState>,
}

/// Times in buckets. The bounds stand once for all of a pool, as `latency_buckets`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Histogram {
    /// Times up to each bound and above the one before it; the last is of those above all bounds.
    pub counts: Vec<u64>,
    /// Sum of all times, seconds.
    pub sum_seconds: f64,
}

/// The source of a backend.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum BackendSource {
    /// The configuration file.
    File,
    /// Discovery: a DNS name in the configuration file.
    Discovery,
    /// An operator, while the proxy runs.
    Operator,
}

/// What an operator has changed of a backend. Null: as the file says.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct OverrideState {
    /// Whether it drains.
    pub draining: Option<bool>,
    /// Its weight.
    pub weight: Option<f64>,
}

/// One backend.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct BackendReply {
    /// Upper bounds of the buckets of all histograms here, seconds.
    pub latency_buckets: Vec<f64>,
    /// The pool.
    pub pool: String,
    /// The backend.
    pub backend: BackendState,
}
