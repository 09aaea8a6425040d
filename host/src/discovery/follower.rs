//! The thread that asks: which question is due, and what its answer changes.

use std::collections::HashMap;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use pointsman_core::clock::Clock;
use pointsman_core::printable::Printable;
use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};

use crate::config::{DnsConfig, Question};
use crate::open_files::OpenFiles;

use super::Wanted;
use super::answer::{Failure, Reply};
use super::placement::Placement;
use super::resolver::Resolver;
use super::schedule::{Bounds, Burst, Schedule};

/// The longest sleep, for when there is nothing to ask.
const IDLE: Duration = Duration::from_secs(3_600);

type EarlySender = tokio::sync::mpsc::UnboundedSender<(Question, Reply)>;
type EarlyReceiver = tokio::sync::mpsc::UnboundedReceiver<(Question, Reply)>;

/// Follows the names of all pools.
#[derive(Debug)]
pub(super) struct Follower {
    clock: Clock,
    dns: DnsConfig,
    /// Questions that are asked at a time.
    at_a_time: usize,
    /// None until it is needed, and after a failure: what is wrong may have been mended in the system's configuration.
    resolver: Option<Arc<Resolver>>,
    schedules: HashMap<Question, Schedule>,
    placements: Vec<Placement>,
    lookups: JoinSet<(Question, Result<Reply, Failure>)>,
    /// What there is of answers that aren't whole yet: where it goes, and where it comes from.
    early: (EarlySender, EarlyReceiver),
    answered: Option<mpsc::SyncSender<()>>,
}

impl Follower {
    pub(super) fn new(clock: Clock) -> Self {
        Self {
            clock,
            dns: DnsConfig::default(),
            at_a_time: OpenFiles::of_process().for_dns(),
            resolver: None,
            schedules: HashMap::new(),
            placements: Vec::new(),
            lookups: JoinSet::new(),
            early: tokio::sync::mpsc::unbounded_channel(),
            answered: None,
        }
    }

    /// Follows what is wanted until nobody can want anything any more.
    pub(super) async fn run(mut self, mut wanted: watch::Receiver<Wanted>) {
        loop {
            let pause = self.ask();
            tokio::select! {
                changed = wanted.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    let wanted = wanted.borrow_and_update().clone();
                    self.adopt(wanted);
                }
                Some((question, reply)) = self.early.1.recv() => self.anticipate(&question, reply),
                Some(done) = self.lookups.join_next() => self.settle(done),
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// Takes over what is to be followed. What stays keeps its answer.
    fn adopt(&mut self, wanted: Wanted) {
        self.dns = wanted.dns;
        self.resolver = None;
        self.answered = wanted.answered;
        let mut schedules = std::mem::take(&mut self.schedules);
        let mut before: HashMap<_, _> = std::mem::take(&mut self.placements)
            .into_iter()
            .map(|placement| (placement.pool().name.clone(), placement))
            .collect();
        let of_pools = wanted.pools.iter().flat_map(|pool| &pool.entries).map(|entry| &entry.question);
        for question in of_pools.chain(&wanted.upcoming) {
            if let Some((question, schedule)) = schedules.remove_entry(question) {
                self.schedules.insert(question, schedule);
            }
            self.schedules.entry(question.clone()).or_default();
        }
        for pool in wanted.pools {
            let placement = Placement::new(pool);
            let placement = match before.remove(&placement.pool().name) {
                Some(old) => placement.succeed(old),
                None => placement,
            };
            self.placements.push(placement);
        }
        self.place(|_| true);
        if let Some(placed) = wanted.placed {
            // Whoever no longer waits needn't know.
            let _ = placed.try_send(());
        }
    }

    /// Sends off what is due; answers how long there is nothing else to send.
    fn ask(&mut self) -> Duration {
        let now = self.clock.now();
        let mut pause = IDLE;
        for (question, schedule) in &mut self.schedules {
            let Some(due) = schedule.due() else { continue };
            if due > now {
                pause = pause.min(due.since(now));
                continue;
            }
            if self.lookups.len() >= self.at_a_time {
                // The end of one of them leads back here.
                break;
            }
            schedule.ask();
            let question = question.clone();
            let resolver = match &self.resolver {
                Some(resolver) => Ok(Arc::clone(resolver)),
                None => Resolver::new(&self.dns),
            };
            self.resolver = resolver.as_ref().ok().cloned();
            let early = self.early.0.clone();
            self.lookups.spawn(async move {
                let reply = match resolver {
                    Ok(resolver) => {
                        // The follower is there for as long as its lookups are.
                        let early = |reply| drop(early.send((question.clone(), reply)));
                        resolver.ask(question.clone(), early).await
                    }
                    Err(failure) => Err(failure),
                };
                (question, reply)
            });
        }
        pause
    }

    fn anticipate(&mut self, question: &Question, reply: Reply) {
        let schedule = self.schedules.get_mut(question);
        if schedule.is_some_and(|schedule| schedule.anticipate(reply)) {
            self.place(|asked| asked == question);
        }
    }

    fn settle(&mut self, done: Result<(Question, Result<Reply, Failure>), JoinError>) {
        let (question, reply) = match done {
            Ok(done) => done,
            Err(error) => {
                // Nobody says which one it was: all that are being asked are asked again.
                let asked: Vec<Question> = self
                    .schedules
                    .iter()
                    .filter(|(_, schedule)| schedule.due().is_none())
                    .map(|(question, _)| question.clone())
                    .collect();
                for question in asked {
                    self.settle(Ok((question, Err(Failure::Server(Printable::text(&error))))));
                }
                return;
            }
        };
        // One that is no longer followed has no schedule.
        let Some(schedule) = self.schedules.get_mut(&question) else { return };
        let settled = schedule.settle(reply, self.clock.now(), Bounds::from(&self.dns));
        let backends = schedule.answer().map_or(0, |answer| answer.found.len());
        match settled.burst {
            Some(Burst::Begins(failure)) => {
                self.resolver = None;
                tracing::warn!(
                    event = "dns-resolve-failed", name = %question, backends,
                    "{failure}; the last good answer holds"
                );
            }
            Some(Burst::Ends) => {
                tracing::info!(event = "dns-resolve-recovered", name = %question, backends, "resolved again")
            }
            None => {}
        }
        if settled.changed {
            let left_out = schedule.answer().map_or(0, |answer| answer.left_out);
            if left_out > 0 {
                tracing::warn!(
                    event = "dns-addresses-dropped", name = %question, backends, left_out,
                    "too many addresses"
                );
            }
            self.place(|asked| *asked == question);
        }
    }

    /// Brings the answers into the pools that have an entry for such a question.
    fn place(&mut self, concerned: impl Fn(&Question) -> bool) {
        let schedules = &self.schedules;
        for placement in &mut self.placements {
            if !placement.entries().iter().any(|entry| concerned(&entry.question)) {
                continue;
            }
            let moved = placement.place(|question| schedules.get(question).and_then(Schedule::answer));
            if let Some(moved) = moved {
                let pool = &*placement.pool().name;
                tracing::info!(
                    event = "pool-backends-changed",
                    pool,
                    came = moved.came,
                    left = moved.left,
                    discovered = moved.present,
                    "backends"
                );
            }
        }
        if self.schedules.values().all(|schedule| schedule.answer().is_some())
            && let Some(answered) = self.answered.take()
        {
            // Whoever no longer waits needn't know.
            let _ = answered.try_send(());
        }
    }
}
