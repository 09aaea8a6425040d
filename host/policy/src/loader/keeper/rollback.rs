//! A version on probation: taken back if it fails too often, proven if it doesn't.

use std::mem;
use std::sync::Arc;
use std::time::Instant;

use pointsman_core::printable::Printable;

use super::super::super::ledger::Tally;
use super::super::super::slot::{PolicySlot, Quarantine, Serving};
use super::super::probation::{Looked, Probation, WayBack};
use super::super::{Event, Milestone};
use super::Keeper;

impl Keeper {
    /// Brings back the newest version without faults, and keeps the present one out.
    pub(super) fn roll_back(&mut self, slot: &Arc<PolicySlot>, generation: u64, last: Printable) {
        let bad = slot.serving();
        let Some(probation) = self.probations.get_mut(&slot.terms().id) else { return };
        if bad.generation != generation {
            return;
        }
        let Some(way) = probation.ways_back.pop() else { return };
        let further = mem::take(&mut probation.ways_back);
        let (pool, route, from) = (&*slot.pool().name, slot.route(), bad.version.id);
        let (to, faults) = (way.serving.version.id, slot.settings().probation.faults);
        match self.publish(slot, &way.serving.version, &way.serving.origin) {
            Ok((_, tally)) => {
                self.begin_probation(slot, further, tally);
                let quarantine = Quarantine { version: from, reason: last };
                tracing::error!(
                    event = "policy-rolled-back", pool, route, %from, %to, faults, origin = &*bad.origin,
                    "rolled back to {way}; too many faults on probation: the version that had them is quarantined until \
                     the file's content changes; its last fault: {}", quarantine.reason
                );
                // What came back may fail, too. Then the file still holds what was kept out first.
                if slot.quarantine().is_none() {
                    slot.set_quarantine(Some(quarantine.clone()));
                    let (version, origin) = (bad.version, bad.origin);
                    (self.remember)(
                        slot,
                        Milestone { version, origin, event: Event::Quarantined(quarantine) },
                    );
                }
                slot.ledger().count_rollback();
            }
            Err(error) => {
                tracing::error!(
                    event = "policy-rollback-failed", pool, route, %from, %to,
                    "cannot roll back: {error}; the version that fails goes on"
                );
            }
        }
    }

    /// Watches what the slot has just published; `ways_back` is what can come back if it fails.
    pub(super) fn begin_probation(
        &mut self,
        slot: &Arc<PolicySlot>,
        ways_back: Vec<WayBack>,
        tally: Arc<Tally>,
    ) {
        if !ways_back.is_empty() {
            slot.trial().begin(slot.serving().generation, slot.settings().probation.faults);
        }
        let probation = Probation::begin(slot, ways_back, tally, Instant::now());
        self.probations.insert(slot.terms().id, probation);
    }

    /// Ends the probations that are over.
    pub(super) fn look_at_probations(&mut self) {
        let now = Instant::now();
        let remember = &mut self.remember;
        self.probations.retain(|_, probation| {
            if probation.next_look() > now {
                return true;
            }
            match probation.look(now) {
                Looked::GoesOn => true,
                Looked::Over => false,
                Looked::Proven(slot) => {
                    slot.trial().end();
                    let Serving { version, origin, .. } = slot.serving();
                    tracing::debug!(
                        event = "policy-proven",
                        pool = &*slot.pool().name, route = slot.route(), version = %version.id,
                        "proven"
                    );
                    remember(&slot, Milestone { version, origin, event: Event::Proven });
                    false
                }
            }
        });
    }
}
