//! The questions to DNS: each one is asked when it is due, and its last good answer is kept.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use pointsman_core::clock::Clock;
use pointsman_core::printable::Printable;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::{JoinError, JoinSet};

use crate::config::{DnsConfig, Question};
use crate::discovery::counts::DiscoveryCounts;
use crate::discovery::resolved::ResolvedBackend;
use crate::open_files::OpenFiles;

use super::answer::{Failure, Reply};
use super::resolver::Resolver;
use super::schedule::{Bounds, Outage, Schedule};

/// The longest sleep, for when there is nothing to ask.
const IDLE: Duration = Duration::from_secs(3_600);

type EarlySender = UnboundedSender<(Question, Reply)>;
type EarlyReceiver = UnboundedReceiver<(Question, Reply)>;

/// All questions that are asked.
#[derive(Debug)]
pub(in crate::discovery) struct Questions {
    clock: Clock,
    config: DnsConfig,
    /// How many are asked at a time.
    at_a_time: usize,
    /// `None` until it is needed, and after a failure: the system's configuration may have been corrected since.
    resolver: Option<Arc<Resolver>>,
    schedules: HashMap<Question, Schedule>,
    lookups: JoinSet<(Question, Result<Reply, Failure>)>,
    /// The channel for replies of which a part is missing yet.
    early: (EarlySender, EarlyReceiver),
    counts: Arc<DiscoveryCounts>,
}

impl Questions {
    pub(in crate::discovery) fn new(clock: Clock, counts: Arc<DiscoveryCounts>) -> Self {
        Self {
            clock,
            config: DnsConfig::default(),
            at_a_time: OpenFiles::of_process().for_dns(),
            resolver: None,
            schedules: HashMap::new(),
            lookups: JoinSet::new(),
            early: unbounded_channel(),
            counts,
        }
    }

    /// Asks these questions from now on, and no others. Those that were asked before keep their answers. The system's configuration
    /// is read again.
    pub(in crate::discovery) fn replace<'a>(
        &mut self,
        config: DnsConfig,
        questions: impl Iterator<Item = &'a Question>,
    ) {
        self.config = config;
        self.resolver = None;
        let mut before = std::mem::take(&mut self.schedules);
        for question in questions {
            if let Some((question, schedule)) = before.remove_entry(question) {
                self.schedules.insert(question, schedule);
            }
            self.schedules.entry(question.clone()).or_default();
        }
        self.counts.follow(self.schedules.keys().map(Question::to_string));
    }

    /// The backends of the last good answer to a question.
    pub(in crate::discovery) fn backends(&self, question: &Question) -> Option<&[ResolvedBackend]> {
        Some(&self.schedules.get(question)?.answer()?.backends)
    }

    /// Whether every question has had a good answer.
    pub(in crate::discovery) fn are_answered(&self) -> bool {
        self.schedules.values().all(|schedule| schedule.answer().is_some())
    }

    /// Asks what is due, until the answer to a question has changed. Loses nothing if it is dropped before.
    pub(in crate::discovery) async fn changed(&mut self) -> Question {
        loop {
            let pause = self.ask();
            let changed = tokio::select! {
                Some((question, reply)) = self.early.1.recv() => self.anticipate(question, reply),
                Some(done) = self.lookups.join_next() => self.settle_done(done),
                () = tokio::time::sleep(pause) => None,
            };
            if let Some(question) = changed {
                return question;
            }
        }
    }

    /// Starts the lookups that are due. Returns how long there is no other one to start.
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
                None => Resolver::new(&self.config),
            };
            self.resolver = resolver.as_ref().ok().cloned();
            let early = self.early.0.clone();
            self.lookups.spawn(async move {
                let reply = match resolver {
                    Ok(resolver) => {
                        // The receiver is there for as long as the lookups are.
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

    /// Takes a reply of which a part is missing yet. Returns its question if the answer has changed.
    fn anticipate(&mut self, question: Question, reply: Reply) -> Option<Question> {
        let schedule = self.schedules.get_mut(&question)?;
        schedule.anticipate(reply).then_some(question)
    }

    /// Ends a lookup. Returns its question if the answer has changed.
    fn settle_done(
        &mut self,
        done: Result<(Question, Result<Reply, Failure>), JoinError>,
    ) -> Option<Question> {
        match done {
            Ok((question, reply)) => self.settle(question, reply),
            Err(error) => {
                // The error doesn't say which lookup it was: all that are under way are asked again. A failure changes no answer.
                let asked = self.schedules.iter().filter(|(_, schedule)| schedule.due().is_none());
                let asked: Vec<Question> = asked.map(|(question, _)| question.clone()).collect();
                for question in asked {
                    self.settle(question, Err(Failure::Server(Printable::text(&error))));
                }
                None
            }
        }
    }

    fn settle(&mut self, question: Question, reply: Result<Reply, Failure>) -> Option<Question> {
        // A question that is no longer asked has no schedule.
        let schedule = self.schedules.get_mut(&question)?;
        let now = self.clock.now();
        let settled = schedule.settle(reply, now, Bounds::from(&self.config));
        self.counts.count(&question.to_string(), settled.result, now);
        let backends = schedule.answer().map_or(0, |answer| answer.backends.len());
        match settled.outage {
            Some(Outage::Begins(failure)) => {
                self.resolver = None;
                tracing::warn!(
                    event = "dns-resolve-failed", name = %question, backends,
                    "{failure}; the last good answer holds"
                );
            }
            Some(Outage::Ends) => {
                tracing::info!(event = "dns-resolve-recovered", name = %question, backends, "resolved again")
            }
            None => {}
        }
        if !settled.changed {
            return None;
        }
        let left_out = schedule.answer().map_or(0, |answer| answer.left_out);
        if left_out > 0 {
            tracing::warn!(
                event = "dns-addresses-dropped", name = %question, backends, left_out,
                "too many addresses"
            );
        }
        Some(question)
    }
}
