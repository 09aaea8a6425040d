//! The configuration.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The configuration that serves, and the state of its file since.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ConfigurationState {
    /// Counts the configurations, from 1.
    pub generation: u64,
    /// The file.
    pub file: String,
    /// Whether the file is followed; a pipe is read only once.
    pub followed: bool,
    /// Keys whose values in the file take effect at the next start.
    pub awaiting_restart: Vec<PendingKey>,
    /// Why what is in the file doesn't serve; empty if it does.
    pub refused: Vec<FaultState>,
}

/// A key that the file has changed and that needs a restart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PendingKey {
    /// The key.
    pub key: String,
    /// The value that it runs with.
    pub runs: String,
    /// The value in the file.
    pub configured: String,
}

/// A fault in a configuration file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FaultState {
    /// The file.
    pub file: String,
    /// The line; null if the fault is on none.
    #[schema(minimum = 1)]
    pub line: Option<u64>,
    /// The key.
    pub key: String,
    /// What is wrong.
    pub message: String,
    /// What to do about it; may be empty.
    pub hint: String,
}
