//! Swaps of the policy.

use std::path::PathBuf;

use pointsman_policy::Plugin;
use serde::Deserialize;

use super::policy::PolicySpec;
use crate::time_span::TimeSpan;

/// Another version that all proxies swap to at a moment, as when its file changes: what the policy keeps in cells stays, and so does its
/// configuration.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Swap {
    /// When.
    pub at: TimeSpan,
    /// A bundled policy.
    #[serde(default)]
    pub bundled: Option<String>,
    /// A plugin file, from the folder of the spec.
    #[serde(default)]
    pub file: Option<PathBuf>,
    /// What was read.
    #[serde(skip)]
    pub(crate) plugin: Option<Plugin>,
}

impl Swap {
    /// Where the version comes from.
    pub(super) fn policy(&self) -> PolicySpec {
        PolicySpec { bundled: self.bundled.clone(), file: self.file.clone(), ..PolicySpec::default() }
    }
}
