//! One run: one policy, one seed.

mod attempts;
mod change;
mod jobs;
mod requests;
mod sources;

use http::HeaderName;
use pointsman_core::clock::Moment;
use pointsman_policy::Testbed;

use super::job::JobId;
use super::proxy::Proxy;
use super::random::{KeyDraw, Stream, Work};
use super::server::{Due, Pace, Server};
use super::tally::{RunResult, Tally};
use super::timeline::Timeline;
use crate::spec::{Loaded, Spec};
use crate::time_span::TimeSpan;
use jobs::Jobs;
use requests::Requests;
use sources::Source;

/// Most requests that are being served or wait: some 200 bytes each.
const MOST_JOBS: usize = 10_000_000;

/// What happens.
#[derive(Debug, Clone, Copy)]
enum Event {
    /// A request comes. Of a client that waits for its responses, or of all others.
    Arrival,
    /// A request has been served.
    Done { backend: u32, job: JobId },
    /// A model server has read a prompt.
    Read { backend: u32, job: JobId },
    /// A request that its backend has answered at once, and never begun to serve.
    Answered(JobId),
    /// Requests that share a backend may have been served.
    Look { backend: u32, version: u32 },
    /// Something is due at a proxy.
    Wake(u32),
    /// The first in the queue of a proxy may have waited for too long.
    GiveUp(u32),
    /// The policies see the counts as they are.
    Refresh,
    /// A backend is disturbed from now on, or isn't any more.
    Pace(u32),
    /// An event of the spec begins (true) or ends.
    Change(u32, bool),
    /// A swap of the spec.
    Swap(u32),
    /// What was so far doesn't count.
    WarmedUp,
}

pub(super) struct Run<'a> {
    script: Script<'a>,
    testbed: Testbed,
    now: u64,
    timeline: Timeline<Event>,
    proxies: Vec<Proxy>,
    servers: Vec<Server>,
    jobs: Jobs,
    source: Source,
    requests: Requests,
    tally: Tally,
}

/// What is to happen.
struct Script<'a> {
    spec: &'a Spec,
    /// What the policy is called.
    policy: &'a str,
    /// Events that have begun and not ended, in the order in which they began.
    ongoing: Vec<usize>,
}

/// Simulates one policy once. `progress` is called now and then with the virtual time, and ends the run if it answers false.
pub(super) fn run(
    spec: &Spec,
    policy: &Loaded,
    (testbed, seed): (&Testbed, u64),
    progress: &mut dyn FnMut(u64) -> bool,
) -> Result<Option<RunResult>, String> {
    let mut run = Run::new(spec, policy, testbed.another().with_hash_seed(seed), seed)?;
    if !run.play(progress)? {
        return Ok(None);
    }
    let waiting = run.proxies.iter().flat_map(|proxy| proxy.queue.arrivals()).map(|arrived| (arrived, None));
    for (arrived, read_at) in run.jobs.unfinished().chain(waiting) {
        let ended = run.now.max(arrived);
        run.tally.unfinished(arrived, ended);
        run.tally.first_token(arrived, read_at.unwrap_or(ended));
    }
    Ok(Some(run.tally.finish(seed, &run.servers, &run.proxies)))
}

impl<'a> Run<'a> {
    fn new(spec: &'a Spec, policy: &'a Loaded, testbed: Testbed, seed: u64) -> Result<Self, String> {
        let (runs, load) = (spec.run.get_ref(), spec.load.get_ref());
        let mut servers = Vec::new();
        for (number, (_, group)) in (0..).zip(spec.members()) {
            let work = group.service.as_ref().map(Work::of).transpose()?;
            let pace = Pace::new(group.speed, Stream::new(seed, "disturbance", number));
            servers.push(Server::new(group, work, pace));
        }
        let mut seeds = Stream::new(seed, "proxy", 0);
        let mut proxies = Vec::new();
        for index in 0..runs.proxies {
            let seed = seeds.below(usize::MAX) as u64;
            let opened = Proxy::open(&testbed, spec, policy, (index, seed));
            proxies.push(opened.map_err(|error| error.to_string())?);
        }
        let header = load.keys.as_ref().and_then(|keys| keys.header.as_ref());
        let requests = Requests {
            header: header.and_then(|name| HeaderName::try_from(name).ok()),
            keys: KeyDraw::of(load.keys.as_ref())?,
            recorded: load.replay.as_ref().and_then(|replay| replay.recorded.clone()),
            work: Work::of(&load.service())?,
            prompts: load.prompt.map(|prompt| (prompt, Stream::new(seed, "answer", 0))),
            works: Stream::new(seed, "work", 0),
            key_stream: Stream::new(seed, "key", 0),
            proxy_stream: Stream::new(seed, "choice of the proxy", 0),
            made: 0,
            spare: None,
        };
        let tally = Tally::new(spec, servers.len())?;
        let source = Source::new(spec, seed);
        let (timeline, jobs) = (Timeline::new(), Jobs::default());
        let script = Script { spec, policy: &policy.name, ongoing: Vec::new() };
        Ok(Self { script, testbed, now: 0, timeline, proxies, servers, jobs, source, requests, tally })
    }

