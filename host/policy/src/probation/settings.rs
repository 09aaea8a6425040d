//! How long probation lasts, and how many faults it allows.

use std::time::Duration;

/// The time after a swap in which a version that fails is taken back automatically.
///
/// It lasts until the version has made `picks` picks *and* has served for `time`: a busy proxy makes that many picks in a
/// moment, and a quiet one may make none in that time.
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
