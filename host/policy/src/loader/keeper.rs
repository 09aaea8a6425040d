//! The thread that builds, publishes, replaces, takes back and drops instances.

mod rebuild;
mod rollback;

use std::collections::HashMap;
use std::io;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use pointsman_core::printable::Printable;

use super::super::admission::Refusal;
use super::super::engine::GuestEngine;
use super::super::guest::Terms;
use super::super::instance::{BuildError, Instance, Retired};
use super::super::ledger::{Ledger, Tally};
use super::super::picker::Picker;
use super::super::rng::Rng;
use super::super::slot::{Delivery, PolicySlot, Serving};
use super::super::version::PolicyVersion;
use super::compiler::Admitted;
use super::probation::{Probation, WayBack};
use super::reply::Reply;
use super::{Milestone, Opened, Swap, SwapOutcome};
use rebuild::{Breaker, Pending};

/// What the keeper is asked to do.
#[derive(Debug)]
pub(crate) enum Command {
    /// Open a slot.
    Open { terms: Arc<Terms>, admitted: Admitted, reply: Sender<Result<Opened, Refusal>> },
    /// Publish a version in a slot.
    Swap { slot: Arc<PolicySlot>, admitted: Admitted, reply: Reply },
    /// A worker's instance of this publication has failed.
    Rebuild { slot: Arc<PolicySlot>, worker: usize, generation: u64 },
    /// This publication has had too many faults on probation.
    RollBack { slot: Arc<PolicySlot>, generation: u64, last: Printable },
    /// Drop what no worker needs any more.
    Reap(Retired),
    /// Stop.
    End,
}

/// Who is told what is worth remembering.
pub(super) type Remember = Box<dyn FnMut(&PolicySlot, Milestone) + Send>;

/// A worker's place at a slot.
type Place = (u64, usize);

struct Keeper {
    engine: GuestEngine,
    workers: NonZeroUsize,
    seeds: Rng,
    /// For the slots to come.
    commands: Sender<Command>,
    remember: Remember,
    pending: Vec<Pending>,
    breakers: HashMap<Place, Breaker>,
    /// By the slot's terms.
    probations: HashMap<u64, Probation>,
}

/// Starts the thread, which ends on command.
pub(super) fn start(
    engine: GuestEngine,
    workers: NonZeroUsize,
    seeds: Rng,
    remember: Remember,
) -> io::Result<(Sender<Command>, JoinHandle<()>)> {
    let (commands, receiver) = mpsc::channel();
    let mut keeper = Keeper {
        engine,
        workers,
        seeds,
        commands: commands.clone(),
        remember,
        pending: Vec::new(),
        breakers: HashMap::new(),
        probations: HashMap::new(),
    };
    let handle = thread::Builder::new().name("policy-keeper".into()).spawn(move || keeper.run(&receiver))?;
    Ok((commands, handle))
}

impl Keeper {
    fn run(&mut self, commands: &Receiver<Command>) {
        loop {
            let command = match self.next_due() {
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
                Ok(Command::RollBack { slot, generation, last }) => self.roll_back(&slot, generation, last),
                Ok(Command::Reap(retired)) => drop(retired),
                Ok(Command::End) | Err(RecvTimeoutError::Disconnected) => return,
                Err(RecvTimeoutError::Timeout) => {}
            }
            self.rebuild_due();
            self.close_circuits();
            self.look_at_probations();
        }
    }

    /// When there is something to do, if nobody asks for anything before.
    fn next_due(&self) -> Option<Instant> {
        let rebuilds = self.pending.iter().map(|pending| pending.due);
        let circuits = self.breakers.values().filter_map(|breaker| breaker.circuit.closes_at());
        let probations = self.probations.values().map(Probation::next_look);
        rebuilds.chain(circuits).chain(probations).min()
    }

