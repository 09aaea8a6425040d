//! One version on probation: pure state, which the time and the counters advance.

use std::fmt;
use std::time::Duration;

use pointsman_core::clock::Moment;

use super::settings::ProbationSettings;
use crate::version::VersionId;

/// Between two checks of whether a version has made enough picks.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// Counters at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Reading {
    /// Picks of the slot, over all versions.
    pub(crate) picks: u64,
    /// Faults of the version.
    pub(crate) faults: u64,
}

/// A publication that isn't proven yet. `V` is what a version is brought back with.
#[derive(Debug)]
pub(crate) struct Probation<V> {
    settings: ProbationSettings,
    /// What can come back if the version fails; the last one comes first. None for a slot's first version.
    pub(crate) ways_back: Vec<PreviousVersion<V>>,
    at_start: Reading,
    ends: Moment,
    next_check: Moment,
}

/// A version that was active before and can come back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PreviousVersion<V> {
    pub(crate) id: VersionId,
    pub(crate) version: V,
    /// The picks that it had made without a fault when it was replaced, if it hadn't passed its probation by then.
    pub(crate) unproven: Option<u64>,
}

impl<V> fmt::Display for PreviousVersion<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.unproven {
            Some(picks) => {
                write!(f, "the newest version without faults: it hadn't been proven, but made {picks} picks")
            }
            None => f.write_str("the newest version that served without being taken back"),
        }
    }
}

/// How a version stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It is still on probation.
    OnProbation,
    /// It has passed its probation.
    Proven,
    /// It kept failing, and there is no version to go back to: its probation has ended.
    Failing,
}

impl<V> Probation<V> {
    /// Begins for a version that was just published.
    pub(crate) fn begin(
        settings: ProbationSettings,
        ways_back: Vec<PreviousVersion<V>>,
        at_start: Reading,
        now: Moment,
    ) -> Self {
        let ends = now.after(settings.time);
        Self { settings, ways_back, at_start, ends, next_check: ends }
    }

    /// The version is replaced while it is on probation: what can come back from the next one. It is among that if it has
    /// made picks and no fault, or if nothing else is.
    pub(crate) fn replaced(self, id: VersionId, version: V, reading: Reading) -> Vec<PreviousVersion<V>> {
        let Self { mut ways_back, at_start, .. } = self;
        let picks = reading.picks.saturating_sub(at_start.picks);
        if ways_back.is_empty() {
            ways_back.push(PreviousVersion { id, version, unproven: None });
        } else if picks > 0 && reading.faults == at_start.faults {
            // Beside what was proven, one is enough: each keeps its compiled code.
            ways_back.truncate(1);
            ways_back.push(PreviousVersion { id, version, unproven: Some(picks) });
        }
        ways_back
    }

    /// When to [check](Self::check) next.
    pub(crate) fn next_check(&self) -> Moment {
        self.next_check
    }

    /// How the version stands.
    pub(crate) fn check(&mut self, now: Moment, reading: Reading) -> Standing {
        let picks = reading.picks.saturating_sub(self.at_start.picks);
        if now < self.ends || picks < self.settings.picks {
            self.next_check = self.ends.max(now.after(CHECK_INTERVAL));
            return Standing::OnProbation;
        }
        let faults = reading.faults.saturating_sub(self.at_start.faults);
        if self.settings.faults > 0 && faults >= u64::from(self.settings.faults) {
            return Standing::Failing;
        }
        Standing::Proven
    }
}
