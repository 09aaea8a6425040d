//! The time after a swap in which a version can be taken back.

use std::fmt;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use super::super::ledger::Tally;
use super::super::settings::Probation as Length;
use super::super::slot::{PolicySlot, Serving};

/// Between two looks at whether a version has made enough picks.
const LOOK: Duration = Duration::from_secs(1);

/// A publication that hasn't been proven yet.
#[derive(Debug)]
pub(super) struct Probation {
    slot: Weak<PolicySlot>,
    /// What can come back if the version fails, kept warm; the last one comes first. None for a slot's first version.
    pub(super) ways_back: Vec<WayBack>,
    length: Length,
    /// Where the version's faults are counted, and how many there were when it was published.
    tally: Arc<Tally>,
    faults_before: u64,
    picks_before: u64,
    ends: Instant,
    next_look: Instant,
}

/// A version that served before and can come back.
#[derive(Debug)]
pub(super) struct WayBack {
    pub(super) serving: Serving,
    /// The picks that it had made without a fault when it was replaced, if it hadn't come through its probation by then.
    pub(super) unproven: Option<u64>,
}

impl fmt::Display for WayBack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.unproven {
            Some(picks) => {
                write!(f, "the newest version without faults: it hadn't been proven, but made {picks} picks")
            }
            None => f.write_str("the newest version that served without being taken back"),
        }
    }
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
        ways_back: Vec<WayBack>,
        tally: Arc<Tally>,
        now: Instant,
    ) -> Self {
        let length = slot.settings().probation;
        let ends = now + length.time;
        Self {
            slot: Arc::downgrade(slot),
            ways_back,
            length,
            faults_before: tally.all_faults(),
            tally,
            picks_before: slot.picks(),
            ends,
            next_look: ends,
        }
    }

    /// The version is replaced while it is on probation: what can come back from the next one. It is among that if it has
    /// made picks and no fault, or if nothing else is.
    pub(super) fn replaced(self, serving: Serving) -> Vec<WayBack> {
        let Self { mut ways_back, tally, faults_before, picks_before, slot, .. } = self;
        let picks = slot.upgrade().map_or(0, |slot| slot.picks() - picks_before);
        if ways_back.is_empty() {
            ways_back.push(WayBack { serving, unproven: None });
        } else if picks > 0 && tally.all_faults() == faults_before {
            // Beside what was proven, one is enough: each keeps its compiled code.
            ways_back.truncate(1);
            ways_back.push(WayBack { serving, unproven: Some(picks) });
        }
        ways_back
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
