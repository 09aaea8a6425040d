//! The thread that builds, publishes, replaces and drops instances.

use std::collections::HashMap;
use std::io;
use std::num::NonZeroUsize;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Weak};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use crate::clock::Clock;

use super::super::admission::Refusal;
use super::super::engine::GuestEngine;
use super::super::fault::Fault;
use super::super::guest::Terms;
use super::super::instance::{BuildError, Instance, Retired};
use super::super::picker::Picker;
use super::super::rng::Rng;
use super::super::slot::{Delivery, PolicySlot, Serving};
use super::super::version::{PolicyVersion, VersionId};
use super::backoff::Backoff;
use super::compiler::Admitted;
use super::reply::Reply;
use super::{Opened, Swap, SwapOutcome};

/// What the keeper is asked to do.
#[derive(Debug)]
pub(crate) enum Command {
    /// Open a slot.
    Open { terms: Arc<Terms>, admitted: Admitted, reply: Sender<Result<Opened, Refusal>> },
    /// Publish a version in a slot.
    Swap { slot: Arc<PolicySlot>, admitted: Admitted, reply: Reply },
    /// A worker's instance of this publication has failed.
    Rebuild { slot: Arc<PolicySlot>, worker: usize, generation: u64 },
    /// Drop what no worker needs any more.
    Reap(Retired),
    /// Stop.
    End,
}

/// A worker that is to get another instance.
#[derive(Debug)]
struct Pending {
    due: Instant,
    slot: Weak<PolicySlot>,
    worker: usize,
    generation: u64,
}

struct Keeper {
    engine: GuestEngine,
    clock: Clock,
    workers: NonZeroUsize,
    seeds: Rng,
    /// For the slots to come.
    commands: Sender<Command>,
    pending: Vec<Pending>,
    /// By the slot's terms and the worker.
    backoffs: HashMap<(u64, usize), Backoff>,
}

/// Starts the thread, which ends on command.
pub(super) fn start(
    engine: GuestEngine,
    clock: Clock,
    workers: NonZeroUsize,
    seeds: Rng,
) -> io::Result<(Sender<Command>, JoinHandle<()>)> {
    let (commands, receiver) = mpsc::channel();
    let mut keeper = Keeper {
        engine,
        clock,
        workers,
        seeds,
        commands: commands.clone(),
        pending: Vec::new(),
        backoffs: HashMap::new(),
    };
    let handle = thread::Builder::new().name("policy-keeper".into()).spawn(move || keeper.run(&receiver))?;
    Ok((commands, handle))
}

impl Keeper {
    fn run(&mut self, commands: &Receiver<Command>) {
        loop {
            let command = match self.pending.iter().map(|pending| pending.due).min() {
                Some(due) => commands.recv_timeout(due.saturating_duration_since(Instant::now())),
                None => commands.recv().map_err(RecvTimeoutError::from),
            };
            match command {
                Ok(Command::Open { terms, admitted, reply }) => {
                    // If nobody waits any more, the slot ends here.
                    drop(reply.send(self.open(terms, admitted)));
                }
                Ok(Command::Swap { slot, admitted, reply }) => reply.send(self.swap(&slot, admitted)),
                Ok(Command::Rebuild { slot, worker, generation }) => self.schedule(&slot, worker, generation),
                Ok(Command::Reap(retired)) => drop(retired),
                Ok(Command::End) | Err(RecvTimeoutError::Disconnected) => return,
                Err(RecvTimeoutError::Timeout) => {}
            }
            self.rebuild_due();
        }
    }

    fn open(&mut self, terms: Arc<Terms>, admitted: Admitted) -> Result<Opened, Refusal> {
        let Admitted { version, origin, rehearsed, started } = admitted;
        let generation = 1;
        let workers = self.workers.get();
        let deliveries = self.build_all(&terms, &version, workers, generation).map_err(refusal)?;
        let pool = Arc::clone(&terms.pool);
        tracing::info!(
            pool = &*pool.name,
            version = %version.id,
            %origin,
            compile = ?version.compile_time,
            total = ?started.elapsed(),
            pick = ?rehearsed.pick_time,
            "policy serves"
        );
        let serving = Serving { version, origin, generation };
        let slot = Arc::new(PolicySlot::new(terms, serving, workers, self.commands.clone()));
        let pickers = deliveries.into_iter().enumerate().map(|(worker, first)| {
            let rng = Rng::seeded(self.seeds.draw());
            Picker::new(Arc::clone(&slot), worker, first, rng)
        });
        let pickers = pickers.collect();
        Ok(Opened { slot, pickers })
    }

