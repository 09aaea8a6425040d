//! Swaps of the policy.

use std::path::PathBuf;

use pointsman_policy::Plugin;
use serde::Deserialize;

use super::policy::PolicySpec;
use crate::time_span::TimeSpan;

/// Another version that the proxies swap to at a moment, as when its file changes: what the policy keeps in cells stays, and so does its
/// configuration.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Swap {
    /// When.
    pub at: TimeSpan,
    /// What the policy is called that it comes in the place of; none = each of the spec. `policy`.
    #[serde(default)]
    pub policy: Option<String>,
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
    /// Whether it is one of the policy of this name.
    pub(crate) fn is_of(&self, policy: &str) -> bool {
        self.policy.as_deref().is_none_or(|name| name == policy)
    }

    /// Where the version comes from.
    pub(super) fn version(&self) -> PolicySpec {
        PolicySpec { bundled: self.bundled.clone(), file: self.file.clone(), ..PolicySpec::default() }
    }
}
