//! The last events that an operator wants to know of, kept for the admin API: changes of health, swaps, reloads, an operator's word.

use std::collections::VecDeque;
use std::fmt::{Debug, Write};
use std::sync::Arc;
use std::time::SystemTime;

use parking_lot::Mutex;
use pointsman_core::printable::Escape;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

/// Most events that are kept. The oldest goes first.
const MOST: usize = 1_000;

/// Longest text of a message or a field, bytes.
const TEXT_BYTES: usize = 1 << 10;

/// Events that are kept; all of them are logged by control threads.
const KEPT: [&str; 45] = [
    "backend-ejected",
    "backend-healthy",
    "backend-overridden",
    "backend-returned",
    "backend-silent",
    "backend-speaks",
    "backend-unhealthy",
    "certificate-expiring",
    "certificate-refused",
    "certificate-renewed",
    "certificate-restored",
    "configuration-kept",
    "configuration-refused",
    "configuration-reloaded",
    "configuration-restored",
    "dns-resolve-failed",
    "dns-resolve-recovered",
    "drain-started",
    "listener-bound",
    "listener-closed",
    "log-level-changed",
    "override-dropped",
    "overrides-cleared",
    "overrides-write-failed",
    "plugin-read-failed",
    "policy-circuit-closed",
    "policy-circuit-opened",
    "policy-proven",
    "policy-restored",
    "policy-rollback-failed",
    "policy-rolled-back",
    "policy-started",
    "policy-steered",
    "policy-swap-refused",
    "policy-swapped",
    "pool-backends-changed",
    "pool-panic-ended",
    "pool-panic-started",
    "process-replaced",
    "reload-asked",
    "replacement-failed",
    "replacement-started",
    "restart-required",
    "tls-files-refused",
    "tls-files-renewed",
];

/// One event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecentEvent {
    /// Counts the events that are kept, from 1.
    pub seq: u64,
    /// When it was logged.
    pub time: SystemTime,
    /// Its level.
    pub level: Level,
    /// Its name.
    pub event: String,
    /// Its message.
    pub message: String,
    /// Its fields.
    pub fields: Vec<(String, String)>,
}

/// The last events. Clones hold the same ones.
#[derive(Debug, Clone, Default)]
pub struct RecentEvents(Arc<Mutex<Ring>>);

#[derive(Debug, Default)]
struct Ring {
    events: VecDeque<RecentEvent>,
    last: u64,
}

impl RecentEvents {
    /// The events after this number, the oldest first, and the number of the last event. All that are kept if the number is
    /// greater than that: it was counted by another process.
    #[must_use]
    pub fn after(&self, seq: u64) -> (Vec<RecentEvent>, u64) {
        let ring = self.0.lock();
        let seq = if seq > ring.last { 0 } else { seq };
        let first = ring.events.partition_point(|event| event.seq <= seq);
        (ring.events.range(first..).cloned().collect(), ring.last)
    }

    fn add(&self, mut event: RecentEvent) {
        let mut ring = self.0.lock();
        ring.last += 1;
        event.seq = ring.last;
        if ring.events.len() == MOST {
            ring.events.pop_front();
        }
        ring.events.push_back(event);
    }
}

impl<S: Subscriber> Layer<S> for RecentEvents {
    fn on_event(&self, event: &Event<'_>, _context: Context<'_, S>) {
        let mut kept = Kept(false);
        event.record(&mut kept);
        if kept.0 {
            let mut texts = Texts::default();
            event.record(&mut texts);
            let Texts { event: name, message, fields } = texts;
            let level = *event.metadata().level();
            self.add(RecentEvent { seq: 0, time: SystemTime::now(), level, event: name, message, fields });
        }
    }
}

/// Whether an event is one of [`KEPT`].
struct Kept(bool);

impl Visit for Kept {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0 |= field.name() == "event" && KEPT.contains(&value);
    }

    fn record_debug(&mut self, _field: &Field, _value: &dyn Debug) {}
}

#[derive(Default)]
struct Texts {
    event: String,
    message: String,
    fields: Vec<(String, String)>,
}

impl Texts {
    fn take(&mut self, field: &Field, text: String) {
        match field.name() {
            "event" => self.event = text,
            "message" => self.message = text,
            name => self.fields.push((name.strip_prefix("r#").unwrap_or(name).to_owned(), text)),
        }
    }
}

impl Visit for Texts {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.take(field, shown(format_args!("{value}")));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.take(field, shown(format_args!("{value:?}")));
    }
}

/// A text without control characters, and not too long.
fn shown(text: std::fmt::Arguments<'_>) -> String {
    let mut shown = String::new();
    // What can't be formatted is cut where that shows.
    let _ = Escape::new(&mut shown, TEXT_BYTES).write_fmt(text);
    shown
}

#[cfg(test)]
mod tests {
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    const DOCUMENTED: &str = include_str!("../../docs/events.md");

    fn recent(log: impl FnOnce()) -> RecentEvents {
        let recent = RecentEvents::default();
        tracing::subscriber::with_default(tracing_subscriber::registry().with(recent.clone()), log);
        recent
    }

    #[test]
    fn events_that_are_kept_are_documented() {
        for name in KEPT {
            assert!(DOCUMENTED.contains(&format!("\n| `{name}` |")), "{name}");
        }
    }

    #[test]
    fn an_event_has_its_name_its_message_and_its_fields() {
        let recent = recent(|| {
            tracing::warn!(event = "backend-ejected", pool = "a\nb", backend = %"ü", r#type = ?Some(1), "ejected");
            tracing::warn!(event = "request-failed", "not kept");
        });
        let (events, last) = recent.after(0);
        assert_eq!((events.len(), last), (1, 1));
        let fields = [("pool", "a\\nb"), ("backend", "ü"), ("type", "Some(1)")];
        assert_eq!(events[0].fields, fields.map(|(name, text)| (name.to_owned(), text.to_owned())));
        assert_eq!((&*events[0].event, &*events[0].message), ("backend-ejected", "ejected"));
    }

    #[test]
    fn the_last_thousand_are_kept_and_the_known_ones_are_left_out() {
        let recent = recent(|| {
            for number in 0..1_500 {
                tracing::info!(event = "backend-healthy", number, "up");
            }
        });
        let numbers = |seq| {
            let (events, last) = recent.after(seq);
            (events.first().map(|event| event.seq), events.len(), last)
        };
        assert_eq!(numbers(0), (Some(501), 1_000, 1_500));
        assert_eq!(numbers(1_498), (Some(1_499), 2, 1_500));
        assert_eq!(numbers(1_500), (None, 0, 1_500));
        assert_eq!(numbers(9_999), (Some(501), 1_000, 1_500), "counted by another process");
    }
}