    fn swap(&mut self, slot: &Arc<PolicySlot>, admitted: Admitted) -> SwapOutcome {
        let Admitted { version, origin, rehearsed, started } = admitted;
        let serving = slot.serving();
        if serving.version.id == version.id {
            return SwapOutcome::Unchanged(version.id);
        }
        let generation = serving.generation + 1;
        let deliveries = match self.build_all(slot.terms(), &version, slot.workers(), generation) {
            Ok(deliveries) => deliveries,
            Err(error) => {
                let refusal = refusal(error);
                slot.log_refusal(&origin, &refusal);
                return SwapOutcome::Refused(refusal);
            }
        };
        let next = Serving { version: Arc::clone(&version), origin: Arc::clone(&origin), generation };
        let (before, uncollected) = slot.publish(next, deliveries);
        let swap = Swap {
            from: before.version.id,
            to: version.id,
            compile_time: version.compile_time,
            total_time: started.elapsed(),
            pick_time: rehearsed.pick_time,
        };
        tracing::info!(
            pool = &*slot.pool().name,
            from = %swap.from,
            to = %swap.to,
            %origin,
            compile = ?swap.compile_time,
            total = ?swap.total_time,
            pick = ?swap.pick_time,
            "swap"
        );
        drop(uncollected);
        SwapOutcome::Swapped(swap)
    }

    /// One instance per worker.
    fn build_all(
        &mut self,
        terms: &Arc<Terms>,
        version: &Arc<PolicyVersion>,
        workers: usize,
        generation: u64,
    ) -> Result<Vec<Delivery>, BuildError> {
        (0..workers).map(|_| Ok(Delivery { instance: self.build(terms, version)?, generation })).collect()
    }

    fn build(&mut self, terms: &Arc<Terms>, version: &Arc<PolicyVersion>) -> Result<Instance, BuildError> {
        Instance::build(&self.engine, version, terms, terms.pool.topology(), self.seeds.draw())
    }

    fn schedule(&mut self, slot: &Arc<PolicySlot>, worker: usize, generation: u64) {
        let now = Instant::now();
        self.backoffs.retain(|_, backoff| !backoff.is_forgotten(now));
        let backoff = self.backoffs.entry((slot.terms().id, worker)).or_insert_with(|| Backoff::new(now));
        let due = backoff.failed(now);
        self.pending.push(Pending { due, slot: Arc::downgrade(slot), worker, generation });
    }

    fn rebuild_due(&mut self) {
        let now = Instant::now();
        let due: Vec<_> = self.pending.extract_if(.., |pending| pending.due <= now).collect();
        for Pending { slot, worker, generation, .. } in due {
            let Some(slot) = slot.upgrade() else { continue };
            let serving = slot.serving();
            // A version that was published meanwhile has brought an instance with it.
            if serving.generation == generation {
                self.rebuild(&slot, &serving, worker);
            }
        }
    }

    fn rebuild(&mut self, slot: &Arc<PolicySlot>, serving: &Serving, worker: usize) {
        let generation = serving.generation;
        match self.build(slot.terms(), &serving.version) {
            Ok(instance) => {
                slot.ledger().count_rebuild();
                drop(slot.deliver(worker, Delivery { instance, generation }));
            }
            Err(error) => {
                self.report(slot, serving.version.id, worker, error);
                self.schedule(slot, worker, generation);
            }
        }
    }

    fn report(&self, slot: &PolicySlot, version: VersionId, worker: usize, error: BuildError) {
        let fault = match error {
            BuildError::Fault(fault) => fault,
            BuildError::Refused(reason) => Fault::from_refusal(reason),
        };
        slot.ledger().record(&slot.pool().name, version, worker, &fault, self.clock.now());
    }
}

fn refusal(error: BuildError) -> Refusal {
    match error {
        BuildError::Refused(reason) => Refusal::Init { reason },
        BuildError::Fault(fault) => Refusal::Rehearsal { situation: "starting".to_owned(), fault },
    }
}
