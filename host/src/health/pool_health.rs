//! The health of one pool: the state of its backends, and the topology that follows from it.
//!
//! Without I/O and without a clock: the caller says what time it is and how the checks ended.

mod adopt;

use std::sync::Arc;
use std::time::Duration;

use pointsman_core::address::Address;
use pointsman_core::backend::{Backend, TopologyGeneration};
use pointsman_core::clock::Moment;
use pointsman_core::pool::Pool;
use pointsman_core::topology::{Health, Topology};

use super::backend_health::BackendHealth;
use super::check_schedule::{CheckSchedule, PlannedCheck};
use super::ejection::{self, most_out};
use super::event::{self, HealthEvent};
use super::probe::Failure;
use super::settings::HealthSettings;
use super::{ramp, window};

/// The longest and the shortest time between two updates of what changes with time: windows, ejections, slow starts.
const BEAT: Duration = Duration::from_secs(1);
const SHORTEST_BEAT: Duration = Duration::from_millis(20);

/// The shortest time between two topologies: events that come sooner become one change. Every change makes the policies of all
/// workers adapt.
const PAUSE: Duration = Duration::from_millis(100);

/// A check to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Due {
    pub(super) address: Address,
    /// Where the backend is, unless the backends have changed.
    place: usize,
    id: u64,
}

/// The health of a pool.
#[derive(Debug)]
pub(super) struct PoolHealth {
    pool: Arc<Pool>,
    settings: Arc<HealthSettings>,
    /// In the order of the topology.
    backends: Vec<BackendHealth>,
    last_id: u64,
    checks: CheckSchedule,
    /// Generation of the topology that was last read or published.
    known: TopologyGeneration,
    beat: Moment,
    /// Whether ejections are considered in the next turn.
    ejections_due: bool,
    unpublished: Unpublished,
    panics: bool,
}

/// Changes since the last topology.
#[derive(Debug)]
struct Unpublished {
    /// Whether there are any.
    changed: bool,
    /// When the next topology may be published.
    not_before: Moment,
    /// Logged once they are in force.
    events: Vec<(Arc<Backend>, HealthEvent)>,
}

impl PoolHealth {
    /// The health of a pool before the first check.
    pub(super) fn new(
        pool: Arc<Pool>,
        settings: Arc<HealthSettings>,
        now: Moment,
        random: &mut impl FnMut() -> f64,
    ) -> Self {
        let mut health = Self {
            pool,
            settings,
            backends: Vec::new(),
            last_id: 0,
            checks: CheckSchedule::default(),
            known: TopologyGeneration::default(),
            beat: now,
            ejections_due: false,
            unpublished: Unpublished { changed: true, not_before: now, events: Vec::new() },
            panics: false,
        };
        health.prepare();
        health.scan(now, random);
        health
    }

    /// Continues with other settings, and perhaps another pool of the same name.
    pub(super) fn change(
        &mut self,
        pool: Arc<Pool>,
        settings: Arc<HealthSettings>,
        now: Moment,
        random: &mut impl FnMut() -> f64,
    ) {
        (self.pool, self.settings) = (pool, settings);
        self.prepare();
        let topology = self.pool.topology();
        self.adopt(&topology, now, random);
    }

    fn prepare(&self) {
        self.pool.set_panic_threshold(self.settings.config.panic_threshold);
        self.pool.ejection_signal.set(ejection::streak_that_ejects(&self.settings.config.ejection));
    }

    pub(super) fn pool(&self) -> &Arc<Pool> {
        &self.pool
    }

    pub(super) fn settings(&self) -> &Arc<HealthSettings> {
        &self.settings
    }

    /// The backend of a check that has just become due.
    pub(super) fn backend(&self, due: &Due) -> Option<&Arc<Backend>> {
        let checked = self.backends.get(due.place).filter(|backend| backend.id == due.id)?;
        Some(&checked.backend)
    }

    /// Considers ejections in the next turn: the pool has signalled that a backend fails too often.
    pub(super) fn consider_ejections(&mut self) {
        self.ejections_due = true;
    }

    /// When the next [`turn`](Self::turn) is due, if nothing happens before.
    pub(super) fn wake(&self) -> Moment {
        let publish = if self.unpublished.changed { self.unpublished.not_before } else { Moment(u64::MAX) };
        self.beat.min(self.checks.next()).min(publish)
    }

    /// Does everything that is due at `now`. Returns the checks to be made.
    pub(super) fn turn(&mut self, now: Moment, random: &mut impl FnMut() -> f64) -> Vec<Due> {
        self.scan(now, random);
        if now >= self.beat {
            self.advance(now);
            self.beat = now.after(self.until_beat());
            self.ejections_due = true;
        }
        if std::mem::take(&mut self.ejections_due) {
            self.eject(now);
        }
        if self.unpublished.changed && now >= self.unpublished.not_before {
            self.publish(now);
        }
        self.take_due(now)
    }

