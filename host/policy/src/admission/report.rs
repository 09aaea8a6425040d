//! What admission found out about a plugin that may serve.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::rehearsal::Rehearsed;
use super::usage::Usage;
use crate::version::{Hooks, PolicyVersion, VersionId};

/// A version that may serve in a certain context.
#[derive(Debug)]
pub(crate) struct Admitted {
    pub(crate) version: Arc<PolicyVersion>,
    pub(crate) origin: Arc<str>,
    pub(crate) rehearsed: Rehearsed,
    /// When its admission began.
    pub(crate) started: Instant,
}

/// What admission found out about a plugin.
#[derive(Debug, Clone, Copy)]
pub struct AdmissionReport {
    /// The version.
    pub id: VersionId,
    /// Bytes of the file.
    pub size: usize,
    /// What it takes of what it may.
    pub usage: Usage,
    /// Optional hooks.
    pub hooks: Hooks,
    /// How long the compilation took.
    pub compile_time: Duration,
    /// Mean time of a pick in the rehearsal.
    pub pick_time: Duration,
}

impl From<&Admitted> for AdmissionReport {
    fn from(admitted: &Admitted) -> Self {
        let version = &admitted.version;
        Self {
            id: version.id,
            size: version.content.len(),
            usage: version.usage,
            hooks: version.hooks,
            compile_time: version.compile_time,
            pick_time: admitted.rehearsed.pick_time,
        }
    }
}
