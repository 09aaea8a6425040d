//! What is known of one backend, and what follows for its health and weight.

use std::sync::Arc;
use std::time::Duration;

use super::check::Checked;
use super::ejection::{self, Cause, Ejection};
use super::ramp;
use super::settings::HealthSettings;
use super::window::Window;
use crate::backend::{Backend, Streak};
use crate::clock::Moment;
use crate::config::{EjectionConfig, HealthCheckConfig};
use crate::topology::Health;

/// When a backend joined its pool, as seen from here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Arrival {
    /// It was there from the beginning, or all of them are new: nobody can carry its load meanwhile.
    WithPool,
    /// While others served.
    Later,
}

/// A backend under watch.
#[derive(Debug)]
pub(super) struct Watched {
    /// Its own for good: results of checks come in when the backend may be gone.
    pub(super) id: u64,
    pub(super) backend: Arc<Backend>,
    /// `None` if there are no checks.
    checked: Option<Checked>,
    ejection: Ejection,
    window: Window,
    arrival: Arrival,
    /// When it came up, until it has its whole weight.
    came_up: Option<Moment>,
}

impl Watched {
    pub(super) fn new(
        id: u64,
        backend: Arc<Backend>,
        arrival: Arrival,
        settings: &HealthSettings,
        now: Moment,
    ) -> Self {
        let mut watched = Self {
            id,
            checked: settings.unchecked(),
            ejection: Ejection::none(now),
            window: Window::new(ended(&backend), backend.stats.failures()),
            backend,
            arrival,
            came_up: None,
        };
        if watched.health() == Health::Up && arrival == Arrival::Later {
            watched.came_up = Some(now);
        }
        watched
    }

    /// Goes on with other settings, and perhaps another description of the same backend.
    pub(super) fn adapt(&mut self, backend: &Arc<Backend>, settings: &HealthSettings, now: Moment) {
        self.backend = Arc::clone(backend);
        self.checked = match (self.checked, settings.unchecked()) {
            (Some(checked), Some(_)) => Some(checked),
            // It has served until now; only checks may end that.
            (None, Some(_)) => Some(Checked::Up { failed: 0 }),
            (_, None) => None,
        };
        if !settings.config.ejection.enabled {
            self.ejection.release(now);
        }
    }

    pub(super) fn checked(&self) -> Option<Checked> {
        self.checked
    }

    pub(super) fn health(&self) -> Health {
        if self.ejection.is_ejected() {
            return Health::Down;
        }
        self.checked.map_or(Health::Up, Checked::health)
    }

    /// Whether it doesn't have its whole weight yet.
    pub(super) fn is_coming_up(&self) -> bool {
        self.came_up.is_some()
    }

    pub(super) fn weight(&self, now: Moment, slow_start: Duration) -> u32 {
        let whole = self.backend.weight;
        self.came_up.and_then(|since| ramp::weight(whole, since, now, slow_start)).unwrap_or(whole)
    }

    /// A check has ended. Answers what the checks say now, if that has changed.
    pub(super) fn check(&mut self, passed: bool, check: &HealthCheckConfig, now: Moment) -> Option<Health> {
        let before = self.checked?;
        let after = before.after(passed, check);
        self.checked = Some(after);
        match (before.health(), after.health()) {
            (before, after) if before == after => return None,
            (Health::Down, Health::Up) => {
                // Whatever it was ejected for has died with it.
                self.release(now, Streak::default());
                self.came_up = Some(now);
            }
            (Health::Unknown, Health::Up) if self.arrival == Arrival::Later => self.came_up = Some(now),
            _ => {}
        }
        Some(after.health())
    }

    /// Why it should be ejected, if it should. Who is out or gets nothing anyway isn't judged.
    pub(super) fn cause(&self, config: &EjectionConfig) -> Option<Cause> {
        if self.health() != Health::Up || self.backend.draining {
            return None;
        }
        ejection::cause(self.backend.stats.streaks.get(), &self.window, config)
    }

    /// Ejects it; answers for how long.
    pub(super) fn eject(&mut self, now: Moment, config: &EjectionConfig) -> Duration {
        self.ejection.eject(now, config)
    }

    /// Lets time pass. Answers whether an ejection has ended by that.
    pub(super) fn pass(&mut self, now: Moment, settings: &HealthSettings) -> bool {
        let config = &settings.config.ejection;
        self.window.sample(ended(&self.backend), self.backend.stats.failures(), now, config);
        self.ejection.forgive(now, config);
        if self.came_up.is_some_and(|since| now.since(since) >= settings.config.slow_start) {
            self.came_up = None;
        }
        let over = self.ejection.is_over(now);
        if over {
            self.release(now, ejection::streak_on_trial(config));
            self.came_up = Some(now);
        }
        over
    }

    /// Ends its ejection, if it is ejected. It begins with this streak.
    fn release(&mut self, now: Moment, streak: Streak) {
        self.ejection.release(now);
        self.window = Window::new(ended(&self.backend), self.backend.stats.failures());
        self.backend.stats.streaks.set(streak);
    }
}

/// Requests that have ended, in whatever way.
fn ended(backend: &Backend) -> u64 {
    backend.stats.requests().saturating_sub(backend.stats.in_flight())
}
