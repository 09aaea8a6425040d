//! What has happened.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Something that has happened, as the log tells it: a change of health, a swap, a reload, an operator's word.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EventRecord {
    /// Counts the events, from 1.
    pub seq: u64,
    /// When it happened, ms since 1970.
    pub time_ms: u64,
    /// How serious it is.
    pub level: EventLevel,
    /// Its name, which doesn't change between versions: see the log's documentation.
    pub event: String,
    /// The message for people.
    pub message: String,
    /// Its fields, such as `pool` and `backend`.
    pub fields: BTreeMap<String, String>,
}

/// How serious an event is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum EventLevel {
    /// Somebody has to do something.
    Error,
    /// Something isn't as it should be.
    Warn,
    /// Good to know.
    Info,
}

/// Events after a number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EventList {
    /// The oldest first. At most the last 1,000 are kept.
    pub events: Vec<EventRecord>,
    /// The number of the last event: the next `since`.
    pub last_event: u64,
}
