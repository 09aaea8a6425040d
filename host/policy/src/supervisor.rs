//! Builds, publishes, replaces, takes back and drops the instances of all slots, one step at a time.
//!
//! It has no thread of its own and never blocks: the loader's thread drives it, and a [`Simulation`](crate::Simulation) without
//! one.

mod circuit;
mod decisions;
mod rollback;

use std::collections::{BTreeMap, VecDeque};
use std::num::NonZeroUsize;
use std::sync::{Arc, Weak};
use std::time::Duration;

use pointsman_core::clock::{Clock, Moment};

use crate::admission::{Admitted, Refusal};
use crate::context::{ContextId, PolicyContext};
use crate::engine::GuestEngine;
use crate::fault::Fault;
use crate::instance::{BuildError, Instance};
use crate::picker::Picker;
use crate::probation::{ProbationOutcome, Reading, VersionEvent};
use crate::rng::Rng;
use crate::slack::with_slack;
use crate::slot::{ActiveVersion, Delivery, PolicySlot, Publication, SlotEvent, SlotEvents};
use crate::stats::{FaultCounts, PolicyStats};
use crate::swap::{Swap, SwapOutcome};
use crate::version::PolicyVersion;

use decisions::{Action, Cause, Decisions, Event, Published};

/// Called with each event that is to be remembered over a restart.
pub(crate) type Remember = Box<dyn FnMut(&PolicySlot, VersionEvent) + Send>;

/// A slot that has begun to serve, with a picker for each worker.
#[derive(Debug)]
pub struct Opened {
    /// For swaps and observation.
    pub slot: Arc<PolicySlot>,
    /// One per worker.
    pub pickers: Vec<Picker>,
}

/// Carries out what is [decided](Decisions).
pub(crate) struct Supervisor {
    engine: GuestEngine,
    workers: NonZeroUsize,
    seeds: Rng,
    clock: Clock,
    /// For the slots to come.
    events: SlotEvents,
    remember: Remember,
    slots: BTreeMap<ContextId, Weak<PolicySlot>>,
    decisions: Decisions<ActiveVersion>,
}

impl Supervisor {
    pub(crate) fn new(
        engine: GuestEngine,
        workers: NonZeroUsize,
        seeds: Rng,
        clock: Clock,
        events: SlotEvents,
        remember: Remember,
    ) -> Self {
        let (slots, decisions) = (BTreeMap::new(), Decisions::default());
        Self { engine, workers, seeds, clock, events, remember, slots, decisions }
    }

    /// Time until something is due, unless an event comes first.
    pub(crate) fn next_due(&self) -> Option<Duration> {
        self.decisions.next_due().map(|due| due.since(self.now()))
    }

    /// Does what is due.
    pub(crate) fn time_passed(&mut self) {
        self.happened(Event::TimePassed);
    }

    /// Handles an event of a slot's workers.
    pub(crate) fn slot_event(&mut self, event: SlotEvent) {
        match event {
            SlotEvent::InstanceFailed { slot, worker, publication } => {
                self.happened(Event::InstanceFailed { slot, worker, publication });
            }
            SlotEvent::AllowanceExhausted { slot, publication, last_fault } => {
                self.happened(Event::AllowanceExhausted { slot, publication, last_fault });
            }
            SlotEvent::Retired(retired) => drop(retired),
        }
    }

    /// Opens a slot with its first version.
    pub(crate) fn open(
        &mut self,
        context: Arc<PolicyContext>,
        admitted: Admitted,
    ) -> Result<Opened, Refusal> {
        let Admitted { version, origin, rehearsed, started } = admitted;
        let (publication, stats, workers) = (Publication::FIRST, PolicyStats::new(), self.workers.get());
        let faults = stats.faults_of(version.id);
        let deliveries = self.build_all(&context, &version, workers, (publication, &origin, &faults))?;
        tracing::info!(
            event = "policy-started",
            pool = &*context.pool.name,
            route = context.settings.route.as_deref(),
            version = %version.id,
            %origin,
            compile = ?version.compile_time,
            total = ?started.elapsed(),
            pick = ?rehearsed.pick_time,
            "policy serves"
        );
        let active = ActiveVersion { version, origin, publication, faults };
        let slot = Arc::new(PolicySlot::new(context, active, workers, stats, self.events.clone()));
        self.slots.retain(|_, slot| slot.strong_count() > 0);
        self.slots.insert(slot.context().id, Arc::downgrade(&slot));
        self.published(&slot, Cause::Opened);
        let pickers = deliveries.into_iter().enumerate().map(|(worker, first)| {
            let rng = Rng::seeded(self.seeds.draw());
            Picker::new(Arc::clone(&slot), worker, first, rng)
        });
        let pickers = pickers.collect();
        Ok(Opened { slot, pickers })
    }

