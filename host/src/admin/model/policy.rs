//! Policies and their versions.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::backend::Histogram;

/// A policy at one moment: what picks the backends of a pool, or of one route to it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PolicyState {
    /// The pool that it picks from.
    pub pool: String,
    /// The route that it picks for; null if it is the pool's own.
    pub route: Option<String>,
    /// Its name: a bundled policy's own, or that of a plugin's file without the ending; `uploaded` for a plugin that was put without saying how
    /// its file is called.
    pub name: String,
    /// The version that serves: the first 12 digits of the SHA-256 of its plugin.
    pub version: String,
    /// Where that version came from: a path, `bundled NAME`, or `uploaded FILE` for a plugin that was put.
    pub origin: String,
    /// Counts the versions that were published here, from 1.
    pub publication: u64,
    /// When the version was published, ms since 1970.
    pub last_swap_ms: u64,
    /// Picks by who made them: `policy`, `abstention`, `fallback`, `rejected`, `failed`. Up to a second old.
    pub picks: BTreeMap<String, u64>,
    /// Upper bounds of the buckets of `pick_seconds`, seconds. What is above the last one is counted in one bucket more.
    pub pick_buckets: Vec<f64>,
    /// CPU time of picks, of all versions; one in 64 is measured.
    pub pick_seconds: Histogram,
    /// Faults of all versions by kind.
    pub faults: BTreeMap<String, u64>,
    /// Workers that don't ask the policy for a while, as it had too many faults.
    pub open_circuits: u64,
    /// Instances that were built in the place of failed ones.
    pub rebuilds: u64,
    /// Versions that were taken back on probation.
    pub rollbacks: u64,
    /// What the file says, if an operator has put another policy in its place; else null.
    pub overrides: Option<PutState>,
    /// The version that isn't let in, if there is one.
    pub quarantine: Option<QuarantineState>,
    /// The plugin file, for as long as what it holds doesn't serve, or it is gone; else null. A file in quarantine is told of by `quarantine`.
    pub left_out: Option<LeftOutState>,
    /// The versions that are known, in the order in which they were last published.
    pub versions: Vec<VersionState>,
}

/// A policy that an operator has put in the place of the file's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PutState {
    /// The file's, as `NAME@VERSION`, or the name alone if this program has no such policy.
    pub in_file: String,
    /// When the other one was put, ms since 1970; 0 if that isn't known.
    pub since_ms: u64,
    /// Who has put it.
    pub by: String,
}

/// A version of a policy that has served.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct VersionState {
    /// The first 12 digits of the SHA-256 of its plugin.
    pub version: String,
    /// Where it came from: a path, `bundled NAME`, or `uploaded FILE` for a plugin that was put.
    pub origin: String,
    /// Whether it serves.
    pub active: bool,
    /// When it was last published, ms since 1970.
    pub published_ms: u64,
    /// Its faults by kind.
    pub faults: BTreeMap<String, u64>,
}

/// A version that was taken back and isn't let in again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct QuarantineState {
    /// The version.
    pub version: String,
    /// What it did, in words.
    pub reason: String,
}

/// A plugin file that doesn't serve where it is named.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LeftOutState {
    /// The file.
    pub file: String,
    /// Why it doesn't serve, in words.
    pub reason: String,
}

/// All policies.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PolicyList {
    /// The pools' own in the order of the configuration, then those of routes.
    pub policies: Vec<PolicyState>,
}

/// The versions of one policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct VersionList {
    /// In the order in which they were last published.
    pub versions: Vec<VersionState>,
    /// The version that isn't let in, if there is one.
    pub quarantine: Option<QuarantineState>,
}
