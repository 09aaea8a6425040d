//! A version that failed too often on probation is taken back.

use std::sync::Arc;

use pointsman_core::printable::Printable;

use super::Supervisor;
use super::decisions::{Cause, Event};
use crate::probation::{PreviousVersion, ProbationOutcome, Quarantine, VersionEvent};
use crate::slot::{ActiveVersion, PolicySlot};

impl Supervisor {
    /// Brings a version back, behind which there are `ways_back`, and keeps the active one out.
    pub(super) fn roll_back(
        &mut self,
        slot: &Arc<PolicySlot>,
        to: PreviousVersion<ActiveVersion>,
        ways_back: Vec<PreviousVersion<ActiveVersion>>,
        last_fault: Printable,
    ) -> Option<Event<ActiveVersion>> {
        let bad = slot.active();
        let (pool, route, from) = (&*slot.pool().name, slot.route(), bad.version.id);
        let (ActiveVersion { version, origin, .. }, faults) = (&to.version, slot.settings().probation.faults);
        let next = match self.build_next(slot, (version, origin)) {
            Ok(next) => next,
            Err(error) => {
                tracing::error!(
                    event = "policy-rollback-failed", pool, route, %from, to = %to.id,
                    "cannot roll back: {error}; the version that fails goes on"
                );
                return None;
            }
        };
        self.publish(slot, version, origin, next);
        let event = Event::Published(super::published(slot, Cause::RolledBack { ways_back }));
        let quarantine = Quarantine { version: from, reason: last_fault };
        tracing::error!(
            event = "policy-rolled-back", pool, route, %from, to = %to.id, faults, origin = &*bad.origin,
            "rolled back to {to}; too many faults on probation: the version that had them is quarantined until \
             the file's content changes; its last fault: {}", quarantine.reason
        );
        // What came back may fail, too. Then the file still holds what was kept out first.
        if slot.quarantine().is_none() {
            slot.set_quarantine(Some(quarantine.clone()));
            let (version, origin) = (bad.version, bad.origin);
            let outcome = ProbationOutcome::Quarantined(quarantine);
            (self.remember)(slot, VersionEvent { version, origin, outcome });
        }
        slot.stats().count_rollback();
        Some(event)
    }
}
