//! Pools.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::backend::{BackendState, Histogram};
use super::trouble::RecentPool;

/// A pool at one moment. Requests are those of clients, the proxy's own answers included; see the backends for attempts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PoolState {
    /// Its name.
    pub name: String,
    /// Backends that requests may go to.
    pub eligible: u64,
    /// Backends whose checks pass, ejected ones included.
    pub healthy: u64,
    /// Backends that get no requests for a while, as their responses were bad.
    pub ejected: u64,
    /// Backends that finish what runs and get nothing new.
    pub draining: u64,
    /// Whether so few backends are healthy that health is ignored.
    pub panicking: bool,
    /// Requests at its backends.
    pub in_flight: u64,
    /// Requests that its eligible backends take at a time; null if there is a backend for which neither `max_requests` nor `max_connections` is set, as the proxy then
    /// doesn't know how much a backend can do.
    pub capacity: Option<u64>,
    /// Requests in flight at eligible backends over that capacity, 0 to 1; 1 if no backend is eligible, null if there is no capacity.
    pub saturation: Option<f64>,
    /// Requests that wait for a backend with room.
    pub queue: QueueState,
    /// Requests so far.
    pub requests: u64,
    /// Responses so far by the class of their status: `1xx` to `5xx`.
    pub responses: BTreeMap<String, u64>,
    /// Requests that the proxy answered itself, or whose responses it broke off, by the label of `x-pointsman-error`.
    pub errors: BTreeMap<String, u64>,
    /// Attempts beyond the first of their requests.
    pub retries: u64,
    /// Retries that the budget didn't allow.
    pub retries_refused: u64,
    /// Connections that have changed to another protocol so far.
    pub tunnels: u64,
    /// What the last seconds have brought; null until there was time to see.
    pub recent: Option<RecentPool>,
    /// Upper bounds of the buckets of all histograms of the pool and its backends, seconds. What is above the last one is counted in one
    /// bucket more.
    pub latency_buckets: Vec<f64>,
    /// From the first byte of a request's head to the last of its response. Tunnels don't count.
    pub request_seconds: Histogram,
    /// From the first byte of a request's head to the head of its response.
    pub head_seconds: Histogram,
    /// Counts the changes of the backends and their eligibility.
    pub topology: u64,
    /// Its limits.
    pub limits: PoolLimitsState,
    /// Its backends, in the order in which policies see them.
    pub backends: Vec<BackendState>,
}

/// Requests that wait.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct QueueState {
    /// Requests that wait at this moment.
    pub requests: u64,
    /// Most that may.
    pub limit: u64,
    /// Requests that were turned away because the queue was full.
    pub overflows: u64,
    /// Requests that have waited for too long.
    pub timeouts: u64,
    /// How long those have waited that did.
    pub seconds: Histogram,
}

/// What the configuration allows each backend of a pool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PoolLimitsState {
    /// Most requests in flight.
    pub max_requests: u64,
    /// Most connections, idle ones included.
    pub max_connections: u64,
    /// Most attempts beyond the first.
    pub retries: u32,
}

/// All pools.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PoolList {
    /// In the order of the configuration.
    pub pools: Vec<PoolState>,
}

/// One pool.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PoolReply {
    /// The pool.
    pub pool: PoolState,
}
