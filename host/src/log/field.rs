//! Which of an event's fields say what kind of event it is.

use std::fmt::{self, Debug, Write};
use std::hash::{DefaultHasher, Hash, Hasher};

use tracing::Event;
use tracing::field::{Field, Visit};

/// Fields that tell kinds of events from each other. All others are particulars, such as a peer's port.
const KIND: [&str; 12] = [
    "address", "backend", "error", "key", "kind", "label", "listener", "name", "pool", "reason", "route",
    "worker",
];

/// A number for the event's kind: where it is logged, and the fields of [`KIND`].
pub(super) fn kind(event: &Event<'_>) -> u64 {
    let mut kind = Kind(DefaultHasher::new());
    event.metadata().callsite().hash(&mut kind.0);
    event.record(&mut kind);
    kind.0.finish()
}

struct Kind(DefaultHasher);

impl Visit for Kind {
    fn record_str(&mut self, field: &Field, value: &str) {
        if KIND.contains(&field.name()) {
            value.hash(&mut self.0);
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if KIND.contains(&field.name()) {
            // Nothing fails, and nothing is allocated.
            let _ = write!(self, "{value:?}");
        }
    }
}

impl Write for Kind {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.write(text.as_bytes());
        Ok(())
    }
}
