//! How a probation ended.

use std::sync::Arc;

use super::quarantine::Quarantine;
use crate::version::PolicyVersion;

/// What happened to a version of a slot that is worth remembering over a restart.
#[derive(Debug, Clone)]
pub struct VersionEvent {
    /// The version.
    pub version: Arc<PolicyVersion>,
    /// Where it came from: a path, or the name of a bundled policy.
    pub origin: Arc<str>,
    /// How its probation ended.
    pub outcome: ProbationOutcome,
}

/// How the probation of a version ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProbationOutcome {
    /// It ended well.
    Proven,
    /// It was taken back.
    Quarantined(Quarantine),
}
