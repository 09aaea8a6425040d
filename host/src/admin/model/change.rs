//! Changes and the answers to them.

use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

use super::backend::OverrideState;

/// What to change of a backend: of a key that is left out nothing; null takes an override back.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BackendPatch {
    /// Whether it finishes what runs and gets nothing new.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "given")]
    #[schema(value_type = Option<bool>)]
    pub draining: Option<Option<bool>>,
    /// Its share of requests in relation to the others; to a thousandth.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "given")]
    #[schema(value_type = Option<f64>, minimum = 0.001, maximum = 1000)]
    pub weight: Option<Option<f64>>,
}

/// A key that is there, even if its value is null.
fn given<'de, T: Deserialize<'de>, D: Deserializer<'de>>(value: D) -> Result<Option<T>, D::Error> {
    T::deserialize(value).map(Some)
}

/// What has become of a backend.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct BackendChange {
    /// The pool.
    pub pool: String,
    /// The backend.
    pub backend: String,
    /// What differs from the configuration file now.
    pub overrides: OverrideState,
    /// Whether that outlives the process: only with a `state_dir`.
    pub survives_restart: bool,
}

/// What differs from the configuration file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct OverrideList {
    /// Those of backends by pool and backend, then policies that were put.
    pub overrides: Vec<OverrideRecord>,
}

/// One value in the place of the file's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct OverrideRecord {
    /// The pool.
    pub pool: String,
    /// The backend; null if it is about a policy.
    pub backend: Option<String>,
    /// The route whose policy it is about; null if it is the pool's own, or about a backend.
    pub route: Option<String>,
    /// The key: `draining`, `weight` or `policy`.
    pub key: String,
    /// The value; of a policy `NAME@VERSION`.
    pub value: serde_json::Value,
    /// The file's; null if the backend was discovered. Of a policy `NAME@VERSION`, or the name alone if this program has no such policy.
    pub in_file: serde_json::Value,
    /// When it was set, ms since 1970; 0 if that isn't known.
    pub since_ms: u64,
    /// Who has set it.
    pub by: String,
}

/// What was taken back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OverridesCleared {
    /// Backends that had overrides.
    pub backends: u64,
    /// Policies that served in the place of the file's.
    pub policies: u64,
    /// Whether that is so after a restart, too: not if `state_dir` can't be written.
    pub survives_restart: bool,
}

/// A policy by its name, as in the configuration file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PolicyName {
    /// The name: `NAME.wasm` in the policy directory, else a bundled one.
    #[schema(min_length = 1, max_length = 128)]
    pub name: String,
}

/// A version that is meant.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct VersionChoice {
    /// The first 12 digits of the SHA-256 of its plugin. Null or left out: the version before the one that serves, or the one that is in
    /// quarantine.
    #[serde(default)]
    pub version: Option<String>,
}

/// What has become of a policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PolicyChange {
    /// What has happened.
    pub result: PolicyResult,
    /// The version that serves now.
    pub version: String,
    /// The version before; null if it is the same.
    pub before: Option<String>,
    /// Whether that outlives the process: only with a `state_dir`, and only until the file names another policy there.
    pub survives_restart: bool,
}

/// How a policy was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PolicyResult {
    /// Another version is published.
    Swapped,
    /// This version serves already.
    Unchanged,
    /// The version is let in again; none was published.
    Unquarantined,
}

/// Nothing: an object without members, as a page of another site can't send one without asking first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Nothing {}

/// What has become of a reload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReloadReply {
    /// Whether another configuration serves now; if not, the file says what served already.
    pub changed: bool,
    /// The configuration that serves.
    pub configuration: u64,
}

/// What is logged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LogLevel {
    /// A level (`off`, `error`, `warn`, `info`, `debug`, `trace`), or a list of levels by module such as `info,pointsman::proxy=debug`.
    #[schema(min_length = 1, max_length = 1024)]
    pub level: String,
}
