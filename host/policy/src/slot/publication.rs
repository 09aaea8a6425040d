//! A version as it is published in a slot.

use std::num::NonZeroU64;
use std::sync::Arc;

use crate::stats::FaultCounts;
use crate::version::PolicyVersion;

/// Counts the publications of a slot, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Publication(NonZeroU64);

impl Publication {
    /// The first one of a slot.
    pub(crate) const FIRST: Self = Self(NonZeroU64::MIN);

    /// The one after this.
    pub(crate) fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// Its number.
    #[must_use]
    pub fn get(self) -> u64 {
        self.0.get()
    }
}

/// The version that a slot has published last.
#[derive(Debug, Clone)]
pub struct ActiveVersion {
    /// The version.
    pub version: Arc<PolicyVersion>,
    /// Where it came from: a path, or the name of a bundled policy.
    pub origin: Arc<str>,
    /// Which publication of the slot this is.
    pub publication: Publication,
    /// Where its faults are counted.
    pub(crate) faults: Arc<FaultCounts>,
}
