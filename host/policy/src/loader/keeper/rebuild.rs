//! Another instance for a worker whose instance failed, unless that fails too often.

use std::sync::{Arc, Weak};
use std::time::Instant;

use super::super::super::fault::Fault;
use super::super::super::instance::BuildError;
use super::super::super::slot::{Delivery, PolicySlot, Serving};
use super::super::circuit::{Circuit, Failed};
use super::Keeper;

/// A worker that is to get another instance.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) due: Instant,
    slot: Weak<PolicySlot>,
    worker: usize,
    generation: u64,
}

/// A worker's circuit to the policy of a slot.
#[derive(Debug)]
pub(super) struct Breaker {
    slot: Weak<PolicySlot>,
    pub(super) circuit: Circuit,
}

impl Keeper {
    /// An instance of this publication has failed: another one follows in time.
    pub(super) fn schedule(&mut self, slot: &Arc<PolicySlot>, worker: usize, generation: u64) {
        if slot.serving().generation != generation {
            return;
        }
        let now = Instant::now();
        // Nobody closes the circuit of a slot that is gone.
        let matters =
            |breaker: &Breaker| breaker.slot.strong_count() > 0 && !breaker.circuit.is_forgotten(now);
        self.breakers.retain(|_, breaker| matters(breaker));
        let breaker = self
            .breakers
            .entry((slot.terms().id, worker))
            .or_insert_with(|| Breaker { slot: Arc::downgrade(slot), circuit: Circuit::default() });
        let Failed { wait, opened } = breaker.circuit.failed(now);
        if opened {
            slot.ledger().circuit_opened();
            let version = slot.serving().version.id;
            tracing::warn!(
                event = "policy-circuit-opened",
                pool = &*slot.pool().name, route = slot.route(), %version, worker,
                "policy circuit opened: too many faults; the policy isn't asked for {wait:?}, then tried again"
            );
        }
        self.pending.push(Pending { due: now + wait, slot: Arc::downgrade(slot), worker, generation });
    }

    /// Builds what is due.
    pub(super) fn rebuild_due(&mut self) {
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
        let tally = slot.ledger().tally(serving.version.id);
        match self.build(slot.terms(), &serving.version) {
            Ok(instance) => {
                slot.ledger().count_rebuild();
                if let Some(breaker) = self.breakers.get_mut(&(slot.terms().id, worker)) {
                    breaker.circuit.rebuilt(Instant::now());
                }
                drop(slot.deliver(worker, Delivery { instance, generation, tally }));
            }
            Err(error) => {
                let fault = match error {
                    BuildError::Fault(fault) => fault,
                    BuildError::Refused(reason) => Fault::from_refusal(&reason),
                };
                slot.record((serving.version.id, generation, &tally), worker, &fault);
                self.schedule(slot, worker, generation);
            }
        }
    }

    /// Closes the circuits whose probes have proven themselves.
    pub(super) fn close_circuits(&mut self) {
        let now = Instant::now();
        for ((_, worker), breaker) in &mut self.breakers {
            if breaker.circuit.close_if_proven(now)
                && let Some(slot) = breaker.slot.upgrade()
            {
                slot.ledger().circuit_closed();
                let version = slot.serving().version.id;
                tracing::info!(
                    event = "policy-circuit-closed",
                    pool = &*slot.pool().name, route = slot.route(), %version, worker,
                    "policy circuit closed"
                );
            }
        }
    }

    /// What an earlier version did isn't held against the next one.
    pub(super) fn forget_circuits(&mut self, slot: &PolicySlot) {
        for (_, breaker) in self.breakers.extract_if(|(terms, _), _| *terms == slot.terms().id) {
            if breaker.circuit.is_open() {
                slot.ledger().circuit_closed();
            }
        }
    }
}
