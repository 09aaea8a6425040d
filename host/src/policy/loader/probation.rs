//! The time after a swap in which a version can be taken back.

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use crate::config::Probation as Length;

use super::super::ledger::Tally;
use super::super::slot::{PolicySlot, Serving};

/// Between two looks at whether a version has made enough picks.
const LOOK: Duration = Duration::from_secs(1);

/// A publication that hasn't been proven yet.
#[derive(Debug)]
pub(super) struct Probation {
    slot: Weak<PolicySlot>,
    /// What served before, kept warm; `None` for a slot's first version.
    pub(super) previous: Option<Serving>,
    length: Length,
    /// Where the version's faults are counted, and how many there were when it was published.
    tally: Arc<Tally>,
    faults_before: u64,
    picks_before: u64,
    ends: Instant,
    next_look: Instant,
}

/// What a look at a probation has shown.
#[derive(Debug)]
pub(super) enum Looked {
    /// It goes on.
    GoesOn,
    /// The version has come through.
    Proven(Arc<PolicySlot>),
    /// There is nothing to prove any more: the slot is gone, or the version kept failing with nothing to go back to.
    Over,
}

impl Probation {
    /// Begins for what the slot has just published.
    pub(super) fn begin(
        slot: &Arc<PolicySlot>,
        previous: Option<Serving>,
        tally: Arc<Tally>,
        now: Instant,
    ) -> Self {
        let length = slot.settings().probation;
        let ends = now + length.time;
        Self {
            slot: Arc::downgrade(slot),
            previous,
            length,
            faults_before: tally.all_faults(),
            tally,
            picks_before: slot.picks(),
            ends,
            next_look: ends,
        }
    }

    /// When to look next.
    pub(super) fn next_look(&self) -> Instant {
        self.next_look
    }

    /// Looks whether it is over.
    pub(super) fn look(&mut self, now: Instant) -> Looked {
        let Some(slot) = self.slot.upgrade() else { return Looked::Over };
        if now < self.ends || slot.picks() - self.picks_before < self.length.picks {
            self.next_look = self.ends.max(now + LOOK);
            return Looked::GoesOn;
        }
        let faults = self.tally.all_faults() - self.faults_before;
        if self.length.faults > 0 && faults >= u64::from(self.length.faults) {
            return Looked::Over;
        }
        Looked::Proven(slot)
    }
}