    /// Announces what is known from the beginning.
    fn announce(&mut self) {
        let runs = self.script.spec.run.get_ref();
        for (number, event) in (0..).zip(&self.script.spec.events) {
            let event = event.get_ref();
            self.timeline.add(event.at.0, Event::Change(number, true));
            if let Some(until) = event.until {
                self.timeline.add(until.0, Event::Change(number, false));
            }
        }
        for (number, swap) in (0..).zip(&self.script.spec.swaps) {
            if swap.get_ref().is_of(self.script.policy) {
                self.timeline.add(swap.get_ref().at.0, Event::Swap(number));
            }
        }
        for backend in 0..self.servers.len() {
            self.announce_pace(backend as u32);
        }
        self.timeline.add(runs.warmup().0, Event::WarmedUp);
        for proxy in 0..runs.proxies {
            self.timeline.add(0, Event::Wake(proxy));
        }
        if runs.counts_every.0 > 0 {
            self.timeline.add(runs.counts_every.0, Event::Refresh);
        }
        for at in self.source.first() {
            self.timeline.add(at, Event::Arrival);
        }
    }

    /// Runs to the end; false if it was ended before.
    fn play(&mut self, progress: &mut dyn FnMut(u64) -> bool) -> Result<bool, String> {
        /// Events between two calls of `progress`.
        const REPORTED: u32 = 1 << 16;

        self.announce();
        let end = self.script.spec.run.get_ref().duration.0;
        let mut events = 0;
        let mut ended = Vec::new();
        while let Some((at, event)) = self.timeline.next() {
            if at >= end && !self.source.is_closed {
                self.close(end);
            }
            // What came in time is still served, but for what would take as long again.
            if self.source.is_closed && (self.nothing_is_left() || at >= 2 * end) {
                break;
            }
            if at > self.now {
                self.now = at;
                self.testbed.set(Moment(at));
            }
            events += 1;
            if events % REPORTED == 0 && !progress(at) {
                return Ok(false);
            }
            self.happen(event, &mut ended);
            if self.jobs.most() > MOST_JOBS {
                return Err(format!("more than {MOST_JOBS} requests at a time after {}", TimeSpan(self.now)));
            }
        }
        Ok(true)
    }

    /// Whether all requests that came have been answered.
    fn nothing_is_left(&self) -> bool {
        self.jobs.is_empty() && self.proxies.iter().all(|proxy| proxy.queue.is_empty())
    }

    /// The run is over: no request comes any more.
    fn close(&mut self, end: u64) {
        self.source.is_closed = true;
        for server in &mut self.servers {
            let now = server.occupancy.now;
            server.occupancy.change(end, now);
        }
    }

    fn happen(&mut self, event: Event, ended: &mut Vec<JobId>) {
        match event {
            Event::Arrival if self.source.is_closed => {}
            Event::Arrival => {
                if let Some(next) = self.source.next() {
                    self.timeline.add(next, Event::Arrival);
                }
                self.arrive();
            }
            Event::Done { backend, job } => {
                // It was announced anew if its backend has changed its speed.
                if self.jobs.ends(job, backend, self.now) {
                    let due = self.servers[backend as usize].leave(self.now);
                    self.announce_due(backend, due);
                    self.end(job);
                }
            }
            Event::Read { backend, job } => self.read(backend, job),
            Event::Answered(job) => self.end(job),
            Event::Look { backend, version } => {
                let due = self.servers[backend as usize].look_again(self.now, version, ended);
                self.announce_due(backend, due);
                for job in ended.drain(..) {
                    let due = self.servers[backend as usize].leave(self.now);
                    self.announce_due(backend, due);
                    self.end(job);
                }
            }
            Event::Wake(proxy) => {
                let simulation = &mut self.proxies[proxy as usize].simulation;
                // It has been woken since, and was announced anew.
                if simulation.wakes_at().0 > self.now {
                    return;
                }
                simulation.wake();
                // A policy with ticks at no interval at all would stop the time.
                let next = simulation.wakes_at().0.max(self.now + 1);
                self.timeline.add(next, Event::Wake(proxy));
            }
            Event::GiveUp(proxy) => self.give_up(proxy as usize),
            Event::Refresh => {
                self.proxies.iter_mut().for_each(Proxy::refresh);
                self.timeline.add(self.now + self.script.spec.run.get_ref().counts_every.0, Event::Refresh);
            }
            Event::Pace(backend) => {
                let running = self.jobs.running(backend);
                let due = self.servers[backend as usize].change_pace(self.now, running);
                self.announce_due(backend, due);
                self.announce_pace(backend);
            }
            Event::Change(number, begins) => self.change(number as usize, begins),
            Event::Swap(number) => self.swap(number as usize),
            Event::WarmedUp => {
                self.servers.iter_mut().for_each(|server| server.restart(self.now));
            }
        }
    }

    /// A model server has read a prompt, unless that was announced anew.
    fn read(&mut self, backend: u32, job: JobId) {
        if self.jobs.ends(job, backend, self.now) {
            self.jobs.has_read(job, self.now);
            let due = self.servers[backend as usize].has_read(self.now);
            self.announce_due(backend, due);
        }
    }

    /// Announces when a backend is disturbed next, or isn't any more.
    fn announce_pace(&mut self, backend: u32) {
        if let Some(at) = self.servers[backend as usize].pace.changes_at(self.now) {
            self.timeline.add(at, Event::Pace(backend));
        }
    }

    fn announce_due(&mut self, backend: u32, due: impl IntoIterator<Item = Due>) {
        for due in due {
            match due {
                Due::Done { at, job } => {
                    self.jobs.announce(job, at);
                    self.timeline.add(at, Event::Done { backend, job });
                }
                Due::Read { at, job } => {
                    self.jobs.announce(job, at);
                    self.timeline.add(at, Event::Read { backend, job });
                }
                Due::Look { at, version } => self.timeline.add(at, Event::Look { backend, version }),
            }
        }
    }
}
