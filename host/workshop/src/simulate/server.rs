//! A backend at work.

mod pace;
mod shared;

use std::collections::VecDeque;

use super::job::JobId;
use super::random::Work;
use crate::spec::{BackendGroup, Model};
pub(super) use pace::Pace;
use shared::Shared;

/// When a backend is to be asked again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Due {
    /// This request has been served by then.
    Done { at: u64, job: JobId },
    /// Some may have been, unless it has changed meanwhile.
    Look { at: u64, version: u32 },
}

/// A made-up backend.
pub(super) struct Server {
    model: Model,
    servers: usize,
    pub(super) pace: Pace,
    pub(super) conduct: Conduct,
    /// How many it serves one by one.
    busy: usize,
    waiting: VecDeque<(JobId, f64)>,
    shared: Shared,
    /// Requests that it has, and for how long it had how many.
    pub(super) occupancy: Occupancy,
}

/// What events change of a backend.
#[derive(Debug, Clone, Copy)]
pub(super) struct Conduct {
    /// How fast it works, in the place of its own pace.
    pub(super) speed: Option<f64>,
    /// Its own requests' work; none = the load's.
    pub(super) work: Option<Work>,
    pub(super) refuses: bool,
    /// What it answers at once; 0 = as usual.
    pub(super) status: u16,
}

impl Server {
    /// A backend of a group, with this work of its own and at this pace.
    pub(super) fn new(group: &BackendGroup, work: Option<Work>, pace: Pace) -> Self {
        let conduct = Conduct { speed: None, work, refuses: false, status: 0 };
        Self {
            model: group.model,
            servers: group.servers as usize,
            pace,
            conduct,
            busy: 0,
            waiting: VecDeque::new(),
            shared: Shared::default(),
            occupancy: Occupancy::default(),
        }
    }

    /// A request comes, which is this much work.
    pub(super) fn arrive(&mut self, now: u64, job: JobId, work: f64) -> Option<Due> {
        match self.model {
            Model::Delay => Some(self.serve(now, job, work)),
            Model::Fifo if self.busy < self.servers => {
                self.busy += 1;
                Some(self.serve(now, job, work))
            }
            Model::Fifo => {
                self.waiting.push_back((job, work));
                None
            }
            Model::Shared => {
                self.shared.pass(now, self.rate());
                self.shared.add(job, work);
                self.look(now)
            }
        }
    }

    /// A request that it served one by one has ended; says when the one that takes its place will have.
    pub(super) fn leave(&mut self, now: u64) -> Option<Due> {
        if self.model != Model::Fifo {
            return None;
        }
        match self.waiting.pop_front() {
            Some((job, work)) => Some(self.serve(now, job, work)),
            None => {
                self.busy -= 1;
                None
            }
        }
    }

    /// Adds those that have ended of requests that share the backend, and says when to look again; nothing if it has changed since.
    pub(super) fn look_again(&mut self, now: u64, version: u32, ended: &mut Vec<JobId>) -> Option<Due> {
        if version != self.shared.version {
            return None;
        }
        self.shared.pass(now, self.rate());
        self.shared.take_ended(ended);
        self.look(now)
    }

    /// Its conduct changes. `running` is what it serves one by one, with the moments when that would have ended.
    pub(super) fn change(
        &mut self,
        now: u64,
        conduct: Conduct,
        running: impl Iterator<Item = (JobId, u64)>,
    ) -> Vec<Due> {
        self.with_other_speed(now, |server| server.conduct = conduct, running)
    }

    /// It is disturbed from now on, or isn't any more; `running` as with [`change`](Self::change).
    pub(super) fn change_pace(&mut self, now: u64, running: impl Iterator<Item = (JobId, u64)>) -> Vec<Due> {
        self.with_other_speed(now, |server| server.pace.change(), running)
    }

    /// What is left of the work of all requests takes another time from now on.
    fn with_other_speed(
        &mut self,
        now: u64,
        change: impl FnOnce(&mut Self),
        running: impl Iterator<Item = (JobId, u64)>,
    ) -> Vec<Due> {
        self.shared.pass(now, self.rate());
        let before = self.speed();
        change(self);
        if self.model == Model::Shared {
            return self.look(now).into_iter().collect();
        }
        let slower = before / self.speed();
        if slower == 1.0 {
            return Vec::new();
        }
        let again = running.map(|(job, at)| {
            let left = (at - now) as f64 * slower;
            Due::Done { at: now.saturating_add(left.round() as u64), job }
        });
        again.collect()
    }

    fn serve(&self, now: u64, job: JobId, work: f64) -> Due {
        let takes = (work / self.speed()).round();
        Due::Done { at: now.saturating_add(takes as u64), job }
    }

    /// Work that each of the requests that share it gets done in a microsecond.
    fn rate(&self) -> f64 {
        let share = self.servers as f64 / self.shared.len().max(1) as f64;
        self.speed() * share.min(1.0)
    }

    fn speed(&self) -> f64 {
        self.conduct.speed.unwrap_or_else(|| self.pace.now())
    }

    fn look(&mut self, now: u64) -> Option<Due> {
        self.shared.version = self.shared.version.wrapping_add(1);
        let left = self.shared.least_left()?;
        let at = now.saturating_add((left / self.rate()).ceil().max(0.0) as u64);
        Some(Due::Look { at, version: self.shared.version })
    }
}

/// For how long there were how many requests.
#[derive(Debug, Default)]
pub(super) struct Occupancy {
    pub(super) now: usize,
    pub(super) most: usize,
    since: u64,
    /// µs with as many requests as the place says.
    pub(super) times: Vec<u64>,
}

impl Occupancy {
    /// The number of requests changes.
    pub(super) fn change(&mut self, now: u64, to: usize) {
        if self.times.len() <= self.now {
            self.times.resize(self.now + 1, 0);
        }
        self.times[self.now] += now - self.since;
        self.since = now;
        self.now = to;
        self.most = self.most.max(to);
    }

    /// What was so far doesn't count.
    pub(super) fn restart(&mut self, now: u64) {
        *self = Self { now: self.now, most: self.now, since: now, times: Vec::new() };
    }
}

#[cfg(test)]
mod tests;
