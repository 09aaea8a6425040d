//! When which backend of a pool is checked.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

use pointsman_core::clock::Moment;

/// A check that is planned for a backend.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct PlannedCheck {
    pub(super) at: Moment,
    /// The backend's place in the topology, unless the backends have changed.
    pub(super) place: usize,
    /// The backend, whatever its place.
    pub(super) id: u64,
}

/// The planned checks of a pool, the earliest first: each backend at most once, and not while it is being checked.
#[derive(Debug, Default)]
pub(super) struct CheckSchedule(BinaryHeap<Reverse<PlannedCheck>>);

impl CheckSchedule {
    /// Plans a check.
    pub(super) fn plan(&mut self, check: PlannedCheck) {
        self.0.push(Reverse(check));
    }

    /// When the next check is due; never if none is planned.
    pub(super) fn next(&self) -> Moment {
        self.0.peek().map_or(Moment(u64::MAX), |Reverse(check)| check.at)
    }

    /// Takes a check that is due at `now`.
    pub(super) fn take_due(&mut self, now: Moment) -> Option<PlannedCheck> {
        if self.next() > now {
            return None;
        }
        self.0.pop().map(|Reverse(check)| check)
    }

    /// Cancels all checks. Returns when each backend, by its id, would have been checked.
    pub(super) fn cancel_all(&mut self) -> HashMap<u64, Moment> {
        self.0.drain().map(|Reverse(check)| (check.id, check.at)).collect()
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}