    /// Publishes a version in a slot, unless it is active already.
    pub(crate) fn swap(&mut self, slot: &Arc<PolicySlot>, admitted: Admitted) -> SwapOutcome {
        let Admitted { version, origin, rehearsed, started } = admitted;
        if slot.active().version.id == version.id {
            return SwapOutcome::Unchanged(version.id);
        }
        let before = match self.build_next(slot, (&version, &origin)) {
            Ok(deliveries) => self.publish(slot, &version, &origin, deliveries),
            Err(error) => {
                let refusal = Refusal::from(error);
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
        let reading = Reading { picks: slot.picks(), faults: before.faults.all_faults() };
        self.published(slot, Cause::Swapped { id: swap.from, version: before, reading });
        SwapOutcome::Swapped(swap)
    }

    /// Carries out what is decided on an event, and on the events that result from it.
    fn happened(&mut self, event: Event<ActiveVersion>) {
        let mut events = VecDeque::from([event]);
        while let Some(event) = events.pop_front() {
            for action in self.decisions.step(self.clock.now(), event) {
                events.extend(self.perform(action));
            }
        }
    }

    fn perform(&mut self, action: Action<ActiveVersion>) -> Option<Event<ActiveVersion>> {
        let (Action::Rebuild { slot, .. }
        | Action::CircuitOpened { slot, .. }
        | Action::CircuitClosed { slot, .. }
        | Action::CircuitForgotten { slot }
        | Action::BeginAllowance { slot, .. }
        | Action::ReadProbation { slot }
        | Action::Proven { slot }
        | Action::RollBack { slot, .. }) = &action;
        let id = *slot;
        let Some(slot) = self.slots.get(&id).and_then(Weak::upgrade) else {
            return Some(Event::SlotClosed { slot: id });
        };
        match action {
            Action::Rebuild { worker, publication, .. } => {
                return self.rebuild(&slot, worker, publication);
            }
            Action::CircuitOpened { worker, wait, .. } => circuit_opened(&slot, worker, wait),
            Action::CircuitClosed { worker, .. } => circuit_closed(&slot, worker),
            Action::CircuitForgotten { .. } => slot.stats().circuit_closed(),
            Action::BeginAllowance { publication, faults, .. } => {
                slot.allowance().begin(publication.get(), faults);
            }
            Action::ReadProbation { .. } => {
                let reading = Reading { picks: slot.picks(), faults: slot.active().faults.all_faults() };
                return Some(Event::ProbationRead { slot: id, reading });
            }
            Action::Proven { .. } => self.proven(&slot),
            Action::RollBack { to, ways_back, last_fault, .. } => {
                return self.roll_back(&slot, to, ways_back, last_fault);
            }
        }
        None
    }

    /// Reports to the decisions what was just published.
    fn published(&mut self, slot: &PolicySlot, cause: Cause<ActiveVersion>) {
        self.happened(Event::Published(published(slot, cause)));
    }

    /// Puts a version into a slot, with an instance for each worker; returns what was active before.
    fn publish(
        &mut self,
        slot: &Arc<PolicySlot>,
        version: &Arc<PolicyVersion>,
        origin: &Arc<str>,
        next: (Publication, Arc<FaultCounts>, Vec<Delivery>),
    ) -> ActiveVersion {
        let (publication, faults, deliveries) = next;
        slot.allowance().end();
        self.happened(Event::Replacing { slot: slot.context().id });
        let next =
            ActiveVersion { version: Arc::clone(version), origin: Arc::clone(origin), publication, faults };
        slot.publish(next, deliveries)
    }

    /// The next publication of a slot, with an instance of this version for each worker.
    fn build_next(
        &mut self,
        slot: &Arc<PolicySlot>,
        (version, origin): (&Arc<PolicyVersion>, &Arc<str>),
    ) -> Result<(Publication, Arc<FaultCounts>, Vec<Delivery>), BuildError> {
        let publication = slot.active().publication.next();
        let faults = slot.stats().faults_of(version.id);
        let described = (publication, origin, &faults);
        let deliveries = self.build_all(slot.context(), version, slot.workers(), described)?;
        Ok((publication, faults, deliveries))
    }

    /// One instance per worker.
    fn build_all(
        &mut self,
        context: &Arc<PolicyContext>,
        version: &Arc<PolicyVersion>,
        workers: usize,
        (publication, origin, faults): (Publication, &Arc<str>, &Arc<FaultCounts>),
    ) -> Result<Vec<Delivery>, BuildError> {
        let build = |_| {
            let instance = self.build(context, version)?;
            Ok(Delivery { instance, publication, origin: Arc::clone(origin), faults: Arc::clone(faults) })
        };
        (0..workers).map(build).collect()
    }

    fn build(
        &mut self,
        context: &Arc<PolicyContext>,
        version: &Arc<PolicyVersion>,
    ) -> Result<Instance, BuildError> {
        with_slack(BuildError::is_deadline, |slack| {
            let given = (context.pool.topology(), self.seeds.draw());
            Instance::build(&self.engine, version, context, given, slack)
        })
    }

    /// Gives a worker another instance of the active version.
    fn rebuild(
        &mut self,
        slot: &Arc<PolicySlot>,
        worker: usize,
        publication: Publication,
    ) -> Option<Event<ActiveVersion>> {
        let (id, active) = (slot.context().id, slot.active());
        match self.build(slot.context(), &active.version) {
            Ok(instance) => {
                slot.stats().count_rebuild();
                let ActiveVersion { origin, faults, .. } = active;
                drop(slot.deliver(worker, Delivery { instance, publication, origin, faults }));
                Some(Event::InstanceBuilt { slot: id, worker })
            }
            Err(error) => {
                let fault = match error {
                    BuildError::Fault(fault) => fault,
                    BuildError::Refused(reason) => Fault::from_refusal(&reason),
                };
                slot.record((active.version.id, publication, &active.faults), worker, &fault);
                Some(Event::InstanceFailed { slot: id, worker, publication })
            }
        }
    }

    fn proven(&mut self, slot: &PolicySlot) {
        slot.allowance().end();
        let ActiveVersion { version, origin, .. } = slot.active();
        tracing::debug!(
            event = "policy-proven",
            pool = &*slot.pool().name, route = slot.route(), version = %version.id,
            "proven"
        );
        (self.remember)(slot, VersionEvent { version, origin, outcome: ProbationOutcome::Proven });
    }

    fn now(&self) -> Moment {
        self.clock.now()
    }
}

fn published<V>(slot: &PolicySlot, cause: Cause<V>) -> Published<V> {
    let ActiveVersion { version, publication, faults, .. } = slot.active();
    let reading = Reading { picks: slot.picks(), faults: faults.all_faults() };
    let (slot, settings) = (slot.context().id, slot.settings().probation);
    Published { slot, publication, id: version.id, reading, settings, cause }
}

fn circuit_opened(slot: &PolicySlot, worker: usize, wait: Duration) {
    slot.stats().circuit_opened();
    let version = slot.active().version.id;
    tracing::warn!(
        event = "policy-circuit-opened",
        pool = &*slot.pool().name, route = slot.route(), %version, worker,
        "policy circuit opened: too many faults; the policy isn't asked for {wait:?}, then tried again"
    );
}

fn circuit_closed(slot: &PolicySlot, worker: usize) {
    slot.stats().circuit_closed();
    let version = slot.active().version.id;
    tracing::info!(
        event = "policy-circuit-closed",
        pool = &*slot.pool().name, route = slot.route(), %version, worker,
        "policy circuit closed"
    );
}