    /// Records a check that began at `began` and has ended.
    pub(super) fn check(
        &mut self,
        due: Due,
        began: Moment,
        result: &Result<(), Failure>,
        now: Moment,
        random: f64,
    ) {
        let is_meant = |backend: &BackendHealth| backend.id == due.id;
        let place = match self.backends.get(due.place).is_some_and(is_meant) {
            true => Some(due.place),
            false => self.backends.iter().position(is_meant),
        };
        let (Some(place), Some(check)) = (place, &self.settings.config.check) else { return };
        let checked = &mut self.backends[place];
        let change = match result {
            Err(reason) if reason.is_our_own() => {
                let (pool, backend) = (&*self.pool.name, &*checked.backend.name);
                tracing::warn!(
                    event = "health-check-skipped", pool, backend, %reason,
                    "cannot check the health of a backend"
                );
                None
            }
            result => checked.check(result.is_ok(), check, now),
        };
        if let Some(state) = checked.checks() {
            self.checks.plan(PlannedCheck { at: state.next(began, check, random), place, id: due.id });
        }
        let event = match (change, result) {
            (None, _) => return,
            (_, Ok(())) => HealthEvent::Up,
            (_, Err(reason)) => HealthEvent::Down(reason.to_string()),
        };
        self.note(place, event);
    }

    /// Notes an event that changes the topology.
    fn note(&mut self, place: usize, event: HealthEvent) {
        self.unpublished.events.push((Arc::clone(&self.backends[place].backend), event));
        self.unpublished.changed = true;
    }

    /// Advances all backends to `now`.
    fn advance(&mut self, now: Moment) {
        for place in 0..self.backends.len() {
            let backend = &mut self.backends[place];
            self.unpublished.changed |= backend.is_coming_up();
            if let Some(finding) = backend.listen(now, &self.settings) {
                let Backend { name, stats, .. } = &*backend.backend;
                event::log_silence(&self.pool.name, name, stats.in_flight(), finding);
            }
            if backend.advance(now, &self.settings) {
                self.note(place, HealthEvent::Returned);
            }
        }
    }

    fn until_beat(&self) -> Duration {
        let config = &self.settings.config;
        let slow_start = match ramp::step(config.slow_start) {
            Duration::ZERO => BEAT,
            step => step,
        };
        let ejection = match config.ejection.enabled {
            true => window::part(&config.ejection).min(config.ejection.base_time / 4),
            false => BEAT,
        };
        BEAT.min(slow_start).min(ejection).max(SHORTEST_BEAT)
    }

    /// Ejects the backends that fail too often, as long as enough are left. A backup that is fit is enough for those that aren't backups.
    fn eject(&mut self, now: Moment) {
        let backup_is_fit = self.of_kind(true).any(|backend| backend.health() == Health::Up);
        for is_backup in [true, false] {
            let count = self.of_kind(is_backup).count();
            let most = match backup_is_fit && !is_backup {
                true => count,
                false => most_out(count, &self.settings.config.ejection),
            };
            self.eject_of_kind(is_backup, most, now);
        }
    }

    /// Ejects backups, or those that aren't, until so many are out.
    fn eject_of_kind(&mut self, is_backup: bool, most: usize, now: Moment) {
        let settings = Arc::clone(&self.settings);
        let config = &settings.config.ejection;
        let mut out = self.of_kind(is_backup).filter(|backend| backend.health() != Health::Up).count();
        for place in 0..self.backends.len() {
            if out >= most {
                return;
            }
            let backend = &mut self.backends[place];
            if backend.backend.backup != is_backup {
                continue;
            }
            let Some(cause) = backend.cause(config) else { continue };
            let time = backend.eject(now, config);
            self.note(place, HealthEvent::Ejected(cause, time));
            out += 1;
        }
    }

    /// The backups that aren't draining, or the others that aren't.
    fn of_kind(&self, is_backup: bool) -> impl Iterator<Item = &BackendHealth> {
        self.backends
            .iter()
            .filter(move |backend| !backend.backend.draining && backend.backend.backup == is_backup)
    }

    /// Publishes the state of the backends as the pool's topology.
    fn publish(&mut self, now: Moment) {
        let slow_start = self.settings.config.slow_start;
        let mut is_current = false;
        let generation = self.pool.change(|members| {
            is_current = self.has_these(members.iter().map(|member| &member.backend));
            if is_current {
                for (member, backend) in members.iter_mut().zip(&self.backends) {
                    (member.health, member.weight) = (backend.health(), backend.weight(now, slow_start));
                }
            }
        });
        // If the backends have changed meanwhile, the next scan finds out.
        if is_current {
            self.unpublished.changed = false;
            for (backend, event) in std::mem::take(&mut self.unpublished.events) {
                event.log(&self.pool.name, &backend.name);
            }
            if generation != self.known {
                self.known = generation;
                self.unpublished.not_before = now.after(PAUSE);
                self.note_panic(&self.pool.topology());
            }
        }
    }

    fn note_panic(&mut self, topology: &Topology) {
        if topology.panics() == self.panics {
            return;
        }
        self.panics = topology.panics();
        let healthy = self.backends.iter().filter(|backend| backend.health() == Health::Up).count();
        event::log_panic(&self.pool.name, self.panics, healthy, self.backends.len());
    }

    fn take_due(&mut self, now: Moment) -> Vec<Due> {
        let mut taken = Vec::new();
        while let Some(PlannedCheck { place, id, .. }) = self.checks.take_due(now) {
            let Some(planned) = self.backends.get(place).filter(|backend| backend.id == id) else { continue };
            if planned.checks().is_some() {
                taken.push(Due { address: self.settings.check_address(&planned.backend), place, id });
            }
        }
        taken
    }
}

#[cfg(test)]
mod tests;
