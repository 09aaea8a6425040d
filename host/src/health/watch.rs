//! The watch over one pool: everything that is known of its backends, and the topology that follows.
//!
//! No I/O in here, and no clock: whoever keeps the watch says what time it is and how the checks went.

mod adopt;

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use super::ejection::{self, most_out};
use super::news::{self, News};
use super::probe::Failure;
use super::settings::HealthSettings;
use super::watched::Watched;
use super::{ramp, window};
use crate::backend::Backend;
use crate::clock::Moment;
use crate::pool::Pool;
use crate::topology::{Health, Topology};

/// Between two looks at what changes by time alone, at most, and at least.
const BEAT: Duration = Duration::from_secs(1);
const SHORTEST_BEAT: Duration = Duration::from_millis(20);

/// Between two changes of a topology, at least: what happens in the meantime becomes one change. Every change makes the
/// policies of all workers adapt.
const PAUSE: Duration = Duration::from_millis(100);

/// A check that is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Due {
    pub(super) address: SocketAddr,
    /// Where the backend is, unless the backends have changed.
    place: usize,
    id: u64,
}

/// The watch over a pool.
#[derive(Debug)]
pub(super) struct Watch {
    pool: Arc<Pool>,
    settings: Arc<HealthSettings>,
    /// In the order of the topology.
    backends: Vec<Watched>,
    next_id: u64,
    /// When which backend is checked, by place and id: each at most once, and not while it is being checked.
    due: BinaryHeap<Reverse<(Moment, usize, u64)>>,
    /// The topology that was last looked at.
    known: u64,
    beat: Moment,
    /// A backend has failed too often in a row.
    alarmed: bool,
    /// Something has changed since the last topology.
    changed: bool,
    /// When the next topology may come.
    pause: Moment,
    panics: bool,
    /// What has happened since the last topology.
    news: Vec<(Arc<Backend>, News)>,
}

impl Watch {
    /// Begins to watch over a pool.
    pub(super) fn begin(
        pool: Arc<Pool>,
        settings: Arc<HealthSettings>,
        now: Moment,
        random: &mut impl FnMut() -> f64,
    ) -> Self {
        let mut watch = Self {
            pool,
            settings,
            backends: Vec::new(),
            next_id: 0,
            due: BinaryHeap::new(),
            known: 0,
            beat: now,
            alarmed: false,
            changed: true,
            pause: now,
            panics: false,
            news: Vec::new(),
        };
        watch.prepare();
        watch.look(now, random);
        watch
    }

