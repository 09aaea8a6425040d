//! Errors.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::configuration::FaultState;

/// Why a request wasn't done, as `application/problem+json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// The status of the response.
    #[schema(minimum = 400, maximum = 599)]
    pub status: u16,
    /// What is wrong, in a word that doesn't change between versions.
    pub error: String,
    /// What is wrong and what to do, for people.
    pub detail: String,
    /// The field that is wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub field: Option<String>,
    /// Names that exist, if one doesn't; at most 20.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub known: Vec<String>,
    /// The faults of a configuration file.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<FaultState>,
}
