//! The decisions about the policies of all slots: pure, without a clock, an instance or a lock.
//!
//! [`step`](Decisions::step) takes one event and returns what is to be done; [`Supervisor`](super::Supervisor) does it and
//! reports the result as the next event.

use std::collections::BTreeMap;
use std::time::Duration;

use pointsman_core::clock::Moment;
use pointsman_core::printable::Printable;

use super::circuit::{Circuit, NextInstance};
use crate::context::ContextId;
use crate::probation::{PreviousVersion, Probation, ProbationSettings, Reading, Standing};
use crate::slot::Publication;
use crate::version::VersionId;

/// What happened, to which slot. `V` is what a version can be published again with.
#[derive(Debug)]
pub(super) enum Event<V> {
    /// Instances for a publication are ready, and about to take the place of those that are there.
    Replacing { slot: ContextId },
    /// A version was published.
    Published(Published<V>),
    /// A worker's instance of a publication has failed, or couldn't be built.
    InstanceFailed { slot: ContextId, worker: usize, publication: Publication },
    /// A worker was given another instance.
    InstanceBuilt { slot: ContextId, worker: usize },
    /// A publication has had its last allowed fault.
    AllowanceExhausted { slot: ContextId, publication: Publication, last_fault: Printable },
    /// The counters of a slot that is on probation.
    ProbationRead { slot: ContextId, reading: Reading },
    /// The slot was dropped.
    SlotClosed { slot: ContextId },
    /// Time has passed.
    TimePassed,
}

/// A publication, and how it came about.
#[derive(Debug)]
pub(super) struct Published<V> {
    pub(super) slot: ContextId,
    pub(super) publication: Publication,
    pub(super) id: VersionId,
    /// The slot's picks, and the faults that the version had before.
    pub(super) reading: Reading,
    pub(super) settings: ProbationSettings,
    pub(super) cause: Cause<V>,
}

/// Why a version was published.
#[derive(Debug)]
pub(super) enum Cause<V> {
    /// It is the first one of its slot.
    Opened,
    /// It takes the place of this one.
    Swapped { id: VersionId, version: V, reading: Reading },
    /// It was brought back; behind it there are these.
    RolledBack { ways_back: Vec<PreviousVersion<V>> },
}

/// What is to be done, at which slot.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Action<V> {
    /// Build an instance for a worker.
    Rebuild { slot: ContextId, worker: usize, publication: Publication },
    /// Log that a worker's circuit has opened: its policy isn't asked for this long.
    CircuitOpened { slot: ContextId, worker: usize, wait: Duration },
    /// Log that a worker's circuit has closed.
    CircuitClosed { slot: ContextId, worker: usize },
    /// Count an open circuit as closed: another version is active than the one that it was opened for.
    CircuitForgotten { slot: ContextId },
    /// Let the workers count down the faults that a publication may still have.
    BeginAllowance { slot: ContextId, publication: Publication, faults: u32 },
    /// Read the counters of a slot on probation.
    ReadProbation { slot: ContextId },
    /// Report that the active version has passed its probation, and stop counting its faults.
    Proven { slot: ContextId },
    /// Bring a version back, and keep the active one out.
    RollBack {
        slot: ContextId,
        to: PreviousVersion<V>,
        ways_back: Vec<PreviousVersion<V>>,
        last_fault: Printable,
    },
}

/// The state of all slots.
#[derive(Debug)]
pub(super) struct Decisions<V> {
    slots: BTreeMap<ContextId, SlotState<V>>,
}

impl<V> Default for Decisions<V> {
    fn default() -> Self {
        Self { slots: BTreeMap::new() }
    }
}

#[derive(Debug)]
struct SlotState<V> {
    publication: Publication,
    rebuilds: Vec<PendingRebuild>,
    /// By worker.
    circuits: BTreeMap<usize, Circuit>,
    probation: Option<Probation<V>>,
}

/// A worker that is to get another instance of the active version.
#[derive(Debug)]
struct PendingRebuild {
    due: Moment,
    worker: usize,
}

impl<V> Decisions<V> {
    /// When something is due, unless an event comes first.
    pub(super) fn next_due(&self) -> Option<Moment> {
        self.slots.values().filter_map(SlotState::next_due).min()
    }

    /// What follows from an event.
    pub(super) fn step(&mut self, now: Moment, event: Event<V>) -> Vec<Action<V>> {
        match event {
            Event::Replacing { slot } => self.at(slot, |state| state.forget_circuits(slot)),
            Event::Published(published) => self.published(now, published),
            Event::InstanceFailed { slot, worker, publication } => {
                self.at(slot, |state| state.instance_failed(now, slot, worker, publication))
            }
            Event::InstanceBuilt { slot, worker } => self.at(slot, |state| {
                if let Some(circuit) = state.circuits.get_mut(&worker) {
                    circuit.rebuilt(now);
                }
                Vec::new()
            }),
            Event::AllowanceExhausted { slot, publication, last_fault } => {
                self.at(slot, |state| state.allowance_exhausted(slot, publication, last_fault))
            }
            Event::ProbationRead { slot, reading } => {
                self.at(slot, |state| state.probation_read(now, slot, reading))
            }
            Event::SlotClosed { slot } => {
                self.slots.remove(&slot);
                Vec::new()
            }
            Event::TimePassed => {
                self.slots.iter_mut().flat_map(|(slot, state)| state.time_passed(now, *slot)).collect()
            }
        }
    }

