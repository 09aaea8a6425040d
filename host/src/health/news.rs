//! What operators hear of a pool: each change once, and when it is in force.

use std::time::Duration;

use super::ejection::Cause;

/// Something that has happened to a backend.
#[derive(Debug)]
pub(super) enum News {
    /// Its checks pass.
    Up,
    /// Its checks fail; why the last one did.
    Down(String),
    /// It is ejected for so long.
    Ejected(Cause, Duration),
    /// Its ejection is over.
    OnTrial,
}

impl News {
    /// Logs it. What may need somebody is a warning.
    pub(super) fn log(&self, pool: &str, backend: &str) {
        match self {
            Self::Up => tracing::info!(pool, backend, "backend is up: its health checks pass"),
            Self::Down(reason) => {
                tracing::warn!(pool, backend, reason, "backend is down: its health checks fail");
            }
            Self::Ejected(reason, time) => {
                tracing::warn!(pool, backend, %reason, ?time, "backend is ejected")
            }
            Self::OnTrial => {
                tracing::info!(pool, backend, "backend is on trial: its ejection is over");
            }
        }
    }
}

/// Logs that a pool has begun or ceased to panic.
pub(super) fn log_panic(pool: &str, panics: bool, healthy: usize, backends: usize) {
    if panics {
        tracing::warn!(pool, healthy, backends, "pool panics: too few backends are healthy, all are used");
    } else {
        tracing::info!(pool, healthy, backends, "pool no longer panics");
    }
}
