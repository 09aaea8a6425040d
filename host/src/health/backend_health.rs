//! The state of one backend: its checks, ejections and slow start, and the health and weight that follow.

use std::sync::Arc;
use std::time::Duration;

use pointsman_core::backend::{Backend, Streak};
use pointsman_core::clock::Moment;
use pointsman_core::topology::Health;

use super::check_state::CheckState;
use super::ejection::{self, Cause, Ejection};
use super::ramp;
use super::settings::HealthSettings;
use super::silence::{Finding, Silence};
use super::window::Window;
use crate::config::{EjectionConfig, HealthCheckConfig};

/// When a backend joined its pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Arrival {
    /// With all the others: none of them can carry its load during a slow start.
    WithPool,
    /// While others served.
    Later,
}

/// The state of a backend.
#[derive(Debug)]
pub(super) struct BackendHealth {
    /// Never used twice: the result of a check may come in after the backend was removed.
    pub(super) id: u64,
    pub(super) backend: Arc<Backend>,
    /// `None` if there are no checks.
    checks: Option<CheckState>,
    ejection: Ejection,
    window: Window,
    arrival: Arrival,
    /// When it came up, until it has its whole weight.
    came_up: Option<Moment>,
    silence: Silence,
}

impl BackendHealth {
    pub(super) fn new(
        id: u64,
        backend: Arc<Backend>,
        arrival: Arrival,
        settings: &HealthSettings,
        now: Moment,
    ) -> Self {
        let mut health = Self {
            id,
            checks: settings.unchecked(),
            ejection: Ejection::none(now),
            window: Window::new(ended(&backend), backend.stats.failures()),
            silence: Silence::new(&backend.stats, now),
            backend,
            arrival,
            came_up: None,
        };
        if health.health() == Health::Up && arrival == Arrival::Later {
            health.came_up = Some(now);
        }
        health
    }

    /// Applies other settings, and perhaps another description of the same backend.
    pub(super) fn adapt(&mut self, backend: &Arc<Backend>, settings: &HealthSettings, now: Moment) {
        self.backend = Arc::clone(backend);
        self.checks = match (self.checks, settings.unchecked()) {
            (Some(checked), Some(_)) => Some(checked),
            // It has served until now, so only failed checks make it go down.
            (None, Some(_)) => Some(CheckState::Up { failed: 0 }),
            (_, None) => None,
        };
        if !settings.config.ejection.enabled {
            self.ejection.release(now);
        }
    }

    pub(super) fn checks(&self) -> Option<CheckState> {
        self.checks
    }

    pub(super) fn health(&self) -> Health {
        let checked = self.checks.map_or(Health::Up, CheckState::health);
        if self.ejection.is_ejected() {
            return Health::Ejected { passes_checks: checked.passes_checks() };
        }
        checked
    }

    /// Whether it doesn't have its whole weight yet.
    pub(super) fn is_coming_up(&self) -> bool {
        self.came_up.is_some()
    }

    pub(super) fn weight(&self, now: Moment, slow_start: Duration) -> u32 {
        let whole = self.backend.weight;
        self.came_up.and_then(|since| ramp::weight(whole, since, now, slow_start)).unwrap_or(whole)
    }

    /// Records a check that has ended. Returns the health by the checks if that has changed.
    pub(super) fn check(&mut self, passed: bool, check: &HealthCheckConfig, now: Moment) -> Option<Health> {
        let (before, counts) = (self.checks?, &self.backend.stats.counts);
        if !passed {
            counts.fail_check();
        }
        let after = before.after(passed, check);
        self.checks = Some(after);
        if before.health() != after.health() {
            counts.change_health();
        }
        match (before.health(), after.health()) {
            (before, after) if before == after => return None,
            (Health::Down, Health::Up) => {
                // It was restarted: what it was ejected for ended with the process before.
                self.release(now, Streak::default());
                self.came_up = Some(now);
            }
            (Health::Unknown, Health::Up) if self.arrival == Arrival::Later => self.came_up = Some(now),
            _ => {}
        }
        Some(after.health())
    }

    /// Why it should be ejected, if it should. One that gets no new requests anyway isn't.
    pub(super) fn cause(&self, config: &EjectionConfig) -> Option<Cause> {
        if self.health() != Health::Up || self.backend.draining {
            return None;
        }
        ejection::cause(self.backend.stats.streaks.get(), &self.window, config)
    }

    /// Ejects it. Returns for how long.
    pub(super) fn eject(&mut self, now: Moment, config: &EjectionConfig) -> Duration {
        self.backend.stats.counts.eject();
        self.ejection.eject(now, config)
    }

    /// Advances to `now`. Returns whether an ejection has ended.
    pub(super) fn advance(&mut self, now: Moment, settings: &HealthSettings) -> bool {
        let config = &settings.config.ejection;
        self.window.sample(ended(&self.backend), self.backend.stats.failures(), now, config);
        self.ejection.forgive(now, config);
        if self.came_up.is_some_and(|since| now.since(since) >= settings.config.slow_start) {
            self.came_up = None;
        }
        let over = self.ejection.is_over(now);
        if over {
            self.release(now, ejection::streak_after_ejection(config));
            self.came_up = Some(now);
        }
        over
    }

    /// Whether it has fallen silent, or speaks again.
    pub(super) fn listen(&mut self, now: Moment, settings: &HealthSettings) -> Option<Finding> {
        self.silence.look(&self.backend.stats, settings.patience, now)
    }

    /// Ends its ejection, if it is ejected. It continues with this streak.
    fn release(&mut self, now: Moment, streak: Streak) {
        self.ejection.release(now);
        self.window = Window::new(ended(&self.backend), self.backend.stats.failures());
        self.backend.stats.streaks.set(streak);
    }
}

/// Requests that have ended, whether they failed or not.
fn ended(backend: &Backend) -> u64 {
    backend.stats.requests().saturating_sub(backend.stats.in_flight())
}