    fn at(
        &mut self,
        slot: ContextId,
        decide: impl FnOnce(&mut SlotState<V>) -> Vec<Action<V>>,
    ) -> Vec<Action<V>> {
        self.slots.get_mut(&slot).map_or_else(Vec::new, decide)
    }

    fn published(&mut self, now: Moment, published: Published<V>) -> Vec<Action<V>> {
        let Published { slot, publication, id, reading, settings, cause } = published;
        let before = self.slots.remove(&slot).and_then(|state| state.probation);
        let ways_back = match cause {
            Cause::Opened => Vec::new(),
            Cause::RolledBack { ways_back } => ways_back,
            Cause::Swapped { id: old, version, reading } => {
                let mut ways_back = match before {
                    Some(probation) => probation.replaced(old, version, reading),
                    None => vec![PreviousVersion { id: old, version, unproven: None }],
                };
                ways_back.retain(|way| way.id != id);
                ways_back
            }
        };
        let begins = !ways_back.is_empty();
        let probation = Some(Probation::begin(settings, ways_back, reading, now));
        let (rebuilds, circuits) = (Vec::new(), BTreeMap::new());
        self.slots.insert(slot, SlotState { publication, rebuilds, circuits, probation });
        let action = Action::BeginAllowance { slot, publication, faults: settings.faults };
        begins.then_some(action).into_iter().collect()
    }
}

impl<V> SlotState<V> {
    fn next_due(&self) -> Option<Moment> {
        let rebuilds = self.rebuilds.iter().map(|rebuild| rebuild.due);
        let circuits = self.circuits.values().filter_map(Circuit::closes_at);
        let probation = self.probation.as_ref().map(Probation::next_check);
        rebuilds.chain(circuits).chain(probation).min()
    }

    /// What an earlier version did isn't held against the next one.
    fn forget_circuits(&mut self, slot: ContextId) -> Vec<Action<V>> {
        let open = std::mem::take(&mut self.circuits).into_values().filter(Circuit::is_open);
        open.map(|_| Action::CircuitForgotten { slot }).collect()
    }

    /// Another instance follows in time, unless the next version has brought one.
    fn instance_failed(
        &mut self,
        now: Moment,
        slot: ContextId,
        worker: usize,
        publication: Publication,
    ) -> Vec<Action<V>> {
        if publication != self.publication {
            return Vec::new();
        }
        self.circuits.retain(|_, circuit| !circuit.is_forgotten(now));
        let NextInstance { wait, opened } = self.circuits.entry(worker).or_default().failed(now);
        self.rebuilds.push(PendingRebuild { due: now.after(wait), worker });
        opened.then_some(Action::CircuitOpened { slot, worker, wait }).into_iter().collect()
    }

    fn allowance_exhausted(
        &mut self,
        slot: ContextId,
        publication: Publication,
        last_fault: Printable,
    ) -> Vec<Action<V>> {
        let Some(probation) = self.probation.as_mut().filter(|_| publication == self.publication) else {
            return Vec::new();
        };
        let Some(to) = probation.ways_back.pop() else { return Vec::new() };
        let ways_back = std::mem::take(&mut probation.ways_back);
        vec![Action::RollBack { slot, to, ways_back, last_fault }]
    }

    fn probation_read(&mut self, now: Moment, slot: ContextId, reading: Reading) -> Vec<Action<V>> {
        match self.probation.as_mut().map(|probation| probation.check(now, reading)) {
            None | Some(Standing::OnProbation) => Vec::new(),
            Some(Standing::Failing) => {
                self.probation = None;
                Vec::new()
            }
            Some(Standing::Proven) => {
                self.probation = None;
                vec![Action::Proven { slot }]
            }
        }
    }

    fn time_passed(&mut self, now: Moment, slot: ContextId) -> Vec<Action<V>> {
        let publication = self.publication;
        let due = self.rebuilds.extract_if(.., |rebuild| rebuild.due <= now);
        let rebuilds = due.map(|PendingRebuild { worker, .. }| Action::Rebuild { slot, worker, publication });
        let mut actions: Vec<Action<V>> = rebuilds.collect();
        let proven = self.circuits.iter_mut().filter_map(|(worker, circuit)| {
            circuit.close_if_proven(now).then_some(Action::CircuitClosed { slot, worker: *worker })
        });
        actions.extend(proven);
        if self.probation.as_ref().is_some_and(|probation| probation.next_check() <= now) {
            actions.push(Action::ReadProbation { slot });
        }
        actions
    }
}

#[cfg(test)]
mod tests;
