//! A backend at work.

mod llm;
mod pace;
mod shared;

use std::collections::VecDeque;
use std::mem;

use super::job::JobId;
use super::prompt::Prompt;
use super::random::Work;
use crate::spec::{BackendGroup, Model};
use llm::ModelServer;
pub(super) use llm::Tokens;
pub(super) use pace::Pace;
use shared::Shared;

/// When a backend is to be asked again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Due {
    /// This request has been served by then.
    Done { at: u64, job: JobId },
    /// The prompt of this request has been read by then.
    Read { at: u64, job: JobId },
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
    /// Requests that share it; answers that a model server writes.
    shared: Shared,
    llm: Option<Box<ModelServer>>,
    /// Requests that it has, and for how long it had how many.
    pub(super) occupancy: Occupancy,
}

/// What events change of a backend.
#[derive(Debug, Clone)]
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
            llm: group.llm().map(|model| Box::new(ModelServer::new(model))),
            occupancy: Occupancy::default(),
        }
    }

    /// A request comes, which is this much work, or has this prompt.
    pub(super) fn arrive(&mut self, now: u64, job: JobId, work: f64, prompt: &mut Prompt) -> Option<Due> {
        match self.model {
            Model::Llm(_) if self.busy < self.servers => {
                self.busy += 1;
                self.place(now, job, mem::take(prompt))
            }
            Model::Llm(_) => {
                self.llm.as_mut()?.wait(job, mem::take(prompt));
                None
            }
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

    /// A request has left its place; says when the one that takes it will have been served, or read.
    pub(super) fn leave(&mut self, now: u64) -> Option<Due> {
        match self.model {
            Model::Delay | Model::Shared => return None,
            Model::Fifo => {
                if let Some((job, work)) = self.waiting.pop_front() {
                    return Some(self.serve(now, job, work));
                }
            }
            Model::Llm(_) => {
                if let Some((job, prompt)) = self.llm.as_mut()?.take_waiting() {
                    return self.place(now, job, prompt);
                }
            }
        }
        self.busy -= 1;
        None
    }

    /// A request has a place at a model server.
    fn place(&mut self, now: u64, job: JobId, prompt: Prompt) -> Option<Due> {
        if self.llm.as_mut()?.place(job, prompt) { self.read(now) } else { None }
    }

    /// Begins to read the next prompt.
    fn read(&mut self, now: u64) -> Option<Due> {
        let (job, work) = self.llm.as_mut()?.begin_to_read()?;
        Some(Due::Read { at: now.saturating_add((work / self.speed()).round() as u64), job })
    }

    /// A prompt has been read: the answer is written beside the others from now on, and the next prompt is read.
    pub(super) fn has_read(&mut self, now: u64) -> impl Iterator<Item = Due> + use<> {
        self.shared.pass(now, self.rate());
        if let Some((output, job)) = self.llm.as_mut().and_then(|llm| llm.has_read()) {
            self.shared.add(job, output);
        }
        [self.look(now), self.read(now)].into_iter().flatten()
    }

    /// What was so far doesn't count.
    pub(super) fn restart(&mut self, now: u64) {
        self.occupancy.restart(now);
        if let Some(llm) = &mut self.llm {
            llm.read = Tokens::default();
        }
    }

    /// Tokens of prompts that it has read.
    pub(super) fn tokens(&self) -> Option<Tokens> {
        self.llm.as_ref().map(|llm| llm.read)
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
        let look = match self.model {
            Model::Shared => return self.look(now).into_iter().collect(),
            Model::Llm(_) => self.look(now),
            Model::Fifo | Model::Delay => None,
        };
        let slower = before / self.speed();
        if slower == 1.0 {
            return look.into_iter().collect();
        }
        let again = running.map(|(job, at)| {
            let at = now.saturating_add(((at - now) as f64 * slower).round() as u64);
            if self.llm.is_some() { Due::Read { at, job } } else { Due::Done { at, job } }
        });
        again.chain(look).collect()
    }

    fn serve(&self, now: u64, job: JobId, work: f64) -> Due {
        let takes = (work / self.speed()).round();
        Due::Done { at: now.saturating_add(takes as u64), job }
    }

    /// Work that each of the requests that share it gets done in a microsecond, or tokens that are written of each answer.
    fn rate(&self) -> f64 {
        if let Model::Llm(model) = self.model {
            return self.speed() * model.writes(self.shared.len());
        }
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
