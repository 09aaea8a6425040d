//! How long probation lasts, and what it forgives.

use std::time::Duration;

/// The time after a swap in which a version that fails is taken back by itself.
///
/// It lasts until the version has made `picks` picks *and* has served for `time`: on a busy proxy so many picks are over
/// in a moment, on a quiet one no time proves anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProbationSettings {
    /// Picks over all workers. `picks`, 10,000.
    pub picks: u64,
    /// `time`, 60 s.
    pub time: Duration,
    /// Faults that end it and bring back the version before. `faults`, 5; 0 = never.
    pub faults: u32,
}

impl Default for ProbationSettings {
    fn default() -> Self {
        Self { picks: 10_000, time: Duration::from_secs(60), faults: 5 }
    }
}
