//! Workers.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A worker: a thread with its own event loop and sockets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WorkerState {
    /// Its number, from 0.
    pub worker: u32,
}

/// All workers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WorkerList {
    /// By number.
    pub workers: Vec<WorkerState>,
}
