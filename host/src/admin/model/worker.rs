//! Workers.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A worker: a thread with its own event loop and sockets.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct WorkerState {
    /// Its number, from 0.
    pub worker: u32,
    /// Connections of clients at this moment.
    pub connections: u64,
    /// Requests that have ended.
    pub requests: u64,
    /// Time in which its event loop did something, without that in which it asked the system for events, seconds.
    pub busy_seconds: f64,
    /// CPU time of its thread, seconds; null where the kernel keeps no account.
    pub cpu_seconds: Option<f64>,
    /// Time in which its thread could have run, and others had the CPU, seconds; null where the kernel keeps no account.
    pub waiting_seconds: Option<f64>,
    /// How much later than due its event loop came to what is due several times a second: the value that 99 of 100 stayed under, about,
    /// seconds; null before there was a request.
    pub lag_p99_seconds: Option<f64>,
}

/// All workers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct WorkerList {
    /// By number.
    pub workers: Vec<WorkerState>,
}