    /// Goes on with other settings, and perhaps another pool of the same name.
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
        self.pool.alarm.set(ejection::streak_that_ejects(&self.settings.config.ejection));
    }

    pub(super) fn pool(&self) -> &Arc<Pool> {
        &self.pool
    }

    pub(super) fn settings(&self) -> &Arc<HealthSettings> {
        &self.settings
    }

    /// The pool's alarm has rung.
    pub(super) fn alarm(&mut self) {
        self.alarmed = true;
    }

    /// When something has to be done next, if nothing happens.
    pub(super) fn wake(&self) -> Moment {
        let check = self.due.peek().map_or(Moment(u64::MAX), |Reverse((at, ..))| *at);
        let change = if self.changed { self.pause } else { Moment(u64::MAX) };
        self.beat.min(check).min(change)
    }

    /// Does what is to be done at `now`, and answers which backends are to be checked.
    pub(super) fn turn(&mut self, now: Moment, random: &mut impl FnMut() -> f64) -> Vec<Due> {
        self.look(now, random);
        if now >= self.beat {
            self.pass(now);
            self.beat = now.after(self.until_beat());
            self.alarmed = true;
        }
        if std::mem::take(&mut self.alarmed) {
            self.eject(now);
        }
        if self.changed && now >= self.pause {
            self.publish(now);
        }
        self.take_due(now)
    }

    /// A check has ended, which began at `began`.
    pub(super) fn check(
        &mut self,
        due: Due,
        began: Moment,
        result: &Result<(), Failure>,
        now: Moment,
        random: f64,
    ) {
        let is_meant = |watched: &Watched| watched.id == due.id;
        let place = match self.backends.get(due.place).is_some_and(is_meant) {
            true => Some(due.place),
            false => self.backends.iter().position(is_meant),
        };
        let (Some(place), Some(check)) = (place, &self.settings.config.check) else { return };
        let watched = &mut self.backends[place];
        let change = match result {
            Err(reason) if reason.is_our_own() => {
                let (pool, backend) = (&*self.pool.name, &*watched.backend.name);
                tracing::warn!(
                    event = "health-check-skipped", pool, backend, %reason,
                    "cannot check the health of a backend"
                );
                None
            }
            result => watched.check(result.is_ok(), check, now),
        };
        if let Some(checked) = watched.checked() {
            self.due.push(Reverse((checked.next(began, check, random), place, due.id)));
        }
        let news = match (change, result) {
            (None, _) => return,
            (_, Ok(())) => News::Up,
            (_, Err(reason)) => News::Down(reason.to_string()),
        };
        self.note(place, news);
    }

    /// Something has happened that the topology must show.
    fn note(&mut self, place: usize, news: News) {
        self.news.push((Arc::clone(&self.backends[place].backend), news));
        self.changed = true;
    }

    /// Lets time pass.
    fn pass(&mut self, now: Moment) {
        for place in 0..self.backends.len() {
            let watched = &mut self.backends[place];
            self.changed |= watched.is_coming_up();
            if watched.pass(now, &self.settings) {
                self.note(place, News::OnTrial);
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

    /// Ejects whoever deserves it, as long as enough are left.
    fn eject(&mut self, now: Moment) {
        let settings = Arc::clone(&self.settings);
        let config = &settings.config.ejection;
        let serving = self.backends.iter().filter(|watched| !watched.backend.draining);
        let most = most_out(serving.clone().count(), config);
        let mut out = serving.filter(|watched| watched.health() != Health::Up).count();
        for place in 0..self.backends.len() {
            if out >= most {
                return;
            }
            let watched = &mut self.backends[place];
            let Some(cause) = watched.cause(config) else { continue };
            let time = watched.eject(now, config);
            self.note(place, News::Ejected(cause, time));
            out += 1;
        }
    }

    /// Lets the pool know how its backends stand.
    fn publish(&mut self, now: Moment) {
        let slow_start = self.settings.config.slow_start;
        let mut as_known = false;
        let generation = self.pool.change(|members| {
            as_known = self.is_of_ours(members.iter().map(|member| &member.backend));
            if as_known {
                for (member, watched) in members.iter_mut().zip(&self.backends) {
                    (member.health, member.weight) = (watched.health(), watched.weight(now, slow_start));
                }
            }
        });
        // If somebody has changed the backends just now, the next look will tell.
        if as_known {
            self.changed = false;
            for (backend, news) in std::mem::take(&mut self.news) {
                news.log(&self.pool.name, &backend.name);
            }
            if generation != self.known {
                self.known = generation;
                self.pause = now.after(PAUSE);
                self.note_panic(&self.pool.topology());
            }
        }
    }

    fn note_panic(&mut self, topology: &Topology) {
        if topology.panics() == self.panics {
            return;
        }
        self.panics = topology.panics();
        let healthy = self.backends.iter().filter(|watched| watched.health() == Health::Up).count();
        news::log_panic(&self.pool.name, self.panics, healthy, self.backends.len());
    }

    fn take_due(&mut self, now: Moment) -> Vec<Due> {
        let mut taken = Vec::new();
        while let Some(Reverse((at, place, id))) = self.due.peek().copied()
            && at <= now
        {
            self.due.pop();
            let Some(watched) = self.backends.get(place).filter(|watched| watched.id == id) else { continue };
            if watched.checked().is_some() {
                taken.push(Due { address: self.settings.check_address(&watched.backend), place, id });
            }
        }
        taken
    }
}

#[cfg(test)]
mod tests;
