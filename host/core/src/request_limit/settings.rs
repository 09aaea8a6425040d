//! What is configured of a limit.

use std::num::NonZeroU32;

use http::StatusCode;

use super::key::LimitKey;
use super::quota::Rate;

/// What is configured of a limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LimitSettings {
    /// Which requests count together.
    pub key: LimitKey,
    /// How often those of a key may come; any number of times without it.
    pub rate: Option<Rate>,
    /// How many of a key may run at a time; any number without it.
    pub concurrency: Option<NonZeroU32>,
    /// Keys that may be active at a time; there are twice as many places for them.
    pub max_keys: usize,
    /// What a request is answered with that comes too often.
    pub status: StatusCode,
    /// Whether requests over the limit are counted, and served all the same.
    pub dry_run: bool,
}

impl LimitSettings {
    /// Whether another limit tells requests apart in the same way, and remembers as many of them.
    #[must_use]
    pub fn has_keys_of(&self, other: &Self) -> bool {
        self.key == other.key && self.max_keys == other.max_keys
    }
}