    fn open(&mut self, terms: Arc<Terms>, admitted: Admitted) -> Result<Opened, Refusal> {
        let Admitted { version, origin, rehearsed, started } = admitted;
        let (generation, ledger, workers) = (1, Ledger::new(), self.workers.get());
        let tally = ledger.tally(version.id);
        let deliveries = self.build_all(&terms, &version, workers, (generation, &tally)).map_err(refusal)?;
        tracing::info!(
            event = "policy-started",
            pool = &*terms.pool.name,
            route = terms.settings.route.as_deref(),
            version = %version.id,
            %origin,
            compile = ?version.compile_time,
            total = ?started.elapsed(),
            pick = ?rehearsed.pick_time,
            "policy serves"
        );
        let serving = Serving { version, origin, generation };
        let slot = Arc::new(PolicySlot::new(terms, serving, workers, ledger, self.commands.clone()));
        self.begin_probation(&slot, Vec::new(), tally);
        let pickers = deliveries.into_iter().enumerate().map(|(worker, first)| {
            let rng = Rng::seeded(self.seeds.draw());
            Picker::new(Arc::clone(&slot), worker, first, rng)
        });
        let pickers = pickers.collect();
        Ok(Opened { slot, pickers })
    }

    fn swap(&mut self, slot: &Arc<PolicySlot>, admitted: Admitted) -> SwapOutcome {
        let Admitted { version, origin, rehearsed, started } = admitted;
        if slot.serving().version.id == version.id {
            return SwapOutcome::Unchanged(version.id);
        }
        let (before, tally) = match self.publish(slot, &version, &origin) {
            Ok(published) => published,
            Err(error) => {
                let refusal = refusal(error);
                slot.log_refusal(&origin, &refusal);
                return SwapOutcome::Refused(refusal);
            }
        };
        let swap = Swap {
            from: before.version.id,
            to: version.id,
            compile_time: version.compile_time,
            total_time: started.elapsed(),
            pick_time: rehearsed.pick_time,
        };
        tracing::info!(
            event = "policy-swapped",
            pool = &*slot.pool().name,
            route = slot.route(),
            from = %swap.from,
            to = %swap.to,
            %origin,
            compile = ?swap.compile_time,
            total = ?swap.total_time,
            pick = ?swap.pick_time,
            "swap"
        );
        let mut ways_back = match self.probations.remove(&slot.terms().id) {
            Some(probation) => probation.replaced(before),
            None => vec![WayBack { serving: before, unproven: None }],
        };
        ways_back.retain(|way| way.serving.version.id != version.id);
        self.begin_probation(slot, ways_back, tally);
        SwapOutcome::Swapped(swap)
    }

    /// Gives every worker an instance of this version; answers what served before, and where the faults of the version
    /// are counted.
    fn publish(
        &mut self,
        slot: &Arc<PolicySlot>,
        version: &Arc<PolicyVersion>,
        origin: &Arc<str>,
    ) -> Result<(Serving, Arc<Tally>), BuildError> {
        let generation = slot.serving().generation + 1;
        let tally = slot.ledger().tally(version.id);
        let deliveries = self.build_all(slot.terms(), version, slot.workers(), (generation, &tally))?;
        slot.trial().end();
        self.forget_circuits(slot);
        let next = Serving { version: Arc::clone(version), origin: Arc::clone(origin), generation };
        let (before, uncollected) = slot.publish(next, deliveries);
        drop(uncollected);
        Ok((before, tally))
    }

    /// One instance per worker.
    fn build_all(
        &mut self,
        terms: &Arc<Terms>,
        version: &Arc<PolicyVersion>,
        workers: usize,
        (generation, tally): (u64, &Arc<Tally>),
    ) -> Result<Vec<Delivery>, BuildError> {
        let build = |_| {
            let instance = self.build(terms, version)?;
            Ok(Delivery { instance, generation, tally: Arc::clone(tally) })
        };
        (0..workers).map(build).collect()
    }

    fn build(&mut self, terms: &Arc<Terms>, version: &Arc<PolicyVersion>) -> Result<Instance, BuildError> {
        Instance::build(&self.engine, version, terms, terms.pool.topology(), self.seeds.draw())
    }
}

fn refusal(error: BuildError) -> Refusal {
    match error {
        BuildError::Refused(reason) => Refusal::Init { reason },
        BuildError::Fault(fault) => Refusal::Rehearsal { situation: "starting".to_owned(), fault },
    }
}
