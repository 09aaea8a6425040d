//! Log lines about the health of a pool: each change once, when it is in force.

use std::time::Duration;

use super::ejection::Cause;
use super::silence::Finding;

/// A change of a backend's health.
#[derive(Debug)]
pub(super) enum HealthEvent {
    /// Its checks pass.
    Up,
    /// Its checks fail, the last one for this reason.
    Down(String),
    /// It is ejected, for this reason and this long.
    Ejected(Cause, Duration),
    /// Its ejection is over; it returns on probation.
    Returned,
}

impl HealthEvent {
    /// Logs it; what an operator may have to act on is a warning.
    pub(super) fn log(&self, pool: &str, backend: &str) {
        match self {
            Self::Up => tracing::info!(
                event = "backend-healthy",
                pool,
                backend,
                "backend is up: its health checks pass"
            ),
            Self::Down(reason) => {
                tracing::warn!(
                    event = "backend-unhealthy",
                    pool,
                    backend,
                    reason,
                    "backend is down: its health checks fail"
                );
            }
            Self::Ejected(reason, time) => {
                tracing::warn!(event = "backend-ejected", pool, backend, %reason, ?time, "backend is ejected")
            }
            Self::Returned => {
                tracing::info!(
                    event = "backend-returned",
                    pool,
                    backend,
                    "backend returned from ejection, on probation"
                );
            }
        }
    }
}

/// Logs that a backend has fallen silent, or speaks again.
pub(super) fn log_silence(pool: &str, backend: &str, in_flight: u64, finding: Finding) {
    match finding {
        Finding::FellSilent(silent) => tracing::warn!(
            event = "backend-silent",
            pool,
            backend,
            in_flight,
            ?silent,
            "backend answers nothing: clients may leave before `response_timeout` counts that as a failure"
        ),
        Finding::Speaks => {
            tracing::info!(
                event = "backend-speaks",
                pool,
                backend,
                "backend was silent, and answers or fails again"
            );
        }
    }
}

/// Logs that a pool has begun or stopped to panic.
pub(super) fn log_panic(pool: &str, panics: bool, healthy: usize, backends: usize) {
    if panics {
        tracing::warn!(
            event = "pool-panic-started",
            pool,
            healthy,
            backends,
            "pool panics: too few backends are healthy, all are used"
        );
    } else {
        tracing::info!(event = "pool-panic-ended", pool, healthy, backends, "pool no longer panics");
    }
}
