//! What has happened.

use tracing::Level;

use super::wall_clock;
use crate::admin::model::{EventLevel, EventList, EventRecord};
use crate::log::{LogControls, RecentEvent};

pub(in crate::admin) fn events(log: &LogControls, since: u64) -> EventList {
    let (events, last_event) = log.recent.after(since);
    EventList { events: events.into_iter().map(record).collect(), last_event }
}

fn record(event: RecentEvent) -> EventRecord {
    let RecentEvent { seq, time, level, event, message, fields } = event;
    EventRecord {
        seq,
        time_ms: wall_clock::since_1970(time),
        level: match level {
            Level::ERROR => EventLevel::Error,
            Level::WARN => EventLevel::Warn,
            _ => EventLevel::Info,
        },
        event,
        message,
        fields: fields.into_iter().collect(),
    }
}
