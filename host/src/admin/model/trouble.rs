//! What isn't as it should be, in words, and the numbers of the last seconds that it follows from.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Something that an operator should know of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TroubleState {
    /// How bad it is.
    pub level: TroubleLevel,
    /// The pool that it is about; null if it is about the proxy as a whole.
    pub pool: Option<String>,
    /// One sentence.
    pub text: String,
}

/// How bad something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TroubleLevel {
    /// Requests fail.
    Critical,
    /// Requests may soon fail, or do so at times.
    Warning,
    /// Nothing is wrong.
    Note,
}

/// What is wrong with a backend that gets requests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BackendTrouble {
    /// In a word.
    pub kind: TroubleKind,
    /// What follows its name in a sentence.
    pub text: String,
}

/// Kinds of trouble with backends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TroubleKind {
    /// It answers nothing.
    Silent,
    /// It fails many of its requests.
    Failing,
    /// It takes much longer than the others.
    Slow,
}

/// What the last seconds have brought a pool.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RecentPool {
    /// How long that is: about ten.
    pub seconds: f64,
    /// Requests that have ended.
    pub requests: u64,
    /// Responses with a status of 500 and above.
    pub server_errors: u64,
    /// Requests that the queue has turned away.
    pub turned_away: u64,
    /// Half of the requests took up to about this, seconds; null if none has ended.
    pub p50_seconds: Option<f64>,
    /// 99 % of them did.
    pub p99_seconds: Option<f64>,
}

/// What the last seconds have brought a backend.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RecentBackend {
    /// How long that is: about ten.
    pub seconds: f64,
    /// Requests that were sent to it.
    pub requests: u64,
    /// Requests that failed.
    pub failures: u64,
    /// Requests whose responses' heads have come, of which the times are.
    pub measured: u64,
    /// Half of these heads came within about this, seconds; null if none has come.
    pub p50_seconds: Option<f64>,
    /// 99 % of them did.
    pub p99_seconds: Option<f64>,
}
